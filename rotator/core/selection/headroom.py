"""How an account stands for a model by what its vendor last said: what binds, and until when.

Pure. What nobody has said is unknown, neither 0 % nor 100 %. A window that has begun anew since
it was read says nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rotator.core.selection.limits import concerns
from rotator.model import Account, Snapshot, Window


@dataclass(frozen=True, slots=True)
class Headroom:
    """An account as a reading shows it; `binding` is the tightest window, None: unknown.

    `expires_at` is when what is left of its longest window is lost.
    """

    account: Account
    binding: Window | None = None
    expires_at: datetime | None = None
    is_spent: bool = False

    @property
    def used(self) -> float | None:
        """What is used of what binds, a fraction; None: unknown."""
        if self.is_spent:
            return 1.0
        return None if self.binding is None else self.binding.used

    @property
    def left(self) -> float | None:
        """What is left of what binds, a fraction; None: unknown."""
        return None if self.used is None else 1 - self.used

    @property
    def is_full(self) -> bool:
        """Whether nothing is left, by the vendor's last word."""
        return self.used is not None and self.used >= 1


def headroom_of(
    account: Account, told: Snapshot | None, model: str | None, now: datetime
) -> Headroom:
    """Return how the account stands for `model`; of None only what binds everything counts."""
    if told is None:
        return Headroom(account)
    held = [
        window
        for window in told.windows
        if window.blocks
        and concerns(window.model, model)
        and (window.resets_at is None or now < window.resets_at)
    ]
    return Headroom(account, _tightest(held), _expiry(held), is_spent=told.spent and not held)


def _tightest(windows: Iterable[Window]) -> Window | None:
    # Of two as full the one that stays so for longer.
    return max(
        windows,
        key=lambda window: (window.used, window.length_seconds or 0, window.name),
        default=None,
    )


def _expiry(windows: Iterable[Window]) -> datetime | None:
    told = [window for window in windows if window.resets_at is not None]
    longest = max(told, key=lambda window: (window.length_seconds or 0, window.name), default=None)
    return None if longest is None else longest.resets_at
