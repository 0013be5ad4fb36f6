"""What a change in auth.json means, row by row of the contract's table.

Whose credential it is has a file of its own: test_ownership.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

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
from rotator.model import (
    Account,
    AccountId,
    Credential,
    Descent,
    Digest,
    Identity,
    Replaced,
    Slot,
    State,
    SwapMark,
    Tenure,
)
from rotator.secret import Secret
from tests.support.builders import (
    ACME,
    DRAWN,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_limit,
    a_state,
    an_account,
    an_entry,
    api,
    knowing,
    oauth,
    parsed,
    secrets_of,
    wellknown,
    with_account,
    with_slot,
)

A, B = an_account("a"), an_account("b")
ZETA = api("zeta")


def contents(**credentials: Credential | Secret) -> dict[str, Secret]:
    """Return what stands in auth.json, provider -> entry."""
    entries = credentials.items()
    return {p: c if isinstance(c, Secret) else c.entry for p, c in entries}


def changes(
    state: State, before: Mapping[str, Secret], after: Mapping[str, Secret], **fields: Any
) -> list[Change]:
    return interpret(before, after, knowing(state, **fields))


def the_change(
    state: State, credential: Credential | Secret, before: Credential | None = None, **fields: Any
) -> Change:
    """Return what a new credential in our provider's slot means; there is one meaning."""
    was = before or (active.credential if (active := state.active(ACME)) else None)
    content = {} if was is None else contents(acme=was)
    (change,) = changes(state, content, contents(acme=credential), **fields)
    return change


def compact(credential: Credential) -> Credential:
    """Return the same credential as other programs lay it out."""
    text = "".join(line.strip() for line in credential.entry.reveal().splitlines())
    return replace(credential, entry=Secret(text))


# -- nothing -------------------------------------------------------------------------------


def test_what_is_known_and_active_means_nothing() -> None:
    content = contents(acme=A.credential)

    assert changes(a_state(A, active=A), content, content) == []


def test_an_active_credential_that_appears_again_means_nothing() -> None:
    assert changes(a_state(A, active=A), {}, contents(acme=A.credential)) == []


def test_another_layout_of_the_same_login_means_nothing() -> None:
    after = contents(acme=compact(A.credential))

    assert changes(a_state(A, active=A), contents(acme=A.credential), after) == []


# -- login ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credential", [api("new"), oauth("new"), wellknown("new")], ids=lambda c: c.type
)
def test_an_unknown_credential_is_a_login(credential: Credential) -> None:
    change = the_change(a_state(A, active=A), credential)

    assert change == Login(ACME, credential, Identity())


def test_a_login_into_an_empty_slot_is_a_login() -> None:
    assert the_change(a_state(), api("new")) == Login(ACME, api("new"), Identity())


def test_a_credential_that_nobody_saved_yet_is_a_login_though_it_did_not_change() -> None:
    content = contents(acme=api("new"))

    assert changes(a_state(), content, content) == [Login(ACME, api("new"), Identity())]


def test_a_login_says_who_it_is() -> None:
    who = Identity("key", "ada@example.com", "plus")

    change = the_change(
        a_state(),
        oauth("new"),
        identify=lambda provider, credential: (
            who if (provider, credential.type) == (ACME, "oauth") else Identity()
        ),
    )

    assert change == Login(ACME, oauth("new"), who)


def test_the_credential_of_an_account_that_is_not_active_is_a_login() -> None:
    change = the_change(a_state(A, B, active=A), B.credential)

    assert change == Login(ACME, B.credential, Identity(), B, fresh=False)


@pytest.mark.parametrize(
    "b",
    [
        pytest.param(an_account("b", disabled="by you"), id="disabled"),
        pytest.param(an_account("b", rejected="dead"), id="rejected"),
        pytest.param(an_account("b", limit=a_limit()), id="cooling"),
    ],
)
def test_a_login_is_the_user_s_choice_whatever_the_account_s_state(b: Account) -> None:
    change = the_change(a_state(A, b, active=A), b.credential)

    assert change == Login(ACME, b.credential, Identity(), b, fresh=False)


def test_a_login_after_a_logout_is_a_login_of_the_same_account() -> None:
    """Case 13: the same account is logged in again under its old alias, not a second one."""
    a = replace(A, disabled="logged out in opencode")

    change = the_change(a_state(a), a.credential)

    assert change == Login(ACME, a.credential, Identity(), a, fresh=False)


