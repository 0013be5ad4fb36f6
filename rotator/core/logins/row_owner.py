"""Whose login a row is, in a home that keeps several logins of a provider beside each other.

A row's place proves nothing: the same key may stand in two, and each is whose secrets it holds.
Only where nothing else tells, a row that opencode has written anew in its place is the refresh
of what stood there, for a login makes a row of its own; what was there before is kept then.
Pure: no I/O, no clock.
"""

from __future__ import annotations

from dataclasses import replace

from rotator.core.logins.credential_secrets import bare_secrets, has_real_secret
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.ownership import names_another, owner_of
from rotator.core.logins.refresh_guess import named_before
from rotator.model import Account, Credential, Identity, State


def owner_of_row(
    provider: str,
    credential: Credential,
    who: Identity,
    known: Knowledge,
    before: Account | None = None,
) -> Owner:
    """Return whose credential a row holds; `before` is whose it held until now.

    In any doubt it is nobody's: a new account.
    """
    kept = _same_key(provider, credential, known)
    if kept is not None:
        return Owner(kept, fresh=False)
    owner = owner_of(provider, credential, who, replace(known, state=_as_live(known.state, before)))
    if _is_rewritten(owner, before, known):
        owner = replace(owner, stale=False)
    if owner.account is not None or before is None or before.credential.type != "oauth":
        return owner
    if named_before(before, credential, known):
        # What stood there last may be either's, spent by this.
        others = tuple(account for account in owner.may_be if account.id != before.id)
        return replace(owner, may_be=(*others, before))
    is_another = credential.type != "oauth" or names_another(before, credential, who, known)
    return owner if is_another else Owner(before, proof=Proof.NONE)


def _is_rewritten(owner: Owner, before: Account | None, known: Knowledge) -> bool:
    """Tell whether OpenCode has written a refresh into a row, whatever its times say.

    Nobody has seen those tokens, and they were written where the account's newest stood.
    """
    is_same = before is not None and owner.account is not None and owner.account.id == before.id
    return is_same and owner.fresh and known.watched


def _same_key(provider: str, credential: Credential, known: Knowledge) -> Account | None:
    """Return the account that has that key, also as a well-known token in auth.json."""
    if credential.type != "api" or not has_real_secret(credential):
        return None
    secrets = bare_secrets(credential)
    for account in known.state.of(provider):
        if account.credential.type != "oauth" and bare_secrets(account.credential) == secrets:
            return account
    return None


def _as_live(state: State, account: Account | None) -> State:
    """Return the state with that account in its slot, or with none: auth.json tells nothing here.

    So what comes is compared with what stood in its place, and with nobody else's.
    """
    if account is None:
        return replace(state, slots={})
    slot = replace(state.slot(account.provider), active=account.id, swap=None, tenures=())
    return replace(state, slots={account.provider: slot})
