"""What a vendor says of whose some tokens are, and what stays of what was known before."""

from __future__ import annotations

from dataclasses import replace

from rotator.model import Identity
from tests.integration.live.test_account_changes import (
    ADA,
    learn,
    live,
    logged_in,
    tokens,
    vendor,
)
from tests.integration.scenarios.test_one_name_for_two import with_tokens
from tests.support.live import Live

__all__ = ["live", "vendor"]


def test_what_is_not_said_again_stays(live: Live) -> None:  # the fixture
    entry = logged_in(live, tokens(live, "ada"))
    learn(live, entry, replace(ADA, group="team-1"))

    learn(live, entry, replace(ADA, plan="pro"))

    account = with_tokens(live, entry)
    assert (account.identity, account.group, account.plan) == (ADA.label, "team-1", "pro")


def test_who_is_named_without_a_key_keeps_the_one_that_was_known(live: Live) -> None:  # the fixture
    entry = logged_in(live, tokens(live, "ada"))
    learn(live, entry, ADA)

    learn(live, entry, Identity(None, "ada.lovelace@acme.example"))

    assert with_tokens(live, entry).identity_key == "ada"
