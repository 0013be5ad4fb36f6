"""When the tokens of a parked login are refreshed by us, and why not.

Pure: no I/O, no clock. A refresh token is valid once, so whoever sends it must be the only one:
opencode refreshes the account in auth.json, we refresh the others, and never one that an opencode
may still have in its hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from rotator.clock import is_within
from rotator.core.selection.limit_lifts import is_lifted
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Limit,
    PendingRefresh,
    Slot,
    State,
)
from rotator.provider import RefreshCall
from rotator.wording import moment_in_full

# An access token with less left than this is refreshed before its account is activated.
NEARLY_OUT = timedelta(minutes=2)
# An opencode may still be refreshing an account that has just left auth.json.
HANDS_OFF = timedelta(minutes=2)
# A token that was sent without an answer is sent once more after the first, once more after the
# second, and then left to opencode.
SEND_AGAIN_AFTER = (timedelta(minutes=1), timedelta(hours=1))
# Whoever's refresh is refused rests for longer than an opencode may still be at it, and twice as
# long each time; a vendor in trouble is asked again sooner than one that does not say why.
FIRST_REST_AFTER_REFUSAL = HANDS_OFF + timedelta(minutes=1)
LONGEST_REST_IN_TROUBLE = timedelta(minutes=30)
LONGEST_REST_AFTER_REFUSAL = timedelta(hours=8)
_REFUSING, _FAILING = 400, 500
# They say nothing about who asks.
_PASSING = frozenset({408, 425, 429})
REFUSED = "its vendor refused opencode new tokens"
# By RFC 6749 and by what several vendors call the same: the refresh token is no good any more.
_DEAD_STATUSES = frozenset({400, 401})
_DEAD_CODES = frozenset(
    {
        "invalid_grant",
        "invalid_refresh_token",
        "refresh_token_expired",
        "refresh_token_invalidated",
        "refresh_token_not_found",
        "refresh_token_reused",
        "refresh_token_revoked",
    }
)


def dead_code(status: int, said: Mapping[str, object]) -> str | None:
    """Return the code by which a refused refresh says that the login is dead, whoever the vendor.

    It stands in one of the usual places of the answer, or of the error inside.
    """
    if status not in _DEAD_STATUSES:
        return None
    inner = said.get("error")
    parts = [said, inner] if isinstance(inner, Mapping) else [said]
    codes = (part.get(name) for part in parts for name in ("error", "code", "error_code"))
    return next((code for code in codes if isinstance(code, str) and code in _DEAD_CODES), None)


def rest_after_refusal(limit: Limit | None, status: int | None, now: datetime) -> timedelta:
    """Return how long an account rests whose refresh was refused without a word that it is dead.

    `limit` is its last one: where that was for the same, and nothing new has come since, it rests
    twice as long. Only a refusal of the request itself (a 4xx) can be for good.
    """
    is_about_login = status is None or (_REFUSING <= status < _FAILING and status not in _PASSING)
    longest = LONGEST_REST_AFTER_REFUSAL if is_about_login else LONGEST_REST_IN_TROUBLE
    if limit is None or limit.reason != REFUSED or limit.since is None or is_lifted(limit):
        return FIRST_REST_AFTER_REFUSAL
    if now < limit.until:
        return limit.until - now
    return min(max((limit.until - limit.since) * 2, FIRST_REST_AFTER_REFUSAL), longest)


def wants_refresh(account: Account, now: datetime) -> bool:
    """Tell whether the account's access token has run out, or nearly so."""
    expires_at = account.credential.expires_at
    return expires_at is not None and expires_at - now < NEARLY_OUT


def refresh_obstacle(
    state: State, account: Account, call: RefreshCall | str, now: datetime
) -> str | None:
    """Return why we do not refresh the account at `now`, or None when nothing stands in the way.

    Whether it needs it is another question: `wants_refresh`.
    """
    if isinstance(call, str):
        return call
    if account.rejected is not None or account.spent_from is not None:
        return f"{account.alias} needs a login"
    if account.maybe is not None:
        return f"{account.alias} may be the same login as another account"
    return _passing_obstacle(state, account, call, now)


