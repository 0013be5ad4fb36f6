"""The settings of a process that lives long: the file is followed, and a change is read aside."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rotator.model.preferences import Preferences
from rotator.settings.active import ActiveSettings, SettingsLookup
from rotator.system.paths import Paths

# A file that was written so short a time ago may be written again within one tick of its clock.
_YOUNG_NS = 2_000_000_000
_CLOSE_SECONDS = 5.0
# An editor writes a file in less than this; one that is written all the time is read all the same.
_PAUSE_SECONDS = 0.1
_MOST_PAUSES = 6
Signature = tuple[int, int, int, int, int]


def signature(path: Path) -> Signature | None:
    """Return what changes whenever the file does, but for changes within one tick of its clock."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


_Answer = tuple[Signature | None, ActiveSettings]


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
        self._now: ActiveSettings | None = None

    @property
    def now(self) -> ActiveSettings | None:
        """What the last look found, None before the first one."""
        return self._now

    @property
    def preferences(self) -> Preferences:
        """What the user wants, as the last look found it."""
        return self._now.preferences if self._now else Preferences()

    def look(self) -> ActiveSettings:
        """Return what holds now; a problem stays until the settings are right again.

        The first look waits for its answer: there is none to go on with meanwhile.
        """
        if self._reader is None:
            self._look()
        else:
            with contextlib.suppress(queue.Empty):
                self._take(self._answers.get_nowait())
                self._reader = None
        return self._now or ActiveSettings(Preferences())

    def close(self) -> None:
        """End the thread, if one reads just now."""
        self._closed.set()
        if self._reader is not None:
            self._reader.join(_CLOSE_SECONDS)

    def _look(self) -> None:
        seen = self._look_at(self._paths.config_file)
        if seen == self._seen and self._is_settled:
            return
        asked = SettingsLookup(self._paths, self._environ)
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
                answer = seen, SettingsLookup(self._paths, self._environ).answer(fallback)
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
