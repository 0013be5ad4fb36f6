"""Random days of a HOME in which opencode 1 and OpenCode 2 are used side by side.

People log in, log out, rename and switch in either, both opencodes refresh, the vendor ends a
login whose refresh token comes again; the database is locked, moved away, or of another version
for a while. Our watcher and commands are the real ones, and die at any step, or meet a fault.
`python -m tests.histories.both --steps 20000 --seed 7` lives through many days.

What nobody can know is not asked for: an opencode that is used while no watcher runs may send a
token that the other one has spent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from rotator.errors import LiveFileError, RotatorError
from rotator.live.homes import capture_home, prepare
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account, AccountId, Finding, HomeName, Meaning, Signal, Source
from rotator.opencode.auth.file import Torn
from rotator.opencode.database import servers, table as table_module, writes
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.database.table import TableReader
from rotator.opencode.home import Entries
from rotator.live.capture import capture_until_whole
from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.services import accounts as ledger
from rotator.services.failover import Means, carry_out
from rotator.services.refresh import ask, begin, hold_refresh_locks, settle_pending_refreshes
from rotator.services.refresh_storing import Attempt, Result, finish
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import finish as settle_after
from rotator.services.sync import sync
from rotator.system.locks import Held, swap_lock, watch_lock
from rotator.system.paths import find_paths
from tests.histories.both_models import KEYS, NAMED, Row, Table, Vendor, row_value
from tests.support.faults import Act, Crash, Seam, Step, anything, at, failing
from tests.support.home import places
from tests.support.interrupted import memory_folder
from tests.support.live import Entry, HandClock, Live, api, as_opencode, open_live, write_as_opencode
from tests.support.token_vendor import Mood

PEOPLE = ("ada", "bob", "cem")
LABELS = ("work", "home", "named", "OAuth")
STEPS_OF_A_DAY = 60
FAULTS = (28, 30, 5)  # ENOSPC, EROFS, EIO
_LIMITED = Finding(Meaning.SHORT_LIMIT, "429, rate limit")
# So long a token is in an opencode's memory alone, at most.
_LONGEST_SECONDS = 90


@dataclass(frozen=True)
class Plan:
    """What comes in between while we are at work."""

    crash_at: int = 0
    fault: int = 0
    fault_at: int = 0
    lasting: bool = False
    # What an opencode does before which step.
    other: str = ""
    other_at: int = 0
    # Only steps that have to do with the database count.
    in_database: bool = False
    locked: str = ""


UNDISTURBED = Plan()


@dataclass
class Outcome:
    """How something that we did has ended."""

    done: bool = False
    crashed: bool = False
    mixed: bool = False
    faulty: bool = False
    refused: RotatorError | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing stood in its way and nobody came in between."""
        return self.done and not self.mixed and not self.faulty


@dataclass
class Late:
    """Tokens that an opencode has got and is about to write: into a row, or into auth.json."""

    slot: str | None
    entry: Entry


@dataclass
class Asking:
    """A refresh of ours that has begun."""

    held: Held
    attempt: Attempt
    result: Result | None = None


@dataclass
class Watcher:
    """A running watcher, as rotator/watcher/daemon.py looks; threads and queues are left out."""

    seam: Seam
    stack: ExitStack
    live: Live
    home: DatabaseHome
    watched: bool = False
    watched_table: bool = False
    asking: list[Asking] = field(default_factory=list)

    def look(self) -> None:
        """Look at both homes."""
        context = self.live.context
        with swap_lock(self.live.paths.swap_lock):
            reading = capture_until_whole(context, self.watched, patience_seconds=0)
            self.watched = self.watched or not isinstance(reading, Torn)
        with swap_lock(self.live.paths.swap_lock):
            table = capture_home(context, self.home, watched=self.watched_table)
        self.watched_table = self.watched_table or isinstance(table, Entries)
        if context.store.live_digest() is None:
            with swap_lock(self.live.paths.swap_lock):
                capture_until_whole(context, self.watched, patience_seconds=0)

    # -- as a failure in OpenCode 2 is worked off ----------------------------------------------------

    def prepare(self, account: AccountId) -> tuple[Account, str]:
        """Let an account stand in the table."""
        return prepare(self.live.context, self.home, account)

    def begin(self, slot: str) -> bool:
        """Let it become the active one."""
        return self.home.activate(slot)


