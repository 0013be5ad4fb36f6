"""Puts a whole new content into auth.json, only if nobody changed it meanwhile.

opencode takes no lock, so the file is looked at once more between the temporary file and the
rename, and a name that nobody had is given only if nobody has it still. What is written into the
old file from then on is found by whoever looks into `Replaced`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from rotator.errors import LiveFileError
from rotator.opencode.auth.file import Missing, Reading, Torn, Whole, read_live
from rotator.opencode.auth.placement import facts_of, why_in_place
from rotator.opencode.auth.replaced import ReplacedFiles
from rotator.opencode.auth.write_in_place import write_in_place
from rotator.system.extended_attributes import take_attributes
from rotator.system.file_flags import why_locked
from rotator.system.file_owners import foreign_link, kept_mode, require_own_way
from rotator.system.files import (
    exchange_names,
    leftovers,
    remove_leftovers,
    temporary_beside,
    write_new,
)
from rotator.system.paths import FILE_MODE, make_folder

# Something holds the file at its place that nobody could see, or owner and group cannot be kept,
# or nothing new may be made beside it.
_NO_RENAME = {
    *(errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EINVAL),
    *(errno.EACCES, errno.EROFS),
}
# What file systems say that know no second name of a file.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def resolve(auth_file: Path) -> Path:
    """Return the file that `auth_file` stands for, through symlinks, dangling ones included."""
    return Path(os.path.realpath(auth_file))


def left_beside(auth_file: Path) -> list[Path]:
    """Return what crashes left beside auth.json; call it under the swap lock.

    Whoever died while names were exchanged has left another one's file under ours.
    """
    if foreign_link(auth_file) is not None:
        return []
    target = resolve(auth_file)
    with contextlib.suppress(OSError):
        return leftovers(target.parent, name=target.name)
    return []


def put_live(auth_file: Path, expected: Reading, content: bytes, replaced: ReplacedFiles) -> bool:
    """Replace auth.json, which must still be as `expected`, by `content`; False if it is not.

    The new file is 0600 from birth, belongs to whom the old one does, and is on the disk before
    it gets its name. The caller makes the name itself durable (`sync_folder`) when it has time;
    `replaced` takes the old file over. What may not be replaced (`why_in_place`) is written in
    place. Raises LiveFileError if the disk does not let us; auth.json is then as it was.
    """
    target = resolve(auth_file)
    try:
        require_own_way(auth_file)
        if isinstance(expected, Missing):
            _make_place(target.parent)
        remove_leftovers(target.parent, name=target.name)
        facts = facts_of(target)
        if isinstance(expected, Missing) or facts is None:
            return _put_beside(target, expected, content, replaced)
        if why_in_place(target, replaced.neighbours) is not None:
            return write_in_place(target, expected, content, replaced.journal)
        try:
            return _put_beside(target, expected, content, replaced, facts)
        except OSError as exc:
            if exc.errno not in _NO_RENAME:
                raise
            return write_in_place(target, expected, content, replaced.journal)
    except OSError as exc:
        message = f"{auth_file} could not be written: {exc.strerror}"
        raise LiveFileError(message, hint=_way_out_of(exc, target)) from exc


def _make_place(folder: Path) -> None:
    """Make the folder; raises OSError where what is made in it could not be renamed or removed."""
    make_folder(folder)
    if why_locked(folder) is not None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _way_out_of(error: OSError, target: Path) -> str:
    locked = why_locked(target if target.exists() else target.parent)
    if locked is not None:
        return f"{locked}; the file is as it was"
    if error.errno == errno.EROFS:
        return f"mount it so that it can be written: {target}"
    return "check the rights of its folder and the free space; the file is as it was"


def _put_beside(
    target: Path,
    expected: Reading,
    content: bytes,
    replaced: ReplacedFiles,
    like: os.stat_result | None = None,
) -> bool:
    """Write the content into a file beside `target` and let that take its place."""
    temporary = temporary_beside(target)
    write_new(temporary, content, durable=True, like=like)
    try:
        if like is not None and (mode := kept_mode(stat.S_IMODE(like.st_mode))) != FILE_MODE:
            temporary.chmod(mode)
        if like is not None:
            take_attributes(target, temporary)
        if isinstance(expected, Missing):
            return _give_name(temporary, target)
        return _exchange(temporary, target, expected, Whole(content), replaced)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _give_name(temporary: Path, target: Path) -> bool:
    """Let the new file have a name that nobody has; False if somebody has it by now."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        if not _is_still(target, Missing()):
            return False
        temporary.replace(target)
    return True


def _exchange(
    temporary: Path, target: Path, expected: Whole | Torn, new: Whole, replaced: ReplacedFiles
) -> bool:
    try:
        # Before the last look, so that nothing written after that look is missed.
        handle = _open(target)
    except FileNotFoundError:
        return False
    with contextlib.ExitStack() as until_kept:
        until_kept.callback(os.close, handle)
        if not _is_still(target, expected):
            return False
        try:
            ours, before = temporary.stat(), os.fstat(handle)
            if not exchange_names(temporary, target):
                temporary.replace(target)
            elif not os.path.samestat(temporary.stat(), before):
                # Whoever renames a file of their own to that place does not write into that one.
                _give_back(temporary, target, ours, expected, new, replaced)
                return False
        except FileNotFoundError:
            # Somebody has taken the file away.
            return False
        until_kept.pop_all()
    replaced.keep(handle, expected)
    return True


def _give_back(
    temporary: Path,
    target: Path,
    ours: os.stat_result,
    expected: Whole | Torn,
    new: Whole,
    replaced: ReplacedFiles,
) -> None:
    """Let another one's file have its place again; what ours was there for is looked into.

    Somebody may have written into ours meanwhile, or have put a newer file in its place: then
    that one stays. Or they have read ours, and put theirs in the place of the first one once that
    is back, or write into it: so what each has is noted before it goes back, and looked into.
    """
    with contextlib.suppress(FileNotFoundError):
        replaced.note_displaced(temporary, expected)
        exchange_names(temporary, target)
        if os.path.samestat(temporary.stat(), ours):
            replaced.keep(_open(temporary), new)
            return
        replaced.note_displaced(temporary, new)
        exchange_names(temporary, target)
        # The first one, which is kept, or what came while it was back.
        replaced.keep(_open(temporary), expected)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_still(target: Path, expected: Reading) -> bool:
    now = read_live(target)
    if isinstance(expected, Whole):
        return isinstance(now, Whole) and now.content == expected.content
    return now == expected
