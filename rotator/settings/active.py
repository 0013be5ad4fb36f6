"""The settings that hold now: read from the file and the variables, kept when they break.

What was found valid, or wrong, is remembered in the state folder, so that `validate` (and
pydantic with it) is loaded once for each change of the file and not by every command.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rotator import __version__
from rotator.errors import ConfigError
from rotator.model.preferences import Preferences, preferences_of
from rotator.settings.cache import SettingsCache, Validation, without_programs
from rotator.settings.sources import Values, overlaid, read_config_file, setting_variables
from rotator.system.paths import Paths


@dataclass(frozen=True, slots=True)
class ActiveSettings:
    """The preferences that hold, and in one sentence what is wrong with the settings, if it is.

    `is_kept`: they are the last good ones, because what stands there now cannot be used.
    `not_run` says in a sentence which program of theirs is not run, and why.
    """

    preferences: Preferences
    problem: str | None = None
    is_kept: bool = False
    not_run: str | None = None


def active_settings(paths: Paths, environ: Mapping[str, str] | None = None) -> ActiveSettings:
    """Return what holds now; never raises for settings that are wrong."""
    return SettingsLookup(paths, environ).answer()


class SettingsLookup:
    """One look at the settings: the answer from memory, or by reading closely."""

    def __init__(self, paths: Paths, environ: Mapping[str, str] | None = None) -> None:
        self.variables = setting_variables(os.environ if environ is None else environ)
        self.text: str | None = None
        self._paths = paths
        self._cache = SettingsCache(paths.settings_cache)
        self._problem: str | None = None
        self._other_owner: int | None = None
        try:
            read = read_config_file(paths.config_file)
        except ConfigError as exc:
            self._problem = exc.message
        else:
            if read is not None:
                self.text, self._other_owner = read.text, read.other_owner

    @property
    def is_known(self) -> bool:
        """Whether the answer needs no close reading."""
        return self._verdict() is not None

    def answer(self, fallback: Preferences | None = None) -> ActiveSettings:
        """Return what holds; `fallback` where the file is wrong and no good one is remembered."""
        verdict = self.verdict()
        below = verdict.of_file
        if below is None:
            below = self._cache.last_good()
            if below is None and fallback is not None:
                return ActiveSettings(fallback, verdict.problem, is_kept=True)
        preferences = preferences_of(overlaid(below or {}, verdict.of_variables))
        not_run = self._why_not_run() if preferences.hook_command else None
        if not_run is not None:
            preferences = replace(preferences, hook_command=())
        return ActiveSettings(
            preferences, verdict.problem, is_kept=verdict.of_file is None, not_run=not_run
        )

    def _why_not_run(self) -> str | None:
        """Return why no program is run that these settings name, None if it is.

        Whoever may write them would have it run with our rights.
        """
        of_whom = (
            (self._paths.config_file, self._other_owner),
            (self._paths.settings_cache, self._cache.other_owner),
        )
        return next(
            (
                f"hooks.command is not run: {place} belongs to another user (uid {owner});"
                " a rotator watch of that user runs it"
                for place, owner in of_whom
                if owner is not None
            ),
            None,
        )

    def verdict(self) -> Validation:
        """Return what close reading finds, or has found before."""
        return self._verdict() or self._read_closely()

    def last_good(self) -> Values:
        """Return what the last good file set."""
        return self._cache.last_good() or {}

    def _verdict(self) -> Validation | None:
        if not self.variables and self.text is None:
            return Validation({} if self._problem is None else None, {}, self._problem)
        return self._cache.verdict(self._key())

    def _key(self) -> str:
        facts = [__version__, self.text, self._problem, sorted(self.variables.items())]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _read_closely(self) -> Validation:
        from rotator.settings import validate  # noqa: PLC0415  # 0.3 s that a short command must not pay

        problem = self._problem
        of_file: Values | None = None
        of_variables: Values = {}
        try:
            of_variables = validate.read_variables(self.variables)
        except ConfigError as exc:
            problem = problem or exc.message
        if self._problem is None:
            try:
                of_file = validate.read_file(self.text or "")
            except ConfigError as exc:
                problem = exc.message
        verdict = Validation(of_file, of_variables, problem)
        # Once another file stands there nobody knows any more whose wish it was.
        good = of_file if self._other_owner is None else without_programs(of_file)
        self._cache.remember(self._key(), verdict, good)
        return verdict


def still_in_force(problem: str) -> str:
    """Return what is wrong with the settings, and what holds instead."""
    return f"{problem}; the last good settings hold"
