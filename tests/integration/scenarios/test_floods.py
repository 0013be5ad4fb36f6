"""Case I10: however much comes at once, a failure that somebody waits for has its turn soon.

What is counted here is the work before it; how long that takes is measured by tests/bench.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.clock import to_iso
from rotator.context import open_context
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.inbox import MOST_NEW, MOST_READ, Inbox
from rotator.opencode.bridge.presence import MOST_PRESENT
from rotator.opencode.bridge.session_notes import Sessions
from rotator.opencode.log import MOST_BYTES_A_CALL, MOST_FILES, LoggedFailure, LogTail
from rotator.system.paths import find_paths
from rotator.watcher.logged_failures import LoggedFailures
from rotator.watcher.turn_ends import FILES_A_TURN, LINES_A_TURN, Turns

FLOOD = 300
NOW = to_iso(datetime(2026, 9, 1, tzinfo=UTC))
LINE = (
    f'timestamp={NOW} level=ERROR run=fffa7f6d message="stream error" providerID=mock'
    ' modelID=m1 session.id=ses_1 small=false agent=build mode=primary error.error="limited"\n'
)


class Counting(Exchange):
    """An exchange that counts how many files were looked into."""

    looked_into = 0

    def is_failure(self, path: Path) -> bool:
        self.looked_into += 1
        return super().is_failure(path)


@pytest.fixture
def exchange(home: Path) -> Counting:
    assert home.is_dir()
    return Counting(find_paths())


def put(exchange: Exchange, name: str, value: object, *, seconds_ago: float = 0.0) -> Path:
    path = exchange.inbox / f"{name}.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    at = time.time() - seconds_ago
    os.utime(path, (at, at))
    return path


FAILURE = {"schema": 1, "provider": "mock", "status": 429}
GOOD = {"schema": 1, "provider": "mock", "status": 200}
NOTE = {"schema": 1, "kind": "failed", "session": "ses_1"}


@pytest.mark.parametrize(
    "flood",
    [NOTE, GOOD, "no JSON", "[" * 5000],
    ids=["notes", "good answers", "no JSON", "deep JSON"],
)
@pytest.mark.parametrize("came", ["first", "last"])
def test_a_failure_goes_before_all_that_nobody_waits_for(
    exchange: Counting, flood: object, came: str
) -> None:
    inbox = Inbox(exchange)
    failure = exchange.inbox / "failure.json"
    if came == "first":
        put(exchange, failure.stem, FAILURE)
        inbox.look()
    for number in range(FLOOD):
        put(exchange, f"flood-{number}", flood, seconds_ago=1)
    if came == "last":
        inbox.look()
        put(exchange, failure.stem, FAILURE)
        inbox.hint(failure)

    assert inbox.next() == failure
    assert exchange.looked_into <= MOST_READ


def test_a_failure_that_no_hint_told_of_is_found_in_a_flood(exchange: Counting) -> None:
    inbox = Inbox(exchange)
    for number in range(FLOOD):
        put(exchange, f"flood-{number}", NOTE, seconds_ago=1)
    inbox.look()
    failure = put(exchange, "failure", FAILURE)

    turns = 0
    while inbox.next() != failure:
        turns += 1
        # It is looked for after a moment, not at each turn.
        time.sleep(0.02)

    assert turns <= 5


def test_who_waits_goes_before_those_who_have_gone_on(exchange: Counting) -> None:
    inbox = Inbox(exchange)
    gone = [put(exchange, f"gone-{n}", FAILURE, seconds_ago=9 - n) for n in range(3)]
    waiting = [put(exchange, f"waiting-{n}", FAILURE, seconds_ago=-n) for n in range(3)]
    note = put(exchange, "note", NOTE, seconds_ago=20)
    inbox.look()

    assert [inbox.next() for _ in range(8)] == [*waiting, *gone, note, None]


def test_what_cannot_be_taken_away_is_not_looked_at_again_and_again(exchange: Counting) -> None:
    inbox = Inbox(exchange)
    (exchange.inbox / "folder.json").mkdir()
    os.mkfifo(exchange.inbox / "pipe.json")
    put(exchange, "later", NOTE)
    inbox.look()

    found = []
    while (path := inbox.next()) is not None:
        found.append(path.name)
        time.sleep(0.06)

    assert found == ["later.json"]
    assert inbox.is_empty


def test_a_file_that_is_gone_or_large_costs_nothing_but_itself(exchange: Counting) -> None:
    inbox = Inbox(exchange)
    large = [put(exchange, f"large-{n}", "x" * 300_000) for n in range(20)]
    gone = put(exchange, "gone", FAILURE)
    inbox.look()
    gone.unlink()

    inbox.next()

    assert exchange.looked_into < len(large)
    assert all(inbox.next() != gone for _ in large)


def test_a_turn_works_a_few_files_and_a_few_lines_off(exchange: Counting) -> None:
    log = find_paths().opencode_logs / "opencode.log"
    log.parent.mkdir(parents=True)
    taken: list[Path] = []
    heard: list[tuple[LoggedFailure, bool]] = []
    tail = LogTail(log.parent)
    tail.start()
    turns = Turns(
        Inbox(exchange), tail, taken.append, lambda line, last: heard.append((line, last))
    )
    log.write_text(LINE * 20_000)
    for number in range(FLOOD):
        put(exchange, f"flood-{number}", NOTE)
    turns.inbox.look()

    turns.work_inbox()
    turns.work_log()

    assert (len(taken), len(heard)) == (FILES_A_TURN, LINES_A_TURN)
    turns.work_log()
    assert turns.has_more_lines
    # What runs is looked at once for all lines that were read together.
    assert [last for _, last in heard] == [False, True]


def test_all_of_a_flood_is_worked_off_in_the_end(exchange: Counting) -> None:
    log = find_paths().opencode_logs / "opencode.log"
    log.parent.mkdir(parents=True)
    heard: list[bool] = []
    turns = Turns(
        Inbox(exchange),
        LogTail(log.parent),
        lambda _: None,
        lambda _, last: heard.append(last),
    )
    lines = 3 * MOST_BYTES_A_CALL // len(LINE)
    log.write_text(LINE * lines)

    while turns.work_log() or turns.has_more_lines:
        pass

    assert len(heard) == lines
    assert heard.count(False) <= 5


def test_of_many_files_of_bridges_some_are_looked_at_each_time(exchange: Counting) -> None:
    present = exchange.folder / "present"
    for number in range(MOST_PRESENT + 20):
        (present / f"{number + (1 << 23)}.json").write_text("{}")

    found = exchange.present()

    assert (found, len(list(present.iterdir()))) == ([], 20)
    assert exchange.present() == []
    assert list(present.iterdir()) == []


@pytest.mark.usefixtures("exchange")
def test_a_line_that_was_read_with_the_last_one_does_not_look_at_what_runs_again() -> None:
    class Looked(Exchange):
        looks = 0

        def served_sessions(self) -> Sessions:
            self.looks += 1
            return super().served_sessions()

    at = datetime.now(UTC)
    failure = LoggedFailure(at, "mock", "m1", "ses_1", small=False, message="limited")
    with open_context(find_paths()) as context:
        looked = Looked(find_paths())
        lines = LoggedFailures(context, looked, lambda _: None)
        for with_last in (False, True, True, False):
            lines.hear(failure, with_last=with_last)

    assert looked.looks == 2


MANY = 10_000


def work_off(inbox: Inbox, path: Path) -> float:
    """Let the inbox have turns until a file has its own; return the processor's time for that."""
    began = time.process_time()
    until = time.monotonic() + 60
    while inbox.next() != path and time.monotonic() < until:
        pass
    assert time.monotonic() < until
    return time.process_time() - began


