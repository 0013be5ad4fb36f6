"""Rows of the store as the values that they stand for; raises ValueError and BadEntry."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rotator.clock import from_iso, to_iso
from rotator.core.logins.credential_secrets import why_useless
from rotator.core.logins.token_lines import about
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Digest,
    Doubt,
    HomeName,
    Identity,
    Limit,
    PendingRefresh,
    Replaced,
    Slot,
    Standing,
    SwapMark,
    Tenure,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret

Row = Mapping[str, Any]

# Before there was this program.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def account_of(row: Row, part_limits: Sequence[Limit] = ()) -> Account:
    """Return the account that a row stands for."""
    credential = parse_entry(row["provider"], Secret(row["entry"]))
    doubts = tuple(_doubt(word) for word in row["maybe"].split()) if row["maybe"] else ()
    in_use = about(doubts, credential)
    return Account(
        id=AccountId(row["id"]),
        provider=row["provider"],
        alias=row["alias"],
        credential=credential,
        captured_at=from_iso(row["captured_at"]),
        identity=row["identity"],
        identity_key=row["identity_key"],
        disabled=row["disabled"],
        rejected=row["rejected"] or why_useless(credential),
        limit=None if row["limit_state"] is None else _limit_of(row, "limit_"),
        last_used_at=_time(row["last_used_at"]),
        plan=row["plan"],
        refresh_allowed=bool(row["refresh_allowed"]),
        group=row["shared_by"],
        part_limits=tuple(part_limits),
        unproven=bool(row["unproven"]),
        maybe=in_use[-1].newer if in_use else None,
        doubts=doubts,
    )


def _doubt(text: str) -> Doubt:
    newer, came_as, of, *_ = f"{text}::".split(":")
    return Doubt(AccountId(newer), came_as, of)


def part_limit_of(row: Row) -> Limit:
    """Return the limit on a model that a row stands for."""
    return _limit_of(row, "", row["model"])


def _limit_of(row: Row, prefix: str, model: str | None = None) -> Limit:
    return Limit(
        AccountState.EXHAUSTED if row[f"{prefix}state"] == "exhausted" else AccountState.COOLING,
        from_iso(row[f"{prefix}until"]),
        row[f"{prefix}reason"] or "",
        row[f"{prefix}strikes"],
        since=_time(row[f"{prefix}since"]),
        is_stated=bool(row[f"{prefix}stated"]),
        model=model,
        is_own=bool(row[f"{prefix}own"]),
        # What is about one model is about nothing else.
        asked=row["limit_asked"] if model is None else None,
        is_uncounted=bool(row[f"{prefix}uncounted"]),
    )


def limit_values(limit: Limit) -> tuple[object, ...]:
    """Return what a row has of a limit, in the order of its columns up to `uncounted`."""
    since = None if limit.since is None else to_iso(limit.since)
    return (
        *(limit.state.value, to_iso(limit.until), limit.reason, limit.strikes),
        *(since, int(limit.is_stated), int(limit.is_own), 1 if limit.is_uncounted else None),
    )


def tenure_of(row: Row) -> Tenure:
    """Return the tenure that a row stands for."""
    return Tenure(row["account"], from_iso(row["since"]))


def standing_of(row: Row) -> Standing:
    """Return what a row says of a login in a home that has several."""
    return Standing(
        HomeName(row["home"]),
        row["slot"],
        row["provider"],
        row["account"],
        row["label"],
        bool(row["active"]),
        Digest(row["digest"]),
        _time(row["left_at"]),
    )


def slot_of(row: Row, tenures: Sequence[Tenure]) -> Slot:
    """Return the slot that a row stands for."""
    mark = None
    if row["swap_at"] is not None:
        mark = SwapMark(
            row["swap_left"],
            row["swap_put"],
            from_iso(row["swap_at"]),
            row["swap_left_entry"],
            bool(row["swap_left_expired"]),
            row["swap_rounds"],
        )
    overload_at, rejected_at = _time(row["overload_swap_at"]), _time(row["rejected_at"])
    return Slot(row["provider"], row["active"], tuple(tenures), mark, overload_at, rejected_at)


def replaced_of(provider: str, row: Row) -> Replaced:
    """Return the replaced tokens of a provider's account that a row stands for."""
    credential = parse_entry(provider, Secret(row["entry"]))
    who = Identity(row["identity_key"], row["identity"], row["plan"], row["shared_by"])
    return Replaced(row["number"], credential, from_iso(row["at"]), who, bool(row["loose"]))


def refresh_of(row: Row) -> PendingRefresh:
    """Return the refresh under way that a row stands for."""
    kept = None if row["answer"] is None else Secret(row["answer"])
    begun_at, attempts = from_iso(row["begun_at"]), row["attempts"]
    return PendingRefresh(AccountId(row["account"]), Digest(row["spent"]), begun_at, attempts, kept)


def time_or(otherwise: datetime, text: str) -> datetime:
    """Return a time, or another one where it is damaged: that costs itself alone."""
    with contextlib.suppress(ValueError):
        return from_iso(text)
    return otherwise


def _time(text: str | None) -> datetime | None:
    return from_iso(text) if text else None
