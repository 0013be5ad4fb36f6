"""What becomes of the accounts when a store is damaged: tables of a copy and of what is left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import pytest

from rotator.core.logins.store_merge import (
    Key,
    MergedStore,
    Row,
    StoreContents,
    merge_stores,
    replaced_of,
)

NOW = "2026-11-22T12:00:00.000Z"
THEN = "2026-11-22T11:00:00.000Z"


def key(name: str, provider: str = "acme") -> Key:
    return (provider, f"digest of {name}")


def contents(
    accounts: Mapping[str, str] | None = None,
    *,
    digests: Iterable[tuple[str, str]] = (),
    removed: Iterable[str] = (),
    unreadable: Collection[str] = (),
    whole: bool = True,
) -> StoreContents:
    """Return accounts (id: its secret) with the digests of these and of older secrets."""
    held = dict(accounts or {})
    current = {account: secret for account, secret in held.items() if account not in unreadable}
    noted = {secret: account for account, secret in current.items()} if whole else {}
    known = dict(digests) | noted
    return StoreContents(
        accounts={account: row(account, secret) for account, secret in held.items()},
        current={account: frozenset({key(secret)}) for account, secret in current.items()},
        digests={key(s): digest(s, i) for s, i in known.items()},
        removed={key(s): {"provider": "acme", "digest": key(s)[1]} for s in removed},
        whole=whole,
    )


def row(account: str, secret: str, alias: str | None = None) -> Row:
    return {"id": account, "provider": "acme", "alias": alias or account, "entry": secret}


def digest(secret: str, account: str, seen_at: str = THEN) -> Row:
    provider, text = key(secret)
    return {"provider": provider, "digest": text, "account": account, "seen_at": seen_at}


def held(joined: MergedStore) -> dict[str, str]:
    """Return what each account holds."""
    return {r["id"]: r["entry"] for r in joined.accounts}


def known(joined: MergedStore) -> dict[str, str]:
    """Return whose each digest is."""
    return {r["digest"].removeprefix("digest of "): r["account"] for r in joined.digests}


NOTHING = StoreContents()


@pytest.mark.parametrize(
    ("copy", "left", "accounts", "lost"),
    [
        pytest.param(
            contents({"a": "a1"}), NOTHING, {"a": "a1"}, (), id="nothing is left: the copy's"
        ),
        pytest.param(
            NOTHING, contents({"a": "a1"}), {"a": "a1"}, (), id="there is no copy: what is left"
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents({"a": "a2"}, digests=[("a1", "a")]),
            {"a": "a2"},
            (),
            id="what is left is newer than the copy",
        ),
        pytest.param(
            contents({"a": "a2"}, digests=[("a1", "a")]),
            contents({"a": "a1"}),
            {"a": "a2"},
            (),
            id="what is left is one that the copy knows as an older one",
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents({"a": "a1"}),
            {"a": "a1"},
            (),
            id="both hold the same",
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents({"a": "rot"}, unreadable=["a"], digests=[("a1", "a")]),
            {"a": "a1"},
            (),
            id="what is left cannot be understood",
        ),
        pytest.param(
            NOTHING,
            contents({"a": "rot"}, unreadable=["a"]),
            {"a": "rot"},
            (),
            id="what cannot be understood is kept where there is nothing else",
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents({"b": "b1"}, digests=[("a1", "a")]),
            {"a": "a1", "b": "b1"},
            (),
            id="one that only the copy has and one that came later",
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents(removed=["a1"]),
            {},
            (),
            id="one that was removed since",
        ),
        pytest.param(
            contents({"a": "a1", "b": "b1"}),
            contents({"b": "b1"}, digests=[("a1", "b")]),
            {"b": "b1"},
            (),
            id="one that was merged into another since",
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents(digests=[("a1", "b")]),
            {"a": "a1"},
            ("a login of acme",),
            id="one that was merged into another that is lost",
        ),
        pytest.param(
            contents({"a": "a1"}),
            contents(digests=[("a1", "a"), ("a2", "a")]),
            {"a": "a1"},
            ("newer tokens of acme/a",),
            id="newer tokens are lost",
        ),
        pytest.param(
            NOTHING,
            contents({"a": "a1"}, digests=[("b1", "b"), ("b2", "b"), ("c1", "c")]),
            {"a": "a1"},
            ("2 logins of acme",),
            id="only digests are left of two",
        ),
    ],
)
def test_every_account_gets_the_newest_credential_that_is_known(
    copy: StoreContents, left: StoreContents, accounts: dict[str, str], lost: tuple[str, ...]
) -> None:
    joined = merge_stores(copy, left, NOW)

    assert (held(joined), joined.lost) == (accounts, lost)


def test_a_credential_that_is_not_the_one_that_was_written_is_not_taken() -> None:
    """A bit of it has changed on the disk: it is none that was ever written down."""
    left = StoreContents(
        accounts={"a": row("a", "a1 with a wrong bit")},
        current={"a": frozenset({key("a1 with a wrong bit")})},
        digests={key("a1"): digest("a1", "a")},
        whole=True,
    )

    assert held(merge_stores(contents({"a": "a1"}), left, NOW)) == {"a": "a1"}


def test_where_digests_are_missing_what_is_left_is_taken_at_its_word() -> None:
    left = contents({"a": "a2"}, whole=False)

    joined = merge_stores(contents({"a": "a1"}), left, NOW)

    assert held(joined) == {"a": "a2"}
    assert known(joined) == {"a1": "a", "a2": "a"}
    assert {r["provider"] for r in joined.digests} == {"acme"}
    assert {r["digest"]: r["seen_at"] for r in joined.digests} == {
        "digest of a1": THEN,
        "digest of a2": NOW,
    }


def test_tokens_that_are_lost_are_not_known_so_that_they_are_not_taken_for_older_ones() -> None:
    """They may well stand in auth.json, and are the account's newest then."""
    left = contents(digests=[("a1", "a"), ("a2", "a")])

    assert known(merge_stores(contents({"a": "a1"}), left, NOW)) == {"a1": "a"}