@dataclass(frozen=True)
class Saved:
    """What is committed in the store."""

    # The access token of each account, by its id.
    tokens: dict[str, str]
    keys: list[str]
    held: frozenset[str]


class Day:
    """One day; every step checks what always holds."""

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
        # Whose login an opencode has ended that sent a spent token while no watcher ran.
        self.ended: set[str] = set()
        # Who got tokens from the vendor by what we do now, and whose answers reached nobody.
        self.given: set[str] = set()
        self.unheard: set[str] = set()
        self.counted: Counter[str] = Counter()
        self.told: list[str] = []
        self._seam, self._outcome = Seam(), Outcome()

    # -- what people and opencodes do ----------------------------------------------------------------

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
        if held["access"] not in self._alive():
            # Nobody uses a login that has ended; an old copy ends it.
            if self.watcher is not None or self.chance.random() < 0.9:
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
            self.late.pop()

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

    # -- time ----------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Let time pass."""
        self._pass_time(self.chance.choice([1, 20, 70, 130, 3500, 3700]))

    def _pass_time(self, seconds: float) -> None:
        if seconds > _LONGEST_SECONDS:
            for one in tuple(self.late):
                self._write_late(one)
            self.late.clear()
            self._excuse_all()
        self.uptime += seconds
        self.clock.pass_time(seconds=seconds)

    def mood(self) -> None:
        """Let the vendor be well, or not."""
        self.vendor.mood = self.chance.choice([Mood.ANSWERS, *Mood])

    # -- us ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Let the watcher look."""
        if self.watcher is not None:
            self._by_watcher(self.watcher.look, self._plan())

    def start(self) -> None:
        """Start a watcher."""
        if self.watcher is not None:
            return
        seam, stack, started = self._new_seam(), ExitStack(), list[Watcher]()

        def run() -> None:
            live = stack.enter_context(self._open())
            stack.enter_context(watch_lock(self.paths.watch_lock))
            reader = TableReader(self.paths.opencode_database)
            stack.callback(reader.close)
            started.append(Watcher(seam, stack, live, DatabaseHome(self.paths, reader=reader)))
            with contextlib.suppress(LiveFileError):
                settle_pending_refreshes(live.context)
            started[0].look()

        outcome = self._through(seam, run, self._plan())
        if outcome.crashed or not started:
            seam.bury(stack.close)
        else:
            self.watcher = started[0]

    def stop(self) -> None:
        """Stop the watcher."""
        while self.watcher is not None and self.watcher.asking:
            self.finish_refresh()
        if self.watcher is not None:
            self.watcher.stack.close()
            self.watcher = None

    def begin_refresh(self) -> None:
        """Let the watcher write down that it is about to refresh a login."""
        watcher = self.watcher
        accounts = [] if watcher is None else watcher.live.state.of(NAMED)
        if watcher is None or not accounts:
            return
        account = self.chance.choice(accounts)
        ends_at = account.credential.expires_at
        if ends_at is not None and self.chance.random() < 0.7:
            self._pass_time(max((ends_at - self.clock.now).total_seconds(), 121))
        if any(self._whose(one.entry) == self._of(account) for one in self.late):
            return

        def run() -> None:
            context = watcher.live.context
            held = hold_refresh_locks(context, account, patience_seconds=0)
            if held is None:
                return
            attempt: Attempt | str = ""
            try:
                settle_pending_refreshes(context)
                attempt = begin(context, account.id)
            finally:
                if isinstance(attempt, str):
                    held.release()
                else:
                    watcher.asking.append(Asking(held, attempt))

        self._by_watcher(run, self._plan(others=False))

    def finish_refresh(self) -> None:
        """Let the vendor be asked, and the watcher store what it has answered."""
        watcher = self.watcher
        if watcher is None or not watcher.asking:
            return
        asking = watcher.asking[0]
        if asking.result is None:
            asking.result = ask(self._send, asking.attempt)

        def run() -> None:
            assert asking.result is not None
            finish(watcher.live.context, asking.attempt, asking.result)
            asking.held.release()
            watcher.asking.remove(asking)

        self._by_watcher(run, self._plan())

    def _of(self, account: Account) -> str:
        return self.vendor.of(account.credential).person

    def fail_over(self) -> None:
        """Let a request of what is active fail, in either home."""
        watcher = self.watcher
        if watcher is None:
            return
        home = self.chance.choice(list(HomeName))
        provider = self.chance.choice([NAMED, KEYS])
        failed = watcher.live.state.active_in(home, provider)
        if failed is None:
            return
        digest, now = failed.credential.digest, self.clock.now
        signal = Signal(
            "s", now, provider, Source.BRIDGE, digest, tried=(digest,), status=429, home=home
        )

        def run() -> None:
            means = Means(second=watcher)
            carry_out(watcher.live.context, signal, _LIMITED, answer=lambda _: None, means=means)

        self._by_watcher(run, self._plan(), switches=True)

    def swap_in_auth_json(self) -> None:
        """Let the watcher put an account into auth.json."""
        watcher = self.watcher
        accounts = [] if watcher is None else watcher.live.state.of(NAMED)
        if watcher is not None and accounts:
            order = SwapRequest(self.chance.choice(accounts).id, "for the test", watched=True)
            self._by_watcher(lambda: void(swap(watcher.live.context, order)), self._plan())

    def rotate(self) -> None:
        """Rotate by hand."""
        provider, by_name = self.chance.choice([NAMED, NAMED, KEYS]), self.chance.random() < 0.5
        put: list[tuple[Account, bool]] = []

        def act(live: Live) -> None:
            accounts = live.state.of(provider)
            if not accounts:
                return
            alias = self.chance.choice(accounts).alias if by_name else None
            planned = plan_rotation(live.state, provider, alias, self.clock.now)
            done = rotate(live.context, planned)
            in_table = HomeName.DATABASE in done.homes and done.obstacle is None
            put.append((done.put, in_table))

        outcome = self._command(act, self._plan(), switches=True)
        slot = self.table.active(provider)
        if outcome.is_plain and put and put[0][1] and slot is not None:
            assert self._stands(slot, put[0][0]), "OpenCode 2 uses another login than was put in"

    def _stands(self, slot: str, account: Account) -> bool:
        value = self.table.rows[slot].value
        if value["type"] == "key":
            return bool(value["key"] == account.credential.secret.reveal())
        return self._whose(value) == self._of(account)

    def disable_and_enable(self) -> None:
        """Disable an account, which lets another take over, and enable it again."""

        def act(live: Live) -> None:
            accounts = live.state.of(NAMED)
            if accounts:
                account = self.chance.choice(accounts)
                ledger.disable(live.context, account)
                ledger.enable(live.context, account)

        self._command(act, self._plan(), switches=True)

    def remove(self) -> None:
        """Remove an account."""

        def act(live: Live) -> None:
            accounts = live.state.of(NAMED)
            if accounts:
                account = self.chance.choice(accounts)
                self.removing = self._of(account)
                ledger.remove(live.context, account)

        self._command(act, self._plan(), switches=True)
        if self.removing is not None and self.removing not in self._people(self.saved()):
            self.seen.discard(self.removing)
            self.gone[self.removing] = self.vendor.alive(self.removing)
            self.late = [one for one in self.late if self._whose(one.entry) != self.removing]
        self.removing = None

    # -- how it is done ------------------------------------------------------------------------------

    def _plan(self, *, others: bool = True) -> Plan:
        kind = self.chance.choice(["", "", "crash", "fault", "other" if others else "", "locked"])
        step, in_database = self.chance.randint(1, 90), self.chance.random() < 0.6
        if in_database:
            step = self.chance.randint(1, 14)
        match kind:
            case "crash":
                return Plan(crash_at=step, in_database=in_database)
            case "fault":
                fault, lasting = self.chance.choice(FAULTS), self.chance.random() < 0.5
                return Plan(fault=fault, fault_at=self.chance.randint(1, 60), lasting=lasting)
            case "other":
                name = self.chance.choice([*OTHERS])
                return Plan(other=name, other_at=step, in_database=in_database)
            case "locked":
                return Plan(locked=self.chance.choice(["writing", "alone"]))
        return UNDISTURBED

    def _command(self, act: Callable[[Live], None], plan: Plan, *, switches: bool) -> Outcome:
        seam = self._new_seam()

        def run() -> None:
            with self._open() as live:
                sync(live.context)
                try:
                    act(live)
                finally:
                    settle_after(live.context)

        outcome = self._through(seam, run, plan, switches=switches)
        if outcome.crashed:
            seam.bury(lambda: None, alone=self.watcher is None)
        return outcome

    def _by_watcher(self, run: Callable[[], object], plan: Plan, *, switches: bool = False) -> None:
        watcher = self.watcher
        assert watcher is not None
        outcome = self._through(watcher.seam, run, plan, switches=switches)
        if outcome.crashed:
            for asking in watcher.asking:
                asking.held.release()
            self.watcher = None
            watcher.seam.bury(watcher.stack.close)
        self._settle(outcome, plan)

    def _through(
        self, seam: Seam, run: Callable[[], object], plan: Plan, *, switches: bool = False
    ) -> Outcome:
        self._seam, self._outcome = seam, Outcome()
        outcome = self._outcome
        self.told.append(f"{plan}")
        with ExitStack() as stack:
            if plan.locked and self.table.is_there:
                stack.enter_context(self.table.locked(alone=plan.locked == "alone"))
                outcome.mixed = True
            try:
                with seam.watching(*self._acts(seam, plan)):
                    run()
                    outcome.done = True
            except Crash:
                outcome.crashed = True
            except RotatorError as exc:
                outcome.refused = exc
        self.counted["crashes"] += outcome.crashed
        self.counted["faults"] += outcome.faulty
        self.counted["locked"] += bool(plan.locked)
        self.counted["steps of others in ours"] += outcome.mixed and bool(plan.other)
        self.counted["switches"] += switches and outcome.done
        if not outcome.crashed:
            self._settle(outcome, plan)
        self._require_table(switches=switches)
        return outcome

    def _settle(self, outcome: Outcome, plan: Plan) -> None:
        if outcome.crashed or (outcome.faulty and plan.lasting):
            self.unheard |= self.given
        for person in self.unheard:
            self._excuse(person)
        self.unheard.clear()
        self.given.clear()

    def _acts(self, seam: Seam, plan: Plan) -> list[Act]:
        among = _in_database if plan.in_database else anything
        if plan.crash_at:
            return [at(plan.crash_at, seam.crash, among)]
        if plan.fault:
            return [self._fault(plan)]
        return [at(plan.other_at, self._other(plan.other), among)] if plan.other else []

    def _fault(self, plan: Plan) -> Act:
        fail = failing(plan.fault_at, plan.fault, lasting=plan.lasting)

        def act(step: Step) -> None:
            try:
                fail(step)
            except Exception:
                self._outcome.faulty = True
                raise

        return act

    def _other(self, name: str) -> Act:
        def act(_: Step) -> None:
            self._outcome.mixed = True
            self._by_others(name)

        return act

    def _by_others(self, name: str) -> None:
        getattr(self, name)()
        self._excuse_all()

    def _new_seam(self) -> Seam:
        return Seam(monotonic=lambda: self.uptime, sleep=lambda s: self._pass_time(max(s, 0.1)))

    def _open(self) -> contextlib.AbstractContextManager[Live]:
        return open_live(self.folder, clock=self.clock, registry=self.registry)

    def _send(self, request: HttpRequest) -> HttpAnswer:
        assert request.body is not None
        self._seam.step(Step("ask"))
        mine = self.vendor.minted[json.loads(request.body.reveal())["access"]]
        is_spent = self.vendor.newest[mine.login] != mine
        assert not is_spent or self.gone.get(mine.person) is not None, (
            f"a spent token of {mine.person} is sent"
        )
        before = self.vendor.newest[mine.login]
        try:
            answer = self.vendor.send(request)
        finally:
            if self.vendor.newest[mine.login] != before:
                heard = self.vendor.mood is Mood.ANSWERS
                (self.given if heard else self.unheard).add(mine.person)
                self.counted["refreshes by us"] += heard
        self._seam.step(Step("answer"))
        return answer

    # -- what always holds ---------------------------------------------------------------------------

    def saved(self) -> Saved:
        """Return what is committed in the store."""
        if not self.paths.store.exists():
            return Saved({}, [], frozenset())
        with contextlib.closing(_connect(self.paths.store)) as connection:
            tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
            if not {"account", "refresh", "aside"} <= tables:
                # Whoever made it was cut off before there was anything in it.
                return Saved({}, [], frozenset())
            rows = connection.execute("SELECT id, provider, entry FROM account").fetchall()
            held = [
                row[0].decode() if isinstance(row[0], bytes) else row[0]
                for question in (
                    "SELECT entry FROM account",
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

    def require(self) -> None:
        """Assert what holds after every step."""
        saved = self.saved()
        people = self._people(saved)
        assert len(people) == len(set(people)), f"there are accounts of {people}"
        assert len(saved.keys) == len(set(saved.keys)), "a key is two accounts"
        assert self.seen <= set(people), f"the account of {self.seen - set(people)} is gone"
        assert self.seen_keys <= set(saved.keys), "the account of a key is gone"
        self.seen, self.seen_keys = set(people), set(saved.keys)
        held = self._held(saved)
        for person in self.vendor.people():
            alive = self.vendor.alive(person)
            fine = alive & held or alive <= self.gone.get(person, set())
            assert fine, f"the tokens of {person} are lost"
        entry = self.entries.get(NAMED)
        if entry is not None:
            self._require_one_s(entry, entry.get("accountId"))

    def _require_one_s(self, tokens: Any, account: object) -> None:
        person = self._whose(tokens)
        same = tokens["access"].removeprefix("ACC") == tokens["refresh"].removeprefix("REF")
        assert same, f"two generations in one login of {person}"
        assert account == f"acct-{person}", f"tokens of {person} under {account}"

    def _require_table(self, *, switches: bool) -> None:
        """Assert that we have changed nothing in the table that is not ours to change."""
        if not self.table.path.exists() or self.table.is_renamed:
            return
        actual = self.table.actual()
        for slot, row in tuple(self.table.rows.items()):
            if slot not in actual:
                assert row.provider == NAMED, f"{slot} is gone"
                assert self._whose(row.value) == self.removing, f"{slot} is gone"
                del self.table.rows[slot]
                switches = True
        for slot, found in actual.items():
            self._require_row(slot, found)
        marks = {slot: row.active for slot, row in self.table.rows.items()}
        if not switches:
            assert {slot: actual[slot].active for slot in marks} == marks, "another row is active"
        for slot, row in self.table.rows.items():
            row.active = actual[slot].active
        used = Counter(row.provider for row in actual.values() if row.active)
        assert max(used.values(), default=1) == 1, "two rows are active"

    def _require_row(self, slot: str, found: Row) -> None:
        before = self.table.rows.get(slot)
        if before is None:
            assert found.is_ours, f"{slot} is nobody's"
            assert found.active in (None, 1), "a row of ours says that it is not active"
            self.table.rows[slot] = before = found
        kept = (found.provider, found.label, found.created)
        assert kept == (before.provider, before.label, before.created), f"{slot} is another row"
        if found.provider == KEYS:
            assert found.value == before.value, "a key was changed"
            return
        metadata = found.value["metadata"]
        self._require_one_s(found.value, metadata.get("accountID"))
        if found.value != before.value:
            tokens = ("refresh", "access", "expires")
            rest = {k: v for k, v in found.value.items() if k not in tokens}
            assert rest == {k: v for k, v in before.value.items() if k not in tokens}, "not ours"
            was, is_now = before.value["access"], found.value["access"]
            assert self._whose(before.value) == self._whose(found.value), "another's tokens"
            worse = was in self._alive() and is_now not in self._alive()
            # Of two logins of one person an opencode may just be spending the one that we copy.
            is_spending = any(self._whose(one.entry) == self._whose(found.value) for one in self.late)
            fine = not worse or self._outcome.mixed or is_spending
            assert fine, f"older tokens of {self._whose(found.value)} were put in"
            before.value = found.value
            self.counted["newer tokens put in"] += 1

    def end(self) -> None:
        """Let everybody come to rest: then all copies are the newest, and nobody is missing."""
        self.vendor.mood = Mood.ANSWERS
        if (self.folder / "away.db").exists():
            self.move_database()
        if self.table.is_renamed:
            self.table.use_another_schema()
        for one in tuple(self.late):
            self._write_late(one)
        self._excuse_all()
        while self.watcher is not None and self.watcher.asking:
            self.finish_refresh()
        with mock.patch.object(self, "_plan", lambda **_: UNDISTURBED):
            self.start()
            for _ in range(3):
                self.look()
                self._pass_time(2)
            self.require()
        saved = self.saved()
        by_person = {self.vendor.minted[a].person: a for a in saved.tokens.values()}
        copies = [row.value for row in self.table.rows.values() if row.provider == NAMED]
        copies += [self.entries[NAMED]] if NAMED in self.entries else []
        for one in copies:
            person = self._whose(one)
            if person not in by_person and self.gone.get(person) is not None:
                # What the user removed is not brought back by an old copy.
                continue
            assert one["access"] == by_person[person], f"an older copy of {person} is left"
        for person, access in by_person.items():
            alive = self.vendor.alive(person)
            fine = access in alive or alive <= self.gone.get(person, set())
            fine = fine or person in self.ended
            assert fine, f"no tokens of {person} that work are saved"
        self.stop()
        self.counted["days"] += 1


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
ALONE: dict[str, int] = {
    "resolve_2": 6,
    "start_or_end_2": 3,
    "use_another_version": 1,
    "move_database": 1,
    "wait": 10,
    "mood": 2,
}
OURS: dict[str, int] = {
    "look": 20,
    "start": 14,
    "stop": 2,
    "begin_refresh": 12,
    "finish_refresh": 8,
    "fail_over": 8,
    "swap_in_auth_json": 4,
    "rotate": 10,
    "disable_and_enable": 1,
    "remove": 1,
}
ACTS = {**OTHERS, **ALONE, **OURS}
_connect = sqlite3.connect


def _in_database(step: Step) -> bool:
    return step.path is not None and "opencode.db" in str(step.path)


def void(_: object) -> None:
    """Take a value and return nothing."""


def live_through(folder: Path, seed: str, steps: int = STEPS_OF_A_DAY) -> Counter[str]:
    """Live through one day; the same seed is the same day."""
    day = Day(folder, Random(seed))  # noqa: S311  # no secret: the same day again
    with (
        mock.patch.object(servers, "find_opencodes", lambda _: []),
        mock.patch.object(writes, "_BUSY_SECONDS", 0.0),
        mock.patch.object(table_module, "_BUSY_SECONDS", 0.0),
    ):
        try:
            for _ in range(steps):
                (name,) = day.chance.choices(list(ACTS), list(ACTS.values()))
                day.told.append(name)
                if name in OURS:
                    getattr(day, name)()
                else:
                    day._by_others(name)
                    if day.watcher is not None and day.chance.random() < 0.8:
                        day.look()
                day.counted["steps"] += 1
                day.require()
            day.told.append("end")
            day.end()
        except Exception as exc:
            exc.add_note(f"day {seed}: {' '.join(day.told)}")
            raise
        finally:
            day.table.close()
            if day.watcher is not None:
                day.watcher.stack.close()
    return day.counted


def run(seed: int, steps: int) -> Counter[str]:
    """Live through days until there are so many steps."""
    counted: Counter[str] = Counter()
    number = 0
    while counted["steps"] < steps:
        with memory_folder() as folder:
            counted.update(live_through(folder, f"{seed}/{number}"))
        number += 1
    return counted


def main() -> int:
    """Live through the days that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.both")
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--day", type=int, help="the number of one that is lived through alone")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    if given.day is not None:
        with memory_folder() as folder:
            counted = live_through(folder, f"{given.seed}/{given.day}")
    else:
        counted = run(given.seed, given.steps)
    told = ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))
    sentence = f"{told}, {time.monotonic() - started:.0f} s: nobody was lost in either home"
    sys.stdout.write((json.dumps(counted) if given.json else sentence) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
