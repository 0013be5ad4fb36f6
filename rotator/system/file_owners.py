"""Whom files and folders belong to: what root makes for a person becomes that person's.

Only root can give something away; for everybody else whatever is made is their own already. And
nobody is led by a link to what is somebody else's: root may do there what its maker may not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_ROOT = 0
_FOLDER = 0o700
# As many links one after another as Linux follows.
_MOST_LINKS = 40
_OTHERS = 0o007
_NARROW, _WIDEST = 0o600, 0o660


def open_private(path: Path | str, flags: int) -> int:
    """Open the file at `path`; one that has to be made is 0600 and its folder's owner's.

    A pipe there is not waited for. Raises OSError as os.open does.
    """
    flags |= os.O_NONBLOCK
    if flags & os.O_CREAT and not flags & os.O_EXCL:
        with contextlib.suppress(FileNotFoundError):
            return open_theirs(path, flags & ~os.O_CREAT)
        with contextlib.suppress(FileExistsError):
            return open_private(path, flags | os.O_EXCL)
        # Somebody else made it just now, or it is a link to nothing.
        return open_theirs(path, flags)
    handle = open_theirs(path, flags)
    if flags & os.O_CREAT:
        try:
            # A umask may have taken its owner's rights.
            if stat.S_IMODE(os.fstat(handle).st_mode) != _NARROW:
                os.fchmod(handle, _NARROW)
            give_to_owner_of_folder(handle, Path(path).parent)
        except BaseException:
            os.close(handle)
            if flags & os.O_EXCL:
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108  # it may be a text
            raise
    return handle


def open_own(path: Path, flags: int) -> int:
    """Open a file of ours as `open_private` does; one that somebody narrowed is put right."""
    try:
        return open_private(path, flags)
    except PermissionError:
        with contextlib.suppress(OSError):
            path.chmod(_NARROW)
        return open_private(path, flags)


def make_private_folder(folder: Path) -> None:
    """Make a folder that is 0700, whatever the umask, and its parent's owner's.

    Raises OSError, FileExistsError included.
    """
    folder.mkdir(mode=_FOLDER)
    facts = folder.lstat()
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & _FOLDER != _FOLDER:
        # A umask has taken its owner's rights: nobody could open it.
        folder.chmod(_FOLDER)
    if os.geteuid() != _ROOT:
        return
    # By a handle: what stands there by now may be a link to somebody else's file.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(handle, _FOLDER)
        give_to_owner_of_folder(handle, folder.parent)
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
    finally:
        os.close(handle)


# -- links --------------------------------------------------------------------------------------


def foreign_link(path: Path) -> Path | None:
    """Return the link on the way to `path` that would lead root to what is not its owner's.

    Everybody else gets no further than the system lets them. A link of root's own is trusted. Of
    what is not there yet the folder counts that it would be made in.
    """
    if os.geteuid() != _ROOT:
        return None
    links, end = _followed(path)
    try:
        owner = end.lstat().st_uid
    except OSError:
        return None  # gone meanwhile
    return next((link for link, of in links if of not in {_ROOT, owner}), None)


def require_own_way(path: Path) -> None:
    """Raise OSError where a link would lead root to what is not its owner's."""
    link = foreign_link(path)
    if link is not None:
        raise _refused(f"the link {link} leads to what belongs to somebody else", path)


def open_theirs(path: Path | str, flags: int) -> int:
    """Open a file as os.open does; root follows nobody's link to what is not theirs.

    Raises OSError.
    """
    if os.geteuid() != _ROOT:
        return os.open(path, flags, _NARROW)
    require_own_way(Path(path))
    try:
        return os.open(path, flags | os.O_NOFOLLOW, _NARROW)
    except OSError as exc:
        if exc.errno != errno.ELOOP or flags & os.O_NOFOLLOW:
            raise
    handle = os.open(path, flags, _NARROW)
    # It may be another link by now: what counts is whose both are.
    with contextlib.suppress(OSError):
        if Path(path).lstat().st_uid in {_ROOT, os.fstat(handle).st_uid}:
            return handle
    os.close(handle)
    raise _refused(f"the link {path} leads to what belongs to somebody else", path)


