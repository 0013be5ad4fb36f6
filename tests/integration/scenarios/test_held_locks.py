"""Somebody keeps a lock for long: nothing that a vendor gave is lost, and a signal ends each wait.

It is somebody who is stopped (docker pause, Ctrl-Z), whose disk does not answer, or an SQLite
browser; the real commands and the real watcher wait for them.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.system.paths import Paths, find_paths
from tests.support.children import Lines, child
from tests.support.connected import Connected
from tests.support.holders import HELD, Held, holding, writing_into
from tests.support.live import api
from tests.support.rotator_process import rotator
from tests.support.signalled import HOST, NEW, OLD, PATH, SIGNALS, furnish, report_failure, saved
from tests.support.token_endpoint import Grant, Hold, TokenEndpoint
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

PROGRAM = (sys.executable, "-m", "rotator")
SECONDS = 40.0
# What a person takes for at once, on a machine that has others to serve.
AT_ONCE_SECONDS = 5.0
# Longer than any wait for the store had been, or for swap.lock.
LONG_SECONDS, LONGER_SECONDS = 7.0, 12.0
# Longer than a vendor is waited for.
ASLEEP_SECONDS = 17.0
FIRST = "REF-CANARY-A"
each_signal = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with Vendor(tmp_path) as vendor:
        yield vendor


@pytest.fixture
def hold(vendor: Vendor) -> Iterator[Hold]:
    """Yield what keeps the answer of the vendor back."""
    with Hold() as hold:
        endpoint = TokenEndpoint()
        endpoint.grant(OLD, Grant("ACC-CANARY-B-2", NEW, hold=hold))
        vendor.answer(HOST, PATH, endpoint.answer)
        yield hold


@pytest.fixture
def house(home: Path, vendor: Vendor) -> Connected:
    return furnish(home, vendor)


def paths_of(house: Connected) -> Paths:
    return find_paths(house.env())


def started(house: Connected, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *words],
        env=house.env(),
        cwd=house.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def watching(house: Connected) -> Iterator[subprocess.Popen[str]]:
    """Run a watcher that works."""
    with child([*PROGRAM, "watch"], env=house.env(), cwd=house.home) as watcher:
        Lines(watcher).wait_for("watching ", SECONDS)
        yield watcher


def live(house: Connected) -> str:
    return str(house.read_auth()["openai"]["refresh"])


def answers(house: Connected) -> list[Path]:
    return list(paths_of(house).data.glob("*answer-*"))


def wait_for_answer(house: Connected) -> None:
    wait_until(lambda: bool(answers(house)), SECONDS, "the answer beside the store")


def stays_for(seconds: float) -> None:
    """Let so long a time pass as somebody keeps a lock: what is waited for is that nothing is."""
    time.sleep(seconds)


# -- an answer that cannot be stored -------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("rotate", "openai", "b"),
        ("signal", "openai", "--status", "429", "--retry-after", "3600"),
    ],
    ids=" ".join,
)
def test_an_answer_waits_for_whoever_keeps_the_store_locked(
    house: Connected, hold: Hold, words: tuple[str, ...]
) -> None:
    with started(house, *words) as running:
        hold.wait_for_request()
        with writing_into(paths_of(house).store) as holder:
            hold.let_go()
            stays_for(LONG_SECONDS)
            assert running.poll() is None
            before = live(house)
        _, told = running.communicate(timeout=SECONDS)

    assert f"! pid {holder.pid} (" in told
    assert "holds rotator.sqlite: waiting for it" in told
    assert before == FIRST
    assert (running.returncode, live(house), saved(house), answers(house)) == (0, NEW, NEW, [])


@each_signal
def test_a_signal_ends_that_wait_and_the_next_command_takes_the_answer_in(
    house: Connected, hold: Hold, number: signal.Signals
) -> None:
    with started(house, "rotate", "openai", "b") as running:
        hold.wait_for_request()
        with writing_into(paths_of(house).store):
            hold.let_go()
            wait_for_answer(house)
            running.send_signal(number)
            code = running.wait(AT_ONCE_SECONDS)
            (kept,) = answers(house)
            mode = kept.stat().st_mode & 0o777
    rotator(house, "accounts")

    assert (code, mode) == (128 + number, 0o600)
    assert (live(house), saved(house), answers(house)) == (FIRST, NEW, [])


def test_a_watcher_that_is_told_to_end_keeps_the_answer_for_the_next_one(
    house: Connected, hold: Hold
) -> None:
    with watching(house) as watcher:
        report_failure(house, "openai", "ACC-CANARY-A")
        hold.wait_for_request()
        with writing_into(paths_of(house).store):
            hold.let_go()
            wait_for_answer(house)
            watcher.send_signal(signal.SIGTERM)
            code = watcher.wait(AT_ONCE_SECONDS)
    with watching(house):
        wait_until(lambda: saved(house) == NEW, SECONDS, "the answer to be taken in")

    assert (code, answers(house)) == (0, [])


def test_an_answer_outlives_a_process_that_is_killed_while_the_store_is_locked(
    house: Connected, hold: Hold
) -> None:
    with started(house, "rotate", "openai", "b") as running:
        hold.wait_for_request()
        with writing_into(paths_of(house).store):
            hold.let_go()
            wait_for_answer(house)
            running.kill()
            running.wait()
            # Who only looks is not kept from it.
            shown = rotator(house, "accounts")
    rotator(house, "accounts")

    assert shown.code == 0, shown.stderr
    assert (live(house), saved(house), answers(house)) == (FIRST, NEW, [])


def test_an_answer_that_comes_while_swaps_are_held_up_is_what_is_put_in(
    house: Connected, hold: Hold
) -> None:
    with started(house, "rotate", "openai", "b") as running:
        hold.wait_for_request()
        with holding(paths_of(house).swap_lock):
            hold.let_go()
            stays_for(LONGER_SECONDS)
            before = live(house)
        running.communicate(timeout=SECONDS)
    events = rotator(house, "events").stdout

    # Whose answer waits is remembered beside the store.
    assert "openai/b: has new tokens that are not in use yet: another rotator has held" in events
    assert (before, running.returncode) == (FIRST, 0)
    assert (live(house), saved(house)) == (NEW, NEW)


def test_a_watcher_uses_an_answer_that_came_while_swaps_were_held_up(
    house: Connected, hold: Hold
) -> None:
    with watching(house):
        report_failure(house, "openai", "ACC-CANARY-A")
        hold.wait_for_request()
        with holding(paths_of(house).swap_lock):
            hold.let_go()
            stays_for(LONGER_SECONDS)
        wait_until(lambda: saved(house) == NEW, SECONDS, "the answer to be used")

    assert live(house) in {FIRST, NEW}


# -- somebody who is stopped while they ask ------------------------------------------------


@pytest.mark.parametrize("is_answered_meanwhile", [True, False])
def test_whoever_was_stopped_takes_the_answer_that_came_meanwhile(
    house: Connected, hold: Hold, *, is_answered_meanwhile: bool
) -> None:
    with started(house, "rotate", "openai", "b") as running:
        hold.wait_for_request()
        running.send_signal(signal.SIGSTOP)
        if is_answered_meanwhile:
            hold.let_go()
        stays_for(ASLEEP_SECONDS)
        running.send_signal(signal.SIGCONT)
        if not is_answered_meanwhile:
            # It has read its clock by then.
            stays_for(1.0)
            hold.let_go()
        _, told = running.communicate(timeout=SECONDS)

    assert (running.returncode, live(house), saved(house)) == (0, NEW, NEW), told


def test_a_login_that_a_stopped_process_refreshes_is_put_in_by_nobody_else(
    house: Connected, hold: Hold, vendor: Vendor
) -> None:
    others = [
        ("rotate", "openai", "b"),
        ("rotate", "openai"),
        ("signal", "openai", "--status", "429", "--retry-after", "3600"),
    ]
    with started(house, "rotate", "openai", "b") as first:
        hold.wait_for_request()
        first.send_signal(signal.SIGSTOP)
        hold.let_go()
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(started(house, *words)) for words in others]
            ended = [(*p.communicate(timeout=SECONDS), p.returncode) for p in running]
        before = live(house)
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=SECONDS)

    (_, by_name, named_code), (_, by_choice, chosen_code), (_, _, signal_code) = ended
    who = f"pid {first.pid} ("
    assert (named_code, chosen_code, signal_code, before) == (4, 4, 0, FIRST)
    for told in (by_name, by_choice):
        assert f"openai/b is not put in: {who}" in told
        assert "which is stopped, is getting new tokens for it" in told
    assert len(vendor.requests) == 1
    assert (live(house), saved(house)) == (NEW, NEW)


def test_a_watcher_puts_no_login_in_that_a_stopped_process_refreshes(
    house: Connected, hold: Hold
) -> None:
    with started(house, "rotate", "openai", "b") as first:
        hold.wait_for_request()
        first.send_signal(signal.SIGSTOP)
        refusal = f"openai/b: b could not take over: pid {first.pid} ("
        try:
            with watching(house):
                report_failure(house, "openai", "ACC-CANARY-A")
                wait_until(lambda: refusal in rotator(house, "events").stdout, SECONDS, refusal)
                before = live(house)
        finally:
            first.kill()

    assert before == FIRST


# -- signals -------------------------------------------------------------------------------


COMMANDS = (("accounts",), ("rotate", "openai"), ("watch",))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("lock", HELD)
def test_a_signal_ends_every_wait_for_a_lock(
    house: Connected, lock: str, words: tuple[str, ...]
) -> None:
    # Each lock and each command meets each signal.
    number = SIGNALS[(list(HELD).index(lock) + COMMANDS.index(words)) % 3]
    # A login that has to be saved first.
    house.write_auth({"openai": house.read_auth()["openai"], "acme": api("c")})
    before = house.auth_file.read_bytes()
    with HELD[lock](paths_of(house)), started(house, *words) as running:
        assert running.stderr is not None
        said = running.stderr.readline()
        running.send_signal(number)
        code = running.wait(AT_ONCE_SECONDS)

    assert "waiting for it" in said
    assert code == (0 if words == ("watch",) else 128 + number)
    assert house.auth_file.read_bytes() == before


@pytest.mark.parametrize("held", [HELD["swap.lock"], HELD["the store"]], ids=list(HELD)[:2])
def test_a_signal_ends_a_watcher_that_waits_to_save_a_login(house: Connected, held: Held) -> None:
    with child([*PROGRAM, "watch"], env=house.env(), cwd=house.home) as watcher:
        lines = Lines(watcher)
        lines.wait_for("watching ", SECONDS)
        with held(paths_of(house)):
            house.write_auth({"openai": house.read_auth()["openai"], "acme": api("c")})
            lines.wait_for("waiting for it", SECONDS)
            watcher.send_signal(signal.SIGINT)
            code = watcher.wait(AT_ONCE_SECONDS)

    assert code == 0


def test_a_rotation_that_waits_for_the_store_has_changed_nothing_yet(house: Connected) -> None:
    house.write_auth({"acme": api("a")})
    rotator(house, "accounts")
    house.write_auth({"acme": api("b")})
    rotator(house, "accounts")
    with writing_into(paths_of(house).store), started(house, "rotate", "acme") as running:
        assert running.stderr is not None
        assert "holds rotator.sqlite: waiting for it" in running.stderr.readline()
        waiting = house.read_auth()
        running.send_signal(signal.SIGTERM)
        code = running.wait(AT_ONCE_SECONDS)

    assert (code, waiting) == (143, {"acme": api("b")})
    assert house.read_auth() == waiting
