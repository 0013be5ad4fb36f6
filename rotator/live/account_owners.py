"""What follows once a vendor has said whose a credential is: accounts are named, parted, joined."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rotator.context import Context
from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.line_parting import Line, Parted, told
from rotator.core.logins.token_lines import identity_of, line_of
from rotator.live.account_changes import part, settle
from rotator.model import NOBODY, Account, AccountId, Digest, Event, Identity
from rotator.system.locks import swap_lock


def learn_owner(
    context: Context,
    account: AccountId,
    of: Digest,
    who: Identity,
    refused: Collection[Digest] = (),
) -> None:
    """Write down that the credential with that digest, an account's then, belongs to `who`.

    It ends doubts, parts an account whose tokens prove to be two persons', and joins two that
    prove to be one person's. auth.json is mended at the next look, if it has to be. Take no lock
    before. `refused` are credentials that the vendor names nobody to any more. Raises StoreError,
    SwapConflict.
    """
    if not (_is_news(context, account, of, who) or _named_as_before(context, account, who)):
        return
    with swap_lock(context.paths.swap_lock), context.store.transaction():
        _leave_old_key(context, account, of, who, refused)
        events = _learn(context, account, of, who)
    context.record(events)
    context.notify_changed()


def _is_news(context: Context, account: AccountId, of: Digest, who: Identity) -> bool:
    row = _holder(context, account, of)
    if row is None or who == NOBODY:
        return False
    line = line_of(context.store.state(), row)
    at = _at(line, of)
    return at is not None and _known(line, at, who, row) != line


def _named_as_before(context: Context, account: AccountId, who: Identity) -> list[Account]:
    """Return the accounts with tokens that have the key by which that person was known before."""
    state = context.store.state()
    row = state.account(account)
    if row is None or who.key is None or who.key_before is None:
        return []
    return [
        other
        for other in state.of(row.provider)
        if who.key_before == other.identity_key
        or any(who.key_before == older.who.key for older in state.replaced.get(other.id, ()))
    ]


def _leave_old_key(
    context: Context, account: AccountId, of: Digest, who: Identity, refused: Collection[Digest]
) -> None:
    """Give the key of now to those who have one of an older version, if they are that person.

    Whose tokens were asked about is told. A login that can still be asked tells it of itself; of
    one that is dead nobody will say more than that it had the same name.
    """
    asked = _holder(context, account, of)
    for named in _named_as_before(context, account, who):
        is_dead = named.rejected is not None or named.credential.digest in refused
        is_same = is_dead or (asked is not None and named.id == asked.id)
        if who.key_before is not None and is_same:
            _give_key(context, named, who.key_before, who)
    if asked is None or asked.unproven or of not in secrets_of(asked.credential):
        return
    # Their name may be another one by now.
    key = asked.identity_key
    if (
        key is not None
        and who.key is not None
        and context.registry.is_key_before(asked.provider, key)
    ):
        _give_key(context, asked, key, who)


def _give_key(context: Context, account: Account, before: str, who: Identity) -> None:
    """Replace a key of an account and of the tokens that it had before."""
    if account.identity_key == before:
        known = replace(identity_of(account), key=who.key)
        context.store.set_owner(account.id, known, unproven=account.unproven)
    for tokens in context.store.state().replaced.get(account.id, ()):
        if tokens.who.key == before:
            context.store.name_replaced(tokens.number, replace(tokens.who, key=who.key))


def _learn(context: Context, account: AccountId, of: Digest, who: Identity) -> list[Event]:
    now = context.clock()
    row = _holder(context, account, of)
    if row is None:
        return []
    line = line_of(context.store.state(), row)
    at = _at(line, of)
    if at is None:
        return []
    known = _known(line, at, who, row)
    parted = Parted(known) if known[at].who.key is None else told(line, at, known[at].who)
    events = part(context, row, parted, "its vendor says whose its tokens are", now)
    return events + settle(context, row.provider, now)


def _holder(context: Context, account: AccountId, of: Digest) -> Account | None:
    """Return the account that has that credential by now, which may be another one."""
    state = context.store.state()
    row = state.account(account)
    if row is None:
        return next((a for a in state.accounts if of in secrets_of(a.credential)), None)
    if _at(line_of(state, row), of) is not None:
        return row
    return state.account(context.store.holder(row.provider, of) or account)


def _at(line: Line, of: Digest) -> int | None:
    places = [n for n, tokens in enumerate(line) if of in secrets_of(tokens.credential)]
    return places[-1] if places else None


def _known(line: Line, at: int, who: Identity, row: Account) -> Line:
    """Return the line with what is known of those tokens by now."""
    before = line[at].who
    if who.key is None and (row.unproven or len(line) > 1):
        return line
    if before.key in {None, who.key} or who.key is None:
        who = Identity(
            who.key or before.key,
            who.label or before.label,
            who.plan or before.plan,
            who.group or before.group,
        )
    return (*line[:at], replace(line[at], who=who), *line[at + 1 :])
