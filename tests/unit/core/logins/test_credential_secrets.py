"""Which secrets a credential has, where words stand in the place of one."""

from __future__ import annotations

import pytest

from rotator.core.logins.credential_secrets import (
    UNSENDABLE,
    halves_of,
    has_real_secret,
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
    ],
)
def test_what_no_request_can_carry_is_of_no_use(credential: Credential, why: str | None) -> None:
    assert why_useless(credential) == why
