"""The rules for a provider module, each tried with one documented case.

A rule is a function of a module and a case of one kind, and yields a sentence for each way in
which it is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from rotator.core.failures.classify import LIMITS, classify, scope_of
from rotator.errors import ProviderUnavailable, RateLimited
from rotator.model import EVERYTHING, Finding, Identity, Scope, Signal, Snapshot
from rotator.provider import (
    Classifier,
    HeaderReader,
    HttpAnswer,
    HttpRequest,
    IdentityReader,
    LoginCheck,
    LoginChecker,
    Provider,
    Reading,
    Scoping,
    UsageReader,
)
from rotator.secret import Secret
from rotator.testing.cases import (
    Case,
    Conversation,
    ErrorCase,
    HeaderCase,
    IdentityCase,
    UsageCase,
)
from rotator.testing.claims import impossible, unlike, unlike_owner, untold
from rotator.testing.driving import NeedlessRequest, Outcome, broken_requests, drive
from rotator.testing.malformed import (
    MARK,
    Changed,
    Synthetic,
    bad_headers,
    bad_signals,
    synthetic_answers,
    with_additions,
    with_hostile_texts,
    with_mutations,
)

Asked = UsageReader | IdentityReader | LoginChecker
# A function of a module and a case, each of the kind that it is about.
Rule = Callable[[Any, Any], Iterator[str]]
_NOTHING_THERE = HttpAnswer(404, {"content-type": "application/json"}, Secret("{}"))
_EXACT = timedelta(seconds=1)
_MOST_IDENTITY_REQUESTS = 2


class _Script:
    """Answers as documented, but for the step that `changed` stands in for."""

    def __init__(self, case: Conversation, step: int | None, changed: HttpAnswer | None) -> None:
        self._left = list(enumerate(case.exchange))
        self._changed = changed
        self._step = step
        self._place = None if step is None else _place(case.exchange[step])

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        for number, step in self._left:
            if _place(step) == _place(request):
                self._left.remove((number, step))
                if number == self._step and self._changed is not None:
                    return self._changed
                return step.answer
        if self._changed is None:
            raise NeedlessRequest(request.url)
        # Asked once more, a vendor says the same; nothing is known of any other place.
        return self._changed if _place(request) == self._place else _NOTHING_THERE

    @property
    def is_told(self) -> bool:
        """Whether everything documented was asked for."""
        return not self._left


def _place(one: object) -> tuple[object, object]:
    return getattr(one, "method", None), getattr(one, "url", None)


def _read(
    module: Asked, case: Conversation, step: int | None = None, answer: HttpAnswer | None = None
) -> Outcome:
    return drive(_begun(module, case), _Script(case, step, answer))


def _begun(module: Asked, case: Conversation) -> Reading:
    if isinstance(case, UsageCase) and isinstance(module, UsageReader):
        return module.read_usage(case.credential, case.now)
    if isinstance(case, IdentityCase) and isinstance(module, IdentityReader):
        return _named(module, case)
    return _accepted(_check(module, case), case.now)


def _named(module: IdentityReader, case: IdentityCase) -> Reading:
    """Carry a conversation about an owner, in a snapshot that has nothing else."""
    who = yield from module.read_identity(case.credential, case.now)
    told: object = who
    if isinstance(told, Identity) and told.key:
        return Snapshot(case.now, identity=who)
    raise TypeError("it names nobody, and raises nothing")


def _check(module: Asked, case: Conversation) -> LoginCheck | None:
    if not isinstance(module, LoginChecker):
        return None
    return module.check_login(case.credential, case.now)


def _accepted(check: LoginCheck | None, now: datetime) -> Reading:
    """Carry a conversation that ends without a word; a snapshot of nothing stands for it."""
    if check is not None:
        yield from check
    return Snapshot(now)


def _secrets(case: Conversation) -> list[Secret]:
    return [case.credential.secret, *filter(None, [case.credential.refresh])]


def documented(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield what a documented conversation gives that it must not."""
    if (obstacle := _obstacle(module, case)) is not None:
        yield obstacle
        return
    script = _Script(case, None, None)
    outcome = drive(_begun(module, case), script)
    if not script.is_told:
        yield "it does not ask for everything that is documented"
    yield from broken_requests(outcome.requests, _secrets(case))
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
    asks = _check(module, case) is not None
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
    told = _told(module, case)
    for step in range(len(case.exchange)):
        for synthetic in synthetic_answers(case.now):
            outcome = _read(module, case, step, synthetic.answer)
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
            yield from _untold(outcome.snapshot, told, case.now)
        return
    kind = str(outcome)
    if synthetic.wanted is not None and kind != synthetic.wanted:
        yield f"it gives {kind}, not {synthetic.wanted}"
    if kind == synthetic.not_wanted:
        yield f"it gives {kind}"
    if isinstance(outcome.error, ProviderUnavailable) and not outcome.error.sent:
        yield "the error says that nothing was sent"
    if isinstance(outcome.error, RateLimited):
        yield from _other_time(outcome.error.retry_at, synthetic.retry_at)


