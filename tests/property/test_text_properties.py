"""What holds for every text from outside: it is cleaned, named and looked at without harm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic.provider import Anthropic
from providers.openai.provider import OpenAI
from providers.xai.provider import XAI
from rotator.core.logins.aliases import LONGEST, free_alias, normalise, split_name
from rotator.provider import jwt_claims
from rotator.secret import Secret
from rotator.text import sanitize
from tests.support.builders import a_jwt, oauth
from tests.support.strategies import QUIET

ANYTHING = st.text(st.characters() | st.sampled_from("\x1b\u202e\u200b\n\t -/@.")) | st.integers()


@QUIET
@given(ANYTHING, st.integers(1, 400))
def test_clean_text_is_one_printable_bounded_line(text: object, longest: int) -> None:
    line = sanitize(text, longest)

    assert line.isprintable()
    assert len(line) <= longest
    assert line == line.strip()


@QUIET
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)


@QUIET
@given(st.text())
def test_an_alias_is_short_lower_case_and_settled(text: str) -> None:
    alias = normalise(text)

    assert set(alias) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert len(alias) <= LONGEST
    assert normalise(alias) == alias


@QUIET
@given(st.text(), st.none() | st.text(), st.integers(0, 5))
def test_a_free_alias_is_free(provider: str, label: str | None, others: int) -> None:
    taken: set[str] = set()

    for _ in range(others + 1):
        alias = free_alias(provider, label, taken)
        assert alias
        assert alias not in taken
        taken.add(alias)


@QUIET
@given(st.text(min_size=1), st.text(min_size=1).filter(lambda t: "/" not in t))
def test_a_name_is_split_into_what_it_was_made_of(provider: str, alias: str) -> None:
    assert split_name(f"{provider}/{alias}") == (provider, alias)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
CLAIMS = st.dictionaries(
    st.sampled_from(
        [
            *("https://api.openai.com/auth", "https://api.openai.com/profile", "iss"),
            *("chatgpt_account_id", "chatgpt_user_id", "user_id", "sub", "email"),
        ]
    ),
    JSON | st.dictionaries(st.sampled_from(["chatgpt_account_id", "user_id", "email"]), JSON),
)


@QUIET
@given(st.text() | CLAIMS.map(a_jwt) | st.binary().map(lambda b: f"a.{b.hex()}.c"))
def test_no_token_is_too_strange_to_be_looked_at(access: str) -> None:
    assert isinstance(jwt_claims(access), dict)

    credential = oauth(access=access)
    for provider in (Anthropic(), OpenAI(), XAI()):
        who = provider.identify(credential)
        assert who.label is None or who.label.isprintable()
        assert provider.identify(credential) == who


@QUIET
@given(st.text(min_size=4))
def test_no_secret_shows_more_than_stars(text: str) -> None:
    secret = Secret(text)

    assert {repr(secret), str(secret), f"{secret}"} == {"***"}
    assert secret.reveal() == text
