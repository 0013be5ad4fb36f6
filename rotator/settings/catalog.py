"""Every setting by its name in the file: what it does, what it must be, what it is by itself.

Read off the schema, so whoever imports this loads pydantic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rotator.errors import ConfigError
from rotator.settings.schema import LONGEST_KEY, FileSettings, PrioritySettings, Section
from rotator.settings.sources import PREFIX
from rotator.settings.toml_values import nearest
from rotator.text import sanitize


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in the file, what it does, what it must be, what it is by itself."""

    key: str
    about: str
    rule: str
    each: str
    default: Any
    kind: type
    # Of a table of names: what each of them has.
    member_kind: type

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return PREFIX + self.key.upper().replace(".", "__")

    @property
    def path(self) -> tuple[str, ...]:
        """The names of its tables and its own."""
        return tuple(self.key.split("."))


def _settings_in(model: type[BaseModel], before: str = "") -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from _settings_in(inner, f"{before}{name}.")
        else:
            yield _described(f"{before}{name}", field)


def _described(key: str, field: FieldInfo) -> Setting:
    more = field.json_schema_extra
    rule, each = (str(more["rule"]), str(more["each"])) if isinstance(more, dict) else ("", "")
    default = None if field.is_required() else field.default
    inner = get_args(field.annotation)
    member_kind = list if inner and get_origin(inner[-1]) is list else str
    about = field.description or ""
    return Setting(key, about, rule, each, default, type(default), member_kind)


SETTINGS: tuple[Setting, ...] = tuple(_settings_in(FileSettings))
OF_A_PRIORITY: tuple[Setting, ...] = tuple(_settings_in(PrioritySettings, "priority."))
BY_KEY = {setting.key: setting for setting in (*SETTINGS, *OF_A_PRIORITY)}


def find_setting(key: str) -> tuple[Setting, str | None]:
    """Return the setting of that name, and which member of it where it is a table of names.

    Raises ConfigError, naming the nearest one.
    """
    for setting in SETTINGS:
        if key == setting.key:
            return setting, None
        if (
            setting.kind is dict
            and key.startswith(f"{setting.key}.")
            and len(key) > len(setting.key) + 1
        ):
            return setting, key[len(setting.key) + 1 :]
    if key in BY_KEY:
        raise ConfigError(f"{key}: each provider has its own", hint="rotator priority --help")
    raise ConfigError(
        f"{sanitize(key, LONGEST_KEY)}: {no_such_setting(key)}", hint="rotator config show"
    )


def no_such_setting(key: str) -> str:
    """Return that there is no setting of that name, and which may be meant."""
    # A table is meant more often than something in another one.
    beside = {".".join(setting.path[: key.count(".") + 1]) for setting in BY_KEY.values()}
    near = nearest(key, sorted(beside)) or nearest(key, list(BY_KEY))
    return f"there is no such setting{near}"
