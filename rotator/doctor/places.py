"""Looks at folders and files: who may read them, what a crash left, room, file systems."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.doctor.setup import DoctorContext, facts, listed
from rotator.opencode.auth.file import Whole, read_live
from rotator.opencode.auth.placement import is_read_only
from rotator.opencode.auth.placement_sentences import placement_notes
from rotator.services.auth_checks import live_problems
from rotator.system.auth_content import AUTH_CONTENT, has_own_logins
from rotator.system.file_flags import flag_of
from rotator.system.file_owners import (
    foreign_link,
    is_foreign,
    is_own_folder,
    narrow_file,
    narrow_folder,
)
from rotator.system.files import TEMPORARY_MARK, is_left_from_before
from rotator.system.odd_places import instead_of_folder
from rotator.system.paths import FOLDER_MODE
from rotator.system.room import lacks_inodes
from rotator.text import sanitize
from rotator.wording import counted

OTHERS = 0o077
_OTHERS_WRITE = 0o022
_OTHERS_READ = 0o044
# A writer needs milliseconds; what is older than this is nobody's any more.
LEFT_SECONDS = 60.0
_MIB = 1024 * 1024
_TIGHT_BYTES, _FULL_BYTES = 200 * _MIB, 16 * _MIB
_MOUNTS = Path("/proc/self/mountinfo")
# File systems on which locks and SQLite's shared memory reach no other computer.
_REMOTE = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs"),
    *("fuse.sshfs", "fuse.rclone", "fuse.glusterfs", "fuse.s3fs", "davfs"),
)


def look_at_folders(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether our folders and files are ours alone."""
    wide = [*wide_folders(setup), *wide_files(setup)]
    missing = missing_folders(setup)
    yield from _spoilt(setup)
    foreign = foreign_files(setup)
    if foreign:
        yield _foreign(foreign)
    if wide:
        named = f"{wide[0]} has the mode {_mode(wide[0]):04o}"
        more = f" and {len(wide) - 1} more" if len(wide) > 1 else ""
        says = f"others may read what is ours: {named}{more}"
        yield problem(Check.FOLDERS, says, "rotator doctor --fix narrows them", mendable=True)
    elif missing:
        says = f"{missing[0]} is not there yet"
        yield note(Check.FOLDERS, says, "it is made when it is needed", mendable=True)
    elif not foreign:
        paths = setup.paths
        yield ok(Check.FOLDERS, f"{paths.data} and {paths.state} are private")


def wide_folders(setup: DoctorContext) -> list[Path]:
    """Return our folders that others may look into."""
    wide = [f for f in setup.our_folders if f.is_dir() and _mode(f) & 0o777 != FOLDER_MODE]
    return [folder for folder in wide if is_own_folder(folder)]


def wide_files(setup: DoctorContext) -> list[Path]:
    """Return our files that others may read or change."""
    files = ((file, facts(file)) for file in setup.our_files())
    mine = (file for file, its in files if its is not None and not is_foreign(its, file.parent))
    return [file for file in mine if _mode(file) & OTHERS]


def foreign_files(setup: DoctorContext) -> list[Path]:
    """Return the files in our folders that belong to somebody whom they should not."""
    files = ((file, facts(file)) for file in setup.our_files())
    return [file for file, its in files if its is not None and is_foreign(its, file.parent)]


def missing_folders(setup: DoctorContext) -> list[Path]:
    """Return the folders that this program would make."""
    paths = setup.paths
    return [f for f in (paths.data, paths.state) if facts(f) is None]


def narrow(path: Path) -> None:
    """Take everybody's rights but the owner's; raises OSError."""
    if path.is_dir():
        narrow_folder(path)
    else:
        narrow_file(path)


def _spoilt(setup: DoctorContext) -> Iterator[CheckResult]:
    """Name folders that are not ours or may not be written; a read-only file system once."""
    told: set[Path] = set()
    for folder in filter(_is_spoilt, setup.our_folders):
        if not any(folder.is_relative_to(above) for above in told):
            yield _not_ours(folder)
        if is_read_only(folder):
            told.add(folder)


