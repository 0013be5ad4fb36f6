"""What gave an opencode a key of its own is known after its end, when a line may be read (B1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.model import Signal
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.install import bridge_file, bridge_source
from rotator.opencode.log import LoggedFailure
from rotator.system.processes import Opencode
from rotator.watcher.logged_failures import LoggedFailures
from rotator.watcher.remembered_keys import RememberedKeys
from tests.support.live import Live, api, open_live, opencode_running
from tests.support.log_lines import run_line

OWN = {"provider": {"acme": {"options": {"apiKey": "KEY-CANARY-own"}}}}
NAME = "OPENCODE_CONFIG_CONTENT"
WHY = f"acme: {NAME} gives a key of its own"


class Log:
    """The log's side of a watcher, and whom it has blamed."""

    def __init__(self, live: Live, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.live = live
        self.blamed: list[Signal] = []
        self.seconds = 100.0
        self.lines = LoggedFailures(
            live.context, Exchange(live.paths), self.blamed.append, lambda: self.seconds
        )
        self.folder = folder
        self._monkeypatch = monkeypatch

    def written(self) -> None:
        """Write a line into the log, which the watcher hears of."""
        self.write()
        self.lines.see_opencodes()

    def write(self) -> None:
        folder = self.live.paths.opencode_logs
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "opencode.log").open("a") as file:
            file.write("message=loading\n")

    def runs(self, during: Callable[[], None]) -> datetime:
        """Let an opencode with a key of its own run meanwhile; return when it failed."""
        self._monkeypatch.setenv(NAME, json.dumps(OWN))
        with opencode_running(self.live.paths, self.folder):
            self._monkeypatch.delenv(NAME)
            during()
            at = self.live.clock.now = datetime.now(UTC)
        self.live.clock.pass_time(seconds=1)
        return at

    def fails(self, at: datetime, provider: str = "acme", run: str | None = None) -> None:
        said = "Rate limit reached"
        line = LoggedFailure(at, provider, "m1", "ses_1", small=False, message=said)
        self.lines.hear(replace(line, began_at=at, run=run))

    def said(self) -> list[str]:
        return [event.why for event in self.live.events() if event.kind == "problem"]


@pytest.fixture
def log(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setenv("HOME", str(home))
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC) - timedelta(minutes=30)
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield Log(live, tmp_path, monkeypatch)


def test_b1_a_line_that_is_read_after_its_process_has_ended_blames_nobody(log: Log) -> None:
    at = log.runs(log.written)

    log.fails(at)

    assert log.blamed == []
    (why,) = log.said()
    assert why.startswith(WHY)


def test_b1_a_process_that_has_ended_before_says_nothing_of_a_later_line(log: Log) -> None:
    at = log.runs(log.written)
    log.lines.see_opencodes()
    log.live.clock.pass_time(minutes=5)
    log.fails(at + timedelta(minutes=4))

    assert (len(log.blamed), log.said()) == (1, [])


def test_b1_a_process_that_was_never_seen_says_nothing(log: Log) -> None:
    """It wrote nothing: this is what the test above would be without the look."""
    at = log.runs(log.lines.see_opencodes)
    log.fails(at)

    assert (len(log.blamed), log.said()) == (1, [])


def configured(log: Log) -> Path:
    """Let the user's own configuration give a key; return its file."""
    file = log.live.paths.opencode_config / "opencode.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(OWN))
    return file


def test_b1_a_key_that_is_taken_out_of_a_file_stays_in_an_opencode_that_runs(log: Log) -> None:
    file = configured(log)
    with opencode_running(log.live.paths, log.folder):
        log.written()
        file.unlink()
        log.fails(datetime.now(UTC))
        log.fails(datetime.now(UTC), "other")

    assert log.blamed == []
    (why,) = log.said()
    assert why.startswith(f"acme: {file} (as it was while that opencode ran) may give a key")


def test_b1_another_one_that_began_without_it_does_not_have_it(log: Log) -> None:
    file = configured(log)
    with opencode_running(log.live.paths, log.folder):
        log.written()
    log.lines.see_opencodes()
    file.unlink()
    log.live.clock.now = datetime.now(UTC) + timedelta(minutes=5)
    with opencode_running(log.live.paths, log.folder):
        log.fails(log.live.clock.now)

    assert (len(log.blamed), log.said()) == (1, [])


@pytest.mark.parametrize("how", ["cut", "much"])
def test_b1_a_folder_of_which_the_log_does_not_tell_any_more_is_remembered(
    log: Log, how: str
) -> None:
    used = log.folder / "used"
    used.mkdir()
    (used / "opencode.json").write_text(json.dumps(OWN))
    path = log.live.paths.opencode_logs / "opencode.log"
    with opencode_running(log.live.paths, log.folder):
        log.written()
        at = datetime.now(UTC)
        path.write_text(run_line("a1", at, f'"creating instance" directory={used}'))
        log.seconds += 1
        log.lines.see_opencodes()
        path.write_text("" if how == "cut" else run_line("b2", at, "published") * 80_000)
        log.fails(datetime.now(UTC), run="a1")

    assert log.blamed == []
    (why,) = log.said()
    assert why.startswith(f"acme: {used / 'opencode.json'} gives a key")


def counted(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> tuple[RememberedKeys, list[int], list[float]]:
    """Return what looks at opencodes, its looks so far, and its clock."""
    looks: list[int] = []
    now = [100.0]

    def look(*_: object) -> list[Opencode]:
        looks.append(1)
        return []

    monkeypatch.setattr("rotator.watcher.remembered_keys.opencodes_without_bridge", look)
    keys = RememberedKeys(log.live.context, Exchange(log.live.paths), lambda: now[0])
    return keys, looks, now


def test_where_the_bridge_is_installed_it_looks_seldom(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bridge_file(log.live.paths).path
    path.parent.mkdir(parents=True)
    path.write_bytes(bridge_source())
    keys, looks, now = counted(log, monkeypatch)
    for _ in range(61):
        log.write()
        keys.look()
        now[0] += 1

    assert len(looks) == 1 + 1 + 1


def test_it_looks_once_a_second_at_most_and_only_where_something_was_written(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, looks, now = counted(log, monkeypatch)
    log.write()
    keys.look()
    log.write()
    keys.look()
    assert len(looks) == 1
    now[0] += 1
    keys.look()
    assert len(looks) == 1 + 1
    now[0] += 1
    keys.look()
    assert len(looks) == 1 + 1