def test_several_logins_in_one_write_are_told_in_the_file_s_order() -> None:
    after = contents(zeta=api("z"), acme=api("a"), beta=wellknown("b"))

    found = changes(a_state(), {}, after)

    assert [change.provider for change in found] == ["zeta", "acme", "beta"]


def test_an_account_s_change_leaves_other_providers_alone() -> None:
    """Case 9: a refresh of one provider's login does not touch another one's slot."""
    other = an_account("o", oauth("o"), "zeta")
    state = a_state(A, active=A)
    state = replace(
        with_slot(state, "zeta", active=other.id),
        accounts=(A, other),
        digests={**state.digests, ("zeta", oauth("o").digest): other.id},
    )
    before = contents(acme=A.credential, zeta=oauth("o"))

    found = changes(
        state, before, contents(acme=A.credential, zeta=oauth("o", access="NEW-CANARY"))
    )

    assert [type(change) for change in found] == [Login]
    assert [change.provider for change in found] == ["zeta"]


# -- refresh -------------------------------------------------------------------------------


def test_the_active_account_s_new_tokens_are_a_refresh() -> None:
    """Case 23: the fresh tokens of auth.json win over the saved ones."""
    a = an_account("a", oauth("a", refresh=DRAWN))
    new = oauth("a", 2, refresh=DRAWN)

    assert the_change(a_state(a, active=a), new) == Refresh(ACME, new, Identity(), a)


def test_a_refresh_is_found_though_the_content_did_not_change() -> None:
    a = an_account("a", oauth("a", refresh=DRAWN))
    new = oauth("a", 2, refresh=DRAWN)

    found = changes(a_state(a, active=a), contents(acme=new), contents(acme=new))

    assert found == [Refresh(ACME, new, Identity(), a)]


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(oauth("a", expires_at=NOW + 2 * HOUR), id="expires"),
        pytest.param(oauth("a", accountId="acct"), id="accountId"),
        pytest.param(oauth("a", scope="all"), id="a plug-in's field"),
    ],
)
def test_a_new_field_of_the_same_tokens_is_a_refresh(new: Credential) -> None:
    a = an_account("a", oauth("a"))

    assert the_change(a_state(a, active=a), new) == Refresh(ACME, new, Identity(), a)


def test_an_older_copy_of_the_active_login_is_stale() -> None:
    """Case 49: after a refresh the older pair is never written back."""
    a = an_account("a", oauth("a", 2))
    state = a_state(a, active=a, older=[(a, oauth("a", 1))])

    change = the_change(state, oauth("a", 1))

    assert change == Refresh(ACME, oauth("a", 1), Identity(), a, stale=True)


def test_an_older_copy_of_another_login_is_a_login_that_takes_the_newest_tokens() -> None:
    """Case 16: an activated account gets its current credential, not an old copy."""
    b = an_account("b", oauth("b", 2))
    state = a_state(A, b, active=A, older=[(b, oauth("b", 1))])

    change = the_change(state, oauth("b", 1))

    assert change == Login(ACME, oauth("b", 1), Identity(), b, fresh=False, stale=True)


# -- logout, wipe, gone --------------------------------------------------------------------


def test_an_entry_that_goes_while_all_others_stay_is_a_logout() -> None:
    before = contents(acme=A.credential, zeta=ZETA)

    found = changes(a_state(A, active=A), before, contents(zeta=ZETA))

    assert Logout(ACME, A) in found
    assert not [c for c in found if isinstance(c, Wipe | Gone)]


def test_the_last_entry_may_be_logged_out_too() -> None:
    assert changes(a_state(A, active=A), contents(acme=A.credential), {}) == [Logout(ACME, A)]


def test_several_entries_that_go_while_nothing_else_changes_are_logouts() -> None:
    z = an_account("z", provider="zeta")
    state = replace(with_slot(a_state(A, active=A), "zeta", active=z.id), accounts=(A, z))

    found = changes(state, contents(acme=A.credential, zeta=z.credential), {})

    assert found == [Logout(ACME, A), Logout("zeta", z)]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(compact(ZETA), id="another layout"),
        pytest.param(an_entry(key="KEY-CANARY-zeta", type="api"), id="another order"),
    ],
)
def test_a_logout_that_lays_other_entries_out_anew_is_a_logout(after: Credential | Secret) -> None:
    before = contents(acme=A.credential, zeta=ZETA)

    found = changes(a_state(A, active=A), before, contents(zeta=after))

    assert Logout(ACME, A) in found


