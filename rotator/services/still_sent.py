"""Which running opencodes may still send a login that the user has taken back, and what to do.

One is taken back by disabling, removing or logging it out. Opencode keeps a key, and what it made
of a few logins, from when it began in a folder; a bridge keeps the tokens of each place, and lets
them go once a watcher tells it to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.core.selection.policy import stands_in
from rotator.model import Account, AccountId, Slot
from rotator.opencode.bridge.presence import Present, bridges_of
from rotator.opencode.own_plugins import TAKES_LOGINS, is_fixed_at_start
from rotator.services.without_bridge import Unbridged, following, unbridged
from rotator.system.locks import watch_holder
from rotator.text import sanitize

# What is written in opencode is seen by us so much later at most.
_SEEN_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A login that was taken back, and how opencodes use such a one.

    `is_kept`: from when they began. `is_everywhere`: for other providers as well, which no bridge
    replaces. `is_replaced`: by what is live, in the requests that a bridge sees.
    """

    id: AccountId
    provider: str
    says: str
    is_kept: bool
    is_replaced: bool
    is_everywhere: bool = False


def still_sent(
    context: Context, account: Account, present: Sequence[Present], without: Sequence[Unbridged]
) -> str | None:
    """Return which opencodes may still send a login that was taken back, or None.

    The account may be one that is gone from the store by now.
    """
    live = context.store.state().active(account.provider)
    is_everywhere = account.credential.type == "wellknown"
    taken = _Taken(
        account.id,
        account.provider,
        account.alias,
        is_everywhere or is_fixed_at_start(account),
        live is not None and stands_in(live, account.credential),
        is_everywhere,
    )
    return _sentence(context, taken, present, without)


def with_senders(context: Context, account: Account, note: str | None = None) -> str | None:
    """Return a note, and what is to be said of an account that was taken back just now."""
    try:
        present = bridges_of(context.paths)
        said = still_sent(context, account, present, unbridged(context.paths, present))
    except OSError as exc:
        # It was taken back all the same.
        said = f"whether a running opencode still sends it is not known: {exc.strerror}"
    return "; ".join(part for part in (note, said) if part) or None


def all_still_sent(
    context: Context, present: Sequence[Present], without: Sequence[Unbridged]
) -> list[str]:
    """Return the same of every account that is disabled, or that is gone."""
    state = context.store.state()
    disabled = [a for a in state.accounts if a.disabled is not None]
    said = [still_sent(context, account, present, without) for account in disabled]
    there = {account.id for account in state.accounts}
    for provider, slot in state.slots.items():
        of = state.of(provider)
        # Nobody knows any more what it was: most likely what the others are.
        is_kept = any(map(is_fixed_at_start, of)) if of else provider not in TAKES_LOGINS
        for gone in {t.account for t in slot.tenures if t.account is not None} - there:
            says = f"a login of {provider} that was removed"
            taken = _Taken(gone, provider, says, is_kept, slot.active is not None)
            said.append(_sentence(context, taken, present, without))
    return list(dict.fromkeys(sentence for sentence in said if sentence))


def _sentence(
    context: Context, taken: _Taken, present: Sequence[Present], without: Sequence[Unbridged]
) -> str | None:
    slot = context.store.state().slot(taken.provider)
    if slot.active == taken.id:
        # Whoever took it back was told why it stays.
        return None
    keeping = list(_keeping(taken, slot, present, without))
    unheard = list(_unheard(context, taken, slot, present))
    if not keeping and not unheard:
        return None
    to_do = "restart it" if keeping else "start rotator watch, or restart it"
    who = ", ".join(dict.fromkeys([*keeping, *unheard]))
    return f"opencode {who} may still send {sanitize(taken.says)}: {to_do}"


def _keeping(
    taken: _Taken, slot: Slot, present: Sequence[Present], without: Sequence[Unbridged]
) -> Iterator[str]:
    """Yield who goes on with it by itself, whatever is told."""
    provider = taken.provider
    for process in without:
        began_at = process.opencode.started_at
        if taken.is_kept and process.is_stuck and _may_have_read(slot, taken.id, began_at):
            yield process.who
    for presence in following(present):
        is_past = taken.is_kept and (presence.misses(provider) or not taken.is_replaced)
        is_past |= taken.is_everywhere or presence.sends_by_socket(provider)
        is_past |= provider in presence.bought
        if is_past and _may_have_read(slot, taken.id, presence.started_at):
            yield presence.who


def _unheard(
    context: Context, taken: _Taken, slot: Slot, present: Sequence[Present]
) -> Iterator[str]:
    """Yield whose bridge keeps its tokens for their place, as nobody tells it to let them go."""
    # Of what left auth.json, and nothing came for, a bridge knows by itself.
    if taken.is_kept or taken.is_replaced or slot.active is None:
        return
    holder = watch_holder(context.paths.watch_lock, beat=context.paths.beat)
    if holder is not None and not holder.is_stopped:
        return
    for presence in following(present):
        if _may_have_read(slot, taken.id, presence.started_at):
            yield presence.who


def _may_have_read(slot: Slot, account: AccountId, began_at: datetime | None) -> bool:
    """Tell whether an account was in its slot after an opencode had begun."""
    ends = [*(tenure.since for tenure in slot.tenures[1:]), None]
    return any(
        tenure.account == account
        and (end is None or began_at is None or began_at <= end + _SEEN_WITHIN)
        for tenure, end in zip(slot.tenures, ends, strict=False)
    )
