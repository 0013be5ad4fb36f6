"""Carries out what changes accounts: each effect becomes one job for the worker's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rotator.context import Context
from rotator.errors import AccountNotFound
from rotator.model import Account, AccountId, Event, EventKind, State
from rotator.services import accounts as ledger
from rotator.services.restarts import bridges_in_use, note_restart, when_used
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import synced
from rotator.tui.jobs.undo import KEPT, Removed, SwappedBack, UndoHistory
from rotator.tui.model import effects as do
from rotator.tui.model.messages import JobFinished, Message

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
class AccountChanges:
    """Does one change after the other; all of it runs in one worker's thread."""

    undo: UndoHistory = field(default_factory=UndoHistory)

    def job(self, effect: Change) -> Callable[[Context], Message]:
        """Return the job that an effect asks for; it raises RotatorError."""

        def work(context: Context) -> Message:
            self.undo.forget_old(context.clock())
            with synced(context) as state:
                return self._made(context, state, effect)

        return work

    def _made(self, context: Context, state: State, effect: Change) -> JobFinished:
        match effect:
            case do.Activate(job, provider, alias):
                return self._rotated(context, state, job, provider, alias)
            case do.RotateToBest(job, provider):
                return self._rotated(context, state, job, provider, None)
            case do.Remove(job, account):
                return self._removed(context, state, job, account)
            case do.Undo(job, token):
                says, account_id = self.undo.take_back(context, token)
                return JobFinished(job, says, select=account_id)
            case do.Rename(job, account, alias):
                done = ledger.rename(context, _named(state, account), alias)
                return JobFinished(job, f"renamed to {done.account.name}", select=account)
            case do.SetDisabled(job, account, disabled):
                return _disabled(context, _named(state, account), job, disabled=disabled)
            case do.SetBalancing(job, on):
                return _balanced(context, state, job, on=on)

    def _rotated(
        self, context: Context, state: State, job: int, provider: str, alias: str | None
    ) -> JobFinished:
        plan = plan_rotation(state, provider, alias, context.clock())
        done = rotate(context, plan)
        note_restart(context, done.put, written=done.written)
        when = when_used(context, bridges_in_use(context), done.put, done.homes)
        if done.left is not None and done.left.id == done.put.id:
            return JobFinished(job, f"{done.put.name} is live already")
        kept = None
        if done.left is not None:
            change = SwappedBack(provider, done.left.id, context.clock() + KEPT)
            kept = self.undo.keep(
                change, f"{provider} went from {done.left.alias} to {done.put.alias}"
            )
        return JobFinished(job, f"{done.put.name} is live; {when}", undo=kept, select=done.put.id)

    def _removed(self, context: Context, state: State, job: int, account: AccountId) -> JobFinished:
        target = _named(state, account)
        was_live = state.slot(target.provider).active == target.id
        done = ledger.remove(context, target)
        change = Removed(target, was_live, context.clock() + KEPT)
        kept = self.undo.keep(change, f"{target.name} was removed")
        says = f"{target.name} was removed" + (f"; {done.note}" if done.note else "")
        return JobFinished(job, says, undo=kept)


def _named(state: State, account: AccountId) -> Account:
    target = state.account(account)
    if target is None:
        raise AccountNotFound("the account is gone: somebody else has removed it")
    return target


def _disabled(context: Context, account: Account, job: int, *, disabled: bool) -> JobFinished:
    done = (ledger.disable if disabled else ledger.enable)(context, account)
    says = f"{account.name} is {'disabled' if disabled else 'enabled'}"
    return JobFinished(job, f"{says}; {done.note}" if done.note else says)


def _balanced(context: Context, state: State, job: int, *, on: bool) -> JobFinished:
    word = "on" if on else "off"
    if state.balancing != on:
        with context.store.transaction():
            context.store.set_balancing(on=on)
        why = f"balancing was switched {word}"
        context.record([Event(context.clock(), EventKind.CHANGED, why=why)])
        context.notify_changed()
    return JobFinished(job, f"balancing is {word}")
