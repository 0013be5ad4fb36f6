"""Which provider gets a key from elsewhere in an opencode without the bridge, as far as is seen.

opencode's log names no credential. Where a request may have carried another one than the login
in auth.json, a failure in the log is evidence against nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rotator.context import Context
from rotator.model import Account
from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.bridge.presence import Present
from rotator.opencode.run_lines import Runs, runs_in
from rotator.opencode.state_database import folder_of_session
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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as is known.

    The log's name of its process, its session, and folders that the process has used and of which
    the log may not tell any more.
    """

    run: str | None = None
    session: str | None = None
    folders: Sequence[Path] = ()


_ANYWHERE = Origin()


def find_own_keys(
    context: Context,
    present: Sequence[Present],
    providers: Iterable[str],
    origin: Origin = _ANYWHERE,
    *,
    running: Sequence[Opencode] | None = None,
) -> list[OwnKey]:
    """Return what gives those providers a key of their own where nobody tells whose request it is.

    `origin` is that of a request that failed, where it is about one; `running` are the opencodes
    without a bridge, where they have been looked for already.
    """
    worlds = _worlds(context, present, origin, running)
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
    return [*bridged, *_worlds(context, present, _ANYWHERE, None)]


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
    origin: Origin,
    running: Sequence[Opencode] | None,
) -> list[OpencodeInputs]:
    """Return what the opencodes read that may have written a line without the bridge.

    Where none of them runs any more it is what one would read that began as this process did, in
    the folders that are known.
    """
    runs = runs_in(context.paths.opencode_logs) if origin.run else Runs({})
    used = (*runs.folders(origin.run), *origin.folders)
    processes = opencodes_without_bridge(context.paths, present) if running is None else running
    inputs = [(process, environment(process.pid)) for process in processes if process.sends]
    worlds = [
        OpencodeInputs(
            environ,
            _distinct(*used, _folder_of(context, environ, origin), process.folder),
            process.is_pure,
            process.started_at,
            runs.loaded(origin.run),
        )
        for process, environ in inputs
        if environ is not None
    ]
    if worlds:
        return worlds
    known = _distinct(*used, _folder_of(context, os.environ, origin))
    present_folders = (Path(name) for presence in present for name in presence.directories)
    folders = known or tuple(present_folders)
    return [OpencodeInputs(os.environ, folders, read_at=runs.loaded(origin.run))]


def _folder_of(context: Context, environ: Mapping[str, str], origin: Origin) -> Path | None:
    return folder_of_session(context.paths.auth_file.parent, environ, origin.session)


def _distinct(*folders: Path | None) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folder for folder in folders if folder is not None))
