"""Looks for keys in opencode.json: opencode takes them instead of those in auth.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rotator.doctor.remark import Check, Remark, note
from rotator.doctor.setup import Setup
from rotator.text import clean

_NAMES = ("config.json", "opencode.json", "opencode.jsonc")
_LARGEST_BYTES = 1024 * 1024
# A text stays as it is; a comment, and a comma before a closing bracket, are left out.
_LEFT_OUT = re.compile(
    r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])', re.DOTALL
)


def look_for_own_keys(setup: Setup) -> Iterator[Remark]:
    """Name the providers whose key stands in opencode's own configuration."""
    for name in _NAMES:
        path = setup.paths.opencode_config / name
        for provider in _providers_with_key(path):
            says = f"{path} has a key of {clean(provider)}, which opencode takes before auth.json's"
            yield note(
                Check.OPENCODE, says, "take options.apiKey out: such requests are left alone"
            )


def _providers_with_key(path: Path) -> list[str]:
    providers = _object(_read(path)).get("provider")
    options = {
        name: _object(_object(one).get("options")) for name, one in _object(providers).items()
    }
    return sorted(name for name, found in options.items() if found.get("apiKey"))


def _read(path: Path) -> object:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            text = file.read(_LARGEST_BYTES).decode("utf-8-sig")
        return json.loads(_LEFT_OUT.sub(lambda found: found[1] or "", text))
    except (OSError, ValueError, RecursionError):
        return None  # opencode itself says what is wrong with it


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
