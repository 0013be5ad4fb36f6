"""What a module gave, if all of it can be stored, compared and shown.

Raises TypeError, ValueError and AttributeError of what is not as it has to be.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from rotator.core.logins.nobody import is_placeholder, names_nobody
from rotator.model import Balance, Finding, Identity, Meaning, Reach, Scope, Snapshot, Window
from rotator.text import sanitize

Value = TypeVar("Value")
_MOST_WINDOWS = 64


def checked(value: object, kind: type[Value]) -> Value:
    """Return what a module gave if it is what the module has to give."""
    if not isinstance(value, kind):
        message = f"it gave no {kind.__name__}"
        raise TypeError(message)
    return value


def checked_identity(who: Identity) -> Identity:
    """Return an identity whose texts can be saved and shown, whatever the token said."""
    # What several people have in an owner's place makes them no one person.
    key = _compared(who.key) if checked(who.by_contract, bool) else _somebody(who.key)
    group, key_before = _compared(who.group), _compared(who.key_before)
    # A company may be called as it likes, but for what a person has in that place.
    is_of_nobody = key is None and who.group == who.key
    if group is not None and (is_of_nobody or is_placeholder(group)):
        group = None
    return Identity(key, _shown(who.label), _shown(who.plan), group, key_before=key_before)


def _somebody(text: str | None) -> str | None:
    known = _compared(text)
    return None if known is None or names_nobody(known) else known


def _compared(text: str | None) -> str | None:
    return checked(text, str).encode("utf-8", "backslashreplace").decode() if text else None


def _shown(text: str | None) -> str | None:
    return (sanitize(checked(text, str)) or None) if text else None


def checked_snapshot(value: object) -> Snapshot:
    """Return what a module read, if all of it can be stored, compared and shown."""
    told = checked(value, Snapshot)
    return Snapshot(
        read_at=_utc(told.read_at),
        windows=tuple(map(_window, told.windows[:_MOST_WINDOWS])),
        balance=None if told.balance is None else _balance(told.balance),
        plan=_shown(told.plan),
        identity=checked_identity(told.identity),
        spent=checked(told.spent, bool),
        complete=checked(told.complete, bool),
    )


def _window(window: Window) -> Window:
    if not (math.isfinite(window.used) and 0 <= window.used <= 1):
        raise ValueError("a window is used outside of 0 to 1")
    return replace(
        window,
        name=sanitize(checked(window.name, str)),
        used=float(window.used),
        model=_shown(window.model),
        resets_at=None if window.resets_at is None else _utc(window.resets_at),
    )


def _balance(balance: Balance) -> Balance:
    if not balance.amount.is_finite():
        raise ValueError("a balance is no number")
    return replace(balance, currency=sanitize(checked(balance.currency, str)))


def checked_finding(value: object) -> Finding:
    """Return what a module says of a failure."""
    told = checked(value, Finding)
    meaning = checked(told.meaning, Meaning)
    until = None if told.until is None else _utc(told.until)
    reason = sanitize(checked(told.reason, str))
    return Finding(meaning, reason, until, checked_scope(checked(told.scope, Scope)))


def checked_scope(scope: Scope) -> Scope:
    """Return what a limit is counted for."""
    return Scope(_shown(scope.model), checked(scope.reach, Reach))


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time has no zone")
    return at.astimezone(UTC)
