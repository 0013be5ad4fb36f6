"""The codes by which a refusal of a refresh says that a login is dead, from `answers/*.toml`.

Each is a line `{ code, why, seen, source }` of a list `refresh`: in `everybody.toml` what all
vendors may say (RFC 6749, and what several call the same), in a vendor's own what it alone says.
They are read by the first refusal.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

_EVERYBODY = "everybody"


@cache
def dead_codes(vendor: str) -> Mapping[str, str]:
    """Return each code that ends a login of the vendor's, with what it means."""
    return {line["code"]: line["why"] for name in (_EVERYBODY, vendor) for line in _lines(name)}


def _lines(name: str) -> list[dict[str, str]]:
    file = resources.files("providers") / "answers" / f"{name}.toml"
    lines: list[dict[str, str]] = tomllib.loads(file.read_text("utf-8")).get("refresh", [])
    return lines
