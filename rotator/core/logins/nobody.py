"""Tells what stands in an owner's place and is nobody: words, templates, examples, nil values.

Pure. Several people get the same such text, so it is no proof that they are one. It looks for
kinds, in the words that are known; whoever is wrongly taken for nobody is only not named.
"""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

# Each says by itself that there is nobody; GitHub's ghost has deleted their account.
_NOBODY = frozenset(
    """
    absent anon anonym anonyme anonymous anonymus blank changeme deleted desconhecido
    desconocido dummy empty fake false gast ghost guest hidden inconnu invalid invitado
    keiner keyless mannequin masked me missing myself na nan niemand nil nn nobody none
    noone noreply null nulo placeholder redacted removed sconosciuto self somebody someone
    tba tbd todo true unassigned unauthenticated unauthorized unavailable unbekannt undef
    undefined unidentified unknown unregistered unset unspecified visitor void
    未知 匿名 游客 訪客 访客 未登录 未登錄 无 無 不明 ゲスト 名無し
    """.split()  # noqa: SIM905  # one a line would be a page
)
# These say so beside such a word, or where nothing else stands: names of fields and roles.
_CONTEXT = frozenset(
    """
    access account accounts acct admin administrator any anyone api app apple auth
    auth0 available bar baz benutzer bot client customer default demo discord email error
    everyone example facebook field foo foobar for found free generic github gitlab given
    google guid here id identifier ids in inactive internal is key keys linkedin local
    localhost logged login mail member microsoft my name needed no non not nutzer oauth
    oauth2 object of oidc okta one or org organisation organization other others out owner
    people person private profile project public refresh required robot root saml samlp
    sample secret service services set slack sms string sub subject system team tenant
    test testing text the token twitter type uid un unused used user userid username users
    usr usuario utilisateur uuid value waad windowslive workspace xxx you your
    用户 用户名 用戶 默认 預設 测试 空
    """.split()  # noqa: SIM905  # one a line would be a page
)
# What a program prints of nothing.
_NOTHING = frozenset(("nan", "nil", "none", "null", "undefined"))
_DENIALS = frozenset(("no", "non", "not", "un"))
_ALL = _NOBODY | _CONTEXT
_FEWEST_LETTERS = 4
# The same without anything between them: `nouser`, `anonymoususer`.
_LONG_WORDS = sorted((w for w in _ALL if len(w) >= _FEWEST_LETTERS or not w.isascii()), key=len)
_RUN_TOGETHER = re.compile(f"(?:no|not|non|un)?(?>{'|'.join(reversed(_LONG_WORDS))})++")
# What a program was to put something in the place of, or printed of nothing.
_TEMPLATE = re.compile(
    r"\$\{|\{\{|\}\}|\$\(|%!|<%|%\(|\[object\b"
    r"|^\s*(?:<.*>|\{.*\}|\[.*\]|%\w+%|%[a-z]|\$[A-Z_]+|__\w+__|:[a-z_]+)\s*$"
)
_NOT_AVAILABLE = re.compile(r"(?:^|[/|])n/a$", re.IGNORECASE)
_PLACE = re.compile(r"^(?:[a-z][a-z0-9+.-]*://[^/]*|[a-z0-9.-]+\.[a-z]{2,})(?:/|$)", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NUMBER = re.compile(r"[+-]?\d+(?:\.0*)?", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+")
# Owners are not counted so low, and what has so few signs is no name.
_LEAST_NUMBER = 1000
_FEWEST_SIGNS = 2
# Nothing that is made at random has one sign so often, so few of them, or goes up so steadily.
_LONG, _VERY_LONG, _FEW_KINDS, _MOST_STEPS = 9, 16, 5, 0.8
_ONE_SIGN = 6
# In documents everywhere; `6ba7b81?-9dad-…` are the standard's own name spaces.
_EXAMPLES = re.compile(
    r"3fa85f6457174562b3fc2c963f66afa6|123e4567e89b12d3a456[0-9a-f]{12}"
    r"|550e8400e29b41d4a716446655440000|f81d4fae7dec11d0a76500a0c91e6bf6"
    r"|6ba7b81[0-9a-f]9dad11d180b400c04fd430c8|507f1f77bcf86cd799439011|507f191e810c19729de860ea"
)
# Whatever is longer was made by somebody.
_LONGEST = 256
_RESERVED = frozenset(("example.com", "example.net", "example.org"))
_HASHED = frozenset(
    hashlib.new(how, text.encode(), usedforsecurity=False).hexdigest()
    for how in ("md5", "sha1", "sha256")
    for text in ("", "0", "anonymous", "none", "null", "undefined", "unknown")
)


def names_nobody(owner: str) -> bool:
    """Tell whether what a vendor or a token gives for an owner is nobody, or a part of it is.

    The parts stand between slashes. An address before them is none, and what follows one is a
    person last. Else a word that does not say nobody (`users/ada`, `ada/default`) does no harm
    beside a part that is somebody.
    """
    if not 0 < len(owner) <= _LONGEST:
        return False
    if _NOT_AVAILABLE.search(owner) or _TEMPLATE.search(owner):
        return True
    place = _PLACE.match(owner)
    parts = [part for part in owner[place.end() if place else 0 :].split("/") if part]
    if any(map(_says_nobody, parts)):
        return True
    return all(map(_is_nobody, parts[-1:] if place else parts))


def says_nobody(text: str) -> bool:
    """Tell whether a text says that there is nobody, and is not only a word that several have."""
    return _NOT_AVAILABLE.search(text) is not None or any(map(_says_nobody, text.split("/")))


def is_placeholder(name: str) -> bool:
    """Tell whether a name stands for nothing, where every word may be one, as a company's may."""
    if _NOT_AVAILABLE.search(name) or _TEMPLATE.search(name) or name.lower() in _NOTHING:
        return True
    return _is_made_up(name)


def _is_nobody(part: str) -> bool:
    """Tell of a part whether it says so or says nothing at all."""
    # A login service puts its own name before the person's.
    own = part.rpartition("|")[2]
    if own != part and (not own or _is_nobody(own)):
        return True
    if _is_address(part):
        return part.rpartition("@")[2].lower() in _RESERVED
    words = _words(part)
    is_run_together = _RUN_TOGETHER.fullmatch("".join(words)) is not None
    return _says_nobody(part) or _are_all(words) or is_run_together


def _says_nobody(part: str) -> bool:
    """Tell whether a part says that there is nobody, whatever stands beside it."""
    if _TEMPLATE.search(part):
        return True
    if _is_address(part):
        return False
    words = _words(part)
    if "".join(words) in _NOBODY or (_NOBODY & set(words) and _are_all(words)):
        return True
    return _is_made_up(part)


def _is_address(part: str) -> bool:
    """Tell whether it is an e-mail address of a place in the world: those are somebody's."""
    name, _, place = part.rpartition("@")
    return bool(name) and "." in place.strip(".")


def _words(part: str) -> list[str]:
    spaced = "".join(letter if letter.isalnum() else " " for letter in _HUMP.sub(" ", part))
    return spaced.lower().split()


def _are_all(words: list[str]) -> bool:
    """Tell whether all words are known ones; a letter (`not-a-user`) needs one that denies."""
    denies = bool((_NOBODY | _DENIALS) & set(words))
    return all(word in _ALL or (denies and len(word) == 1 and word.isalpha()) for word in words)


def _is_made_up(part: str) -> bool:
    """Tell whether it is what stands for an id: a small number, a nil one, one from documents."""
    if _NUMBER.fullmatch(part.strip()):
        return abs(float(part)) < _LEAST_NUMBER or _is_steady(part)
    signs = "".join(sign for sign in part.lower() if sign.isalnum())
    if len(signs) < _FEWEST_SIGNS or (len(signs) >= _ONE_SIGN and len(set(signs)) == 1):
        return True
    if _EXAMPLES.fullmatch(signs) or signs in _HASHED:
        return True
    return len(signs) >= _VERY_LONG and (len(set(signs)) <= _FEW_KINDS or _is_steady(signs))


def _is_steady(signs: str) -> bool:
    """Tell whether nearly each digit is the one before it, or the next one."""
    digits = "".join(sign for sign in signs if sign.isalnum())
    if len(digits) < _LONG or not _HEX.fullmatch(digits):
        return False
    base = 10 if digits.isdecimal() else 16
    steps = [(int(new, 16) - int(old, 16)) % base for old, new in pairwise(digits)]
    return sum(step in {0, 1} for step in steps) >= _MOST_STEPS * len(steps)
