"""Ollama: API keys of its cloud, on a plan with credits of a month, or with older windows.

Sources: https://docs.ollama.com/api/balance (H, since October 2026) and, for what it answered
before, https://github.com/slkiser/opencode-quota/blob/main/src/lib/ollama-cloud.ts (M, August
2026) and, of a plan with a pool of a month, https://github.com/can1357/oh-my-pi/pull/10513 (M,
September 2026). Its windows last five hours and a week (https://docs.ollama.com/cloud, H).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import FIVE_HOURS, WEEK, month, window
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import Reading

_BALANCE, _USAGE = "https://ollama.com/api/balance", "https://ollama.com/api/usage"
_NOT_FOUND = 404
_LENGTHS = {"session": FIVE_HOURS, "weekly": WEEK}
_MONTHLY = "monthly"
_ALL = 100


class Ollama(ApiKeys):
    """A team's keys share what is left; a key does not say whose it is."""

    ids = ("ollama-cloud",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is included and what was bought; the older address where that is none."""
        answer = yield get(_BALANCE, credential)
        is_older = answer.status == _NOT_FOUND
        if is_older:
            answer = yield get(_USAGE, credential)
        body, pieces = document(answer, now), Pieces()
        part = body.part(name := "limits" if is_older else "included")
        if part is None:
            raise body.unusable(name)
        bought = None if is_older else pieces.read(_bought, body)
        # What was bought is spent when nothing of the plan is left.
        blocks = bought is None or bought.amount <= 0
        windows = _windows(part, pieces, blocks=blocks)
        if not windows and bought is None and pieces.are_whole:
            raise body.unusable(name)
        complete = pieces.are_whole and bool(windows)
        return pieces.told(Snapshot(now, tuple(windows), bought, complete=complete))


def _bought(body: Part) -> Balance | None:
    purchased = body.part("purchased")
    left = purchased.number("balance_usd") if purchased else None
    return None if left is None else Balance(left, "USD")


def _windows(plan: Part, pieces: Pieces, *, blocks: bool) -> list[Window]:
    ends_at = pieces.read(_end, plan)
    named = [pieces.part(plan, name) for name in (*_LENGTHS, _MONTHLY)]
    return [
        *pieces.windows([plan], partial(_credits, ends_at=ends_at, blocks=blocks)),
        *pieces.windows(named, partial(_window, blocks=blocks)),
    ]


def _end(included: Part) -> datetime | None:
    period = included.part("period")
    return period.moment("until") if period else None


def _credits(included: Part, *, ends_at: datetime | None, blocks: bool) -> Window | None:
    left, most = included.number("balance_usd"), included.number("allowance_usd")
    if most is None or left is None or most <= 0:
        # A plan with windows, or one that includes nothing.
        return None
    return month(fraction(most - left, most), ends_at, blocks=blocks)


def _window(part: Part, *, blocks: bool) -> Window:
    """Return one of the older windows: what is left in percent, or what is used of 1.

    More than all is used where a request began before.
    """
    left = part.number("remaining_percent")
    used = part.share("usage") if left is None else fraction(_ALL - left, _ALL)
    if used is None or (left is not None and left > _ALL):
        raise part.unusable("usage" if left is None else "remaining_percent")
    name, resets_at = part.path.rpartition(".")[2], part.moment("resets_at")
    if name == _MONTHLY:
        return month(used, resets_at, blocks=blocks)
    return window(_LENGTHS[name], used, resets_at, blocks=blocks)


PROVIDERS = (Ollama(),)
