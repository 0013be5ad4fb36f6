"""The threads behind the screen: one worker's jobs, their failures, and what wakes the reader."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from rotator.context import Context, open_context
from rotator.errors import StoreDamaged, StoreError, UsageError
from rotator.system.paths import Paths, find_paths
from rotator.tui.jobs.file_events import FileEvents
from rotator.tui.jobs.runner import JobRunner
from rotator.tui.jobs.worker import Worker
from rotator.tui.model import effects as do
from rotator.tui.model.messages import JobFinished, Message, StoreUnreadable, WorldRead
from tests.support.holders import writing_into
from tests.support.live import Live, api, open_live
from tests.support.waiting import wait_until

SECONDS = 20.0


class Opening:
    """Opens a number, one more each time; some of its times fail."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.opened = self.closed = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[int]:
        self.opened += 1
        if self.failures:
            raise self.failures.pop(0)
        try:
            yield self.opened
        finally:
            self.closed += 1


@contextlib.contextmanager
def working(
    opening: Opening, spare: Callable[[], None] = lambda: None
) -> Iterator[tuple[Worker[int], queue.SimpleQueue[Message]]]:
    posted: queue.SimpleQueue[Message] = queue.SimpleQueue()
    worker = Worker("w", opening, posted.put, spare=spare, spare_seconds=0.01)
    worker.start()
    try:
        yield worker, posted
    finally:
        assert ends(worker)


def ends(worker: Worker[int], patience_seconds: float = SECONDS) -> bool:
    worker.tell_to_end()
    return worker.ends_within(patience_seconds)


def said(number: int) -> Message:
    return StoreUnreadable(f"opened {number}")


def test_jobs_are_done_in_order_with_what_is_opened_once() -> None:
    opening = Opening()

    with working(opening) as (worker, posted):
        for name in "ab":
            worker.submit(lambda opened, name=name: StoreUnreadable(f"{name}{opened}"))  # type: ignore[misc]  # a default
        found = [posted.get(timeout=SECONDS) for _ in "ab"]

    assert found == [StoreUnreadable("a1"), StoreUnreadable("b1")]
    assert (opening.opened, opening.closed) == (1, 1)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        pytest.param(7, JobFinished(7, "no; try", failed=True), id="work on screen"),
        pytest.param(None, StoreUnreadable("no; try"), id="a look at the store"),
    ],
)
def test_a_failure_becomes_a_message_and_the_next_job_is_done(
    number: int | None, message: Message
) -> None:
    def fails(_: int) -> Message:
        raise UsageError("no", hint="try")

    with working(Opening()) as (worker, posted):
        worker.submit(fails, number)
        worker.submit(said)

        assert posted.get(timeout=SECONDS) == message
        assert posted.get(timeout=SECONDS) == StoreUnreadable("opened 1")


def test_a_fault_of_ours_is_told_without_its_words() -> None:
    def fails(_: int) -> Message:
        raise KeyError("its words")

    with working(Opening()) as (worker, posted):
        worker.submit(fails, 1)

        assert posted.get(timeout=SECONDS) == JobFinished(
            1, "an error of ours: KeyError", failed=True
        )


def test_what_could_not_be_opened_is_opened_by_the_next_job() -> None:
    with working(Opening(StoreError("locked"))) as (worker, posted):
        worker.submit(said)
        worker.submit(said)

        assert posted.get(timeout=SECONDS) == StoreUnreadable("locked")
        assert posted.get(timeout=SECONDS) == StoreUnreadable("opened 2")


def test_a_damaged_store_is_opened_anew_which_mends_it() -> None:
    damage = [StoreDamaged("damaged")]

    def reads(opened: int) -> Message:
        if damage:
            raise damage.pop()
        return said(opened)

    with working(Opening()) as (worker, posted):
        worker.submit(reads)

        assert posted.get(timeout=SECONDS) == StoreUnreadable("opened 2")


