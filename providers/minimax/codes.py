"""What the codes of MiniMax mean for the account.

Source: https://platform.minimax.io/docs/api-reference/errorcode (H). The code comes in an
envelope of the vendor's own, `base_resp`, or at the end of a text: `invalid api key (2049)`
(https://github.com/RightNow-AI/openfang/issues/981).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from providers._shared.failures import Failure, code_in, found, part_of, read_failure, until
from rotator.model import Finding, Meaning, Signal

_DEAD = (Meaning.LOGIN_DEAD, "the key is not accepted")
_SHORT = (Meaning.SHORT_LIMIT, "rate limited")
_BUSY = (Meaning.OVERLOAD, "trouble at the provider")
CODES: Mapping[str, tuple[Meaning, str]] = {
    **dict.fromkeys(("1000", "1001", "1013", "1024", "1033"), _BUSY),
    **dict.fromkeys(("1002", "1039"), _SHORT),
    **dict.fromkeys(("1004", "2049"), _DEAD),
    "1008": (Meaning.BILLING, "the balance is spent"),
    "2056": (Meaning.EXHAUSTED, "usage limit reached"),
}
_TIMED = {Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.OVERLOAD}
_UNAUTHORIZED = 401
_DEAD_KEY = re.compile(r"invalid api key|login fail", re.IGNORECASE)
_IN_TEXT = re.compile(r"\((\d{4})\)\s*$", re.ASCII)


def classify(signal: Signal, now: datetime) -> Finding | None:
    """Return what the codes say; where a text tells more it is left to the usual rules."""
    failure = read_failure(signal)
    known = CODES.get(_code(failure))
    if known is None and signal.status == _UNAUTHORIZED and _DEAD_KEY.match(failure.message):
        known = _DEAD
    if known is None or (failure.error and known is not _DEAD):
        return None
    meaning, why = known
    return found(signal, meaning, why, until(signal, now) if meaning in _TIMED else None)


def _code(failure: Failure) -> str:
    told = _IN_TEXT.search(failure.message)
    return code_in(part_of(failure.whole, "base_resp"), "status_code") or (told[1] if told else "")
