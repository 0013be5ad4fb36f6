"""Reads a text of TOML as plain values, and has the words for what is wrong with it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from typing import Any

from rotator.errors import ConfigError
from rotator.settings.sources import FILE_NAME, MEND
from rotator.settings.toml_positions import position
from rotator.text import sanitize

_LONGEST_SHOWN = 40
# Settings need six.
_DEEPEST = 20
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def parse(text: str) -> dict[str, Any]:
    """Return the values in a text of TOML; raises ConfigError with line and column."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise _not_toml(text, str(exc)) from exc
    except RecursionError as exc:
        raise ConfigError(f"{FILE_NAME}: it is nested too deeply", hint=MEND) from exc
    if _depth(values) > _DEEPEST:
        raise ConfigError(f"{FILE_NAME}: it is nested too deeply", hint=MEND)
    return values


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _not_toml(text: str, said: str) -> ConfigError:
    match = _AT.search(said)
    what = _AT.sub("", said)
    if match and match[1]:
        where = f"line {match[1]}, column {match[2]}"
    else:
        line, column = position(text, len(text.rstrip("\r\n")))
        where = f"line {line}, column {column}"
    sentence = sanitize(what[:1].lower() + what[1:])
    return ConfigError(f"{FILE_NAME}: {where}: {sentence}", hint=MEND)


def shown(value: Any) -> str:
    """Return a wrong value as a message may show it: no long text, nothing out of a list."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return sanitize(value, _LONGEST_SHOWN)
        case str() if len(value) <= _LONGEST_SHOWN and not any(map(str.isspace, value)):
            return repr(sanitize(value, _LONGEST_SHOWN))
        case str():
            # It may be a command, with a password among its words.
            return "a text with blanks" if len(value) <= _LONGEST_SHOWN else "a long text"
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "a table"
        case _:
            return "a date or a time"


def nearest(word: str, known: Iterable[str], before: str = "") -> str:
    """Return the end of a sentence that names what was probably meant, or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {before}{near[0]}?" if near else ""
