"""Whatever generation of tokens turns up, and by whatever way, an account never gets older ones.

Generation n runs out n hours after noon. Old ones come back in old copies of auth.json, from a
person's hand, and out of unclaimed contents.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.model import Account
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.services import accounts as ledger
from rotator.services.adopt import adopt
from tests.support.live import Entry, Live, as_opencode, oauth, open_live

LAST = 12
GENERATIONS = st.integers(1, LAST)
# Without names nothing but the digests tells that two generations are one account's.
PROVIDERS = st.sampled_from(["named", "rotating"])


def generation(number: int) -> Entry:
    return oauth("ada", number, left=timedelta(hours=number))


def number_of(account: Account) -> int:
    refresh = account.credential.refresh
    assert refresh is not None
    return int(refresh.reveal().rpartition("-")[2])


class World:
    """One person's logins of one provider, and which of their generations were ever saved."""

    def __init__(self, live: Live, provider: str) -> None:
        self.live, self.provider = live, provider
        live.sees({provider: generation(1)})
        self.seen = {1}

    def saved(self) -> dict[str, int]:
        """Return the generation of each account."""
        return {a.id: number_of(a) for a in self.live.state.of(self.provider)}

    def sure(self) -> dict[str, int]:
        """Return the same for those whose tokens were not perhaps exchanged for another's."""
        accounts = self.live.state.of(self.provider)
        return {a.id: number_of(a) for a in accounts if a.maybe is None}

    def add(self, number: int) -> None:
        """Let a person hand the tokens over."""
        credential = parse_entry(self.provider, Secret(json.dumps(generation(number))))
        ledger.add(self.live.context, self.provider, credential, alias=None, activate=False)

    def adopt(self, number: int) -> None:
        """Let a torn file with these tokens be adopted."""
        store = self.live.context.store
        content = as_opencode({self.provider: generation(number)})[:-2]
        with store.transaction():
            kept = store.keep_unclaimed(content, "half", self.live.clock.now)
        adopt(self.live.context, kept)

    def write(self, number: int) -> None:
        """Let an opencode write them: newer ones, or an old copy of what stood there once."""
        known = max((n for n in self.seen if n <= number), default=1)
        is_new = number > max(self.saved().values())
        self.live.sees({self.provider: generation(number if is_new else known)})

    def merge(self, number: int) -> None:
        """Let the person say that two accounts are one."""
        accounts = self.live.state.of(self.provider)
        if len(accounts) > 1:
            keep, other = accounts[number % len(accounts)], accounts[number % len(accounts) - 1]
            # Tokens that may have been exchanged for others are not the ones to go on with.
            best = max((keep, other), key=lambda a: (a.maybe is None, number_of(a)))
            ledger.merge(self.live.context, keep, other)
            assert self.saved()[keep.id] == number_of(best)

    def wait(self, number: int) -> None:
        """Let time go by, so that tokens run out."""
        self.live.clock.pass_time(hours=number / 8)


ACTS = st.sampled_from([World.add, World.adopt, World.write, World.merge, World.wait])
HISTORIES = st.lists(st.tuples(ACTS, GENERATIONS), min_size=6, max_size=15)
Act = Callable[[World, int], None]


@settings(database=None, deadline=None, max_examples=80)
@given(PROVIDERS, HISTORIES)
def test_no_account_s_tokens_are_ever_replaced_by_older_ones(
    provider: str, acts: list[tuple[Act, int]]
) -> None:
    with tempfile.TemporaryDirectory() as home, open_live(Path(home)) as live:
        world = World(live, provider)
        for act, number in acts:
            before = world.sure()

            act(world, number)

            after = world.saved()
            assert all(after.get(account, LAST) >= number for account, number in before.items())
            world.seen |= set(after.values())
            live.look()
            active = live.state.active(provider)
            assert active is not None
            assert live.entries()[provider]["refresh"].endswith(f"-{number_of(active)}")
