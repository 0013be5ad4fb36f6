"""Answers that were none, as bridges tell them, through the watcher's entry: F1, F2, F3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.core.failures.reported_failures import StoppedWait
from rotator.model import AccountState, EventKind, Limit
from rotator.model.preferences import Failover, Preferences
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.log import LoggedFailure
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.signals import SignalHandler
from rotator.watcher.usage_poller import UsagePoller
from tests.support.inbox import answered
from tests.support.live import Live, api, open_live

ONE, TWO = "acme/acme-1", "acme/acme-2"
LIMIT = '{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}'
USED_UP = '{"error":{"message":"You have reached your weekly limit."}}'


class Watched:
    """A watcher's side of one bridge, whose session asks with acme-2, the live login."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.exchange = Exchange(live.paths)
        self.refreshes = RefreshQueue(live.context, lambda: None)
        self.readings = UsagePoller(live.context, lambda: None)
        self.handler = SignalHandler(live.context, self.exchange, self.refreshes, self.readings)
        self._count = 0
        self._at = live.clock.now
        self._row: list[tuple[str, float]] = []

    def close(self) -> None:
        self.refreshes.close()
        self.readings.close()

    def tell(
        self, kind: str, *, after: float = 0.5, held: bool = True, who: str = TWO, **changes: Any
    ) -> dict[str, Any] | None:
        """Tell of one more answer of the row that was none; return the verdict on it."""
        self.live.clock.pass_time(seconds=after)
        now = (self.live.clock.now - self._at) / timedelta(milliseconds=1)
        digest = self.live.account(who).credential.digest
        self._count += 1
        fault: dict[str, Any] = {
            "status": None,
            "headers": {},
            "body": "",
            "fault": kind,
            "earlier": [{"kind": k, "ms": round(now - at)} for k, at in self._row],
            "held": held,
        }
        self._row.append((kind, now))
        at, said = self.live.clock.now, fault | changes
        return answered(self.exchange, self.handler, self._count, at, digest, **said)

    def begins_anew(self) -> None:
        """Let a good answer come."""
        self._row.clear()

    def logs(self, message: str) -> None:
        """Let opencode log a failure of the session's, whose bridge has noted the login."""
        now = self.live.clock.now
        line = LoggedFailure(now, "acme", "m1", "ses_1", small=False, message=message)
        self.handler.on_logged_failure(line)

    def said(self, kind: EventKind) -> list[str]:
        return [event.why for event in self.live.events() if event.kind is kind]


