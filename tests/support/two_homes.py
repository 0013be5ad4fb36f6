"""What our program does in a HOME with auth.json and OpenCode 2's database, for tests that kill it.

Ada's login stands in both, and so does an API key; Bob's stands in the database alone, and a second
key in the store alone. No server runs: the file itself is written.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rotator.live.homes import capture_home, switch
from rotator.live.swap import SwapRequest
from rotator.model import AccountId, HomeName
from rotator.opencode.database.home import DatabaseHome
from rotator.services.sync import sync
from rotator.system.locks import swap_lock
from tests.support.interrupted import Count
from tests.support.live import Entry, Live, api, oauth, open_live
from tests.support.opencode2_table import Table, Value, key

ADA, BOB = "named/ada-acme.example", "named/bob-acme.example"
# The key in the store alone, the one in both homes, and the one that the database uses.
ALONE, BOTH, USED = "acme-1", "acme-2", "acme-3"


def row(entry: Entry) -> Value:
    """Return a login of auth.json as OpenCode 2's table has it."""
    return {"methodID": "oauth", **entry}


@dataclass(frozen=True)
class Scene:
    """What is done, what the user's other program has done before, and who is active then."""

    what: str
    act: Callable[[Live], None]
    # Ada's tokens that one of the opencodes has got, which we have not seen yet, and where.
    refreshed: HomeName | None = None
    active: str = USED
    person: str = "ada-acme.example"

    def __str__(self) -> str:
        """Return its name, for the list of tests."""
        return self.what


def database(live: Live) -> DatabaseHome:
    """Return the home in which no server answers."""
    return DatabaseHome(live.paths, servers=lambda _: [])


def see(live: Live) -> None:
    """Take in what stands in both."""
    sync(live.context)
    with swap_lock(live.paths.swap_lock):
        capture_home(live.context, database(live), watched=False)


def activate(name: str) -> Callable[[Live], None]:
    """Return what makes an account the active one in the database."""

    def act(live: Live) -> None:
        account: AccountId = live.account(name).id
        switch(live.context, database(live), SwapRequest(account, "a test"))

    return act


SCENES = [
    Scene("activate", activate(f"acme/{BOTH}"), active=BOTH),
    Scene("put in and activate", activate(f"acme/{ALONE}"), active=ALONE),
    Scene("newer tokens in auth.json", see, refreshed=HomeName.AUTH_FILE),
    Scene("newer tokens in the database", see, refreshed=HomeName.DATABASE),
    Scene(
        "newer tokens and a switch", activate(BOB), HomeName.AUTH_FILE, person="bob-acme.example"
    ),
    Scene("a first look", see),
]


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Live]:
    """Open the context as a process does that begins."""
    with open_live(home) as live:
        yield live


def play(home: Path, what: str, count: Count | None) -> None:
    """Go through the scene of that name, with a profile function for what is done in it."""
    (scene,) = (scene for scene in SCENES if scene.what == what)
    sys.setprofile(count)
    with opened(home) as live:
        scene.act(live)
    sys.setprofile(None)


def is_held(_home: Path, _what: str) -> bool:
    """Nothing is written in place here."""
    return False


def table_in(home: Path) -> Table:
    """Return the table of whoever lives in `home`."""
    with opened(home) as live:
        return Table(live.paths.opencode_database)


def furnish(home: Path, scene: Scene) -> None:
    """Put everything as it is before the scene."""
    with opened(home) as live:
        table = Table(live.paths.opencode_database)
        table.make()
        for name in "ca":
            live.sees({"acme": api(name), "named": oauth("ada")})
        table.log_in("named", row(oauth("bob")))
        ada = table.log_in("named", row(oauth("ada")))
        table.log_in("acme", key("a"))
        table.log_in("acme", key("b"))
        if scene.what != "a first look":
            see(live)
        if scene.refreshed is HomeName.AUTH_FILE:
            live.write({"acme": api("a"), "named": oauth("ada", 2)})
        elif scene.refreshed is HomeName.DATABASE:
            table.rewrite(ada, row(oauth("ada", 2)))


def require_whole(home: Path, where: str) -> None:
    """Assert what holds at once: the table is whole, no row is lost, one login is used of each."""
    table = table_in(home)
    with contextlib.closing(sqlite3.connect(table.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], where
        used = connection.execute("SELECT integration_id FROM credential WHERE active = 1")
        assert sorted(name for (name,) in used) == ["acme", "named"], where
    values = table.values()
    old = [row(oauth("bob")), row(oauth("ada")), key("a"), key("b")]
    new = [row(oauth("ada", 2)), key("c")]
    assert all(values[f"cred_{n:04}"] in (value, new[0]) for n, value in enumerate(old, 1)), where
    assert [value for value in values.values() if value not in old + new] == [], where
    with opened(home) as live:
        assert live.state.broken == (), where
        entries = json.loads(live.file.read_bytes())
        assert entries["acme"] == api("a"), where
        assert entries["named"] in (oauth("ada"), oauth("ada", 2)), where


def require_done(home: Path, scene: Scene, where: str) -> None:
    """Assert that the scene has come to its end, once it was done again."""
    newest = 2 if scene.refreshed else 1
    with opened(home) as live:
        see(live)
        scene.act(live)
        state = live.state
        held = {name: state.active_in(HomeName.DATABASE, name) for name in ("acme", "named")}
        assert {name: one and one.alias for name, one in held.items()} == {
            "acme": scene.active,
            "named": scene.person,
        }, where
        assert live.saved(ADA)["refresh"] == oauth("ada", newest)["refresh"], where
        assert live.saved(BOB)["refresh"] == oauth("bob")["refresh"], where
        assert live.entries()["named"]["refresh"] == oauth("ada", newest)["refresh"], where
        assert len(state.accounts) == 5, where  # three keys and two people
    values = table_in(home).values()
    assert values["cred_0002"] == row(oauth("ada", newest)), where
    assert list(values.values()).count(key("c")) == (scene.active == ALONE), where
    assert not list(table_in(home).path.parent.glob(".*")), where