def is_foreign_name(facts: os.stat_result, path: Path) -> bool:
    """Tell whether a person may have given a second name to a file that is not theirs, for root."""
    return os.geteuid() == _ROOT and facts.st_nlink > 1 and is_foreign(facts, path.parent)


def open_own_folder(folder: Path) -> int:
    """Open a folder of ours; raises OSError, also where it, or what a link leads to, is not ours.

    What is listed, removed or narrowed by the handle is so there, whatever the name leads to by
    then. To root a folder is as good as ours that belongs to whoever owns the one above it.
    """
    require_own_way(folder)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    owners = {_ROOT, folder.parent.stat().st_uid}
    try:
        handle = os.open(folder, flags | os.O_NOFOLLOW)
    except OSError:
        if not folder.is_symlink():
            raise
        handle = os.open(folder, flags)
        owners = {folder.lstat().st_uid}
    user, owner = os.geteuid(), os.fstat(handle).st_uid
    # What root has put into a folder of its own, or has made a link to, is so by its wish.
    is_ours = owner in owners or owners == {_ROOT} if user == _ROOT else owner == user
    if not is_ours:
        os.close(handle)
        raise _refused(f"it belongs to another user (uid {owner})", folder)
    return handle


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[int]:
    """Hold a folder of ours open; raises what `open_own_folder` raises."""
    handle = open_own_folder(folder)
    try:
        yield handle
    finally:
        os.close(handle)


def is_own_folder(folder: Path) -> bool:
    """Tell whether there is a folder of ours, whatever its mode is."""
    try:
        os.close(open_own_folder(folder))
    except PermissionError:
        with contextlib.suppress(OSError):
            facts = folder.stat()
            return os.geteuid() != _ROOT and facts.st_uid == os.geteuid()
        return False
    except OSError:
        return False
    return True


def remove_own(path: Path) -> None:
    """Remove a file from a folder of ours; raises OSError, also where that is not ours."""
    with own_folder(path.parent) as folder:
        os.unlink(path.name, dir_fd=folder)


def narrow_folder(folder: Path) -> None:
    """Take everybody's rights to a folder of ours, but its owner's all; raises OSError."""
    facts = folder.lstat()
    if facts.st_uid == os.geteuid() and stat.S_ISDIR(facts.st_mode) and facts.st_mode & 0o400 == 0:
        # What nobody may list nobody can open, its owner neither.
        folder.chmod(_FOLDER)
    with own_folder(folder) as handle:
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o777 != _FOLDER:
            os.fchmod(handle, _FOLDER)


def narrow_file(path: Path) -> None:
    """Take everybody's rights to a file but its owner's; no link is followed. Raises OSError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError:
        # Its owner may not read it; root may read everything.
        path.chmod(_NARROW)
        return
    try:
        os.fchmod(handle, _NARROW)
    finally:
        os.close(handle)


def _followed(path: Path) -> tuple[list[tuple[Path, int]], Path]:
    """Return the links on the way to `path` with their owners, and what of it is there."""
    links: list[tuple[Path, int]] = []
    # By texts: it is gone through before each file that is opened.
    at = ""
    left = [*reversed(str(path.absolute()).split("/"))]
    while left:
        part = left.pop()
        if part in {"", "."}:
            continue
        place = at.rpartition("/")[0] if part == ".." else f"{at}/{part}"
        try:
            facts = os.lstat(place or "/")  # no Path of each folder on the way
            if not stat.S_ISLNK(facts.st_mode):
                at = place
                continue
            to = os.readlink(place)  # noqa: PTH115  # likewise
        except OSError:
            break  # it is not there
        links.append((Path(place), facts.st_uid))
        if len(links) > _MOST_LINKS:
            break  # in a circle
        at = "" if to.startswith("/") else at
        left += reversed(to.split("/"))
    return links, Path(at or "/")


def _refused(why: str, path: Path | str) -> PermissionError:
    return PermissionError(errno.EACCES, why, str(path))


def closed_folder(place: Path) -> Path | None:
    """Return the folder on the way to `place` that we may not enter, or None."""
    by_effect = os.access in os.supports_effective_ids
    for folder in reversed(place.absolute().parents):
        try:
            facts = folder.stat()
        except OSError:
            return None
        if not stat.S_ISDIR(facts.st_mode):
            return None
        if not os.access(folder, os.X_OK, effective_ids=by_effect):
            return folder
    return None


# -- what is run -------------------------------------------------------------------------------


def other_owner(facts: os.stat_result) -> int | None:
    """Return whose a file is if it is neither ours nor root's: what it says to run is not run.

    It would be run with our rights instead of its owner's.
    """
    return facts.st_uid if facts.st_uid not in {_ROOT, os.geteuid()} else None


def owner_below_root(place: Path) -> int | None:
    """Return, to root, whose something is that is not root's; None to everybody else.

    Root runs no program of theirs, and none that takes its configuration, or more, from there.
    """
    if os.geteuid() == _ROOT:
        with contextlib.suppress(OSError):
            return place.stat().st_uid or None
    return None


def home_below_root(environ: Mapping[str, str]) -> str | None:
    """Return why root runs no program that looks into its home: it is another user's."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        place = environ.get(name)
        owner = owner_below_root(Path(place)) if place else None
        if owner is not None:
            return f"{place} belongs to another user (uid {owner}), and you are root"
    return None


