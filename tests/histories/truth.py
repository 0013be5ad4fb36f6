"""What must hold on that computer: who has which tokens, what may be gone, who shall be live.

It is told what the models do and looks itself at what stands in auth.json and in the store.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rotator.core.logins.changes import MOST_REVERT_ROUNDS, REVERT_WINDOW
from tests.histories.computer import (
    OTHER,
    SLOT,
    Computer,
    Entries,
    Nameless,
    Written,
    generation_of,
    parse,
    person_of,
)
from tests.support.live import Entry
from tests.support.token_vendor import owner_of_token

# The real one: what our code opens is watched, and this is not ours.
_connect = sqlite3.connect
ANYBODY = frozenset({"anybody"})
People = frozenset[str | None]


@dataclass(frozen=True)
class Saved:
    """What is committed in the store."""

    people: dict[str, list[int]] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    # What is kept for a person to adopt or drop.
    unclaimed: frozenset[tuple[str, int]] = frozenset()
    # Whose refresh token of which generation was sent, and the generation that came back.
    sent: dict[tuple[str, int], int | None] = field(default_factory=dict)
    # The last content that was seen whole, if there ever was one.
    seen: Entries | None = None
    # Whom the store takes to be in the slot.
    active: str | None = None
    # Whom it would take back out: our last swap was about them.
    left: str | None = None

    def of(self, person: str) -> set[int]:
        """Return the generations of a person's that the store has in any way."""
        answers = {new for (one, _), new in self.sent.items() if one == person and new}
        unclaimed = {generation for one, generation in self.unclaimed if one == person}
        return {*self.people.get(person, []), *answers} | unclaimed


class Reader:
    """Reads what is committed in the store, whatever is open beside."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._connection: sqlite3.Connection | None = None
        self._inode = self._version = 0
        self._saved = Saved()

    def close(self) -> None:
        """Let go of the store: whoever closes it next is the last."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self) -> Saved:
        """Return what is there now."""
        try:
            inode = self._store.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if inode != self._inode:
            self.close()
            self._inode = inode
        if not inode:
            return Saved()
        if self._connection is None:
            self._connection, self._version = _connect(self._store), 0
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._saved, self._version = _read(self._connection), version
        return self._saved


def _read(connection: sqlite3.Connection) -> Saved:
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        return Saved()
    rows = connection.execute("SELECT id, provider, entry FROM account").fetchall()
    pending = connection.execute("SELECT account, spent, answer FROM refresh").fetchall()
    live = connection.execute("SELECT content FROM live").fetchone()
    people: dict[str, list[int]] = {}
    whose: dict[str, tuple[str, int]] = {}
    keys = set()
    for account, provider, text in rows:
        entry = json.loads(text)
        if provider == OTHER:
            keys.add(entry["key"])
        else:
            whose[account] = owner_of_token(entry["access"])
            people.setdefault(whose[account][0], []).append(whose[account][1])
    sent = {
        whose[account]: generation_of(json.loads(answer)) if answer else None
        for account, _, answer in pending
        if account in whose
    }
    unclaimed = [parse(row[0]) for row in connection.execute("SELECT content FROM aside")]
    # Of a removed account's tokens nothing but asterisks is left.
    tokens = [e.get(SLOT, e).get("access", "").strip("*") for e in unclaimed]
    seen = parse(live[0]) if live and live[0] else None
    question = "SELECT active, swap_left FROM slot WHERE provider = ?"
    slot = connection.execute(question, (SLOT,)).fetchone() or ("", "")
    active, left = (whose[one][0] if one in whose else None for one in slot)
    return Saved(
        people,
        frozenset(keys),
        frozenset(owner_of_token(token) for token in tokens if token),
        sent,
        seen=seen,
        active=active,
        left=left,
    )


@dataclass
class Swap:
    """Our last swap in the slot, as far as an opencode may undo it."""

    left: str | None
    put: str
    at: datetime
    left_expired: bool
    undone: int = 0


