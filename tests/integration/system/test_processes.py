"""Other processes, told from /proc."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.system import processes
from rotator.system.processes import (
    ATTACH,
    COMMAND,
    _is_named_opencode,
    _is_pure,
    _is_second,
    _ProcessDetails,
    find_opencodes,
    is_running,
    kind_of,
    start_ticks,
    started,
)
from tests.support.bridge_tools import SOURCES
from tests.support.live import NOON
from tests.support.opencode_binary import opencode_binary


def test_a_process_is_known_by_the_time_it_started() -> None:
    before = datetime.now(UTC)
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        at, ticks = started(child.pid), start_ticks(child.pid)
        assert child.stdin is not None
        child.stdin.write(b"\n")

    # The kernel counts in hundredths of a second and rounds down.
    tick = timedelta(seconds=0.02)
    assert at is not None
    assert before - tick <= at <= datetime.now(UTC)
    assert ticks is not None
    assert int(ticks) > 0


def test_a_process_that_is_gone_has_no_start() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass

    assert start_ticks(child.pid) is None
    assert started(child.pid) is None
    assert not is_running(child.pid)
    assert is_running(os.getpid())


def test_no_number_of_a_process_is_too_odd_to_ask_about() -> None:
    assert not is_running(0)
    assert not is_running(-1)
    assert not is_running(2**80)


# What follows `opencode`, which command 1.18.33 takes it for (None: its default, the TUI), and
# what that is here. tests/e2e/test_command_line.py asks the real one.
LINES = [
    ("", None, "tui"),
    ("serve --port 0", "serve", "serve"),
    ("web", "web", "serve"),
    ("acp --cwd /x", "acp", "serve"),
    ("run serve", "run", "run"),
    ("run -- --attach http://x", "run", "run"),
    ("serve run", "serve", "serve"),
    ("foo serve", None, "tui"),
    ("serv", None, "tui"),
    ("'' serve", None, "tui"),
    ("- serve", None, "tui"),
    ("-5 serve", None, "tui"),
    ("-- serve", None, "tui"),
    ("--print-logs --log-level DEBUG serve", "serve", "serve"),
    ("--log-level=DEBUG --pure serve", "serve", "serve"),
    ("--log-level serve", None, "tui"),
    ("--printLogs serve", "serve", "serve"),
    ("--pure false web", "web", "serve"),
    ("--no-pure serve", "serve", "serve"),
    ("--print-logs=serve", None, "tui"),
    ("--print-logs yes serve", None, "tui"),
    ("--prompt run", None, "tui"),
    ("--prompt=run", None, "tui"),
    ("--prompt serve run hi", "run", "run"),
    ("--prompt '' serve", "serve", "serve"),
    ("--prompt --pure serve", "serve", "serve"),
    ("--prompt -1 serve", "serve", "serve"),
    ("--prompt -x serve", None, "tui"),
    ("--port 4096 serve", "serve", "serve"),
    ("--fork serve", None, "tui"),
    ("-c run x", None, "tui"),
    ("-c=run serve", "serve", "serve"),
    ("-m openai/gpt run hi", "run", "run"),
    ("-mopenai/gpt run hi", "run", "run"),
    ("-n5 run hi", "run", "run"),
    ("-sses run", None, "tui"),
    ("--cors a b serve", None, "tui"),
    ("attach http://x", "attach", ATTACH),
    ("--session=x attach http://x", "attach", ATTACH),
    ("run --attach http://x hi", "run", ATTACH),
    ("run hi --attach=http://x", "run", ATTACH),
    ("--attach http://x run hi", "run", ATTACH),
    ("run --title --attach http://x", "run", ATTACH),
    ("run --attach= hi", "run", "run"),
    ("run --attach --title x", "run", "run"),
    ("run --attached http://x", "run", "run"),
    ("--attach run hi", None, "tui"),
    ("github run", "github", "run"),
    ("github install", "github", COMMAND),
    ("auth login -p openai", "auth", COMMAND),
    ("--pure providers list", "providers", COMMAND),
    ("plug x", "plugin", COMMAND),
    ("console login", "console", COMMAND),
    ("pr 7", "pr", COMMAND),
]


@pytest.mark.parametrize(("line", "_command", "kind"), LINES)
def test_the_kind_of_an_opencode_is_in_its_command_line(
    line: str, _command: str | None, kind: str
) -> None:
    words = shlex.split(line)

    assert kind_of(["/usr/bin/opencode", *words]) == kind
    assert kind_of(["node", "/usr/lib/node_modules/opencode-ai/bin/opencode", *words]) == kind


def test_what_only_says_something_ends_by_itself() -> None:
    assert kind_of([]) == "tui"
    for words in (["--version"], ["serve", "--help"], ["-h", "run"]):
        assert kind_of(["opencode", *words]) == COMMAND
    assert kind_of(["opencode", "run", "--", "--help"]) == "run"


def test_the_bridge_has_the_same_rules_for_its_command_line() -> None:
    rules = f"import {{ processKind }} from {json.dumps(str(SOURCES / 'core' / 'environment.js'))};"
    lines = json.dumps([shlex.split(line) for line, _, _ in LINES])
    script = f"{rules}\nconst kinds = {lines}.map((one) => processKind(['bun', 'x', ...one]));"
    ended = subprocess.run(
        [opencode_binary(), "-e", f"{script} console.log(JSON.stringify(kinds))"],
        env={**os.environ, "BUN_BE_BUN": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )

    # No client and no command asks for anything there: they are as one that a person looks at.
    expected = [kind if kind in {"run", "serve"} else "tui" for _, _, kind in LINES]
    clients = {n for n, (_, name, kind) in enumerate(LINES) if (name, kind) == ("run", ATTACH)}
    told = [kind for n, kind in enumerate(json.loads(ended.stdout)) if n not in clients]
    assert told == [kind for n, kind in enumerate(expected) if n not in clients]


@pytest.mark.parametrize(
    ("words", "variable", "is_pure"),
    [
        ("serve --pure", "", True),
        ("--pure=true run x", "", True),
        ("serve --pure false", "", False),
        ("serve --pure --no-pure", "", False),
        ("serve --pure=false", "", False),
        ("run -- --pure", "", False),
        ("serve --pure false", "yes", True),
        ("serve", "1", True),
        ("serve", "no", False),
    ],
)
def test_an_opencode_may_be_told_to_load_no_plug_ins(
    words: str, variable: str, *, is_pure: bool
) -> None:
    assert _is_pure(["opencode", *shlex.split(words)], {"OPENCODE_PURE": variable}) is is_pure


SECOND = [
    ("/x/@opencode/cli-linux-x64-baseline/bin/opencode", "serve", {}),
    ("/x/@opencode-ai/cli-linux-x64/bin/opencode", "", {}),
    ("/usr/bin/opencode2", "run x", {}),
    ("/usr/bin/opencode", "serve --service", {}),
    ("/usr/bin/opencode", "serve --stdio --port 0", {}),
    ("/usr/bin/opencode", "service start", {}),
    ("{folder}/bin/opencode", "", {"bin/../package.json": {"version": "2.0.15"}}),
    ("/usr/bin/opencode", "", {"state/opencode/service.json": {"pid": 7, "version": "2.0.20"}}),
]
FIRST = [
    ("/usr/bin/opencode", "serve", {}),
    ("/usr/bin/opencode", "opencode2", {}),
    ("/x/opencode-ai/bin/opencode.exe", "run opencode2 @opencode/cli --service", {}),
    ("{folder}/bin/opencode", "", {"package.json": {"version": "1.18.33"}}),
    ("{folder}/bin/opencode", "", {"package.json": [2]}),
    ("/usr/bin/opencode", "", {"state/opencode/service.json": {"pid": 8, "version": "2.0.20"}}),
    ("/usr/bin/opencode", "", {"state/opencode/service.json": {"pid": 7, "version": "1.9"}}),
]


@pytest.mark.parametrize(
    ("program", "words", "files", "is_second"),
    [*((*one, True) for one in SECOND), *((*one, False) for one in FIRST)],
)
def test_an_opencode_2_is_told_from_an_older_one(
    tmp_path: Path, program: str, words: str, files: dict[str, object], *, is_second: bool
) -> None:
    (tmp_path / "bin").mkdir()
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    program = program.format(folder=tmp_path)
    seen = _ProcessDetails(7, ["opencode", *shlex.split(words)], [], NOON, environ, None, program)

    assert _is_second(seen) is is_second
    assert _is_second(replace(seen, environ=None)) is (is_second and "state/" not in str(files))


@pytest.mark.parametrize(
    ("words", "is_opencode"),
    [
        (["opencode", "run"], True),
        (["node", "/usr/lib/opencode"], True),
        (["/venvs/opencode-rotator/bin/python", "/venvs/opencode-rotator/bin/rotator"], False),
        (["/src/opencode-rotator/.venv/bin/python", "-m", "rotator", "watch"], False),
        (["/opt/opencode-tools/bin/rotator", "watch"], False),
    ],
)
def test_a_process_of_ours_is_no_opencode_whatever_its_folder_is_called(
    words: Sequence[str], *, is_opencode: bool
) -> None:
    assert _is_named_opencode("name", words) is is_opencode


@pytest.mark.parametrize("loses_them", ["before", "meanwhile"])
def test_one_that_ends_is_not_taken_for_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loses_them: str
) -> None:
    """The kernel takes its words and environment away before it closes its files (exit_mm)."""
    data, folder = tmp_path / "data", tmp_path / "proc" / str(os.getpid())
    (folder / "fd").mkdir(parents=True)
    (folder / "fd" / "3").symlink_to(data / "opencode.db")
    (folder / "comm").write_text("opencode\n")
    (folder / "environ").write_bytes(b"HOME=/home/ada\0")
    words = folder / "cmdline"
    words.write_bytes(b"opencode\0serve\0")
    monkeypatch.setattr(processes, "_PROC", tmp_path / "proc")
    assert [process.kind for process in find_opencodes(data)] == ["serve"]

    if loses_them == "before":
        words.write_bytes(b"")
        (folder / "environ").write_bytes(b"")
    else:

        def ends(_: Path) -> None:
            words.write_bytes(b"")

        monkeypatch.setattr(processes, "_environment", ends)

    assert find_opencodes(data) == []


@pytest.mark.parametrize(
    ("program", "is_found"),
    [
        ("/opt/bin/opencode", True),
        ("/opt/bin/opencode (deleted)", True),
        ("/opt/opencode/bin/node", False),
    ],
)
def test_one_that_is_called_by_another_name_is_known_by_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, *, is_found: bool
) -> None:
    data, folder = tmp_path / "data", tmp_path / "proc" / str(os.getpid())
    (folder / "fd").mkdir(parents=True)
    (folder / "fd" / "3").symlink_to(data / "opencode.db")
    (folder / "exe").symlink_to(program)
    (folder / "comm").write_text("oc\n")
    (folder / "environ").write_bytes(b"HOME=/home/ada\0")
    (folder / "cmdline").write_bytes(b"oc\0serve\0")
    monkeypatch.setattr(processes, "_PROC", tmp_path / "proc")

    assert [process.kind for process in find_opencodes(data)] == ["serve"] * is_found