# -- owners -------------------------------------------------------------------------------------


def give_to_owner_of_folder(handle: int, folder: Path) -> None:
    """Let what root has just made belong to the owner of `folder`.

    Raises PermissionError where it stays root's: that would lock its owner out.
    """
    if os.geteuid() != _ROOT:
        return
    facts = _facts(folder)
    if facts is None or facts.st_uid == _ROOT:
        return
    try:
        os.fchown(handle, facts.st_uid, facts.st_gid)
    except OSError:
        # On some disks everything has the owner of the mount already. In a namespace of users an
        # owner may have no number that something could be given to: that is EINVAL.
        if os.fstat(handle).st_uid != facts.st_uid:
            raise _not_given(facts.st_uid, folder) from None


def _not_given(owner: int, folder: Path) -> PermissionError:
    why = f"what root makes there would lock uid {owner} out, for it may not be given to them"
    return PermissionError(errno.EPERM, why, str(folder))


def take_after(handle: int, facts: os.stat_result) -> None:
    """Let an open file have the owner and the group of `facts`; raises OSError if it cannot."""
    own = os.fstat(handle)
    if (own.st_uid, own.st_gid) != (facts.st_uid, facts.st_gid):
        os.fchown(handle, facts.st_uid, facts.st_gid)


def can_take_after(facts: os.stat_result) -> bool:
    """Tell whether a new file of ours can have the owner and the group of `facts`."""
    user = os.geteuid()
    if user == _ROOT:
        return True
    return facts.st_uid == user and facts.st_gid in {os.getegid(), *os.getgroups()}


def whose(path: Path) -> os.stat_result | None:
    """Return what a new file has to take after that root is about to put at `path`, if anything."""
    return _facts(path) if os.geteuid() == _ROOT else None


def _facts(path: Path) -> os.stat_result | None:
    with contextlib.suppress(OSError):
        return path.stat()
    return None


def is_foreign(facts: os.stat_result, folder: Path) -> bool:
    """Tell whether something belongs to somebody whom it should not.

    That is anybody but us; to root, who may be at work for a person, anybody but the owner of
    the folder that it lies in.
    """
    user = os.geteuid()
    if user != _ROOT:
        return facts.st_uid != user
    with contextlib.suppress(OSError):
        return facts.st_uid != folder.stat().st_uid
    return facts.st_uid != _ROOT


def kept_mode(mode: int) -> int:
    """Return the mode of a file with credentials that had `mode`.

    What its group may do is the owner's wish and stays, unless everybody may: that is what a
    program leaves that thought of nobody.
    """
    return _NARROW if mode & _OTHERS else (mode & _WIDEST) | _NARROW
