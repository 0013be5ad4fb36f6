"""opencode's auth.json: read it whole or say why not, understand its entries, change one entry.

Nothing here decides or locks. Everything that is not the entry asked for keeps its very
bytes, so that fields and entries that we do not know survive.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from rotator.errors import LiveFileUnreadable
from rotator.model import Digest
from rotator.opencode.auth.json_members import Member, cut, members_of
from rotator.opencode.auth.other_text import other_text
from rotator.secret import Secret, digest_of
from rotator.system.file_owners import is_foreign_name, open_theirs
from rotator.text import as_read, bytes_of, text_of

LARGEST_BYTES = 4 * 1024 * 1024
_NO_WAY_IN = "it cannot be"
_NOT_OURS = "it is a link to something that opencode did not write"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True)
class Whole:
    """A reading of auth.json that parses; `content` are its bytes and stay out of every repr.

    `written_at` is when the file was written last, as it says; None: that is not known.
    """

    content: bytes
    written_at: datetime | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Whole({len(self.content)} bytes)"

    @cached_property
    def text(self) -> str:
        """The text, in which bytes that are no UTF-8 stand for themselves."""
        return text_of(self.content)

    @cached_property
    def digest(self) -> Digest:
        """The digest of the bytes: how a content is recognised as our own."""
        return Digest(digest_of(self.text))

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The top-level members in the order of the file, repeated names included."""
        return members_of(self.text)

    @cached_property
    def entries(self) -> Mapping[str, Secret]:
        """The JSON text of each provider's entry; of a repeated name the last one counts."""
        return {member.provider: self.value_of(member) for member in self.members}

    def value_of(self, member: Member) -> Secret:
        """Return the JSON text of a member as opencode reads it."""
        return Secret(as_read(self.text[member.value_start : member.value_end]))


@dataclass(frozen=True)
class Missing:
    """There is no auth.json."""


@dataclass(frozen=True)
class Torn:
    """There is one, but it is not whole (half-written, empty, not JSON, not text).

    `lasting` says that waiting cannot help (a folder, a pipe, too large, no permission): such a
    thing is never written over. `says` is what stands there in letters that opencode cannot read.
    """

    content: bytes
    why: str
    lasting: bool = False
    says: str | None = None

    def __repr__(self) -> str:
        return f"Torn({len(self.content)} bytes, {self.why})"


Reading = Whole | Missing | Torn


def read_live(path: Path) -> Reading:
    """Return what `path` holds now; never raises for what stands in the file."""
    try:
        # Without O_NONBLOCK a pipe in its place would hold us for ever.
        handle = open_theirs(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno in {errno.ENOENT, errno.ENOTDIR}:
            return Missing()
        # A socket cannot even be opened.
        why = "it is not a regular file but a socket" if exc.errno == errno.ENXIO else None
        return Torn(b"", why or f"{_NO_WAY_IN} opened ({exc.strerror})", lasting=True)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            kind = next((k for is_one, k in _KINDS if is_one(facts.st_mode)), "something else")
            return Torn(b"", f"it is not a regular file but {kind}", lasting=True)
        if is_foreign_name(facts, path):
            why = f"{_NO_WAY_IN} used (it is a second name of a file of uid {facts.st_uid})"
            return Torn(b"", why, lasting=True)
        content = read_handle(handle, LARGEST_BYTES + 1)
    except OSError as exc:
        return Torn(b"", f"{_NO_WAY_IN} read ({exc.strerror})", lasting=True)
    finally:
        os.close(handle)
    if len(content) > LARGEST_BYTES:
        return Torn(b"", f"it is larger than {LARGEST_BYTES // 1024 // 1024} MiB", lasting=True)
    reading = _parse_written(content, facts.st_mtime)
    if isinstance(reading, Torn) and not _may_be_cut_off(content) and path.is_symlink():
        # Who can say where somebody has put a link?
        return Torn(content, _NOT_OURS, lasting=True)
    return reading


def _may_be_cut_off(content: bytes) -> bool:
    """Tell whether this can be what is left of an auth.json: nothing, or the beginning of one."""
    left = content.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n\0")
    return not left or left.startswith(b"{")


def _parse_written(content: bytes, at: float) -> Whole | Torn:
    reading = parse_live(content)
    if isinstance(reading, Torn):
        return reading
    # A file may say that it is of any time.
    with contextlib.suppress(OverflowError, ValueError, OSError):
        return replace(reading, written_at=datetime.fromtimestamp(at, UTC))
    return reading


def parse_live(content: bytes) -> Whole | Torn:
    """Return `content` as a whole reading, or torn with the reason."""
    whole = Whole(content)
    try:
        _ = whole.members
    except RecursionError:
        # Whoever wrote that has not been cut off.
        return Torn(content, "it is nested too deeply", lasting=True)
    except ValueError as exc:
        if (other := other_text(content)) is not None:
            return Torn(content, other.why, lasting=True, says=other.text)
        # A power cut leaves NUL bytes. The decoder's own words never quote the text.
        blank = not content.strip(b" \t\r\n\0")
        return Torn(content, "it is empty" if blank else f"it is not JSON ({exc})")
    return whole


def require_whole(reading: Reading, path: Path) -> Whole:
    """Return a whole reading (an absent file is an empty one); raise LiveFileUnreadable if torn."""
    match reading:
        case Whole():
            return reading
        case Missing():
            return Whole(b"{}")
        case Torn() as torn:
            message = f"{path} cannot be changed: {torn.why}"
            raise LiveFileUnreadable(message, hint=f"{way_out(torn)}; nothing was written")


def way_out(torn: Torn) -> str:
    """Return what a person can do about an auth.json that is not whole."""
    if not torn.lasting:
        return "if nobody is writing it any more, rotator rotate PROVIDER --yes writes it anew"
    if torn.says is not None:
        return (
            "opencode takes it for empty, and its next login would be all that is left: save it as"
            " UTF-8 without a byte order mark"
        )
    if torn.why.startswith((_NO_WAY_IN, _NOT_OURS)):
        return "check its rights, those of its folders, and where it leads"
    return "mend it or move it away; opencode makes a new one at the next login"


def with_entry(whole: Whole, provider: str, entry: Secret | None) -> bytes:
    """Return the content with the provider's entry replaced, added, or (None) taken out.

    Every other byte that carries a meaning stays as it was.
    """
    return with_entries(whole, {provider: entry})


def with_entries(whole: Whole, wanted: Mapping[str, Secret | None]) -> bytes:
    """Do it for several providers at once, and read the text no more often than for one."""
    text, last = whole.text, {m.provider: m for m in whole.members}
    # From its end: what stands before stays where it is.
    for member in reversed(whole.members):
        if member.provider in wanted:
            entry = wanted[member.provider]
            if entry is None:
                text = cut(text, member)
            elif member is last[member.provider]:
                text = text[: member.value_start] + entry.reveal() + text[member.value_end :]
    added = ",\n  ".join(
        f"{json.dumps(provider)}: {entry.reveal()}"
        for provider, entry in wanted.items()
        if entry is not None and provider not in last
    )
    if not added:
        return bytes_of(text)
    members = members_of(text)
    if members:
        end = members[-1].value_end
        return bytes_of(f"{text[:end]},\n  {added}{text[end:]}")
    return f"{{\n  {added}\n}}".encode()


def read_handle(handle: int, most: int = LARGEST_BYTES) -> bytes:
    """Return the first `most` bytes of an open file, wherever the handle stands."""
    parts = []
    at = 0
    while at < most and (part := os.pread(handle, most - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
