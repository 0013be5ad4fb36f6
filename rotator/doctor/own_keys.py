"""Looks for keys that opencode takes instead of those in auth.json, and for who else sends some."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from rotator.doctor.check_result import Check, CheckResult, note
from rotator.doctor.setup import DoctorContext
from rotator.live.knowledge import try_parse
from rotator.model import Credential
from rotator.opencode.auth.file import Whole, read_live
from rotator.opencode.bridge.presence import bridges_of
from rotator.opencode.config_files import Config, config_folders, read_configs
from rotator.opencode.configured_keys import ConfiguredKey, keys_in
from rotator.opencode.key_substitutes import may_substitute
from rotator.opencode.other_plugins import may_send_own
from rotator.opencode.plugin_files import loaded_by
from rotator.system.processes import environment, find_opencodes
from rotator.text import sanitize

_MAY_PASS_BY = (
    "the bridge tells such requests apart where it sees what is sent; where it does not, nobody is"
    " blamed and nothing fails over"
)


def look_for_own_keys(setup: DoctorContext) -> Iterator[CheckResult]:
    """Name the providers that get a key from elsewhere, and what cannot be read of it."""
    live, seen = _live(setup), set()
    for environ, folders in _worlds(setup):
        configs = list(read_configs(environ, folders))
        for result in (
            *_configured(configs, environ, live),
            *_plugins(configs, environ, folders, live),
        ):
            if result.says not in seen:
                seen.add(result.says)
                yield result


def look_for_wellknown(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say what holds for logins whose token opencode reads at its start."""
    for provider, credential in sorted(_live(setup).items()):
        if credential.type == "wellknown":
            says = (
                f"the token of {sanitize(provider)} goes out under other providers' names:"
                " only with the bridge is a limit of it seen, and a swapped one put into requests"
            )
            to_do = "after a swap restart what else uses it: opencode reads it at its start"
            yield note(Check.OPENCODE, says, to_do)


def _worlds(setup: DoctorContext) -> Iterator[tuple[Mapping[str, str], list[Path]]]:
    """Yield environments with folders: of whoever asks, and of the opencodes that run."""
    own = {**setup.environ, "XDG_CONFIG_HOME": str(setup.paths.config.parent)}
    yield own, [Path(name) for bridge in bridges_of(setup.paths) for name in bridge.directories]
    for opencode in find_opencodes(setup.paths.auth_file.parent):
        environ = environment(opencode.pid) if opencode.sends else None
        if environ is not None:
            yield environ, [opencode.folder] if opencode.folder else []


def _live(setup: DoctorContext) -> Mapping[str, Credential]:
    reading = read_live(setup.paths.auth_file)
    if not isinstance(reading, Whole):
        return {}
    parsed = {provider: try_parse(provider, entry) for provider, entry in reading.entries.items()}
    return {name: login for name, login in parsed.items() if isinstance(login, Credential)}


def _configured(
    configs: list[Config], environ: Mapping[str, str], live: Mapping[str, Credential]
) -> Iterator[CheckResult]:
    for config in configs:
        if config.value is None:
            says = f"{sanitize(config.where)} cannot be read: a key in it is not seen"
            yield note(Check.OPENCODE, says, "opencode says what is wrong with it")
        # A provider may be given several, and is named once.
        for name in sorted(
            {key.provider for key in keys_in(config, environ) if _is_own(key, live)}
        ):
            says = (
                f"{sanitize(config.where)} has a key of {name}, which opencode takes before"
                " auth.json's: such requests are left alone, and without the bridge opencode's log"
                f" blames no account of {name}"
            )
            yield note(Check.OPENCODE, says, "take it out to use the logins")


def _is_own(key: ConfiguredKey, live: Mapping[str, Credential]) -> bool:
    """Tell whether it is another one than the login in auth.json."""
    login = live.get(key.provider)
    return login is None or login.bare_digest != key.digest


def _plugins(
    configs: list[Config],
    environ: Mapping[str, str],
    folders: list[Path],
    live: Mapping[str, Credential],
) -> Iterator[CheckResult]:
    home = Path(environ.get("HOME") or os.sep)
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "opencode"
    for plugin in loaded_by(configs, config_folders(environ, folders), cache):
        names = [name for name in sorted(live) if may_send_own(plugin, name)]
        if names:
            says = (
                f"the {plugin.kind} {sanitize(plugin.name)} may send keys of its own for"
                f" {', '.join(names)}, by its text: without the bridge opencode's log blames"
                " no account of theirs"
            )
            # What passes the bridge's fetch by is told by that very text.
            to_do = (
                _MAY_PASS_BY if may_substitute(plugin) else "the bridge tells such requests apart"
            )
            yield note(Check.OPENCODE, says, to_do)
