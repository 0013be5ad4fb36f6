"""Puts a whole new content into auth.json, only if nobody changed it meanwhile.

opencode takes no lock, so the file is looked at once more between the temporary file and the
rename. What is written into the old file from then on is found by whoever looks into `Replaced`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rotator.atomic import sweep, temporary_beside, write_new
from rotator.errors import LiveFileError
from rotator.opencode.authfile import Missing, Reading, Whole, read_live
from rotator.opencode.replaced import Replaced
from rotator.paths import make_folder


def resolve(auth_file: Path) -> Path:
    """Return the file that `auth_file` stands for, through symlinks, dangling ones included."""
    return Path(os.path.realpath(auth_file))


def sweep_live(auth_file: Path) -> None:
    """Remove what a crash left beside auth.json; call it under the swap lock."""
    target = resolve(auth_file)
    with contextlib.suppress(OSError):
        sweep(target.parent, name=target.name)


def put_live(auth_file: Path, expected: Reading, content: bytes, replaced: Replaced) -> bool:
    """Replace auth.json, which must still be as `expected`, by `content`; False if it is not.

    The new file is 0600 from birth and on the disk before it gets its name. The caller makes
    the name itself durable (`sync_folder`) when it has time; `replaced` takes the old file
    over. Raises LiveFileError if the disk does not let us; auth.json is then as it was.
    """
    target = resolve(auth_file)
    temporary = temporary_beside(target)
    try:
        if isinstance(expected, Missing):
            make_folder(target.parent)
        sweep(target.parent, name=target.name)
        write_new(temporary, content, durable=True)
        try:
            return _exchange(temporary, target, expected, replaced)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as exc:
        message = f"{auth_file} could not be written: {exc.strerror}"
        hint = "check the rights of its folder and the free space; the file is as it was"
        raise LiveFileError(message, hint=hint) from exc


def _exchange(temporary: Path, target: Path, expected: Reading, replaced: Replaced) -> bool:
    if isinstance(expected, Missing):
        if not _is_still(target, expected):
            return False
        temporary.replace(target)
        return True
    try:
        # Before the last look, so that nothing written after that look is missed.
        handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not _is_still(target, expected):
            os.close(handle)
            return False
        temporary.replace(target)
    except OSError:
        os.close(handle)
        raise
    replaced.keep(handle, expected)
    return True


def _is_still(target: Path, expected: Reading) -> bool:
    now = read_live(target)
    if isinstance(expected, Whole):
        return isinstance(now, Whole) and now.content == expected.content
    return now == expected
