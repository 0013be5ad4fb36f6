"""The rules for what a module says of failed requests and of the headers of good ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rotator.core.failures.classify import LIMITS, classify, scope_of
from rotator.model import EVERYTHING, Finding, Scope, Signal, Snapshot
from rotator.provider import Classifier, HeaderReader, Scoping
from rotator.testing.cases import ErrorCase, HeaderCase
from rotator.testing.claims import impossible, unlike
from rotator.testing.conversations import claims_untold, other_time
from rotator.testing.malformed import MARK, bad_headers, bad_signals


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
            snapshot = module.read_headers(changed, case.now)
        except Exception as exc:  # noqa: BLE001  # a module may raise anything
            yield f"{what}: {type(exc).__name__}"
            continue
        if snapshot is not None:
            claims = claims_untold(snapshot, told or Snapshot(case.now), case.now)
            yield from (f"{what}: {s}" for s in (*impossible(snapshot, case.now), *claims))


def errors(module: object, case: ErrorCase) -> Iterator[str]:
    """Yield what a failed request means that it must not; the rules for everybody follow."""
    finding = _finding(module, case.signal, case.now)
    if finding.meaning is not case.meaning:
        yield f"it means {finding.meaning} ({finding.reason}), not {case.meaning}"
    yield from other_time(finding.until, case.until)
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
