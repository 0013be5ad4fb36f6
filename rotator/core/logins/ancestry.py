"""Where tokens came from, as far as bridges saw them exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.knowledge import Knowledge
from rotator.model import Account, Credential, Descent, Digest

_LONGEST_LINE = 64


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The tokens that were exchanged for a credential, by digests, the last ones first.

    `is_login` says that the first of them, or the credential itself, came from a login; `at` is
    when the credential itself came.
    """

    line: tuple[Digest, ...] = ()
    is_login: bool = False
    at: datetime | None = field(default=None, compare=False)


def ancestry_of(credential: Credential, known: Knowledge) -> Ancestry:
    """Return where a credential came from, as far as bridges saw it."""
    # A refresh token may have been there before; each answer brings a request secret of its own.
    return ancestry_of_secrets(secrets_of(credential)[::-1], known)


def ancestry_of_secrets(secrets: tuple[Digest, ...], known: Knowledge) -> Ancestry:
    """Return where the credential with those secrets came from."""
    steps = list(_line(secrets, known))
    line = tuple(step.came_from for step in steps if step.came_from is not None)
    at = steps[0].at if steps else None
    return Ancestry(line, is_login=bool(steps) and steps[-1].is_login, at=at)


def comes_from(account: Account, came_from: Ancestry, known: Knowledge) -> bool:
    """Tell whether tokens that an account has, or had, were exchanged for those."""
    return any(known.holder(account.provider, digest) == account.id for digest in came_from.line)


def _line(digests: tuple[Digest, ...], known: Knowledge) -> Iterator[Descent]:
    """Yield what led to a credential, backwards; each question once, and not without end."""
    seen: set[str] = set()
    wanted: tuple[Digest, ...] = digests
    for _ in range(_LONGEST_LINE):
        steps = [step for d in wanted if (step := known.descent(d)) and step.id not in seen]
        if not steps:
            return
        seen.add(steps[0].id)
        yield steps[0]
        wanted = (steps[0].came_from,) if steps[0].came_from is not None else ()
