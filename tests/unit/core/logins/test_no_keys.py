"""What can never be a key, and what people and plug-ins put in the place of one on purpose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.logins.no_keys import is_no_key

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize(
    "text",
    [
        *("undefined", "null", "NaN", "[object Object]", "[object Promise]"),
        *("YOUR_API_KEY", "your-api-key", "your api key", "YOUR_OPENAI_API_KEY", "YourApiKey"),
        *("your-api-key-here", "your_token_goes_here", "sk-your-key", "sk-ant-your-api-key-here"),
        *(
            "sk-...",
            "sk-...abcd",
            "...",
            "sk-proj-ab...cd",
            "sk-****abcd",
            "***",
            "****************",
        ),
        *("<your key>", "<>", "sk-<key>", "${OPENAI_API_KEY}", "$OPENAI_API_KEY", "%API_KEY%"),
        *("{{api_key}}", "{env:OPENAI_API_KEY}", "{file:~/.key}", "process.env.OPENAI_API_KEY"),
    ],
)
def test_what_a_program_or_a_template_left_is_no_key(text: str) -> None:
    assert is_no_key(text)


@pytest.mark.parametrize(
    "text",
    [
        # Given on purpose, to a server that asks for none.
        *("none", "None", "dummy", "EMPTY", "lm-studio", "ollama", "not-needed", "na", "x", "0"),
        *("sk-no-key-required", "no-key", "token-abc123", "sk-1234", "changeme", "local", "test"),
        *("opencode-oauth-dummy-key", "anthropic-dummy", "DUMMY-KEY", "managed", "{}", "public"),
        # And of a person's own, or a vendor's.
        *("my-key", "secret", "token", "hunter2..", "a..b", "$ecret", "$x", "50%", "undefined1"),
        *("xundefined", "nullable", "Null", "yourself", "sk-ant-api03-your", "[object]", "a<b>c"),
        *("eyJhbGciOiJub25lIn0..", "gho_16C7e42F292c6912E7710c838347Ae178B4a", "{env}", "{x:y}"),
        "YOUR_" + "A1b2" * 50 + "_KEY",
    ],
)
def test_what_works_somewhere_is_a_key(text: str) -> None:
    assert not is_no_key(text)


@given(st.sampled_from(["sk-", "sk-ant-api03-", "gsk_", "AIza", "xai-", "", "gho_"]), st.data())
def test_what_a_vendor_made_at_random_is_a_key(prefix: str, data: st.DataObject) -> None:
    made = data.draw(st.text(LETTERS, min_size=24, max_size=64))

    assert not is_no_key(prefix + made) or "your" in made.lower()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("sign", ["a-", "A", "your", "your-", ".", "*", "<", "a1", "key-"])
def test_no_text_takes_long(sign: str) -> None:
    text = (sign * 200)[:199]

    assert is_no_key(text + "!") in {True, False}
