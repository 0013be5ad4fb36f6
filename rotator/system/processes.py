"""Other processes: does a pid still run, since when, and which opencodes are there.

The only importer of psutil, which is loaded where there is no /proc.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from rotator.system.auth_content import has_own_logins
from rotator.system.paths import Paths, find_paths

_HAS_PROC = sys.platform.startswith("linux")
_PROC = Path("/proc")
_START_FIELD = 19  # of what follows the command's name; field 22 of the whole line


def start_ticks(pid: int) -> str | None:
    """Return when `pid` started, as the kernel counts it, or None where that cannot be told.

    Linux only: clock ticks since boot, from /proc (proc_pid_stat(5), field 22). Unlike a date
    it does not move when the clock is set, so pid and ticks together name one process.
    """
    fields = _facts(pid)
    return fields[_START_FIELD].decode("ascii") if len(fields) > _START_FIELD else None


def has_ended(pid: int) -> bool:
    """Tell whether a process does nothing any more, and is only kept until somebody notes it."""
    return _facts(pid)[:1] in ([b"Z"], [b"X"], [b"x"])


def _facts(pid: int) -> list[bytes]:
    """Return what the kernel says of a process behind its name; nothing where there is no /proc."""
    if not _HAS_PROC:
        return []
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    # The name stands in brackets and may itself hold brackets and blanks.
    return line[line.rfind(b")") + 2 :].split()


def started(pid: int) -> datetime | None:
    """Return the time at which `pid` started, to a hundredth of a second; None beside Linux.

    psutil reckons from the second in which the system started, and is up to one off.
    """
    ticks = start_ticks(pid)
    if ticks is None:
        return None
    up_seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    ago_seconds = up_seconds - int(ticks) / os.sysconf("SC_CLK_TCK")
    return datetime.now(UTC) - timedelta(seconds=ago_seconds)


def is_running(pid: int) -> bool:
    """Tell whether a process with that pid exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


# What opencode is told to do in a second or in a dialogue: it answers nobody's messages.
_COMMANDS = frozenset(
    {
        *("auth", "providers", "models", "session", "stats", "export", "import", "upgrade"),
        *("uninstall", "mcp", "agent", "debug", "db", "completion", "plugin", "plug"),
        *("console", "generate", "github", "pr", "service"),
    }
)
_ACP = "acp"
_SERVERS = frozenset({"serve", "web", _ACP})
ATTACH, COMMAND = "attach", "command"
_ON = frozenset({"1", "true", "yes", "on", "y"})
_INTERPRETERS = frozenset({"bun", "node"})
# What ends opencode at once, and what else has no value where it looks for its command (1.18.33);
# the bridge has the same rules.
_ENDS = frozenset({"-h", "--help", "-v", "--version"})
_VALUELESS = _ENDS | {"--print-logs", "--printLogs", "--pure"}
_NEGATIVE = re.compile(r"-(?:\d+(?:\.\d+)?|\.\d+)")
# The value of a short option may be written into the same word.
_HAS_VALUE = re.compile(r"--no-.*|--[^=]+=.*|-[^-]*\w\W.*|-\w*[A-Za-z]\d+", re.DOTALL)
_OF_SECOND = re.compile(r"(?:^|/)@opencode(?:-ai)?/cli\b|(?:^|/)(?:opencode2|lildax)$")
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Opencode:
    """A running opencode.

    `paths` and `home` are where its own environment puts everything, None where that may not be
    read. `folder` is the one it was started in. With `has_own_logins` it takes its logins from
    OPENCODE_AUTH_CONTENT, and none from auth.json. `is_second`: it is an OpenCode 2, which has
    its logins in a database. `uses_at_once`: it is a server that uses its folder unasked.
    """

    pid: int
    kind: str
    started_at: datetime
    paths: Paths | None = None
    home: str | None = None
    folder: Path | None = None
    is_pure: bool = False
    has_own_logins: bool = False
    is_second: bool = False
    uses_at_once: bool = False

    @property
    def sends(self) -> bool:
        """Whether it sends model requests with logins that it reads as opencode 1.x does.

        Neither a client of a server nor a command sends any.
        """
        return self.kind not in {ATTACH, COMMAND} and not self.is_second


def find_opencodes(data_folder: Path) -> list[Opencode]:
    """Return the running opencodes that have a file of `data_folder` open, oldest first.

    opencode keeps its database and log there open, which tells apart opencodes of another
    HOME. Processes that may not be looked into are left out.
    """
    inside = f"{data_folder.resolve()}{os.sep}"
    return [opencode for opencode, opened in _opencodes() if _is_any_inside(opened, inside)]


