"""Where settings come from: the text of config.toml and the variables, as they stand there.

What they mean and whether they are allowed is said by `validate`; this module loads next to
nothing, for it is loaded by every command.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.errors import ConfigError
from rotator.system.file_owners import open_theirs, other_owner

FILE_NAME = "config.toml"
MEND = "rotator config edit"
PREFIX = "ROTATOR_"
# These say where our files lie; they are no settings.
OTHER_VARIABLES = frozenset({"ROTATOR_STATE_DIR"})
LARGEST_BYTES = 1024 * 1024

_MARK = b"\xef\xbb\xbf"

Values = dict[str, Any]


def setting_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `environ` that are meant as settings, misspelt ones included."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in OTHER_VARIABLES and value
    }


@dataclass(frozen=True, slots=True)
class ConfigText:
    """The text of a config.toml, and whose the file is if it is neither ours nor root's."""

    text: str
    other_owner: int | None = None


def read_config(path: Path) -> str | None:
    """Return the text of a config.toml, None where there is none; raises ConfigError."""
    read = read_config_file(path)
    return None if read is None else read.text


def read_config_file(path: Path) -> ConfigText | None:
    """Return what a config.toml says, None where there is none; raises ConfigError.

    Whatever else stands in its place (a folder, a pipe, a film) is named and not read.
    """
    try:
        content, facts = _content(path)
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
        return ConfigText(content.decode("utf-8"), other_owner(facts))
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        message = f"{FILE_NAME}: line {line}: it is no text in UTF-8"
        raise ConfigError(message, hint=f"look what it is: {path}") from exc


def _content(path: Path) -> tuple[bytes, os.stat_result]:
    # A pipe is not waited for.
    handle = open_theirs(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise ConfigError(f"{FILE_NAME}: it is not a regular file", hint=f"move it away: {path}")
    with os.fdopen(handle, "rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        message = f"{FILE_NAME}: it is larger than {LARGEST_BYTES // 1024} KiB"
        raise ConfigError(message, hint=f"look what it is: {path}")
    return content, facts


def overlaid(below: Values, above: Values) -> Values:
    """Return both values together: each setting of `above` replaces that of `below` as a whole."""
    merged = dict(below)
    for name, value in above.items():
        is_section = isinstance(value, dict) and isinstance(merged.get(name, {}), dict)
        merged[name] = {**merged.get(name, {}), **value} if is_section else value
    return merged