@pytest.fixture
def watched(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Return the watcher of somebody with two keys of acme."""
    monkeypatch.setenv("HOME", str(home))
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        watched = Watched(live)
        (watched.exchange.folder / "present" / "1.sessions").write_text("ses_1\n")
        yield watched
        watched.close()


def kinds_of(verdicts: list[dict[str, Any] | None]) -> list[str | None]:
    return [None if verdict is None else verdict["verdict"] for verdict in verdicts]


@pytest.mark.parametrize(
    ("kind", "body", "state"),
    [
        ("instead", LIMIT, AccountState.COOLING),
        ("instead", USED_UP, AccountState.EXHAUSTED),
        ("instead", "<html>busy</html>", AccountState.READY),
        ("empty", "", AccountState.READY),
        ("cut", "", AccountState.READY),
    ],
)
def test_f1_the_third_within_ten_seconds_lets_another_account_go_on(
    watched: Watched, kind: str, body: str, state: AccountState
) -> None:
    verdicts = [watched.tell(kind, body=body) for _ in range(3)]

    assert kinds_of(verdicts) == ["pass", "pass", "retry"]
    assert all("end" not in (verdict or {}) for verdict in verdicts)
    assert watched.live.active("acme") == "acme-1"
    assert watched.live.state_of(TWO) is state
    (why,) = watched.said(EventKind.FAILOVER)
    assert "3 times in a row" in why or state is not AccountState.READY
    assert watched.said(EventKind.PROBLEM) == []


def test_f1_three_in_more_than_ten_seconds_or_with_a_good_one_between_mean_nothing(
    watched: Watched,
) -> None:
    verdicts = [watched.tell("instead", body=LIMIT, after=5.1) for _ in range(3)]
    watched.begins_anew()
    verdicts += [watched.tell("instead", body=LIMIT) for _ in range(2)]

    assert kinds_of(verdicts) == ["pass"] * 5
    assert watched.live.state_of(TWO) is AccountState.READY
    assert watched.live.active("acme") == "acme-2"


def test_f1_with_nobody_left_the_answer_fails_and_one_event_says_so(watched: Watched) -> None:
    watched.live.context.store.set_disabled(watched.live.account(ONE).id, "by you")

    verdicts = [watched.tell("empty") for _ in range(3)]
    verdicts += [watched.tell("empty", after=seconds) for seconds in (2, 4, 8, 16, 30)]

    assert kinds_of(verdicts) == ["pass"] * 8
    ends = [(verdict or {}).get("end") for verdict in verdicts]
    assert ends[:2] == [None, None]
    assert ends[2] == (
        "[rotator] acme/acme-2: an answer was empty 3 times in a row; try again later"
    )
    assert all(ends[2:])
    (problem,) = watched.said(EventKind.PROBLEM)
    assert problem == (
        "acme/acme-2: an answer was empty 3 times in a row; nobody takes over, and opencode pauses"
    )


def test_f1_both_accounts_that_answer_nothing_are_asked_a_bounded_number_of_times(
    watched: Watched,
) -> None:
    verdicts = [watched.tell("empty") for _ in range(3)]
    watched.begins_anew()
    verdicts += [watched.tell("empty", who=ONE) for _ in range(4)]

    assert kinds_of(verdicts) == ["pass", "pass", "retry", "pass", "pass", "pass", "pass"]
    assert [bool((v or {}).get("end")) for v in verdicts] == [False] * 5 + [True] * 2


def test_f1_a_request_that_is_refused_for_itself_blames_nobody_and_ends(watched: Watched) -> None:
    body = '{"error":{"code":"context_length_exceeded","message":"too long"}}'

    verdicts = [watched.tell("instead", body=body) for _ in range(3)]

    assert watched.live.active("acme") == "acme-2"
    end = (verdicts[2] or {})["end"]
    assert end.endswith("the request itself is refused (context_length_exceeded)")
    assert "try again" not in end


def test_f1_a_swap_that_does_not_get_into_the_request_does_not_let_it_loop(
    watched: Watched,
) -> None:
    verdicts = [watched.tell("instead", body=LIMIT) for _ in range(4)]

    assert kinds_of(verdicts) == ["pass", "pass", "retry", "retry"]
    assert [bool((v or {}).get("end")) for v in verdicts] == [False, False, False, True]


def test_f2_an_error_in_a_stream_is_marked_at_once_and_only_once(watched: Watched) -> None:
    verdict = watched.tell("error", body=USED_UP, held=False)
    watched.logs("You have reached your weekly limit.")

    assert verdict is None
    assert watched.live.state_of(TWO) is AccountState.EXHAUSTED
    assert watched.live.active("acme") == "acme-1"
    assert len(watched.said(EventKind.LIMITED)) == 1
    assert not watched.handler.holds_lines


def test_f2_an_error_that_says_nothing_of_the_account_blames_nobody(watched: Watched) -> None:
    watched.tell("error", body='{"error":{"message":"Invalid tool"}}', held=False)

    assert watched.live.active("acme") == "acme-2"
    assert watched.live.state_of(TWO) is AccountState.READY


def test_trouble_at_the_provider_that_nobody_helps_with_is_no_news_at_once(
    watched: Watched,
) -> None:
    watched.live.context.store.set_disabled(watched.live.account(ONE).id, "by you")
    busy = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    for after in (0.5, 2, 4, 8):
        watched.tell("error", body=busy, held=False, after=after)

    (problem,) = watched.said(EventKind.PROBLEM)
    assert "trouble at the provider" in problem
    assert watched.live.state_of(TWO) is AccountState.READY


def test_f3_the_second_silence_lets_another_account_go_on(watched: Watched) -> None:
    first = watched.tell("stalled", held=False, after=300)
    before = watched.live.active("acme")
    second = watched.tell("stalled", held=False, after=302)

    assert (first, second) == (None, None)
    assert (before, watched.live.active("acme")) == ("acme-2", "acme-1")
    assert watched.live.state_of(TWO) is AccountState.READY
    (why,) = watched.said(EventKind.FAILOVER)
    assert "an answer did not come in time twice in a row" in why


def test_f3_with_nobody_left_an_event_says_so_once(watched: Watched) -> None:
    watched.live.context.store.set_disabled(watched.live.account(ONE).id, "by you")

    for _ in range(4):
        watched.tell("stalled", held=False, after=302)

    (problem,) = watched.said(EventKind.PROBLEM)
    assert problem.endswith("opencode tries again by itself")


def test_a_wait_that_is_over_goes_on_with_whoever_is_ready(watched: Watched) -> None:
    for _ in range(3):
        watched.tell("instead", body=LIMIT)

    verdict = watched.tell("instead", body=LIMIT, waited=True, tried=[])

    assert kinds_of([verdict]) == ["retry"]
    assert "end" not in (verdict or {})


def test_what_no_account_has_asked_for_is_left_as_it_is(watched: Watched) -> None:
    verdicts = [watched.tell("empty", credential="0" * 64) for _ in range(3)]

    assert kinds_of(verdicts) == ["pass"] * 3
    assert "end" not in (verdicts[2] or {})
    assert watched.said(EventKind.PROBLEM) == []


def test_our_own_sentence_in_opencode_s_log_blames_nobody(watched: Watched) -> None:
    watched.logs("Error: [rotator] acme/acme-2: rate limit reached; try again later")

    assert not watched.handler.holds_lines
    assert watched.live.state_of(TWO) is AccountState.READY


# -- waits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["req_1", "req_2"], ids=["its own", "another's"])
def test_no_turn_waits_any_more_once_its_bridge_says_that_it_was_stopped(
    watched: Watched, request_id: str
) -> None:
    waits = Preferences(failover=Failover(wait_for_reset=True))
    context = replace(watched.live.context, preferences=lambda: waits)
    watched.handler = SignalHandler(context, watched.exchange, watched.refreshes, watched.readings)
    until = watched.live.clock.now + timedelta(seconds=40)
    limit = Limit(AccountState.COOLING, until, "429, rate limit")
    watched.live.context.store.set_limit(watched.live.account(ONE).id, limit)
    said: dict[str, Any] = {"fault": None, "status": 429, "headers": {"retry-after": "40"}}
    verdict = watched.tell("", body=LIMIT, request="req_1", **said)
    before = watched.handler.waiting
    path = watched.exchange.inbox / "aa-5a0c1be2c34f66d1.json"
    value = {"schema": 1, "id": path.stem, "kind": "stopped", "request": request_id}
    path.write_text(json.dumps(value | {"at": "2026-11-22T12:00:01Z"}))
    told = watched.exchange.take(path)
    assert isinstance(told, StoppedWait)
    watched.handler.on_session_note(told)

    assert (verdict or {})["verdict"] == "wait"
    assert before == ["acme"]
    assert watched.handler.waiting == ([] if request_id == "req_1" else ["acme"])


def test_what_a_stopped_wait_may_say_is_read_with_care(watched: Watched) -> None:
    path = watched.exchange.inbox / "aa-5a0c1be2c34f66d1.json"
    good: dict[str, Any] = {"schema": 1, "id": path.stem, "kind": "stopped", "request": "req_1"}
    good |= {"at": "2026-11-22T12:00:01Z"}
    odd: list[dict[str, Any]] = [
        {"schema": 2},
        {"id": "x"},
        {"kind": "other"},
        {"request": 5},
        {"at": "?"},
        {"at": 5},
    ]

    for change in odd:
        path.write_text(json.dumps(good | change))
        assert watched.exchange.take(path) is None
