"""Aliases: the short names of accounts, and how commands name an account."""

from __future__ import annotations

import re
from collections.abc import Collection

from rotator.errors import UsageError
from rotator.text import without_login

LONGEST = 64
_FOREIGN = re.compile(r"[^a-z0-9._-]+")


def normalise(text: str) -> str:
    """Return `text` as an alias (a-z, digits, `.`, `-`, `_`), or '' if nothing of it is left."""
    return _FOREIGN.sub("-", text.lower()).strip("-")[:LONGEST].strip("-")


def require_alias(text: str) -> str:
    """Return `text` as an alias; raise UsageError if nothing of it is usable."""
    alias = normalise(text)
    if not alias:
        message = f"{text!r} is no alias: it has none of the letters a-z, digits, '.', '-', '_'"
        raise UsageError(message, hint="choose another alias")
    return alias


def free_alias(provider: str, label: str | None, taken: Collection[str]) -> str:
    """Return a readable alias that is not taken: from the login's label, else `<provider>-N`."""
    base = normalise(label) if label else ""
    if base and base not in taken:
        return base
    stem = base or normalise(without_login(provider)) or "account"
    number = 2 if base else 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def is_given(alias: str, provider: str, label: str | None) -> bool:
    """Tell whether a person has chosen the alias: `free_alias` would not have made it."""
    base = normalise(label) if label else ""
    stems = {base or alias, normalise(without_login(provider)) or "account"}
    stem, _, number = alias.rpartition("-")
    return alias != base and not (stem in stems and number.isdecimal())


def split_name(name: str) -> tuple[str, str]:
    """Split `provider/alias` at the last slash; raise UsageError where there is none."""
    provider, slash, alias = name.rpartition("/")
    if not slash or not provider or not alias:
        message = f"{name!r} names no account"
        raise UsageError(message, hint="an account is named provider/alias")
    return provider, alias
