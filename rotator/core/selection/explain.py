"""What speaks for and against each account of a provider now, and who would take over.

Pure: the same sentences that decisions are recorded with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.core.selection.homes import live_of, seen_from
from rotator.core.selection.policy import Selection, choose, prefer, standing_sentence
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
class Explanation:
    """Why a provider's accounts stand as they do, for `model` (None: for any).

    `next_why` is the sentence about who would take over if the live account were refused now;
    `better_why` the one about a swap that the strategy wants although nothing has failed, and
    `held_by` why that one has to wait. `own_key` says what gives the provider another key.
    """

    provider: str
    model: str | None
    strategy: Strategy
    rule: str
    balancing: bool
    arguments: tuple[Argument, ...]
    next: Account | None
    next_why: str
    better: Account | None
    better_why: str | None
    held_by: str | None = None
    own_key: str | None = None


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
    active = live_of(state, provider)
    barred = {active.id} if active else set()
    like = active.credential if active else None
    is_elsewhere = active is not None and state.active(provider) is None
    seen = seen_from(state, HomeName.DATABASE if is_elsewhere else HomeName.AUTH_FILE)
    successor = choose(seen, Selection(provider, barred, like, model), now)
    preferred = prefer(seen, provider, model, now) if state.balancing else None
    strategy = state.failover.strategy_of(provider)
    wanted = Selection(provider, model=model)
    return Explanation(
        provider=provider,
        model=model,
        strategy=strategy,
        rule=_STRATEGY_WORDS[strategy],
        balancing=state.balancing,
        arguments=tuple(
            Argument(a, a is active, standing_sentence(state, a, wanted, now))
            for a in state.of(provider)
        ),
        next=successor.account,
        next_why=successor.why,
        better=preferred.account if preferred else None,
        better_why=preferred.why if preferred else None,
        held_by=unseen if preferred and not preferred.is_before_the_wall else None,
        own_key=own_key,
    )


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
    if told.better_why is not None:
        lines.append(f"to be swapped between turns: {told.better_why}")
    if told.held_by is not None:
        lines.append(f"that waits: {told.held_by}")
    if told.own_key is not None:
        lines.append(told.own_key)
    who = told.next.alias if told.next else "nobody"
    lines.append(f"if the live one is refused: {who} ({told.next_why})")
    return tuple(lines)