class Truth:
    """The invariants, and the little that has to be known for them."""

    def __init__(self, computer: Computer, store: Path) -> None:
        self._computer = computer
        self.store = Reader(store)
        # Whose tokens that work are all gone, through no fault of ours, and why.
        self.gone: dict[str, tuple[frozenset[int], str]] = {}
        # The generation that the store has of each person, and all that it ever had.
        self.kept: dict[str, int] = {}
        self.known: dict[str, set[int]] = {}
        self.keys: frozenset[str] = frozenset()
        # The generations of those who were removed that must not bring them back.
        self.removed: dict[str, set[int]] = {}
        # Who is being removed just now.
        self.leaving: str | None = None
        # Tokens that a vendor has given us and that are on their way into the store.
        self.with_us: set[tuple[str, int]] = set()
        # Tokens that it has given and that did not arrive.
        self.unheard: set[tuple[str, int]] = set()
        # Whether the clock has ever gone back: when tokens run out tells nobody their age then.
        self.is_clock_off = False
        self.intended: People = frozenset({None})
        self.swap: Swap | None = None
        # How often an opencode undid something and it must have been put right again.
        self.mended = 0

    # -- where tokens are ------------------------------------------------------------------------

    def saved(self) -> Saved:
        """Return what the store has."""
        return self.store.read()

    def held(self, person: str, saved: Saved) -> set[int]:
        """Return the generations of a person's tokens that somebody has who can keep them."""
        computer = self._computer
        contents = [
            computer.entries,
            parse(computer.away or b""),
            *(one.entries() for one in computer.nameless if one.is_news),
            *({SLOT: w.change.entry} for w in computer.writers if w.change.provider == SLOT),
        ]
        found = [owner_of_token(e[SLOT]["access"]) for e in contents if e.get(SLOT)]
        there = {g for p, g in [*found, *self.with_us] if p == person}
        # What its account had once is an older copy, which has to give way.
        return there - self.known.get(person, set()) | saved.of(person)

    def has_better(self, person: str, saved: Saved) -> bool:
        """Tell whether the store has tokens of a person that work, or the user removed them."""
        works = self._computer.vendor.alive(person) & set(saved.people.get(person, []))
        return bool(works) or person not in saved.people

    def may_be_gone(self, why: str) -> None:
        """Note whose tokens nobody has any more; call it after whatever destroyed them."""
        saved = self.saved()
        for person in self._computer.vendor.newest:
            alive = self._computer.vendor.alive(person)
            if not alive & self.held(person, saved) and not self._is_gone(person):
                self.gone[person] = (alive, why)
        if self._computer.is_torn_for_good:
            # It is written anew from what was seen last.
            self.doubt(person_of((saved.seen or {}).get(SLOT)))

    def _is_out(self, person: str, saved: Saved) -> bool:
        is_removed = person in self.removed and person not in saved.people
        return is_removed or person == self.leaving

    def _is_gone(self, person: str) -> bool:
        return self.gone.get(person, (None, ""))[0] == self._computer.vendor.alive(person)

    def require_nothing_lost(self, saved: Saved) -> None:
        """Assert that everybody has tokens that work somewhere, and nothing is older than it was.

        What is in the store gives way to what works, or what is newer, and to nothing else.
        """
        vendor = self._computer.vendor
        self._note_overtaken(saved)
        for person in vendor.newest:
            works = vendor.alive(person) & self.held(person, saved)
            is_out = self._is_out(person, saved) or self._is_gone(person)
            assert works or is_out, f"the tokens of {person} are lost"
        for person, before in self.kept.items():
            now = saved.people.get(person, [])
            assert len(now) == 1, f"{person} has {len(now)} accounts"
            is_newer = now[0] >= before or not vendor.is_spent(person, now[0])
            is_newer = is_newer or self._is_taken_for_newer(person, now[0])
            assert is_newer, f"what is saved for {person} is older than before"
        assert self.keys <= saved.keys, "a key is missing"
        for person, generations in self.removed.items():
            revived = generations & set(saved.people.get(person, []))
            assert not revived, f"{person} was removed and came back with old tokens"
        self.keys = saved.keys
        self.kept = {person: generations[0] for person, generations in saved.people.items()}
        for person, generation in self.kept.items():
            self.known.setdefault(person, set()).add(generation)

    def _note_overtaken(self, saved: Saved) -> None:
        """Note whose tokens gave way to newer ones that an opencode had spent and lost by then."""
        for person, before in self.kept.items():
            now = max(saved.people.get(person, [0]))
            if now > before and self._computer.vendor.is_spent(person, now):
                self.may_be_gone("an opencode spent them and was killed")
            elif now < before and self._is_taken_for_newer(person, now):
                self.may_be_gone("older ones came back that nobody could tell from new ones")

    def _is_taken_for_newer(self, person: str, generation: int) -> bool:
        is_unknown = generation not in self.known.get(person, set())
        return self.is_clock_off and is_unknown and generation != 0

    def require_whole(self) -> None:
        """Assert that auth.json is whole if no opencode can have torn it."""
        computer = self._computer
        if not computer.may_be_torn and computer.file.exists():
            assert computer.is_whole, "auth.json is torn and we wrote it last"

    # -- what we do ------------------------------------------------------------------------------

    def we_replace(self, content: bytes, owner: object) -> None:
        """Check what we are about to give the name of auth.json to, and note that we do."""
        text = json.loads(content)
        entry = text.get(SLOT)
        if entry:
            person, generation = owner_of_token(entry["access"])
            ours = self.saved().people.get(person, [])
            fine = generation in ours or not self._computer.vendor.is_spent(person, generation)
            assert fine, f"spent tokens of {person} are activated"
        if self._computer.inode() and not self._computer.is_whole:
            # What was last seen is written anew; what stood there since, nobody has read.
            self.doubt(person_of(entry))
        self._computer.lose_the_name(owner)

    def we_begin_to_refresh(self, person: str) -> None:
        """Check whose tokens we have decided to refresh: who is live is left to opencode."""
        assert self.saved().active != person, f"{person} is live and is refreshed by us"

    def we_ask(self, person: str, generation: int) -> None:
        """Check a refresh token that we are about to send."""
        ours = self.saved().people.get(person, [generation])
        assert generation in ours, f"a refresh token of {person} is sent that is not the newest"

    def require_doubt_is_written_down(self, saved: Saved, person: str) -> None:
        """Assert that a refresh whose answer reached nobody is marked, and the old token kept."""
        sent = [g for (one, g), answer in saved.sent.items() if one == person and answer is None]
        works = self._computer.vendor.alive(person) & set(saved.people.get(person, []))
        # Whoever logs in meanwhile has other tokens, which nobody doubts.
        if not works and not self._is_out(person, saved):
            assert sent, f"an answer for {person} is lost and nothing says so"
            assert sent == saved.people[person], f"the old token of {person} is lost too"
        self.may_be_gone("the vendor's answer reached nobody")

    # -- who shall be live -------------------------------------------------------------------------

    def intend(self, *people: str | None) -> None:
        """Note whom the user wants in the slot now; each of several is as good."""
        self.intended = frozenset(people)

    def doubt(self, *people: str | None) -> None:
        """Note who may be in the slot as well: what was done at once has no order."""
        if self.intended != ANYBODY:
            self.intended |= frozenset(people)

    def swapped(self, left: Entry | None, put: str) -> None:
        """Note a swap of ours that has come to its end."""
        now = self._computer.clock.now
        was = person_of(left)
        if was == put:
            return
        expired = left is not None and left["expires"] / 1000 <= now.timestamp()
        self.swap = Swap(was, put, now, expired)

    def _is_undoing(self, entry: Entry) -> bool:
        """Tell whether a content that brings back who just left is taken for no wish of the user's.

        Everything at the edge of it is in doubt: then it is not.
        """
        swap, now = self.swap, self._computer.clock.now
        if swap is None or not person_of(entry) == swap.left == self.saved().left:
            return False
        if self.intended != {swap.put}:
            return False
        swap.undone += 1
        recent = timedelta(0) <= now - swap.at < REVERT_WINDOW
        as_before = generation_of(entry) == self.kept.get(swap.left or "", 0)
        return recent and swap.undone < MOST_REVERT_ROUNDS and (as_before or swap.left_expired)

    def take(self, written: Written, *, mixed: bool, noticed: bool) -> None:
        """Work out what a content that an opencode has written means for the slot.

        `mixed`: we were at work meanwhile; `noticed`: a watcher that has missed nothing looks
        right after it.
        """
        entry, before = written.entries.get(SLOT), written.before.get(SLOT)
        person, clear = person_of(entry), written.into_name and not mixed
        is_about_slot = written.change.provider == SLOT
        if is_about_slot and written.change.entry is None:
            others = {p: e for p, e in written.before.items() if p != SLOT}
            seen = noticed and not self._computer.unseen
            self._wish(None, clear=clear and seen and written.entries == others)
        elif is_about_slot and person == person_of(before):
            self._wish(person, clear=clear and not self._may_be_undone(person))
        elif clear and noticed and self._is_mended(written):
            self.mended += 1
        elif is_about_slot or person != person_of(before) or person in self.removed:
            self._wish(person, clear=is_about_slot and clear and not self._may_be_undone(person))

    def _is_mended(self, written: Written) -> bool:
        """Tell whether we take it for no wish of the user's and put things right again."""
        entry = written.entries.get(SLOT)
        return self._is_wipe(written) if entry is None else self._is_undoing(entry)

    def _is_wipe(self, written: Written) -> bool:
        """Tell whether the slot was lost in a write about another entry: then it is put back."""
        seen = self.saved().seen or {}
        is_news = not self._computer.unseen and SLOT in seen
        return is_news and written.entries.get(OTHER) != seen.get(OTHER)

    def _may_be_undone(self, person: str | None) -> bool:
        return self.saved().left == person

    def _wish(self, person: str | None, *, clear: bool) -> None:
        if clear:
            self.intend(person)
            self.swap = None
        else:
            self.doubt(person)
            if self._may_be_undone(person) or person in self.removed:
                self.doubt(self.saved().active)

    # -- when all is calm --------------------------------------------------------------------------

    def require_taken_in(self, saved: Saved) -> None:
        """Assert what holds after a look at a whole file that nobody disturbed."""
        computer = self._computer
        entry = computer.entries.get(SLOT)
        assert saved.active == person_of(entry), "the store takes somebody else to be live"
        if entry:
            person, generation = owner_of_token(entry["access"])
            assert saved.people.get(person) == [generation], "the live login is not saved"
        for one in computer.nameless:
            self.require_late_saved(one, saved)
        key = computer.entries.get(OTHER)
        assert not key or key["key"] in saved.keys, "the live key is not saved"

    def require_late_saved(self, one: Nameless, saved: Saved) -> None:
        """Assert that what was written into a file without a name is in the store."""
        entry, is_news, one.is_news = one.entries().get(SLOT), one.is_news, False
        if entry and is_news:
            person, generation = owner_of_token(entry["access"])
            is_known = generation in saved.of(person) | self.known.get(person, set())
            # One look may find a late login first and then the live one of the same person.
            is_known = is_known or max(saved.people.get(person, [0])) > generation
            is_known = is_known or person_of(self._computer.entries.get(SLOT)) == person
            assert is_known or self._is_out(person, saved), "a late login is not saved"

    def require_usable(self, saved: Saved, people: Iterable[str]) -> None:
        """Assert that the store has tokens that work of everybody who did not lose them."""
        vendor = self._computer.vendor
        for person in people:
            works = vendor.alive(person) & saved.of(person)
            is_out = self._is_out(person, saved) or self._is_gone(person)
            assert works or is_out, f"no tokens of {person} that work"

    def may_know(self, person: str, generation: int) -> bool:
        """Tell whether we can know of tokens that they are old, if they are."""
        is_known = generation in self.known.get(person, set())
        return is_known or not self._computer.vendor.is_spent(person, generation)

    def require_intended(self) -> None:
        """Assert that the account in the file is the one that it should be."""
        live = person_of(self._computer.entries.get(SLOT))
        assert self.intended == ANYBODY or live in self.intended, (live, set(self.intended))
