"""The models around our code: a clock, an auth.json, the opencodes and people that write into it.

An opencode reads everything, empties the file, writes, each as a step of its own, so that
whatever else happens can come in between.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.opencode.auth.replaced import KEPT_SECONDS
from tests.support.live import Entry, HandClock, api, as_opencode
from tests.support.token_vendor import Vendor, owner_of_token

SLOT, OTHER = "named", "acme"
Entries = dict[str, Any]
Step = Generator[None, None, None]


@dataclass(frozen=True)
class Change:
    """What an opencode wants to write: an entry, or (None) that it is gone."""

    provider: str
    entry: Entry | None


@dataclass
class Written:
    """A content that an opencode has finished, what it wanted, and what was whole before.

    `into_name` is false for one that went into a file that we had put another in the place of.
    """

    change: Change
    before: Entries
    entries: Entries
    into_name: bool


@dataclass
class Nameless:
    """A file that we have put another in the place of, while somebody may write into it.

    `owner` is the process of ours that has it open as well. `is_news`: something may have been
    written into it that nobody has looked at yet, and not so late that nobody looks any more.
    """

    handle: int
    since: float
    owner: object
    is_news: bool

    def entries(self) -> Entries:
        """Return what it holds; nothing if that is not whole."""
        return read(self.handle)


@dataclass
class Writer:
    """An opencode in the middle of writing; `change` is in its memory until it has written."""

    change: Change
    steps: Step
    into: int | None = None


def parse(content: bytes) -> Entries:
    """Return the entries, or none of a content that is not whole, as opencode takes it."""
    try:
        entries: Entries = json.loads(content)
    except ValueError:
        return {}
    return entries


def read(handle: int) -> Entries:
    """Return the entries in an open file."""
    return parse(os.pread(handle, os.fstat(handle).st_size, 0))


def person_of(entry: Entry | None) -> str | None:
    """Return whose login an entry of the slot is."""
    return owner_of_token(entry["access"])[0] if entry else None


def generation_of(entry: Entry) -> int:
    """Return how many logins and refreshes it took to get there."""
    return owner_of_token(entry["access"])[1]


class Computer:
    """One auth.json, the time, and the opencodes that write into it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = HandClock()
        self.uptime = 0.0
        self.vendor = Vendor(self.clock)
        self.writers: list[Writer] = []
        self.nameless: list[Nameless] = []
        # The last content of auth.json that was whole, as far as an opencode was about.
        self.last: Entries = {}
        # Contents that were whole once, for those who bring one back.
        self.past: list[Entries] = [{}]
        # What was written since somebody asked last, and whether nobody has looked at it yet.
        self.finished: list[Written] = []
        self.unseen = False
        # Whether an opencode may have left auth.json torn: it was nobody of ours then.
        self.may_be_torn = False
        # The content while auth.json is moved away.
        self.away: bytes | None = None
        # Called when a content or what was in somebody's memory is gone.
        self.on_destroyed: Callable[[str], None] = lambda _: None
        file.parent.mkdir(parents=True, exist_ok=True)

    # -- time ----------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.uptime += seconds
        self.clock.pass_time(seconds=seconds)

    def monotonic(self) -> float:
        """Return the seconds since the computer was switched on."""
        return self.uptime

    def sleep(self, seconds: float) -> None:
        """Let somebody sleep, on a computer that is slow to wake them."""
        self.pass_time(max(seconds, 0.25))

    # -- the file ------------------------------------------------------------------------------

    @property
    def content(self) -> bytes:
        """What auth.json holds, nothing where there is none."""
        try:
            handle = os.open(self.file, os.O_RDONLY)
        except FileNotFoundError:
            return b""
        try:
            return os.read(handle, os.fstat(handle).st_size)
        finally:
            os.close(handle)

    @property
    def entries(self) -> Entries:
        """The entries in auth.json as opencode takes them."""
        return parse(self.content)

    @property
    def is_whole(self) -> bool:
        """Whether auth.json is there and whole."""
        try:
            return isinstance(json.loads(self.content), dict)
        except ValueError:
            return False

    @property
    def is_being_written(self) -> bool:
        """Whether somebody has emptied auth.json and not finished it."""
        opened = [w.into for w in self.writers if w.into is not None]
        return bool(opened) and self.inode() in opened

    @property
    def is_torn_for_good(self) -> bool:
        """Whether auth.json is torn and nobody is about to finish it."""
        return not self.is_whole and self.inode() != 0 and not self.is_being_written

    def inode(self) -> int:
        """Return which file has the name now; 0: none."""
        try:
            return self.file.stat().st_ino
        except FileNotFoundError:
            return 0

    def put(self, content: bytes) -> None:
        """Let somebody put a content there at once."""
        self.file.write_bytes(content)
        self.may_be_torn = False
        self.unseen = True
        self.on_destroyed("somebody put another file in its place")

    def move_away(self) -> None:
        """Let somebody move auth.json away."""
        self.away = self.content
        self.file.unlink(missing_ok=True)

    def bring_back(self) -> None:
        """Let them move it back."""
        if self.away is not None:
            content, self.away = self.away, None
            self.put(content)

    def lose_the_name(self, owner: object) -> None:
        """Note that another file is about to get the name: whoever writes goes on in this one."""
        if self.file.exists():
            handle, is_news = os.open(self.file, os.O_RDONLY), bool(self.finished)
            self.nameless.append(Nameless(handle, self.uptime, owner, is_news))
        self.may_be_torn = False

    def forget_nameless(self, owner: object) -> None:
        """Let go of the files without a name that a process of ours had open."""
        for one in [n for n in self.nameless if n.owner is owner]:
            os.close(one.handle)
            self.nameless.remove(one)

    # -- opencodes -------------------------------------------------------------------------------

    def begin(self, change: Change) -> Writer:
        """Let an opencode begin to write an entry; it has read the file already."""
        writer = Writer(change, iter(()))  # type: ignore[arg-type]  # set in the next line
        writer.steps = self._set(writer)
        self.writers.append(writer)
        self.go_on(writer)
        return writer

    def go_on(self, writer: Writer) -> None:
        """Let an opencode do its next step."""
        try:
            next(writer.steps)
        except StopIteration:
            self.writers.remove(writer)
        self.on_destroyed("an opencode wrote over it")

    def end(self, writer: Writer) -> None:
        """Kill an opencode: what it had in its memory is gone."""
        writer.steps.close()
        self.writers.remove(writer)
        self.on_destroyed("an opencode was killed that had it in its memory")

    def _set(self, writer: Writer) -> Step:
        change = writer.change
        entries = {p: e for p, e in self.entries.items() if p != change.provider}
        if change.entry is not None:
            entries[change.provider] = change.entry
        yield
        self.last = self.entries if self.is_whole else self.last
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self.may_be_torn = True
        try:
            writer.into = os.fstat(handle).st_ino
            yield
            text = as_opencode(entries)
            if os.fstat(handle).st_size == 0:
                os.pwrite(handle, text[: len(text) // 2], 0)
                yield
            # In one piece: what two write at once is one of them, or torn, and no mixture.
            os.pwrite(handle, text, 0)
            into_name = writer.into == self.inode()
            self.may_be_torn = self.may_be_torn or into_name
            if os.fstat(handle).st_size == len(text):
                self._note_late(writer.into)
                self.finished.append(Written(change, self.last, entries, into_name))
                if into_name:
                    self.last, self.may_be_torn = entries, False
                self.past.append(entries)
        finally:
            os.close(handle)
        with contextlib.suppress(FileNotFoundError):
            self.file.chmod(0o600)

    def _note_late(self, inode: int) -> None:
        for one in self.nameless:
            if os.fstat(one.handle).st_ino == inode:
                one.is_news = self.uptime - one.since <= KEPT_SECONDS

    # -- what they want to write -----------------------------------------------------------------

    def log_in(self, person: str) -> Change:
        """Let a person log in: the vendor gives tokens, which are not in the file yet."""
        return Change(SLOT, self.vendor.log_in(person))

    def time_to_refresh(self) -> float | None:
        """Return after how many seconds an opencode refreshes the live login; None: it cannot."""
        entry = self.entries.get(SLOT)
        if entry is None or self.vendor.is_spent(*owner_of_token(entry["refresh"])):
            return None
        left: float = entry["expires"] / 1000 - self.clock.now.timestamp()
        return max(left + 1, 0)

    def refresh(self) -> Change:
        """Let an opencode refresh the live login; it has the new tokens then."""
        return Change(SLOT, self.vendor.refresh(*owner_of_token(self.entries[SLOT]["refresh"])))

    def log_out(self) -> Change:
        """Let a person log out."""
        return Change(SLOT, None)

    def other(self, number: int) -> Change:
        """Let a person log in to another provider."""
        return Change(OTHER, api(str(number)))
