"""The rules for a provider module, each tried with one documented case.

A rule is a function of a module and a case of one kind, and yields a sentence for each way in
which it is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from rotator.errors import ProviderUnavailable, RateLimited
from rotator.model import Snapshot
from rotator.provider import HeaderReader, IdentityReader, LoginChecker, Provider, UsageReader
from rotator.secret import Secret
from rotator.testing.cases import Case, Conversation, IdentityCase, UsageCase
from rotator.testing.claims import impossible, unlike, unlike_owner
from rotator.testing.conversations import (
    Asked,
    Script,
    begun,
    changes_of,
    claims_untold,
    instead,
    login_check,
    other_time,
    read,
    secrets_of,
    told_by,
)
from rotator.testing.driving import Outcome, broken_requests, drive
from rotator.testing.failure_rules import errors, headers
from rotator.testing.malformed import (
    MARK,
    Synthetic,
    pieces_of,
    synthetic_answers,
    with_additions,
    with_hostile_texts,
    with_mutations,
)

# A function of a module and a case, each of the kind that it is about.
Rule = Callable[[Any, Any], Iterator[str]]
_MOST_IDENTITY_REQUESTS = 2
# An answer that says one thing says nothing without it.
_SEVERAL = 2


def documented(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield what a documented conversation gives that it must not."""
    if (obstacle := _obstacle(module, case)) is not None:
        yield obstacle
        return
    script = Script(case, None, None)
    outcome = drive(begun(module, case), script)
    if not script.is_told:
        yield "it does not ask for everything that is documented"
    yield from broken_requests(outcome.requests, secrets_of(case))
    if not outcome.requests or not any(
        isinstance(value, Secret) for value in outcome.requests[0].headers.values()
    ):
        yield "the first request carries no credential in a Secret among its headers"
    faults = list(_always(case, outcome))
    yield from faults
    expected = case.expected or {}
    if faults:
        return
    if case.is_refused:
        yield from _unlike_refusal(outcome, expected["error"], expected.get("field"))
    elif outcome.snapshot is None:
        yield f"it gives {outcome}{_message(outcome)}, not a Snapshot"
    else:
        yield from _unlike(outcome.snapshot, case, expected)


def _obstacle(module: Asked, case: Conversation) -> str | None:
    if isinstance(case, UsageCase) and isinstance(module, UsageReader):
        why = module.usage_obstacle(case.credential)
        return why and f"it says that the usage cannot be asked for: {why}"
    if isinstance(case, IdentityCase) and isinstance(module, IdentityReader):
        why = module.identity_obstacle(case.credential)
        return why and f"it says that nobody can be asked whose it is: {why}"
    asks = login_check(module, case) is not None
    return None if asks else "it does not ask whether the login is accepted"


