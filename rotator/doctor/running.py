"""Looks at what runs: the watcher and what starts it, opencodes, file notifications."""

from __future__ import annotations

import plistlib
import shlex
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.parsers.expat import ExpatError

from rotator import __version__
from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.doctor.setup import DoctorContext, listed
from rotator.opencode.auth.file import Whole, read_live
from rotator.opencode.bridge.install import bridge_file, bridge_source, version_in
from rotator.opencode.bridge.presence import Present, bridges_of
from rotator.opencode.bridge.watcher_files import polled_by, published
from rotator.services.unseen_requests import OWN_PLUGIN_TO_DO, unseen_requests, unseen_to_do
from rotator.services.without_bridge import OWN_LOGINS_TO_DO, aside_says, unbridged
from rotator.system.locks import watch_holder, watcher_pid
from rotator.system.processes import COMMAND, find_elsewhere
from rotator.text import sanitize
from rotator.wording import moment_in_full

# A watcher says that it is there every thirty seconds.
_SILENT = timedelta(minutes=2)
_LIMITS = Path("/proc/sys/fs/inotify")
_FEW_INSTANCES, _FEW_WATCHES = 32, 1024
_RAISE = "raise fs.inotify.max_user_instances and fs.inotify.max_user_watches"
_LARGEST_UNIT = 64 * 1024


def look_at_watcher(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether a watcher runs, of which version, and whether it works."""
    holder = watch_holder(setup.paths.watch_lock, beat=setup.paths.beat)
    if holder is None:
        says = "no watcher runs: nothing is captured and nothing fails over"
        yield problem(Check.WATCHER, says, "rotator watch starts one")
        return
    if holder.is_stopped:
        says = f"the watcher ({holder}) is {holder.how_stopped}"
        says = f"{says}: nothing is captured and nothing fails over"
        yield problem(Check.WATCHER, says, holder.way_on)
        return
    told = published(setup.paths)
    if told is None or told.pid != holder.pid:
        says = f"a watcher ({holder}) runs and has told opencode nothing yet"
        to_do = f"if it stays so, end it ({holder.way_to_end}) and start another"
        yield note(Check.WATCHER, says, to_do)
    elif abs(setup.now - told.at) > _SILENT:
        says = f"the watcher ({holder}) has said nothing since {moment_in_full(told.at)}"
        yield problem(Check.WATCHER, says, f"{holder.way_to_end}, then rotator watch")
    elif told.version != __version__:
        says = f"the watcher ({holder}) is of version {told.version}, this is {__version__}"
        yield note(Check.WATCHER, says, "start it anew")
    else:
        yield ok(Check.WATCHER, f"a watcher runs ({holder}), version {told.version}")


# -- what starts it -------------------------------------------------------------------------


def look_at_service(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether something starts the watcher by itself, and whether that would work."""
    units = [(path, words) for path, words in _units(setup) if _starts_watcher(words)]
    for path, words in units:
        if shutil.which(words[0], path=setup.environ.get("PATH", "")) is None:
            says = f"{path} starts {sanitize(words[0])}, which is not there"
            yield problem(Check.SERVICE, says, "install the program there, or mend the file")
        else:
            yield ok(Check.SERVICE, f"{path} starts the watcher")
    if not units:
        says = "nothing starts the watcher by itself"
        yield note(Check.SERVICE, says, "start it at login, or keep a terminal for it")


def _units(setup: DoctorContext) -> Iterator[tuple[Path, list[str]]]:
    """Yield services of the user's and the words of what they start."""
    home = Path(setup.environ.get("HOME") or "/")
    for path in listed(setup.paths.config.parent / "systemd" / "user"):
        if path.suffix == ".service":
            yield from ((path, words) for words in _systemd_commands(_head(path)))
    for path in listed(home / "Library" / "LaunchAgents"):
        if path.suffix == ".plist":
            yield path, _launchd_command(_head(path))


def _starts_watcher(words: list[str]) -> bool:
    return "watch" in words[1:] and any("rotator" in word for word in words)


def _systemd_commands(content: bytes) -> Iterator[list[str]]:
    for line in content.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "ExecStart":
            try:
                # Signs before the path say how it is started (systemd.service(5)).
                yield shlex.split(value.strip().lstrip("@-:+!"))
            except ValueError:
                continue


def _launchd_command(content: bytes) -> list[str]:
    try:
        words = plistlib.loads(content).get("ProgramArguments")
    except (ValueError, AttributeError, ExpatError):
        return []
    return [str(word) for word in words] if isinstance(words, list) else []


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_LARGEST_UNIT)
    except OSError:
        return b""


