"""Carries out what changes accounts: each effect becomes one job for the worker's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rotator.context import Books
from rotator.errors import AccountNotFound
from rotator.model import Account, AccountId, Event, EventKind, State
from rotator.opencode.bridge.exchange import Exchange
from rotator.services import accounts as ledger
from rotator.services.restarts import note_restart, when_used
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import visited
from rotator.tui.jobs.undo import KEPT, Removed, SwappedBack, Undo
from rotator.tui.model import effects as do
from rotator.tui.model.messages import Ended, Message

Change = (
    do.Activate
    | do.RotateToBest
    | do.Rename
    | do.Remove
    | do.SetDisabled
    | do.SetBalancing
    | do.Undo
)


@dataclass(frozen=True)
class Hands:
    """Does one change after the other; all of it runs in one worker's thread."""

    undo: Undo = field(default_factory=Undo)

    def job(self, effect: Change) -> Callable[[Books], Message]:
        """Return the job that an effect asks for; it raises RotatorError."""

        def work(books: Books) -> Message:
            self.undo.forget_old(books.clock())
            with visited(books) as state:
                return self._made(books, state, effect)

        return work

    def _made(self, books: Books, state: State, effect: Change) -> Ended:
        match effect:
            case do.Activate(job, provider, alias):
                return self._rotated(books, state, job, provider, alias)
            case do.RotateToBest(job, provider):
                return self._rotated(books, state, job, provider, None)
            case do.Remove(job, account):
                return self._removed(books, state, job, account)
            case do.Undo(job, token):
                says, account_id = self.undo.take_back(books, token)
                return Ended(job, says, select=account_id)
            case do.Rename(job, account, alias):
                done = ledger.rename(books, _named(state, account), alias)
                return Ended(job, f"renamed to {done.account.name}", select=account)
            case do.SetDisabled(job, account, disabled):
                return _disabled(books, _named(state, account), job, disabled=disabled)
            case do.SetBalancing(job, on):
                return _balanced(books, state, job, on=on)

    def _rotated(
        self, books: Books, state: State, job: int, provider: str, alias: str | None
    ) -> Ended:
        plan = plan_rotation(state, provider, alias, books.clock())
        done = rotate(books, plan)
        note_restart(books, done.put, written=done.written)
        when = when_used(books, Exchange(books.paths).present(), done.put)
        if done.left is not None and done.left.id == done.put.id:
            return Ended(job, f"{done.put.name} is live already")
        kept = None
        if done.left is not None:
            change = SwappedBack(provider, done.left.id, books.clock() + KEPT)
            kept = self.undo.keep(
                change, f"{provider} went from {done.left.alias} to {done.put.alias}"
            )
        return Ended(job, f"{done.put.name} is live; {when}", undo=kept, select=done.put.id)

    def _removed(self, books: Books, state: State, job: int, account: AccountId) -> Ended:
        target = _named(state, account)
        was_live = state.slot(target.provider).active == target.id
        done = ledger.remove(books, target)
        change = Removed(target, was_live, books.clock() + KEPT)
        kept = self.undo.keep(change, f"{target.name} was removed")
        says = f"{target.name} was removed" + (f"; {done.note}" if done.note else "")
        return Ended(job, says, undo=kept)


def _named(state: State, account: AccountId) -> Account:
    target = state.account(account)
    if target is None:
        raise AccountNotFound("the account is gone: somebody else has removed it")
    return target


def _disabled(books: Books, account: Account, job: int, *, disabled: bool) -> Ended:
    done = (ledger.disable if disabled else ledger.enable)(books, account)
    says = f"{account.name} is {'disabled' if disabled else 'enabled'}"
    return Ended(job, f"{says}; {done.note}" if done.note else says)


def _balanced(books: Books, state: State, job: int, *, on: bool) -> Ended:
    word = "on" if on else "off"
    if state.balancing != on:
        with books.store.transaction():
            books.store.set_balancing(on=on)
        why = f"balancing was switched {word}"
        books.record([Event(books.clock(), EventKind.CHANGED, why=why)])
        books.announce()
    return Ended(job, f"balancing is {word}")
