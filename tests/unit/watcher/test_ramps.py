"""Requests that failed or waited together are sent again over a second."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.model import Digest, Signal, Verdict, VerdictKind
from rotator.watcher.ramps import Ramps
from tests.support.builders import ACME, NOW, SECOND, a_signal, an_account

A = an_account("a")
RETRY = Verdict(VerdictKind.RETRY, Digest("b" * 64))


def asked(number: int, provider: str = ACME, **fields: object) -> Signal:
    return replace(a_signal(A), request=f"r-{number}", provider=provider, **fields)  # type: ignore[arg-type]  # any field


def wait(milliseconds: int) -> Verdict:
    return Verdict(VerdictKind.WAIT, wait_ms=milliseconds)


def sent_at(ramps: Ramps, signal: Signal, now: datetime = NOW) -> datetime:
    """Return when a request is sent that asks anew after each wait, as a bridge does."""
    verdict = ramps.placed(signal, RETRY, now)
    while verdict.kind is VerdictKind.WAIT:
        now += timedelta(milliseconds=verdict.wait_ms)
        verdict = ramps.placed(replace(signal, waited=True), RETRY, now)
    assert verdict == RETRY
    return now


def test_the_first_one_is_sent_at_once_and_the_next_ones_in_between() -> None:
    ramps = Ramps()

    verdicts = [ramps.placed(asked(number), RETRY, NOW) for number in range(4)]

    assert verdicts == [RETRY, wait(500), wait(250), wait(750)]


def test_fifty_are_sent_over_a_second_each_after_one_wait() -> None:
    ramps = Ramps()

    times = sorted(sent_at(ramps, asked(number)) - NOW for number in range(50))

    assert times[0] == timedelta(0)
    assert SECOND / 2 < times[-1] < SECOND
    in_each_tenth = [sum(n <= t / SECOND * 10 < n + 1 for t in times) for n in range(10)]
    assert max(in_each_tenth) <= 8


def test_whoever_asks_a_little_early_is_sent() -> None:
    ramps = Ramps()
    ramps.placed(asked(1), RETRY, NOW)
    ramps.placed(asked(2), RETRY, NOW)

    early = NOW + timedelta(milliseconds=490)

    assert ramps.placed(asked(2, waited=True), RETRY, early) == RETRY


def test_one_that_fails_anew_gets_another_place() -> None:
    ramps = Ramps()
    for number in range(2):
        ramps.placed(asked(number), RETRY, NOW)

    assert ramps.placed(asked(1), RETRY, NOW) == wait(250)


def test_a_conversation_that_was_sent_and_is_refused_again_waits_for_no_place() -> None:
    ramps = Ramps()
    ramps.placed(asked(1, session="ses_alone"), RETRY, NOW)

    # The next account of the same request, then the next request of the same turn.
    again = [asked(1, session="ses_alone"), asked(2, session="ses_alone")]
    moments = [NOW + timedelta(milliseconds=n) for n in (80, 240)]

    verdicts = [ramps.placed(s, RETRY, at) for s, at in zip(again, moments, strict=True)]
    assert verdicts == [RETRY, RETRY]


def test_others_keep_their_places_while_one_is_refused_again_and_again() -> None:
    ramps = Ramps()
    for number in range(2):
        ramps.placed(asked(number, session=f"ses_{number}"), RETRY, NOW)
    later = NOW + timedelta(milliseconds=100)
    ramps.placed(asked(0, session="ses_0"), RETRY, later)

    assert ramps.placed(asked(2, session="ses_2"), RETRY, later) == wait(150)


def test_who_has_not_been_sent_yet_gets_a_place_of_its_own_for_a_second_request() -> None:
    ramps = Ramps()
    ramps.placed(asked(1, session="ses_1"), RETRY, NOW)
    ramps.placed(asked(2, session="ses_2"), RETRY, NOW)

    # It waits until half a second is over, and has another request beside that.
    later = NOW + timedelta(milliseconds=50)
    assert ramps.placed(asked(3, session="ses_2"), RETRY, later) == wait(200)


def test_what_comes_a_second_later_is_alone() -> None:
    ramps = Ramps()
    ramps.placed(asked(1), RETRY, NOW)

    assert ramps.placed(asked(2), RETRY, NOW + SECOND) == RETRY


@pytest.mark.parametrize("other", [{"provider": "zeta"}, {"aside": True}])
def test_a_title_and_another_provider_have_a_ramp_of_their_own(other: dict[str, object]) -> None:
    ramps = Ramps()
    ramps.placed(asked(1), RETRY, NOW)

    assert ramps.placed(asked(2, **other), RETRY, NOW) == RETRY  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(VerdictKind.PASS),
        Verdict(VerdictKind.ACK, wait_ms=20_000),
        wait(700),
        replace(RETRY, drop="reasoning"),
    ],
)
def test_every_other_verdict_is_as_it_was(verdict: Verdict) -> None:
    ramps = Ramps()
    ramps.placed(asked(1), RETRY, NOW)

    assert ramps.placed(asked(2), verdict, NOW) == verdict


def test_a_clock_that_is_set_back_holds_nobody() -> None:
    ramps = Ramps()
    for number in range(2):
        ramps.placed(asked(number), RETRY, NOW)

    assert ramps.placed(asked(1, waited=True), RETRY, NOW - 60 * SECOND) == RETRY


def test_thousands_find_their_places_again() -> None:
    ramps = Ramps()

    for number in range(5000):
        ramps.placed(asked(number), RETRY, NOW)

    assert sent_at(ramps, asked(4999, waited=True), NOW + SECOND) == NOW + SECOND
    # The oldest of so many is forgotten, and gets another place, once.
    assert sent_at(ramps, asked(3, waited=True), NOW + 2 * SECOND) == NOW + 2 * SECOND