def test_a_digest_that_changed_its_owner_is_the_later_one_s() -> None:
    copy = contents({"a": "a1", "b": "b1"}, digests=[("old", "a")])
    left = contents({"b": "b1"}, digests=[("old", "b")])

    assert known(merge_stores(copy, left, NOW)) == {"a1": "a", "b1": "b", "old": "b"}


def test_what_was_removed_stays_known_unless_somebody_has_it_again() -> None:
    copy = contents({"a": "a1"}, removed=["x"])
    left = contents({"a": "a1"}, removed=["y", "a1"])

    joined = merge_stores(copy, left, NOW)

    assert {r["digest"] for r in joined.removed} == {"digest of x", "digest of y"}


def test_two_accounts_never_have_one_name() -> None:
    copy = StoreContents(
        accounts={"a": row("a", "a1", "home"), "b": {**row("b", "b1", "home"), "provider": "zeta"}},
        current={"a": frozenset({key("a1")}), "b": frozenset({key("b1", "zeta")})},
    )
    left = StoreContents(
        accounts={"c": row("c", "c1", "home")}, current={"c": frozenset({key("c1")})}
    )

    names = [(r["id"], r["provider"], r["alias"]) for r in merge_stores(copy, left, NOW).accounts]

    assert names == [("c", "acme", "home"), ("a", "acme", "home-2"), ("b", "zeta", "home")]


def replaced(number: int, account: str, secret: str, at: str = THEN) -> Row:
    return {"number": number, "account": account, "entry": secret, "at": at}


def test_replaced_tokens_of_all_sources_are_kept_once_and_in_the_order_of_time() -> None:
    left = [replaced(7, "a", "second", "2026-11-22T12:00:00.000Z"), replaced(3, "a", "first")]
    copy = [replaced(1, "a", "first")]

    found = replaced_of([left, copy], [row("a", "third")])

    assert [(one["number"], one["entry"]) for one in found] == [(1, "first"), (2, "second")]


def test_tokens_in_use_and_those_of_an_account_that_is_gone_are_not_replaced_ones() -> None:
    rows = [replaced(1, "a", "third"), replaced(2, "gone", "first")]

    assert replaced_of([rows], [row("a", "third")]) == []


# -- rows that are not as they were written ------------------------------------------------------


