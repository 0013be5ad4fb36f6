"""What a person does to accounts where OpenCode 2 keeps logins, too: each home is taken care of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.core.selection.explain import explain, sentences
from rotator.errors import LiveFileError, NothingToRotateTo
from rotator.model import EventKind, HomeName
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.database.home import DatabaseHome
from rotator.secret import Secret
from rotator.services.accounts import Done, add, disable, merge, remove
from rotator.services.rotate import plan_rotation, rotate
from tests.support.both_places import Both, open_both, tokens
from tests.support.live import Entry, api, oauth
from tests.support.opencode2_table import key

FILE, DATABASE = HomeName.AUTH_FILE, HomeName.DATABASE


@pytest.fixture
def both(home: Path) -> Iterator[Both]:
    with open_both(home) as answer:
        yield answer


def added(both: Both, provider: str, entry: Entry, *, activate: bool = False) -> Done:
    credential = parse_entry(provider, Secret(json.dumps(entry)))
    return add(both.live.context, provider, credential, alias="new", activate=activate)


def live(done: Done) -> dict[str, str | None]:
    return {home.value: alias for home, alias in done.live_in.items()}


# -- disable, remove -----------------------------------------------------------------------


def test_who_is_active_is_told_of_each_home(both: Both) -> None:
    both.live.sees({"acme": api("file")})
    both.log_in("acme", key("a"), "a")
    both.log_in("acme", key("b"), "b")

    done = disable(both.live.context, both.live.account("acme/b"))

    assert done.live == "acme-1"
    assert live(done) == {"auth.json": "acme-1", "opencode.db": "a"}
    assert both.active("acme") == "a"


def test_the_last_one_that_is_disabled_stays_where_it_is_and_that_is_said(both: Both) -> None:
    both.log_in("acme", key("a"), "a")

    done = disable(both.live.context, both.live.account("acme/a"))

    assert live(done) == {"opencode.db": "a"}
    there = "in opencode.db"
    assert (
        done.note == f"a stays live {there}: no other account of acme is ready to be live {there}"
    )


def test_who_is_active_in_both_leaves_both(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.log_in("acme", key("b"), "b")
    both.log_in("acme", key("a"), "a")

    done = disable(both.live.context, both.live.account("acme/acme-1"))

    assert live(done) == {"auth.json": "b", "opencode.db": "b"}
    assert both.live.entries() == {"acme": api("b")}


def test_where_the_table_cannot_be_switched_an_account_is_disabled_and_that_is_said(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.log_in("acme", key("a"), "a")
    both.log_in("acme", key("b"), "b")

    def refuse(_home: DatabaseHome, _slot: str) -> bool:
        message = "two servers run"
        raise LiveFileError(message)

    monkeypatch.setattr(DatabaseHome, "activate", refuse)
    done = disable(both.live.context, both.live.account("acme/b"))

    assert both.live.account("acme/b").disabled is not None
    assert live(done) == {"opencode.db": "b"}
    assert done.note == (
        "b stays live in opencode.db until it can be swapped out: two servers run;"
        " rotator rotate acme does it then"
    )


def test_who_stands_in_a_table_that_cannot_be_read_is_not_removed(both: Both) -> None:
    both.log_in("acme", key("a"), "a")
    both.log_in("acme", key("b"), "b")
    both.table.close()
    path = both.live.paths.opencode_database
    whole = path.read_bytes()
    path.write_bytes(b"no database" * 1000)

    with pytest.raises(LiveFileError):
        remove(both.live.context, both.live.account("acme/a"))
    there = both.live.account("acme/a").alias
    path.write_bytes(whole)
    remove(both.live.context, both.live.account("acme/a"))

    assert there == "a"
    assert [value["key"] for value in both.table.values().values()] == [key("b")["key"]]


def test_who_stood_in_a_table_that_is_gone_can_be_removed(both: Both) -> None:
    both.log_in("acme", key("a"), "a")
    both.table.close()
    both.live.paths.opencode_database.unlink()

    remove(both.live.context, both.live.account("acme/a"))

    assert both.live.state.of("acme") == ()


def test_who_is_removed_leaves_each_home_and_nobody_has_logged_out(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.log_in("acme", key("b"), "b")
    both.log_in("acme", key("a"), "a")

    done = remove(both.live.context, both.live.account("acme/acme-1"))
    both.look()
    both.live.look()

    assert live(done) == {"auth.json": "b", "opencode.db": "b"}
    assert [value["key"] for value in both.table.values().values()] == ["KEY-CANARY-b"]
    assert EventKind.LOGGED_OUT not in both.live.kinds()


# -- add -----------------------------------------------------------------------------------


def test_a_key_that_is_to_be_live_goes_where_its_provider_is_used(both: Both) -> None:
    both.log_in("acme", key("a"), "a")

    done = added(both, "acme", api("b"), activate=True)

    assert live(done) == {"opencode.db": "new"}
    assert both.active("acme") == "new"
    assert not both.live.paths.auth_file.exists()


def test_a_key_of_another_provider_goes_where_logins_are(both: Both) -> None:
    both.log_in("acme", key("a"), "a")

    done = added(both, "zeta", api("z"))

    assert live(done) == {"opencode.db": "new"}
    assert not both.live.paths.auth_file.exists()


def test_a_key_of_another_provider_goes_into_both_homes_that_are_used(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.log_in("acme", key("a"), "a")

    done = added(both, "zeta", api("z"))

    assert live(done) == {"auth.json": "new", "opencode.db": "new"}
    assert both.live.entries() == {"acme": api("a"), "zeta": api("z")}


def test_tokens_that_are_added_go_into_one_home_alone(both: Both) -> None:
    both.live.sees({"acme": api("a")})
    both.log_in("acme", key("a"), "a")

    done = added(both, "named", oauth("ada"))

    assert live(done) == {"auth.json": "new"}
    assert both.table.active("named") is None


# -- merge ---------------------------------------------------------------------------------


def dead_and_good(both: Both) -> None:
    """Log two in whose accounts at the vendor differ; the active one is dead."""
    for name in ("ada", "bob"):
        both.log_in("acme", {**tokens(name), "metadata": {"accountID": f"acct-{name}"}}, name)
    both.live.context.store.set_rejected(both.live.account("acme/bob").id, "it was revoked")


def merge_them(both: Both) -> Done:
    account = both.live.account
    return merge(both.live.context, account("acme/ada"), account("acme/bob"))


def test_after_a_merge_the_login_that_works_is_the_active_one(both: Both) -> None:
    dead_and_good(both)

    done = merge_them(both)

    assert live(done) == {"opencode.db": "ada"}
    slot = both.table.active("acme")
    assert slot is not None
    assert both.table.values()[slot]["metadata"] == {"accountID": "acct-ada"}
    assert both.refresh_token(slot) == "REF-CANARY-ada-1"


def test_a_login_that_stood_nowhere_is_put_into_the_table_by_a_merge(both: Both) -> None:
    dead_and_good(both)
    both.table.log_out("cred_0001")
    both.look(watched=False)

    merge_them(both)

    slot = both.table.active("acme")
    assert slot is not None
    assert slot not in {"cred_0001", "cred_0002"}
    assert both.refresh_token(slot) == "REF-CANARY-ada-1"


def test_where_the_table_cannot_be_switched_a_merge_says_so(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_and_good(both)

    def refuse(_home: DatabaseHome, _slot: str) -> bool:
        message = "two servers run"
        raise LiveFileError(message)

    before = both.table.values()
    monkeypatch.setattr(DatabaseHome, "activate", refuse)
    done = merge_them(both)

    assert done.note is not None
    assert "opencode.db goes on with what it has: two servers run" in done.note
    assert both.table.values() == before


# -- rotate, explain -----------------------------------------------------------------------


def test_a_rotation_that_one_home_refuses_is_made_in_the_other_and_that_is_said(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.live.sees({"acme": api("a")})
    both.log_in("acme", key("b"), "b")

    def refuse(_home: DatabaseHome, _slot: str) -> bool:
        message = "two servers run"
        raise LiveFileError(message)

    monkeypatch.setattr(DatabaseHome, "activate", refuse)
    plan = plan_rotation(both.live.state, "acme", "acme-1", both.live.clock.now)
    done = rotate(both.live.context, plan)

    assert done.homes == (FILE,)
    assert done.obstacle == "opencode.db goes on with what it has: two servers run"


def test_where_those_who_are_ready_may_not_stand_that_is_said(both: Both) -> None:
    both.live.sees({"acme": oauth("x")})
    both.log_in("acme", tokens("c"), "c")

    with pytest.raises(NothingToRotateTo) as caught:
        plan_rotation(both.live.state, "acme", None, both.live.clock.now)

    assert caught.value.message == (
        "no other account of acme is for auth.json; no other account of acme is for opencode.db"
    )


def test_who_would_take_over_is_told_of_each_home(both: Both) -> None:
    both.live.sees({"acme": oauth("x")})
    both.log_in("acme", tokens("c"), "c")
    both.log_in("acme", tokens("d"), "d")

    lines = sentences(explain(both.live.state, "acme", None, both.live.clock.now))

    assert lines[1:] == (
        "* acme-1 is ready",
        "  c is ready",
        "* d is ready",
        "if acme-1 is refused in auth.json: nobody (no other account of acme is for auth.json)",
        "if d is refused in opencode.db: c (c is ready)",
    )


def test_a_strategy_s_wish_is_told_of_the_home_that_it_is_for(both: Both) -> None:
    both.log_in("acme", key("c"), "c")

    told = explain(both.live.state, "acme", None, both.live.clock.now)

    assert [outlook.home for outlook in told.outlooks] == [DATABASE]
    assert sentences(told)[-1] == "if the live one is refused: nobody (acme has no other account)"
