"""MiniMax: keys of the coding or token plan, on the international and on the Chinese platform.

Sources: https://platform.minimax.io/docs/token-plan/faq (H, the endpoint); the answer's shape
from https://github.com/robinebers/openusage/pull/536 and
https://github.com/slkiser/opencode-quota/pull/172 (M: it has changed more than once). The codes
are in `providers/minimax/codes.py`.

`…_usage_count` is what remains at one host and what is used at the other
(https://github.com/MiniMax-AI/MiniMax-M2/issues/99), so only the percentages are read.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import DAY, FIVE_HOURS, WEEK, distinct, window
from providers.minimax import codes
from rotator.errors import LoginRejected, ProviderUnavailable, RateLimited, UnexpectedAnswer
from rotator.model import Credential, Meaning, Snapshot, Window
from rotator.provider import Reading

_PATH, _OLDER_PATH = "/v1/token_plan/remains", "/v1/api/openplatform/coding_plan/remains"
_NOT_THERE = {404, 405}

# `current_…_status`
_EXHAUSTED, _NO_LIMIT = 2, 3
_WHOLE = 100
_LONGEST = 400 * DAY


class MiniMax(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    def __init__(self, provider: str, host: str) -> None:
        self.ids = (provider,)
        self._host = f"https://{host}"

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the windows of the models for text."""
        answer = yield get(self._host + _PATH, credential)
        if answer.status in _NOT_THERE:
            answer = yield get(self._host + _OLDER_PATH, credential)
        body, pieces = document(answer, now), Pieces()
        if pieces.read(_is_spent, body):
            return Snapshot(now, spent=True)
        if body.values.get("model_remains") is None:
            raise pieces.faults[0] if pieces.faults else body.unusable("model_remains")
        row = _row(body, pieces)
        windows = distinct(_windows(row, pieces)) if row else ()
        complete = pieces.are_whole and bool(windows)
        return pieces.told(Snapshot(now, windows, complete=complete))


def _is_spent(body: Part) -> bool:
    """Raise what an error means, which comes with the status of a good answer."""
    envelope = body.part("base_resp")
    code = envelope.count("status_code") if envelope else None
    if not code:
        return False
    meaning, _ = codes.CODES.get(str(code), (None, ""))
    if meaning is Meaning.LOGIN_DEAD:
        raise LoginRejected(f"the vendor does not accept the key, or it has no plan: code {code}")
    if meaning is Meaning.SHORT_LIMIT:
        raise RateLimited(f"the vendor does not want to be asked so often: code {code}")
    if meaning is Meaning.OVERLOAD:
        raise ProviderUnavailable(f"the vendor has trouble of its own: code {code}", sent=True)
    if meaning is None:
        raise UnexpectedAnswer(f"the vendor refused to tell: code {code}")
    return True


def _row(body: Part, pieces: Pieces) -> Part | None:
    """Return the row of the models for text; others are of speech, pictures and films."""
    told = pieces.parts(body, "model_remains")
    rows = {(row.text("model_name") or "").lower(): row for row in told}
    for wanted in (r"general", r"minimax-m.*", r".*(?:chat|text).*"):
        for name, row in rows.items():
            if re.fullmatch(wanted, name):
                return row
    if rows:
        pieces.faults.append(body.unusable("model_remains[].model_name"))
    # One that has no name that can be read is the plan's, if there is no other.
    unnamed = [row for row in told if row.text("model_name") is None]
    return unnamed[0] if len(unnamed) == 1 else None


def _windows(row: Part, pieces: Pieces) -> list[Window]:
    kinds = (("interval", "", FIVE_HOURS), ("weekly", "weekly_", WEEK))
    told = (pieces.windows([row], partial(_window, kind)) for kind in kinds)
    return [window for several in told for window in several]


def _window(kind: tuple[str, str, int], row: Part) -> Window | None:
    name, prefix, usual = kind
    used = _used(row, f"current_{name}_")
    if used is None:
        return None
    start, end = row.moment(f"{prefix}start_time"), row.moment(f"{prefix}end_time")
    told = (end - start).total_seconds() if start and end else 0
    return window(told if 0 < told <= _LONGEST else usual, used, end)


def _used(row: Part, prefix: str) -> float | None:
    """Return the fraction that is used; None where there is no such limit."""
    left, status = (row.one_of_several(prefix + name) for name in ("remaining_percent", "status"))
    counts = row.one_of_several(f"{prefix}total_count")
    if status in {None, _NO_LIMIT} and not counts and left in {None, _WHOLE}:
        # Unlimited, or not a part of the plan.
        return None
    if status == _EXHAUSTED:
        return 1.0
    if left is not None:
        return fraction(_WHOLE - left, _WHOLE)
    raise row.unusable(f"{prefix}remaining_percent")


PROVIDERS = (
    MiniMax("minimax-coding-plan", "api.minimax.io"),
    MiniMax("minimax-cn-coding-plan", "api.minimaxi.com"),
)
