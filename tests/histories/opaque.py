"""Random days of several people at a vendor whose tokens name nobody.

Their logins and refreshes, bridges that saw where tokens came from, at once, late or never, the
vendor's word of whose tokens are, whenever it comes, and requests that fail, of theirs and of
keys from elsewhere. Our capture, swap, refresh, failover and store are the real ones.
`python -m tests.histories.opaque --steps 200000 --seed 7` runs many.

What nobody can know is not asked for: of two accounts of one person of which both may be a
third, which one lives (that third may have been removed; the tokens of both are kept all the
same). Left out, though it could be known, are failed requests with replaced tokens of an account
whose newest are unproven: a limit is the account's, and none records which tokens it is of.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from rotator.clock import to_iso
from rotator.core.failures.reported_failures import Foreign, Note
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import RotatorError
from rotator.live.account_owners import learn_owner
from rotator.live.swap import SwapRequest, swap
from rotator.model import (
    Account,
    AccountId,
    Credential,
    Digest,
    Finding,
    Identity,
    Meaning,
    Signal,
    Source,
)
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.log import LoggedFailure
from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret, digest_of
from rotator.services import accounts as ledger
from rotator.services.failover import carry_out
from rotator.services.rotate import plan_rotation, rotate
from rotator.watcher.logged_failures import LoggedFailures
from tests.histories.opaque_vendor import OK, SLOT, Vendor
from tests.support.descents import seen_login, seen_refresh
from tests.support.interrupted import memory_folder
from tests.support.live import Entry, HandClock, Live, api, open_live

PEOPLE = ("ada", "bob", "cem")
SESSION = "ses_1"
STEPS_OF_A_DAY = 50
# What is drawn on a day stays the same.
FOREIGN = (Foreign.CONFIGURED, Foreign.UNKNOWN, Foreign.UNSEEN)
_LIMITED = Finding(Meaning.SHORT_LIMIT, "429, rate limit")
_USED_UP = Finding(Meaning.EXHAUSTED, "429, the quota is used up")


@dataclass
class Asked:
    """A question to the vendor whose answer has not come yet."""

    account: AccountId
    of: Digest
    who: str


@dataclass
class Day:
    """One computer's day; every step checks what always holds."""

    live: Live
    vendor: Vendor
    chance: Random
    counted: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    # What bridges saw and have not told yet.
    late: list[Callable[[], object]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    past: list[Entry] = field(default_factory=list)
    # Who was live before our last swap, as an opencode has it in its memory, and until when.
    in_memory: tuple[Entry, float] | None = None
    # Logins that were seen in auth.json, and those that the user removed.
    seen: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    # When requests of whom failed: of a person, or of a key.
    failed: dict[str, set[datetime]] = field(default_factory=dict)

    # -- what people and opencodes do --------------------------------------------------------------

    def log_in(self) -> None:
        """Let somebody log in."""
        entry = self.vendor.log_in(self.chance.choice(PEOPLE))
        at = to_iso(self.live.clock.now)
        self._prove(lambda: seen_login(self.live, entry, at=at))
        self._write(entry)

    def refresh(self) -> None:
        """Let an opencode refresh what is live: at its end, or a plug-in a little before."""
        entry = self.live.entries().get(SLOT, {})
        if not self._is_token(entry) or not self._works(entry):
            return
        left = entry["expires"] / 1000 - self.live.clock.now.timestamp()
        wait = self.chance.choice([left - 300, left + 5, left + 500, left + 20_000, 0])
        self.live.clock.pass_time(seconds=max(wait, 0))
        self._refresh(entry)

    def refresh_from_memory(self) -> None:
        """Let an opencode end a refresh that it began before our swap."""
        if self.in_memory is None:
            return
        (entry, until), self.in_memory = self.in_memory, None
        if self.live.clock.now.timestamp() <= until and self._works(entry):
            self._refresh(entry)

    def old_copy(self) -> None:
        """Let somebody write an older content again."""
        if self.past:
            self._write(self.chance.choice(self.past[-8:]), is_news=False)

    def key_from_elsewhere(self) -> None:
        """Let somebody log in with a key of the same provider."""
        self._write(api(f"k{self.chance.randrange(2)}"), is_news=False)

    def log_out(self) -> None:
        """Let somebody log out, by taking the entry out or its secrets."""
        cleared = {"type": "oauth", "refresh": "", "access": "", "expires": 0}
        self.live.sees(self.chance.choice([{}, {SLOT: cleared}]))

    def wait(self) -> None:
        """Let time pass."""
        self.live.clock.pass_time(minutes=self.chance.choice([0.5, 1, 3, 45, 58, 62, 75, 700]))

    # -- what bridges and the vendor tell ----------------------------------------------------------

    def tell_late(self) -> None:
        """Let a bridge tell now what it saw before."""
        if self.late:
            self.late.pop(self.chance.randrange(len(self.late)))()
            self.live.look()
            self.counted["late proofs"] += 1

    def ask(self) -> None:
        """Ask the vendor whose some tokens are; the answer comes later."""
        pairs = self._pairs()
        if pairs:
            account, credential = self.chance.choice(pairs)
            person = self.vendor.of(credential).person
            self.asked.append(Asked(account, credential.digest, person))

    def answer(self) -> None:
        """Let an answer of the vendor's come."""
        if self.asked:
            self._learn(self.asked.pop(self.chance.randrange(len(self.asked))))
            self.live.look()

    # -- requests that fail ------------------------------------------------------------------------

    def request_fails(self) -> None:
        """Let a request fail: with what is live, or what an opencode still has in its memory."""
        entry = self.chance.choice([self.live.entries().get(SLOT, {}), *self.past[-2:]])
        if self._is_token(entry) or "key" in entry:
            secret = entry.get("access") or entry["key"]
            digest = Digest(digest_of(secret))
            if self._is_in_doubt(digest):
                return
            who = self.vendor.minted[secret].person if self._is_token(entry) else secret
            self.failed.setdefault(who, set()).add(self.live.clock.now)
            self.counted["requests that failed"] += 1
            self._fails(digest)

    def foreign_request_fails(self) -> None:
        """Let one fail that carried a key of opencode.json, the environment or a plug-in."""
        before, entries = self._rests(), self.live.entries()
        self._fails(Digest(digest_of("KEY-CANARY-elsewhere")), self.chance.choice(FOREIGN))
        assert self._rests() == before, "somebody rests for a key from elsewhere"
        assert self.live.entries() == entries, "somebody was swapped for a key from elsewhere"
        self.counted["requests with keys from elsewhere"] += 1

    def _fails(self, carried: Digest, key: Foreign | None = None) -> None:
        """Let a bridge hand the failure over, or note it beside the line in opencode's log."""
        now = self.live.clock.now
        if self.chance.random() < 1 / 2:
            self._blame(Signal("s", now, SLOT, Source.BRIDGE, carried, tried=(carried,)))
            return
        lines = LoggedFailures(self.live.context, Exchange(self.live.paths), self._blame)
        note = Note(now, SESSION, SLOT, "m1", None if key else carried, key)
        line = LoggedFailure(now, SLOT, "m1", SESSION, small=False, message="Rate limit reached")
        served = self.live.paths.bridge / "present" / f"{os.getpid()}.sessions"
        served.write_text(f"{SESSION}\n")
        tell: list[Callable[[], None]] = [lambda: lines.note(note), lambda: lines.hear(line)]
        self.chance.shuffle(tell)
        for one in tell:
            one()
        assert not lines.is_holding

    def _blame(self, signal: Signal) -> None:
        before = self.live.entries().get(SLOT, {})
        finding = self.chance.choice([_LIMITED, _LIMITED, _LIMITED, _USED_UP])
        carry_out(self.live.context, signal, finding, answer=lambda _: None)
        put = self.live.state.active(SLOT)
        if put is not None and put.credential.secret.reveal() not in before.values():
            self._require_alive(put, "takes over")
            self._leave(before)
            self.counted["failovers"] += 1

    def _is_in_doubt(self, digest: Digest) -> bool:
        """Tell whether they are replaced tokens of an account whose newest are unproven.

        The request says which tokens it carried, but a limit does not record it: the account
        rests, and when it is parted the limit may go to the wrong part.
        """
        holder = self.live.state.account(self.live.state.digests.get((SLOT, digest)))
        return holder is not None and holder.unproven and holder.credential.digest != digest

    def _rests(self) -> dict[str, object]:
        """Return who rests; a login whose token is spent is rejected whenever somebody looks."""
        return {
            a.id: (a.limit, a.part_limits, a.spent_from is None and a.rejected)
            for a in self.live.state.of(SLOT)
        }

    # -- what we do --------------------------------------------------------------------------------

    def rotate(self) -> None:
        """Let the best other account take over, with new tokens if it needs some."""
        before = self.live.entries().get(SLOT, {})
        try:
            plan = plan_rotation(
                self.live.context.decision_state(SLOT), SLOT, None, self.live.clock.now
            )
            put = rotate(self.live.context, plan).put
        except RotatorError:
            return
        assert put.maybe is None, f"{put.alias} is activated and may be another"
        self._require_alive(put, "is activated")
        self._leave(before)

    def swap_back(self) -> None:
        """Put an account in as the watcher does, without new tokens."""
        ready = [a for a in self._logins() if a.state_at(self.live.clock.now).value == "ready"]
        if ready:
            before, put = self.live.entries().get(SLOT, {}), self.chance.choice(ready)
            swap(self.live.context, SwapRequest(put.id, "for the test"))
            held = self.live.state.active(SLOT)
            if held is not None and held.id == put.id:
                self._require_alive(held, "is activated")
            self._leave(before)

    def merge(self) -> None:
        """Let the user, who knows, say that two accounts are one person's."""
        by_person: dict[str, list[Account]] = {}
        for account in self._logins():
            person = self.vendor.of(account.credential).person
            by_person.setdefault(person, []).append(account)
        several = [rows for rows in by_person.values() if len(rows) > 1]
        if several:
            keep, other, *_ = self.chance.choice(several)
            both = [self.vendor.of(one.credential) for one in (keep, other)]
            ledger.merge(self.live.context, keep, other)
            (left,) = [a for a in self._logins() if a.id == keep.id]
            kept = self.vendor.of(left.credential)
            has_living = any(self.vendor.is_alive(one) for one in both)
            # Nobody knows better of one that may be a third.
            fine = self.vendor.is_alive(kept) or not has_living or left.maybe is not None
            assert fine, "merging kept dead tokens"
            # One of the two logins is enough.
            self.removed |= {one.login for one in both} - {kept.login}
            self.counted["merges by hand"] += 1

    def remove(self) -> None:
        """Let the user remove an account, and perhaps all that is kept with it."""
        accounts = self._logins()
        if accounts:
            account = self.chance.choice(accounts)
            with_kept = self.chance.choice([True, False])
            kept = [c for owner, c in self._pairs() if owner == account.id]
            gone = kept if with_kept else [account.credential]
            self.removed |= {self.vendor.of(credential).login for credential in gone}
            ledger.remove(self.live.context, account, with_kept=with_kept)

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Answer our program; what it sends must be the newest tokens of their login."""
        assert request.body is not None
        entry = json.loads(request.body.reveal())
        mine = self.vendor.minted[entry["access"]]
        replaced = {
            one.credential.secret.reveal() for r in self.live.state.replaced.values() for one in r
        }
        assert entry["access"] not in replaced, "replaced tokens are sent"
        assert self.vendor.newest[mine.login] == mine, f"spent tokens of {mine.person} are sent"
        given = self.vendor.refresh(entry)
        if given is None:
            return HttpAnswer(401, {}, Secret("{}"))
        self.counted["refreshes by us"] += 1
        return HttpAnswer(OK, {}, Secret(json.dumps(given)))

    # -- how it is done ----------------------------------------------------------------------------

    def _prove(self, tell: Callable[[], object]) -> None:
        kind = self.chance.choice(["at once", "late", "never"])
        self.counted[f"proofs {kind}"] += 1
        if kind == "at once":
            tell()
        elif kind == "late":
            self.late.append(tell)

    def _refresh(self, entry: Entry) -> None:
        given = self.vendor.refresh(entry)
        assert given is not None
        at = to_iso(self.live.clock.now)
        self._prove(lambda: seen_refresh(self.live, entry, given, at=at))
        self._write(given)

    def _write(self, entry: Entry, *, is_news: bool = True) -> None:
        if self._is_token(entry):
            self.past.append(entry)
            mine = self.vendor.minted[entry["access"]]
            if is_news:
                self.seen.add(mine.login)
        self.live.sees({SLOT: entry})

    def _leave(self, before: Entry) -> None:
        if self._is_token(before):
            until = self.live.clock.now.timestamp() + 110
            has_run_out = before["expires"] / 1000 <= self.live.clock.now.timestamp()
            self.in_memory = (before, until) if has_run_out else None

    def _learn(self, one: Asked) -> None:
        learn_owner(
            self.live.context, one.account, one.of, Identity(one.who, f"{one.who}@x.example")
        )
        self.counted["words of the vendor"] += 1

    def _is_token(self, entry: Entry) -> bool:
        return entry.get("access", "") in self.vendor.minted

    def _works(self, entry: Entry) -> bool:
        return self.vendor.is_alive(self.vendor.minted[entry["access"]])

    def _logins(self) -> list[Account]:
        return [a for a in self.live.state.of(SLOT) if a.credential.type == "oauth"]

    def _pairs(self) -> list[tuple[AccountId, Credential]]:
        state = self.live.state
        return [
            *((a.id, a.credential) for a in self._logins()),
            *((owner, one.credential) for owner, line in state.replaced.items() for one in line),
        ]

    def _require_alive(self, account: Account, what: str) -> None:
        if account.credential.type != "oauth":
            return
        mine = self.vendor.of(account.credential)
        is_spent = self.vendor.newest[mine.login] != mine
        assert not is_spent, f"{account.alias} {what} with spent tokens of {mine.person}"

    # -- what always holds -------------------------------------------------------------------------

    def require(self) -> None:
        """Assert what holds after every step."""
        kept = {self.vendor.of(credential) for _, credential in self._pairs()}
        living = {one.person for one in kept if self.vendor.is_alive(one)}
        for login, newest in self.vendor.newest.items():
            if login not in self.seen - self.removed - self.vendor.revoked:
                continue
            if newest not in kept:
                # Another login of the same person has taken its place, and lives.
                assert newest.person in living, f"the newest tokens of {newest} are nowhere"
                self.removed.add(login)
        for account in self._logins():
            if self._known(account):
                person = self.vendor.of(account.credential).person
                named = f"{account.alias} is {account.identity_key}'s and has {person}'s tokens"
                assert person == account.identity_key, named
        self._require_own_limits()
        entry, active = self.live.entries().get(SLOT, {}), self.live.state.active(SLOT)
        if self._is_token(entry):
            assert active is not None
            assert active.credential.secret.reveal() == entry["access"], "auth.json is not saved"

    def _require_own_limits(self) -> None:
        now = self.live.clock.now
        limits = [(a, a.limit) for a in self.live.state.of(SLOT) if a.limit is not None]
        for account, limit in limits:
            if limit.until > now and limit.reason != NOT_CONFIRMED:
                since = limit.since
                at = [one for who in self._may_be(account) for one in self.failed.get(who, ())]
                assert since in at, f"{account.alias} rests for somebody else's request"

    def _may_be(self, account: Account) -> set[str]:
        """Return whose requests an account may rest for."""
        line = [account.credential]
        before = self.live.state.replaced.get(account.id, ())
        if account.unproven or any(one.who.key is None for one in before):
            line += [one.credential for one in before]
        secrets = [credential.secret.reveal() for credential in line]
        return {self.vendor.minted[s].person if s in self.vendor.minted else s for s in secrets}

    def _known(self, account: Account) -> bool:
        return account.identity_key is not None and not account.unproven

    def end(self) -> None:
        """Let everything be told and answered: then each person is one account."""
        while self.late:
            self.tell_late()
        self.asked.clear()
        for _ in range(3):
            for owner, credential in self._pairs():
                person = self.vendor.of(credential).person
                self._learn(Asked(owner, credential.digest, person))
        self.live.look()
        self.require()
        people = [self.vendor.of(a.credential).person for a in self._logins()]
        assert len(people) == len(set(people)), f"at the end there are accounts of {people}"
        there = {a.id for a in self._logins()}
        in_doubt = [a.alias for a in self._logins() if a.maybe in there]
        assert not in_doubt, f"{in_doubt} are in doubt at the end"
        for account in self._logins():
            mine = self.vendor.of(account.credential)
            has_living = any(
                self.vendor.is_alive(newest) and newest.person == mine.person
                for login, newest in self.vendor.newest.items()
                if login in self.seen - self.removed
            )
            fine = self.vendor.is_alive(mine) or not has_living or account.maybe is not None
            assert fine, f"{account.alias} has dead tokens"
        self.counted["days"] += 1


# How often each is done, of a hundred or so.
ACTS: dict[str, int] = {
    "log_in": 12,
    "refresh": 18,
    "refresh_from_memory": 6,
    "old_copy": 4,
    "key_from_elsewhere": 2,
    "log_out": 3,
    "wait": 14,
    "tell_late": 8,
    "ask": 10,
    "answer": 9,
    "rotate": 10,
    "swap_back": 6,
    "merge": 2,
    "remove": 1,
    "request_fails": 8,
    "foreign_request_fails": 1,
}


def live_through(folder: Path, seed: str, steps: int = STEPS_OF_A_DAY) -> Counter[str]:
    """Live through one day; the same seed is the same day."""
    chance, clock = Random(seed), HandClock()  # noqa: S311  # no secret: the same day again
    vendor = Vendor(clock)
    days: list[Day] = []

    def send(request: HttpRequest) -> HttpAnswer:
        return days[0].send(request)

    registry = Registry({SLOT: vendor}, send=send)
    with open_live(folder, clock=clock, registry=registry) as live:
        day = Day(live, vendor, chance)
        days.append(day)
        live.sees({})
        try:
            for _ in range(steps):
                (name,) = chance.choices(list(ACTS), list(ACTS.values()))
                day.told.append(name)
                getattr(day, name)()
                # A watcher looks every few seconds.
                clock.pass_time(seconds=1)
                live.look()
                day.counted["steps"] += 1
                day.require()
            day.end()
        except Exception as exc:
            exc.add_note(f"day {seed}: {' '.join(day.told)}")
            raise
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
    parser = argparse.ArgumentParser(prog="python -m tests.histories.opaque")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    counted = run(given.seed, given.steps)
    told = ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))
    sentence = f"{told}, {time.monotonic() - started:.0f} s: nobody was merged, split or lost"
    sys.stdout.write((json.dumps(counted) if given.json else sentence) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
