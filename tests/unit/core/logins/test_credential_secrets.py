"""Which secrets a credential has, where words stand in the place of one."""

from __future__ import annotations

import pytest

from rotator.core.logins.credential_secrets import (
    NO_KEY,
    UNSENDABLE,
    halves_of,
    has_real_secret,
    is_sent_padded,
    why_useless,
)
from rotator.model import Credential, Digest
from rotator.secret import digest_of
from tests.support.builders import api, oauth, parsed

ACCESS = "ACC-CANARY-a-1"


def test_a_word_in_the_place_of_one_token_is_no_secret_beside_the_other() -> None:
    credential = oauth("a", refresh="none")

    assert halves_of(credential) == ((Digest(digest_of(ACCESS)),),)
    assert has_real_secret(credential)


def test_a_word_is_the_secret_where_there_is_no_other() -> None:
    credential = parsed(type="api", key="none")

    assert halves_of(credential) == ((Digest(digest_of("none")),),)
    assert not has_real_secret(credential)


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        pytest.param(api("a"), None, id="a key"),
        pytest.param(parsed(type="api", key=""), "it holds no login", id="nothing"),
        pytest.param(parsed(type="api", key="KEY-\u200bCANARY"), UNSENDABLE, id="an odd key"),
        pytest.param(oauth("a", access="ACC-\u200bCANARY"), None, id="what is unpacked"),
        pytest.param(parsed(type="api", key="undefined"), NO_KEY, id="no key"),
        pytest.param(parsed(type="api", key=" null\n"), NO_KEY, id="no key, with blanks"),
        pytest.param(parsed(type="wellknown", key="A", token="sk-..."), NO_KEY, id="no token"),
        pytest.param(oauth("a", access="undefined"), None, id="no access token yet"),
        pytest.param(oauth("a", refresh="undefined"), None, id="no refresh token"),
        pytest.param(oauth("a", access="undefined", refresh="null|x"), NO_KEY, id="no tokens"),
        pytest.param(oauth("a", access="dummy", refresh="none"), None, id="words on purpose"),
    ],
)
def test_what_no_request_can_carry_is_of_no_use(credential: Credential, why: str | None) -> None:
    assert why_useless(credential) == why


@pytest.mark.parametrize(
    ("before", "after", "is_padded"),
    [
        *[("", end, False) for end in ("", "\n", " \t\r\n")],
        *[("", end, True) for end in ("\u200b", "\u00a0", "\x00", "\u200b\n")],
        *[(start, "", True) for start in (" ", "\n", "\ufeff")],
    ],
)
def test_what_a_header_has_of_what_is_around_a_key(
    before: str,
    after: str,
    is_padded: bool,  # noqa: FBT001  # a table's column
) -> None:
    text = f"{before}KEY-CANARY-a{after}"

    assert is_sent_padded(parsed(type="api", key=text)) is is_padded
    assert is_sent_padded(parsed(type="wellknown", key="A", token=text)) is is_padded
    assert not is_sent_padded(oauth("a", access=text))


def test_what_nobody_sees_is_around_nothing() -> None:
    assert not is_sent_padded(parsed(type="api", key=" \u200b"))
