"""Looks at the settings: config.toml, the variables before it, and the programs that they want."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.doctor.setup import DoctorContext
from rotator.errors import ConfigError
from rotator.model.preferences import preferences_of
from rotator.settings.active import active_settings
from rotator.settings.sources import MEND, overlaid, read_config, setting_variables
from rotator.text import sanitize
from rotator.watcher.notify_commands import notifier, notifier_name


def look_at_settings(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether the settings can be used; raises ConfigError for a file that cannot be read."""
    path = setup.paths.config_file
    text, variables = read_config(path), setting_variables(setup.environ)
    if text is None and not variables:
        yield ok(Check.SETTINGS, f"{path} is not there: every setting has its default")
        return
    wrong, values = _read(text or "", variables)
    yield from wrong
    if not wrong:
        named = [str(path)] if text is not None else []
        yield ok(Check.SETTINGS, f"{', '.join([*named, *sorted(variables)])} can be used")
        yield from _programs(setup, values)


def _read(text: str, variables: dict[str, str]) -> tuple[list[CheckResult], dict[str, Any]]:
    """Return what is wrong, and the values of both."""
    from rotator.settings import validate  # noqa: PLC0415  # 0.3 s that is not needed without settings

    wrong, of_file, of_variables = [], {}, {}
    try:
        of_file = validate.read_file(text)
    except ConfigError as exc:
        wrong.append(problem(Check.SETTINGS, exc.message, exc.hint or MEND))
    try:
        of_variables = validate.read_variables(variables)
    except ConfigError as exc:
        wrong.append(problem(Check.SETTINGS, exc.message, exc.hint or "unset it, or set it right"))
    return wrong, dict(overlaid(of_file, of_variables))


def _programs(setup: DoctorContext, values: dict[str, Any]) -> Iterator[CheckResult]:
    """Say which program is missing that the watcher is to tell of events."""
    wanted = preferences_of(values)
    if wanted.desktop_notifications and notifier(setup.environ) is None:
        says = f"nothing can be shown on the desktop: there is no {notifier_name()}"
        yield note(Check.SETTINGS, says, f"install {notifier_name()}, or put it on the PATH")
    not_run = active_settings(setup.paths, setup.environ).not_run
    if not_run is not None:
        yield note(Check.SETTINGS, *not_run.split("; "))
        return
    for program in wanted.hook_command[:1]:
        if shutil.which(program, path=setup.environ.get("PATH", "")) is None:
            says = f"hooks.command cannot be started: there is no program {sanitize(program)}"
            yield note(Check.SETTINGS, says, "rotator config set hooks.command names another one")