def sealed(copy: StoreContents, seal: str = "s") -> StoreContents:
    """Let every row have a seal, which is right."""
    rows = {i: {**row, "seal": f"{seal} {i}"} for i, row in copy.accounts.items()}
    return replace(copy, accounts=rows, sealed=frozenset(rows))


def spoilt(account: str, secret: str, **more: str) -> Row:
    return {**row(account, secret), "seal": "wrong", **more}


COPY = sealed(contents({"a": "a1", "b": "b1"}))
LEFT_OF_B = contents({"b": "b1"}, digests=[("a1", "a")])


@pytest.mark.parametrize(
    ("copy", "left", "accounts", "lost"),
    [
        pytest.param(
            COPY,
            replace(sealed(LEFT_OF_B), spoilt=(spoilt("a", "x1", seal="s a"),)),
            {"a": "a1", "b": "b1"},
            (),
            id="it was written as the copy has it: nothing is lost",
        ),
        pytest.param(
            COPY,
            replace(sealed(LEFT_OF_B), spoilt=(spoilt("x", "a1", seal="s a", alias="x"),)),
            {"a": "a1", "b": "b1"},
            (),
            id="its id is what changed: its seal tells whose it is",
        ),
        pytest.param(
            COPY,
            replace(sealed(LEFT_OF_B), spoilt=(spoilt("a", "x1", seal="s a"), spoilt("a", "x1"))),
            {"a": "a1", "b": "b1"},
            (),
            id="one of two that tell of it was written as the copy has it",
        ),
        pytest.param(
            COPY,
            replace(sealed(LEFT_OF_B), spoilt=(spoilt("a", "x1"),)),
            {"a": "a1", "b": "b1"},
            ("perhaps what was noted last of acme/a",),
            id="it may have been newer than the copy",
        ),
        pytest.param(
            COPY,
            replace(sealed(LEFT_OF_B), spoilt=(spoilt("a", "a1", alias="aa"),)),
            {"a": "a1", "b": "b1"},
            ("perhaps what was noted last of acme/a",),
            id="another value than the copy's: one of the two",
        ),
        pytest.param(
            COPY,
            replace(sealed(LEFT_OF_B), spoilt=(row("a", "a1"),)),
            {"a": "a1", "b": "b1"},
            (),
            id="its seal alone is gone: it is the copy's in every value",
        ),
        pytest.param(
            COPY,
            replace(
                sealed(contents({"b": "b1"}, digests=[("a1", "a"), ("a2", "a")])),
                spoilt=(spoilt("a", "x1"),),
            ),
            {"a": "a1", "b": "b1"},
            ("newer tokens of acme/a",),
            id="its newer tokens are known to be lost",
        ),
        pytest.param(
            NOTHING,
            replace(sealed(LEFT_OF_B), spoilt=(spoilt("a", "x1", alias="work"),)),
            {"b": "b1"},
            ("acme/work",),
            id="nobody else has it: it is named, once",
        ),
        pytest.param(
            NOTHING,
            replace(sealed(LEFT_OF_B), traces=({"id": "a", "provider": "acme", "alias": "w"},)),
            {"b": "b1"},
            ("acme/w",),
            id="an index names what cannot be read",
        ),
        pytest.param(
            NOTHING,
            replace(sealed(LEFT_OF_B), traces=({"id": "a", "provider": "acme", "alias": "b"},)),
            {"b": "b1"},
            ("acme/b",),
            id="an index names another account that has the name by now",
        ),
        pytest.param(
            NOTHING,
            replace(sealed(LEFT_OF_B), traces=({"id": "a"},)),
            {"b": "b1"},
            ("a login of acme",),
            id="an index has its id alone",
        ),
        pytest.param(
            NOTHING,
            replace(LEFT_OF_B, spoilt=(spoilt("b", "b1"),)),
            {"b": "b1"},
            ("perhaps what was noted last of acme/b", "a login of acme"),
            id="its secrets are the noted ones: the login is good",
        ),
        pytest.param(
            COPY,
            replace(contents({"a": "a1", "b": "b1"}), spoilt=(spoilt("b", "b1", alias="bb"),)),
            {"a": "a1", "b": "b1"},
            ("perhaps what was noted last of acme/b",),
            id="a sound row goes before one whose secrets alone are",
        ),
        pytest.param(
            COPY,
            sealed(contents({"a": "a2", "b": "b1"}, digests=[("a1", "a")], whole=True)),
            {"a": "a2", "b": "b1"},
            (),
            id="what is left is newer and sealed",
        ),
        pytest.param(
            COPY,
            replace(sealed(contents({"a": "a2", "b": "b1"})), digests={}),
            {"a": "a2", "b": "b1"},
            (),
            id="a seal needs no digests beside it",
        ),
    ],
)
def test_what_becomes_of_rows_that_are_not_as_they_were_written(
    copy: StoreContents, left: StoreContents, accounts: dict[str, str], lost: tuple[str, ...]
) -> None:
    """Case I2."""
    joined = merge_stores(copy, left, NOW)

    assert held(joined) == accounts
    assert joined.lost == lost