# -- file notifications ---------------------------------------------------------------------


def look_at_notifications(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say what the watcher has to poll, and what the system allows."""
    pid = watcher_pid(setup.paths.watch_lock)
    polled = [] if pid is None else polled_by(setup.paths, pid)
    if polled:
        says = f"{', '.join(polled)} is polled: the system has no file notifications left"
        yield note(Check.NOTIFICATIONS, says, _RAISE)
        return
    instances, watches = _limit("max_user_instances"), _limit("max_user_watches")
    if instances is None or watches is None:
        return
    says = f"the system allows {instances} watching programs and {watches} watched files"
    if instances < _FEW_INSTANCES or watches < _FEW_WATCHES:
        yield note(Check.NOTIFICATIONS, f"{says}, which is little", _RAISE)
    else:
        yield ok(Check.NOTIFICATIONS, says)


def _limit(name: str) -> int | None:
    try:
        return int((_LIMITS / name).read_text("ascii"))
    except (OSError, ValueError):
        return None  # beside Linux there is no such limit


# -- the bridge and opencodes -----------------------------------------------------------------


def look_at_bridge(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether the bridge is in place, and which running opencodes have loaded it."""
    bridge = bridge_file(setup.paths)
    if bridge.version is None and bridge.exists:
        says = f"{bridge.path} is not a file of ours"
        yield problem(Check.BRIDGE, says, "move it away, then rotator bridge install")
    elif bridge.version is None:
        says = "the bridge is not installed: no failed request is sent again"
        yield problem(Check.BRIDGE, says, "rotator bridge install, then restart opencode")
    elif not bridge.current:
        says = f"the bridge in {bridge.path} is another one ({bridge.version}) than this version's"
        yield problem(Check.BRIDGE, says, "rotator bridge install", mendable=True)
    else:
        yield ok(Check.BRIDGE, f"{bridge.path} is in place, version {bridge.version}")
    yield from _opencodes(setup)
    yield from _elsewhere(setup)


def _opencodes(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say what is to be known of the bridges in running opencodes, and of those without one."""
    present, newest = bridges_of(setup.paths), version_in(bridge_source())
    for opencode in present:
        if opencode.bridge != newest:
            says = f"opencode {opencode.who} runs with the bridge {opencode.bridge}"
            yield note(Check.BRIDGE, says, f"restart it to use {newest}")
    for says in unseen_requests(present, _live_providers(setup)):
        to_do = unseen_to_do(says)
        # What nobody can change is no fault.
        say = note if to_do == OWN_PLUGIN_TO_DO else problem
        yield say(Check.BRIDGE, says, to_do)
    for opencode in present:
        if (aside := aside_says(opencode)) and not opencode.is_here:
            yield note(Check.BRIDGE, f"opencode {opencode.who} {aside}", OWN_LOGINS_TO_DO)
    for other in unbridged(setup.paths, present):
        says = f"opencode {other.who} {other.says}"
        say = problem if other.needs_restart else note
        yield say(Check.BRIDGE, says, other.to_do)


def _live_providers(setup: DoctorContext) -> list[str]:
    live = read_live(setup.paths.auth_file)
    return list(live.entries) if isinstance(live, Whole) else []


def _elsewhere(setup: DoctorContext) -> Iterator[CheckResult]:
    """Name the opencodes whose logins lie elsewhere; nothing here is about those."""
    for opencode in find_elsewhere(setup.paths.auth_file.parent):
        if opencode.paths is not None and opencode.kind != COMMAND and not opencode.is_second:
            is_ours = opencode.home == setup.environ.get("HOME")
            auth_file = sanitize(opencode.paths.auth_file)
            says = f"opencode {opencode.kind} (pid {opencode.pid}) uses {auth_file}"
            if is_ours:
                to_do = "a watcher with its XDG_DATA_HOME takes care of those logins"
                yield note(Check.BRIDGE, says, to_do)
            else:
                yield note(Check.BRIDGE, f"{says}, of another HOME")


def running_versions(setup: DoctorContext) -> list[Present]:
    """Return the opencodes whose bridge has told which version they are of."""
    return [bridge for bridge in bridges_of(setup.paths) if bridge.opencode]
