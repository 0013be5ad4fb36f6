"""Whether two logins' own tokens name two people, in the claims that they carry.

Pure. A module forms one key of the claims that its vendor goes by; here any claim counts that
says who somebody is, whoever the vendor is: it never tells that two are one, only that two are two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rotator.core.logins.nobody import names_nobody
from rotator.model import Credential
from rotator.provider import jwt_claims

# In small letters, without signs. An id stays a person's; a name may be changed by its owner.
_IDS = frozenset(
    """
    accountuserid chatgptaccountuserid chatgptuserid oid sub subject uid userid
    """.split()  # noqa: SIM905  # as in `nobody`
)
_NAMES = frozenset(
    """
    email emailaddress login mail preferredusername upn user username
    """.split()  # noqa: SIM905  # likewise
)


def name_two(credential: Credential, other: Credential) -> bool:
    """Tell whether both say in a claim whose they are, and say two people.

    Another id is another person. Another name is one where no id says that it is the same.
    """
    mine = dict(_claims(credential))
    theirs = dict(_claims(other)) if mine else {}
    both = mine.keys() & theirs.keys()
    differing = {claim for claim in both if mine[claim] != theirs[claim]}
    same_id = any(claim[-1] in _IDS for claim in both - differing)
    return any(claim[-1] in _IDS or not same_id for claim in differing)


def claims_of(credential: Credential) -> Mapping[tuple[str, ...], str]:
    """Return the claims that say who somebody is, by their places."""
    return dict(_claims(credential))


def deciding(claims: Mapping[tuple[str, ...], str]) -> Mapping[tuple[str, ...], str]:
    """Return those of a login's claims that are another person's where they have another value.

    Beside an id a name is none: its owner may have changed it.
    """
    return {claim: value for claim, value in claims.items() if claim[-1] in _IDS} or claims


def _claims(credential: Credential) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each claim of a credential's tokens that says who somebody is, by its place."""
    tokens = {**credential.extra, "access": credential.secret.reveal()}
    if credential.refresh is not None:
        tokens["refresh"] = credential.refresh.reveal()
    for token, text in tokens.items():
        for place, value in _told(jwt_claims(text)):
            yield (token, *place), value


def _told(claims: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in claims.items():
        # A vendor's own claims have an address before their name, or are parts of one that has.
        bare = "".join(sign for sign in name.rpartition("/")[2].lower() if sign.isalnum())
        if isinstance(value, dict):
            yield from (((name, *place), told) for place, told in _told_of(value))
        elif bare in _IDS | _NAMES and (text := _text(value)):
            yield (name, bare), text.lower() if bare in _NAMES else text


def _told_of(part: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what a part of the claims says; of what is deeper nobody knows whom it is about."""
    return _told({name: value for name, value in part.items() if not isinstance(value, dict)})


def _text(value: object) -> str | None:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text.strip() if text.strip() and not names_nobody(text.strip()) else None
