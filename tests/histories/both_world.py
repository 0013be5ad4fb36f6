"""People and both opencodes in one HOME: what they write, and who has which tokens."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.system.paths import find_paths
from tests.histories.both_models import KEYS, NAMED, Table, Vendor, row_value
from tests.histories.both_processes import Late, Outcome, Saved, Watcher
from tests.support.faults import Seam
from tests.support.home import places
from tests.support.live import (
    Entry,
    HandClock,
    api,
    as_opencode,
    write_as_opencode,
)
from tests.support.token_vendor import Mood

PEOPLE = ("ada", "bob", "cem")
LABELS = ("work", "home", "named", "OAuth")
# So long a token is in an opencode's memory alone, at most.
_LONGEST_SECONDS = 90
# So often somebody goes on with an old copy, where nobody of ours looks.
_OLD_COPIES = 0.1
_connect = sqlite3.connect
# What an opencode may do at any moment, and how often it does, of a hundred or so.
OTHERS: dict[str, int] = {
    "log_in_1": 5,
    "key_1": 2,
    "log_out_1": 1,
    "refresh_1": 8,
    "log_in_2": 6,
    "key_2": 3,
    "same_in_both": 6,
    "refresh_2": 9,
    "rename_2": 2,
    "switch_2": 4,
    "log_out_2": 2,
    "write_late": 4,
    "die_with_tokens": 1,
}


class World:
    """One computer, and what is known of it."""

    def __init__(self, folder: Path, chance: Random) -> None:
        self.folder, self.chance, self.clock = folder, chance, HandClock()
        self.vendor = Vendor(self.clock)
        self.paths = find_paths(places(folder))
        self.registry = Registry({NAMED: self.vendor}, send=self._send)
        self.table = Table(self.paths.opencode_database)
        self.table.make()
        self.table.open()
        self.paths.auth_file.parent.mkdir(parents=True, exist_ok=True)
        self.uptime = 0.0
        self.watcher: Watcher | None = None
        self.late: list[Late] = []
        # Whose tokens that work are nowhere any more, through no fault of ours.
        self.gone: dict[str, frozenset[str]] = {}
        self.seen: set[str] = set()
        self.seen_keys: set[str] = set()
        self.removing: str | None = None
        self.removed: set[str] = set()
        # Of whom an opencode, or the user, has ended a login that nobody of ours had: it sent a
        # spent token while no watcher ran, died with what it had got, or wrote over
        # it. Or its vendor's answer reached nobody.
        self.ended: set[str] = set()
        # Who got tokens from the vendor by what we do now, and whose answers reached nobody.
        self.given: set[str] = set()
        self.unheard: set[str] = set()
        self.counted: Counter[str] = Counter()
        self.told: list[str] = []
        self._seam, self._outcome = Seam(), Outcome()

    def _send(self, request: HttpRequest) -> HttpAnswer:
        """Answer our program as the vendor does."""
        raise NotImplementedError

    # -- what people and opencodes do --------------------------------------------------------------

    @property
    def entries(self) -> dict[str, Any]:
        """What stands in auth.json."""
        try:
            found: dict[str, Any] = json.loads(self.paths.auth_file.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def _write(self, provider: str, entry: Entry | None) -> None:
        entries = {p: e for p, e in self.entries.items() if p != provider}
        entries |= {} if entry is None else {provider: entry}
        write_as_opencode(self.paths.auth_file, as_opencode(entries))

    def log_in_1(self) -> None:
        """Log in with opencode 1."""
        self._write(NAMED, self.vendor.log_in(self.chance.choice(PEOPLE)))

    def key_1(self) -> None:
        """Log in with a key with opencode 1."""
        self._write(KEYS, api(f"k{self.chance.randrange(3)}"))

    def log_out_1(self) -> None:
        """Log out with opencode 1."""
        self._write(self.chance.choice([NAMED, KEYS]), None)

    def log_in_2(self) -> None:
        """Log in with OpenCode 2."""
        if self.table.is_there:
            entry = self.vendor.log_in(self.chance.choice(PEOPLE))
            note = f"note {len(self.table.rows)}"
            self.table.log_in(NAMED, row_value(entry, note), self.chance.choice(LABELS))

    def key_2(self) -> None:
        """Log in with a key with OpenCode 2, perhaps one that is there already."""
        if self.table.is_there:
            value = {**api(f"k{self.chance.randrange(3)}"), "type": "key"}
            self.table.log_in(KEYS, value, self.chance.choice(LABELS))

    def same_in_both(self) -> None:
        """Let OpenCode 2 take over what stands in auth.json, as it does at its first start."""
        entry = self.entries.get(NAMED)
        if self.table.is_there and entry is not None and entry["access"] in self._alive():
            self.table.log_in(NAMED, row_value(entry, "taken over"), "OAuth")

    def refresh_1(self) -> None:
        """Let opencode 1 refresh what is live."""
        self._refresh(None, self.entries.get(NAMED))

    def refresh_2(self) -> None:
        """Let OpenCode 2 refresh what it uses."""
        slot = self.table.active(NAMED)
        if slot is not None and self.table.is_there:
            self._refresh(slot, self.table.rows[slot].value)

    def resolve_2(self) -> None:
        """Let a plug-in have OpenCode 2 refresh a row that is not active."""
        rows = [s for s, r in self.table.rows.items() if r.provider == NAMED]
        if rows and self.table.is_there:
            slot = self.chance.choice(rows)
            self._refresh(slot, self.table.rows[slot].value, may_be_late=False)

    def _refresh(self, slot: str | None, held: Any, *, may_be_late: bool = True) -> None:
        if not held or self._is_busy(held):
            return
        is_old = held["access"] not in self._alive()
        # An old copy ends its login; a watcher leaves nobody one.
        if is_old and (self.watcher is not None or self.chance.random() > _OLD_COPIES):
            return
        left = held["expires"] / 1000 - self.clock.now.timestamp()
        self._pass_time(max(left + 1, 0))
        given = self.vendor.refresh(held)
        if given is None:
            self.ended.add(self._whose(held))
            self.counted["logins ended by an opencode"] += 1
            return
        self.late.append(Late(slot, given))
        if not may_be_late or self.chance.random() < 0.7:
            self._write_late(self.late[-1])

    def _is_busy(self, held: Any) -> bool:
        """Tell whether somebody else is exchanging the same token just now."""
        person = self.vendor.minted[held["access"]].person
        asking = self.watcher.asking if self.watcher else []
        ours = {self.vendor.of(one.attempt.account.credential).person for one in asking}
        return person in ours or any(self._whose(one.entry) == person for one in self.late)

    def _whose(self, entry: Any) -> str:
        return self.vendor.minted[entry["access"]].person

    def write_late(self) -> None:
        """Let an opencode write what it has got."""
        if self.late:
            self._write_late(self.late[0])

    def write_all_late(self) -> None:
        """Let every opencode write what it has got."""
        for one in tuple(self.late):
            self._write_late(one)

    def _write_late(self, one: Late) -> None:
        if one.slot is not None and (not self.table.path.exists() or self.table.is_locked()):
            return
        if one.slot is not None and self.table.is_renamed:
            return
        self.late.remove(one)
        if one.slot is None:
            self._write(NAMED, one.entry)
        elif one.slot in self.table.rows:
            self.table.rewrite(one.slot, one.entry)

    def die_with_tokens(self) -> None:
        """Kill an opencode that has got tokens and not written them."""
        if self.late and self.chance.random() < 0.3:
            self.ended.add(self._whose(self.late.pop().entry))

    def rename_2(self) -> None:
        """Give a login another label."""
        if self.table.rows and self.table.is_there:
            self.table.rename(self.chance.choice(list(self.table.rows)), self.chance.choice(LABELS))

    def switch_2(self) -> None:
        """Use another login."""
        if self.table.rows and self.table.is_there:
            self.table.switch(self.chance.choice(list(self.table.rows)))

    def log_out_2(self) -> None:
        """Log out in OpenCode 2."""
        if self.table.rows and self.table.is_there:
            self.table.log_out(self.chance.choice(list(self.table.rows)))

    def start_or_end_2(self) -> None:
        """Let OpenCode 2 begin to run, or end."""
        if self.table.is_open:
            self.table.close()
        elif self.table.path.exists():
            self.table.open()

    def use_another_version(self) -> None:
        """Let a version of OpenCode that we do not know have the table for a while."""
        if self.table.path.exists() and not self.table.is_locked():
            self.table.use_another_schema()

    def move_database(self) -> None:
        """Let somebody move the database away, or back."""
        away = self.folder / "away.db"
        if away.exists():
            away.rename(self.table.path)
        elif self.table.is_there and self.watcher is None:
            self.table.close()
            self.table.move(away)

    # -- time --------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Let time pass."""
        self._pass_time(self.chance.choice([1, 20, 70, 130, 3500, 3700]))

    def _pass_time(self, seconds: float) -> None:
        if seconds > _LONGEST_SECONDS:
            for one in tuple(self.late):
                self._write_late(one)
            self.ended |= {self._whose(one.entry) for one in self.late}
            self.late.clear()
            self._excuse_all()
        self.uptime += seconds
        self.clock.pass_time(seconds=seconds)

    def mood(self) -> None:
        """Let the vendor be well, or not."""
        self.vendor.mood = self.chance.choice([Mood.ANSWERS, *Mood])

    # -- who has what ------------------------------------------------------------------------------

    def saved(self) -> Saved:
        """Return what is committed in the store."""
        if not self.paths.store.exists():
            return Saved({}, [], frozenset())
        with contextlib.closing(_connect(self.paths.store)) as connection:
            tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
            if not {"account", "refresh", "aside", "replaced"} <= tables:
                # Whoever made it was cut off before there was anything in it.
                return Saved({}, [], frozenset())
            rows = connection.execute("SELECT id, provider, entry FROM account").fetchall()
            held = [
                row[0].decode() if isinstance(row[0], bytes) else row[0]
                for question in (
                    "SELECT entry FROM account",
                    "SELECT entry FROM replaced",
                    "SELECT answer FROM refresh WHERE answer IS NOT NULL",
                    "SELECT content FROM aside",
                )
                for row in connection.execute(question)
            ]
        tokens = {
            account: str(json.loads(entry)["access"])
            for account, provider, entry in rows
            if provider == NAMED
        }
        keys = [json.loads(entry)["key"] for _, provider, entry in rows if provider == KEYS]
        return Saved(tokens, keys, frozenset(self._tokens_in(*held)))

    def _tokens_in(self, *texts: str) -> set[str]:
        return {access for access in self.vendor.minted for text in texts if f'"{access}"' in text}

    def _people(self, saved: Saved) -> list[str]:
        return [self.vendor.minted[access].person for access in saved.tokens.values()]

    def _alive(self) -> set[str]:
        return {access for person in self.vendor.people() for access in self.vendor.alive(person)}

    def _held(self, saved: Saved) -> set[str]:
        """Return the tokens that somebody has who can keep them."""
        rows = [json.dumps(row.value) for row in self.table.rows.values()]
        late = [json.dumps(one.entry) for one in self.late]
        asked = [
            json.dumps(entry)
            for asking in (self.watcher.asking if self.watcher else [])
            if isinstance(asking.result, HttpAnswer)
            for entry in [json.loads(asking.result.body.reveal())]
        ]
        return self._tokens_in(*rows, *late, *asked, json.dumps(self.entries)) | saved.held

    def _excuse_all(self) -> None:
        for person in self.vendor.people():
            self._excuse(person)

    def _excuse(self, person: str) -> None:
        """Note whose tokens are gone after what others did."""
        alive = self.vendor.alive(person)
        if not alive & self._held(self.saved()):
            self.gone[person] = alive
