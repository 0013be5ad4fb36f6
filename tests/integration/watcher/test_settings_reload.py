"""A running watcher takes changed settings up and says so; `status` says what is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rotator.context import open_context
from rotator.model.preferences import Strategy
from rotator.services.status import read_status
from rotator.settings.edit import set_value
from rotator.system.paths import Paths, find_paths
from rotator.watcher.daemon import Daemon
from tests.support.config_files import write_config
from tests.support.household import Household
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

SECONDS = 10.0
WRONG = "failover.strategy: must be one of sticky, ordered, headroom, drain, not 'drani'"


@pytest.fixture
def paths(home: Path) -> Paths:
    del home
    return find_paths()


@contextmanager
def running(paths: Paths) -> Iterator[None]:
    """Run a watcher in a thread of the test."""
    ready, made = threading.Event(), list[Daemon]()
    # While there is none the watcher looks at everything again and again.
    paths.auth_file.parent.mkdir(parents=True)
    paths.auth_file.write_text("{}")

    def work() -> None:
        with open_context(paths) as context:
            made.append(Daemon(context))
            made[0].run(ready.set)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(SECONDS)
        yield
    finally:
        made[0].stop()
        thread.join(SECONDS)


def told(paths: Paths) -> list[tuple[str, str]]:
    """Return the events so far, each with its reason."""
    with open_context(paths) as context:
        return [(one.event.kind.value, one.event.why or "") for one in context.history.read()]


def wait_for(paths: Paths, count: int) -> None:
    wait_until(lambda: len(told(paths)) >= count, SECONDS, f"event {count}")


def test_what_holds_when_a_watcher_starts_is_no_change(paths: Paths) -> None:
    write_config(paths.config_file, "failover.strategy = 'drain'\n")

    with running(paths):
        pass

    assert told(paths) == []


def test_a_file_that_comes_into_being_changes_and_goes_is_taken_up(paths: Paths) -> None:
    with running(paths):
        write_config(paths.config_file, "failover.strategy = 'drain'\n")
        wait_for(paths, 1)
        set_value(paths, "dashboard.key", "none")
        wait_for(paths, 2)
        paths.config_file.unlink()
        wait_for(paths, 3)

    assert told(paths) == [
        ("changed", "settings were changed: failover.strategy"),
        ("changed", "settings were changed: dashboard.key"),
        ("changed", "settings were changed: failover.strategy, dashboard.key"),
    ]


def test_a_file_behind_a_link_is_taken_up_too(paths: Paths, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "rotator.toml"
    write_config(target, "# kept elsewhere\n")
    paths.config.mkdir(parents=True)
    paths.config_file.symlink_to(target)

    with running(paths):
        began = time.monotonic()
        write_config(target, "[[priority]]\nprovider = 'openai'\nmodel = 'gpt-5'\n")
        wait_for(paths, 1)
        took_seconds = time.monotonic() - began

    assert told(paths) == [("changed", "settings were changed: priority")]
    # Every five seconds it would look without being told.
    assert took_seconds < 4


def test_what_is_wrong_is_told_once_and_stands_in_the_status_until_it_is_mended(
    paths: Paths,
) -> None:
    write_config(paths.config_file, "failover.strategy = 'drain'\n")
    with running(paths):
        write_config(paths.config_file, "failover.strategy = 'drani'\n")
        wait_for(paths, 1)
        with open_context(paths) as context:
            problems, kept = read_status(context).problems, context.preferences()
        write_config(paths.config_file, "failover.strategy = 'ordered'\n")
        wait_for(paths, 2)
    with open_context(paths) as context:
        after = read_status(context).problems

    sentence = f"config.toml: {WRONG} (line 1, column 21); the last good settings hold"
    assert told(paths) == [
        ("problem", sentence),
        ("changed", "settings were changed: failover.strategy"),
    ]
    assert (kept.failover.strategy, problems, after) == (Strategy.DRAIN, (sentence,), ())


def test_the_watcher_s_process_takes_up_what_is_written_by_hand_and_by_command(
    tmp_path: Path,
) -> None:
    house = Household(tmp_path)
    paths = find_paths(house.env())
    house.write_auth({})

    with watcher(house):
        began = time.monotonic()
        write_config(paths.config_file, "# by hand\n[failover]\nwait_for_reset = true\n")
        wait_for(paths, 1)
        took_seconds = time.monotonic() - began
        ended = rotator(house, "config", "set", "failover.strategy", "drain")
        wait_for(paths, 2)

    assert (ended.code, ended.stderr, took_seconds < 4) == (0, "", True)
    assert [why for _, why in told(paths)] == [
        "settings were changed: failover.wait_for_reset",
        "settings were changed: failover.strategy",
    ]
