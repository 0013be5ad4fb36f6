"""What follows once a vendor has said whose a credential is: accounts are named, parted, joined."""

from __future__ import annotations

from dataclasses import replace

from rotator.context import Books
from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.line_parting import Line, Parted, told
from rotator.core.logins.token_lines import identity_of, line_of
from rotator.core.poll_schedule import OwnerAsked
from rotator.live.account_changes import part, settle
from rotator.model import NOBODY, Account, AccountId, Digest, Event, Identity
from rotator.system.locks import swap_lock


def learn_owner(books: Books, account: AccountId, of: Digest, who: Identity) -> None:
    """Write down that the credential with that digest, an account's then, belongs to `who`.

    It ends doubts, parts an account whose tokens prove to be two persons', and joins two that
    prove to be one person's. auth.json is mended at the next look, if it has to be. Take no lock
    before. Raises StoreError, SwapConflict.
    """
    if not (_is_news(books, account, of, who) or _named_as_before(books, account, who)):
        return
    with swap_lock(books.paths.swap_lock), books.store.transaction():
        events = _learn(books, account, of, who)
    books.record(events)
    books.announce()


def _is_news(books: Books, account: AccountId, of: Digest, who: Identity) -> bool:
    row = _holder(books, account, of)
    if row is None or who == NOBODY:
        return False
    line = line_of(books.store.state(), row)
    at = _at(line, of)
    return at is not None and _known(line, at, who, row) != line


def _named_as_before(books: Books, account: AccountId, who: Identity) -> list[Account]:
    """Return the accounts with tokens that have the key by which that person was known before."""
    state = books.store.state()
    row = state.account(account)
    if row is None or who.key is None or who.key_before is None:
        return []
    return [
        one
        for one in state.of(row.provider)
        if who.key_before == one.identity_key
        or any(who.key_before == older.who.key for older in state.replaced.get(one.id, ()))
    ]


def _leave_old_key(books: Books, account: AccountId, of: Digest, who: Identity) -> None:
    """Let no account have a key that was given in an older version, and may be another's since.

    Whose tokens were asked about is told; a login that can still be asked tells it of itself, and
    of one that is dead nobody will say more than that it had the same name.
    """
    asked = _holder(books, account, of)
    for one in _named_as_before(books, account, who):
        is_same = one.rejected is not None or (asked is not None and one.id == asked.id)
        if one.identity_key == who.key_before:
            known = replace(identity_of(one), key=who.key if is_same else None)
            books.store.set_owner(one.id, known, unproven=one.unproven)
            if not is_same:
                books.history.keep_owner_asked(one.credential.digest, OwnerAsked())
        if is_same:
            _rename_replaced(books, one, who)


def _rename_replaced(books: Books, account: Account, who: Identity) -> None:
    for one in books.store.state().replaced.get(account.id, ()):
        if one.who.key == who.key_before:
            books.store.name_replaced(one.number, replace(one.who, key=who.key))


def _learn(books: Books, account: AccountId, of: Digest, who: Identity) -> list[Event]:
    now = books.clock()
    _leave_old_key(books, account, of, who)
    row = _holder(books, account, of)
    if row is None:
        return []
    line = line_of(books.store.state(), row)
    at = _at(line, of)
    if at is None:
        return []
    known = _known(line, at, who, row)
    parted = Parted(known) if known[at].who.key is None else told(line, at, known[at].who)
    events = part(books, row, parted, "its vendor says whose its tokens are", now)
    return events + settle(books, row.provider, now)


def _holder(books: Books, account: AccountId, of: Digest) -> Account | None:
    """Return the account that has that credential by now, which may be another one."""
    state = books.store.state()
    row = state.account(account)
    if row is None:
        return next((a for a in state.accounts if of in secrets_of(a.credential)), None)
    if _at(line_of(state, row), of) is not None:
        return row
    return state.account(books.store.holder(row.provider, of) or account)


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
