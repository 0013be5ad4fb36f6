"""Weeks of logins, refreshes, swaps and late writes: nobody's newest tokens are ever lost."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.logins.changes import interpret
from rotator.model import Credential, Digest
from tests.support.builders import ACME, knowing, secrets_of, try_parse
from tests.support.login_world import PEOPLE, World
from tests.support.strategies import LONGER

Act = Callable[[World], None]
NUMBERS = st.integers(0, 7)
ACTS = st.one_of(
    st.sampled_from(PEOPLE).map(lambda person: lambda world: world.login(person)),
    st.just(World.refresh),
    st.just(World.late_refresh),
    NUMBERS.map(lambda number: lambda world: world.old_copy(number)),
    st.just(World.lay_out_anew),
    st.just(World.log_out),
    NUMBERS.map(lambda number: lambda world: world.wipe(number)),
    st.sampled_from([1, 58, 61, 600]).map(lambda number: lambda world: world.wait(number)),
    NUMBERS.map(lambda number: lambda world: world.swap(number)),
)
HISTORIES = st.lists(ACTS, min_size=5, max_size=30)


def pairs(credentials: list[Credential]) -> set[tuple[Digest, ...]]:
    return {tuple(secrets_of(credential)) for credential in credentials}


@LONGER
@given(HISTORIES)
def test_where_tokens_name_people_each_has_one_account_with_the_newest_tokens(
    acts: list[Act],
) -> None:
    """Case 49: whatever is written back, an account's tokens are the newest ones."""
    world = World(names_people=True)

    for act in acts:
        act(world)

        accounts = [account.credential for account in world.state.of(ACME)]
        assert len(accounts) == len(world.newest)
        assert pairs(accounts) == pairs(list(world.newest.values()))


@LONGER
@given(HISTORIES)
def test_where_nothing_names_people_nobody_s_newest_tokens_are_lost(acts: list[Act]) -> None:
    world = World(names_people=False)

    for act in acts:
        act(world)

        kept = [account.credential for account in world.state.of(ACME)]
        assert pairs(list(world.newest.values())) <= pairs(kept + world.replaced)


@LONGER
@given(HISTORIES)
def test_where_nothing_names_people_who_may_be_spent_is_not_used(acts: list[Act]) -> None:
    """Spent tokens stand in a row of their own only where that is in doubt."""
    world = World(names_people=False)
    for act in acts:
        act(world)

    spent, active = pairs(world.spent), world.state.active(ACME)
    for account in world.state.of(ACME):
        is_spent = pairs([account.credential]) <= spent
        assert not is_spent or account.maybe is not None or account == active


@LONGER
@given(st.booleans(), HISTORIES)
def test_auth_json_holds_the_active_account_s_newest_tokens(names: object, acts: list[Act]) -> None:
    world = World(names_people=bool(names))

    for act in acts:
        act(world)

        active = world.state.active(ACME)
        entry = world.live.get(ACME)
        live = try_parse(ACME, entry) if entry else None
        assert not isinstance(live, str)
        assert (live is None) == (active is None)
        if live is not None and active is not None:
            assert secrets_of(live) == secrets_of(active.credential)


@LONGER
@given(HISTORIES)
def test_whatever_is_read_twice_means_nothing_the_second_time(acts: list[Act]) -> None:
    world = World(names_people=True)

    for act in acts:
        act(world)

        known = knowing(world.state, identify=world.identify, now=world.now)
        assert interpret(world.live, world.live, known) == []
