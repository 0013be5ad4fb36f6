"""The terminal in which tests run full-screen programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.children import has_ended
from tests.support.screen import Screen
from tests.support.terminal import terminal
from tests.support.waiting import wait_until

PYTHON = {"PATH": os.defpath}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        pytest.param("ab\x1b[6n", "\x1b[1;3R", id="cursor"),
        pytest.param("\x1b[?2026$p", "\x1b[?2026;2$y", id="a known mode"),
        pytest.param("\x1b[?1016$p", "\x1b[?1016;0$y", id="an unknown mode"),
        pytest.param("\x1b[>0q", "\x1bP>|screen of a test\x1b\\", id="name"),
        pytest.param("\x1b]11;?\x07", "\x1b]11;rgb:0000/0000/0000\x1b\\", id="background"),
        pytest.param("\x1b]4;7;?\x1b\\", "\x1b]4;7;rgb:ffff/ffff/ffff\x1b\\", id="palette"),
        pytest.param("\x1bP+q4d73\x1b\\", "\x1bP0+r\x1b\\", id="capability"),
        pytest.param("\x1b[18t", "\x1b[8;5;20t", id="size"),
        pytest.param("\x1b[?u", "", id="kitty keyboard, which is not there"),
    ],
)
def test_a_query_is_answered_as_a_plain_terminal_would(query: str, answer: str) -> None:
    answers: list[str] = []
    screen = Screen(5, 20, answers.append)

    screen.feed(query.encode())

    assert "".join(answers) == answer


def test_a_control_string_in_two_pieces_is_not_drawn() -> None:
    screen = Screen(2, 20, lambda _: None)

    for piece in ("one \x1b]66;w=1", "; \x07two\x1b[38;2;1", ";2;3m three\xe2\x96"):
        screen.feed(piece.encode("latin-1"))
    screen.feed(b"\x84\x1b[>4;1m\x1b[4:3m")

    assert screen.lines == ["one two three▄", ""]


def test_a_program_sees_keys_and_size_and_the_person_what_it_prints(tmp_path: Path) -> None:
    script = "import os; print(os.get_terminal_size(), os.ttyname(0)); print(input() + '!')"

    with terminal([sys.executable, "-c", script], env=PYTHON, cwd=tmp_path) as before:
        before.wait_for_text("columns=120, lines=40")
        before.type("hello\n")
        before.wait_for_text("hello!")

        assert before.wait_for_end() == 0


def test_ctrl_c_reaches_the_program_as_from_a_keyboard(tmp_path: Path) -> None:
    script = "try: input(print('ready') or '')\nexcept KeyboardInterrupt: print('got it')"

    with terminal([sys.executable, "-c", script], env=PYTHON, cwd=tmp_path) as before:
        before.wait_for_text("ready")
        before.press("ctrl+c")

        before.wait_for_text("got it")


def test_a_program_and_its_children_end_with_the_block(tmp_path: Path) -> None:
    script = "(trap '' HUP TERM; exec sleep 600) & echo child $! ready; wait"

    with terminal(["/bin/sh", "-c", script], env=PYTHON, cwd=tmp_path) as before:
        before.wait_for_text("ready")
        child = int(before.text.split()[1])
        os.kill(before.process.pid, 9)

    wait_until(lambda: has_ended(child), 5, "the child to be gone")