def test_a_logout_that_drops_an_unknown_field_of_another_entry_is_a_logout() -> None:
    """Opencode drops what its schema does not know whenever it writes."""
    before = contents(acme=A.credential, zeta=api("zeta", note="of a plug-in"))

    assert Logout(ACME, A) in changes(a_state(A, active=A), before, contents(zeta=ZETA))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(api("zeta-2"), id="another key"),
        pytest.param(api("zeta", metadata={"host": "z"}), id="other metadata"),
        pytest.param(wellknown("zeta"), id="another type"),
        pytest.param(an_entry(type="api", key=7), id="no credential any more"),
    ],
)
def test_entries_that_go_while_another_one_changes_are_put_back(
    other: Credential | Secret,
) -> None:
    before = contents(acme=A.credential, zeta=ZETA)

    found = changes(a_state(A, active=A), before, contents(zeta=other))

    assert found[-1] == Wipe(ACME, A.credential.entry)
    assert not [c for c in found if isinstance(c, Logout | Gone)]


def test_a_well_known_entry_for_another_variable_has_changed() -> None:
    before = contents(acme=A.credential, zeta=wellknown("z", "ONE"))

    found = changes(a_state(A, active=A), before, contents(zeta=wellknown("z", "TWO")))

    assert found[-1] == Wipe(ACME, A.credential.entry)


def test_entries_that_go_while_a_new_one_comes_are_put_back() -> None:
    """An opencode that is given its logins by the environment writes only those."""
    before = contents(acme=A.credential)

    found = changes(a_state(A, active=A), before, contents(zeta=ZETA))

    assert found == [Login("zeta", ZETA, Identity()), Wipe(ACME, A.credential.entry)]


def test_a_wiped_entry_comes_back_with_the_tokens_that_its_account_has_by_now() -> None:
    """A late login is saved before auth.json is seen with it."""
    account = an_account("a", oauth("a", 2))
    before = contents(acme=oauth("a", 1), zeta=ZETA)

    found = changes(a_state(account, active=account), before, contents(zeta=api("zeta-2")))

    assert found[-1] == Wipe(ACME, account.credential.entry)


def test_a_wiped_entry_comes_back_even_if_no_account_holds_it() -> None:
    before = contents(acme=A.credential)

    found = changes(a_state(), before, contents(zeta=ZETA))

    assert Wipe(ACME, A.credential.entry) in found


def test_an_entry_that_opencode_cannot_read_is_not_put_back_again_and_again() -> None:
    before = contents(acme=an_entry(type="oauth", refresh=1), zeta=ZETA)

    found = changes(a_state(), before, contents(zeta=api("zeta-2")))

    assert [type(change) for change in found] == [Login, Dropped]


def test_a_wiped_entry_that_was_broken_comes_back_as_it_was_saved() -> None:
    before = contents(acme=an_entry(type="api", key=1), zeta=ZETA)

    found = changes(a_state(A, active=A), before, contents(zeta=api("zeta-2")))

    assert found[-2] == Wipe(ACME, A.credential.entry)


def test_what_went_while_nobody_watched_may_be_either_and_is_left_alone() -> None:
    before = contents(acme=A.credential, zeta=ZETA)

    found = changes(a_state(A, active=A), before, contents(zeta=api("new")), watched=False)

    assert found[-1] == Gone(ACME, A)


def test_a_logout_while_nobody_watched_is_a_logout() -> None:
    before = contents(acme=A.credential)

    assert changes(a_state(A, active=A), before, {}, watched=False) == [Logout(ACME, A)]


@pytest.mark.parametrize("after", [{}, contents(zeta=ZETA)], ids=["alone", "with another"])
def test_what_nobody_held_can_go(after: dict[str, Secret]) -> None:
    found = changes(a_state(), contents(acme=api("x")), after, watched=False)

    assert [change for change in found if change.provider == ACME] == []


# -- revert --------------------------------------------------------------------------------


def swapped(
    *accounts: Account, ago: timedelta = SECOND, expired: bool = False, rounds: int = 0
) -> State:
    """Return the state after a swap from the first account to the second."""
    left, put = accounts[:2]
    entry = Digest(left.credential.entry.digest())
    mark = SwapMark(left.id, put.id, NOW - ago, entry, expired, rounds)
    return a_state(*accounts, active=put, swap=mark)


@pytest.mark.parametrize("ago", [timedelta(0), 30 * SECOND], ids=["at once", "half a minute"])
def test_the_bytes_from_before_a_swap_are_a_revert(ago: timedelta) -> None:
    change = the_change(swapped(A, B, ago=ago), A.credential)

    assert change == Revert(ACME, A.credential, Identity(), A, fresh=False, put=B, rounds=1)


