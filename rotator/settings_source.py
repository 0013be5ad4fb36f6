"""Where settings come from: the text of config.toml and the variables, as they stand there.

What they mean and whether they are allowed is said by `rotator.settings`; this module loads
nothing heavy.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rotator.errors import ConfigError
from rotator.text import clean
from rotator.toml_text import position

FILE_NAME = "config.toml"
MEND = "rotator config edit"
PREFIX = "ROTATOR_"
# These say where our files lie; they are no settings.
OTHER_VARIABLES = frozenset({"ROTATOR_STATE_DIR"})
LARGEST_BYTES = 1024 * 1024

_LONGEST_SHOWN = 40
# Settings need six.
_DEEPEST = 20
_MARK = b"\xef\xbb\xbf"
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

Values = dict[str, Any]


def setting_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `environ` that are meant as settings, misspelt ones included."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in OTHER_VARIABLES and value
    }


def read_config(path: Path) -> str | None:
    """Return the text of a config.toml, None where there is none; raises ConfigError.

    Whatever else stands in its place (a folder, a pipe, a film) is named and not read.
    """
    try:
        content = _content(path)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(
            f"{FILE_NAME}: it cannot be read: {exc.strerror}", hint=str(path)
        ) from exc
    if content.startswith(_MARK):
        message = f"{FILE_NAME}: line 1, column 1: it begins with a byte order mark"
        raise ConfigError(message, hint=f"save it as UTF-8 without one: {path}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        message = f"{FILE_NAME}: line {line}: it is no text in UTF-8"
        raise ConfigError(message, hint=f"look what it is: {path}") from exc


def _content(path: Path) -> bytes:
    # A pipe is not waited for.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ConfigError(f"{FILE_NAME}: it is not a regular file", hint=f"move it away: {path}")
    with os.fdopen(handle, "rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        message = f"{FILE_NAME}: it is larger than {LARGEST_BYTES // 1024} KiB"
        raise ConfigError(message, hint=f"look what it is: {path}")
    return content


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
    found = _AT.search(said)
    what = _AT.sub("", said)
    if found and found[1]:
        where = f"line {found[1]}, column {found[2]}"
    else:
        line, column = position(text, len(text.rstrip("\r\n")))
        where = f"line {line}, column {column}"
    sentence = clean(what[:1].lower() + what[1:])
    return ConfigError(f"{FILE_NAME}: {where}: {sentence}", hint=MEND)


def overlaid(below: Values, above: Values) -> Values:
    """Return both values together: each setting of `above` replaces that of `below` as a whole."""
    merged = dict(below)
    for name, value in above.items():
        is_section = isinstance(value, dict) and isinstance(merged.get(name, {}), dict)
        merged[name] = {**merged.get(name, {}), **value} if is_section else value
    return merged


def shown(value: Any) -> str:
    """Return a wrong value as a message may show it: no long text, nothing out of a list."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return clean(value, _LONGEST_SHOWN)
        case str() if len(value) <= _LONGEST_SHOWN and not any(map(str.isspace, value)):
            return repr(clean(value, _LONGEST_SHOWN))
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