def test_who_has_nothing_to_do_is_told_so_from_time_to_time() -> None:
    spare = threading.Event()

    with working(Opening(), spare.set):
        assert spare.wait(SECONDS)


def test_a_worker_that_was_never_started_ends_at_once() -> None:
    assert ends(Worker("w", Opening(), lambda _: None), 0)


# -- what wakes the reader -------------------------------------------------------------------------


def looks_after(paths: Paths, change: Callable[[], object]) -> bool:
    """Tell whether the feed asks for a look after a change."""
    looks: queue.SimpleQueue[None] = queue.SimpleQueue()
    feed = FileEvents(paths, lambda: looks.put(None))
    feed.start()
    try:
        # The first look is for what fell between.
        looks.get(timeout=SECONDS)
        wait_until(looks.empty, SECONDS, "the first looks")
        change()
        looks.get(timeout=5)
    except queue.Empty:
        return False
    finally:
        feed.end()
    return True


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield live


@pytest.mark.parametrize("what", ["the store", "the settings", "an event"])
def test_a_change_elsewhere_asks_for_a_look(live: Live, what: str) -> None:
    context = live.context
    context.paths.config.mkdir(parents=True, exist_ok=True)
    changes: dict[str, Callable[[], object]] = {
        "the store": context.notify_changed,
        "the settings": lambda: context.paths.config_file.write_text(""),
        "an event": lambda: context.record([live.events()[0]]),
    }

    assert looks_after(context.paths, changes[what])


@contextlib.contextmanager
def a_crew(home: Path) -> Iterator[tuple[JobRunner, Callable[[str], None]]]:
    """Run a crew, and give what waits until an account is seen to be live."""
    paths = find_paths({"HOME": str(home)})
    posted: queue.SimpleQueue[Message] = queue.SimpleQueue()

    @contextlib.contextmanager
    def opened() -> Iterator[Context]:
        with open_context(paths) as context:
            yield context

    def wait_for(alias: str) -> None:
        def is_live() -> bool:
            message = posted.get(timeout=SECONDS)
            return isinstance(message, WorldRead) and any(
                row.alias == alias and row.active for row in message.world.rows
            )

        wait_until(is_live, SECONDS, f"{alias} to be live")

    crew = JobRunner(paths, opened, posted.put)
    crew.start()
    try:
        yield crew, wait_for
    finally:
        assert crew.end()


def test_the_crew_reads_acts_and_reads_again(live: Live, home: Path) -> None:
    with a_crew(home) as (crew, wait_for):
        wait_for("acme-2")
        crew.follow()
        crew.carry_out(do.Activate(1, "acme", "acme-1"))
        wait_for("acme-1")

    assert live.active("acme") == "acme-1"


def test_a_login_that_stands_in_auth_json_is_saved_without_a_watcher(
    live: Live, home: Path
) -> None:
    live.write({"acme": api("c")})

    with a_crew(home) as (crew, wait_for):
        crew.follow()
        wait_for("acme-3")


def test_a_store_that_somebody_writes_into_is_shown_as_it_is(live: Live, home: Path) -> None:
    live.write({"acme": api("c")})

    posted: list[Message] = []
    crew = JobRunner(
        live.paths, partial(open_context, find_paths({"HOME": str(home)})), posted.append
    )
    with writing_into(live.paths.store):
        crew.start()
        crew.follow()
        assert crew.end()

    assert not any(isinstance(message, StoreUnreadable) for message in posted)


def test_who_only_asks_is_not_waited_for() -> None:
    asked, answer = threading.Event(), threading.Event()

    def asks(opened: int) -> Message:
        asked.set()
        answer.wait(SECONDS)
        return said(opened)

    with working(Opening()) as (worker, posted):
        worker.submit(asks)
        worker.submit(said)
        asked.wait(SECONDS)
        ended_at_once = ends(worker, 0.01)
        answer.set()

        assert not ended_at_once
        assert ends(worker)
        assert posted.qsize() == 1
