"""What led to a credential, as far as bridges saw it."""

from __future__ import annotations

import pytest

from rotator.core.logins.ancestry import Ancestry, ancestry_of, comes_from
from rotator.core.logins.credential_secrets import secrets_of
from rotator.model import Descent
from tests.support.builders import NOW, a_state, an_account, knowing, oauth


def test_tokens_that_were_exchanged_in_a_circle_are_each_named_once() -> None:
    one, other = oauth("a", 1), oauth("a", 2)
    refresh, other_refresh = secrets_of(one)[0], secrets_of(other)[0]
    seen = {
        refresh: Descent("d1", NOW, is_login=False, came_from=other_refresh, to=(refresh,)),
        other_refresh: Descent("d2", NOW, is_login=False, came_from=refresh, to=(other_refresh,)),
    }
    known = knowing(a_state(an_account("a", one)), descent=seen.get)

    assert ancestry_of(one, known) == Ancestry((other_refresh, refresh))


@pytest.mark.parametrize("is_login", [True, False])
def test_a_refresh_token_that_came_before_hides_nothing_of_what_came_last(
    *, is_login: bool
) -> None:
    """A vendor may give the same refresh token with each answer, and with each login."""
    new = oauth("a", 2, refresh="REF-CANARY-a-1")
    refresh, secret = secrets_of(new)
    came_from = None if is_login else refresh
    seen = {
        refresh: Descent("d1", NOW, is_login=True, came_from=None, to=(refresh,)),
        secret: Descent("d2", NOW, is_login=is_login, came_from=came_from, to=(secret, refresh)),
    }
    a = an_account("a", oauth("a"))
    known = knowing(a_state(a), descent=seen.get)

    came = ancestry_of(new, known)

    assert came == Ancestry(() if is_login else (refresh,), is_login=True)
    assert comes_from(a, came, known) is not is_login
