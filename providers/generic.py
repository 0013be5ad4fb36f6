"""Every vendor of API keys that has no module of its own: limits from the headers alone.

Sources and certainty are named in `providers/_shared/ratelimit.py`. Nothing is asked: such vendors
have no usage endpoint for a key, or none that is documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers._shared.keys import UnaskedKeys
from providers._shared.ratelimit import read_ratelimit
from rotator.model import Snapshot


class Generic(UnaskedKeys):
    """Stands in for the ids that no other module names."""

    ids = ("*",)
    why = "no way is known to ask this provider for usage"

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return the rate limits that the headers tell."""
        windows = read_ratelimit(headers, now)
        return Snapshot(now, windows) if windows else None


PROVIDERS = (Generic(),)
