"""Fields of what another process wrote: each is what it has to be, or nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from rotator.model import Digest
from rotator.opencode.auth.entries import is_provider_id
from rotator.system.regular_files import open_regular
from rotator.text import sanitize

SCHEMA = 1
LARGEST_SIGNAL = 256 * 1024
LONGEST_BODY = 16 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_HEADERS = 64
_FIRST_STATUS, _LAST_STATUS = 100, 999
_KINDS = frozenset({"run", "serve", "tui", "web"})


def head_of(path: Path) -> bytes:
    """Return the beginning of a file, and one byte more than a signal may have."""
    with open_regular(path) as file:
        return file.read(LARGEST_SIGNAL + 1)


def as_digest(value: object) -> Digest | None:
    """Return a digest, or None."""
    ok = isinstance(value, str) and _DIGEST.fullmatch(value)
    return Digest(str(value)) if ok else None


def as_number(value: object) -> int | None:
    """Return a whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_text(value: object) -> TypeGuard[str]:
    """Tell whether it is a text."""
    return isinstance(value, str)


def is_provider(value: object) -> TypeGuard[str]:
    """Tell whether it may be the id of a provider."""
    return isinstance(value, str) and is_provider_id(value)


def as_kind(value: object) -> str | None:
    """Return the kind of an opencode, or None."""
    return value if isinstance(value, str) and value in _KINDS else None


def as_status(value: object) -> int | None:
    """Return the status of an answer, or None."""
    number = as_number(value)
    return number if number is not None and _FIRST_STATUS <= number <= _LAST_STATUS else None


def as_words(value: object) -> str | None:
    """Return a text that can be shown, or None."""
    return sanitize(value) if isinstance(value, str) else None


def as_list(value: object) -> list[object]:
    """Return the first members of a list; none of what is no list."""
    return value[:256] if isinstance(value, list) else []


def as_headers(value: object) -> Mapping[str, str]:
    """Return headers by their names in small letters; none of what is no object."""
    if not isinstance(value, dict):
        return {}
    pairs = list(value.items())[:_MOST_HEADERS]
    return {sanitize(k).lower(): sanitize(v) for k, v in pairs if isinstance(v, str)}


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return the content of a file of ours."""
    return json.dumps(value, separators=(",", ":")).encode()
