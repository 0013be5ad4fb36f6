"""Cline: API keys of a ClinePass, with three windows.

Sources, certainty M: steipete/CodexBar (docs/clinepass.md and its plug-in) and
https://github.com/openchamber/openchamber (providers/cline-pass.js), November 2026. Who pays as
they go has no window, and several programs disagree in which unit the balance is told
(https://docs.cline.bot/enterprise-solutions/api-reference names none), so it is not read.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import FIVE_HOURS, WEEK, distinct, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Snapshot, Window
from rotator.provider import Reading

_LIMITS = "https://api.cline.bot/api/v1/users/me/plan/usage-limits"
_NOT_FOUND = 404
_LENGTHS = {"five_hour": FIVE_HOURS, "weekly": WEEK}
_MONTH = "monthly"


class Cline(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("cline-pass", "clinepass", "cline")

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the windows of the pass."""
        answer = yield get(_LIMITS, credential)
        if answer.status == _NOT_FOUND:
            raise UnexpectedAnswer("the vendor finds no ClinePass behind this key")
        body = document(answer, now)
        data = body.part("data")
        if data is None or data.values.get("limits") is None:
            raise body.unusable("data.limits")
        pieces = Pieces()
        windows = distinct(pieces.windows(pieces.parts(data, "limits"), _window))
        complete = pieces.are_whole and bool(windows)
        return pieces.told(Snapshot(now, windows, complete=complete))


def _window(limit: Part) -> Window | None:
    kind = limit.text("type")
    if kind != _MONTH and kind not in _LENGTHS:
        return None
    used = limit.percent("percentUsed")
    if used is None:
        raise limit.unusable("percentUsed")
    resets_at = limit.moment("resetsAt")
    return month(used, resets_at) if kind == _MONTH else window(_LENGTHS[kind], used, resets_at)


PROVIDERS = (Cline(),)