def _passing_obstacle(
    state: State, account: Account, call: RefreshCall, now: datetime
) -> str | None:
    slot = state.slot(account.provider)
    left_at = _left_at(slot, account.id)
    pending = state.refreshes.get(account.id)
    if slot.active == account.id:
        return f"{account.alias} is live: opencode refreshes it"
    if left_at is not None and is_within(HANDS_OFF, left_at, now):
        return f"{account.alias} left auth.json a moment ago: an opencode may be refreshing it"
    elsewhere = _elsewhere(state, account, now)
    if elsewhere is not None:
        return elsewhere
    if call.consent is not None and not account.refresh_allowed:
        return call.consent
    if call.not_before is not None and now < call.not_before:
        return f"{account.alias} may not be refreshed before {moment_in_full(call.not_before)}"
    if pending is not None and not is_due(pending, now):
        return f"{account.alias}: {NOT_CONFIRMED}"
    return None


def _elsewhere(state: State, account: Account, now: datetime) -> str | None:
    """Return why OpenCode 2 may be refreshing the account, or None."""
    for standing in state.standings_of(account.id):
        home = standing.home.value
        if standing.active:
            return f"{account.alias} is active in {home}: OpenCode refreshes it"
        if standing.left_at is not None and is_within(HANDS_OFF, standing.left_at, now):
            return f"{account.alias} was active in {home} a moment ago: OpenCode may refresh it"
    return None


def is_spent_for_good(state: State, account: Account, now: datetime) -> bool:
    """Tell whether nobody hands on any more what came for its refresh token.

    An opencode writes what it got for the token of the account where its logins are: in
    auth.json, in its database, or where it has just left them.
    """
    if account.spent_from is None or account.spent_from > now:
        return False
    left = [
        _left_at(state.slot(account.provider), account.id),
        *(standing.left_at for standing in state.standings_of(account.id)),
    ]
    return not any(at is not None and is_within(HANDS_OFF, at, now) for at in left)


def is_due(pending: PendingRefresh, now: datetime) -> bool:
    """Tell whether a token whose answer never came may be sent again."""
    due_at = due_again_at(pending)
    return due_at is not None and not is_within(due_at - pending.begun_at, pending.begun_at, now)


def due_again_at(pending: PendingRefresh) -> datetime | None:
    """Return when a token that got no answer is sent again; None: not by us any more."""
    if pending.attempts > len(SEND_AGAIN_AFTER):
        return None
    return pending.begun_at + SEND_AGAIN_AFTER[pending.attempts - 1]


def is_refresh_unconfirmed(account: Account, now: datetime) -> bool:
    """Tell whether the account rests because its vendor did not say what became of its tokens."""
    is_resting = account.state_at(now) is AccountState.COOLING
    return is_resting and account.reason_at(now) == NOT_CONFIRMED


def rest_after_unconfirmed(
    account: Account, pending: PendingRefresh, now: datetime
) -> Limit | None:
    """Return how long an account rests whose refresh was not confirmed; None: not at all.

    Also while its access token is good: where it is put in, opencode sends the refresh token once
    that has run out. A rest for another reason that lasts longer stays.
    """
    due_at = due_again_at(pending)
    if due_at is None or is_due(pending, now) or account.credential.expires_at is None:
        return None
    if account.limit is not None and account.limit.until >= due_at:
        return None
    return Limit(AccountState.COOLING, due_at, NOT_CONFIRMED, since=pending.begun_at)


def _left_at(slot: Slot, account: AccountId) -> datetime | None:
    """Return when the account last left the slot, or None where nobody knows."""
    left = [
        after.since
        for before, after in zip(slot.tenures, slot.tenures[1:], strict=False)
        if before.account == account and after.account != account
    ]
    return left[-1] if left else None
