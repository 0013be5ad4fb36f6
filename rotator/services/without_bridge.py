"""Why a running opencode has no bridge that we hear of, and what would help, if anything does.

What may not be looked into is taken for an opencode that was started before the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.bridge.presence import Present
from rotator.opencode.run_lines import Runs, runs_in
from rotator.system.liveness import inside
from rotator.system.paths import Paths
from rotator.system.processes import COMMAND, Opencode, environment, find_opencodes
from rotator.text import clean

_LOGS_WITHIN = timedelta(seconds=5)


class Lack(Enum):
    """Why nothing is heard of an opencode."""

    # It was started before the bridge was installed.
    OLDER = auto()
    # It only shows what its server does.
    CLIENT = auto()
    # It ends by itself.
    COMMAND = auto()
    # It loads no plug-ins.
    PURE = auto()
    # It loads its plug-ins from a folder without the bridge.
    CONFIG = auto()
    # Its bridge talks to another state folder.
    STATE = auto()
    # Its logins come from its environment.
    OWN_LOGINS = auto()


@dataclass(frozen=True, slots=True)
class Unbridged:
    """A running opencode, and why nothing is heard of it.

    `is_idle`: it has used no folder yet, and loads plug-ins and logins when it does. With
    `is_following` a bridge in it puts swapped credentials in, which we do not hear of.
    """

    opencode: Opencode
    lack: Lack
    is_idle: bool = False
    is_following: bool = False
    is_installed: bool = True

    @property
    def who(self) -> str:
        """The opencode, by its kind and pid."""
        return f"{self.opencode.kind} (pid {self.opencode.pid})"

    @property
    def uses_auth_json(self) -> bool:
        """Whether it sends requests with what is in auth.json."""
        return self.opencode.sends and self.lack is not Lack.OWN_LOGINS

    @property
    def is_stuck(self) -> bool:
        """Whether it goes on with the API key that it has until it is restarted."""
        return self.uses_auth_json and not self.is_idle and not self.is_following

    @property
    def hides_turns(self) -> bool:
        """Whether nobody knows when its turns are over."""
        return self.uses_auth_json and not self.is_idle

    @property
    def needs_restart(self) -> bool:
        """Whether a restart would bring it the bridge."""
        return self.lack is Lack.OLDER and not self.is_idle

    @property
    def says(self) -> str:
        """What is known of it, as the end of a sentence that begins with it."""
        if self.is_idle and self.lack is Lack.OLDER:
            return "has not been used yet: it loads plug-ins at its first request"
        paths = self.opencode.paths
        match self.lack:
            case Lack.CLIENT:
                return "shows what another opencode does, and sends no requests"
            case Lack.PURE:
                return "loads no plug-ins (--pure): failures are seen in its log only"
            case Lack.CONFIG if paths:
                return f"takes its plug-ins from {clean(paths.opencode_config)}, without the bridge"
            case Lack.STATE if paths:
                return f"has its state in {clean(paths.state)}: its bridge is not heard here"
            case Lack.OWN_LOGINS:
                return "takes its logins from OPENCODE_AUTH_CONTENT: no swap reaches it"
            case _:
                return "runs without the bridge"

    @property
    def to_do(self) -> str | None:
        """What would help, or None."""
        match self.lack:
            case Lack.CONFIG:
                named = "XDG_CONFIG_HOME or OPENCODE_CONFIG_DIR"
                return f"rotator bridge install with its {named}, then restart it"
            case Lack.STATE:
                return "start it with the XDG_STATE_HOME and ROTATOR_STATE_DIR of the watcher"
            case Lack.OLDER if self.is_idle:
                return None
            case Lack.OLDER if not self.is_installed:
                return "rotator bridge install, then restart it"
            case Lack.OLDER:
                return "restart it when it suits you"
            case _:
                return None


def bridgeless(paths: Paths, present: Sequence[Present]) -> list[Opencode]:
    """Return the running opencodes of this auth.json whose bridge, if any, is not heard here."""
    heard = {one.pid for one in present if one.is_here}
    # Of an opencode in a container we see another pid than it sees itself.
    elsewhere = {(one.namespace, one.pid) for one in present if not one.is_here}
    running = [one for one in find_opencodes(paths.auth_file.parent) if not one.is_second]
    silent = [one for one in running if one.pid not in heard]
    return [one for one in silent if not elsewhere or inside(one.pid) not in elsewhere]


def unbridged(
    paths: Paths, present: Sequence[Present], running: Sequence[Opencode] | None = None
) -> list[Unbridged]:
    """Return the same with what is known of each; commands that end by themselves are left out.

    `running` are those opencodes, where they have been looked for already.
    """
    found = bridgeless(paths, present) if running is None else running
    runs = runs_in(paths.opencode_logs) if any(o.kind == "serve" for o in found) else Runs({})
    is_installed = bridge_file(paths).version is not None
    told = [_looked_at(paths, one, runs, is_installed=is_installed) for one in found]
    return [one for one in told if one.lack is not Lack.COMMAND]


def following(present: Sequence[Present]) -> list[Present]:
    """Return the bridges that put what is in auth.json into requests."""
    return [one for one in present if not has_own_logins(one)]


def has_own_logins(one: Present) -> bool:
    """Tell whether that opencode takes its logins from its environment and not from auth.json."""
    return one.is_here and bool((environment(one.pid) or {}).get("OPENCODE_AUTH_CONTENT"))


def _looked_at(paths: Paths, one: Opencode, runs: Runs, *, is_installed: bool) -> Unbridged:
    return Unbridged(
        one,
        _lack(paths, one),
        is_idle=one.kind == "serve" and _is_idle(one, runs),
        is_following=_present_of(one) and not one.is_pure,
        is_installed=is_installed,
    )


def _is_idle(one: Opencode, runs: Runs) -> bool:
    told = runs.is_idle(one.started_at)
    # What it logs is written up to a second late.
    return datetime.now(UTC) - one.started_at < _LOGS_WITHIN if told is None else told


def _lack(paths: Paths, one: Opencode) -> Lack:
    if not one.sends:
        return Lack.COMMAND if one.kind == COMMAND else Lack.CLIENT
    if one.has_own_logins:
        return Lack.OWN_LOGINS
    if one.is_pure:
        return Lack.PURE
    if one.paths is None:
        return Lack.OLDER
    if one.paths.state != paths.state:
        return Lack.STATE if _present_of(one) or _loads_ours(paths, one.paths) else Lack.CONFIG
    return Lack.OLDER if _loads_ours(paths, one.paths) else Lack.CONFIG


def _loads_ours(paths: Paths, theirs: Paths) -> bool:
    """Tell whether an opencode with those paths loads the bridge that is installed for us."""
    if paths.opencode_config in {theirs.opencode_config, theirs.config.parent / "opencode"}:
        return True
    return bridge_file(theirs).version is not None


def _present_of(one: Opencode) -> bool:
    """Tell whether its bridge says in its own state folder that it is there."""
    return one.paths is not None and _file_of(one.paths, one.pid).is_file()


def _file_of(paths: Paths, pid: int) -> Path:
    return paths.bridge / "present" / f"{pid}.json"