def _is_spoilt(folder: Path) -> bool:
    status = facts(folder)
    if status is None:
        return folder.is_symlink()
    is_ours = stat.S_ISDIR(status.st_mode) and not is_foreign(status, folder.parent)
    by_effect = os.access in os.supports_effective_ids
    if flag_of(folder) is not None:
        # In an append-only one nothing can be replaced.
        return True
    return not (is_ours and os.access(folder, os.W_OK | os.X_OK, effective_ids=by_effect))


def _not_ours(folder: Path) -> CheckResult:
    status = facts(folder)
    told = instead_of_folder(folder)
    if status is None or told is not None:
        return problem(Check.FOLDERS, *(told or (f"{folder} is gone", "look again")))
    if is_read_only(folder):
        says = f"{folder} is on a read-only file system: nothing new can be taken in"
        return problem(Check.FOLDERS, says, "mount it so that it can be written")
    if (flagged := flag_of(folder)) is not None:
        return problem(Check.FOLDERS, flagged.why, flagged.to_do)
    if is_foreign(status, folder.parent):
        who = f"{folder} belongs to another user (uid {status.st_uid})"
        return problem(Check.FOLDERS, who, f"chown it, or move it away: {folder}")
    return problem(Check.FOLDERS, f"{folder} may not be written", f"chmod 700 {folder}")


def _foreign(files: list[Path]) -> CheckResult:
    """Name files that lock their owner out; only root can help that, and only by hand.

    What root would give away by itself may have been put there for that.
    """
    file, folder = facts(files[0]), facts(files[0].parent)
    who = f"another user (uid {file.st_uid})" if file is not None else "another user"
    is_one = len(files) == 1
    what = f"{files[0]} belongs" if is_one else f"{files[0]} and {len(files) - 1} more belong"
    owner = folder.st_uid if folder is not None else os.geteuid()
    names = " ".join(map(str, files))
    return problem(Check.FOLDERS, f"{what} to {who}", f"sudo chown {owner} {names}")


# -- auth.json ------------------------------------------------------------------------------


