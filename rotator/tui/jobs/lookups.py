"""What is asked for: usage, reasons, providers, models, and what a login has brought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rotator.context import Context
from rotator.core.logins.perhaps_one import perhaps_words
from rotator.core.selection.explain import explain, sentences, with_notes
from rotator.live.knowledge import knowledge
from rotator.opencode.models import ask_models, known_providers
from rotator.services import usage
from rotator.services.own_keys import own_key_sentences
from rotator.services.restarts import bridges_in_use, unseen_turns
from rotator.services.sync import sync
from rotator.tui.model import effects as do
from rotator.tui.model.messages import ChoicesLoaded, Explained, JobFinished, Message
from rotator.tui.model.world import Item
from rotator.tui.update.accounts import why_title
from rotator.wording import counted

ANOTHER = Item("", "another one", "opencode asks which")


class Explainer(Protocol):
    """**Protocol:** what says why this account of a provider serves and not that."""

    def __call__(self, context: Context, provider: str) -> tuple[str, ...]:
        """Return the sentences."""


def explain_choice(context: Context, provider: str) -> tuple[str, ...]:
    """Say what speaks for and against each account, as `rotator explain` does."""
    present = bridges_in_use(context)
    unseen = unseen_turns(context, present)
    own = own_key_sentences(context, present, [provider]).get(provider)
    state = context.decision_state(provider)
    told = explain(state, provider, None, context.clock(), unseen, own)
    return sentences(with_notes(told, perhaps_words(knowledge(context, state))))


def explained(explainer: Explainer, provider: str) -> Callable[[Context], Message]:
    """Return the job that explains a provider's choice."""
    return lambda context: Explained(why_title(provider), explainer(context, provider))


def read_usage(effect: do.ReadUsage) -> Callable[[Context], Message]:
    """Return the job that asks vendors what is used."""

    def work(context: Context) -> Message:
        wanted = set(effect.accounts)
        accounts = [a for a in context.store.state().accounts if a.id in wanted]
        before = {a.id for a in accounts if usage.obstacle(context, a) is not None}
        asked = usage.read(context, accounts, forced=True)
        context.notify_changed()
        failed = [
            reading.asked.failure
            for reading in usage.known(context, [a for a in accounts if a.id not in before])
            if reading.asked.failure
        ]
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            return JobFinished(effect.job, f"usage: {failed[0]}{more}", failed=True)
        if not asked:
            why = next(filter(None, (usage.obstacle(context, a) for a in accounts)), None)
            return JobFinished(effect.job, f"usage: {why or 'it was asked for a moment ago'}")
        return JobFinished(effect.job, f"usage of {asked} of {len(accounts)} accounts was read")

    return work


def offer_providers(context: Context) -> Message:
    """Return the providers that one can log in to: those in use first, then all by name."""
    state = context.store.state()
    mine = sorted({account.provider for account in state.accounts})
    names = {name: name for name in context.registry.providers if name.isascii() and name != "*"}
    names |= known_providers()
    names |= {name: names.get(name, name) for name in mine}
    others = sorted(names.keys() - set(mine), key=lambda name: names[name].casefold())
    items = [Item(name, names[name], counted(len(state.of(name)), "account")) for name in mine]
    items += [Item(name, names[name], name if names[name] != name else "") for name in others]
    return ChoicesLoaded("providers", (*items, ANOTHER))


def offer_models(provider: str) -> Callable[[Context], Message]:
    """Return the job that asks opencode for a provider's models."""

    def work(_: Context) -> Message:
        models = ask_models(provider)
        return ChoicesLoaded(
            provider, tuple(Item(m.id, m.name, f"{m.released}  {m.id}") for m in models)
        )

    return work


def captured(effect: do.Captured) -> Callable[[Context], Message]:
    """Return the job that finds out what a login of opencode's has brought."""

    def work(context: Context) -> Message:
        sync(context)
        new = [a for a in context.store.state().accounts if a.id not in effect.before]
        # Somebody else may have logged in somewhere else meanwhile.
        new.sort(key=lambda account: account.provider != effect.provider)
        context.notify_changed()
        if new:
            return JobFinished(effect.job, f"{new[0].name} was saved", name_it=new[0].id)
        for entry in reversed(context.history.read(after=effect.last_event)):
            event = entry.event
            if event.account and effect.provider in {"", event.provider}:
                return JobFinished(effect.job, f"{event.account}: {event.why}")
        if effect.code:
            says = f"opencode's login ended with {effect.code}, and no login was made"
            return JobFinished(effect.job, says, failed=True)
        return JobFinished(effect.job, "no login was made")

    return work
