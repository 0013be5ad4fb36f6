"""The secrets that a credential holds, and the digests by which it is known again.

Pure. What nobody sees around a secret is none of it, nor is what a plug-in packs behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rotator.core.logins.no_keys import is_no_key
from rotator.model import Credential, Digest
from rotator.secret import Secret, digest_of, is_placeholder, is_sendable, unpadded

# What plug-ins put between a refresh token and what they pack behind it.
PACKED = "|"

# An older version took an entry that a plug-in had cleared for a login.
_CLEARED = "it holds no login"
UNSENDABLE = (
    "no request can carry its key, for a letter that stands in none is in it (a line break, a"
    " typographic quote or dash, one that is not seen): copy the key alone and log in anew"
)
NO_KEY = (
    "its key is none, but what a program or a template puts in the place of one (undefined,"
    " YOUR_API_KEY, sk-...): log in anew with the key itself"
)

# Letters and digits in one piece, or many digits: no word, no path and no name has that.
_MIXED = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{12}")
_MANY_DIGITS = 6


def secrets_of(credential: Credential) -> tuple[Digest, ...]:
    """Return the digests by which a credential is recognised: refresh token, request secret."""
    return tuple(dict.fromkeys(digest for half in halves_of(credential) for digest in half))


def halves_of(credential: Credential) -> tuple[tuple[Digest, ...], ...]:
    """Return the digests of its refresh token and those of its request secret, where it has one.

    Padding around a secret is none of it. Some plug-ins pack more into the refresh token's
    field (`token|project`), which changes while the token stays. A word in the place of the one
    secret is none where the other is there.
    """
    halves = tuple(_halves(credential))
    real = tuple(digests for bare, digests in halves if not is_placeholder(bare))
    return real or tuple(digests for _, digests in halves)


def refresh_digests(credential: Credential) -> tuple[Digest, ...]:
    """Return the digests of a login's refresh token; none where there is a word in its place."""
    bare = bare_text(credential.refresh, PACKED)
    if not bare or is_placeholder(bare):
        return ()
    return next(digests for _, digests in _halves(credential))


def _halves(credential: Credential) -> Iterator[tuple[str, tuple[Digest, ...]]]:
    """Yield each secret that is there, bare, and the digests of the ways in which it is spelt."""
    for secret, separator in ((credential.refresh, PACKED), (credential.secret, None)):
        text = secret.reveal() if secret else ""
        bare = bare_text(secret, separator)
        # Some plug-ins leave a field empty until its first use, or what is packed behind it
        # when they clear it: that is nobody's secret.
        if bare:
            spelt = dict.fromkeys((text, text.strip(), bare))
            yield bare, tuple(Digest(digest_of(spelling)) for spelling in spelt)


def bare_secrets(credential: Credential) -> list[str]:
    """Return the texts of its secrets, without what is around them."""
    return [bare for bare, _ in _halves(credential)]


def has_real_secret(credential: Credential) -> bool:
    """Tell whether it holds a secret, not only words that others have in its place as well."""
    return not all(map(is_placeholder, bare_secrets(credential)))


def is_random(credential: Credential, half: tuple[Digest, ...]) -> bool:
    """Tell whether the secret with those digests was drawn by lot, so that nobody else has it.

    What a plug-in or a person has written in a token's place may stand with several people.
    """
    texts = [bare for bare, digests in _halves(credential) if set(digests) & set(half)]
    return any(_MIXED.search(text) or sum(map(str.isdigit, text)) >= _MANY_DIGITS for text in texts)


def random_secrets(credential: Credential) -> frozenset[Digest]:
    """Return the digests of those of its secrets that nobody else has, by `is_random`."""
    halves = halves_of(credential)
    return frozenset(d for half in halves if is_random(credential, half) for d in half)


def given_as(credential: Credential) -> Digest:
    """Return the digest of a login's main secret as its vendor gave it: nothing packed around."""
    return halves_of(credential)[0][-1]


def is_blank(credential: Credential) -> bool:
    """Tell whether there is no secret in it: a plug-in clears its entry so, to log out."""
    return not halves_of(credential)


def why_useless(credential: Credential) -> str | None:
    """Return why nobody can use it as it stands, or None.

    What stands in the place of an access token may be more than that, which its plug-in unpacks.
    """
    if is_blank(credential):
        return _CLEARED
    if all(map(is_no_key, bare_secrets(credential))):
        return NO_KEY
    can_go = credential.type == "oauth" or is_sendable(credential.secret.reveal())
    return None if can_go else UNSENDABLE


def is_sent_padded(credential: Credential) -> bool:
    """Tell whether what is around a key goes with it into requests, or keeps it from them.

    fetch trims white space at the end of a header; what stands before a key stands within it.
    """
    bare, text = bare_text(credential.secret), credential.secret.reveal()
    return credential.type != "oauth" and bool(bare) and text.rstrip(" \t\r\n") != bare


def same_secrets(credential: Credential, other: Credential) -> bool:
    """Tell whether two credentials are one login at one moment."""
    return (
        bare_text(credential.secret) == bare_text(other.secret)
        and bare_text(credential.refresh, PACKED) == bare_text(other.refresh, PACKED)
        and (
            credential.type != "wellknown" or credential.extra.get("key") == other.extra.get("key")
        )
    )


def bare_text(secret: Secret | None, separator: str | None = None) -> str | None:
    """Return a secret's text without what is around it and, with `separator`, behind it."""
    if secret is None:
        return None
    text = secret.reveal()
    return unpadded(text if separator is None else text.partition(separator)[0])
