"""Every setting as it holds now and where that comes from, for whoever shows them.

It loads pydantic with the settings' model: a face imports it when it is used.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rotator.errors import UsageError
from rotator.settings.active import SettingsLookup
from rotator.settings.catalog import SETTINGS, Setting
from rotator.settings.sources import FILE_NAME
from rotator.settings.toml_positions import read_positions


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting with the value that holds, and where that comes from."""

    key: str
    value: Any
    default: Any
    kind: str
    where: str | None

    @property
    def origin(self) -> str:
        """Where the value comes from, for people."""
        if self.kind == "variable":
            return f"environment variable {self.where}"
        return self.where or self.kind


def setting_values(asked: SettingsLookup) -> list[SettingValue]:
    """Return every setting as it holds, with its origin: default, file, variable or cache."""
    verdict = asked.verdict()
    below = asked.last_good() if verdict.of_file is None else verdict.of_file
    places = None if verdict.of_file is None else read_positions(asked.text or "")
    settings = []
    for setting in SETTINGS:
        key, default = setting.key, setting.default
        if (value := _at(verdict.of_variables, setting.path)) is not None:
            settings.append(SettingValue(key, value, default, "variable", setting.variable))
        elif (value := _at(below, setting.path)) is None:
            settings.append(SettingValue(key, default, default, "default", None))
        elif places is None:
            settings.append(SettingValue(key, value, default, "cache", None))
        else:
            line, _ = places.find(setting.path)
            settings.append(SettingValue(key, value, default, "file", f"{FILE_NAME}:{line}"))
    return settings


def _at(values: Any, names: Sequence[str]) -> Any:
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def parse_argument(setting: Setting, member: str | None, words: Sequence[str]) -> Any:
    """Return what the words of a command line mean for that setting."""
    kind = setting.kind if member is None else setting.member_kind
    if kind is list:
        value = _read(words[0]) if len(words) == 1 else None
        return value if isinstance(value, list) else list(words)
    if len(words) > 1:
        raise UsageError(f"{setting.key} takes one value", hint="put it in quotes")
    return words[0] if kind is str else _read(words[0])


def _read(word: str) -> Any:
    """Return a word as the file would have it, or as JSON; else it is a text."""
    try:
        return tomllib.loads(f"value = {word}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return word
