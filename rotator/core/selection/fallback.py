"""What becomes of a turn whose provider has nobody left: another provider, a wait, or its error.

Pure. Only a bridge can let a turn go on elsewhere or hold it; everybody else gets `pass`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rotator.core.selection.places import within_reach
from rotator.core.selection.policy import first_free
from rotator.core.selection.routing import next_route
from rotator.model import (
    Account,
    Event,
    EventKind,
    Route,
    Signal,
    Source,
    State,
    Verdict,
    VerdictKind,
)
from rotator.wording import moment_in_full

# Opencodes before which a person sits, or a program that waits for one.
_HELD = {"tui", "serve", "web"}
# The longest that a bridge waits before it asks anew.
LONGEST_WAIT = timedelta(seconds=60)
# A rest that is over is over for everybody's clock.
_MARGIN = timedelta(milliseconds=200)

PASS = Verdict(VerdictKind.PASS)


def fall_back(
    state: State, signal: Signal, account: Account, since: datetime, now: datetime
) -> tuple[Verdict, tuple[Event, ...]]:
    """Return the verdict on a request that no account of its provider can answer, and the news.

    `since` is when this request began to wait.
    """
    if signal.source is not Source.BRIDGE or signal.model is None or not state.balancing:
        return PASS, ()
    failed = Route(signal.provider, signal.model)
    whole, state = state, within_reach(state, signal, account)
    way = next_route(state, state.preferences, failed, signal.left, now)
    if way.route is not None:
        note = way.note
        if len(state.accounts) < len(whole.accounts):
            note = f"{note} (of those that its request can go on with)"
        verdict = Verdict(VerdictKind.REROUTE, to=way.route, note=note)
        # A title goes on elsewhere as well, and is no news.
        events = () if signal.aside else (_rerouted(account, way.route, way.why, now),)
        return verdict, events
    return _wait(state, signal, since, now), ()


def first_recovery(state: State, signal: Signal, now: datetime) -> tuple[Account, datetime] | None:
    """Return who is the first that can go on with a turn, here or elsewhere, and when."""
    elsewhere = [
        Route(priority.provider, priority.model)
        for priority in state.preferences.priorities
        if priority.enabled
        and priority.model is not None
        and priority.provider not in {*signal.left}
    ]
    here = Route(signal.provider, signal.model or "")
    pairs = [first_free(state, route.provider, now, route.model) for route in (here, *elsewhere)]
    return min((pair for pair in pairs if pair is not None), key=lambda pair: pair[1], default=None)


def _wait(state: State, signal: Signal, since: datetime, now: datetime) -> Verdict:
    wanted = state.failover
    if not wanted.wait_for_reset or signal.opencode not in _HELD or signal.aside:
        return PASS
    back = first_recovery(state, signal, now)
    if back is None or back[1] - since > timedelta(seconds=wanted.max_wait_seconds):
        return PASS
    account, at = back
    note = f"every account is used up; {account.name} is first at {moment_in_full(at)}"
    return wait_until(at, now, note)


def wait_until(at: datetime, now: datetime, note: str | None = None) -> Verdict:
    """Return the verdict that holds a request until a rest is over, as far as one can."""
    left = min(at - now + _MARGIN, LONGEST_WAIT)
    milliseconds = int(left / timedelta(milliseconds=1))
    return Verdict(VerdictKind.WAIT, wait_ms=milliseconds, note=note)


def _rerouted(account: Account, to: Route, why: str, now: datetime) -> Event:
    kind = EventKind.REROUTED
    return Event(now, kind, account.provider, account.name, why=why, detail=f"to {to.name}")
