"""Small builders of values, so that a test names only what it is about.

Every secret holds the word CANARY. An account called `a` has the credential that `api("a")` or
`oauth("a")` builds; `generation` is how often its tokens have been refreshed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from rotator.core.logins import credential_secrets
from rotator.core.logins.knowledge import Knowledge
from rotator.core.selection.failover_decision import (
    Decision,
    NoteOverloadSwap,
    SetLimit,
    SetRejected,
)
from rotator.core.selection.limits import with_limit
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Credential,
    Digest,
    Finding,
    HomeName,
    Identity,
    Limit,
    Meaning,
    RestState,
    Signal,
    Slot,
    Snapshot,
    Source,
    Standing,
    State,
    Tenure,
)
from rotator.model.preferences import Failover, Preferences, Priority
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
ACME = "acme"


def an_entry(**fields: object) -> Secret:
    """Return an entry's text as opencode lays it out within auth.json."""
    return Secret(json.dumps(fields, indent=2).replace("\n", "\n  "))


# A refresh token that nobody can have made up.
DRAWN = "REF-CANARY-0a1b2c3d4e5f"


def parsed(**fields: object) -> Credential:
    """Return the credential of an entry with these fields."""
    return parse_entry(ACME, an_entry(**fields))


def api(name: str = "a", **fields: object) -> Credential:
    """Return an API key that belongs to `name`."""
    return parsed(type="api", key=f"KEY-CANARY-{name}", **fields)


def oauth(
    name: str = "a",
    generation: int = 1,
    *,
    expires_at: datetime | None = NOW + HOUR,
    **fields: object,
) -> Credential:
    """Return the tokens of `name` after that many refreshes; `fields` replace or add fields."""
    expires = 0 if expires_at is None else int(expires_at.timestamp() * 1000)
    values: dict[str, object] = {
        "type": "oauth",
        "refresh": f"REF-CANARY-{name}-{generation}",
        "access": f"ACC-CANARY-{name}-{generation}",
        "expires": expires,
    }
    return parsed(**(values | fields))


def wellknown(name: str = "a", variable: str = "TOKEN") -> Credential:
    """Return a well-known token that belongs to `name`."""
    return parsed(type="wellknown", key=variable, token=f"TOK-CANARY-{name}")


def a_jwt(claims: object) -> str:
    """Return an unsigned token with these claims; its signature holds the canary."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.CANARY"


def an_account(
    alias: str = "a", credential: Credential | None = None, provider: str = ACME, **fields: Any
) -> Account:
    """Return an account; without a credential it has the API key of its alias."""
    account_id = AccountId(f"id-{provider}-{alias}")
    values = {"captured_at": NOW - HOUR} | fields
    return Account(account_id, provider, alias, credential or api(alias), **values)


def a_standing(
    account: Account, *, active: bool = False, slot: str | None = None, **fields: Any
) -> Standing:
    """Return the place of an account in the database of OpenCode 2."""
    place = slot or f"cred_{account.alias}"
    values = {"label": account.alias, "digest": account.credential.digest} | fields
    return Standing(HomeName.DATABASE, place, account.provider, account.id, active=active, **values)


def a_limit(
    until: datetime = NOW + HOUR,
    state: RestState = AccountState.COOLING,
    reason: str = "429, rate limit",
    strikes: int = 1,
) -> Limit:
    """Return a limit that holds for an hour."""
    return Limit(state, until, reason, strikes)


def secrets_of(credential: Credential) -> list[Digest]:
    """Return the digests under which the store knows a credential."""
    return list(credential_secrets.secrets_of(credential))


def a_state(  # noqa: PLR0913  # each may be what a test is about
    *accounts: Account,
    active: Account | None = None,
    older: Iterable[tuple[Account, Credential]] = (),
    removed: Iterable[Credential] = (),
    balancing: bool = True,
    usage: Mapping[AccountId, Snapshot] = MappingProxyType({}),
    failover: Failover = Failover(),  # noqa: B008  # frozen
    priorities: Iterable[Priority] = (),
    **slot: Any,
) -> State:
    """Return a state with one provider's accounts; `slot` are further fields of its slot."""
    provider = accounts[0].provider if accounts else ACME
    generations = [(a, a.credential) for a in accounts] + list(older)
    tenures = (Tenure(active.id, NOW - HOUR),) if active else ()
    values: dict[str, Any] = {"tenures": tenures} | slot
    return State(
        accounts=accounts,
        slots={provider: Slot(provider, active.id if active else None, **values)},
        balancing=balancing,
        digests={(a.provider, d): a.id for a, c in generations for d in secrets_of(c)},
        removed=frozenset((provider, d) for c in removed for d in secrets_of(c)),
        usage=usage,
        preferences=Preferences(failover, priorities=tuple(priorities)),
    )


