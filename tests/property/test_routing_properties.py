"""Whatever the order, the groups and the accounts: what a turn or a message may be given to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.selection.limits import is_ready
from rotator.core.selection.routing import directions, equal_model, next_route
from rotator.model import Account, Route, State
from rotator.model.preferences import Preferences, Priority, Routing
from tests.support.builders import HOUR, NOW, a_limit, a_state, an_account
from tests.support.strategies import QUIET

PROVIDERS = st.sampled_from(["acme", "zeta", "theta"])
MODELS = st.sampled_from(["m1", "m2", "m3"])
NAMED = st.tuples(PROVIDERS, MODELS)


def account(provider: str, number: int, kind: int) -> Account:
    fields: list[dict[str, Any]] = [
        {},
        {"limit": a_limit(NOW + HOUR)},
        {"disabled": "by you"},
        {"rejected": "dead"},
    ]
    return an_account(f"a{number}", None, provider, **fields[kind])


@st.composite
def states(draw: st.DrawFn) -> State:
    kinds = draw(st.lists(st.tuples(PROVIDERS, st.integers(0, 3)), max_size=6))
    accounts = [account(provider, n, kind) for n, (provider, kind) in enumerate(kinds)]
    return a_state(*accounts, balancing=draw(st.booleans()))


@st.composite
def preferences(draw: st.DrawFn) -> Preferences:
    places = st.builds(Priority, PROVIDERS, st.none() | MODELS, st.booleans())
    groups = draw(st.lists(st.lists(NAMED, max_size=4, unique=True), max_size=3))
    models = {str(number): tuple(group) for number, group in enumerate(groups)}
    order = tuple(draw(st.lists(places, max_size=4)))
    return Preferences(routing=Routing(models=models), priorities=order)


ROUTES = st.builds(Route, PROVIDERS, MODELS)


@QUIET
@given(states(), preferences(), ROUTES, st.sets(PROVIDERS))
def test_a_turn_only_goes_on_with_somebody_ready_whom_the_user_wants_and_it_has_not_left(
    state: State, wanted: Preferences, failed: Route, left: set[str]
) -> None:
    found = next_route(state, wanted, failed, left, NOW)

    assert found == next_route(state, wanted, failed, left, NOW)
    assert found.why.startswith(found.note)
    if found.route is None:
        return
    assert state.balancing
    assert found.route.provider not in {failed.provider, *left}
    assert any(is_ready(a, found.route.model, NOW) for a in state.of(found.route.provider))
    assert any(one.enabled and one.provider == found.route.provider for one in wanted.priorities)


@QUIET
@given(states(), preferences())
def test_the_bridge_is_only_told_of_whom_the_user_wants_and_of_equal_models(
    state: State, wanted: Preferences
) -> None:
    told = directions(state, wanted, NOW)

    order = [(one.provider, one.model) for one in wanted.priorities if one.routes]
    routes = [(entry.route.provider, entry.route.model) for entry in told.entries]
    assert routes in ([], order)
    for entry in told.entries:
        for name, model in entry.instead.items():
            asked = Route(*name.split("/"))
            assert model == equal_model(wanted.routing.models.values(), asked, entry.route)
            assert model != entry.route.model
