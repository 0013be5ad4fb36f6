"""What speaks for and against each account of a provider now, and who would take over.

Pure: the same sentences that decisions are recorded with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.core.selection.homes import homes_for, live_in_each, seen_from
from rotator.core.selection.policy import (
    Preferred,
    Selection,
    choose,
    nobody_in,
    prefer,
    standing_sentence,
)
from rotator.model import Account, AccountId, HomeName, State
from rotator.model.preferences import Strategy

_STRATEGY_WORDS = {
    Strategy.STICKY: "the live account stays until it is limited, then the one with most left",
    Strategy.ORDERED: "the first in your order that is ready",
    Strategy.HEADROOM: "the one with most left, if it gains enough",
    Strategy.DRAIN: "the one whose rest is lost first",
}


@dataclass(frozen=True, slots=True)
class Argument:
    """An account and, as a part of a sentence, what speaks for or against it."""

    account: Account
    is_live: bool
    says: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be done in one home.

    `next_why` is the sentence about who would take over if the live account were refused now;
    `better_why` the one about a swap that the strategy wants although nothing has failed, and
    `held_by` why that one has to wait.
    """

    home: HomeName
    live: Account | None
    next: Account | None
    next_why: str
    better: Account | None = None
    better_why: str | None = None
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a provider's accounts stand as they do, for `model` (None: for any).

    There is an outlook for each home that has a login of the provider, and one at least.
    `own_key` says what gives the provider another key.
    """

    provider: str
    model: str | None
    strategy: Strategy
    rule: str
    balancing: bool
    arguments: tuple[Argument, ...]
    outlooks: tuple[Outlook, ...]
    own_key: str | None = None

    @property
    def first(self) -> Outlook:
        """The outlook of the first home."""
        return self.outlooks[0]


def explain(
    state: State,
    provider: str,
    model: str | None,
    now: datetime,
    unseen: str | None = None,
    own_key: str | None = None,
) -> Explanation:
    """Return what would be decided now about the provider's accounts, and from what.

    `unseen` says why nobody knows when the turns under way are over, if so, and `own_key` why a
    failure in opencode's log blames none of the accounts.
    """
    accounts, live = state.of(provider), live_in_each(state, provider)
    homes = live or dict.fromkeys(homes_for(state, accounts[0])[:1])
    outlooks = (_outlook(state, home, Selection(provider, model=model), now) for home in homes)
    strategy = state.failover.strategy_of(provider)
    wanted = Selection(provider, model=model)
    return Explanation(
        provider=provider,
        model=model,
        strategy=strategy,
        rule=_STRATEGY_WORDS[strategy],
        balancing=state.balancing,
        arguments=tuple(
            Argument(a, a in live.values(), standing_sentence(state, a, wanted, now))
            for a in accounts
        ),
        outlooks=tuple(
            replace(outlook, held_by=unseen if is_held else None) for outlook, is_held in outlooks
        ),
        own_key=own_key,
    )


def _outlook(
    state: State, home: HomeName, wanted: Selection, now: datetime
) -> tuple[Outlook, bool]:
    """Return what would be done in a home, and whether that waits for the end of a turn."""
    provider, seen = wanted.provider, seen_from(state, home)
    live = seen.active(provider)
    if live is not None:
        wanted = replace(wanted, barred={live.id}, instead_of=live.credential)
    wanted = replace(wanted, is_built_anew=home.follows_switches)
    successor = choose(seen, wanted, now)
    why = successor.why
    if successor.account is None:
        why = nobody_in(state, seen, home, provider, why)
    outlook = Outlook(home, live, successor.account, why)
    preferred = _preferred(seen, home, wanted, now)
    if preferred is None:
        return outlook, False
    outlook = replace(outlook, better=preferred.account, better_why=preferred.why)
    return outlook, not preferred.is_before_the_wall


def _preferred(seen: State, home: HomeName, wanted: Selection, now: datetime) -> Preferred | None:
    if not seen.balancing or not home.tells_of_turns:
        # There is nothing to wait for the end of.
        return None
    return prefer(seen, wanted.provider, wanted.model, now)


def with_notes(told: Explanation, notes: Mapping[AccountId, str]) -> Explanation:
    """Return an explanation that also says what there is to say of some of its accounts."""
    arguments = tuple(
        replace(argument, says=f"{argument.says}; {notes[argument.account.id]}")
        if argument.account.id in notes
        else argument
        for argument in told.arguments
    )
    return replace(told, arguments=arguments)


def sentences(told: Explanation) -> tuple[str, ...]:
    """Return the explanation in lines for people."""
    about = f"{told.provider} for {told.model}" if told.model else told.provider
    lines = [f"{about}: {told.rule} ({told.strategy.value})"]
    if not told.balancing:
        lines.append("balancing is off: nothing is swapped unless you rotate")
    lines += [
        f"{'*' if argument.is_live else ' '} {argument.account.alias} {argument.says}"
        for argument in told.arguments
    ]
    for outlook in told.outlooks:
        if outlook.better_why is not None:
            lines.append(f"to be swapped between turns: {outlook.better_why}")
        if outlook.held_by is not None:
            lines.append(f"that waits: {outlook.held_by}")
    if told.own_key is not None:
        lines.append(told.own_key)
    lines += [_next_words(outlook, told) for outlook in told.outlooks]
    return tuple(lines)


def _next_words(outlook: Outlook, told: Explanation) -> str:
    """Return who would take over; nobody asks in which home who has one alone."""
    who = outlook.next.alias if outlook.next else "nobody"
    left = "the live one is refused"
    if len(told.outlooks) > 1:
        live = outlook.live.alias if outlook.live else "the live one"
        left = f"{live} is refused in {outlook.home.value}"
    return f"if {left}: {who} ({outlook.next_why})"
