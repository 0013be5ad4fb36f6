"""Which provider a message goes to, and where a turn goes on when its provider has nobody left.

Pure. The user's order of providers and the groups of models of equal standing go in; what the
bridge has to know, or one way on with the reason as a sentence, comes out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from rotator.core.selection.limits import is_ready
from rotator.core.selection.policy import first_free, first_words
from rotator.model import Route, State
from rotator.model.preferences import ModelOf, Preferences


@dataclass(frozen=True, slots=True)
class Entry:
    """One provider that messages may go to.

    `instead` names for models of other providers which model of this one takes over their work,
    where that is not the entry's own; None: none of this provider's does.
    """

    route: Route
    instead: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Directions:
    """What the bridge has to know to give each new message its provider.

    `spent` are the models (`provider/model`) that none of their provider's accounts can answer
    for now.
    """

    entries: tuple[Entry, ...] = ()
    spent: tuple[str, ...] = ()
    overrides_explicit: bool = False


@dataclass(frozen=True, slots=True)
class NextRoute:
    """Where a turn goes on, or None, and the sentence that says why.

    `note` is its first half, which the person before opencode sees.
    """

    route: Route | None
    why: str
    note: str


def directions(state: State, preferences: Preferences, now: datetime) -> Directions:
    """Return what the bridge has to know; nothing unless there are two providers to choose from."""
    routes = _routes(preferences)
    if not state.balancing or len({route.provider for route in routes}) < 2:  # noqa: PLR2004  # one is no choice
        return Directions()
    groups = tuple(preferences.routing.models.values())
    grouped = {Route(*model) for group in groups for model in group}
    spent = sorted(route.name for route in {*routes, *grouped} if not _ready(state, route, now))
    entries = tuple(Entry(route, _instead(route, grouped, groups)) for route in routes)
    return Directions(entries, tuple(spent), preferences.routing.override_explicit_model)


def next_route(
    state: State, preferences: Preferences, failed: Route, left: Collection[str], now: datetime
) -> NextRoute:
    """Return where a turn goes on after `failed`, whose provider has nobody left for it.

    `left` are the providers that this turn has left already: none is tried twice in one turn.
    """
    note = _nobody(state, failed, now)
    if not state.balancing:
        return NextRoute(None, f"{note}; balancing is off", note)
    against = []
    for listed in _routes(preferences):
        route, hindrance = _hindrance(state, preferences, listed, failed, left, now)
        if hindrance is None:
            return NextRoute(route, f"{note}; {_chosen(state, route, now)}", note)
        if listed.provider != failed.provider:
            against.append(hindrance)
    nothing = "; ".join(against) or "the priorities name no other provider"
    return NextRoute(None, f"{note}; {nothing}", note)


def equal_model(groups: Iterable[Collection[ModelOf]], asked: Route, listed: Route) -> str | None:
    """Return which model of `listed`'s provider may do the work of `asked`, or None.

    It is the listed one, unless the user has put `asked` into a group: then one of that group,
    and never one that stands in another group alone.
    """
    groups = tuple(groups)
    own = [group for group in groups if (asked.provider, asked.model) in group]
    equals = [model for group in own for provider, model in group if provider == listed.provider]
    if not own or listed.model in equals:
        return listed.model
    if equals:
        return equals[0]
    is_elsewhere = any((listed.provider, listed.model) in group for group in groups)
    return None if is_elsewhere else listed.model


def _routes(preferences: Preferences) -> tuple[Route, ...]:
    return tuple(
        Route(priority.provider, priority.model)
        for priority in preferences.priorities
        if priority.enabled and priority.model is not None
    )


def _instead(
    listed: Route, grouped: Iterable[Route], groups: Iterable[Collection[ModelOf]]
) -> Mapping[str, str | None]:
    others = (route for route in grouped if route.provider != listed.provider)
    models = {route.name: equal_model(groups, route, listed) for route in others}
    return {name: models[name] for name in sorted(models) if models[name] != listed.model}


def _hindrance(
    state: State,
    preferences: Preferences,
    listed: Route,
    failed: Route,
    left: Collection[str],
    now: datetime,
) -> tuple[Route, str | None]:
    if listed.provider == failed.provider or listed.provider in left:
        return listed, f"this turn has left {listed.provider} already"
    model = equal_model(preferences.routing.models.values(), failed, listed)
    if model is None:
        return listed, f"{listed.name} is not of the standing of {failed.name}"
    route = Route(listed.provider, model)
    if not _ready(state, route, now):
        return route, _nobody(state, route, now)
    return route, None


def _ready(state: State, route: Route, now: datetime) -> int:
    return sum(is_ready(a, route.model, now) for a in state.of(route.provider))


def _count(state: State, route: Route, now: datetime) -> str:
    count = len(state.of(route.provider))
    if not count:
        return f"{route.provider} has no account"
    return f"{route.name} has {_ready(state, route, now)} of {count} accounts ready"


def _nobody(state: State, route: Route, now: datetime) -> str:
    free = first_free(state, route.provider, now, route.model)
    sentence = _count(state, route, now)
    return f"{sentence}, {first_words(*free)}" if free else sentence


def _chosen(state: State, route: Route, now: datetime) -> str:
    return f"next in the priorities, {_count(state, route, now)}"
