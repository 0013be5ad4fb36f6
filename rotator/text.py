"""Where text from outside enters: cut short, made harmless, without the logins of addresses."""

from __future__ import annotations

LONGEST = 300
# What an address says of a login: before its host, and in its query.
_USER = r"(?<=://)[^/\s@]*@"
_GIVEN = r"(?i)([?&][^=&#\s]*(?:auth|key|secret|token|sig|pass)[^=&#\s]*=)[^&#\s]*"


def text_of(content: bytes) -> str:
    """Return the text of a file that may hold bytes that are no UTF-8; `bytes_of` undoes it."""
    return content.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return the bytes that `text_of` made a text of."""
    return text.encode("utf-8", "surrogateescape")


def as_read(text: str) -> str:
    """Return a part of what `text_of` gave as JavaScript reads it: no byte is a text's end."""
    return text if text.isascii() else bytes_of(text).decode("utf-8", "replace")


def sanitize(text: object, longest: int = LONGEST) -> str:
    """Return `text` on one line, without control or format characters, at most `longest` long.

    Bodies, identities, model names and log lines come from outside; an escape sequence or a
    right-to-left mark in one of them must not reach a terminal. Neither must what this Python
    does not know: a newer terminal may know it as a format character. Of an address it shows no
    login.
    """
    return _cut(without_login(_squeezed(text, longest)), longest)


def one_line(text: object, longest: int = LONGEST) -> str:
    """Return the same as `clean`, but with the logins in its addresses: the id of a provider."""
    return _cut(_squeezed(text, longest), longest)


def _squeezed(text: object, longest: int) -> str:
    # Four times the length is enough to fill it after squeezing, and bounds the work.
    rough = str(text)[: longest * 4]
    plain = rough if rough.isprintable() else "".join(_harmless(c) for c in rough)
    return " ".join(plain.split())


def _cut(line: str, longest: int) -> str:
    return line if len(line) <= longest else line[: longest - 1] + "…"


def without_login(text: str) -> str:
    """Return a text without the names, passwords and tokens in the addresses in it."""
    if "://" not in text:
        return text
    # Loaded where there is an address alone: a line for a prompt has no time for it.
    import re  # noqa: PLC0415

    return re.sub(_GIVEN, r"\1***", re.sub(_USER, "", text))


def _harmless(letter: str) -> str:
    return letter if letter.isprintable() else " "
