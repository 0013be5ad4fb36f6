"""Priorities and settings: read with their origins, and changed in config.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rotator.context import Context
from rotator.model.preferences import Priority
from rotator.settings.active import SettingsLookup
from rotator.tui.model import effects as do
from rotator.tui.model.messages import JobFinished, Message, SettingsRead
from rotator.tui.model.world import SettingRow


def move_priority(effect: do.MovePriority) -> Callable[[Context], Message]:
    """Return the job that moves a provider in the order."""

    def moved(order: tuple[Priority, ...]) -> tuple[Priority, ...]:
        names = [priority.provider for priority in order]
        if effect.provider not in names:
            return order
        at = names.index(effect.provider)
        rest = [*order[:at], *order[at + 1 :]]
        rest.insert(max(at + effect.by, 0), order[at])
        return tuple(rest)

    return _reordered(effect.job, moved, f"{effect.provider} was moved")


def set_priority(effect: do.SetPriority) -> Callable[[Context], Message]:
    """Return the job that sets a provider's model or switches it; a new one comes last."""

    def changed(order: tuple[Priority, ...]) -> tuple[Priority, ...]:
        if all(priority.provider != effect.provider for priority in order):
            order = (*order, Priority(effect.provider))
        return tuple(
            _with(priority, effect) if priority.provider == effect.provider else priority
            for priority in order
        )

    if effect.model is not None:
        says = f"{effect.provider} uses {effect.model}"
    else:
        says = f"{effect.provider} is {'on' if effect.enabled else 'off'}"
    return _reordered(effect.job, changed, says)


def _with(priority: Priority, effect: do.SetPriority) -> Priority:
    return replace(
        priority,
        model=priority.model if effect.model is None else effect.model,
        enabled=priority.enabled if effect.enabled is None else effect.enabled,
    )


def _reordered(
    job: int, change: Callable[[tuple[Priority, ...]], tuple[Priority, ...]], says: str
) -> Callable[[Context], Message]:
    def work(context: Context) -> Message:
        # pydantic and tomlkit are loaded by the first change only.
        from rotator.settings import edit as config_edit  # noqa: PLC0415

        config_edit.change_priorities(context.paths, change)
        context.notify_changed()
        return JobFinished(job, says)

    return work


def set_setting(effect: do.SetSetting) -> Callable[[Context], Message]:
    """Return the job that writes a setting; an empty value gives it its default again."""

    def work(context: Context) -> Message:
        from rotator.settings import edit as config_edit  # noqa: PLC0415  # as above
        from rotator.settings.catalog import find_setting  # noqa: PLC0415  # as above
        from rotator.settings.origins import parse_argument  # noqa: PLC0415  # as above

        if effect.value:
            setting, member = find_setting(effect.name)
            value = parse_argument(setting, member, [effect.value])
            config_edit.set_value(context.paths, effect.name, value)
            says = f"{effect.name} is {effect.value}"
        else:
            config_edit.unset_value(context.paths, effect.name)
            says = f"{effect.name} has its default again"
        context.notify_changed()
        return JobFinished(effect.job, says)

    return work


def read_settings(context: Context) -> Message:
    """Return every setting with its value and where that comes from."""
    from rotator.settings.catalog import find_setting  # noqa: PLC0415  # as above
    from rotator.settings.edit import PRIORITY  # noqa: PLC0415  # as above
    from rotator.settings.inline_values import rendered  # noqa: PLC0415  # as above
    from rotator.settings.origins import setting_values  # noqa: PLC0415  # as above

    settings = []
    for setting in setting_values(SettingsLookup(context.paths)):
        if setting.key == PRIORITY:
            # They have a screen of their own.
            continue
        about, _ = find_setting(setting.key)
        value = setting.value if isinstance(setting.value, str) else rendered(setting.value)
        is_switch = isinstance(setting.default, bool)
        settings.append(SettingRow(setting.key, value, setting.origin, about.about, is_switch))
    return SettingsRead(tuple(settings))