def look_at_auth_file(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether auth.json can be used, who else may use it, and where it really lies."""
    path = setup.paths.auth_file
    wide = auth_file_is_wide(setup)
    said = live_problems(path)
    if wide and not _mode(path) & _OTHERS_WRITE:
        said.append(f"others may read auth.json: chmod 600 {path}")
    yield from (problem(Check.AUTH_FILE, sentence, mendable=wide) for sentence in said)
    if not said:
        yield ok(Check.AUTH_FILE, _told_of_live(path))
    yield from (note(Check.AUTH_FILE, sentence) for sentence in placement_notes(path))
    if path.is_symlink():
        where = sanitize(os.path.realpath(path))
        yield note(Check.AUTH_FILE, f"auth.json is a link; {where} is read and replaced")
    if has_own_logins(setup.environ):
        yield problem(
            Check.AUTH_FILE,
            "OPENCODE_AUTH_CONTENT is set: an opencode with it takes no login from auth.json",
            "unset it where opencode is started",
        )
    elif setup.environ.get(AUTH_CONTENT):
        sentence = "OPENCODE_AUTH_CONTENT holds no JSON: opencode passes it by and reads auth.json"
        yield note(Check.AUTH_FILE, sentence)


def auth_file_is_wide(setup: DoctorContext) -> bool:
    """Tell whether others may read or change auth.json, and we may put that right."""
    status = facts(setup.paths.auth_file)
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        return False
    if foreign_link(setup.paths.auth_file) is not None:
        return False
    return bool(status.st_mode & (_OTHERS_READ | _OTHERS_WRITE))


def _told_of_live(path: Path) -> str:
    reading = read_live(path)
    if not isinstance(reading, Whole):
        return f"{path} is not there yet; opencode 1 makes it at its first login"
    count = len(reading.entries)
    return f"{path} is whole and holds {counted(count, 'login')}"


# -- leftovers ------------------------------------------------------------------------------


def look_for_leftovers(setup: DoctorContext) -> Iterator[CheckResult]:
    """Name temporary files that a crash left; some hold logins."""
    files = leftovers(setup)
    if not files:
        return
    what = f"{files[0]} was" if len(files) == 1 else f"{files[0]} and {len(files) - 1} more were"
    says = f"{what} left by a crash"
    yield note(Check.LEFTOVERS, says, "rotator doctor --fix removes it", mendable=True)


def leftovers(setup: DoctorContext) -> list[Path]:
    """Return temporary files of ours that nobody writes any more, where swaps leave them, too."""
    live = Path(os.path.realpath(setup.paths.auth_file))
    ours = [p for folder in filter(is_own_folder, setup.our_folders) for p in listed(folder)]
    beside = [p for p in listed(live.parent) if p.name.startswith(f".{live.name}.")]
    if foreign_link(setup.paths.auth_file) is not None:
        beside = []
    return [path for path in (*ours, *beside) if _is_left(path)]


def _is_left(path: Path) -> bool:
    if not (path.name.startswith(".") and path.name.endswith(TEMPORARY_MARK)):
        return False
    status = facts(path)
    return status is not None and is_left_from_before(status.st_mtime, LEFT_SECONDS)


# -- the disk -------------------------------------------------------------------------------


def look_at_disk(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say where room runs out, and what lies on another computer's disk."""
    paths = setup.paths
    places = {"auth.json": paths.auth_file.parent, "the store": paths.data, "the log": paths.state}
    tight = [result for what, where in places.items() if (result := _room(what, where)) is not None]
    yield from tight
    if not tight:
        yield ok(Check.DISK, f"{_free_bytes(paths.data) // _MIB} MiB are free for the store")
    for what in ("auth.json", "the store"):
        yield from on_other_computer(what, _existing(places[what]), _mounts())


def on_other_computer(what: str, where: Path, mounts: str) -> Iterator[CheckResult]:
    """Say that a place is on another computer's disk, if the lines of mountinfo say so."""
    kind = kind_of_file_system(where, mounts)
    if kind in _REMOTE:
        says = f"{what} lies on a file system of another computer ({kind})"
        to_do = "run rotator on one computer only; its locks may not reach the others"
        yield note(Check.DISK, says, to_do)


def _room(what: str, where: Path) -> CheckResult | None:
    if lacks_inodes(_existing(where)):
        says = f"no more files can be made where {what} lies ({where}): no inodes are left"
        return problem(Check.DISK, says, "remove files there: nothing new can be saved")
    return room_for(what, where, _free_bytes(where))


def room_for(what: str, where: Path, free_bytes: int) -> CheckResult | None:
    """Return what is to be said of so much room, or None while there is enough."""
    if free_bytes >= _TIGHT_BYTES:
        return None
    size = f"{free_bytes // _MIB} MiB are" if free_bytes >= _MIB else "no room is"
    says = f"{size} free where {what} lies ({where})"
    say = problem if free_bytes < _FULL_BYTES else note
    return say(Check.DISK, says, "make room: a full disk keeps new tokens from being saved")


def _free_bytes(where: Path) -> int:
    room = os.statvfs(_existing(where))
    return room.f_bavail * room.f_frsize


def _existing(path: Path) -> Path:
    return next((p for p in (path, *path.parents) if p.exists()), Path("/"))


def _mounts() -> str:
    try:
        return _MOUNTS.read_text("utf-8", "replace")
    except OSError:
        return ""  # beside Linux nothing tells


def kind_of_file_system(path: Path, mounts: str) -> str | None:
    """Return the type of the file system that `path` is on, by the lines of mountinfo, or None.

    proc_pid_mountinfo(5): the fifth field is where it is mounted, the type follows a lone dash.
    """
    real = os.path.realpath(path)
    best, kind = "", None
    for line in mounts.splitlines():
        fields = line.split()
        if "-" not in fields[6:-1]:
            continue
        at = fields[4].encode().decode("unicode_escape").rstrip("/")
        # Of two on one place the later one is on top.
        if (real == at or real.startswith(f"{at}/")) and len(at) >= len(best):
            best, kind = at, fields[fields.index("-", 6) + 1]
    return kind


def _mode(path: Path) -> int:
    status = facts(path)
    return stat.S_IMODE(status.st_mode) if status else 0