def test_a_row_of_which_the_secrets_alone_are_sound_is_the_copys_where_that_has_them() -> None:
    left = replace(contents({"b": "b1"}), spoilt=(spoilt("b", "b1", alias="bb"),))

    found = {one["id"]: one for one in merge_stores(COPY, left, NOW).accounts}

    assert found["b"] == COPY.accounts["b"]


def test_a_row_of_which_not_all_can_be_read_is_not_the_copys() -> None:
    torn = {"id": "a", "provider": "acme"}
    left = replace(sealed(LEFT_OF_B), spoilt=(torn,))

    assert merge_stores(COPY, left, NOW).lost == ("perhaps what was noted last of acme/a",)


def test_an_account_of_which_something_is_lost_is_named_as_it_is_called_now() -> None:
    left = sealed(contents({"b": "b1"}, digests=[("a1", "a")]))
    renamed = {"b": {**left.accounts["b"], "alias": "a"}}
    left = replace(left, accounts=renamed, spoilt=(spoilt("a", "x1", alias="a"),))

    joined = merge_stores(COPY, left, NOW)

    assert joined.lost == ("perhaps what was noted last of acme/a-2",)


def test_what_is_left_of_a_login_the_copy_knows_it_is_the_copys() -> None:
    """It is one of the copy's older ones, and the only one that the copy knows."""
    copy = replace(contents({"a": "a2"}), digests={key("a1"): digest("a1", "a")})

    assert held(merge_stores(copy, contents({"a": "a1"}), NOW)) == {"a": "a2"}


def test_an_account_is_gone_if_one_of_its_secrets_was_removed() -> None:
    both = frozenset({key("a1"), key("a2")})
    copy = replace(contents({"a": "a1"}), current={"a": both})

    assert held(merge_stores(copy, contents(removed=["a2"]), NOW)) == {}


def test_what_is_left_is_newer_though_nothing_older_is_noted() -> None:
    assert held(merge_stores(contents({"a": "a1"}), contents({"a": "a2"}), NOW)) == {"a": "a2"}


@pytest.mark.parametrize(
    ("copy", "trace", "lost"),
    [
        pytest.param(
            NOTHING, {"id": "a", "provider": "acme"}, "a login of acme", id="half a name is none"
        ),
        pytest.param(
            COPY,
            {"provider": "acme", "alias": "a"},
            "perhaps what was noted last of acme/a",
            id="a name tells whose it is",
        ),
    ],
)
def test_what_is_left_of_an_index_tells_what_may_be_lost(
    copy: StoreContents, trace: Row, lost: str
) -> None:
    assert merge_stores(copy, replace(sealed(LEFT_OF_B), traces=(trace,)), NOW).lost == (lost,)


def test_of_what_nothing_is_said_rows_may_be_missing() -> None:
    assert not NOTHING.whole


def test_the_login_of_an_account_that_was_joined_to_an_older_one_stays_known() -> None:
    copy = contents({"a": "a1", "b": "b1"}, digests=[("a0", "a")])
    # `b` has become `a`, which has its older login; nobody has what came from `c`.
    left = contents({"a": "a0"}, digests=[("b1", "a"), ("a1", "c")])

    joined = merge_stores(copy, left, NOW)

    assert held(joined) == {"a": "a1"}
    assert known(joined)["b1"] == "a"