def find_elsewhere(data_folder: Path) -> list[Opencode]:
    """Return the running opencodes that use another auth.json, oldest first.

    It is told by their environment and by the files that they have open.
    """
    inside = f"{data_folder.resolve()}{os.sep}"
    return [
        opencode
        for opencode, opened in _opencodes()
        if opencode.paths is not None
        and not _is_any_inside(opened, inside)
        and _is_any_inside(opened, f"{opencode.paths.auth_file.parent.resolve()}{os.sep}")
    ]


def has_open(pid: int, path: Path) -> bool:
    """Tell whether a process has that very file open, as far as it may be looked into."""
    name = os.path.realpath(path)
    if _HAS_PROC:
        with contextlib.suppress(OSError):
            return any(_link(link) == name for link in Path(f"/proc/{pid}/fd").iterdir())
        return False
    return any(name in process.opened for process in _seen_by_psutil() if process.pid == pid)


def environment(pid: int) -> Mapping[str, str] | None:
    """Return the environment that a process was started with, or None if it may not be read.

    It may hold secrets: it is looked into, and neither kept nor shown.
    """
    if _HAS_PROC:
        return _environment(Path(f"/proc/{pid}"))
    return next((process.environ for process in _seen_by_psutil() if process.pid == pid), None)


def _is_any_inside(opened: Sequence[str], folder: str) -> bool:
    return any(path.startswith(folder) for path in opened)


@dataclass(frozen=True, slots=True)
class _ProcessDetails:
    """What the system tells of a process that may be an opencode."""

    pid: int
    words: Sequence[str]
    opened: Sequence[str]
    started_at: datetime
    environ: Mapping[str, str] | None = field(repr=False)
    folder: Path | None
    program: str = ""


def _opencodes() -> list[tuple[Opencode, Sequence[str]]]:
    """Return the running opencodes with the files that they have open, oldest first."""
    seen = _seen_in_proc() if _HAS_PROC else _seen_by_psutil()
    opencodes = [(_opencode(process), process.opened) for process in seen]
    return sorted(opencodes, key=lambda pair: (pair[0].started_at, pair[0].pid))


def _opencode(seen: _ProcessDetails) -> Opencode:
    env = seen.environ
    return Opencode(
        seen.pid,
        kind_of(seen.words),
        seen.started_at,
        paths=None if env is None else find_paths(env),
        home=None if env is None else env.get("HOME"),
        folder=seen.folder,
        is_pure=_is_pure(seen.words, env or {}),
        has_own_logins=has_own_logins(env or {}),
        is_second=_is_second(seen),
        uses_at_once=next(_commands(_arguments(seen.words)), "") == _ACP,
    )


def _is_second(seen: _ProcessDetails) -> bool:
    """Tell an OpenCode 2 by its program, by what only its servers are told, or by its own note."""
    begin = seen.words[: len(seen.words) - len(_arguments(seen.words))]
    if any(_OF_SECOND.search(word) for word in (seen.program, *begin)):
        return True
    if _told(Path(seen.program).parent.parent / "package.json").get("version", "").startswith("2."):
        return True
    command, *_ = [*_commands(_arguments(seen.words)), ""]
    if command == "service" or (command == "serve" and {"--service", "--stdio"} & {*seen.words}):
        return True
    if seen.environ is None:
        return False
    note = _told(find_paths(seen.environ).state.parent / "opencode" / "service.json")
    return note.get("pid") == str(seen.pid) and note.get("version", "").startswith("2.")


def _told(path: Path) -> Mapping[str, str]:
    """Return what an object in a file of somebody else's says, each as a text."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    items = value.items() if isinstance(value, dict) else ()
    return {name: str(member) for name, member in items}


def _is_named_opencode(name: str, words: Sequence[str]) -> bool:
    return "opencode" in f"{name} {list(words[:2])}" and not _is_ours(words)


def _is_ours(words: Sequence[str]) -> bool:
    """Tell a process of this program: it may lie in a folder named so, and reads the database."""
    named = [Path(word).name for word in words[:3]]
    return "rotator" in named[:2] or list(words[1:3]) == ["-m", "rotator"]


def _seen_in_proc() -> Iterator[_ProcessDetails]:
    """Look at Linux's own files: loading psutil would cost a short command 30 ms."""
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name = (folder / "comm").read_text("utf-8", "replace").strip()
            words = _words(folder)
            pid, program = int(folder.name), _link(folder / "exe") or ""
            # It may be called by another name.
            is_opencode = _is_named_opencode(f"{name} {Path(program).name}", words)
            if is_opencode and (started_at := started(pid)) is not None:
                opened = [_link(link) or "" for link in (folder / "fd").iterdir()]
                where = _link(folder / "cwd")
                at = None if where is None else Path(where)
                environ = _environment(folder)
                # One that ends loses its words and its environment before its files: by then it is
                # not known any more what it was, and it sends nothing.
                if _words(folder):
                    yield _ProcessDetails(pid, words, opened, started_at, environ, at, program)


