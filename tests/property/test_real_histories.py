"""Days with a real auth.json and a real store: logins, swaps, late writers, crashes, restarts.

Whatever comes, after a look each person's newest tokens are saved, none that are spent stand in
auth.json, and the store's idea of who is live is the file's.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rotator import ledger
from rotator.capture import absorb_missing
from rotator.errors import NothingToRotateTo, SwapUnverified
from rotator.model import Account
from rotator.rotate import plan_rotation, rotate
from rotator.swap import Order, swap
from tests.support.live import NOON, Entry, HandClock, api, as_opencode, oauth, open_live

PEOPLE = st.sampled_from(["ada", "bob", "cem"])
PROVIDER = "named"
NAME = "named/{}-acme.example"


class Crash(BaseException):
    """The process ends here."""


class Days(RuleBasedStateMachine):
    """One person's computer: opencodes that write, and a rotator beside them."""

    def __init__(self) -> None:
        super().__init__()
        self._left = contextlib.ExitStack()
        self._home = Path(self._left.enter_context(tempfile.TemporaryDirectory()))
        self._clock = HandClock()
        self._open = contextlib.ExitStack()
        self.live = self._open.enter_context(open_live(self._home, clock=self._clock))
        # The tokens that each person's vendor takes now.
        self.newest: dict[str, Entry] = {}
        self._generation = 0
        # What stood in auth.json, for opencodes that have read it and not written yet.
        self._past: list[dict[str, Any]] = [{}]
        self._write({"acme": api("0")})

    def teardown(self) -> None:
        """Close and forget everything."""
        self._open.close()
        self._left.close()

    # -- the world outside ---------------------------------------------------------------------

    @rule(person=PEOPLE)
    def log_in(self, person: str) -> None:
        self._write(self.live.entries() | {PROVIDER: self._new_tokens(person)})

    @precondition(lambda self: self._owner() is not None)
    @rule()
    def refresh(self) -> None:
        owner = self._owner()
        if owner is not None:
            self._write(self.live.entries() | {PROVIDER: self._new_tokens(owner)})

    @rule()
    def log_out(self) -> None:
        self._write({name: e for name, e in self.live.entries().items() if name != PROVIDER})

    @rule(back=st.integers(1, 6))
    def write_late(self, back: int) -> None:
        """Let an opencode that read the file a while ago write another entry of it now."""
        self._generation += 1
        self._write(self._past[-back:][0] | {"acme": api(str(self._generation))})

    @rule(back=st.integers(1, 6))
    def put_an_old_copy_back(self, back: int) -> None:
        """Let somebody restore the entry of a while ago, and nothing else."""
        old = self._past[-back:][0].get(PROVIDER)
        if old is not None:
            self._write(self.live.entries() | {PROVIDER: old})

    @rule(cut=st.integers(1, 60))
    def tear(self, cut: int) -> None:
        """Let a write stop in the middle for a while."""
        content = as_opencode(self.live.entries())
        self.live.sees(content[:-cut] if cut < len(content) else b"")
        self.live.sees(content)

    @rule()
    def lose_the_file(self) -> None:
        """Let somebody move auth.json away, and back after a while."""
        content = self.live.file.read_bytes()
        self.live.file.unlink()
        self.live.look()
        absorb_missing(self.live.books)
        self.live.sees(content)

    @rule(minutes=st.sampled_from([0.1, 1, 61]))
    def wait(self, minutes: float) -> None:
        self._clock.pass_time(minutes=minutes)

    # -- us ------------------------------------------------------------------------------------

    @rule(person=PEOPLE)
    def rotate_to(self, person: str) -> None:
        account = self._account(person)
        if account is not None:
            swap(self.live.books, Order(account.id, "for the test"))

    @rule(person=PEOPLE, by=PEOPLE)
    def rotate_right_after_a_login(self, person: str, by: str) -> None:
        """Let a login be made that nobody has looked at before the swap."""
        account = self._account(person)
        if account is not None:
            self.live.write(self.live.entries() | {PROVIDER: self._new_tokens(by)})
            swap(self.live.books, Order(account.id, "for the test"))

    @precondition(lambda self: self.newest)
    @rule()
    def rotate(self) -> None:
        with contextlib.suppress(NothingToRotateTo):
            plan = plan_rotation(self.live.state, PROVIDER, None, self._clock.now)
            rotate(self.live.books, plan)

    @precondition(lambda self: self.live.state.of(PROVIDER))
    @rule(person=PEOPLE)
    def rotate_and_be_undone(self, person: str) -> None:
        """Let an opencode that had read the file before a swap write it right after."""
        account, old = self._account(person), self.live.file.read_bytes()
        if account is not None:
            with contextlib.suppress(SwapUnverified):
                order = Order(account.id, "", on_renamed=lambda _: void(self.live.write(old)))
                swap(self.live.books, order)
            self.live.look()

    @rule(person=PEOPLE)
    def refresh_during_a_rotation(self, person: str) -> None:
        """Let a refresh that began before a swap end after it."""
        account, owner = self._account(person), self._owner()
        if account is not None and owner is not None:
            self._clock.pass_time(minutes=61)
            swap(self.live.books, Order(account.id, "for the test"))
            self._write(self.live.entries() | {PROVIDER: self._new_tokens(owner)})

    @rule(person=PEOPLE, after=st.booleans())
    def crash_in_a_rotation(self, person: str, *, after: bool) -> None:
        account = self._account(person)
        if account is None:
            return
        order = Order(account.id, "", on_renamed=crash if after else nothing)
        if not after:
            self._clock.when_asked = crash_without_argument
        with contextlib.suppress(Crash):
            swap(self.live.books, order)
        self._clock.when_asked = lambda: None
        self.restart()

    @rule()
    def restart(self) -> None:
        self._open.close()
        self._open = contextlib.ExitStack()
        self.live = self._open.enter_context(open_live(self._home, clock=self._clock))
        self.live.look(watched=False)

    @rule(person=PEOPLE)
    def disable(self, person: str) -> None:
        account = self._account(person)
        if account is not None:
            ledger.disable(self.live.books, account)
            ledger.enable(self.live.books, account)

    @rule(person=PEOPLE)
    def remove(self, person: str) -> None:
        account = self._account(person)
        if account is not None:
            ledger.remove(self.live.books, account)
            # Whatever of it comes back is an old copy, or a new login.
            self.newest.pop(person)

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def each_person_has_one_account_with_the_newest_tokens(self) -> None:
        saved = {
            person: self.live.saved(f"{PROVIDER}/{person}-acme.example") for person in self.newest
        }

        assert saved == self.newest
        assert len(self.live.state.of(PROVIDER)) == len(self.newest)

    @invariant()
    def auth_json_is_whole_and_holds_no_spent_tokens(self) -> None:
        entries = self.live.entries()
        self._past.append(entries)

        assert entries.get(PROVIDER) in [None, *self.newest.values()]

    @invariant()
    def who_is_live_is_who_is_in_the_file(self) -> None:
        active = self.live.state.active(PROVIDER)
        entry = self.live.entries().get(PROVIDER)

        assert (active is None) == (entry is None)
        assert active is None or self.newest[active.alias.removesuffix("-acme.example")] == entry

    # -- innards ---------------------------------------------------------------------------------

    def _write(self, entries: dict[str, Any]) -> None:
        self.live.sees(entries)

    def _new_tokens(self, person: str) -> Entry:
        self._generation += 1
        left = self._clock.now - NOON + timedelta(hours=1)
        self.newest[person] = oauth(person, self._generation, left=left)
        return self.newest[person]

    def _owner(self) -> str | None:
        active = self.live.state.active(PROVIDER)
        return active.alias.removesuffix("-acme.example") if active else None

    def _account(self, person: str) -> Account | None:
        accounts = self.live.state.of(PROVIDER)
        return next((a for a in accounts if a.alias == f"{person}-acme.example"), None)


def void(_: object) -> None:
    """Take a value and return nothing."""


def nothing(_: Account) -> None:
    """Go on."""


def crash(_: Account) -> None:
    """End the process."""
    raise Crash


def crash_without_argument() -> None:
    """End the process."""
    raise Crash


Days.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestDays: Callable[..., Any] = Days.TestCase