def _other_time(found: datetime | None, wanted: datetime | None) -> Iterator[str]:
    if (found is None) is not (wanted is None) or (
        found is not None and wanted is not None and abs(found - wanted) > _EXACT
    ):
        yield f"retry_at is {found}, not {wanted}"


def added(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where an unknown field changes something."""
    usual = _read(module, case)
    for step, changed in _changes(case, with_additions):
        outcome = _read(module, case, step, _instead(case, step, changed))
        if (outcome.snapshot, str(outcome)) != (usual.snapshot, str(usual)):
            yield f"{changed.what} at request {step + 1}: another result ({outcome})"


def mutated(module: Asked, case: Conversation) -> Iterator[str]:
    """Yield where a field that is gone, null or of a wrong type leads to what it must not."""
    told = _told(module, case)
    for step, changed in _changes(case, with_mutations):
        outcome = _read(module, case, step, _instead(case, step, changed))
        where = f"{changed.what} at request {step + 1}"
        yield from (f"{where}: {sentence}" for sentence in _always(case, outcome))
        if told is None or outcome.fault:
            continue
        if outcome.snapshot is None and str(outcome) != "UnexpectedAnswer":
            yield f"{where}: it gives {outcome}"
        # A flag may be what says that numbers do not count.
        if outcome.snapshot is not None and not isinstance(changed.was, bool):
            yield from (f"{where}: {claim}" for claim in _untold(outcome.snapshot, told, case.now))


def named(module: IdentityReader, case: IdentityCase) -> Iterator[str]:
    """Yield where a field that is gone, null or of a wrong type leads to another owner."""
    told = _told(module, case)
    if told is None:
        return
    for step, changed in _changes(case, with_mutations):
        outcome = _read(module, case, step, _instead(case, step, changed))
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
    for step, changed in _changes(case, with_hostile_texts):
        outcome = _read(module, case, step, _instead(case, step, changed))
        for sentence in _always(case, outcome):
            yield f"{changed.what} at request {step + 1}: {sentence}"


def _changes(
    case: Conversation, change: Callable[[object], Iterator[Changed]]
) -> Iterator[tuple[int, Changed]]:
    for number, step in enumerate(case.exchange):
        if step.document is not None:
            yield from ((number, changed) for changed in change(step.document))


def _instead(case: Conversation, step: int, changed: Changed) -> HttpAnswer:
    usual = case.exchange[step].answer
    return HttpAnswer(usual.status, usual.headers, Secret(changed.text))


def _untold(snapshot: Snapshot, told: Snapshot, now: datetime) -> Iterator[str]:
    """Yield what nothing says, of a snapshot that can be compared at all."""
    if not any(impossible(snapshot, now)) and not any(impossible(told, now)):
        yield from untold(snapshot, told)


def _told(module: Asked, case: Conversation) -> Snapshot | None:
    return None if case.is_refused else _read(module, case).snapshot


def _always(case: Conversation, outcome: Outcome) -> Iterator[str]:
    """Yield what may never come of a reading, whatever was answered."""
    if outcome.fault is not None:
        yield outcome.fault
    hosts = {urlsplit(request.url).hostname for request in outcome.requests}
    if strange := hosts - case.hosts:
        yield f"it asks {strange}, which is no documented host"
    yield from broken_requests(outcome.requests, _secrets(case))
    for text in outcome.texts:
        if MARK in text or any(secret.reveal() in text for secret in _secrets(case) if secret):
            yield "a text shows a secret, or what the vendor's server wrote"
    if outcome.snapshot is not None:
        yield from impossible(outcome.snapshot, case.now)
    if isinstance(case, IdentityCase) and len(outcome.requests) > _MOST_IDENTITY_REQUESTS:
        yield f"it takes more than {_MOST_IDENTITY_REQUESTS} requests to ask whose it is"


def headers(module: HeaderReader, case: HeaderCase) -> Iterator[str]:
    """Yield what the headers of a good answer give that they must not."""
    told = module.read_headers(case.headers, case.now)
    if (told is None) is not (case.expected is None):
        yield f"it gives {'nothing' if told is None else 'a Snapshot'}"
    elif told is not None and case.expected is not None:
        faults = list(impossible(told, case.now))
        yield from faults or unlike(told, case.expected)
    for what, changed in bad_headers(case.headers):
        try:
            found = module.read_headers(changed, case.now)
        except Exception as exc:  # noqa: BLE001  # a module may raise anything
            yield f"{what}: {type(exc).__name__}"
            continue
        if found is not None:
            claims = _untold(found, told or Snapshot(case.now), case.now)
            yield from (f"{what}: {s}" for s in (*impossible(found, case.now), *claims))


def errors(module: object, case: ErrorCase) -> Iterator[str]:
    """Yield what a failed request means that it must not; the rules for everybody follow."""
    finding = _finding(module, case.signal, case.now)
    if finding.meaning is not case.meaning:
        yield f"it means {finding.meaning} ({finding.reason}), not {case.meaning}"
    yield from _other_time(finding.until, case.until)
    scope = _scope(module, case.signal, finding)
    if finding.meaning in LIMITS and scope != case.scope:
        yield f"it is counted for {scope}, not {case.scope}"
    for what, signal in bad_signals(case.signal):
        try:
            mutated = _finding(module, signal, case.now)
            reason, about = mutated.reason, _scope(module, signal, mutated).model
        except Exception as exc:  # noqa: BLE001  # a module may raise anything
            yield f"{what}: {type(exc).__name__}"
            continue
        if MARK in reason or not reason.isprintable():
            yield f"{what}: the reason shows what the vendor's server wrote"
        if about is not None and MARK in about:
            yield f"{what}: the model of its limit is what the vendor's server wrote"


def _finding(module: object, signal: Signal, now: datetime) -> Finding:
    own = module.classify(signal, now) if isinstance(module, Classifier) else None
    return own or classify(signal, now)


def _scope(module: object, signal: Signal, finding: Finding) -> Scope:
    if finding.scope != EVERYTHING:
        return finding.scope
    told = module.limit_scope(signal) if isinstance(module, Scoping) else None
    return told or scope_of(signal, finding.meaning)


def identified(module: Provider, case: Conversation) -> Iterator[str]:
    """Yield what a credential says of itself that must not be shown."""
    who = module.identify(case.credential)
    for text in (who.key, who.label, who.group):
        if text is not None and any(one.reveal() in text for one in _secrets(case) if one):
            yield "its identity shows a secret"


RULES: Mapping[str, Mapping[str, Rule]] = {
    "usage": {
        "a documented answer gives what it says": documented,
        "any other answer gives an error": refused,
        "an unknown field changes nothing": added,
        "a broken field gives no wrong number": mutated,
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