def _words(folder: Path) -> list[str]:
    return os.fsdecode((folder / "cmdline").read_bytes()).split("\0")[:-1]


def _environment(folder: Path) -> Mapping[str, str] | None:
    try:
        lines = os.fsdecode((folder / "environ").read_bytes()).split("\0")
    except OSError:
        return None
    # Where the kernel may not tell it says nothing.
    return dict(line.split("=", 1) for line in lines if "=" in line) or None


def _link(path: Path) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115  # no Path for each
    except OSError:
        return None


def _seen_by_psutil() -> Iterator[_ProcessDetails]:
    import psutil  # noqa: PLC0415  # 30 ms that short commands must not pay

    for process in psutil.process_iter(["pid", "name", "cmdline", "create_time", "exe"]):
        info = process.info
        words: list[str] = info["cmdline"] or []
        # It may be called by another name.
        name = f"{info['name']} {Path(info['exe'] or '').name}"
        if not (words and _is_named_opencode(name, words)):
            continue
        try:
            opened = [entry.path for entry in process.open_files()]
            environ, folder, program = process.environ(), Path(process.cwd()), process.exe()
        except (psutil.Error, OSError):
            continue
        at = datetime.fromtimestamp(info["create_time"], UTC)
        yield _ProcessDetails(int(info["pid"]), words, opened, at, environ or None, folder, program)


def _is_pure(words: Sequence[str], env: Mapping[str, str]) -> bool:
    told, options = False, _options(_arguments(words))
    for word, following in pairwise([*options, ""]):
        if word == "--pure":
            told = following != "false"
        elif word == "--no-pure" or word.startswith("--pure="):
            told = word == "--pure=true"
    return told or env.get("OPENCODE_PURE", "").lower() in _ON


def kind_of(words: Sequence[str]) -> str:
    """Return what an opencode is by its command line.

    That is `serve`, `run` or `tui`, which send requests; `attach`, whose server sends them; or
    `command`, which ends by itself.
    """
    arguments = _arguments(words)
    command, what, *_ = [*_commands(arguments), "", ""]
    if _ENDS & {*_options(arguments)}:
        return COMMAND
    if command in _SERVERS:
        return "serve"
    if command == "run" or (command, what) == ("github", "run"):
        return ATTACH if _is_client(_options(arguments)) else "run"
    if command == ATTACH:
        return ATTACH
    return COMMAND if command in _COMMANDS else "tui"


def _arguments(words: Sequence[str]) -> Sequence[str]:
    """Return what opencode is told, without what starts it."""
    is_started = Path(words[0]).name in _INTERPRETERS if words else False
    return words[2:] if is_started else words[1:]


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """Return the words that may be options: what follows a lone `--` is none."""
    return arguments[: [*arguments, "--"].index("--")]


def _commands(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the words that are neither options nor their values, as opencode tells them apart.

    Where it looks for its command it knows few of its options: what follows any other one is
    its value, unless it is an option itself.
    """
    skips = False
    words = _options(arguments)
    for word, following in pairwise([*words, ""]):
        if skips:
            skips = False
        elif not word.startswith("-") or word == "-" or _NEGATIVE.fullmatch(word):
            yield word
        elif word in _VALUELESS:
            skips = following in {"true", "false"}
        elif not _HAS_VALUE.fullmatch(word):
            skips = not following.startswith("-") or _NEGATIVE.fullmatch(following) is not None


def _is_client(options: Sequence[str]) -> bool:
    """Tell whether a `run` only shows what a server does that runs already."""
    values = [
        following if word == "--attach" else word.partition("=")[2]
        for word, following in pairwise([*options, ""])
        if word == "--attach" or word.startswith("--attach=")
    ]
    return any(value and not value.startswith("-") for value in values)
