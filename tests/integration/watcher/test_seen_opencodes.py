"""Opencodes that ran at a swap are remembered after their end: a line may be theirs (B)."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.live.swap import SwapRequest, swap
from rotator.model import Signal
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.log import LoggedFailure
from rotator.services.failure_times import OtherOpencode
from rotator.services.without_bridge import sends_unmarked
from rotator.system.processes import Opencode
from rotator.watcher.logged_failures import LoggedFailures
from rotator.watcher.seen_opencodes import SeenOpencodes
from tests.support.live import NOON, api, open_live, opencode_running
from tests.support.waiting import wait_until

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LIMITED = "Rate limit reached"


def opencode(pid: int, began_at: datetime = NOON) -> Opencode:
    return Opencode(pid, "tui", began_at)


def ended(seen: SeenOpencodes, at: datetime, now: datetime) -> list[tuple[int, bool]]:
    return [(one.opencode.pid, one.sends) for one in seen.ended(at, now)]


def test_whoever_has_ended_may_have_written_what_is_older_than_its_end() -> None:
    seen, gone = SeenOpencodes(), 2**22 + 1
    seen.look(
        [
            OtherOpencode(opencode(gone), sends=True),
            OtherOpencode(opencode(os.getpid()), sends=True),
        ],
        NOON,
    )
    before = ended(seen, NOON, NOON)

    seen.work(NOON + MINUTE)

    now = NOON + 2 * MINUTE
    assert before == []
    assert ended(seen, NOON + 59 * SECOND, now) == [(gone, True)]
    assert ended(seen, NOON + 61 * SECOND, now) == [(gone, False)]
    seen.work(NOON + timedelta(hours=2))
    assert ended(seen, NOON, NOON + timedelta(hours=2)) == []


def test_a_pid_of_another_process_is_another_opencode_and_one_missing_has_ended() -> None:
    seen, pid = SeenOpencodes(), os.getpid()
    seen.look([OtherOpencode(opencode(pid), sends=True)], NOON)

    seen.look([OtherOpencode(opencode(pid, NOON + MINUTE), sends=False)], NOON + MINUTE)
    again = ended(seen, NOON, NOON + MINUTE)
    seen.look([], NOON + 2 * MINUTE)

    assert again == [(pid, True)]
    assert ended(seen, NOON, NOON + 2 * MINUTE) == [(pid, True), (pid, False)]


def test_one_that_gets_a_bridge_may_have_sent_without_it_still() -> None:
    seen, gone = SeenOpencodes(), 2**22 + 1
    seen.look([OtherOpencode(opencode(gone), sends=True)], NOON)
    seen.look([OtherOpencode(opencode(gone), sends=False)], NOON)

    seen.work(NOON)

    assert ended(seen, NOON, NOON) == [(gone, True)]


@pytest.mark.parametrize("is_told", [True, False])
def test_b_a_line_of_one_that_ended_before_it_was_read_blames_nobody_beside_a_new_one(
    home: Path, tmp_path: Path, *, is_told: bool
) -> None:
    """Both log errors alone; the new one has begun a moment before the line."""
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
    blamed: list[Signal] = []
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC) - timedelta(hours=1)
        for name in ("a", "b"):
            live.sees({"acme": api(name)})
            live.clock.pass_time(minutes=1)
        lines = LoggedFailures(live.context, Exchange(live.paths), blamed.append)
        with opencode_running(live.paths, folders[0]):
            if is_told:
                lines.follow_swaps()
        live.clock.now = swapped = datetime.now(UTC)
        swap(live.context, SwapRequest(live.account("acme/acme-1").id, "for the test"))
        wait_until(lambda: datetime.now(UTC) - swapped > 1.2 * SECOND, 10, "the swap to be noted")
        with opencode_running(live.paths, folders[1]):
            live.clock.now = at = datetime.now(UTC)
            live.paths.opencode_logs.mkdir(parents=True, exist_ok=True)
            line = f"timestamp={at.isoformat()} level=ERROR run=af78c9df message=x\n"
            (live.paths.opencode_logs / "opencode.log").write_text(line)
            lines.hear(
                LoggedFailure(at, "acme", "m1", "s", small=False, message=LIMITED, run="af78c9df")
            )

    # It ended before the swap as far as is known to whoever was not told.
    assert len(blamed) == (0 if is_told else 1)


def test_a_folder_that_was_used_before_the_bridge_was_there_sends_without_it(home: Path) -> None:
    with open_live(home) as live:
        plugin = live.paths.opencode_config / "plugin"
        plugin.mkdir(parents=True)
        began = datetime.now(UTC)
        none = sends_unmarked(live.paths, opencode(1, began))
        (plugin / "rotator.js").write_text("// opencode-rotator bridge 1\n")
        later = datetime.now(UTC) + SECOND
        old, new = (sends_unmarked(live.paths, opencode(1, when)) for when in (began, later))

    assert (none, old) == (True, True)
    assert new is False