def test_the_login_from_before_in_another_layout_is_a_revert() -> None:
    """An opencode lays out anew what somebody else wrote."""
    credential = compact(A.credential)

    change = the_change(swapped(A, B), credential)

    assert change == Revert(ACME, credential, Identity(), A, fresh=False, put=B, rounds=1)


def test_the_login_from_before_without_unknown_fields_is_a_revert() -> None:
    a = an_account("a", api("a", note="of a plug-in"))

    change = the_change(swapped(a, B), api("a"))

    assert isinstance(change, Revert)


def test_after_half_a_minute_it_is_the_user_s_choice() -> None:
    change = the_change(swapped(A, B, ago=31 * SECOND), A.credential)

    assert change == Login(ACME, A.credential, Identity(), A, fresh=False)


def test_a_third_account_is_the_user_s_choice() -> None:
    c = an_account("c")

    change = the_change(swapped(A, B, c), c.credential)

    assert change == Login(ACME, c.credential, Identity(), c, fresh=False)


def test_new_tokens_of_the_account_just_left_are_a_choice_while_the_old_ones_were_good() -> None:
    a = an_account("a", oauth("a"), identity_key="ada")

    change = the_change(swapped(a, B), oauth("a", 2), identify=lambda *_: Identity("ada"))

    assert change == Login(ACME, oauth("a", 2), Identity("ada"), a, proof=Proof.IDENTITY)


def test_a_refresh_that_was_under_way_at_the_swap_is_a_revert_with_new_tokens() -> None:
    a = an_account("a", oauth("a", expires_at=NOW - SECOND), identity_key="ada")

    change = the_change(
        swapped(a, B, expired=True), oauth("a", 2), identify=lambda *_: Identity("ada")
    )

    assert change == Revert(
        ACME, oauth("a", 2), Identity("ada"), a, fresh=True, put=B, rounds=1, proof=Proof.IDENTITY
    )


def test_an_older_copy_that_comes_back_is_not_saved_over_the_newer_one() -> None:
    """Case 49: a revert to spent tokens does not make them the account's tokens."""
    a = an_account("a", oauth("a", 2, expires_at=NOW - SECOND))
    state = swapped(a, B, expired=True)
    state = replace(
        state, digests={**state.digests, **a_state(a, older=[(a, oauth("a", 1))]).digests}
    )

    change = the_change(state, oauth("a", 1))

    assert change == Revert(ACME, oauth("a", 1), Identity(), a, fresh=False, put=B, rounds=1)


def test_a_revert_to_tokens_that_nobody_remembers_does_not_save_them() -> None:
    a = an_account("a", oauth("a", 99, expires_at=NOW - SECOND), identity_key="ada")
    backup = oauth("a", 1, expires_at=NOW - HOUR)

    change = the_change(swapped(a, B, expired=True), backup, identify=lambda *_: Identity("ada"))

    assert change == Revert(
        ACME, backup, Identity("ada"), a, fresh=False, put=B, rounds=1, proof=Proof.IDENTITY
    )


@pytest.mark.parametrize(
    ("text", "proof"),
    [
        ("DUMMY-KEY", Proof.SHARED),
        ("~/.acme/oauth_creds.json", Proof.SHARED),
        ("Managed by CLI", Proof.SHARED),
        ("REF-CANARY-v2", Proof.SHARED),
        ("gho16C7e42F292c", Proof.DESCENT),
        ("3f2b-8c1a-9d4e", Proof.DESCENT),
    ],
)
@pytest.mark.parametrize("half", ["refresh", "access"])
def test_a2_a_text_that_others_may_have_as_well_proves_nothing(
    text: str, proof: Proof, half: str
) -> None:
    one, other = (
        {"type": "oauth", "refresh": f"REF-{name}", "access": f"ACC-{name}", "expires": 0}
        for name in "ab"
    )
    a = an_account("a", parsed(**one | {half: text}))

    change = the_change(a_state(a, active=a), parsed(**other | {half: text}))

    assert isinstance(change, Refresh)
    assert change.proof is proof


@pytest.mark.parametrize(("rounds", "give_up"), [(0, False), (2, False), (3, True)])
def test_after_three_rounds_it_is_left_alone(rounds: int, *, give_up: bool) -> None:
    change = the_change(swapped(A, B, rounds=rounds), A.credential)

    assert isinstance(change, Revert)
    assert (change.rounds, change.give_up) == (rounds + 1, give_up)


