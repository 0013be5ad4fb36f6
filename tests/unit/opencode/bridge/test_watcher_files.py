"""What the bridge is told of logins that the user has taken back."""

from __future__ import annotations

from rotator.opencode.bridge.watcher_files import withdrawn_facts
from tests.support.builders import a_state, an_account, api


def test_a_word_that_an_account_in_use_sends_as_well_is_not_taken_back() -> None:
    word, gone = api("word"), api("gone")
    mine, other = an_account("a", word), an_account("b", word, disabled="disabled by you")

    told = withdrawn_facts(a_state(mine, other, older=[(other, api("b"))], removed=[word, gone]))

    assert told == {"acme": sorted([api("b").digest, gone.digest])}
