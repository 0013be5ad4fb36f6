"""The dashboard's plugin: what it registers, draws and tells, and where it stands aside."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rotator.system.liveness import SILENT_SECONDS, pid_namespace
from rotator.system.processes import start_ticks
from tests.support.tui_process import TuiProcess, tui_process
from tests.support.waiting import wait_until

SECONDS = 20.0


@pytest.fixture
def plugin(home: Path) -> Iterator[TuiProcess]:
    with tui_process(home) as process:
        yield process


def a_program(home: Path, script: str, tells_key: str = "echo f4") -> list[str]:
    """Return the words that start a program of that script, in place of ours.

    It is asked for the key first, and that is not written down.
    """
    program = home / "program"
    asked = f'if [ "$2 $3" = "bridge key" ]; then {tells_key}; exit; fi'
    program.write_text(f'#!/bin/sh\n{asked}\necho "$@" >> "{home}/started"\n{script}\n')
    program.chmod(stat.S_IRWXU)
    return [str(program), "-m"]


def started(home: Path) -> list[str]:
    file = home / "started"
    return file.read_text().splitlines() if file.exists() else []


def an_account(alias: str, **more: Any) -> dict[str, Any]:
    plain = {"active": False, "state": "ready", "until": None, "window": None, "used": None}
    return {"alias": alias} | plain | more


def after(**parts: float) -> str:
    return (datetime.now(UTC) + timedelta(**parts)).isoformat()


def an_event(number: int, at: str, **more: str) -> dict[str, Any]:
    return {"number": number, "at": at, "kind": "failover", "title": f"T{number}"} | more


def test_one_command_has_the_key_both_slash_names_and_the_palette(plugin: TuiProcess) -> None:
    plugin.load(key="f2")

    (layer,) = plugin.seen()["layers"]
    assert layer["bindings"] == [{"key": "f2", "cmd": layer["name"]}]
    assert (layer["slashName"], layer["slashAliases"]) == ("rotator", ["balancer"])
    assert (layer["namespace"], layer["title"]) == ("palette", "Open Balancer Dashboard")
    assert plugin.note | {"plugin": "", "started_at": ""} == {
        "schema": 1,
        "pid": plugin.driver.pid,
        "plugin": "",
        "opencode": "1.99.0",
        "on": True,
        "why": "",
        "started_at": "",
        "start_ticks": start_ticks(plugin.driver.pid),
        "pid_namespace": pid_namespace(),
    }


def test_without_a_key_there_is_none(plugin: TuiProcess) -> None:
    plugin.load(key="none")

    assert plugin.seen()["layers"][0]["bindings"] == []
    assert plugin.words() == ["Balancing|no watcher", "[ dashboard ]|"]


@pytest.mark.parametrize(
    ("tells_key", "key"),
    [
        ("echo f4", "f4"),
        ("echo ' ctrl+g '", "ctrl+g"),
        ("echo f4; exit 3", "f2"),
        ("true", "f2"),
        ("exec sleep 60", "f2"),
    ],
)
def test_the_key_is_the_one_that_the_program_tells_and_else_that_of_the_entry(
    plugin: TuiProcess, home: Path, tells_key: str, key: str
) -> None:
    plugin.load(key="f2", program=a_program(home, "exit 0", tells_key))

    assert plugin.seen()["layers"][0]["bindings"][0]["key"] == key
    assert plugin.words()[1] == f"[ dashboard ]|{key}"


def test_a_program_that_tells_of_no_key_leaves_none(plugin: TuiProcess, home: Path) -> None:
    plugin.load(key="f2", program=a_program(home, "exit 0", "echo none"))

    assert plugin.seen()["layers"][0]["bindings"] == []


def test_a_program_that_is_gone_leaves_the_usual_key(plugin: TuiProcess, home: Path) -> None:
    plugin.load(program=[str(home / "gone"), "-m"])

    assert plugin.seen()["layers"][0]["bindings"][0]["key"] == "ctrl+b"


@pytest.mark.parametrize(
    "lacks",
    [("keymap",), ("keymap.registerLayer",), ("renderer.suspend", "slots"), ("theme",)],
    ids=str,
)
def test_with_a_tui_that_lacks_something_nothing_is_registered(
    plugin: TuiProcess, lacks: tuple[str, ...]
) -> None:
    plugin.load(lacks=lacks)

    seen = plugin.seen()
    assert (seen["layers"], seen["slots"], seen["toasts"], seen["calls"]) == ([], 0, [], [])
    assert plugin.note["on"] is False
    assert plugin.note["why"].startswith("opencode's TUI has no ")


def test_without_the_library_of_the_tui_nothing_is_registered(home: Path) -> None:
    with tui_process(home, has_library=False) as plugin:
        plugin.load()

        assert (plugin.seen()["layers"], plugin.note["on"]) == ([], False)
        assert "@opentui/solid" in plugin.note["why"]


def test_a_tui_that_refuses_is_left_alone(plugin: TuiProcess) -> None:
    plugin.load(broken=("keymap.registerLayer",))

    assert (plugin.seen()["slots"], plugin.note["on"]) == (0, False)
    assert plugin.note["why"] == "keymap.registerLayer is another one"


def test_the_sidebar_has_a_line_for_each_account_and_how_it_stands(plugin: TuiProcess) -> None:
    plugin.load(key="ctrl+b")
    accounts = [
        an_account("work", active=True, used=0.999, window="5h"),
        an_account("plain"),
        an_account("some", used=0.42),
        an_account("cold", state="cooling", until=after(minutes=12, seconds=30)),
        an_account("gone", state="exhausted", until=after(hours=2, seconds=30)),
        an_account("back", state="exhausted", until=after(hours=-1), used=0.1),
        an_account("dead", state="rejected"),
        an_account("shut", state="disabled"),
        an_account("ninth"),
    ]
    plugin.publish(providers=[{"id": "acme", "accounts": accounts, "more": 3}])

    words = plugin.wait_for_words("acme")

    assert words == [
        "Balancing|on",
        "[ dashboard ]|ctrl+b",
        "acme",
        "● work|5h 99%",
        "○ plain|ready",
        "○ some|42%",
        "○ cold|cooling 12m",
        "○ gone|used up 2h",
        "○ back|10%",
        "○ dead|needs login",
        "○ shut|disabled",
        "  and 4 more",
    ]
    assert [line["clickable"] for line in plugin.lines()] == [
        *[False, True, False, False],
        *[True] * 7,
        False,
    ]


def test_a_long_name_leaves_room_for_the_state(plugin: TuiProcess) -> None:
    plugin.load()
    plugin.publish(providers=[{"id": "acme", "accounts": [an_account("x" * 80)]}])

    line = plugin.wait_for_words("ready")[-1]

    assert (len(line), line.endswith("…|ready")) == (36, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "another version"),
        ("[]", "another version"),
        ('{"schema": 2, "providers": [], "events": []}', "another version"),
        ('{"schema":1,"balancing":true,"providers":[7,{"id":1}],"events":[null,{}]}', "on"),
    ],
)
def test_what_is_not_understood_is_not_shown(plugin: TuiProcess, text: str, said: str) -> None:
    plugin.load()
    plugin.publish(balancing=False)
    plugin.wait_for_words("off")

    (plugin.state / "glance.json").write_text(text)

    assert plugin.wait_for_words(f"Balancing|{said}") == [
        f"Balancing|{said}",
        "[ dashboard ]|ctrl+b",
    ]
    assert plugin.note["on"]
    assert plugin.seen()["toasts"] == []


def test_a_sidebar_that_cannot_be_drawn_any_more_is_empty_and_says_why(plugin: TuiProcess) -> None:
    plugin.load()
    before = plugin.words()

    plugin.driver.run("lose_theme")

    assert (len(before), plugin.words()) == (2, [])
    assert plugin.note["on"] is False
    assert plugin.note["why"].startswith("the sidebar cannot be drawn: ")


def test_a_watcher_that_has_ended_or_is_silent_is_missed(plugin: TuiProcess) -> None:
    plugin.load()
    file = plugin.state / "glance.json"
    plugin.publish()
    plugin.wait_for_words("Balancing|on")

    # An hour ahead: of a clock that was set back since.
    for seconds in (-300, 3600):
        long_ago = time.time() + seconds
        os.utime(file, (long_ago, long_ago))
        plugin.wait_for_words("no watcher")
        plugin.publish()
        plugin.wait_for_words("Balancing|on")
    file.unlink()
    plugin.wait_for_words("no watcher")


def test_what_happens_is_told_once_and_nothing_of_before(plugin: TuiProcess) -> None:
    old = an_event(1, after(hours=-1))
    plugin.publish(events=[old])
    plugin.load()
    now = after(seconds=1)
    events = [
        old,
        an_event(2, now, text="one is limited"),
        an_event(3, now, kind="rejected", text="401"),
        an_event(4, now, kind="rerouted", text="nobody left"),
    ]

    plugin.publish(events=events)
    plugin.wait_for_toasts(3)
    plugin.publish(events=[*events, an_event(5, now, text="last")])
    told = plugin.wait_for_toasts(4)

    assert [(one["title"], one["message"], one["variant"]) for one in told] == [
        ("T2", "one is limited", "warning"),
        ("T3", "401", "error"),
        ("T4", "nobody left", "warning"),
        ("T5", "last", "warning"),
    ]
    # opencode shows one at a time: each has time to be read.
    gaps = [later["at_ms"] - one["at_ms"] for one, later in pairwise(told)]
    assert min(gaps) > 3000


def test_the_dashboard_has_the_terminal_alone_and_gives_it_back(
    plugin: TuiProcess, home: Path
) -> None:
    gate = home / "gate"
    os.mkfifo(gate)
    plugin.load(program=a_program(home, f'read line < "{gate}"'))

    plugin.driver.run("open", times=2)
    wait_until(lambda: started(home), SECONDS, "the dashboard to be started")
    open_calls = plugin.seen()["calls"]
    gate.write_text("go\n")

    wait_until(lambda: "render" in plugin.seen()["calls"], SECONDS, "the terminal to be back")
    assert started(home) == ["-m dashboard --no-suspend"]
    assert open_calls == ["suspend"]
    assert plugin.seen()["calls"] == ["suspend", "clear", "resume", "render"]


def test_an_opencode_that_ends_ends_its_dashboard(plugin: TuiProcess, home: Path) -> None:
    plugin.load(program=a_program(home, "exec sleep 25"))
    plugin.driver.run("open")
    wait_until(lambda: started(home), SECONDS, "the dashboard to be started")

    plugin.driver.run("dispose")

    wait_until(lambda: "resume" in plugin.seen()["calls"], SECONDS / 2, "the dashboard to end")


def test_a_dashboard_that_cannot_be_started_is_told(plugin: TuiProcess, home: Path) -> None:
    plugin.load(program=[str(home)])

    plugin.driver.run("open")

    (told,) = plugin.wait_for_toasts(1)
    assert (told["title"], told["variant"]) == ("The dashboard could not be opened", "error")
    assert plugin.seen()["calls"] == ["suspend", "clear", "resume", "render"]


def test_a_dashboard_that_fails_is_told(plugin: TuiProcess, home: Path) -> None:
    plugin.load(program=a_program(home, "exit 3"))

    plugin.driver.run("open")

    (told,) = plugin.wait_for_toasts(1)
    assert (told["title"], told["message"]) == (
        "The dashboard could not be opened",
        "it ended with 3",
    )


def test_a_click_on_an_account_activates_it_by_our_program(plugin: TuiProcess, home: Path) -> None:
    plugin.load(program=a_program(home, "exit 0"))
    plugin.publish(providers=[{"id": "acme", "accounts": [an_account("two")]}])
    plugin.wait_for_words("two")

    plugin.driver.run("click", text="two")

    (told,) = plugin.wait_for_toasts(1)
    assert started(home) == ["-m rotate --json -- acme two"]
    assert (told["message"], told["variant"]) == ("acme/two is live now", "success")


def test_a_click_that_fails_says_why(plugin: TuiProcess, home: Path) -> None:
    failure = '{"schema":1,"error":{"exit":2,"message":"acme/two is disabled"}}'
    plugin.load(program=a_program(home, f"echo '{failure}'; exit 2"))
    plugin.publish(providers=[{"id": "acme", "accounts": [an_account("two")]}])
    plugin.wait_for_words("two")

    plugin.driver.run("click", text="two")

    (told,) = plugin.wait_for_toasts(1)
    assert (told["message"], told["variant"]) == ("acme/two is disabled", "error")


def test_notes_go_with_their_opencode_and_what_dead_ones_left_goes_too(
    plugin: TuiProcess,
) -> None:
    folder = plugin.state / "bridge" / "tui"
    folder.mkdir(parents=True)
    for name in ("4194305.json", ".4194305.tmp"):
        (folder / name).write_text("{}")
        os.utime(folder / name, (0, 0))
    (folder / f"{os.getpid()}.json").write_text("{}")

    plugin.load()
    names = {path.name for path in folder.iterdir()}
    plugin.driver.run("dispose")

    assert names == {f"{os.getpid()}.json", f"{plugin.driver.pid}.json"}
    assert [path.name for path in folder.iterdir()] == [f"{os.getpid()}.json"]


DAY = 24 * 3600.0
ELSEWHERE = {"pid_namespace": "another-boot pid:[1]", "start_ticks": "1"}
HERE = {"pid_namespace": pid_namespace(), "start_ticks": start_ticks(os.getpid())}


@pytest.mark.parametrize(
    ("pid", "told", "age_seconds", "is_left"),
    [
        pytest.param(4194305, ELSEWHERE, 0, True, id="another container's that beats"),
        pytest.param(4194305, ELSEWHERE, 60, False, id="another container's that is silent"),
        pytest.param(os.getpid(), ELSEWHERE, 60, False, id="another container's with our pid"),
        pytest.param(4194305, {"pid_namespace": None}, 0, True, id="one that does not know where"),
        pytest.param(4194305, {}, DAY, True, id="an older version's, wherever it runs"),
        pytest.param(4194305, {}, 31 * DAY, False, id="an old one of an older version"),
        pytest.param(os.getpid(), {}, 31 * DAY, True, id="an old one whose process runs here"),
        pytest.param(os.getpid(), HERE, 60, True, id="ours"),
        pytest.param(os.getpid(), HERE | {"start_ticks": "1"}, 0, False, id="a pid used again"),
        pytest.param(4194305, HERE, 0, False, id="a dead one of ours"),
    ],
)
@pytest.mark.parametrize("more", ["", "-0123abcd"])
def test_a_note_goes_when_its_opencode_has_ended_here_or_is_silent_elsewhere(
    plugin: TuiProcess,
    pid: int,
    told: dict[str, object],
    age_seconds: float,
    more: str,
    *,
    is_left: bool,
) -> None:
    note = plugin.state / "bridge" / "tui" / f"{pid}{more}.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"schema": 1, "pid": pid} | told))
    os.utime(note, (0, time.time() - age_seconds))

    plugin.load()

    assert note.exists() is is_left


def test_a_note_beats_and_leaves_that_of_another_container_with_its_pid_alone(
    plugin: TuiProcess,
) -> None:
    folder = plugin.state / "bridge" / "tui"
    folder.mkdir(parents=True)
    theirs = folder / f"{plugin.driver.pid}.json"
    theirs.write_text(json.dumps({"schema": 1, "pid": plugin.driver.pid} | ELSEWHERE))
    plugin.load()

    (ours,) = folder.glob(f"{plugin.driver.pid}-*.json")
    os.utime(ours, (0, 0))
    wait_until(lambda: time.time() - ours.stat().st_mtime < SILENT_SECONDS, 15, "a beat")
    plugin.driver.run("dispose")

    assert json.loads(theirs.read_text())["pid_namespace"] == ELSEWHERE["pid_namespace"]
    assert list(folder.iterdir()) == [theirs]
