"""While a turn is under way a file says so, for the swaps that wait for its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher
from tests.support.upstream import Upstream, model_request

FIRST, SECOND = "ses_1", "ses_2"
BUSY, IDLE = {"type": "busy"}, {"type": "idle"}
RETRY = {"type": "retry", "attempt": 1, "message": "Rate limit reached", "next": 1}


def file_of(home: Path, process: BridgeProcess) -> Path:
    """Return where a bridge says that a turn of its opencode is under way."""
    exchange = home / ".local" / "state" / "opencode-rotator" / "bridge"
    return exchange / "present" / f"{process.pid}.busy"


@pytest.fixture
def file(home: Path, bridge: BridgeProcess) -> Path:
    """Return the file of the bridge that the test has."""
    return file_of(home, bridge)


def tell(bridge: BridgeProcess, kind: str, **properties: object) -> None:
    """Let opencode tell the bridge of something."""
    event = {"id": "evt_1", "type": kind, "properties": properties}
    bridge.run("hook", name="event", arguments=[{"event": event}])


def status(bridge: BridgeProcess, session: str, what: object) -> None:
    """Let opencode tell the bridge how a session is."""
    tell(bridge, "session.status", sessionID=session, status=what)


def test_the_file_is_there_until_the_last_turn_is_over(bridge: BridgeProcess, file: Path) -> None:
    seen = [file.exists()]
    for session, what in ((FIRST, BUSY), (SECOND, BUSY), (FIRST, RETRY), (SECOND, IDLE)):
        status(bridge, session, what)
        seen.append(file.exists())
    mode, size = file.stat().st_mode & 0o777, file.stat().st_size
    status(bridge, FIRST, IDLE)
    seen.append(file.exists())

    assert seen == [False, True, True, True, True, False]
    assert (mode, size) == (0o600, 0)


@pytest.mark.parametrize("kind", ["session.idle", "session.deleted"])
def test_a_session_that_is_idle_or_gone_is_in_no_turn(
    bridge: BridgeProcess, file: Path, kind: str
) -> None:
    status(bridge, FIRST, BUSY)
    tell(bridge, "session.error", sessionID=FIRST, error={"name": "APIError"})
    before = file.exists()

    tell(bridge, kind, sessionID=FIRST)

    assert (before, file.exists()) == (True, False)


def test_a_directory_that_is_loaded_anew_has_no_turn_and_the_others_keep_theirs(
    bridge: BridgeProcess, file: Path
) -> None:
    status(bridge, FIRST, BUSY)
    bridge.load("/other")
    kept = file.exists()

    bridge.load("/project")

    assert (kept, file.exists()) == (True, False)


def test_an_end_in_the_middle_of_a_turn_and_an_earlier_crash_leave_no_file(home: Path) -> None:
    with bridge_process(home) as process:
        file = file_of(home, process)
        file.parent.mkdir(parents=True)
        file.touch()
        process.load()
        swept = not file.exists()
        status(process, FIRST, BUSY)
        shown = file.exists()

    assert (swept, shown, file.exists()) == (True, True, False)


def test_what_cannot_be_written_or_read_disturbs_no_request(
    bridge: BridgeProcess, file: Path, upstream: Upstream, watcher: FakeWatcher
) -> None:
    for presence in file.parent.iterdir():
        presence.unlink()
    file.parent.rmdir()

    status(bridge, FIRST, BUSY)
    for odd in (None, {}, {"type": "session.status"}, {"type": "session.idle"}):
        bridge.run("hook", name="event", arguments=[{"event": odd}])
    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["status"], answer["sameResponse"]) == (200, True)
    assert not file.parent.exists()
    assert watcher.waiting() == []
