"""What our program does in one run, for tests that interrupt it: how it begins, how it may end.

Each scene lives in a home of its own that `furnish` makes; `run` does what a process does from
its start to its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

from rotator.live.capture import capture_live, rebuild_torn
from rotator.model import Account
from rotator.opencode.auth.file import Torn
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import digest_of
from rotator.services import accounts as ledger
from rotator.services.refresh import ensure_fresh, settle_pending_refreshes
from rotator.services.rotate import plan_rotation, rotate
from rotator.storage.database import open_database
from rotator.storage.migrations import STORE
from rotator.system.locks import swap_lock
from tests.support.live import NOON, Entry, HandClock, Live, api, as_opencode, oauth, open_live
from tests.support.token_vendor import LIFETIME, Vendor, registry_of

ADA, BOB = "named/ada-acme.example", "named/bob-acme.example"
BEFORE: dict[str, Entry] = {"acme": api("b"), "zeta": api("z"), "named": oauth("bob", 2)}
SAVED = {
    "acme/acme-1": api("a"),
    "acme/acme-2": api("b"),
    "zeta/zeta-1": api("z"),
    ADA: oauth("ada"),
    BOB: oauth("bob", 2),
}
LATER = timedelta(hours=2)
NEW_TOKENS = oauth("ada", 2, left=LATER + LIFETIME)


@dataclass(frozen=True)
class Scene:
    """What is done to which file, what stands in it at the end, and what must never be lost."""

    what: str
    act: Callable[[Live], None]
    found: dict[str, Entry] = field(default_factory=lambda: BEFORE)
    # What stands there is cut off after so many bytes.
    cut: int | None = None
    left: dict[str, Entry] = field(default_factory=lambda: BEFORE)
    # The accounts that may be gone at the end.
    removed: str = ""
    # The file has a second name, so that it is written in place.
    linked: bool = False
    # Does it once more, whatever came of the first time, and checks that it is done then.
    again: Callable[[Live], None] | None = None

    def __str__(self) -> str:
        """Return its name, for the list of tests."""
        return self.what

    @property
    def content(self) -> bytes:
        """The bytes in auth.json before."""
        return as_opencode(self.found)[: self.cut]

    def kept(self) -> dict[str, Entry]:
        """Return what each account holds that has to be there however far it came."""
        return {name: entry for name, entry in SAVED.items() if name != self.removed}

    def finish(self, live: Live) -> None:
        """Do it again, as a person does after a failure; every command looks first."""
        capture(live)
        (self.again or self.act)(live)


def put_in(name: str) -> Callable[[Live], None]:
    """Return what rotates to an account by its name."""
    provider, _, alias = name.partition("/")

    def act(live: Live) -> None:
        rotate(live.context, plan_rotation(live.state, provider, alias, live.clock.now))

    return act


def capture(live: Live) -> None:
    """Take in what stands in auth.json, as every command does first."""
    with swap_lock(live.paths.swap_lock):
        capture_live(live.context, watched=False)


def finish_torn(live: Live) -> None:
    """Write a file anew that its writer has left torn."""
    with swap_lock(live.paths.swap_lock):
        reading = capture_live(live.context, watched=False)
        if isinstance(reading, Torn):
            rebuild_torn(live.context, reading)


def take_in_and_leave(live: Live) -> None:
    """Capture a new login, put another in its place, and put it back."""
    capture(live)
    put_in("acme/acme-1")(live)
    assert live.saved("acme/acme-3") == api("c")
    put_in("acme/acme-3")(live)


def no_senders(*_: object) -> None:
    """Tell of nobody who still sends what was removed; a `Mock` takes long to make."""


def remove(name: str) -> Callable[[Live], None]:
    """Return what removes an account, if it is there."""

    def act(live: Live) -> None:
        # What else runs is asked of the system at the end, in as many steps as there are processes.
        with mock.patch.object(ledger, "with_senders", no_senders):
            if name in live.names():
                ledger.remove(live.context, live.account(name))

    return act


def refresh_and_put_in(live: Live) -> None:
    """Renew the tokens of the parked account that is rotated to."""
    settle_pending_refreshes(live.context)
    ensure_fresh(live.context, live.account(ADA))
    put_in(ADA)(live)


def refresh_again(live: Live) -> None:
    """Do it once more when the time has come; a login whose answer is lost is found dead."""
    if live.state.refreshes:
        live.clock.pass_time(minutes=2)
    settle_pending_refreshes(live.context)
    ensure_fresh(live.context, live.account(ADA))
    if live.account(ADA).rejected is None:
        put_in(ADA)(live)


def nothing(live: Live) -> None:
    """Open the context, which brings an old store up to date, and look at the accounts."""
    assert live.names() == sorted(SAVED)


MIGRATION = "migration"
REFRESH = "refresh"
IN_PLACE = "swap in place"
SCENES = [
    Scene("swap", put_in("acme/acme-1"), left={**BEFORE, "acme": api("a")}),
    Scene(IN_PLACE, put_in("acme/acme-1"), left={**BEFORE, "acme": api("a")}, linked=True),
    Scene(
        "capture",
        capture,
        found={**BEFORE, "acme": api("c")},
        left={**BEFORE, "acme": api("c")},
        again=take_in_and_leave,
    ),
    # An older copy of a login has come back.
    Scene("mending", capture, found={**BEFORE, "named": oauth("bob", 1)}),
    Scene("rebuilding", finish_torn, cut=40),
    Scene(
        "removal of one that another takes over for",
        remove("acme/acme-2"),
        left={**BEFORE, "acme": api("a")},
        removed="acme/acme-2",
    ),
    Scene(
        "removal of the only one",
        remove("zeta/zeta-1"),
        left={"acme": api("b"), "named": oauth("bob", 2)},
        removed="zeta/zeta-1",
    ),
    Scene(REFRESH, refresh_and_put_in, left={**BEFORE, "named": NEW_TOKENS}, again=refresh_again),
    Scene(MIGRATION, nothing),
]


def clock_of(_: Scene) -> HandClock:
    """Return the clock at the time of the scene: what was logged in has run out since."""
    clock = HandClock()
    clock.now = NOON + LATER
    return clock


def vendor_of(scene: Scene, home: Path) -> Vendor:
    """Return the vendor of the people in the scene, who remembers."""
    return Vendor(clock_of(scene), file=home / "vendor.json")


@contextlib.contextmanager
def opened(home: Path, scene: Scene, vendor: Vendor) -> Iterator[Live]:
    """Open the context as a process does that begins."""
    with open_live(home, clock=clock_of(scene), registry=registry_of(vendor)) as live:
        yield live


Count = Callable[[FrameType, str, Any], object]


def play(home: Path, what: str, count: Count | None) -> None:
    """Go through the scene of that name, with a profile function for what is ours in it."""
    (scene,) = (scene for scene in SCENES if scene.what == what)
    vendor = vendor_of(scene, home)
    answer = vendor.send

    def send(request: HttpRequest) -> HttpAnswer:
        # The vendor is another computer.
        sys.setprofile(None)
        try:
            return answer(request)
        finally:
            sys.setprofile(count)

    with mock.patch.object(vendor, "send", send):
        sys.setprofile(count)
        with opened(home, scene, vendor) as live:
            scene.act(live)
        sys.setprofile(None)


def is_held(home: Path, what: str) -> bool:
    """Tell that this process holds a file that is written in place: who looks would wait for it."""
    if what != IN_PLACE:
        return False
    held = Path("/proc/self/fd").iterdir()
    return str(file_in(home)) in {os.readlink(fd) for fd in held if os.path.lexists(fd)}  # noqa: PTH115


def furnish(home: Path, scene: Scene) -> None:
    """Put everything as it is before the scene."""
    vendor = Vendor(HandClock(), file=home / "vendor.json")
    with open_live(home) as live:
        live.sees({"acme": api("a"), "zeta": api("z"), "named": vendor.log_in("ada")})
        live.sees({"acme": api("a"), "zeta": api("z"), "named": vendor.log_in("bob")})
        vendor.log_in("bob")
        live.sees(BEFORE)
        live.write(scene.content)
        store = live.paths.store
    if scene.what == MIGRATION:
        make_old(store)


def copy_home(template: Path, home: Path, scene: Scene) -> None:
    """Make a home like the template, in which the scene can be played."""
    shutil.copytree(template, home)
    link(home, scene)


Picture = frozenset[tuple[str, tuple[int, ...], bytes]]


def picture_of(home: Path, *, like: bool = False) -> Picture:
    """Return what stands in a home, byte for byte, with whose it is and who may read it.

    Unless it is what another home is to be `like`, which of the disk's files they are and when
    each was written counts, too.
    """
    found = set()
    for folder, names, files in os.walk(home):
        for path in (Path(folder, name) for name in (*names, *files)):
            facts = path.lstat()
            marks: tuple[int, ...] = (facts.st_mode, facts.st_uid, facts.st_gid)
            if stat.S_ISREG(facts.st_mode):
                marks += (facts.st_nlink,)
            if not like:
                marks += (facts.st_ino, facts.st_mtime_ns)
            found.add((str(path), marks, _content(path, facts)))
    return frozenset(found)


def _content(path: Path, facts: os.stat_result) -> bytes:
    if stat.S_ISREG(facts.st_mode):
        return path.read_bytes()
    return os.fsencode(path.readlink()) if stat.S_ISLNK(facts.st_mode) else b""


def link(home: Path, scene: Scene) -> None:
    """Give the scene's file its second name, if it has one."""
    if scene.linked:
        second_name(file_in(home)).hardlink_to(file_in(home))


