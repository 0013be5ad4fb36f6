"""A snapshot as JSON text and back, as the history keeps it.

Pure. What cannot be read is a ValueError: a reading may be lost, a wrong one may not be shown.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from rotator.clock import from_iso, to_iso
from rotator.model import Balance, Identity, Snapshot, Window


def merged(old: Snapshot | None, new: Snapshot) -> Snapshot:
    """Return `new`, with what only `old` knew: the headers of an answer name some windows alone.

    A window of `old` that has begun anew since says nothing any more.
    """
    if old is None:
        return new
    told = {(window.name, window.model) for window in new.windows}
    kept = [
        window
        for window in old.windows
        if (window.name, window.model) not in told
        and (window.resets_at is None or window.resets_at > new.read_at)
    ]
    return replace(
        new,
        windows=(*new.windows, *kept),
        balance=new.balance or old.balance,
        plan=new.plan or old.plan,
    )


def write_snapshot(snapshot: Snapshot) -> str:
    """Return the snapshot as one line of JSON."""
    balance = snapshot.balance
    return json.dumps(
        {
            "read_at": to_iso(snapshot.read_at),
            "windows": [window_json(window) for window in snapshot.windows],
            "balance": balance_json(balance),
            "plan": snapshot.plan,
            "spent": snapshot.spent,
        }
    )


def windows_json(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    """Return the windows as `accounts --json` has them, each with when it was read."""
    if snapshot is None:
        return []
    read_at = to_iso(snapshot.read_at)
    return [{**window_json(window), "read_at": read_at} for window in snapshot.windows]


def window_json(window: Window) -> dict[str, Any]:
    """Return a window as the store and the commands write it."""
    return {
        "name": window.name,
        "used": window.used,
        "resets_at": to_iso(window.resets_at) if window.resets_at else None,
        "length_seconds": window.length_seconds,
        "model": window.model,
        "blocks": window.blocks,
    }


def balance_json(balance: Balance | None) -> dict[str, str] | None:
    """Return a balance as the store and the commands write it; the amount is a text, exact."""
    if balance is None:
        return None
    return {"amount": str(balance.amount), "currency": balance.currency}


def read_snapshot(text: str) -> Snapshot:
    """Return the snapshot that `write_snapshot` wrote; raises ValueError."""
    try:
        value = json.loads(text)
        balance = value["balance"]
        return Snapshot(
            read_at=from_iso(value["read_at"]),
            windows=tuple(_window(window) for window in value["windows"]),
            balance=balance and _balance(balance),
            plan=_text_or_none(value["plan"]),
            identity=Identity(),
            spent=bool(value["spent"]),
        )
    except (TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as exc:
        message = "that is no snapshot of ours"
        raise ValueError(message) from exc


def _window(value: dict[str, Any]) -> Window:
    used, length = float(value["used"]), value["length_seconds"]
    if not isinstance(length, int | float | None):
        message = "a length is a number"
        raise TypeError(message)
    if not math.isfinite(used):
        message = "no share of a window is endless"
        raise ValueError(message)
    return Window(
        name=str(value["name"]),
        used=used,
        resets_at=from_iso(value["resets_at"]) if value["resets_at"] else None,
        length_seconds=None if length is None else int(length),
        model=_text_or_none(value["model"]),
        blocks=bool(value["blocks"]),
    )


def _balance(value: dict[str, Any]) -> Balance:
    amount = Decimal(value["amount"])
    if not amount.is_finite():
        message = "no balance is endless"
        raise ValueError(message)
    return Balance(amount, str(value["currency"]))


def _text_or_none(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    message = "a name is a text"
    raise TypeError(message)
