"""Holds documented conversations with a module, as they are or with one answer changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from rotator.model import Identity, Snapshot
from rotator.provider import (
    HttpAnswer,
    HttpRequest,
    IdentityReader,
    LoginCheck,
    LoginChecker,
    Reading,
    UsageReader,
)
from rotator.secret import Secret
from rotator.testing.cases import Conversation, IdentityCase, UsageCase
from rotator.testing.claims import impossible, untold
from rotator.testing.driving import NeedlessRequest, Outcome, drive
from rotator.testing.malformed import Changed

Asked = UsageReader | IdentityReader | LoginChecker
_NOTHING_THERE = HttpAnswer(404, {"content-type": "application/json"}, Secret("{}"))
_EXACT = timedelta(seconds=1)


class Script:
    """Answers as documented, but for the step that `changed` stands in for."""

    def __init__(self, case: Conversation, step: int | None, changed: HttpAnswer | None) -> None:
        self._left = list(enumerate(case.exchange))
        self._changed = changed
        self._step = step
        self._place = None if step is None else _place(case.exchange[step])

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request; raises NeedlessRequest for one that nobody documents."""
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


def _place(request: object) -> tuple[object, object]:
    return getattr(request, "method", None), getattr(request, "url", None)


def read(
    module: Asked, case: Conversation, step: int | None = None, answer: HttpAnswer | None = None
) -> Outcome:
    """Hold a conversation, with `answer` instead of that of one step."""
    return drive(begun(module, case), Script(case, step, answer))


def begun(module: Asked, case: Conversation) -> Reading:
    """Begin the conversation that a case is about."""
    if isinstance(case, UsageCase) and isinstance(module, UsageReader):
        return module.read_usage(case.credential, case.now)
    if isinstance(case, IdentityCase) and isinstance(module, IdentityReader):
        return _named(module, case)
    return _accepted(login_check(module, case), case.now)


def _named(module: IdentityReader, case: IdentityCase) -> Reading:
    """Carry a conversation about an owner, in a snapshot that has nothing else."""
    who = yield from module.read_identity(case.credential, case.now)
    told: object = who
    if isinstance(told, Identity) and told.key:
        return Snapshot(case.now, identity=who)
    raise TypeError("it names nobody, and raises nothing")


def login_check(module: Asked, case: Conversation) -> LoginCheck | None:
    """Return how a module checks a login, or None."""
    if not isinstance(module, LoginChecker):
        return None
    return module.check_login(case.credential, case.now)


def _accepted(check: LoginCheck | None, now: datetime) -> Reading:
    """Carry a conversation that ends without a word; a snapshot of nothing stands for it."""
    if check is not None:
        yield from check
    return Snapshot(now)


def secrets_of(case: Conversation) -> list[Secret]:
    """Return the secrets of a case."""
    return [case.credential.secret, *filter(None, [case.credential.refresh])]


def other_time(moment: datetime | None, wanted: datetime | None) -> Iterator[str]:
    """Yield that a time is not the one that was wanted."""
    if (moment is None) is not (wanted is None) or (
        moment is not None and wanted is not None and abs(moment - wanted) > _EXACT
    ):
        yield f"retry_at is {moment}, not {wanted}"


def changes_of(
    case: Conversation, change: Callable[[object], Iterator[Changed]]
) -> Iterator[tuple[int, Changed]]:
    """Yield each step with each change of its answer."""
    for number, step in enumerate(case.exchange):
        if step.document is not None:
            yield from ((number, changed) for changed in change(step.document))


def instead(case: Conversation, step: int, changed: Changed) -> HttpAnswer:
    """Return the answer of a step with other content."""
    usual = case.exchange[step].answer
    return HttpAnswer(usual.status, usual.headers, Secret(changed.text))


def claims_untold(snapshot: Snapshot, told: Snapshot, now: datetime) -> Iterator[str]:
    """Yield what nothing says, of a snapshot that can be compared at all."""
    if not any(impossible(snapshot, now)) and not any(impossible(told, now)):
        yield from untold(snapshot, told)


def told_by(module: Asked, case: Conversation) -> Snapshot | None:
    """Return what a module makes of the documented conversation; None where it is refused."""
    return None if case.is_refused else read(module, case).snapshot
