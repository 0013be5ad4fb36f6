"""Loads the provider modules, ours by name and others by entry point, when one is asked for.

Most commands ask for none, and all of them together take longer to load than such a command
takes otherwise. A module that cannot be loaded costs itself: it is logged, and a sentence says
so in `problems`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import pkgutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rotator.provider import Provider
from rotator.text import sanitize

if TYPE_CHECKING:
    from importlib.metadata import Distribution

log = logging.getLogger(__name__)

# Under this name installed packages announce modules of their own.
GROUP = "opencode_rotator.providers"


@dataclass(frozen=True, slots=True)
class Announced:
    """A line of a package's announcement: `module`, and what is in it."""

    name: str
    module: str
    attribute: str
    package: str = ""


class ProviderLoader(Mapping[str, Provider]):
    """The providers by their ids; an id is whose module named it first, and ours come first."""

    def __init__(self, package: str = "providers", group: str = GROUP) -> None:
        self._package = package
        self._group = group
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
        """A sentence for each module that is known to be broken; none is tried for it."""
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
        for point in announced(self._group):
            load = functools.partial(_providers, point.module, point.attribute)
            yield f"{point.name} of the package {point.package}", load

    def _read(self, name: str, load: Callable[[], Iterable[Provider]]) -> dict[str, Provider]:
        try:
            providers = {str(key): provider for provider in load() for key in provider.ids}
        except (Exception, SystemExit) as exc:
            log.exception("provider module was not loaded", extra={"module_name": name})
            self._complain(f"the provider module {name} was not loaded: {exc}")
            return {}
        if taken := sorted(providers.keys() & (self._loaded or {}).keys()):
            self._complain(f"the provider module {name} is not used for {', '.join(taken)}")
        return providers

    def _complain(self, sentence: str) -> None:
        self._problems.append(sanitize(sentence))


def _providers(module: str, attribute: str = "PROVIDERS") -> Iterable[Provider]:
    providers: Iterable[Provider] = getattr(importlib.import_module(module), attribute)
    return providers


def announced(group: str, folders: Iterable[str] | None = None) -> list[Announced]:
    """Return what packages in `folders` (else on the path) announce, by the packages' names.

    Of two packages of one name the first counts, as for an import. One whose announcement or
    name cannot be read is passed over.
    """
    # It takes longer to load than all else that a short command does.
    from importlib.metadata import distributions  # noqa: PLC0415

    packages = list(distributions() if folders is None else distributions(path=list(folders)))
    # Who announces nothing need not be asked for its name, which takes a while.
    if not any(_points(package, group) for package in packages):
        return []
    first: dict[str, list[Announced]] = {}
    for package in packages:
        with contextlib.suppress(Exception):
            name, version = str(package.metadata["Name"]), package.version
            points = [replace(p, package=f"{name}-{version}") for p in _points(package, group)]
            first.setdefault(name.replace("_", "-").lower(), points)
    return [point for _, points in sorted(first.items()) for point in points]


def _points(package: Distribution, group: str) -> list[Announced]:
    # What somebody's package holds may be anything.
    with contextlib.suppress(Exception):
        points = package.entry_points.select(group=group)
        return [Announced(point.name, point.module, point.attr or "PROVIDERS") for point in points]
    return []
