"""What is known where nobody has said anything."""

from __future__ import annotations

from rotator.core.logins.knowledge import Knowledge
from rotator.model import Digest
from tests.support.builders import ACME, NOW, a_state, nobody, try_parse


def test_of_what_nobody_has_said_nothing_is_known() -> None:
    known = Knowledge(a_state(), try_parse, nobody, lambda _: True, NOW, watched=True)
    digest = Digest("0" * 64)

    assert not known.keeps_refresh_tokens(ACME)
    assert known.holder(ACME, digest) is None
    assert not known.is_removed(ACME, digest)
    assert known.descent(digest) is None
    assert not known.was_exchanged(digest)
