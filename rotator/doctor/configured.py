"""Looks at the settings: config.toml, and the variables that stand before it."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.doctor.remark import Check, Remark, ok, problem
from rotator.doctor.setup import Setup
from rotator.errors import ConfigError
from rotator.settings_source import MEND, read_config, setting_variables


def look_at_settings(setup: Setup) -> Iterator[Remark]:
    """Say whether the settings can be used; raises ConfigError for a file that cannot be read."""
    path = setup.paths.config_file
    text, variables = read_config(path), setting_variables(setup.environ)
    if text is None and not variables:
        yield ok(Check.SETTINGS, f"{path} is not there: every setting has its default")
        return
    wrong = list(_wrong(text or "", variables))
    yield from wrong
    if not wrong:
        named = [str(path)] if text is not None else []
        yield ok(Check.SETTINGS, f"{', '.join([*named, *sorted(variables)])} can be used")


def _wrong(text: str, variables: dict[str, str]) -> Iterator[Remark]:
    from rotator import settings  # noqa: PLC0415  # 0.3 s that is not needed without settings

    try:
        settings.read_file(text)
    except ConfigError as exc:
        yield problem(Check.SETTINGS, exc.message, exc.hint or MEND)
    try:
        settings.read_variables(variables)
    except ConfigError as exc:
        yield problem(Check.SETTINGS, exc.message, exc.hint or "unset it, or set it right")