def test_a_login_after_a_logout_is_no_revert() -> None:
    """The slot was left empty by the user: nobody fills it but the user."""
    state = with_slot(swapped(A, B), ACME, active=None)

    change = the_change(state, A.credential)

    assert change == Login(ACME, A.credential, Identity(), A, fresh=False)


def test_nothing_is_put_back_that_is_no_longer_there() -> None:
    state = swapped(A, B)

    change = the_change(replace(state, accounts=(A,)), A.credential, before=B.credential)

    assert change == Login(ACME, A.credential, Identity(), A, fresh=False)


def test_a_swap_out_of_an_empty_slot_cannot_be_undone() -> None:
    mark = SwapMark(None, B.id, NOW, None)

    change = the_change(a_state(A, B, active=B, swap=mark), A.credential)

    assert change == Login(ACME, A.credential, Identity(), A, fresh=False)


# -- a removed account ---------------------------------------------------------------------


def test_an_old_copy_of_the_file_does_not_bring_a_removed_account_back() -> None:
    state = a_state(B, active=B, removed=[A.credential])
    before = contents(acme=B.credential, zeta=ZETA)

    found = changes(state, before, contents(acme=A.credential, zeta=api("old")))

    assert Revived(ACME, B.credential.entry) in found
    assert ACME not in {change.provider for change in found if isinstance(change, Login)}


def test_the_entry_of_a_removed_account_goes_where_nobody_else_is_active() -> None:
    state = a_state(removed=[A.credential])

    found = changes(state, {}, contents(acme=A.credential, zeta=ZETA))

    assert Revived(ACME, None) in found


def test_a_later_real_login_with_the_same_key_does() -> None:
    state = a_state(B, active=B, removed=[A.credential])

    assert the_change(state, A.credential) == Login(ACME, A.credential, Identity())


def test_a_later_real_login_may_lay_other_entries_out_anew() -> None:
    state = a_state(B, active=B, removed=[A.credential])
    before = contents(acme=B.credential, zeta=compact(ZETA))

    found = changes(state, before, contents(acme=A.credential, zeta=ZETA))

    assert Login(ACME, A.credential, Identity()) in found


def test_a_later_real_login_may_lose_an_entry_that_opencode_cannot_read() -> None:
    state = a_state(B, active=B, removed=[A.credential])
    broken = an_entry(type="api", key=7)
    before = contents(acme=B.credential, zeta=broken)

    found = changes(state, before, contents(acme=A.credential))

    why = "the entry of zeta in auth.json is left out: key is not a text"
    assert found == [Login(ACME, A.credential, Identity()), Dropped("zeta", broken, why)]


def test_an_old_copy_that_lacks_another_login_is_an_old_copy() -> None:
    state = a_state(B, active=B, removed=[A.credential])
    before = contents(acme=B.credential, zeta=ZETA)

    found = changes(state, before, contents(acme=A.credential))

    assert found == [Revived(ACME, B.credential.entry), Wipe("zeta", ZETA.entry)]


def test_a_key_that_came_while_nobody_watched_may_be_a_real_login() -> None:
    """In doubt no login is lost: what is not saved is never taken out."""
    state = a_state(B, active=B, removed=[A.credential])
    before = contents(acme=B.credential, zeta=ZETA)

    found = changes(state, before, contents(acme=A.credential, zeta=api("new")), watched=False)

    assert Login(ACME, A.credential, Identity()) in found


@pytest.mark.parametrize("watched", [True, False])
def test_tokens_that_were_there_before_are_an_old_copy_even_when_they_come_alone(
    *, watched: bool
) -> None:
    """A real login brings new tokens."""
    state = a_state(B, active=B, removed=[oauth("a")])

    change = the_change(state, oauth("a"), watched=watched)

    assert change == Revived(ACME, B.credential.entry)


def test_new_tokens_are_a_real_login_even_if_half_of_them_was_known() -> None:
    state = a_state(B, active=B, removed=[oauth("a")])
    new = oauth("a", 2, refresh="REF-CANARY-a-1")

    assert the_change(state, new) == Login(ACME, new, Identity())


def test_an_empty_token_is_no_sign_of_a_removed_account() -> None:
    state = a_state(B, active=B, removed=[oauth("a", access="")])

    change = the_change(state, oauth("c", access=""))

    assert isinstance(change, Login)


def test_a_digest_of_another_provider_removes_nothing() -> None:
    state = replace(a_state(B, active=B), removed=frozenset({("zeta", A.credential.digest)}))
    before = contents(acme=B.credential, zeta=ZETA)

    found = changes(state, before, contents(acme=A.credential, zeta=api("new")))

    assert Login(ACME, A.credential, Identity()) in found


