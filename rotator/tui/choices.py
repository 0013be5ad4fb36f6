"""Priorities and settings: read with their origins, and changed in config.toml."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from rotator.books import Books
from rotator.errors import UsageError
from rotator.preferences import Priority
from rotator.settings_file import Asked
from rotator.settings_source import FILE_NAME
from rotator.tui import effects as do
from rotator.tui.messages import Ended, Message, SettingsRead
from rotator.tui.world import Setting


def move_priority(effect: do.MovePriority) -> Callable[[Books], Message]:
    """Return the job that moves a provider in the order."""

    def moved(order: tuple[Priority, ...]) -> tuple[Priority, ...]:
        names = [one.provider for one in order]
        if effect.provider not in names:
            return order
        at = names.index(effect.provider)
        rest = [*order[:at], *order[at + 1 :]]
        rest.insert(max(at + effect.by, 0), order[at])
        return tuple(rest)

    return _reordered(effect.job, moved, f"{effect.provider} was moved")


def set_priority(effect: do.SetPriority) -> Callable[[Books], Message]:
    """Return the job that sets a provider's model or switches it; a new one comes last."""

    def changed(order: tuple[Priority, ...]) -> tuple[Priority, ...]:
        if all(one.provider != effect.provider for one in order):
            order = (*order, Priority(effect.provider))
        return tuple(
            _with(one, effect) if one.provider == effect.provider else one for one in order
        )

    if effect.model is not None:
        says = f"{effect.provider} uses {effect.model}"
    else:
        says = f"{effect.provider} is {'on' if effect.enabled else 'off'}"
    return _reordered(effect.job, changed, says)


def _with(one: Priority, effect: do.SetPriority) -> Priority:
    return replace(
        one,
        model=one.model if effect.model is None else effect.model,
        enabled=one.enabled if effect.enabled is None else effect.enabled,
    )


def _reordered(
    job: int, change: Callable[[tuple[Priority, ...]], tuple[Priority, ...]], says: str
) -> Callable[[Books], Message]:
    def work(books: Books) -> Message:
        # pydantic and tomlkit are loaded by the first change only.
        from rotator import config_edit  # noqa: PLC0415

        config_edit.change_priorities(books.paths, change)
        books.announce()
        return Ended(job, says)

    return work


def set_setting(effect: do.SetSetting) -> Callable[[Books], Message]:
    """Return the job that writes a setting; an empty value gives it its default again."""

    def work(books: Books) -> Message:
        from rotator import config_edit  # noqa: PLC0415  # as above

        if effect.value:
            config_edit.set_value(books.paths, effect.name, _value(effect))
            says = f"{effect.name} is {effect.value}"
        else:
            config_edit.unset_value(books.paths, effect.name)
            says = f"{effect.name} has its default again"
        books.announce()
        return Ended(effect.job, says)

    return work


def _value(effect: do.SetSetting) -> Any:
    """Return what was typed as the kind of value that the setting has."""
    from rotator.settings import find_setting  # noqa: PLC0415  # as above

    setting, _ = find_setting(effect.name)
    if setting.kind is str:
        return effect.value
    try:
        return tomllib.loads(f"value = {effect.value}")["value"]
    except tomllib.TOMLDecodeError as exc:
        message = f"{effect.name}: must be {setting.rule}, as TOML has it"
        raise UsageError(message, hint="a text stands in quotes, a list in brackets") from exc


def read_settings(books: Books) -> Message:
    """Return every setting with its value and where that comes from."""
    settings = importlib.import_module("rotator.settings")
    edit = importlib.import_module("rotator.config_edit")
    asked = Asked(books.paths)
    verdict = asked.verdict()
    of_file = asked.last_good() if verdict.of_file is None else verdict.of_file
    found = []
    for one in settings.SETTINGS:
        if one.key == edit.PRIORITY:
            continue
        value, origin = one.default, "default"
        for values, source in ((of_file, FILE_NAME), (verdict.of_variables, one.variable)):
            there = _at(values, one.path)
            if there is not None:
                value, origin = there, source
        text = value if one.kind is str else edit.rendered(value)
        found.append(Setting(one.key, str(text), origin, one.about, one.kind is bool))
    return SettingsRead(tuple(found))


def _at(values: Any, path: Iterable[str]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values