def a_signal(account: Account | None, *tried: Account, **fields: Any) -> Signal:
    """Return the bridge's signal that a request of `account` failed, after those of `tried`."""
    digest = account.credential.digest if account else None
    before = tuple(a.credential.digest for a in tried)
    values: dict[str, Any] = {
        "id": "sig-1",
        "at": NOW,
        "provider": account.provider if account else ACME,
        "source": Source.BRIDGE,
        "credential": digest,
        "tried": (*before, digest) if digest else (),
        "attempt": len(before) + 1,
    }
    return Signal(**(values | fields))


def a_finding(meaning: Meaning, until: datetime | None = None, reason: str = "") -> Finding:
    """Return what a failure means."""
    return Finding(meaning, reason or f"the answer means {meaning.value}", until)


def nobody(_: str, __: Credential) -> Identity:
    """Tell nothing of whose credential it is."""
    return Identity()


@dataclass(frozen=True)
class People:
    """Knows whose credentials some are: by the digest of the request's secret."""

    names: Mapping[Digest, str] = field(default_factory=lambda: MappingProxyType({}))

    def __call__(self, _: str, credential: Credential) -> Identity:
        """Return the person's name as key and label, or nothing."""
        name = self.names.get(credential.digest)
        return Identity(name, name)


def knowing(state: State, **fields: Any) -> Knowledge:
    """Return what interpretation needs; a vendor that rotates tokens and names nobody."""
    values: dict[str, Any] = {
        "state": state,
        "parse": try_parse,
        "identify": nobody,
        "rotates_tokens": lambda _: True,
        "keeps_refresh_tokens": lambda _: False,
        "now": NOW,
        "watched": True,
    }
    return Knowledge(**(values | fields))


def try_parse(provider: str, entry: Secret) -> Credential | str:
    """Return the entry's credential, or why it has none, as capture does."""
    try:
        return parse_entry(provider, entry)
    except BadEntry as exc:
        return exc.message


def carried_out(state: State, outcome: Decision, now: datetime) -> State:
    """Return the state after the daemon has done what `outcome` asks for."""
    for mark in outcome.updates:
        match mark:
            case SetLimit(account, limit):
                resting = with_limit(account, limit)
                state = with_account(
                    state, account.id, limit=resting.limit, part_limits=resting.part_limits
                )
            case SetRejected(account, reason):
                state = with_account(state, account.id, rejected=reason)
                state = with_slot(state, account.provider, rejected_at=now)
            case NoteOverloadSwap(provider):
                state = with_slot(state, provider, overload_swap_at=now)
    if outcome.order is None:
        return state
    put = outcome.order.to
    tenures = (*state.slot(put.provider).tenures, Tenure(put.id, now))
    return with_slot(state, put.provider, active=put.id, tenures=tenures)


def with_account(state: State, account: AccountId, **fields: Any) -> State:
    """Return the state with some fields of one account replaced."""
    accounts = (replace(a, **fields) if a.id == account else a for a in state.accounts)
    return replace(state, accounts=tuple(accounts))


def with_slot(state: State, provider: str, **fields: Any) -> State:
    """Return the state with some fields of one slot replaced."""
    slot = replace(state.slot(provider), **fields)
    return replace(state, slots={**state.slots, provider: slot})
