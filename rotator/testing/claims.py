"""Whether a snapshot can be true: by itself, and beside the one that is documented."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rotator.model import Balance, Identity, Snapshot, Window

# A vendor may say one thing twice, and round it once.
_ROUNDING = 0.011
_JITTER = timedelta(minutes=10)
_EXACT = 1e-6
_LONGEST_NAME = 100
_LONGEST = timedelta(days=400)
_HOUR, _DAY = 3_600, 86_400
_SHORTEST_MONTH, _LONGEST_MONTH = 28 * _DAY, 32 * _DAY


def impossible(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    """Yield a sentence for each part of a snapshot that can not be true or not be shown."""
    if not _is_utc(snapshot.read_at) or snapshot.read_at != now:
        yield "read_at is not the time that was given"
    for window in snapshot.windows:
        yield from _impossible_window(window, now)
    names = [(window.name, window.model) for window in snapshot.windows]
    if len(names) != len(set(names)):
        yield "two windows have one name and one model"
    balance = snapshot.balance
    if balance is not None and not _is_balance(balance):
        yield "the balance is not a finite Decimal with a currency"
    identity = snapshot.identity
    shown = (snapshot.plan, identity.label, identity.plan)
    if any(text is not None and not _is_shown(text) for text in shown):
        yield "a text of the plan or the identity is not clean"
    if not all(text is None or isinstance(text, str) for text in (identity.key, identity.group)):
        yield "the identity's key or group is no text"


def _impossible_window(window: Window, now: datetime) -> Iterator[str]:
    if not _is_shown(window.name) or not (window.model is None or _is_shown(window.model)):
        yield "a window's name or model is empty, too long, or not clean"
        return
    where = f"the window {window.name}"
    used: object = window.used
    if isinstance(used, bool) or not isinstance(used, int | float):
        yield f"{where} is used by what is no number"
    elif not (math.isfinite(used) and 0 <= used <= 1):
        yield f"{where} is used outside of 0 to 1"
    if window.resets_at is not None and (
        not _is_utc(window.resets_at) or abs(window.resets_at - now) > _LONGEST
    ):
        yield f"{where} resets at a time that is not in UTC, or more than a year away"
    length = window.length_seconds
    if length is not None and (isinstance(length, bool) or length <= 0):
        yield f"{where} has no possible length"
    elif length is not None and (name := _name_of(length)) and name != window.name.split()[0]:
        yield f"{where} has a length that is called {name}"


def _name_of(seconds: int) -> str | None:
    """Return how a window of this length is called; None for those of minutes and odd ones."""
    if seconds >= _SHORTEST_MONTH:
        return "month" if seconds <= _LONGEST_MONTH else None
    if seconds == _DAY:
        return "day"
    if seconds % _DAY == 0:
        return f"{seconds // _DAY}d"
    return f"{seconds // _HOUR}h" if seconds % _HOUR == 0 and seconds > _HOUR else None


def untold(snapshot: Snapshot, told: Snapshot) -> Iterator[str]:
    """Yield a sentence for each claim of a snapshot that the documented one does not make.

    It is of the same document with something taken away or broken, so it may know less of the
    account, and never anything else.
    """
    for window in snapshot.windows:
        if not any(_is_same(window, other) for other in told.windows):
            yield f"the window {window.name} claims {window.used:.2f}, which nothing says"
    if snapshot.balance is not None and snapshot.balance != told.balance:
        yield "the balance is another one"
    full = any(window.used >= 1 for window in told.windows)
    if snapshot.spent and not (told.spent or full):
        yield "it claims that nothing is left"


def _is_same(window: Window, other: Window) -> bool:
    """Tell whether two windows may be one; its name may be lost with its length."""
    return (
        abs(window.used - other.used) <= _ROUNDING
        and (window.model is None) == (other.model is None)
        and (
            window.resets_at is None
            or (other.resets_at is not None and abs(window.resets_at - other.resets_at) <= _JITTER)
        )
    )


def unlike(snapshot: Snapshot, expected: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each difference from what a documented answer has to give."""
    windows, wanted = map(_sorted, (_windows(snapshot), expected["windows"]))
    if len(windows) != len(wanted):
        yield f"the windows are {[w['name'] for w in windows]}, not {[w['name'] for w in wanted]}"
    for window, other in zip(windows, wanted, strict=False):
        for name, value in window.items():
            if not _is_equal(value, other.get(name, _DEFAULTS.get(name))):
                yield f"{name} of the window {window['name']} is {value}, not {other.get(name)}"
    wanted_balance = expected.get("balance")
    amount = wanted_balance and Balance(
        Decimal(wanted_balance["amount"]), wanted_balance["currency"]
    )
    for name, value, wants in (
        ("balance", snapshot.balance, amount),
        ("plan", snapshot.plan, expected.get("plan")),
        ("spent", snapshot.spent, expected.get("spent", False)),
    ):
        if value != wants:
            yield f"{name} is {value!r}, not {wants!r}"
    yield from unlike_owner(snapshot.identity, expected.get("identity") or {})


def unlike_owner(owner: Identity, expected: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each difference from whom a documented answer names."""
    for name, value in (("key", owner.key), ("label", owner.label), ("group", owner.group)):
        if value != expected.get(name):
            yield f"identity.{name} is {value!r}, not {expected.get(name)!r}"


_DEFAULTS: Mapping[str, Any] = {"blocks": True}


def _windows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [
        {
            "name": window.name,
            "used": window.used,
            "resets_at": window.resets_at,
            "length_seconds": window.length_seconds,
            "model": window.model,
            "blocks": window.blocks,
        }
        for window in snapshot.windows
    ]


def _sorted(windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(windows, key=lambda window: (window["name"], window.get("model") or ""))


def _is_equal(value: object, wanted: object) -> bool:
    if isinstance(value, datetime) and isinstance(wanted, str):
        return abs(value - datetime.fromisoformat(wanted)) < timedelta(milliseconds=1)
    if isinstance(value, float) and isinstance(wanted, int | float):
        return abs(value - wanted) <= _EXACT
    return value == wanted


def _is_utc(at: datetime) -> bool:
    return at.utcoffset() == timedelta(0)


def _is_balance(balance: Balance) -> bool:
    amount: object = balance.amount
    return isinstance(amount, Decimal) and amount.is_finite() and _is_shown(balance.currency)


def _is_shown(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME * 3 and text.isprintable()