@pytest.mark.parametrize("kind", ["notes", "hidden names", "folders"])
def test_a_failure_that_no_hint_told_of_costs_little_in_a_very_full_inbox(
    exchange: Counting, kind: str
) -> None:
    inbox = Inbox(exchange)
    for number in range(MANY):
        if kind == "folders":
            (exchange.inbox / f"flood-{number}.json").mkdir()
        else:
            name = f"flood-{number}.json" if kind == "notes" else f".flood-{number}.tmp"
            (exchange.inbox / name).write_text('{"schema": 1, "kind": "failed"}')
    # Whoever waits began to wait after them.
    inbox.look()
    put(exchange, "first", FAILURE)
    inbox.look()
    work_off(inbox, exchange.inbox / "first.json")

    costs = []
    for number in range(5):
        failure = put(exchange, f"failure-{number}", FAILURE)
        inbox.hint(failure)
        costs.append(work_off(inbox, failure))

    assert max(costs) < 0.15


def test_no_look_asks_about_more_than_some_files(exchange: Counting) -> None:
    inbox = Inbox(exchange)
    for number in range(2 * MOST_NEW + 50):
        put(exchange, f"flood-{number}", NOTE)
    inbox.look()

    found = set()
    while (path := inbox.next()) is not None:
        found.add(path)
        path.unlink()

    assert len(found) == 2 * MOST_NEW + 50
    assert inbox.is_empty


def test_leftovers_are_swept_some_at_a_time(exchange: Counting) -> None:
    for number in range(1500):
        os.utime(put(exchange, f".left-{number}", NOTE), (0, 0))

    exchange.sweep()
    left = len(exchange.names())
    exchange.sweep()

    assert (left, exchange.names()) == (500, set())


def logs(count: int) -> LogTail:
    folder = find_paths().opencode_logs
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"2026-01-01T{number:06}.log").write_text(LINE)
    tail = LogTail(folder)
    tail.start()
    return tail


def test_of_many_log_files_the_newest_are_followed(home: Path) -> None:
    assert home.is_dir()
    tail = logs(MANY)
    log = find_paths().opencode_logs / "opencode.log"

    began = time.process_time()
    for number in range(5):
        with log.open("a") as file:
            file.write(LINE)
        assert len(tail.read_new()) == 1, number

    assert time.process_time() - began < 0.5


def test_an_older_log_that_there_is_room_for_again_is_no_news(home: Path) -> None:
    assert home.is_dir()
    tail = logs(MOST_FILES + 5)
    folder = find_paths().opencode_logs
    assert tail.read_new() == []
    for path in sorted(folder.iterdir())[-10:]:
        path.unlink()

    assert tail.read_new() == []
    oldest = min(folder.iterdir())
    with oldest.open("a") as file:
        file.write(LINE)
    assert len(tail.read_new()) == 1


def test_full_lists_of_sessions_cost_a_line_of_the_log_little(exchange: Counting) -> None:
    present = exchange.folder / "present"
    for number in range(256):
        lines = "\n".join(f"ses_{number}_{n}" for n in range(9000))
        (present / f"{number + (1 << 23)}.sessions").write_text(lines)

    began = time.process_time()
    served = exchange.served_sessions()
    found = [session in served for session in ("ses_0_0", "ses_255_7", "ses_", "ses_0_0\n", "no")]

    assert found == [True, True, False, False, False]
    assert time.process_time() - began < 0.5
