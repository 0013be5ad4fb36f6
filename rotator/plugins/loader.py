"""Loads the provider modules, ours by name and others by entry point, when one is asked for.

Most commands ask for none, and all of them together take longer to load than such a command
takes otherwise. A module that cannot be loaded costs itself: it is logged, and a sentence says
so in `problems`.
"""

from __future__ import annotations

import functools
import importlib
import logging
import pkgutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from rotator.plugins.entry_points import EntryPoint, entry_points
from rotator.provider import Provider
from rotator.text import clean

log = logging.getLogger(__name__)

# Under this name installed packages announce modules of their own.
GROUP = "opencode_rotator.providers"


class Shelf(Mapping[str, Provider]):
    """The providers by their ids; an id is whose module named it first, and ours come first."""

    def __init__(self, package: str = "providers", group: str = GROUP) -> None:
        self._package = package
        self._announced = tuple(entry_points(group))
        # Several threads of the watcher may be the first to ask.
        self._lock = threading.RLock()
        self._loaded: dict[str, Provider] | None = None
        self._problems: list[str] = []

    def __getitem__(self, key: str) -> Provider:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @property
    def known_problems(self) -> tuple[str, ...]:
        """A sentence for each module that is known to be broken.

        Packages of others are tried for it. Ours are not, since they came whole.
        """
        if self._announced:
            self._all()
        return tuple(self._problems)

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each module that is broken, after trying each."""
        self._all()
        return tuple(self._problems)

    def _all(self) -> Mapping[str, Provider]:
        with self._lock:
            if self._loaded is None:
                self._loaded = {}
                for name, load in self._files():
                    self._loaded = self._read(name, load) | self._loaded
            return self._loaded

    def _files(self) -> Iterator[tuple[str, Callable[[], Iterable[Provider]]]]:
        """Yield what there is to load, with its name for people."""
        for info in pkgutil.iter_modules(importlib.import_module(self._package).__path__):
            if not info.name.startswith("_"):
                yield info.name, functools.partial(_providers, f"{self._package}.{info.name}")
        for point in self._announced:
            yield f"{point.name} of the package {point.package}", functools.partial(_theirs, point)

    def _read(self, name: str, load: Callable[[], Iterable[Provider]]) -> dict[str, Provider]:
        try:
            found = {str(key): one for one in load() for key in one.ids}
        except (Exception, SystemExit) as exc:
            log.exception("provider module was not loaded", extra={"module_name": name})
            self._complain(f"the provider module {name} was not loaded: {exc}")
            return {}
        if taken := sorted(found.keys() & (self._loaded or {}).keys()):
            self._complain(f"the provider module {name} is not used for {', '.join(taken)}")
        return found

    def _complain(self, sentence: str) -> None:
        self._problems.append(clean(sentence))


def _providers(module: str, attribute: str = "PROVIDERS") -> Iterable[Provider]:
    found: Iterable[Provider] = getattr(importlib.import_module(module), attribute)
    return found


def _theirs(point: EntryPoint) -> Iterable[Provider]:
    return _providers(point.module, point.attribute or "PROVIDERS")