# -- entries that are no credentials -------------------------------------------------------


def test_a_bad_entry_is_told_once_and_stops_no_other() -> None:
    """Case 50: one corrupt entry leaves the other accounts working."""
    bad = an_entry(type="api", key=7)
    before = contents(acme=A.credential)

    found = changes(a_state(A, active=A), before, contents(acme=bad, zeta=ZETA))

    assert [type(change) for change in found] == [Unreadable, Login]
    assert "key is not a text" in found[0].why  # type: ignore[union-attr]


def test_a_bad_entry_that_stays_is_not_told_again() -> None:
    content = contents(acme=an_entry(type="api", key=7))

    assert changes(a_state(), content, content) == []


def test_a_bad_entry_of_the_active_account_is_no_logout() -> None:
    change = the_change(a_state(A, active=A), an_entry(type="api", key=7))

    assert isinstance(change, Unreadable)


def test_entries_with_odd_metadata_cost_only_themselves() -> None:
    """Case 7: an entry with metadata that is no text is left out, other providers work."""
    odd = an_entry(type="api", key="KEY-CANARY", metadata={"port": 7})

    found = changes(a_state(), {}, contents(acme=odd, zeta=ZETA))

    assert [type(change) for change in found] == [Unreadable, Login]


# -- rows that cannot be read --------------------------------------------------------------


def test_an_account_whose_row_is_broken_is_saved_anew() -> None:
    """Case 50: one corrupt row costs that account alone, and its login is in auth.json."""
    state = replace(a_state(A, active=A), accounts=())

    change = the_change(state, A.credential)

    assert change == Login(ACME, A.credential, Identity())


def test_a_slot_that_names_a_lost_account_is_like_an_empty_one() -> None:
    state = State(accounts=(A,), slots={ACME: Slot(ACME, AccountId("lost"))})

    assert changes(state, contents(acme=A.credential), {}) == []


def test_renaming_an_account_changes_nothing_about_whose_credential_it_is() -> None:
    """Case 18: alias renamed, active account and its credential follow."""
    state = with_account(a_state(A, active=A), A.id, alias="renamed")
    content = contents(acme=A.credential)

    assert changes(state, content, content) == []


@pytest.mark.parametrize(("ahead", "kind"), [(29 * SECOND, Revert), (5 * MINUTE, Login)])
def test_a_swap_of_a_clock_that_was_set_back_undoes_no_login_of_the_user(
    ahead: timedelta, kind: type[Change]
) -> None:
    """Case I5: what was a moment ago may be ahead by a moment, and by no more."""
    mark = SwapMark(A.id, B.id, NOW + ahead, Digest(A.credential.entry.digest()))

    change = the_change(a_state(A, B, active=B, swap=mark), A.credential)

    assert isinstance(change, kind)


def test_an_entry_whose_tokens_a_plug_in_has_cleared_is_a_logout() -> None:
    a = an_account("a", oauth("a"))
    blank = an_entry(type="oauth", refresh="", access="", expires=0)

    assert the_change(a_state(a, active=a), blank) == Logout(ACME, a)
    assert changes(a_state(a), contents(acme=a.credential), contents(acme=blank)) == []


def test_an_entry_that_was_cleared_before_is_not_logged_out_once_more() -> None:
    a = an_account("a", oauth("a"))
    blank = an_entry(type="oauth", refresh="", access="", expires=0)

    assert changes(a_state(a, active=a), contents(acme=blank), {}) == []


def test_what_came_from_the_tokens_just_left_is_a_revert_though_those_were_good() -> None:
    a, b = an_account("a", oauth("a")), an_account("b", oauth("b"))
    new = oauth("x", 2, expires_at=NOW + 2 * HOUR)
    to = tuple(secrets_of(new))
    step = Descent("d", NOW, is_login=False, came_from=secrets_of(oauth("a"))[0], to=to)

    change = the_change(swapped(a, b), new, descent=lambda digest: step if digest in to else None)

    assert isinstance(change, Revert)
    assert (change.account, change.fresh) == (a, True)


@pytest.mark.parametrize(("who", "is_login"), [(Identity("ada"), True), (Identity(), False)])
def test_a_login_that_a_bridge_saw_is_said_where_a_name_alone_says_whose_it_is(
    who: Identity, *, is_login: bool
) -> None:
    a = an_account("a", oauth("a"), identity_key=who.key)
    new = oauth("x", expires_at=NOW + 2 * HOUR)
    to = tuple(secrets_of(new))
    step = Descent("d", NOW, is_login=True, came_from=None, to=to)

    change = the_change(
        a_state(a),
        new,
        identify=lambda *_: who,
        descent=lambda digest: step if digest in to else None,
    )

    assert isinstance(change, Login)
    assert (change.account, change.is_login) == (a if is_login else None, is_login)


