"""What holds for every input: whom to choose, how to answer a signal, what a change means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.logins.changes import Change, Login, Refresh, Revert, Revived, interpret
from rotator.core.logins.credential_secrets import is_blank
from rotator.core.logins.knowledge import Knowledge
from rotator.core.selection.failover import account_of, decide
from rotator.core.selection.fallback import PASS
from rotator.core.selection.limits import is_ready
from rotator.core.selection.policy import Selection, choose, prefer
from rotator.core.selection.rests import next_limit
from rotator.model import (
    Account,
    AccountState,
    Credential,
    Digest,
    Finding,
    Limit,
    Meaning,
    Signal,
    State,
    VerdictKind,
)
from rotator.secret import Secret
from tests.support.builders import (
    ACME,
    MINUTE,
    NOW,
    a_signal,
    a_state,
    an_account,
    carried_out,
    secrets_of,
    try_parse,
    with_slot,
)
from tests.support.strategies import (
    ALIASES,
    CONTENTS,
    CREDENTIALS,
    FINDINGS,
    LIMITS,
    LONGER,
    MOMENTS,
    NAMES,
    QUIET,
    cases,
    knowledge,
    states,
)

# -- choosing -------------------------------------------------------------------------------


@QUIET
@given(states(), st.lists(ALIASES), st.none() | CREDENTIALS, MOMENTS)
def test_whoever_is_chosen_is_ready_not_barred_and_for_the_same_place_if_there_is_one(
    state: State, barred: list[str], instead_of: Credential | None, now: datetime
) -> None:
    wanted = Selection(ACME, {an_account(alias).id for alias in barred}, instead_of)

    choice = choose(state, wanted, now)

    assert choice.why
    if choice.account is not None:
        assert choice.account in state.accounts
        assert choice.account.state_at(now) is AccountState.READY
        assert choice.account.id not in wanted.barred
        near = [
            a
            for a in state.of(ACME)
            if a.state_at(now) is AccountState.READY
            and a.id not in wanted.barred
            and instead_of is not None
            and a.credential.destination == instead_of.destination
        ]
        # Who is live and ready stays; of the others those for the same place come first.
        is_live = choice.account == state.active(ACME)
        assert is_live or not near or choice.account in near


@QUIET
@given(states(), st.lists(ALIASES), MOMENTS, st.randoms())
def test_the_same_question_has_the_same_answer(
    state: State, barred: list[str], now: datetime, random: Random
) -> None:
    wanted = Selection(ACME, [an_account(alias).id for alias in barred])
    mixed = list(state.accounts)
    random.shuffle(mixed)

    one, other = (choose(s, wanted, now) for s in (state, replace(state, accounts=tuple(mixed))))

    assert one == other


@QUIET
@given(states(), MOMENTS)
def test_somebody_is_chosen_whenever_somebody_is_ready(state: State, now: datetime) -> None:
    ready = [a for a in state.accounts if a.state_at(now) is AccountState.READY]

    assert (choose(state, Selection(ACME), now).account is not None) == bool(ready)


MODELS = st.sampled_from([None, "claude-opus-4-5", "gpt-5"])


@QUIET
@given(states(), MODELS, MOMENTS)
def test_whoever_works_is_left_only_for_one_that_is_ready_and_not_for_long(
    state: State, model: str | None, now: datetime
) -> None:
    """Once the better one is live, nothing speaks for going back: no two take turns."""
    found = prefer(state, ACME, model, now)

    if found is None:
        return
    before = state.active(ACME)
    assert before is not None
    assert found.account.id != before.id
    assert is_ready(found.account, model, now)
    assert found.why
    after = prefer(with_slot(state, ACME, active=found.account.id), ACME, model, now)
    assert after is None or after.account.id != before.id


# -- answering a signal -------------------------------------------------------------------------


@LONGER
@given(cases(), FINDINGS, MOMENTS)
def test_every_signal_has_an_answer_that_keeps_the_promises(
    case: tuple[State, Signal], finding: Finding, now: datetime
) -> None:
    state, signal = case

    outcome = decide(state, signal, finding, now)

    failed = account_of(state, signal, now)
    waits = outcome.verdict.kind is VerdictKind.WAIT
    if waits:
        # For an end that is near, on the account that is live.
        patience = timedelta(seconds=state.failover.patience_seconds)
        assert finding.until is not None
        assert finding.until - now <= patience
        assert outcome.order is None
        assert failed is not None
        assert failed.id == state.slot(signal.provider).active
    assert waits or outcome.verdict.kind in {VerdictKind.PASS, VerdictKind.RETRY}
    if outcome.order is not None:
        put = outcome.order.to
        tried = {state.digests.get((signal.provider, d)) for d in signal.tried}
        assert state.balancing
        assert put.id not in {failed.id if failed else None, *tried}
        assert put.state_at(now) is AccountState.READY
        assert outcome.order.expected is not None
        assert outcome.order.expected.id == state.slot(signal.provider).active != put.id
        # Nobody is moved out but for a signal about it.
        assert failed is not None
        assert failed.id == outcome.order.expected.id
    if not state.balancing and finding.meaning is not Meaning.FOREIGN_HISTORY:
        assert outcome.verdict == PASS
    if len(state.accounts) == 1:
        assert outcome.order is None
        assert waits or outcome.verdict == PASS


@QUIET
@given(cases(), FINDINGS, MOMENTS)
def test_a_retry_names_what_auth_json_holds_or_is_about_to_hold(
    case: tuple[State, Signal], finding: Finding, now: datetime
) -> None:
    state, signal = case

    outcome = decide(state, signal, finding, now)

    if outcome.verdict.kind is VerdictKind.RETRY and outcome.verdict.drop is None:
        live = outcome.order.to if outcome.order else state.active(signal.provider)
        assert live is not None
        assert outcome.verdict.credential == live.credential.digest
        assert outcome.verdict.credential not in signal.tried


@QUIET
@given(
    answers=st.lists(st.tuples(st.sampled_from(Meaning), NAMES), max_size=12), busy=st.booleans()
)
def test_a_request_ends_after_each_account_was_asked_once(
    answers: list[tuple[Meaning, str]], *, busy: bool
) -> None:
    """Whatever the accounts answer, and whatever other requests do meanwhile."""
    accounts = [an_account(alias) for alias in "abc"]
    state = a_state(*accounts, active=accounts[0])
    asked = [accounts[0]]

    for meaning, other in answers:
        signal = a_signal(asked[-1], *asked[:-1])
        outcome = decide(state, signal, Finding(meaning, "why"), NOW)
        state = carried_out(state, outcome, NOW)
        if busy:
            # Another request's account is limited in between.
            noise = a_signal(next(a for a in accounts if a.alias == other))
            noisy = decide(state, noise, Finding(Meaning.SHORT_LIMIT, "why"), NOW)
            state = carried_out(state, noisy, NOW)
        if outcome.verdict.kind is VerdictKind.PASS:
            break
        if outcome.verdict.drop is None:
            digest = outcome.verdict.credential
            asked.append(next(a for a in accounts if a.credential.digest == digest))
        else:
            break

    assert len({a.id for a in asked}) == len(asked) <= 3


@QUIET
@given(LIMITS | st.none(), FINDINGS, MOMENTS)
def test_a_limited_account_rests_and_no_rest_gets_shorter(
    limit: Limit | None, finding: Finding, now: datetime
) -> None:
    account = an_account("a", limit=limit)

    found = next_limit(account.limit, finding, now)

    assert found.until > now
    assert found.strikes >= 1
    if account.limit is not None and account.limit.until > now:
        assert found.until >= account.limit.until
    if finding.until is None or finding.until <= now:
        longest = 30 if finding.meaning is Meaning.SHORT_LIMIT else 480
        assert found is account.limit or found.until - now <= longest * MINUTE


# -- reading a change ---------------------------------------------------------------------------


Attributed = Login | Refresh | Revert | Revived


def attributed(change: Change) -> bool:
    return isinstance(change, Attributed)


@QUIET
@given(CONTENTS, CONTENTS, knowledge())
def test_every_credential_is_exactly_one_account_s_or_a_new_login(
    before: dict[str, Secret], after: dict[str, Secret], known: Knowledge
) -> None:
    found = interpret(before, after, known)

    for provider, entry in after.items():
        credential = try_parse(provider, entry)
        about = [c for c in found if c.provider == provider and attributed(c)]
        if isinstance(credential, str) or is_blank(credential):
            assert about == []
        elif about == []:
            active = known.state.active(provider)
            assert active is not None
            assert secrets_of(active.credential) == secrets_of(credential)
        else:
            (change,) = about
            account = getattr(change, "account", None)
            assert account is None or account in known.state.of(provider)
            assert account is None or account.credential.type == credential.type


def has_evidence(known: Knowledge, change: Login | Refresh | Revert, account: Account) -> bool:
    """Tell whether something says that the credential is the account's."""
    old, new = account.credential, change.credential
    digests = known.state.digests
    shared = [
        secret
        for secret in (new.secret, new.refresh)
        if secret and digests.get((change.provider, Digest(secret.digest()))) == account.id
    ]
    proved = change.identity.key is not None and change.identity.key == account.identity_key
    ran_out = old.expires_at is not None and old.expires_at < known.now + 2 * MINUTE
    active = known.state.slot(change.provider).active == account.id
    refreshed = known.rotates_tokens(change.provider) and active and ran_out
    return bool(shared) or proved or refreshed or secrets_of(old) == secrets_of(new)


