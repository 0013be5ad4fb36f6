"""What stands in an owner's place and is nobody, by its kind; and whoever is somebody."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.logins.nobody import is_placeholder, names_nobody, says_nobody

WORDS = (
    *("unknown", "NULL", "none", "undefined", "anonymous", "me", "NaN", "anon", "somebody"),
    *("user", "root", "admin", "id", "string", "other", "UnknownUser", "nouser", "notavailable"),
    *("Unknown User", "unknown-user", "user_unknown", "not available", "no one", "None None"),
    *("guest-user", "default-user", "service-account", "no_account", "not_found", "logged-out"),
    *("(null)", "n.n.", "not-a-user", "user-", "null@null", "user@localhost", "匿名用户", "未知"),
)
KINDS = (
    *("-", " ", "***", "?", "x", "n/a", "N/A", "aaaaaa"),
    *("[object Object]", "{{user_id}}", "${USER_ID}", "<user-id>", "<nil>", "%!s(<nil>)", "%s"),
    *("$USER", "%USERNAME%", "__USER__", ":id", "{id}", "$(whoami)"),
    *("auth0|undefined", "auth0|null", "google-oauth2|1", "auth0|", "auth0|[object Object]"),
    *("user-null", "user-undefined"),
)
NUMBERS = (
    *("0", "1", "-1", "42", "999", "0.0", "+7", "123456789", "1234567890", "1111111111"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    *("00000000-0000-0000-0000-000000000001", "12345678-1234-1234-1234-123456789012"),
    *("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"),
    *("01234567-89ab-cdef-0123-456789abcdef", "deadbeef-dead-beef-dead-beefdeadbeef"),
    *("3fa85f64-5717-4562-b3fc-2c963f66afa6", "123e4567-e89b-12d3-a456-426614174000"),
    *("550E8400-E29B-41D4-A716-446655440000", "507f1f77bcf86cd799439011"),
    "d41d8cd98f00b204e9800998ecf8427e",
)
COMPANIES = ("slack", "Discord", "ghost", "void", "apple", "microsoft", "test", "demo", "default")
SOMEBODY = (
    *(
        "ada",
        "jd",
        "acct-A",
        "team-b",
        "10000",
        "583231",
        "12345678",
        "aaaaa",
        "none-1",
        "user-1",
        "jennifer-null",
    ),
    *("ada@acme.example", "admin@corp.example", "null@mail.example", "李明", "nana", "Testa"),
    *("user-AbCd1234efGh", "org-abc123", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "wrk_01K2/usr_9Zx"),
    *("auth0|5f7c8ec7c33c6c004bbafe82", "google-oauth2|103547991597142817347"),
)


@pytest.mark.parametrize("owner", [*WORDS, *KINDS, *NUMBERS])
def test_a_text_that_stands_for_an_owner_names_nobody_with_an_address_or_without(
    owner: str,
) -> None:
    assert names_nobody(owner)
    assert names_nobody(f"https://auth.vendor.example/{owner}")
    assert names_nobody(f"ghe.acme.example/{owner}")


@pytest.mark.parametrize("owner", SOMEBODY)
def test_whatever_may_be_somebody_s_own_names_somebody(owner: str) -> None:
    assert not names_nobody(owner)
    assert not names_nobody(f"https://auth.vendor.example/{owner}")
    assert not names_nobody(f"https://auth.vendor.example//{owner}")


@pytest.mark.parametrize(
    "owner",
    [
        *("null/acc-1", "user-1/null", "unknown/user-ada", "default-account/default-user"),
        *("https://auth.vendor.example//-", "https://auth.vendor.example/", "users/user"),
        *("https://auth.vendor.example/tenant7/user", "ada@example.com", "/"),
    ],
)
def test_a_part_that_says_nobody_makes_it_nobody_s(owner: str) -> None:
    assert names_nobody(owner)


@pytest.mark.parametrize(
    "owner",
    [
        *("users/ada", "ada/default", "ada/org", "github.com/ada", ""),
        *(
            "https://login.example/oauth2/default/00u1abc",
            "6f1c2c1e-0000-0000-0000-000000000000/a1",
        ),
    ],
)
def test_a_word_beside_somebody_does_no_harm(owner: str) -> None:
    assert not names_nobody(owner)


@pytest.mark.parametrize("name", [*COMPANIES, "hidden", "none-1", "org-abc123", "Test Account"])
def test_a_company_may_be_called_as_it_likes(name: str) -> None:
    assert not is_placeholder(name)


@pytest.mark.parametrize("name", [*KINDS[:-7], *NUMBERS, "null", "None", "NaN", "nil", "undefined"])
def test_what_stands_for_nothing_is_no_company(name: str) -> None:
    assert is_placeholder(name)


@pytest.mark.parametrize("text", ["unknown", "n/a", "null/acc-1", "0", "-", "user-null"])
def test_a_text_that_says_nobody_is_told_from_a_word_that_several_have(text: str) -> None:
    assert says_nobody(text)
    assert not any(map(says_nobody, ("other", "default", "team", "ws", "acct-A")))


@given(st.uuids(version=4))
def test_no_id_that_was_drawn_by_lot_is_nobody_s(drawn: object) -> None:
    assert not names_nobody(str(drawn))


@given(st.integers(1_000, 99_999_999))
def test_no_number_of_ordinary_size_is_nobody_s(number: int) -> None:
    assert not names_nobody(str(number))


@given(st.emails(domains=st.just("mail.acme.example")))
def test_no_address_of_a_place_in_the_world_is_nobody_s(address: str) -> None:
    if not set("/|%${}<>[]") & set(address):
        assert not names_nobody(address)


def test_no_text_takes_long() -> None:
    began = time.process_time()

    for owner in ("username" * 31 + "x", "1" * 250, "a" * 250, "<" * 250, "|" * 250, "x" * 10**6):
        names_nobody(owner)

    assert time.process_time() - began < 1


@pytest.mark.parametrize("how", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("text", ["", "0", "anonymous", "none", "null", "undefined", "unknown"])
def test_a_digest_of_a_word_for_nobody_is_nobody(how: str, text: str) -> None:
    assert names_nobody(hashlib.new(how, text.encode(), usedforsecurity=False).hexdigest())


def test_an_id_of_few_kinds_of_signs_is_nobody_and_one_of_more_is_not() -> None:
    assert names_nobody("acebd" * 4)
    assert not names_nobody("acebdf" * 4)


@pytest.mark.parametrize("place", ["example.com", "example.net", "example.org"])
def test_an_address_in_documents_is_nobody_s(place: str) -> None:
    assert names_nobody(f"ada@{place}")


def test_a_number_of_which_four_in_five_digits_go_up_is_made_up() -> None:
    assert names_nobody("01234567851")
    assert not names_nobody("01234567581")


def test_what_is_longer_than_a_page_is_somebody_s() -> None:
    assert names_nobody("a" * 256)
    assert not names_nobody("a" * 257)


def test_digits_go_on_behind_the_last_one() -> None:
    assert names_nobody("999000999000")
    assert names_nobody("def012def012def012")


def test_an_id_of_sixteen_signs_is_long_enough_to_be_known_for_made_up() -> None:
    assert names_nobody("acebd" * 3 + "a")
    assert not names_nobody("acebd" * 3)


def test_what_a_program_was_to_fill_in_may_have_slashes() -> None:
    assert names_nobody("<acme-7/ada-lovelace>")


def test_owners_are_counted_from_a_thousand() -> None:
    assert names_nobody("999")
    assert not names_nobody("1000")
