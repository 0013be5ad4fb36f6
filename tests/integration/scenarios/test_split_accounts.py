"""A login that an account keeps becomes an account of its own by its user's word (A2).

At a vendor that is asked only in doubt nobody may know any more whose the replaced tokens are, once
they have run out: they stay in the row of those that took their place, for these may be the same
login, refreshed. Whoever knows better says so, and the vendor is asked once that is possible again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rotator.core.logins.token_lines import kept_logins
from rotator.errors import UsageError
from rotator.live.knowledge import knowledge
from rotator.model import Account, AccountState, Credential, EventKind, Identity
from rotator.plugins.registry import Registry
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, RefreshCall, Tokens
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.services.refresh import ensure_fresh, obstacle_now
from rotator.services.splits import split
from rotator.watcher.identity_questions import IdentityQuestions
from tests.integration.scenarios.test_one_name_for_two import (
    ALIKE,
    SAID,
    Alike,
    Person,
    with_tokens,
)
from tests.support.descents import seen_login
from tests.support.live import Entry, Live, oauth_until, open_live
from tests.support.naming import NAMING, Namer, Naming
from tests.support.renewing import TERMS, Renewing, Vendor
from tests.support.waiting import wait_until

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class Shy(Naming):
    """Is asked only in doubt, and refreshes parked logins where its user gives leave."""

    asks_only_in_doubt: bool = True

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the request that sends the refresh token."""
        request = HttpRequest("POST", "https://vendor.example/token", body=credential.refresh)
        return RefreshCall(request, "client-1", TERMS)

    def read_refresh(
        self, credential: Credential, answer: HttpAnswer, now: datetime
    ) -> Tokens | DeadLogin:
        """Return what the vendor says."""
        return Renewing().read_refresh(credential, answer, now)


@dataclass
class Site:
    """Answers both kinds of questions."""

    names: Namer = field(default_factory=Namer)
    tokens: Vendor = field(default_factory=Vendor)

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        return self.tokens(request) if request.method == "POST" else self.names(request)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def live(home: Path, site: Site) -> Iterator[Live]:
    with open_live(home, registry=Registry({NAMING: Shy()}, send=site)) as live:
        yield live


def ask(live: Live) -> None:
    """Let the watcher ask, and take in every answer."""
    with contextlib.closing(IdentityQuestions(live.context, lambda: None)) as questions:
        questions.begin()
        wait_until(lambda: not (questions.work() or questions.is_asking), 10, "the answers")


def ada_then(live: Live, person: str, *, is_asked: bool = True) -> tuple[Entry, Account]:
    """Let ada's tokens run out unasked, and that person's come; return hers and the one row."""
    ada = oauth_until("ada", 1, live.clock.now + 5 * MINUTE)
    live.sees({NAMING: ada})
    live.clock.pass_time(minutes=6)
    live.sees({NAMING: oauth_until(person, 5, live.clock.now + 8 * HOUR)})
    live.clock.pass_time(minutes=10)
    if is_asked:
        ask(live)
    (row,) = live.state.of(NAMING)
    return ada, row


def kept(live: Live, account: Account) -> int:
    return len(kept_logins(account, knowledge(live.context)))


def the_other(live: Live, row: Account) -> Account:
    (other,) = [account for account in live.state.of(NAMING) if account.id != row.id]
    return other


def test_what_it_keeps_of_an_unknown_person_becomes_an_account_that_is_not_used(live: Live) -> None:
    ada, row = ada_then(live, "bob")
    assert (row.identity_key, kept(live, row)) == ("user/bob", 1)
    before = live.entries()

    done = split(live.context, row)

    new = the_other(live, row)
    assert new.credential.secret.reveal() == ada["access"]
    assert (new.state_at(live.clock.now), new.maybe) == (AccountState.DISABLED, row.id)
    assert new.identity_key is None
    assert f"rotator accounts enable {new.name} if not" in (new.doubt or "")
    assert new.name in (done.note or "")
    assert (new.doubt or "?") in (done.note or "")
    assert live.entries() == before
    assert live.active(NAMING) == row.alias
    assert kept(live, live.account(row.name)) == 0
    assert EventKind.CAPTURED in live.kinds()


def test_it_is_never_refreshed_before_somebody_says_that_it_is_another_login(
    live: Live, site: Site
) -> None:
    """Were it the same one, refreshed, its token would end the newer one."""
    _, row = ada_then(live, "bob")
    split(live.context, row)
    new = the_other(live, row)
    ledger.allow_refresh(live.context, new, allowed=True)
    ensure_fresh(live.context, new)
    assert site.tokens.asked == []

    ledger.enable(live.context, new)
    ensure_fresh(live.context, live.account(new.name))

    assert len(site.tokens.asked) == 1


