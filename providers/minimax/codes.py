"""What the codes of MiniMax mean for the account.

Source: https://platform.minimax.io/docs/api-reference/errorcode (H). The code comes in an
envelope of the vendor's own, `base_resp`, or at the end of a text: `invalid api key (2049)`
(https://github.com/RightNow-AI/openfang/issues/981).
"""

from __future__ import annotations

from collections.abc import Mapping

from rotator.model import Meaning

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
