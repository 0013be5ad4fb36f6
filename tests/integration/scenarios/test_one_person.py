"""Two logins of one person become one account as soon as the vendor says so, and not before (A5).

The vendors' modules are the real ones; their answers are made up after the documented ones.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rotator.plugins.registry import Registry, load_registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret
from rotator.watcher.identity_questions import IdentityQuestions
from tests.support.builders import a_jwt
from tests.support.live import NOON, Entry, Live, open_live
from tests.support.waiting import wait_until

END = int((NOON + timedelta(days=1)).timestamp() * 1000)
JSON = {"content-type": "application/json"}


def pair(access: str, refresh: str | None = None, **more: Any) -> Entry:
    """Return the entry of a login."""
    return {
        "type": "oauth",
        "access": access,
        "refresh": refresh or f"R-{access}",
        "expires": END,
    } | more


def token(person: str, number: int, **claims: object) -> str:
    """Return an access token of that person's that says no more than `claims`."""
    return a_jwt({"sub": f"auth0|{person}", "jti": f"{person}-{number}-CANARY", **claims})


def opaque(person: str, number: int) -> str:
    return f"ACC-CANARY-{person}-{number}"


def body(host: str, person: str) -> dict[str, object]:
    """Return what the vendor at `host` says of a person."""
    if host == "chatgpt.com":
        return {"user_id": f"user-{person}", "account_id": "acc-1", "plan_type": "team"}
    if host == "auth.x.ai":
        return {"sub": person}
    if host == "api.anthropic.com":
        return {"account": {"uuid": person}, "organization": {"uuid": "org"}}
    return {"login": person, "id": 1000 + sum(person.encode())}


@dataclass
class Vendors:
    """Tells whose a token is, if `tells`; asked as `Registry.send`."""

    tells: bool = True
    asked: list[str] = field(default_factory=list)
    of: dict[str, str] = field(default_factory=dict)

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        host = urlsplit(request.url).hostname or ""
        self.asked.append(host)
        header = request.headers["authorization"]
        assert isinstance(header, Secret)
        person = self.of.get(header.reveal().removeprefix("Bearer "), "")
        if not (self.tells and person):
            return HttpAnswer(503, JSON, Secret("{}"))
        return HttpAnswer(200, JSON, Secret(json.dumps(body(host, person))))


@dataclass
class People:
    """A person's store, and logins of several people at one vendor."""

    live: Live
    vendors: Vendors
    provider: str
    kind: str

    def log_in(self, person: str, number: int) -> None:
        """Store a login of that person's in auth.json, and let the watcher look."""
        access = opaque(person, number)
        if self.kind == "subject":
            access = token(person, number)
        self.vendors.of[access] = person
        more = {"expires": 0} if self.provider == "github-copilot" else {}
        refresh = access if self.provider in {"github-copilot", "poe"} else None
        # Nobody logs in twice in one instant; which of two is newer is told by the time.
        self.live.clock.pass_time(minutes=1)
        self.live.sees({self.provider: pair(access, refresh, **more)})
        self.ask()

    def ask(self) -> None:
        """Let the watcher ask, and take in every answer."""
        with contextlib.closing(IdentityQuestions(self.live.context, lambda: None)) as questions:
            questions.begin()
            wait_until(lambda: not (questions.work() or questions.is_asking), 10, "the answers")

    @property
    def rows(self) -> int:
        return len(self.live.state.of(self.provider))

    @property
    def newest(self) -> list[str]:
        """The access tokens of all rows."""
        return sorted(a.credential.secret.reveal() for a in self.live.state.of(self.provider))


VENDORS = [
    pytest.param(("openai", "opaque"), id="openai opaque"),
    pytest.param(("openai", "subject"), id="openai JWT with only sub"),
    pytest.param(("github-copilot", "opaque"), id="github-copilot"),
    pytest.param(("xai", "opaque"), id="xai opaque"),
    pytest.param(("anthropic", "opaque"), id="anthropic"),
]


@pytest.fixture
def people(home: Path, request: pytest.FixtureRequest) -> Iterator[People]:
    provider, kind = getattr(request, "param", ("openai", "opaque"))
    vendors = Vendors()
    registry = Registry(load_registry().providers, send=vendors)
    with open_live(home, registry=registry) as live:
        yield People(live, vendors, provider, kind)


@pytest.mark.parametrize("people", VENDORS, indirect=True)
def test_a_second_login_to_one_account_becomes_that_account(people: People) -> None:
    people.log_in("ada", 1)
    people.log_in("ada", 2)

    assert people.rows == 1
    assert people.newest == list(people.vendors.of)[-1:]


@pytest.mark.parametrize("people", VENDORS, indirect=True)
def test_logins_of_two_people_stay_two_accounts(people: People) -> None:
    people.log_in("ada", 1)
    people.log_in("bob", 1)

    assert people.newest == sorted(people.vendors.of)


@pytest.mark.parametrize("people", VENDORS, indirect=True)
def test_two_logins_are_never_one_on_a_guess(people: People) -> None:
    people.vendors.tells = False
    people.log_in("ada", 1)
    people.log_in("ada", 2)

    assert people.newest == sorted(people.vendors.of)


@pytest.mark.parametrize("people", [("poe", "opaque"), ("google", "opaque")], indirect=True)
def test_a_vendor_that_tells_nobody_is_not_asked(people: People) -> None:
    people.log_in("ada", 1)
    people.log_in("ada", 2)

    assert (people.rows, people.vendors.asked) == (2, [])


@pytest.mark.parametrize("people", [("openai", "opaque")], indirect=True)
def test_a_login_that_says_whose_it_is_is_not_asked_about(people: People) -> None:
    auth = {"chatgpt_account_id": "acc-1", "chatgpt_user_id": "user-ada"}
    named = token("ada", 1, **{"https://api.openai.com/auth": auth})
    people.live.sees({"openai": pair(named)})

    people.ask()

    assert people.vendors.asked == []
    assert people.live.state.of("openai")[0].identity_key == "acc-1/user-ada"


@pytest.mark.parametrize("people", [("openai", "opaque")], indirect=True)
def test_the_vendor_and_a_token_name_one_person_alike(people: People) -> None:
    """A login that names its owner follows one that did not."""
    people.log_in("ada", 1)

    (ada,) = people.live.state.of("openai")

    assert ada.identity_key == "acc-1/user-ada"
