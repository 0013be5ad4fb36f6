"""What a content that nobody could take in holds, and what of it is saved nowhere else.

Pure: who takes a content apart is `rotator.opencode.auth.fragments`. In any doubt it holds news.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from rotator.core.logins.credential_secrets import bare_secrets, is_blank
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.ownership import is_forgotten, owner_of
from rotator.model import Credential
from rotator.secret import Secret

# A value without a word in it is nobody's credential.
_WORD = re.compile(r'"[^"]')


@dataclass(frozen=True, slots=True)
class Fragments:
    """A content taken apart: its complete members, and the pieces that stand in none of them.

    A member is a provider's id and the JSON text of what stands under it.
    """

    members: tuple[tuple[str, Secret], ...] = ()
    rest: tuple[Secret, ...] = ()


def logins_of(parts: Fragments, known: Knowledge) -> list[tuple[str, Credential]]:
    """Return the credentials that can be read, with their providers."""
    parsed = [(provider, known.parse(provider, value)) for provider, value in parts.members]
    return [(p, c) for p, c in parsed if not isinstance(c, str) and _has_secret(c)]


def _has_secret(credential: Credential) -> bool:
    # Those of an account that was removed have been blanked out with asterisks.
    return any(bare.strip("* \t\r\n") for bare in bare_secrets(credential))


def says_something(entry: Secret) -> bool:
    """Tell whether the JSON text of an entry holds a text at all, which may be a secret."""
    return _WORD.search(entry.reveal()) is not None


def is_saved(provider: str, credential: Credential, known: Knowledge) -> bool:
    """Tell whether an account has that credential or newer ones, or the user removed it.

    One without a secret is nothing that could be saved.
    """
    if is_blank(credential) or is_forgotten(provider, credential, known):
        return True
    owner = owner_of(provider, credential, known.identify(provider, credential), known)
    return owner.account is not None and (owner.stale or not owner.fresh)


def holds_news(parts: Fragments, whole: Secret, known: Knowledge) -> bool:
    """Tell whether something would be lost with the content.

    `whole` is the auth.json that stays or comes in its place.
    """
    logins = logins_of(parts, known)
    return any(not is_saved(p, c, known) for p, c in logins) or holds_unread(parts, whole, known)


def holds_unread(parts: Fragments, whole: Secret, known: Knowledge) -> bool:
    """Tell whether there is something in it that cannot be read and stands nowhere else."""
    unread = [v for p, v in parts.members if isinstance(known.parse(p, v), str)]
    if any(says_something(value) and not _is_in(whole, value) for value in unread):
        return True
    begun = [
        f"{json.dumps(a.provider, ensure_ascii=False)}: {a.credential.entry.reveal()}"
        for a in known.state.accounts
    ]
    return any(
        not _is_in(whole, piece) and not any(text.startswith(piece.reveal()) for text in begun)
        for piece in parts.rest
    )


def _is_in(whole: Secret, piece: Secret) -> bool:
    return piece.reveal() in whole.reveal()
