"""What a config.toml or the variables set, if all is allowed; else a sentence that says why not.

Loads pydantic, which takes 0.3 s. Nothing here reads a file or the
process's environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError as Invalid
from pydantic_settings import EnvSettingsSource

from rotator.errors import ConfigError
from rotator.settings.catalog import BY_KEY, SETTINGS, Setting, no_such_setting
from rotator.settings.schema import LONGEST_KEY, FileSettings, Settings
from rotator.settings.sources import FILE_NAME, MEND, OTHER_VARIABLES, PREFIX
from rotator.settings.toml_positions import read_positions
from rotator.settings.toml_values import nearest, parse, shown
from rotator.text import sanitize

# How pydantic marks that the name of a member is wrong, and what is no matter of a value.
_KEY = "[key]"
_OF_THE_KEY = frozenset({"extra_forbidden", "missing"})


class _Variables(EnvSettingsSource):
    """Reads the variables that are passed in instead of the process's own."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in variables.items() if value}


def read_file(text: str) -> dict[str, Any]:
    """Return what the text of a config.toml sets, as plain values; raises ConfigError."""
    values = parse(text)
    try:
        return FileSettings.model_validate(values, strict=True).model_dump(exclude_unset=True)
    except Invalid as exc:
        raise _about_file(exc, text) from exc


def read_variables(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the variables set, as plain values; raises ConfigError."""
    known = {setting.variable: setting for setting in SETTINGS}
    for name, value in sorted(variables.items()):
        if name not in known:
            raise ConfigError(f"{sanitize(name, LONGEST_KEY)}: {_no_such_variable(name, known)}")
        if known[name].kind in {dict, list}:
            _require_json(name, value, known[name])
    try:
        # pydantic-settings knows how a name leads to a nested field, and which ones are JSON.
        return Settings(**_Variables(variables)()).model_dump(exclude_unset=True)
    except Invalid as exc:
        raise _about_variable(exc) from exc


def _require_json(name: str, value: str, setting: Setting) -> None:
    try:
        json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{name}: must be {setting.rule}, written as JSON") from exc


def _no_such_variable(name: str, known: Mapping[str, Setting]) -> str:
    # What all of them begin with makes none of them alike.
    ends = [variable.removeprefix(PREFIX) for variable in [*known, *OTHER_VARIABLES]]
    return f"no setting has this variable{nearest(name.removeprefix(PREFIX), ends, PREFIX)}"


def _about_variable(exc: Invalid) -> ConfigError:
    error = exc.errors(include_url=False)[0]
    names = _names(error["loc"])
    setting = next(
        setting for setting in SETTINGS if list(setting.path) == names[: len(setting.path)]
    )
    within = "".join(f"{name}: " for name in names[len(setting.path) :])
    return ConfigError(f"{setting.variable}: {within}{_wrong(error)}")


def _about_file(exc: Invalid, text: str) -> ConfigError:
    """Return what is wrong first in the file, with the place where it stands."""
    places = read_positions(text)
    faults = [
        (places.find(error["loc"], key=error["type"] in _OF_THE_KEY), error)
        for error in exc.errors(include_url=False)
    ]
    (line, column), error = min(faults, key=lambda fault: fault[0])
    key = sanitize(".".join(_names(error["loc"])), LONGEST_KEY)
    where = f"line {line}, column {column}"
    return ConfigError(f"{FILE_NAME}: {key}: {_wrong(error)} ({where})", hint=MEND)


def _names(loc: Sequence[str | int]) -> list[str]:
    return [part for part in loc if isinstance(part, str) and part != _KEY]


def _wrong(error: Any) -> str:
    """Return what is wrong, in words of the setting that it belongs to."""
    names = _names(error["loc"])
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return no_such_setting(sanitize(".".join(names), LONGEST_KEY))
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"must be {_rule(error['loc'], names)}, not {shown(error['input'])}"


def _rule(loc: Sequence[str | int], names: list[str]) -> str:
    if _KEY in loc:
        return "a name without blanks"
    known = [".".join(names[:count]) for count in range(len(names), 0, -1)]
    setting = next((BY_KEY[key] for key in known if key in BY_KEY), None)
    if setting is None:
        return "a table"
    return setting.rule if len(loc) <= len(setting.path) else setting.each