@LONGER
@given(CONTENTS, CONTENTS, knowledge())
def test_no_credential_is_given_to_an_account_without_evidence(
    before: dict[str, Secret], after: dict[str, Secret], known: Knowledge
) -> None:
    for change in interpret(before, after, known):
        if isinstance(change, Login | Refresh | Revert) and change.account is not None:
            assert has_evidence(known, change, change.account)


def keeps(change: Change) -> bool:
    """Tell whether capture saves the change's credential."""
    match change:
        case Login(account=account, fresh=fresh, stale=stale):
            return account is None or (fresh and not stale)
        case Refresh(stale=stale):
            return not stale
        case Revert(fresh=fresh):
            return fresh
        case _:
            return False


def is_saved(known: Knowledge, provider: str, credential: Credential) -> bool:
    """Tell whether nothing of the credential is new to us, or an account has a newer one."""
    remembered = {*known.state.digests, *known.state.removed}
    fresh = [d for d in secrets_of(credential) if (provider, d) not in remembered]
    empty = {Digest(Secret("").digest())}
    return set(fresh) <= empty or any(
        a.credential.expires_at is not None
        and credential.expires_at is not None
        and credential.expires_at < a.credential.expires_at
        for a in known.state.of(provider)
    )


@LONGER
@given(CONTENTS, CONTENTS, knowledge())
def test_no_credential_is_lost(
    before: dict[str, Secret], after: dict[str, Secret], known: Knowledge
) -> None:
    found = interpret(before, after, known)

    for provider, entry in after.items():
        credential = try_parse(provider, entry)
        if not isinstance(credential, str):
            saved = any(keeps(c) for c in found if c.provider == provider and attributed(c))
            assert saved or is_saved(known, provider, credential)