# -- a refresh that ends after its account has left ------------------------------------------------


def ended(state: State, new: Credential, *came_from: Credential, **fields: Any) -> Change:
    """Return what new tokens mean that a bridge saw come from others, the last ones first."""
    line = (new, *came_from)
    steps: dict[Digest, Descent] = {}
    for number, (after, before) in enumerate(zip(line, came_from, strict=False)):
        to = tuple(secrets_of(after))
        step = Descent(str(number), NOW, is_login=False, came_from=secrets_of(before)[0], to=to)
        steps |= dict.fromkeys(to, step)
    return the_change(state, new, descent=steps.get, **fields)


OLD, NEW, NEWEST = oauth("a"), oauth("a", 2), oauth("a", 3)
GONE, HERE = an_account("a", OLD), an_account("b", oauth("b"))


@pytest.mark.parametrize("came_from", [(OLD,), (NEW, OLD)], ids=["one", "two"])
def test_a_refresh_of_who_left_long_ago_is_saved_and_who_is_there_is_put_back(
    came_from: tuple[Credential, ...],
) -> None:
    change = ended(a_state(GONE, HERE, active=HERE), NEWEST, *came_from)

    assert change == Revert(ACME, NEWEST, Identity(), GONE, fresh=True, put=HERE, rounds=1)


@pytest.mark.parametrize(("ago", "rounds"), [(30 * SECOND, 3), (31 * SECOND, 1)])
def test_only_what_comes_at_once_again_is_another_round(ago: timedelta, rounds: int) -> None:
    change = ended(swapped(GONE, HERE, ago=ago, rounds=2), NEW, OLD)

    assert isinstance(change, Revert)
    assert change.rounds == rounds


def test_rounds_of_another_account_are_not_its_own() -> None:
    third = an_account("c")
    mark = SwapMark(third.id, HERE.id, NOW, None, rounds=2)

    change = ended(a_state(GONE, HERE, third, active=HERE, swap=mark), NEW, OLD)

    assert isinstance(change, Revert)
    assert change.rounds == 1


def test_an_older_end_that_nobody_has_seen_is_not_saved() -> None:
    newest = an_account("a", oauth("a", 3, expires_at=NOW + 2 * HOUR))
    state = a_state(newest, HERE, active=HERE, older=[(newest, OLD)])

    change = ended(state, NEW, OLD)

    assert change == Revert(ACME, NEW, Identity(), newest, fresh=False, put=HERE, rounds=1)


@pytest.mark.parametrize("is_known", [True, False])
def test_half_a_pair_that_is_known_is_a_refresh_all_the_same(*, is_known: bool) -> None:
    new = oauth("a", 2, refresh="REF-CANARY-a-1", note="of a plug-in")
    kept = an_account("a", oauth("a", 2, refresh="REF-CANARY-a-1")) if is_known else GONE

    change = ended(a_state(kept, HERE, active=HERE), new, OLD)

    assert isinstance(change, Login if is_known else Revert)


def test_the_very_tokens_that_an_account_has_are_put_in_by_somebody() -> None:
    kept = an_account("a", NEW)
    state = a_state(kept, HERE, active=HERE, older=[(kept, OLD)])

    assert ended(state, NEW, OLD) == Login(ACME, NEW, Identity(), kept, fresh=False)
    assert isinstance(ended(swapped(kept, HERE), NEW, OLD), Revert)


def test_an_older_pair_that_a_bridge_saw_undoes_a_swap_as_any_older_one() -> None:
    newest = an_account("a", NEWEST)
    state = swapped(newest, HERE)
    older = a_state(newest, older=[(newest, OLD), (newest, NEW)])

    change = ended(replace(state, digests={**state.digests, **older.digests}), NEW, OLD)

    assert change == Revert(ACME, NEW, Identity(), newest, fresh=False, put=HERE, rounds=1)


def left_empty(**last: Any) -> State:
    """Return the state with nobody in the slot, where the second account was."""
    here = replace(HERE, **last)
    return a_state(GONE, here, tenures=(Tenure(here.id, NOW - HOUR), Tenure(None, NOW - MINUTE)))


def test_after_a_logout_it_is_taken_out_again() -> None:
    change = ended(left_empty(disabled="logged out in opencode"), NEW, OLD)

    assert change == Revert(ACME, NEW, Identity(), GONE, fresh=True, put=None, rounds=1)


