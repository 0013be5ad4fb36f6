"""Which secrets a credential has, where words stand in the place of one."""

from __future__ import annotations

from rotator.core.logins.credential_secrets import halves_of, has_real_secret
from rotator.model import Digest
from rotator.secret import digest_of
from tests.support.builders import oauth, parsed

ACCESS = "ACC-CANARY-a-1"


def test_a_word_in_the_place_of_one_token_is_no_secret_beside_the_other() -> None:
    credential = oauth("a", refresh="none")

    assert halves_of(credential) == ((Digest(digest_of(ACCESS)),),)
    assert has_real_secret(credential)


def test_a_word_is_the_secret_where_there_is_no_other() -> None:
    credential = parsed(type="api", key="none")

    assert halves_of(credential) == ((Digest(digest_of("none")),),)
    assert not has_real_secret(credential)
