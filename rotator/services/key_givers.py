"""What may give a provider another key than auth.json's, in one opencode, as far as is seen.

Everything that could counts; what it really sends nobody tells without the bridge.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from rotator.context import Context
from rotator.model import Account
from rotator.opencode.auth.file import Whole, read_live
from rotator.opencode.config_files import (
    Config,
    config_folders,
    project_files,
    read_configs,
)
from rotator.opencode.configured_keys import (
    ConfiguredKey,
    files_in,
    foreign_sdks_in,
    key_digest,
    keys_in,
    variables_in,
)
from rotator.opencode.other_plugins import is_ours, may_send_own
from rotator.opencode.own_plugins import SENDS_LOGINS, TAKES_LOGINS
from rotator.opencode.plugin_files import Loaded, loaded_by
from rotator.opencode.state_database import has_organisation
from rotator.opencode.vendor_variables import before_logins, variables_of
from rotator.system.auth_content import AUTH_CONTENT, has_own_logins
from rotator.system.regular_files import changed_at, written_at
from rotator.text import sanitize

# With it none of its own plug-ins is loaded; a word that is none of these counts as yes.
WITHOUT_OWN_PLUGINS = "OPENCODE_DISABLE_DEFAULT_PLUGINS"
_NO = frozenset({"", "0", "false", "no", "off", "n"})
# opencode itself puts a line into its configuration when it has read it.
_WRITTEN_WITHIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Giver:
    """What gives a provider a key, in words; or may, where that is not `is_sure`.

    What `lasts` does so after a restart of that opencode as well.
    """

    says: str
    is_sure: bool = True
    lasts: bool = True


@dataclass(frozen=True)
class OpencodeInputs:
    """What one opencode reads: its environment, and the folders it works in.

    `started_at` is None where that opencode does not run, or not any more; `read_at` has when it
    read which piece of configuration.
    """

    environ: Mapping[str, str]
    folders: tuple[Path, ...]
    is_pure: bool = False
    started_at: datetime | None = None
    read_at: Mapping[Path, datetime] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"World({self.folders})"

    @property
    def has_loaders(self) -> bool:
        """Whether opencode's own plug-ins, which send logins with tokens, are loaded."""
        return self.environ.get(WITHOUT_OWN_PLUGINS, "").lower() in _NO

    def takes_login(self, put: Account) -> bool:
        """Tell whether that login is taken whatever key the environment has for its provider."""
        is_loaded = self.has_loaders and put.provider in TAKES_LOGINS
        return is_loaded and put.credential.type == "oauth"

    @cached_property
    def configs(self) -> list[Config]:
        """Its configuration."""
        return list(read_configs(self.environ, self.folders))

    @cached_property
    def code(self) -> list[Loaded]:
        """The code of other people that it loads."""
        if self.is_pure:
            return []
        home = Path(self.environ.get("HOME") or "/")
        cache = Path(self.environ.get("XDG_CACHE_HOME") or home / ".cache") / "opencode"
        plugins = loaded_by(self.configs, config_folders(self.environ, self.folders), cache)
        return [plugin for plugin in plugins if not is_ours(plugin)]


def givers(world: OpencodeInputs, context: Context, provider: str) -> Iterator[Giver]:
    """Yield what may give the provider a key of its own there, what is sure first."""
    active = context.store.state().active(provider)
    if has_own_logins(world.environ):
        yield Giver(AUTH_CONTENT)
    for key in configured(world, provider, active):
        yield Giver(sanitize(key.where))
    for name in variables(world, provider, active):
        yield Giver(f"the variable {sanitize(name)}")
    yield from _unread(world, context, provider)
    yield from _code(world, provider)
    if active is not None and _began_without_login(world, context, provider):
        for name in _set(world, active, _variables_of(world, provider)):
            yield Giver(f"the variable {sanitize(name)}", is_sure=False, lasts=False)


def _code(world: OpencodeInputs, provider: str) -> Iterator[Giver]:
    """Yield the code of other people that may give the provider a key."""
    for config in world.configs:
        for sdk in foreign_sdks_in(config, provider):
            yield Giver(f"the SDK {sanitize(sdk)}", is_sure=False)
    for plugin in world.code:
        says = f"the {plugin.kind} {sanitize(plugin.name)}"
        if may_send_own(plugin, provider):
            yield Giver(f"{says} (by its text)", is_sure=False)
        # What is installed gets an old time of writing, and may come with the first start.
        elif any(_is_later(written_at(path), world.started_at) for path in plugin.files):
            yield Giver(f"{says} (its text has changed since)", is_sure=False, lasts=False)


