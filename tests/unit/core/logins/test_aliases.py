"""Aliases are readable, unique names."""

from __future__ import annotations

import pytest

from rotator.core.logins.aliases import (
    LONGEST,
    free_alias,
    is_given,
    normalise,
    require_alias,
    split_name,
)
from rotator.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(" Work Account!! ", "work-account", id="spaces and signs"),
        pytest.param("Team.Main_01", "team.main_01", id="allowed signs"),
        pytest.param("ada@example.com", "ada-example.com", id="an e-mail"),
        pytest.param("--json", "json", id="what looks like an option"),
        pytest.param("a \n/ b", "a-b", id="a row of others"),
        pytest.param("Zoë", "zo", id="letters of elsewhere"),
        pytest.param("\N{KELVIN SIGN}", "k", id="a letter that becomes one of ours"),
        pytest.param("-" * 100 + "work", "work", id="dashes first"),
    ],
)
def test_an_alias_has_few_letters(text: str, expected: str) -> None:
    """Case 1: " Work Account!! " becomes work-account, "Team.Main_01" becomes team.main_01."""
    assert require_alias(text) == expected


@pytest.mark.parametrize("text", ["!!!", "", "   ", "漢字", "---"])
def test_a_text_without_one_of_them_is_refused(text: str) -> None:
    """Case 1: "!!!" is refused."""
    with pytest.raises(UsageError, match="is no alias"):
        require_alias(text)


def test_a_long_name_is_cut() -> None:
    assert normalise("x" * 100) == "x" * LONGEST


def test_a_cut_leaves_no_dash_at_the_end() -> None:
    assert normalise("x" * (LONGEST - 1) + " y") == "x" * (LONGEST - 1)


@pytest.mark.parametrize(
    ("label", "taken", "expected"),
    [
        pytest.param("Ada@Example.com", [], "ada-example.com", id="the label"),
        pytest.param("ada", ["ada"], "ada-2", id="the next number"),
        pytest.param("ada", ["ada", "ada-2", "ada-4"], "ada-3", id="the first free number"),
        pytest.param(None, [], "openai-1", id="no label"),
        pytest.param(None, ["openai-1", "openai-2"], "openai-3", id="no label, two before"),
        pytest.param("漢字", [], "openai-1", id="a label of which nothing is left"),
        pytest.param("", [], "openai-1", id="an empty label"),
    ],
)
def test_a_new_account_gets_a_free_readable_alias(
    label: str | None, taken: list[str], expected: str
) -> None:
    assert free_alias("openai", label, taken) == expected


def test_a_url_as_provider_makes_an_alias_too() -> None:
    assert free_alias("https://auth.example.com", None, []) == "https-auth.example.com-1"


def test_a_provider_of_other_letters_is_called_account() -> None:
    assert free_alias("漢字", None, ["account-1"]) == "account-2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai/work", ("openai", "work")),
        ("https://auth.example.com/team", ("https://auth.example.com", "team")),
    ],
)
def test_a_name_is_split_at_the_last_slash(name: str, expected: tuple[str, str]) -> None:
    assert split_name(name) == expected


@pytest.mark.parametrize("name", ["openai", "/work", "openai/", "", "/"])
def test_a_name_without_both_parts_names_no_account(name: str) -> None:
    with pytest.raises(UsageError, match="names no account") as caught:
        split_name(name)

    assert caught.value.hint == "an account is named provider/alias"


@pytest.mark.parametrize(
    ("alias", "label"),
    [
        ("openai-1", None),
        ("openai-12", "ada@acme.example"),
        ("ada-acme.example", "ada@acme.example"),
        ("ada-acme.example-2", "ada@acme.example"),
    ],
)
def test_an_alias_that_we_made_is_given_by_nobody(alias: str, label: str | None) -> None:
    assert not is_given(alias, "openai", label)


@pytest.mark.parametrize("alias", ["work", "openai-work", "work-2", "1", "-1", "ada-acme.example"])
def test_any_other_alias_is_a_person_s(alias: str) -> None:
    assert is_given(alias, "openai", None)
