"""Carries an outcome of the engine out: the swap, then the verdict, then the bookkeeping."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from rotator import engine
from rotator.books import Books
from rotator.errors import RotatorError, SwapUnverified
from rotator.model import Account, Digest, Event, EventKind, Finding, Signal, Verdict
from rotator.swap import Order, swap

log = logging.getLogger(__name__)

# Somebody logs in or rotates just while a failure is worked off: decide anew, but not for ever.
_MOST_DECISIONS = 5
# A request waits for the swap, and the bridge for a quarter of a second.
_PATIENCE_SECONDS = 0.15

Answer = Callable[[Verdict], None]


def carry_out(books: Books, signal: Signal, finding: Finding, *, answer: Answer) -> Verdict:
    """Do what a failure asks for, call `answer` once with the verdict, and return it.

    It never raises for a swap that could not be made: then the verdict is pass, the account
    is marked all the same, and an event says what stood in the way.
    """
    reply = _Once(answer)
    try:
        for _ in range(_MOST_DECISIONS):
            outcome = engine.on_signal(books.store.state(), signal, finding, books.clock())
            if _done(books, outcome, reply):
                break
    finally:
        reply(engine.PASS)
    return reply.given or engine.PASS


class _Once:
    """Gives the first answer it gets, and no other."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.given: Verdict | None = None

    def __call__(self, verdict: Verdict) -> None:
        if self.given is None:
            self.given = verdict
            try:
                self._answer(verdict)
            except OSError as exc:
                # The request passes by itself then; what happened is written down all the same.
                log.warning("a verdict could not be given: %s", exc.strerror)


def _done(books: Books, outcome: engine.Outcome, reply: _Once) -> bool:
    order = outcome.order
    if order is None:
        reply(outcome.verdict)
        _mark(books, outcome)
        return True
    try:
        done = swap(
            books,
            Order(
                account=order.to.id,
                why=order.why,
                kind=EventKind.FAILOVER,
                expected=order.expected.id if order.expected else None,
                check_expected=True,
                watched=True,
                patience_seconds=_PATIENCE_SECONDS,
                on_renamed=lambda put: reply(_for(outcome.verdict, put.credential.digest)),
                also=lambda: _write_marks(books, outcome.marks),
                events=outcome.events,
            ),
        )
    except SwapUnverified as exc:
        # Everything is written down already; the watcher's next look puts it right.
        books.record([_problem(books, order.to, exc)])
        return True
    except RotatorError as exc:
        log.warning("a failover could not be made: %s", exc.message)
        reply(engine.PASS)
        _mark(books, replace(outcome, events=(*outcome.events, _problem(books, order.to, exc))))
        return True
    return done is not None


def _problem(books: Books, to: Account, exc: RotatorError) -> Event:
    why = f"{to.alias} could not take over: {exc.message}"
    return Event(books.clock(), EventKind.PROBLEM, to.provider, to.name, why=why)


def _for(verdict: Verdict, credential: Digest) -> Verdict:
    # The account may have got a newer credential between the decision and the swap.
    return replace(verdict, credential=credential) if verdict.credential else verdict


def _mark(books: Books, outcome: engine.Outcome) -> None:
    if outcome.marks:
        with books.store.transaction():
            _write_marks(books, outcome.marks)
    books.record(outcome.events)
    if outcome.marks:
        books.announce()


def _write_marks(books: Books, marks: tuple[engine.Mark, ...]) -> None:
    now = books.clock()
    for mark in marks:
        match mark:
            case engine.Rest(account=account, limit=limit):
                books.store.set_limit(account.id, limit)
            case engine.Reject(account=account, reason=reason):
                books.store.set_rejected(account.id, reason)
                books.store.note_rejection(account.provider, now)
            case engine.NoteOverload(provider=provider):
                books.store.note_overload_swap(provider, now)
