"""Logins that are saved and have to go into auth.json still, as the store keeps them.

Their writer had opened the file before another was put in its place. No secret is in here: the
account is known by the digest of one, and what the writer knew by the digest of what it says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from rotator.model import Digest
from rotator.secret import Secret, digest_of

# For `known`, where nobody can tell how old the login is.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LateLogin:
    """A login of the account that `digest` belongs to, in place of what its writer knew.

    `known` is the `sense_of` that, None where the writer knew none of the provider. `beside` is
    that of the entry in auth.json when the login was found: what differs was written later.
    """

    provider: str
    digest: Digest
    known: str | None
    beside: str | None


def sense_of(entry: Secret | None) -> str | None:
    """Return the digest of what an entry says, however it is laid out; None for no entry."""
    if entry is None:
        return None
    try:
        text = json.dumps(json.loads(entry.reveal()), sort_keys=True)
    except (ValueError, RecursionError):
        text = entry.reveal()
    return digest_of(text)


def as_text(logins: Iterable[LateLogin]) -> str:
    """Return late logins as the text that `from_text` reads."""
    return json.dumps([asdict(login) for login in logins])


def from_text(text: str) -> tuple[LateLogin, ...]:
    """Return the late logins that a text of `as_text` holds; what is none is left out."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    logins = (_login(value) for value in values) if isinstance(values, list) else ()
    return tuple(login for login in logins if login is not None)


def _login(value: object) -> LateLogin | None:
    match value:
        case {
            "provider": str(provider),
            "digest": str(digest),
            "known": str() | None as known,
            "beside": str() | None as beside,
        }:
            return LateLogin(provider, Digest(digest), known, beside)
        case _:
            return None
