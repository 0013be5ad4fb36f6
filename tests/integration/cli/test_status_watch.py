"""`rotator status --watch` in a terminal and in a pipe: what changes is shown, and it ends well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.context import Context, open_context
from rotator.model import AccountState, Limit
from rotator.system.locks import watch_lock
from rotator.system.paths import Paths, find_paths, private_folder
from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.rotator_process import rotator
from tests.support.terminal import terminal
from tests.support.waiting import wait_until

SECONDS = 30.0
# Sooner than it looks by itself: so a file has told of it.
SOON_SECONDS = 10.0
WATCH = (sys.executable, "-m", "rotator", "status", "--watch")
KEY = {"acme": {"type": "api", "key": "KEY-CANARY-a"}}


@pytest.fixture
def house(home: Path) -> Household:
    house = Household(home)
    house.write_auth(KEY)
    return house


def paths_of(house: Household) -> Paths:
    return find_paths(house.env())


@contextmanager
def opened(house: Household) -> Iterator[Context]:
    with open_context(paths_of(house)) as context:
        yield context


def limit(house: Household, **left: float) -> None:
    """Let the only account rest, as another program does it."""
    with opened(house) as context:
        (account,) = context.store.state().accounts
        until = context.clock() + timedelta(**left)
        with context.store.transaction():
            context.store.set_limit(account.id, Limit(AccountState.EXHAUSTED, until, "429"))
        context.notify_changed()


def test_a_terminal_shows_each_change_in_its_place_and_ctrl_c_ends_it(house: Household) -> None:
    with terminal(WATCH, env=house.env(), cwd=house.home) as before:
        before.wait_for_text("acme-1 ready; 1 of 1 ready")
        limit(house, minutes=90)
        before.wait_for_text("(in 1 h 30 min); 0 of 1 ready")
        for entries, text in (({}, "no live login"), (KEY, "acme-1 exh"), ({}, "no live login")):
            house.replace_auth(entries)
            before.wait_for_text(text, SOON_SECONDS)
        shown = before.text
        before.press("ctrl+c")
        code = before.wait_for_end()

    assert code == 0
    assert shown.count("watcher") == 1
    assert "acme-1 ready" not in shown
    assert b"KEY-CANARY" not in before.raw


def test_a_pipe_gets_plain_blocks_and_sigterm_ends_it(house: Household) -> None:
    with child([*WATCH], env=house.env(), cwd=house.home) as process:
        lines = Lines(process)
        lines.wait_for("acme-1 ready", SECONDS)
        for days in (2, 3, 4):
            limit(house, days=days, seconds=-1)
            lines.wait_for(f"(in {days} d)", SOON_SECONDS)
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)
        lines.join()

    blocks = "\n".join(lines.seen).split("\n\n")
    assert code == 0
    assert [block.split()[0] for block in blocks] == ["watcher"] * 4
    assert "\x1b" not in "".join(lines.seen)


def test_json_is_one_object_a_line_and_a_watcher_that_comes_is_seen(house: Household) -> None:
    with child([*WATCH, "--json"], env=house.env(), cwd=house.home) as process:
        lines = Lines(process)
        first = json.loads(lines.wait_for("{", SECONDS))
        paths = paths_of(house)
        with watch_lock(private_folder(paths.state) / paths.watch_lock.name):
            with opened(house) as context:
                context.notify_changed()
            second = json.loads(lines.wait_for("{", SECONDS))

    assert (first["watcher"]["running"], second["watcher"]["running"]) == (False, True)
    assert first["schema"] == second["schema"] == 1


def test_a_closed_pipe_ends_it_without_a_word(house: Household) -> None:
    read, write = os.pipe()
    process = subprocess.Popen(WATCH, stdout=write, stderr=subprocess.PIPE, env=house.env())
    os.close(write)
    try:
        wait_until(lambda: b"acme" in os.read(read, 65536), SECONDS, "the first text")
        os.close(read)
        _, said = process.communicate(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()

    assert (process.returncode, said) == (0, b"")


def test_to_look_once_and_to_go_on_are_two_things(house: Household) -> None:
    ended = rotator(house, "status", "--watch", "--check")

    assert ended.code == 2
    assert "--check looks once, --watch goes on" in ended.stderr
