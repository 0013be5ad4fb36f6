"""Why a running opencode has no bridge that we hear of, and what would help, if anything does.

What may not be looked into is taken for an opencode that was started before the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from rotator.opencode.bridge.install import BridgeFile, bridge_file
from rotator.opencode.bridge.presence import Present, second_bridges_of
from rotator.opencode.run_lines import Runs, runs_in
from rotator.system import auth_content
from rotator.system.auth_content import AUTH_CONTENT
from rotator.system.liveness import pid_inside
from rotator.system.paths import Paths
from rotator.system.processes import COMMAND, Opencode, environment, find_opencodes
from rotator.text import sanitize

_LOGS_WITHIN = timedelta(seconds=5)
_OWN_LOGINS = f"takes its logins from {AUTH_CONTENT}: no swap reaches it"
_SECOND = "is an OpenCode 2: its logins are in its database"
_SECOND_UNUSED = "is an OpenCode 2: it loads the bridge when it first uses a folder"
_SECOND_ALONE = "is an OpenCode 2 without the bridge: nothing fails over in it"
_INSTALL = "rotator bridge install: it loads it by itself"
OWN_LOGINS_TO_DO = f"start it without {AUTH_CONTENT} if rotator shall change its accounts"


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
    # It is an OpenCode 2.
    SECOND = auto()


@dataclass(frozen=True, slots=True)
class Unbridged:
    """A running opencode, and why nothing is heard of it.

    `is_idle`: it has used no folder yet, and loads plug-ins and logins when it does. Where that is
    not known it is not `is_sure`, and counts as one that has used some. With
    `is_following` a bridge in it puts swapped credentials in, which we do not hear of; of an
    OpenCode 2 we do.
    """

    opencode: Opencode
    lack: Lack
    is_idle: bool = False
    is_following: bool = False
    is_installed: bool = True
    is_sure: bool = True

    @property
    def who(self) -> str:
        """The opencode, by its kind and pid."""
        return f"{self.opencode.kind} (pid {self.opencode.pid})"

    @property
    def uses_auth_json(self) -> bool:
        """Whether it sends requests with what is in auth.json."""
        return self.opencode.sends and self.lack not in {Lack.OWN_LOGINS, Lack.SECOND}

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
        return self.lack is Lack.OLDER and not self.is_idle and self.is_sure

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
                return (
                    f"takes its plug-ins from {sanitize(paths.opencode_config)}, without the bridge"
                )
            case Lack.STATE if paths:
                return f"has its state in {sanitize(paths.state)}: its bridge is not heard here"
            case Lack.OWN_LOGINS | Lack.SECOND:
                return _OWN_LOGINS if self.lack is Lack.OWN_LOGINS else self._says_of_second
            case Lack.OLDER if not self.is_sure:
                return "may run without the bridge: its log does not say whether it has been used"
            case _:
                return "runs without the bridge"

    @property
    def _says_of_second(self) -> str:
        if self.is_following:
            return _SECOND
        return _SECOND_UNUSED if self.is_installed else _SECOND_ALONE

    @property
    def to_do(self) -> str | None:
        """What would help, or None."""
        match self.lack:
            case Lack.CONFIG:
                named = "XDG_CONFIG_HOME or OPENCODE_CONFIG_DIR"
                return f"rotator bridge install with its {named}, then restart it"
            case Lack.STATE:
                return "start it with the XDG_STATE_HOME and ROTATOR_STATE_DIR of the watcher"
            case Lack.OWN_LOGINS:
                return OWN_LOGINS_TO_DO
            case Lack.SECOND:
                return _INSTALL if self._says_of_second == _SECOND_ALONE else None
            case Lack.OLDER if self.is_idle:
                return None
            case Lack.OLDER if self.is_installed and not self.is_sure:
                return "restart it if it was used before the bridge was installed"
            case Lack.OLDER:
                later = "restart it when it suits you"
                return later if self.is_installed else "rotator bridge install, then restart it"
            case _:
                return None


def opencodes_without_bridge(
    paths: Paths, present: Sequence[Present], everyone: Sequence[Opencode] | None = None
) -> list[Opencode]:
    """Return the running opencodes of this auth.json whose bridge, if any, is not heard here.

    `everyone` are all of this auth.json that run, where they have been looked for already.
    """
    # Of a bridge that leaves every request alone nothing is heard.
    heard = {presence.pid for presence in following(present) if presence.is_here}
    # Of an opencode in a container we see another pid than it sees itself.
    elsewhere = {(presence.namespace, presence.pid) for presence in present if not presence.is_here}
    running = find_opencodes(paths.auth_file.parent) if everyone is None else everyone
    silent = [process for process in running if process.pid not in heard]
    processes = [
        process for process in silent if not elsewhere or pid_inside(process.pid) not in elsewhere
    ]
    # A program that lies anywhere tells its version in the log alone.
    runs = runs_in(paths.opencode_logs) if any(process.sends for process in processes) else Runs({})
    return [replace(o, is_second=o.is_second or runs.is_second(o.started_at)) for o in processes]


def unbridged(
    paths: Paths, present: Sequence[Present], running: Sequence[Opencode] | None = None
) -> list[Unbridged]:
    """Return the same with what is known of each; commands that end by themselves are left out.

    `running` are those opencodes, where they have been looked for already.
    """
    processes = opencodes_without_bridge(paths, present) if running is None else running
    runs = runs_in(paths.opencode_logs) if any(o.kind == "serve" for o in processes) else Runs({})
    is_installed = bridge_file(paths).version is not None
    second = {bridge.pid for bridge in second_bridges_of(paths)}
    told = [_looked_at(paths, process, runs, is_installed=is_installed) for process in processes]
    told = [
        replace(t, is_following=t.opencode.pid in second) if t.lack is Lack.SECOND else t
        for t in told
    ]
    return [process for process in told if process.lack is not Lack.COMMAND]


def following(present: Sequence[Present]) -> list[Present]:
    """Return the bridges that put what is in auth.json into requests."""
    return [presence for presence in present if not has_own_logins(presence)]


def sends_unmarked(paths: Paths, process: Opencode) -> bool:
    """Tell whether an opencode with a bridge may have used a folder before the bridge was there.

    In such a folder its requests go out without it.
    """
    return process.sends and not _was_there(bridge_file(process.paths or paths), process.started_at)


def has_own_logins(presence: Present) -> bool:
    """Tell whether that opencode takes its logins from its environment and not from auth.json."""
    if presence.aside == AUTH_CONTENT:
        return True
    # A bridge of an older version does not say so.
    return presence.is_here and auth_content.has_own_logins(environment(presence.pid) or {})


def aside_says(presence: Present) -> str | None:
    """Return why the bridge of that opencode leaves every request alone, or None."""
    return _OWN_LOGINS if has_own_logins(presence) else None


def _looked_at(paths: Paths, process: Opencode, runs: Runs, *, is_installed: bool) -> Unbridged:
    lack = _lack(paths, process)
    is_idle = _is_idle(paths, process, lack, runs) if process.kind == "serve" else False
    return Unbridged(
        process,
        lack,
        is_idle=is_idle is True,
        is_following=_present_of(process) and not process.is_pure,
        is_installed=is_installed,
        is_sure=is_idle is not None,
    )


def _is_idle(paths: Paths, process: Opencode, lack: Lack, runs: Runs) -> bool | None:
    """Tell whether a server has used no folder yet; None: nothing says so."""
    told = runs.is_idle(process.started_at)
    if told is not None:
        return told
    # What it logs is written up to a second late.
    if datetime.now(UTC) - process.started_at < _LOGS_WITHIN:
        return True
    # Had it used one since, it would have loaded the bridge.
    return (
        True if lack is Lack.OLDER and _was_there(bridge_file(paths), process.started_at) else None
    )


def _was_there(bridge: BridgeFile, at: datetime) -> bool:
    """Tell whether the bridge was in its place by then and is the same still."""
    try:
        facts = bridge.path.stat()
    except OSError:
        return False
    is_older = max(facts.st_mtime, facts.st_ctime) < at.timestamp()
    return bridge.version is not None and is_older


def _lack(paths: Paths, process: Opencode) -> Lack:
    if process.is_second and process.kind != COMMAND:
        return Lack.SECOND
    if not process.sends:
        return Lack.COMMAND if process.kind == COMMAND else Lack.CLIENT
    if process.has_own_logins:
        return Lack.OWN_LOGINS
    if process.is_pure:
        return Lack.PURE
    if process.paths is None:
        return Lack.OLDER
    if process.paths.state != paths.state:
        return (
            Lack.STATE if _present_of(process) or _loads_ours(paths, process.paths) else Lack.CONFIG
        )
    return Lack.OLDER if _loads_ours(paths, process.paths) else Lack.CONFIG


def _loads_ours(paths: Paths, theirs: Paths) -> bool:
    """Tell whether an opencode with those paths loads the bridge that is installed for us."""
    if paths.opencode_config in {theirs.opencode_config, theirs.config.parent / "opencode"}:
        return True
    return bridge_file(theirs).version is not None


def _present_of(process: Opencode) -> bool:
    """Tell whether its bridge says in its own state folder that it is there."""
    return process.paths is not None and _file_of(process.paths, process.pid).is_file()


def _file_of(paths: Paths, pid: int) -> Path:
    return paths.bridge / "present" / f"{pid}.json"
