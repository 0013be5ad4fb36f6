"""What the business codes of Z.AI and Zhipu (BigModel) mean for the account.

Source: https://docs.z.ai/api-reference/api-code (H), where the texts stand as well. The code
comes as `error.code`, or in front of the text: `[1308][Usage limit reached for 5 hour. Your
limit will reset at 2026-09-08 14:29:33]` (https://github.com/orbi-build/orbi/pull/539).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta, timezone

from rotator.model import Meaning

DEAD, BILLING, EXHAUSTED = Meaning.LOGIN_DEAD, Meaning.BILLING, Meaning.EXHAUSTED
SHORT, OVERLOAD, NOT_OURS = Meaning.SHORT_LIMIT, Meaning.OVERLOAD, Meaning.NOT_OURS

# Beijing's: its texts tell local times, and no zone.
_LOCAL = timezone(timedelta(hours=8))
_IN_TEXT = re.compile(r"\[(\d{3,4})\]", re.ASCII)
_RESET = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?!\s?[\d.Z+-])", re.ASCII)
# A line of opencode's log tells the text alone.
_LIMIT_TEXTS = ("usage limit reached", "weekly/monthly limit exhausted")

DEAD_KEY = (DEAD, "the key is not accepted")
_LOCKED = (DEAD, "the account is locked or inactive")
_USED_UP = (EXHAUSTED, "usage limit reached")
_TOO_MANY = (SHORT, "rate limited")
_BUSY = (OVERLOAD, "trouble at the provider")

CODES: Mapping[str, tuple[Meaning, str]] = {
    # What the gateway in front says, with its HTTP status for a code.
    "401": DEAD_KEY,
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), DEAD_KEY),
    **dict.fromkeys(("1110", "1111", "1112", "1121"), _LOCKED),
    "1113": (BILLING, "the account is in arrears"),
    "1309": (BILLING, "the coding plan has expired"),
    "1302": _TOO_MANY,
    "1303": _TOO_MANY,
    "1313": (SHORT, "slowed down for fair use"),
    "1304": (EXHAUSTED, "the day's limit is reached"),
    **dict.fromkeys(("1308", "1310"), _USED_UP),
    **dict.fromkeys(("1316", "1317", "1318", "1319", "1320", "1321"), _USED_UP),
    "1305": _BUSY,
    "1312": _BUSY,
    "1311": (NOT_OURS, "the plan does not include the model"),
}
