"""Secret: a credential's text that cannot be shown by accident.

This is the one place that knows how a secret is compared (`digest`) and how a person may see
it (`fingerprint`). Its text leaves only through `reveal`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import NoReturn

FINGERPRINT_LENGTH = 8
# What stands where a secret should, without its signs: plug-ins that need none put a word there.
_WORD = re.compile(
    r"[x0]*|(?:no|not|un)?(?:access|api|auth|oauth|refresh|secret|key|token|needed|required|set|used)*"
    r"|anonymous|blank|changeme|default|dummy|empty|fake|false|free|keyless|local|na|nil|none|null"
    r"|placeholder|public|redacted|true|undefined|unknown|void"
)
# White space, controls and format marks: what a copy from a web page brings along unseen.
# The bridge has the same.
_UNSEEN = (
    r"[\x00-\x20\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
    r"\ufff9-\ufffb]"
)
_PADDING = re.compile(rf"\A{_UNSEEN}+|{_UNSEEN}+\Z")
# What a header of a request can hold.
_SENDABLE = re.compile(r"[\x20-\x7e\xa0-\xff]*")
_WORDS = re.compile(r"[a-z]+(?:[-_./ ]+[a-z]+)*")
_LONGEST_WORD = 40
# A shorter text may well be a part of something else.
_SHORTEST_PART = 8


def digest_of(text: str) -> str:
    """Return the SHA-256 of `text` as 64 hex digits, the form in which secrets are compared."""
    # Lone surrogates are legal in JSON strings; they must not make a credential unusable.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Secret:
    """A secret text; `repr`, `str` and formatting give `***`, and it cannot be pickled.

    No dataclass: `dataclasses.asdict` of whatever holds it would lay it open.
    """

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"a secret does not change: {name}"
        raise AttributeError(message)

    def reveal(self) -> str:
        """Return the text itself, for auth.json, the store and the vendor's own request."""
        return self._text

    def digest(self) -> str:
        """Return the full SHA-256 in hex, safe to store, send and compare."""
        return digest_of(self._text)

    def fingerprint(self) -> str:
        """Return the first 8 hex digits of the digest, for people's eyes only."""
        return self.digest()[:FINGERPRINT_LENGTH]

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __reduce__(self) -> NoReturn:
        message = "a secret is not pickled"
        raise TypeError(message)


def unpadded(text: str) -> str:
    """Return a secret's text without white space, and what else nobody sees, at its ends."""
    return _PADDING.sub("", text)


def is_sendable(text: str) -> bool:
    """Tell whether a request's header can hold a secret's text, which fetch trims."""
    return _SENDABLE.fullmatch(text.strip(" \t\r\n")) is not None


def is_placeholder(text: str) -> bool:
    """Tell whether a text that is not empty is a word in a secret's place: it is nobody's own.

    `none`, `no-refresh-token`, `-`, `xxxx` stand in the entries of several people, and so does
    whatever reads like words: what a vendor makes at random has capitals or digits in it.
    """
    if len(text) > _LONGEST_WORD:
        return False
    signs = "".join(sign for sign in text.lower() if sign.isalnum())
    return _WORD.fullmatch(signs) is not None or _WORDS.fullmatch(text) is not None


def blanked(content: bytes, secrets: Iterable[Secret]) -> bytes:
    """Return `content`, a whole or torn JSON text, with asterisks where it holds one of `secrets`.

    One that is cut off at the end of `content` is found, too.
    """
    for form in sorted({f for secret in secrets for f in _written(secret)}, key=len, reverse=True):
        if len(form) < _SHORTEST_PART:
            content = content.replace(b'"%b"' % form, b'"%b"' % (b"*" * len(form)))
            continue
        content = content.replace(form, b"*" * len(form))
        for length in range(len(form) - 1, _SHORTEST_PART - 1, -1):
            if content.endswith(form[:length]):
                content = content[:-length] + b"*" * length
    return content


def _written(secret: Secret) -> set[bytes]:
    """Return the ways in which a JSON text may spell a secret that is not empty."""
    text = secret.reveal()
    spelt = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    spelt |= {spelling.replace("/", "\\/") for spelling in spelt}
    return {spelling.encode("utf-8", "surrogatepass") for spelling in spelt if spelling}