@pytest.mark.parametrize(("person", "rows"), [("bob", 2), ("ada", 1)])
def test_once_it_is_refreshed_a_vendor_that_may_be_asked_says_whose_it_is(
    home: Path, site: Site, live: Live, person: str, rows: int
) -> None:
    _, row = ada_then(live, person)
    split(live.context, row)
    new = the_other(live, row)
    ledger.enable(live.context, new)
    assert obstacle_now(live.context, live.account(new.name)) == TERMS
    ledger.allow_refresh(live.context, new, allowed=True)
    ensure_fresh(live.context, live.account(new.name))

    ask(live)
    # Of one that is asked in doubt alone a person has said enough.
    assert live.account(new.name).identity_key is None
    registry = Registry({NAMING: Shy(asks_only_in_doubt=False)}, send=site)
    with open_live(home, clock=live.clock, registry=registry) as other:
        ask(other)

    keys = sorted(str(account.identity_key) for account in live.state.of(NAMING))
    assert keys == sorted({"user/ada", f"user/{person}"})
    assert len(keys) == rows


def test_its_owner_who_logs_in_with_it_has_it_back(live: Live) -> None:
    ada, row = ada_then(live, "bob")
    split(live.context, row)
    new = the_other(live, row)

    live.sees({NAMING: ada})

    assert live.active(NAMING) == new.alias
    assert live.account(row.name).credential.secret.reveal() == "ACC-CANARY-bob-5"


def test_before_anybody_knows_whose_the_newer_tokens_are_it_can_be_split_as_well(
    live: Live,
) -> None:
    _, row = ada_then(live, "bob", is_asked=False)
    assert row.unproven

    split(live.context, row)

    new = the_other(live, row)
    assert new.maybe == row.id
    assert not live.account(row.name).unproven
    ask(live)
    assert live.account(row.name).identity_key == "user/bob"


def test_tokens_of_a_known_person_keep_the_account_and_the_unknown_ones_leave_it(
    live: Live, site: Site
) -> None:
    site.names.instead["ACC-CANARY-bob-5"] = lambda: HttpAnswer(503, {}, Secret("{}"))
    ada = oauth_until("ada", 1, live.clock.now + 5 * MINUTE)
    live.sees({NAMING: ada})
    (row,) = live.state.of(NAMING)
    live.context.store.set_owner(row.id, Identity("user/ada", "ada@acme.example"), unproven=False)
    live.clock.pass_time(minutes=6)
    live.sees({NAMING: oauth_until("bob", 5, live.clock.now + 8 * HOUR)})
    live.clock.pass_time(minutes=10)
    (row,) = live.state.of(NAMING)

    split(live.context, row)

    new = the_other(live, row)
    assert live.account(row.name).credential.secret.reveal() == ada["access"]
    assert live.account(row.name).identity_key == "user/ada"
    assert live.account(row.name).maybe == new.id
    assert live.active(NAMING) == new.alias
    del site.names.instead["ACC-CANARY-bob-5"]
    live.clock.pass_time(hours=1)
    ask(live)
    assert live.account(new.name).identity_key == "user/bob"
    assert live.account(row.name).maybe is None


def test_where_a_bridge_saw_that_the_newer_ones_were_a_login_there_is_nothing_to_split(
    live: Live,
) -> None:
    ada = oauth_until("ada", 1, live.clock.now + 5 * MINUTE)
    live.sees({NAMING: ada})
    live.clock.pass_time(minutes=6)
    bob = oauth_until("bob", 5, live.clock.now + 8 * HOUR)
    seen_login(live, bob)
    live.sees({NAMING: bob})
    for account in live.state.of(NAMING):
        with pytest.raises(UsageError, match="keeps no login that can be an account of its own"):
            split(live.context, account)
    assert len(live.state.of(NAMING)) == 2


@SAID
def test_one_of_the_same_name_is_not_split_off(home: Path, said_by: str) -> None:
    """It would be joined again."""
    vendor = Alike()
    with open_live(home, registry=Registry({ALIKE: vendor})) as live:
        person = Person(live, vendor, said_by)
        person.logs_in("ada", hours=9)
        live.clock.pass_time(minutes=10)
        bob = person.logs_in("bob", hours=9)
        row = with_tokens(live, bob)
        assert kept(live, row) == 1

        with pytest.raises(UsageError, match="keeps no login that can be an account of its own"):
            split(live.context, row)

        assert kept(live, live.account(row.name)) == 1