def test_what_comes_again_after_a_logout_is_taken_out_three_times() -> None:
    kept = an_account("a", NEW)
    mark = SwapMark(kept.id, None, NOW - SECOND, Digest(NEW.entry.digest()), rounds=3)

    change = the_change(a_state(kept, swap=mark), NEW)

    assert change == Revert(ACME, NEW, Identity(), kept, fresh=False, put=None, rounds=4)
    assert change.give_up


@pytest.mark.parametrize(
    "state",
    [left_empty(), a_state(GONE, HERE), replace(left_empty(disabled="x"), accounts=(GONE,))],
    ids=["its entry got lost", "nobody ever was there", "who was there was removed"],
)
def test_in_a_slot_that_nobody_wants_empty_it_is_live(state: State) -> None:
    change = ended(state, NEW, OLD)

    assert change == Login(ACME, NEW, Identity(), GONE, is_refresh=True)


def test_one_that_is_disabled_comes_into_no_slot() -> None:
    gone = replace(GONE, disabled="disabled by you")

    change = ended(a_state(gone), NEW, OLD)

    assert change == Revert(ACME, NEW, Identity(), gone, fresh=True, put=None, rounds=1)


def test_a_slot_that_names_a_lost_account_is_filled() -> None:
    state = with_slot(a_state(GONE), ACME, active=AccountId("lost"))

    assert isinstance(ended(state, NEW, OLD), Login)


@pytest.mark.parametrize(
    ("spent_from", "disabled", "kind"),
    [
        (NOW, None, Login),
        (NOW + SECOND, None, Revert),
        (NOW, "disabled by you", Revert),
    ],
)
def test_nobody_is_put_back_with_a_token_that_somebody_else_has_exchanged(
    spent_from: datetime, disabled: str | None, kind: type[Change]
) -> None:
    here, gone = replace(HERE, spent_from=spent_from), replace(GONE, disabled=disabled)

    assert isinstance(ended(a_state(gone, here, active=here), NEW, OLD), kind)


@pytest.mark.parametrize(
    ("new", "who", "is_login"),
    [
        (oauth("x"), "ada", True),
        (oauth("x", refresh="REF-CANARY-16C7e42F292c"), None, True),
        (oauth("x", refresh="REF-CANARY-shared"), None, False),
    ],
    ids=["the owner", "a secret", "a text that others may have"],
)
def test_a_login_of_the_live_one_is_told_from_a_refresh(
    new: Credential, who: str | None, *, is_login: bool
) -> None:
    refresh = new.refresh.reveal() if new.refresh and who is None else "REF-CANARY-y"
    a = an_account("a", oauth("y", refresh=refresh), identity_key=who)
    to = tuple(secrets_of(new))
    step = Descent("d", NOW, is_login=True, came_from=None, to=to)

    change = the_change(
        a_state(a, active=a),
        new,
        identify=lambda *_: Identity(who),
        descent=lambda digest: step if digest in to else None,
    )

    assert isinstance(change, Refresh)
    assert (change.account, change.is_login) == (a, is_login)


@pytest.mark.parametrize(
    ("of_older", "by_login", "is_known", "ends_older"),
    [
        (True, False, False, True),
        (False, False, False, False),
        (True, True, False, False),
        (True, False, True, False),
    ],
)
def test_a_refresh_of_tokens_whose_place_a_login_took_ends_an_older_one(
    of_older: bool,  # noqa: FBT001  # a table's column
    by_login: bool,  # noqa: FBT001  # likewise
    is_known: bool,  # noqa: FBT001  # likewise
    ends_older: bool,  # noqa: FBT001  # likewise
) -> None:
    first, taken = oauth("a", 1), oauth("b", 1)
    new = oauth("c", 2, expires_at=NOW + 2 * HOUR)
    a = an_account("a", taken, unproven=True)
    state = a_state(a, active=a, older=[(a, first), *([(a, new)] if is_known else [])])
    replaced = {a.id: (Replaced(7, first, NOW - HOUR),)} if of_older else {}
    to = tuple(secrets_of(new))
    came_from = None if by_login else secrets_of(first)[0]
    step = Descent("d", NOW, is_login=by_login, came_from=came_from, to=to)

    found = changes(
        replace(state, replaced=replaced),
        contents(acme=taken),
        contents(acme=new),
        descent=lambda digest: step if digest in to else None,
    )

    assert [c.ends_older if isinstance(c, Refresh) else False for c in found] == [ends_older]
