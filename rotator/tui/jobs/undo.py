"""What can be taken back for ten minutes: the last swaps and removals.

A removed credential has left the store and its backups at once; here it stays in memory alone,
for those minutes and not longer than the dashboard runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.errors import UsageError
from rotator.model import Account, AccountId
from rotator.services import accounts as ledger
from rotator.services.restarts import note_restart
from rotator.services.rotate import plan_rotation, rotate
from rotator.tui.model.messages import Undoable

KEPT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SwappedBack:
    """A swap that can be taken back: who was live before."""

    provider: str
    account: AccountId
    until: datetime


@dataclass(frozen=True, slots=True)
class Removed:
    """An account that was removed."""

    account: Account
    was_live: bool
    until: datetime


Kept = SwappedBack | Removed


class UndoHistory:
    """Keeps what can be taken back, and takes it back; one thread's own."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}
        self._last = 0

    def keep(self, kept: Kept, says: str) -> Undoable:
        """Keep something; return what the screen may ask to be taken back."""
        self._last += 1
        self._kept[self._last] = kept
        return Undoable(self._last, says, kept.until)

    def forget_old(self, now: datetime) -> None:
        """Let go of everything whose time is over."""
        self._kept = {token: change for token, change in self._kept.items() if now < change.until}

    def take_back(self, context: Context, token: int) -> tuple[str, AccountId | None]:
        """Take it back; return the sentence that says so, and which account it is about."""
        self.forget_old(context.clock())
        kept = self._kept.get(token)
        if kept is None:
            raise UsageError("that cannot be taken back any more", hint="ten minutes are over")
        if isinstance(kept, SwappedBack):
            said = _swap_back(context, kept)
        else:
            said = _bring_back(context, kept)
        del self._kept[token]
        return said


def _swap_back(context: Context, kept: SwappedBack) -> tuple[str, AccountId | None]:
    state = context.store.state()
    account = state.account(kept.account)
    if account is None:
        raise UsageError("the account that was live before is gone", hint="activate another one")
    plan = plan_rotation(state, kept.provider, account.alias, context.clock())
    done = rotate(context, plan)
    note_restart(context, done.put, written=done.written)
    return f"{kept.provider}: {done.put.alias} is live again", done.put.id


def _bring_back(context: Context, kept: Removed) -> tuple[str, AccountId | None]:
    was = kept.account
    alias = was.alias if was.alias not in context.store.aliases(was.provider) else None
    done = ledger.add(context, was.provider, was.credential, alias=alias, activate=kept.was_live)
    account = done.account
    with context.store.transaction():
        context.store.set_disabled(account.id, was.disabled)
        context.store.set_rejected(account.id, was.rejected)
        for limit in filter(None, (was.limit, *was.part_limits)):
            context.store.set_limit(account.id, limit)
    context.notify_changed()
    why = account.why_login_at(context.clock())
    return f"{account.name} is back" + (f"; it needs a login: {why}" if why else ""), account.id
