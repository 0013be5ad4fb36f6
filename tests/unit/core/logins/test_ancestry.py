"""What led to a credential, as far as bridges saw it."""

from __future__ import annotations

from rotator.core.logins.ancestry import Ancestry, ancestry_of
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
