"""Which provider gets a key from elsewhere in an opencode without the bridge, as far as is seen.

opencode's log names no credential. Where a request may have carried another one than the login
in auth.json, a failure in the log is evidence against nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rotator.context import Context
from rotator.model import Account
from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.bridge.presence import Present
from rotator.opencode.run_lines import Runs, runs_in
from rotator.services.key_givers import (
    WITHOUT_OWN_PLUGINS,
    OpencodeInputs,
    configured,
    givers,
    may_load,
    variables,
)
from rotator.services.without_bridge import (
    Unbridged,
    following,
    opencodes_without_bridge,
    unbridged,
)
from rotator.system.auth_content import AUTH_CONTENT
from rotator.system.processes import Opencode, environment
from rotator.text import sanitize


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A provider, and what gives it a key of its own, or (if not `is_sure`) may.

    What `lasts` does so after a restart of that opencode as well.
    """

    provider: str
    giver: str
    is_sure: bool = True
    lasts: bool = True

    @property
    def says(self) -> str:
        """The sentence about it."""
        if self.giver == AUTH_CONTENT:
            return (
                f"{sanitize(self.provider)}: {AUTH_CONTENT} gives the logins of an opencode,"
                " whatever auth.json holds, so nothing of it fails over and nobody is blamed for it"
            )
        gives = "gives" if self.is_sure else "may give"
        return (
            f"{sanitize(self.provider)}: {self.giver} {gives} a key of its own, so opencode's log"
            " blames no account; with the bridge the requests that carry a login from here are"
            " told apart"
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
            provider = sanitize(self.provider)
            return f"{self.giver} gives {provider} a key of its own, which no swap changes"
        key = f"the key of {self.alias}"
        return (
            f"{self.giver} gives {sanitize(self.provider)} {key}: an opencode begins with that one"
        )


def find_own_keys(
    context: Context,
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
    worlds = _worlds(context, present, run, running)
    keys = []
    for provider in providers:
        given = (giver for world in worlds for giver in givers(world, context, provider))
        if (giver := next(given, None)) is not None:
            keys.append(OwnKey(provider, giver.says, giver.is_sure, giver.lasts))
    return keys


def unreached(context: Context, present: Sequence[Present], put: Account) -> Unreached | None:
    """Return what gives the provider another key than that of `put`, whatever is swapped.

    With the bridge a key that has been in auth.json since its opencode began is replaced all the
    same. What only may be so is left out.
    """
    for world in _every_world(context, present):
        if world.takes_login(put):
            continue
        for key in configured(world, put.provider, put):
            ours = (a for a in context.store.state().of(put.provider))
            alias = next((a.alias for a in ours if a.credential.bare_digest == key.digest), None)
            return Unreached(put.provider, sanitize(key.where), alias)
        for name in variables(world, put.provider, put):
            return Unreached(put.provider, f"the variable {sanitize(name)}")
    return None


def is_sent(context: Context, present: Sequence[Present], put: Account) -> bool:
    """Tell whether an opencode that runs, or the next one, may send that login at all."""
    return any(may_load(world, context, put) for world in _every_world(context, present))


def why_unsent(context: Context, present: Sequence[Present], put: Account) -> str:
    """Return why no opencode sends that login, where none does."""
    says = f"opencode sends no such login to {sanitize(put.provider)}"
    if all(world.has_loaders for world in _every_world(context, present)):
        return f"{says} without a plug-in for that"
    return f"{says} while {WITHOUT_OWN_PLUGINS} is set"


def _every_world(context: Context, present: Sequence[Present]) -> list[OpencodeInputs]:
    bridged = [
        OpencodeInputs(
            environment(presence.pid) or os.environ,
            tuple(Path(name) for name in presence.directories),
        )
        for presence in following(present)
    ]
    return [*bridged, *_worlds(context, present, None, None)]


def own_key_sentences(
    context: Context,
    present: Sequence[Present],
    providers: Iterable[str],
    without: Sequence[Unbridged] | None = None,
) -> dict[str, str]:
    """Return for which of the providers the log is no evidence and why, where it would be one.

    That is while the bridge is not installed, or an opencode sends requests without it. `without`
    are those that nothing is heard of, where they have been looked at already.
    """
    looked_at = unbridged(context.paths, present) if without is None else without
    silent = [process.opencode for process in looked_at if process.hides_turns]
    if not silent and bridge_file(context.paths).version is not None:
        return {}
    keys = find_own_keys(context, present, providers, running=silent)
    return {key.provider: _of_all(key, keys).says for key in keys}


def _of_all(key: OwnKey, keys: Sequence[OwnKey]) -> OwnKey:
    """Return the same about every provider that it may be true of: that is one sentence."""
    if key.is_sure:
        return key
    alike = (each.provider for each in keys if (each.giver, each.lasts) == (key.giver, key.lasts))
    return replace(key, provider=", ".join(alike))


def _worlds(
    context: Context,
    present: Sequence[Present],
    run: str | None,
    running: Sequence[Opencode] | None,
) -> list[OpencodeInputs]:
    """Return what the opencodes read that may have written a line without the bridge.

    Where none of them runs any more it is what one would read that began as this process did, in
    the folders that are known.
    """
    runs = runs_in(context.paths.opencode_logs) if run else Runs({})
    used, read_at = tuple(runs.folders(run)), runs.loaded(run)
    processes = opencodes_without_bridge(context.paths, present) if running is None else running
    worlds = [
        world
        for process in processes
        if process.sends and (world := _world(process, used, read_at))
    ]
    if worlds:
        return worlds
    folders = used or tuple(Path(name) for presence in present for name in presence.directories)
    return [OpencodeInputs(os.environ, folders, read_at=read_at)]


def _world(
    process: Opencode, used: tuple[Path, ...], read_at: Mapping[Path, datetime]
) -> OpencodeInputs | None:
    environ = environment(process.pid)
    if environ is None:
        return None
    own = (process.folder,) if process.folder is not None else ()
    return OpencodeInputs(environ, (*used, *own), process.is_pure, process.started_at, read_at)