def may_load(world: OpencodeInputs, context: Context, put: Account) -> bool:
    """Tell whether something there may let opencode send that login, as far as is seen."""
    if put.credential.type != "oauth" or (world.has_loaders and put.provider in SENDS_LOGINS):
        return True
    return any((*_unread(world, context, put.provider), *_code(world, put.provider)))


def configured(
    world: OpencodeInputs, provider: str, active: Account | None
) -> Iterator[ConfiguredKey]:
    """Yield the keys that its configuration gives to the provider, but for the login's own."""
    live = None if active is None else active.credential.bare_digest
    for config in world.configs:
        for key in keys_in(config, world.environ):
            # A key that is the login's own is that login, wherever opencode got it.
            if key.provider == provider and key.digest != live:
                yield key


def variables(world: OpencodeInputs, provider: str, active: Account | None) -> Iterator[str]:
    """Yield the variables whose key opencode takes although there is a login.

    A key in auth.json goes before most; a login with tokens does where something loads it.
    """
    if active is None:
        return
    names = list(before_logins(provider))
    if active.credential.type == "oauth" and not world.takes_login(active):
        names += _variables_of(world, provider)
    yield from _set(world, active, names)


def _variables_of(world: OpencodeInputs, provider: str) -> list[str]:
    listed = [name for config in world.configs for name in variables_in(config, provider)]
    return [*listed, *variables_of(provider, world.environ)]


def _set(world: OpencodeInputs, active: Account, names: Iterable[str]) -> Iterator[str]:
    """Yield those of the variables that are set, to another key than the login's own."""
    for name in dict.fromkeys(names):
        value = world.environ.get(name)
        if value and key_digest(value) != active.credential.bare_digest:
            yield name


def _began_without_login(world: OpencodeInputs, context: Context, provider: str) -> bool:
    """Tell whether that opencode began before the provider had a login here, as far as is known.

    It goes on with the key that its environment gave it.
    """
    tenures = context.store.state().slot(provider).tenures
    return world.started_at is not None and bool(tenures) and world.started_at < tenures[0].since


def _unread(world: OpencodeInputs, context: Context, provider: str) -> Iterator[Giver]:
    """Yield the pieces of its configuration that cannot be read, and may give anything."""
    for config in world.configs:
        if config.value is None:
            yield Giver(f"{sanitize(config.where)} (it cannot be read)", is_sure=False)
    yield from _changed(world, provider)
    if (site := _well_known(world, context)) not in {None, provider}:
        says = f"the configuration that {sanitize(site)} brings (it is not read here)"
        yield Giver(says, is_sure=False)
    if has_organisation(context.paths.auth_file.parent, world.environ):
        says = "the configuration of an organisation of opencode's Console (it is not read here)"
        yield Giver(says, is_sure=False)


def _changed(world: OpencodeInputs, provider: str) -> Iterator[Giver]:
    """Yield the pieces of its configuration that are others by now than those that it has read."""
    for config in world.configs:
        read_at = world.read_at.get(Path(config.where))
        for path in (Path(config.where), *files_in(config, world.environ, provider)):
            if _is_later(changed_at(path), read_at):
                says = f"{sanitize(str(path))} (it has changed since that opencode read it)"
                yield Giver(says, is_sure=False, lasts=False)
    for path in project_files(world.environ, world.folders):
        if path in world.read_at and not os.path.lexists(path):
            says = f"{sanitize(str(path))} (it is gone since that opencode read it)"
            yield Giver(says, is_sure=False, lasts=False)


def _is_later(changed: datetime | None, read_at: datetime | None) -> bool:
    """Tell whether a file is another one by now than what an opencode has read then."""
    if changed is None or read_at is None:
        return False
    return changed > read_at + _WRITTEN_WITHIN


def _well_known(world: OpencodeInputs, context: Context) -> str | None:
    """Return a site whose well-known login is in auth.json, or was since that opencode began.

    opencode fetches a configuration from there and joins it to its own.
    """
    reading = read_live(context.paths.auth_file)
    for provider, entry in reading.entries.items() if isinstance(reading, Whole) else ():
        try:
            value = json.loads(entry.reveal())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get("type") == "wellknown":
            return provider
    state = context.store.state()
    for account in state.accounts:
        if account.credential.type == "wellknown":
            tenures = state.slot(account.provider).tenures
            ends = [*(tenure.since for tenure in tenures[1:]), None]
            if any(
                tenure.account == account.id and _is_after(end, world.started_at)
                for tenure, end in zip(tenures, ends, strict=False)
            ):
                return account.provider
    return None


def _is_after(end: datetime | None, started_at: datetime | None) -> bool:
    """Tell whether something was there when that opencode began, or is there still."""
    return end is None or (started_at is not None and end > started_at)
