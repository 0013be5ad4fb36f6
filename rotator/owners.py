"""Takes in a vendor's word whose a login is."""

from __future__ import annotations

from rotator.books import Books
from rotator.model import AccountId, Digest, Identity, Snapshot


def learn_owner(books: Books, account: AccountId, of: Digest, who: Identity) -> None:
    """Note that the credential `of`, which that account holds, belongs to `who`."""
    held = books.store.state().account(account)
    if held is not None and held.credential.digest == of:
        with books.store.transaction():
            books.store.learn(held, Snapshot(books.clock(), identity=who))
