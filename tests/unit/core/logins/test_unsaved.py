"""What would be lost with a content that nobody could take in. In any doubt: something."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.unsaved import (
    Fragments,
    holds_news,
    holds_unread,
    is_saved,
    logins_of,
    says_something,
)
from rotator.model import AccountId, Credential, Digest, State
from rotator.secret import Secret
from tests.support.builders import (
    ACME,
    HOUR,
    NOW,
    SECOND,
    People,
    a_state,
    an_account,
    an_entry,
    api,
    knowing,
    oauth,
    parsed,
    secrets_of,
)

NOTHING = Secret("{}")
MAGIC = an_entry(type="magic", key="KEY-CANARY-m")


def members(*credentials: Credential | Secret) -> Fragments:
    """Return a content whose complete members are entries of acme."""
    return Fragments(
        tuple((ACME, one.entry if isinstance(one, Credential) else one) for one in credentials)
    )


def piece(text: str) -> Fragments:
    return Fragments(rest=(Secret(text),))


def news(found: Fragments, state: State | None = None, whole: Secret = NOTHING) -> bool:
    return holds_news(found, whole, knowing(state or a_state()))


# -- logins --------------------------------------------------------------------------------


def test_every_member_that_opencode_would_take_is_a_login() -> None:
    found = logins_of(members(api("a"), MAGIC, oauth("b")), knowing(a_state()))

    assert found == [(ACME, api("a")), (ACME, oauth("b"))]


@pytest.mark.parametrize("key", ["", "****************"], ids=["empty", "blanked out"])
def test_a_key_that_is_none_is_no_login(key: str) -> None:
    """What is left of the key of an account that was removed."""
    assert logins_of(members(parsed(type="api", key=key)), knowing(a_state())) == []


def test_a_login_that_was_not_used_yet_is_one() -> None:
    """Some plug-ins leave the access token empty until its first use."""
    fields: dict[str, Any] = {"access": ""}
    unused = oauth("a", **fields)

    assert logins_of(members(unused), knowing(a_state())) == [(ACME, unused)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("null", False),
        ("{ }", False),
        ("[]", False),
        ('""', False),
        ("17", False),
        ('["KEY-CANARY"]', True),
        ('"KEY-CANARY"', True),
    ],
)
def test_a_value_without_a_text_is_nobody_s_credential(text: str, *, says: bool) -> None:
    assert says_something(Secret(text)) is says


# -- saved ---------------------------------------------------------------------------------


def saved(state: State, credential: Credential, **fields: Any) -> bool:
    return is_saved(ACME, credential, knowing(state, **fields))


def test_what_an_account_has_is_saved() -> None:
    assert saved(a_state(an_account("a")), api("a"))


def test_what_nobody_has_is_not_saved() -> None:
    assert not saved(a_state(an_account("a")), api("b"))


def test_tokens_that_an_account_had_before_are_saved() -> None:
    a = an_account("a", oauth("a", 3))

    assert saved(a_state(a, older=[(a, oauth("a", 1))]), oauth("a", 1))


def test_tokens_so_old_that_only_the_store_knows_them_are_saved() -> None:
    a = an_account("a", oauth("a", 3))

    def recall(provider: str, digest: Digest) -> AccountId | None:
        is_known = provider == ACME and digest in secrets_of(oauth("a", 1))
        return a.id if is_known else None

    assert saved(a_state(a), oauth("a", 1), recall=recall)


def test_newer_tokens_of_an_account_are_not_saved() -> None:
    a = an_account("a", oauth("a", 1))
    newer = oauth("a", 2, refresh="REF-CANARY-a-1", expires_at=NOW + 2 * HOUR)

    assert not saved(a_state(a), newer)


def test_tokens_of_the_same_person_are_news_unless_they_have_run_out_before() -> None:
    a = an_account("a", oauth("a", 5), identity_key="ada")
    other, relic = oauth("a", 7), oauth("a", 2, expires_at=NOW - SECOND)
    identify = People({other.digest: "ada", relic.digest: "ada"})

    assert not saved(a_state(a), other, identify=identify)
    assert saved(a_state(a), relic, identify=identify)


def test_what_the_user_removed_is_not_kept() -> None:
    assert saved(a_state(removed=[api("a")]), api("a"))
    assert saved(a_state(), api("a"), was_removed=lambda _, d: d == api("a").digest)


# -- news ----------------------------------------------------------------------------------


def test_an_empty_content_holds_nothing() -> None:
    assert not news(Fragments())


def test_a_login_that_is_saved_is_no_news_and_another_one_is() -> None:
    state = a_state(an_account("a"))

    assert not news(members(api("a")), state)
    assert news(members(api("a"), api("b")), state)


def test_what_cannot_be_read_is_news_unless_it_stands_in_the_whole_file() -> None:
    whole = Secret(f'{{"acme": {MAGIC.reveal()}}}')

    assert news(members(MAGIC))
    assert not news(members(MAGIC), whole=whole)


def test_a_value_without_a_text_is_no_news() -> None:
    assert not news(members(Secret("[1, 2]")))


def test_the_beginning_of_a_saved_entry_is_no_news() -> None:
    a = an_account("a")
    begun = f'"acme": {a.credential.entry.reveal()[:30]}'

    assert not news(piece(begun), a_state(a))
    assert news(piece(begun))


def test_the_beginning_of_an_entry_that_goes_on_otherwise_is_news() -> None:
    """It may hold a whole refresh token that opencode had just got."""
    a = an_account("a", oauth("a", 1))
    begun = f'"acme": {oauth("a", 2).entry.reveal()[:60]}'

    assert news(piece(begun), a_state(a))


def test_a_piece_of_the_whole_file_is_no_news() -> None:
    whole = Secret(f'{{"zeta": {MAGIC.reveal()}}}')

    assert not news(piece(MAGIC.reveal()[10:30]), whole=whole)


def test_an_id_with_letters_of_any_language_is_recognised() -> None:
    a = an_account("a", provider="ünï")

    assert not news(piece(f'"ünï": {a.credential.entry.reveal()[:20]}'), a_state(a))


def test_what_was_adopted_leaves_only_what_cannot_be_read() -> None:
    known: Knowledge = knowing(a_state())

    assert not holds_unread(members(api("b")), NOTHING, known)
    assert holds_unread(members(api("b"), MAGIC), NOTHING, known)
    assert holds_unread(piece('"zeta": {"type"'), NOTHING, known)


def test_nothing_of_a_content_can_be_shown_by_accident() -> None:
    assert "CANARY" not in repr(members(api("a"))) + repr(piece("KEY-CANARY"))
