"""A little world of three people, one vendor and one auth.json, which knows whose tokens are whose.

It does with a change what capture does with it, so that a test can compare what the code worked
out with the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from rotator.core.logins.changes import (
    Change,
    Dropped,
    Gone,
    Login,
    Logout,
    Refresh,
    Revert,
    Revived,
    Unreadable,
    Wipe,
    interpret,
)
from rotator.core.logins.owner import Proof
from rotator.model import AccountId, Credential, Digest, Identity, State, SwapMark
from rotator.secret import Secret
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    an_account,
    api,
    knowing,
    oauth,
    secrets_of,
    with_account,
    with_slot,
)

PEOPLE = ("ada", "bob", "cyd")
ZETA = "zeta"
# No opencode waits longer for its vendor.
LONGEST_REFRESH = 2 * MINUTE


@dataclass
class World:
    """One vendor that rotates tokens, three people, one auth.json, and what we made of it."""

    names_people: bool
    now: datetime = NOW
    live: dict[str, Secret] = field(default_factory=lambda: {ZETA: api("zeta").entry})
    seen: dict[str, Secret] = field(default_factory=dict)
    old: list[Secret] = field(default_factory=list)
    state: State = field(default_factory=State)
    generations: dict[str, int] = field(default_factory=dict)
    newest: dict[str, Credential] = field(default_factory=dict)
    people: dict[Digest, str] = field(default_factory=dict)
    # Tokens that others took the place of without a proof.
    replaced: list[Credential] = field(default_factory=list)
    # What a refresh has put an end to.
    spent: list[Credential] = field(default_factory=list)
    # What stood in auth.json as our last swap was made.
    left: Credential | None = None

    def __post_init__(self) -> None:
        self.look()

    # -- what people and opencode do -----------------------------------------------------------

    def mint(self, person: str) -> None:
        """Give a person new tokens, which end the life of those before, and write them."""
        self.generations[person] = self.generations.get(person, 0) + 1
        new = oauth(person, self.generations[person], expires_at=self.now + HOUR)
        self.newest[person] = new
        self.people |= dict.fromkeys(secrets_of(new), person)
        self.write(new.entry)

    def login(self, person: str) -> None:
        """Log somebody in."""
        self.mint(person)

    def refresh(self) -> None:
        """Let opencode refresh the tokens in auth.json once they have run out."""
        active, person = self.state.active(ACME), self.active_person()
        if active is not None and person is not None and self.active_has_run_out():
            self.spent.append(active.credential)
            self.mint(person)

    def late_refresh(self) -> None:
        """Let a refresh end that began before our last swap: in minutes, not in an hour."""
        mark = self.state.slot(ACME).swap
        left = self.state.account(mark.left) if mark else None
        is_soon = mark is not None and self.now - mark.at <= LONGEST_REFRESH
        # Whoever was refreshed meanwhile has another refresh token.
        is_same = left is not None and left.credential == self.left
        if mark is not None and left is not None and mark.left_expired and is_soon and is_same:
            self.spent.append(left.credential)
            self.mint(self.people[left.credential.digest])

    def old_copy(self, number: int) -> None:
        """Let an opencode write back what it read some time ago."""
        if self.old:
            self.write(self.old[number % len(self.old)])

    def lay_out_anew(self) -> None:
        """Let an opencode write the same in its own layout."""
        self.live = {p: Secret(e.reveal().replace("\n", "\r\n")) for p, e in self.live.items()}
        self.look()

    def log_out(self) -> None:
        """Take our entry out."""
        if self.live.pop(ACME, None):
            self.look()

    def wipe(self, number: int) -> None:
        """Let an opencode write that knows only its own login of another provider."""
        self.live = {ZETA: api(f"zeta-{number}").entry}
        self.look()

    def wait(self, number: int) -> None:
        """Let some minutes pass."""
        self.now += number * MINUTE

    def swap(self, number: int) -> None:
        """Put another account in, as our swap does."""
        accounts = self.state.of(ACME)
        if not accounts:
            return
        put = accounts[number % len(accounts)]
        left, entry = self.state.active(ACME), self.live.get(ACME)
        self.left = left.credential if left else None
        expires_at = left.credential.expires_at if left else None
        mark = SwapMark(
            left.id if left else None,
            put.id,
            self.now,
            Digest(entry.digest()) if entry else None,
            left_expired=expires_at is not None and expires_at <= self.now,
        )
        self.state = with_slot(self.state, ACME, active=put.id, swap=mark)
        self.put(put.credential.entry)
        self.seen = dict(self.live)

    def write(self, entry: Secret) -> None:
        self.put(entry)
        self.look()

    def put(self, entry: Secret) -> None:
        self.live = {**self.live, ACME: entry}
        self.old.append(entry)

    def active_person(self) -> str | None:
        active = self.state.active(ACME)
        return self.people[active.credential.digest] if active else None

    def active_has_run_out(self) -> bool:
        active = self.state.active(ACME)
        expires_at = active.credential.expires_at if active else None
        return expires_at is not None and expires_at - self.now < 2 * MINUTE + SECOND

    # -- what we do ------------------------------------------------------------------------------

    def identify(self, _: str, credential: Credential) -> Identity:
        return Identity(self.people.get(credential.digest) if self.names_people else None)

    def look(self) -> None:
        """Take a content in, as capture does."""
        known = knowing(self.state, identify=self.identify, now=self.now)
        for change in interpret(self.seen, self.live, known):
            self.apply(change)
        self.seen = dict(self.live)

    def apply(self, change: Change) -> None:
        match change:
            case Login():
                self.take_login(change)
            case Refresh():
                self.take_refresh(change)
            case Revert():
                self.revert(change)
            case Logout(provider, account):
                self.state = with_account(self.state, account.id, disabled="logged out")
                self.state = with_slot(self.state, provider, active=None)
            case Wipe(provider, entry):
                self.live[provider] = entry
            case Gone() | Revived() | Unreadable() | Dropped():
                message = f"nothing here leads to {type(change).__name__}"
                raise AssertionError(message)

    def take_refresh(self, change: Refresh) -> None:
        if change.stale:
            self.live[change.provider] = change.account.credential.entry
            return
        if change.proof is Proof.NONE:
            self.replaced.append(change.account.credential)
        self.renew(change.account.id, change.credential)

    def take_login(self, change: Login) -> None:
        account = change.account
        if account is None:
            alias, key = str(len(self.state.accounts)), change.identity.key
            account = an_account(alias, change.credential, change.provider, identity_key=key)
            self.state = replace(self.state, accounts=(*self.state.accounts, account))
            for one in change.may_be:
                self.state = with_account(self.state, one.id, maybe=account.id)
        if change.fresh and not change.stale:
            self.renew(account.id, change.credential)
        if change.stale:
            self.live[change.provider] = account.credential.entry
        self.state = with_account(self.state, account.id, disabled=None)
        self.state = with_slot(self.state, change.provider, active=account.id, swap=None)

    def revert(self, change: Revert) -> None:
        if change.fresh:
            self.renew(change.account.id, change.credential)
        mark = self.state.slot(ACME).swap
        if change.give_up or mark is None or change.put is None:
            self.state = with_slot(self.state, ACME, active=change.account.id, swap=None)
        else:
            self.live[ACME] = change.put.credential.entry
            self.state = with_slot(
                self.state, ACME, swap=replace(mark, at=self.now, rounds=change.rounds)
            )

    def renew(self, account: AccountId, credential: Credential) -> None:
        self.state = with_account(self.state, account, credential=credential)
        owned = self.state.account(account)
        assert owned is not None
        known = {(owned.provider, d): account for d in secrets_of(credential)}
        self.state = replace(self.state, digests={**self.state.digests, **known})
