"""A live login for which opencode itself got no new tokens: another one takes its place.

The bridge tells that a vendor refused them, and not why. So the login rests until opencode has
surely let go of it; then its vendor is asked once more, by us, and says what is the matter.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from rotator.clock import is_ahead
from rotator.context import Context
from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.refresh_policy import HANDS_OFF, wants_refresh
from rotator.model import Account, AccountId, Digest, Finding, Meaning, Reach, Scope, Signal, Source
from rotator.opencode.bridge.descent import Refusal, read_descents, settled
from rotator.services.refresh import obstacle_now
from rotator.watcher.refresh_queue import RefreshQueue

# Whoever exchanged the token a moment before has written down by then what came for it.
GRACE = timedelta(seconds=2)
REASON = "its vendor refused opencode new tokens"
_REST = HANDS_OFF + timedelta(minutes=1)

Blame = Callable[[Signal, Finding], None]


class RefusedRefreshes:
    """Takes the refusals that bridges tell; for the watcher's one thread."""

    def __init__(self, context: Context, blame: Blame, refreshes: RefreshQueue) -> None:
        """Let `blame` decide who takes over, and `refreshes` ask the vendor afterwards."""
        self._context = context
        self._blame = blame
        self._refreshes = refreshes
        self._to_ask: dict[AccountId, Digest] = {}
        # A refusal is so young that what explains it may still come.
        self.is_waiting = False
        self._looked_at = 0

    def look(self) -> bool:
        """Look if something new has been told; True if something was done. Raises StoreError."""
        return self.work() if self._folder_time() != self._looked_at else False

    def work(self) -> bool:
        """Look at what has been told, and ask about those that left; True if something was done.

        Raises StoreError.
        """
        self.is_waiting = False
        self._looked_at = self._folder_time()
        refusals = read_descents(self._context.paths).refusals
        done = [refusal for refusal in refusals if self._is_done(refusal)]
        for account_id, refused in list(self._to_ask.items()):
            self._ask(account_id, refused)
        return bool(done)

    def _folder_time(self) -> int:
        try:
            return (self._context.paths.bridge / "descent").stat().st_mtime_ns
        except OSError:
            return 0

    def _is_done(self, refusal: Refusal) -> bool:
        """Do what is to be done about a refusal; False if it is too early for that."""
        account = self._holder(refusal.refused)
        now = self._context.clock()
        if account is not None and now - refusal.at < GRACE and not is_ahead(refusal.at, now):
            self.is_waiting = True
            return False
        if account is not None:
            self._leave(account)
            self._to_ask[account.id] = refusal.refused
        settled(refusal)
        return account is not None

    def _holder(self, refused: Digest) -> Account | None:
        """Return whose newest refresh token it is, unless it is known already to be dead."""
        for account in self._context.store.state().accounts:
            is_dead = account.rejected is not None or account.spent_from is not None
            if not is_dead and refused in refresh_digests(account.credential):
                return account
        return None

    def _leave(self, account: Account) -> None:
        state, now = self._context.store.state(), self._context.clock()
        if state.slot(account.provider).active != account.id:
            return
        carried = account.credential.digest
        signal = Signal(
            id=f"refusal-{carried}",
            at=now,
            provider=account.provider,
            source=Source.LOG,
            credential=carried,
            tried=(carried,),
        )
        scope = Scope(reach=Reach.ACCOUNT)
        self._blame(signal, Finding(Meaning.SHORT_LIMIT, REASON, now + _REST, scope))

    def _ask(self, account_id: AccountId, refused: Digest) -> None:
        """Ask the vendor for new tokens as soon as no opencode may be doing so."""
        account = self._holder(refused)
        if account is None or not wants_refresh(account, self._context.clock()):
            del self._to_ask[account_id]
        elif obstacle_now(self._context, account) is None:
            del self._to_ask[account_id]
            self._refreshes.want(account, _nothing)


def _nothing() -> None:
    """Wait for nobody."""
