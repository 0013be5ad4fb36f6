"""The settings that hold now: read from the file and the variables, kept when they break.

What was found valid, or wrong, is remembered in the state folder, so that `validate` (and
pydantic with it) is loaded once for each change of the file and not by every command.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rotator import __version__
from rotator.errors import ConfigError, StoreError
from rotator.model.preferences import Preferences, preferences_of
from rotator.settings.sources import (
    LARGEST_BYTES,
    Values,
    overlaid,
    read_config,
    setting_variables,
)
from rotator.system.files import publish
from rotator.system.paths import Paths, private_folder
from rotator.system.regular_files import head

SCHEMA = 1

_MOST_VERDICTS = 4
_LARGEST_CACHE = 8 * LARGEST_BYTES
# A file that was written so short a time ago may be written again within one tick of its clock.
_YOUNG_NS = 2_000_000_000
_CLOSE_SECONDS = 5.0
# An editor writes a file in less than this; one that is written all the time is read all the same.
_PAUSE_SECONDS = 0.1
_MOST_PAUSES = 6

Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class InForce:
    """The preferences that hold, and in one sentence what is wrong with the settings, if it is.

    `is_kept`: they are the last good ones, because what stands there now cannot be used.
    """

    preferences: Preferences
    problem: str | None = None
    is_kept: bool = False


# -- what holds ----------------------------------------------------------------------------------


def in_force(paths: Paths, environ: Mapping[str, str] | None = None) -> InForce:
    """Return what holds now; never raises for settings that are wrong."""
    return Asked(paths, environ).answer()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What close reading found: what the file sets, what the variables set, what is wrong.

    Without `of_file` the file cannot be used.
    """

    of_file: Values | None
    of_variables: Values
    problem: str | None


class Asked:
    """One look at the settings: the answer from memory, or by reading closely."""

    def __init__(self, paths: Paths, environ: Mapping[str, str] | None = None) -> None:
        self.variables = setting_variables(os.environ if environ is None else environ)
        self.text: str | None = None
        self._cache = _Cache(paths.settings_cache)
        self._problem: str | None = None
        try:
            self.text = read_config(paths.config_file)
        except ConfigError as exc:
            self._problem = exc.message

    @property
    def is_known(self) -> bool:
        """Whether the answer needs no close reading."""
        return self._verdict() is not None

    def answer(self, fallback: Preferences | None = None) -> InForce:
        """Return what holds; `fallback` where the file is wrong and no good one is remembered."""
        verdict = self.verdict()
        below = verdict.of_file
        if below is None:
            below = self._cache.last_good()
            if below is None and fallback is not None:
                return InForce(fallback, verdict.problem, is_kept=True)
        values = overlaid(below or {}, verdict.of_variables)
        return InForce(preferences_of(values), verdict.problem, is_kept=verdict.of_file is None)

    def verdict(self) -> Verdict:
        """Return what close reading finds, or has found before."""
        return self._verdict() or self._read_closely()

    def last_good(self) -> Values:
        """Return what the last good file set."""
        return self._cache.last_good() or {}

    def _verdict(self) -> Verdict | None:
        if not self.variables and self.text is None:
            return Verdict({} if self._problem is None else None, {}, self._problem)
        return self._cache.verdict(self._key())

    def _key(self) -> str:
        facts = [__version__, self.text, self._problem, sorted(self.variables.items())]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _read_closely(self) -> Verdict:
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
        found = Verdict(of_file, of_variables, problem)
        self._cache.remember(self._key(), found)
        return found