def second_name(file: Path) -> Path:
    """Return where a linked file has its second name."""
    return file.parent.with_name("second-canary.json")


def make_old(store: Path) -> None:
    """Put a store of the first schema in the place of one of today, with the same rows."""
    old = store.with_name("old-canary")
    with contextlib.closing(open_database(old, STORE[:1], durable=True)) as connection:
        connection.execute("ATTACH ? AS new", (str(store),))
        for (table,) in connection.execute(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table'"
        ).fetchall():
            columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
            names = ", ".join(columns)
            connection.execute(
                f"INSERT INTO main.{table} SELECT {names} FROM new.{table}"  # noqa: S608  # our names
            )
    for leftover in store.parent.glob(f"{store.name}-*"):
        leftover.unlink()
    old.replace(store)


def version_of_store(store: Path) -> int:
    """Return the number of the last migration of the store."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def require_whole(home: Path, scene: Scene, vendor: Vendor, where: str) -> bool:
    """Assert what holds at once: auth.json is the one before or the one after, nobody is lost.

    True if the vendor gave tokens that nobody has.
    """
    content = file_in(home).read_bytes()
    # In place it is filled up with spaces before it gets shorter.
    before = content.rstrip(b" ") if scene.linked else content
    assert before == scene.content or json.loads(content) == scene.left, where
    with opened(home, scene, vendor) as live:
        require_nobody_lost(live, scene, vendor, where)
        return _is_answer_lost(live, vendor)


def require_nobody_lost(live: Live, scene: Scene, vendor: Vendor, where: str) -> None:
    """Assert that every account holds what it held, or newer tokens of its own."""
    assert live.state.broken == (), where
    kept = scene.kept()
    found = {name: live.saved(name) for name in kept}
    if vendor.newest["ada"] > 1:
        kept[ADA] = NEW_TOKENS
    if vendor.newest["ada"] > 1 and found[ADA] != kept[ADA]:
        # What the vendor gave waits to be used; or it reached nobody, and that is written down.
        (pending,) = live.state.refreshes.values()
        assert pending.spent == digest_of(found[ADA]["refresh"]), where
        found[ADA] = kept[ADA]
    assert found == kept, where


def _is_answer_lost(live: Live, vendor: Vendor) -> bool:
    waiting = [p.answer for p in live.state.refreshes.values()]
    return vendor.newest["ada"] > 1 and live.saved(ADA) == SAVED[ADA] and waiting == [None]


def require_done(live: Live, scene: Scene, where: str) -> None:
    """Assert that the scene has come to its end."""
    require_one_truth(live, where)
    if scene.what == REFRESH and live.account(ADA).rejected:
        assert live.entries() == BEFORE, where
    else:
        assert timeless(live.entries()) == timeless(scene.left), where
    assert scene.removed not in live.names(), where
    assert [path.name for path in live.file.parent.iterdir()] == ["auth.json"], where
    assert not live.paths.journal.exists(), where
    assert not scene.linked or live.file.samefile(second_name(live.file)), where


def timeless(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Leave out when tokens run out: whoever had to ask once more has later ones."""
    return {p: entry | {"expires": None} for p, entry in entries.items()}


def require_one_truth(live: Live, where: str, *, torn: bool = False) -> None:
    """Assert that the store's accounts in the slots are what auth.json holds, or held."""
    active: dict[str, Account | None] = {
        p: live.state.active(p) for p, slot in live.state.slots.items() if slot.active
    }
    held = {p: json.loads(a.credential.entry.reveal()) for p, a in active.items() if a}
    assert held == (BEFORE if torn else live.entries()), where
    assert live.state.broken == (), where


def file_in(home: Path) -> Path:
    """Return the auth.json of whoever lives in `home`."""
    return home / ".local" / "share" / "opencode" / "auth.json"


@contextlib.contextmanager
def memory_folder(place: Path | None = None) -> Iterator[Path]:
    """Make a folder in `place`, by default in memory, where that can be, for many short lives."""
    memory = Path("/dev/shm")  # noqa: S108  # a folder of a name of its own is made in it
    if place is None and os.access(memory, os.W_OK):
        place = memory
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)
