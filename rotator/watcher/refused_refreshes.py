"""A live login for which opencode itself got no new tokens: another one takes its place.

The bridge tells that somebody refused them, and by which codes, not who. It counts only where a
turn of that provider failed then without asking its model: whoever else sends the token, and to
whom, is no matter of ours. So the login rests until opencode has surely let go of it; then its
vendor is asked once more, by us, if we may, and says what is the matter. Where we may not, the
answer that opencode got is the vendor's last word: it needs a login if that says so, and rests
twice as long each time if not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from rotator.clock import is_ahead
from rotator.context import Context
from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.refresh_policy import (
    REFUSED,
    dead_code,
    rest_after_refusal,
    wants_refresh,
)
from rotator.core.selection.limit_lifts import is_lifted, lifted
from rotator.errors import ProviderError
from rotator.model import (
    Account,
    AccountId,
    Digest,
    Event,
    EventKind,
    Finding,
    Meaning,
    Reach,
    Scope,
    Signal,
    Source,
)
from rotator.opencode.bridge.descent import Refusal, read_descents, settled
from rotator.provider import DeadLogin, HttpAnswer
from rotator.secret import Secret
from rotator.services.refresh import obstacle_now
from rotator.watcher.refresh_queue import RefreshQueue

# Whoever exchanged the token a moment before has written down by then what came for it.
GRACE = timedelta(seconds=2)
# The turn that it ended has said so by then, in opencode's log and by its bridge.
TOLD_WITHIN = timedelta(seconds=30)
_A_MOMENT = timedelta(seconds=5)

Blame = Callable[[Signal, Finding], None]
UnsentAt = Callable[[str], datetime | None]


class RefusedRefreshes:
    """Takes the refusals that bridges tell; for the watcher's one thread."""

    def __init__(
        self, context: Context, blame: Blame, unsent_at: UnsentAt, refreshes: RefreshQueue
    ) -> None:
        """Let `blame` decide who takes over, and `refreshes` ask the vendor afterwards.

        `unsent_at` tells when a turn of a provider's last failed without a request to its model.
        """
        self._context = context
        self._blame = blame
        self._unsent_at = unsent_at
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
        for account in self._context.store.state().accounts:
            self._end_rest(account)
        return bool(done)

    def _folder_time(self) -> int:
        try:
            return (self._context.paths.bridge / "descent").stat().st_mtime_ns
        except OSError:
            return 0

    def _is_done(self, refusal: Refusal) -> bool:
        """Do what is to be done about a refusal; False if it is too early for that."""
        account, now = self._holder(refusal.refused), self._context.clock()
        is_it = account is not None and wants_refresh(account, now)
        age = now - refusal.at
        if is_it and age < GRACE and not is_ahead(refusal.at, now):
            self.is_waiting = True
            return False
        if account is not None and is_it and self._ended_a_turn(account.provider, refusal):
            self._leave(account, refusal)
            self._to_ask[account.id] = refusal.refused
        elif is_it and age < TOLD_WITHIN and not is_ahead(refusal.at, now):
            return False
        else:
            is_it = False
        settled(refusal)
        return is_it

    def _ended_a_turn(self, provider: str, refusal: Refusal) -> bool:
        at = self._unsent_at(provider)
        return at is not None and -_A_MOMENT <= at - refusal.at <= TOLD_WITHIN

    def _holder(self, refused: Digest) -> Account | None:
        """Return whose newest refresh token it is, unless it is known already to be dead."""
        for account in self._context.store.state().accounts:
            is_dead = account.rejected is not None or account.spent_from is not None
            if not is_dead and refused in refresh_digests(account.credential):
                return account
        return None

    def _leave(self, account: Account, refusal: Refusal) -> None:
        why = None if self._may_refresh(account) else self._why_dead(account, refusal)
        if why is not None:
            self._tell(account, Finding(Meaning.LOGIN_DEAD, f"{REFUSED}: {why}"))
        state, now = self._context.store.state(), self._context.clock()
        left = state.account(account.id)
        if left is None or left.rejected is not None or state.slot(left.provider).active != left.id:
            return
        until = now + rest_after_refusal(left.limit, refusal.status, now)
        scope = Scope(reach=Reach.ACCOUNT)
        self._tell(left, Finding(Meaning.SHORT_LIMIT, REFUSED, until, scope))

    def _tell(self, account: Account, finding: Finding) -> None:
        carried = account.credential.digest
        signal = Signal(
            id=f"refusal-{carried}",
            at=self._context.clock(),
            provider=account.provider,
            source=Source.LOG,
            credential=carried,
            tried=(carried,),
        )
        self._blame(signal, finding)

    def _may_refresh(self, account: Account) -> bool:
        """Tell whether we ask its vendor ourselves, now or in a while."""
        call = self._context.registry.refresh_call(account.provider, account.credential)
        return not isinstance(call, str) and (call.consent is None or account.refresh_allowed)

    def _why_dead(self, account: Account, refusal: Refusal) -> str | None:
        """Return why the login is dead by what opencode was answered; None: that does not say."""
        if refusal.status is None:
            return None
        answer = HttpAnswer(refusal.status, {}, Secret(refusal.said))
        now, read = self._context.clock(), self._context.registry.read_refresh
        try:
            reply = read(account.provider, account.credential, answer, now)
        except ProviderError:
            reply = None
        if isinstance(reply, DeadLogin):
            return reply.reason
        code = dead_code(refusal.status, json.loads(refusal.said))
        return None if code is None else f"its refresh token is no good any more ({code})"

    def _ask(self, account_id: AccountId, refused: Digest) -> None:
        """Ask the vendor for new tokens as soon as no opencode may be doing so."""
        account = self._holder(refused)
        if account is None or not wants_refresh(account, self._context.clock()):
            del self._to_ask[account_id]
        elif obstacle_now(self._context, account) is None:
            del self._to_ask[account_id]
            self._refreshes.want(account)

    def _end_rest(self, account: Account) -> None:
        """Let a login that has good tokens by now rest no longer, nor longer the next time."""
        limit, now = account.limit, self._context.clock()
        if limit is None or limit.reason != REFUSED or is_lifted(limit):
            return
        if wants_refresh(account, now):
            return
        with self._context.store.transaction():
            self._context.store.set_limit(account.id, lifted(limit, now))
        if limit.until > now:
            why = "it has new tokens"
            event = Event(now, EventKind.RECOVERED, account.provider, account.name, why=why)
            self._context.record([event])
            self._context.notify_changed()