class _Cache:
    """What was found valid or wrong, by what was read; a file of ours that may be lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value: dict[str, Any] = {}
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(head(path, _LARGEST_CACHE) or b"null")
            if isinstance(value, dict) and value.get("schema") == SCHEMA:
                self._value = value

    def verdict(self, key: str) -> Verdict | None:
        """Return what was found in what has that key, None if it is not known."""
        try:
            found = Verdict(**self._value["verdicts"][key])
            preferences_of(overlaid(found.of_file or {}, found.of_variables))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return found

    def last_good(self) -> Values | None:
        """Return what the last file that was valid set, None if it is not known."""
        good = self._value.get("good")
        try:
            preferences_of(good or {})
        except ValueError:
            return None
        return good

    def remember(self, key: str, found: Verdict) -> None:
        """Write down what was found; a failure costs time alone."""
        known = self._value.get("verdicts")
        older = list(known.items()) if isinstance(known, dict) else []
        kept = [one for one in older if one[0] != key][1 - _MOST_VERDICTS :]
        self._value = {
            "schema": SCHEMA,
            # An empty file may be one that is being written just now.
            "good": found.of_file or self._value.get("good"),
            "verdicts": dict([*kept, (key, asdict(found))]),
        }
        with contextlib.suppress(OSError, StoreError):
            private_folder(self._path.parent)
            publish(self._path, json.dumps(self._value).encode())


# -- taking up changes ---------------------------------------------------------------------------


def signature(path: Path) -> Signature | None:
    """Return what changes whenever the file does, but for changes within one tick of its clock."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


_Answer = tuple[Signature | None, InForce]


class SettingsFile:
    """What holds, looked at again whenever the file may have changed; for whoever runs on.

    `look` costs one stat while nothing changes. With `later` it never takes long: where the
    file may still be written, or has to be read closely, a thread does that; `look` returns what
    held before, and `later` is called when the next `look` will know more. Use it from one
    thread, and close it.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        environ: Mapping[str, str] | None = None,
        later: Callable[[], None] | None = None,
        look_at: Callable[[Path], Signature | None] = signature,
    ) -> None:
        self._paths = paths
        self._environ = dict(os.environ if environ is None else environ)
        self._later = later
        self._look_at = look_at
        self._seen: Signature | None = None
        self._is_settled = False
        self._reader: threading.Thread | None = None
        self._answers: queue.SimpleQueue[_Answer | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._now: InForce | None = None

    @property
    def now(self) -> InForce | None:
        """What the last look found, None before the first one."""
        return self._now

    @property
    def preferences(self) -> Preferences:
        """What the user wants, as the last look found it."""
        return self._now.preferences if self._now else Preferences()

    def look(self) -> InForce:
        """Return what holds now; a problem stays until the settings are right again.

        The first look waits for its answer: there is none to go on with meanwhile.
        """
        if self._reader is None:
            self._look()
        else:
            with contextlib.suppress(queue.Empty):
                self._take(self._answers.get_nowait())
                self._reader = None
        return self._now or InForce(Preferences())

    def close(self) -> None:
        """End the thread, if one reads just now."""
        self._closed.set()
        if self._reader is not None:
            self._reader.join(_CLOSE_SECONDS)

    def _look(self) -> None:
        seen = self._look_at(self._paths.config_file)
        if seen == self._seen and self._is_settled:
            return
        asked = Asked(self._paths, self._environ)
        if self._later is None or self._now is None or (asked.is_known and asked.text):
            self._take((seen, asked.answer(self._fallback())))
        else:
            self._begin(self._later)

    def _take(self, answer: _Answer | None) -> None:
        if answer is not None:
            self._seen, self._now = answer
            self._is_settled = self._seen is None or _age_ns(self._seen) > _YOUNG_NS

    def _fallback(self) -> Preferences | None:
        return self._now.preferences if self._now else None

    def _begin(self, later: Callable[[], None]) -> None:
        fallback = self._fallback()

        def read() -> None:
            answer = None
            try:
                seen = self._at_rest()
                answer = seen, Asked(self._paths, self._environ).answer(fallback)
            finally:
                self._answers.put(answer)
                later()

        self._reader = threading.Thread(target=read, name="settings", daemon=True)
        self._reader.start()

    def _at_rest(self) -> Signature | None:
        """Wait until nobody writes any more: half a file of TOML is a file of TOML, too."""
        seen = self._look_at(self._paths.config_file)
        for _ in range(_MOST_PAUSES):
            self._closed.wait(_PAUSE_SECONDS)
            before, seen = seen, self._look_at(self._paths.config_file)
            if seen == before:
                break
        return seen


def _age_ns(seen: Signature) -> int:
    return time.time_ns() - max(seen[3:])


def still_in_force(problem: str) -> str:
    """Return what is wrong with the settings, and what holds instead."""
    return f"{problem}; the last good settings hold"
