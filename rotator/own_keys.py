"""Which provider gets a key from elsewhere in an opencode without the bridge, as far as is seen.

opencode's log names no credential. Where a request may have carried another one than the login
in auth.json, a failure in the log is evidence against nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rotator.books import Books
from rotator.model import Account
from rotator.opencode.config_files import Config, config_folders, read_configs
from rotator.opencode.configured_keys import ConfiguredKey, keys_in
from rotator.opencode.exchange import Present
from rotator.opencode.install import bridge_file
from rotator.opencode.other_plugins import may_send_own, plugin_files
from rotator.opencode.run_lines import runs_in
from rotator.processes import Opencode, environment
from rotator.text import clean
from rotator.unbridged import Unbridged, bridgeless, following, unbridged

# Their own loaders take a login from auth.json and not the environment's key (1.18.33).
_TAKES_LOGINS = frozenset({"openai", "github-copilot", "xai", "digitalocean", "snowflake-cortex"})


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A provider, and what gives it a key of its own."""

    provider: str
    giver: str

    @property
    def says(self) -> str:
        """The sentence about it."""
        return (
            f"{clean(self.provider)}: {self.giver} gives a key of its own, so opencode's log blames"
            " no account; with the bridge the requests that carry a login from here are told apart"
        )


@dataclass(frozen=True, slots=True)
class Unreached:
    """What gives a provider a key beside the login in auth.json, and whose of ours it is, if so."""

    provider: str
    giver: str
    alias: str | None = None

    @property
    def says(self) -> str:
        """The sentence about it."""
        if self.alias is None:
            return (
                f"{self.giver} gives {clean(self.provider)} a key of its own, which no swap changes"
            )
        key = f"the key of {self.alias}"
        return f"{self.giver} gives {clean(self.provider)} {key}: an opencode begins with that one"


@dataclass(frozen=True, slots=True)
class _World:
    """What one opencode reads: its environment, and the folders it works in."""

    environ: Mapping[str, str]
    folders: tuple[Path, ...]
    is_pure: bool = False


def find_own_keys(
    books: Books,
    present: Sequence[Present],
    providers: Iterable[str],
    *,
    run: str | None = None,
    running: Sequence[Opencode] | None = None,
) -> list[OwnKey]:
    """Return what gives those providers a key of their own where nobody tells whose request it is.

    `run` is the log's name of the process that failed, where it is about one failure; `running`
    are the opencodes without a bridge, where they have been looked for already.
    """
    worlds = _worlds(books, present, run, running)
    state = books.store.state()
    found = []
    for provider in providers:
        active = state.active(provider)
        givers = (giver for world in worlds for giver in _givers(world, provider, active))
        if (giver := next(givers, None)) is not None:
            found.append(OwnKey(provider, giver))
    return found


def unreached(books: Books, present: Sequence[Present], put: Account) -> Unreached | None:
    """Return what gives the provider another key than that of `put`, whatever is swapped.

    With the bridge a key that has been in auth.json since its opencode began is replaced all the
    same. What a plug-in's text only may mean is left out.
    """
    if put.credential.type == "oauth" and put.provider in _TAKES_LOGINS:
        return None
    bridged = [
        _World(environment(one.pid) or os.environ, tuple(Path(name) for name in one.directories))
        for one in following(present)
    ]
    for world in (*bridged, *_worlds(books, present, None, None)):
        configs = list(read_configs(world.environ, world.folders))
        for key in _configured(world, configs, put.provider, put):
            ours = (a for a in books.store.state().of(put.provider))
            alias = next((a.alias for a in ours if a.credential.digest == key.digest), None)
            return Unreached(put.provider, clean(key.where), alias)
        for variable in _variables(world, configs, put.provider, put):
            return Unreached(put.provider, variable)
    return None


def own_key_sentences(
    books: Books,
    present: Sequence[Present],
    providers: Iterable[str],
    without: Sequence[Unbridged] | None = None,
) -> dict[str, str]:
    """Return for which of the providers the log is no evidence and why, where it would be one.

    That is while the bridge is not installed, or an opencode sends requests without it. `without`
    are those that nothing is heard of, where they have been looked at already.
    """
    looked_at = unbridged(books.paths, present) if without is None else without
    silent = [one.opencode for one in looked_at if one.hides_turns]
    if not silent and bridge_file(books.paths).version is not None:
        return {}
    return {
        one.provider: one.says for one in find_own_keys(books, present, providers, running=silent)
    }


def _worlds(
    books: Books,
    present: Sequence[Present],
    run: str | None,
    running: Sequence[Opencode] | None,
) -> list[_World]:
    """Return what the opencodes read that may have written a line without the bridge.

    Where none of them runs any more it is what one would read that began as this process did, in
    the folders that are known.
    """
    used = tuple(runs_in(books.paths.opencode_logs).folders(run)) if run else ()
    # A bridge that leaves every request alone tells nothing of them.
    found = bridgeless(books.paths, following(present)) if running is None else running
    worlds = [world for one in found if one.sends and (world := _world(one, used))]
    if worlds:
        return worlds
    folders = used or tuple(Path(name) for one in present for name in one.directories)
    return [_World(os.environ, folders)]


def _world(one: Opencode, used: tuple[Path, ...]) -> _World | None:
    environ = environment(one.pid)
    if environ is None:
        return None
    own = (one.folder,) if one.folder is not None else ()
    return _World(environ, used or own, one.is_pure)


def _givers(world: _World, provider: str, active: Account | None) -> Iterator[str]:
    """Yield what gives the provider a key of its own, in words."""
    if world.environ.get("OPENCODE_AUTH_CONTENT"):
        yield "OPENCODE_AUTH_CONTENT"
    configs = list(read_configs(world.environ, world.folders))
    for key in _configured(world, configs, provider, active):
        yield clean(key.where)
    if not world.is_pure:
        yield from _plugins(world, configs, provider)
    yield from _variables(world, configs, provider, active)


def _configured(
    world: _World, configs: Iterable[Config], provider: str, active: Account | None
) -> Iterator[ConfiguredKey]:
    live = None if active is None else active.credential.digest
    for config in configs:
        for key in keys_in(config, world.environ):
            # A key that is the login's own is that login, wherever opencode got it.
            if key.provider == provider and key.digest != live:
                yield key


def _plugins(world: _World, configs: Iterable[Config], provider: str) -> Iterator[str]:
    folders = config_folders(world.environ, world.folders)
    home = Path(world.environ.get("HOME") or "/")
    cache = Path(world.environ.get("XDG_CACHE_HOME") or home / ".cache") / "opencode"
    for path in plugin_files(configs, folders, cache):
        if may_send_own(path, provider):
            yield f"the plug-in {clean(path)} (by its text)"


def _variables(
    world: _World, configs: Iterable[Config], provider: str, active: Account | None
) -> Iterator[str]:
    """Yield the variable whose key opencode takes although there is a login.

    A key in auth.json goes before it; a login with tokens does where something loads it.
    """
    if active is None or active.credential.type != "oauth" or provider in _TAKES_LOGINS:
        return
    for config in configs:
        told = (config.value or {}).get("provider")
        one = told.get(provider) if isinstance(told, dict) else None
        names = one.get("env") if isinstance(one, dict) else None
        for name in names if isinstance(names, list) else ():
            if isinstance(name, str) and world.environ.get(name):
                yield f"the variable {clean(name)}"