def _unlike(snapshot: Snapshot, case: Conversation, expected: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(case, UsageCase):
        yield from unlike(snapshot, expected)
    elif isinstance(case, IdentityCase):
        yield from unlike_owner(snapshot.identity, expected)


def _unlike_refusal(outcome: Outcome, kind: str, field: str | None) -> Iterator[str]:
    if str(outcome) != kind:
        yield f"it gives {outcome}{_message(outcome)}, not {kind}"
    elif field is not None and field not in str(outcome.error):
        yield f"its message does not name {field}{_message(outcome)}"


def _message(outcome: Outcome) -> str:
    return f" ({outcome.error})" if outcome.error else ""


def refused(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where an answer that nobody documents leads to what it must not."""
    told = told_by(module, case)
    for step in range(len(case.exchange)):
        for synthetic in synthetic_answers(case.now):
            outcome = read(module, case, step, synthetic.answer)
            for sentence in _misread(case, outcome, synthetic, told):
                yield f"{synthetic.name} at request {step + 1}: {sentence}"


def _misread(
    case: Conversation, outcome: Outcome, synthetic: Synthetic, told: Snapshot | None
) -> Iterator[str]:
    yield from _always(case, outcome)
    if outcome.snapshot is not None:
        if synthetic.tells_nothing and len(case.exchange) == 1:
            yield "a Snapshot is made of it"
        if told is not None:
            yield from claims_untold(outcome.snapshot, told, case.now)
        return
    kind = str(outcome)
    if synthetic.wanted is not None and kind != synthetic.wanted:
        yield f"it gives {kind}, not {synthetic.wanted}"
    if kind == synthetic.not_wanted:
        yield f"it gives {kind}"
    if isinstance(outcome.error, ProviderUnavailable) and not outcome.error.sent:
        yield "the error says that nothing was sent"
    if isinstance(outcome.error, RateLimited):
        yield from other_time(outcome.error.retry_at, synthetic.retry_at)


def added(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where an unknown field changes something."""
    usual = read(module, case)
    for step, changed in changes_of(case, with_additions):
        outcome = read(module, case, step, instead(case, step, changed))
        if (outcome.snapshot, str(outcome)) != (usual.snapshot, str(usual)):
            yield f"{changed.what} at request {step + 1}: another result ({outcome})"


def mutated(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where a field that is gone, null or of a wrong type leads to what it must not."""
    told = told_by(module, case)
    for step, changed in changes_of(case, with_mutations):
        outcome = read(module, case, step, instead(case, step, changed))
        where = f"{changed.what} at request {step + 1}"
        yield from (f"{where}: {sentence}" for sentence in _always(case, outcome))
        if told is None or outcome.fault:
            continue
        if outcome.snapshot is None and str(outcome) != "UnexpectedAnswer":
            yield f"{where}: it gives {outcome}"
        # A flag may be what says that numbers do not count.
        if outcome.snapshot is not None and not isinstance(changed.was, bool):
            yield from (
                f"{where}: {claim}" for claim in claims_untold(outcome.snapshot, told, case.now)
            )


def separate(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where a piece of an answer that can be missing costs the rest when it is broken."""
    told = told_by(module, case)
    if told is None or _claims(told) < _SEVERAL:
        return
    for number, step in enumerate(case.exchange):
        for gone, broken in pieces_of(step.document) if step.document is not None else ():
            without = read(module, case, number, instead(case, number, gone)).snapshot
            if without is None or not _claims(without):
                continue
            for changed in broken:
                outcome = read(module, case, number, instead(case, number, changed))
                if outcome.snapshot is None:
                    yield f"{changed.what} at request {number + 1}: it gives {outcome}"


def _claims(snapshot: Snapshot) -> int:
    return len(snapshot.windows) + (snapshot.balance is not None)


def named(module: IdentityReader, case: IdentityCase) -> Iterator[str]:
    """Yield where a field that is gone, null or of a wrong type leads to another owner."""
    told = told_by(module, case)
    if told is None:
        return
    for step, changed in changes_of(case, with_mutations):
        outcome = read(module, case, step, instead(case, step, changed))
        where = f"{changed.what} at request {step + 1}"
        yield from (f"{where}: {sentence}" for sentence in _always(case, outcome))
        if outcome.snapshot is not None and outcome.snapshot.identity.key != told.identity.key:
            yield f"{where}: it names another owner"
        if outcome.error is not None and str(outcome) != "UnexpectedAnswer":
            yield f"{where}: it gives {outcome}"


def paced(module: IdentityReader, case: IdentityCase) -> Iterator[str]:  # noqa: ARG001  # a rule's shape
    """Yield where a module does not say when it may be asked."""
    told: object = module.asks_only_in_doubt
    if not isinstance(told, bool):
        yield "asks_only_in_doubt is no truth value"


def hostile(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where a text that is not meant to be shown gets somewhere."""
    for step, changed in changes_of(case, with_hostile_texts):
        outcome = read(module, case, step, instead(case, step, changed))
        for sentence in _always(case, outcome):
            yield f"{changed.what} at request {step + 1}: {sentence}"


def _always(case: Conversation, outcome: Outcome) -> Iterator[str]:
    """Yield what may never come of a reading, whatever was answered."""
    if outcome.fault is not None:
        yield outcome.fault
    hosts = {urlsplit(request.url).hostname for request in outcome.requests}
    if strange := hosts - case.hosts:
        yield f"it asks {strange}, which is no documented host"
    yield from broken_requests(outcome.requests, secrets_of(case))
    for text in outcome.texts:
        if MARK in text or any(secret.reveal() in text for secret in secrets_of(case) if secret):
            yield "a text shows a secret, or what the vendor's server wrote"
    if outcome.snapshot is not None:
        yield from impossible(outcome.snapshot, case.now)
    if isinstance(case, IdentityCase) and len(outcome.requests) > _MOST_IDENTITY_REQUESTS:
        yield f"it takes more than {_MOST_IDENTITY_REQUESTS} requests to ask whose it is"


def identified(module: Provider, case: Conversation) -> Iterator[str]:
    """Yield what a credential says of itself that must not be shown."""
    who = module.identify(case.credential)
    for text in (who.key, who.label, who.group):
        if text is not None and any(token.reveal() in text for token in secrets_of(case) if token):
            yield "its identity shows a secret"


RULES: Mapping[str, Mapping[str, Rule]] = {
    "usage": {
        "a documented answer gives what it says": documented,
        "any other answer gives an error": refused,
        "an unknown field changes nothing": added,
        "a broken field gives no wrong number": mutated,
        "what is broken costs itself": separate,
        "a hostile text goes nowhere": hostile,
        "an identity shows no secret": identified,
    },
    "identity": {
        "a documented answer names whom it says": documented,
        "any other answer gives an error": refused,
        "an unknown field changes nothing": added,
        "a broken field names nobody else": named,
        "a hostile text goes nowhere": hostile,
        "an identity shows no secret": identified,
        "it says when it may be asked": paced,
    },
    "login": {
        "a documented answer accepts a login or refuses it": documented,
        "any other answer gives an error": refused,
        "an unknown field changes nothing": added,
        "a hostile text goes nowhere": hostile,
    },
    "headers": {"headers give what they say": headers},
    "error": {"an error means what it says": errors},
}
_NEEDED: Mapping[str, type] = {
    "usage": UsageReader,
    "identity": IdentityReader,
    "login": LoginChecker,
    "headers": HeaderReader,
}


def rules_for(case: Case) -> Mapping[str, Rule]:
    """Return the rules that `case` can try, by a sentence that says each."""
    return RULES[case.kind]


def can_try(module: object, case: Case) -> bool:
    """Tell whether a module has what the rules for such a case need."""
    needed = _NEEDED.get(case.kind)
    return needed is None or isinstance(module, needed)


def broken_rules(module: object, case: Case) -> list[str]:
    """Return a sentence for each way in which `module` breaks a rule with `case`."""
    if not can_try(module, case):
        return [f"it is no {_NEEDED[case.kind].__name__}"]
    return [f"{name}: {s}" for name, rule in rules_for(case).items() for s in rule(module, case)]
