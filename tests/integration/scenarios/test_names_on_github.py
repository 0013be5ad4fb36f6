"""Whose a Copilot login is: GitHub's number of a user, which stays, and no name, which does not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rotator.core.poll_schedule import MOST_TRIES, OwnerRecord
from rotator.errors import ProviderUnavailable
from rotator.model import Identity
from rotator.plugins.registry import Registry, load_registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret
from rotator.watcher.identity_questions import IdentityQuestions
from tests.support.descents import seen_login
from tests.support.live import Entry, Live, open_live
from tests.support.waiting import wait_until

COPILOT = "github-copilot"
HOSTS = pytest.mark.parametrize("host", [None, "https://acme.ghe.com"])


class GitHub:
    """Names the user of each token, and goes away where it is told to."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, object]] = {}
        self.asked: list[str] = []
        self.is_away = False
        self.revoked: set[str] = set()

    def send(self, request: HttpRequest) -> HttpAnswer:
        assert urlsplit(request.url).path == "/user"
        (authorization,) = (
            value for name, value in request.headers.items() if name.lower() == "authorization"
        )
        assert isinstance(authorization, Secret)
        token = authorization.reveal().partition(" ")[2]
        self.asked.append(token)
        if self.is_away:
            raise ProviderUnavailable("away", sent=False)
        if token in self.revoked:
            body = Secret('{"message":"Bad credentials"}')
            return HttpAnswer(401, {"content-type": "application/json"}, body)
        body = Secret(json.dumps(self.users[token]))
        return HttpAnswer(200, {"content-type": "application/json"}, body)


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
def live(home: Path, github: GitHub) -> Iterator[Live]:
    registry = Registry(load_registry().providers, send=github.send)
    with open_live(home, registry=registry) as live:
        yield live


def log_in(
    live: Live, github: GitHub, token: str, user: dict[str, object], host: str | None
) -> None:
    """Let a user log in with a token that a bridge saw come from a code."""
    text = f"gho_CANARY{token}"
    github.users[text] = user
    more = {"enterpriseUrl": host} if host else {}
    entry: Entry = {"type": "oauth", "refresh": text, "access": text, "expires": 0, **more}
    seen_login(live, entry)
    live.clock.pass_time(minutes=10)
    live.sees({COPILOT: entry})


def ask(live: Live, asking: IdentityQuestions | None = None) -> None:
    with contextlib.ExitStack() as stack:
        questions = asking or stack.enter_context(
            contextlib.closing(IdentityQuestions(live.context, lambda: None))
        )
        questions.begin()

        def over() -> bool:
            questions.work()
            return not questions.is_asking

        wait_until(over, 10, "the answers")
    live.look()


def rows(live: Live) -> list[tuple[str, str | None]]:
    return sorted(
        (a.credential.secret.reveal().removeprefix("gho_CANARY"), a.identity)
        for a in live.state.of(COPILOT)
    )


@HOSTS
@pytest.mark.parametrize("name", ["guest", "me", "free", "null", "local", "ghost", "octocat"])
@pytest.mark.parametrize("number", [1, 583231])
def test_a_person_is_named_whatever_the_name_spells(
    live: Live, github: GitHub, name: str, number: int, host: str | None
) -> None:
    for token in ("one", "two"):
        log_in(live, github, token, {"login": name, "id": number}, host)
        ask(live)

    assert rows(live) == [("two", name)]


@HOSTS
def test_who_takes_a_name_that_was_given_up_is_somebody_else(
    live: Live, github: GitHub, host: str | None
) -> None:
    log_in(live, github, "one", {"login": "ada", "id": 7}, host)
    ask(live)
    log_in(live, github, "two", {"login": "ada-lovelace", "id": 7}, host)
    ask(live)
    log_in(live, github, "other", {"login": "ada", "id": 99}, host)
    ask(live)

    assert rows(live) == [("other", "ada"), ("two", "ada-lovelace")]


def test_the_user_who_stands_for_deleted_ones_is_nobody(live: Live, github: GitHub) -> None:
    for token in ("one", "two"):
        log_in(live, github, token, {"login": "ghost", "id": 10137}, None)
        ask(live)

    assert [token for token, _ in rows(live)] == ["one", "two"]


# -- an older version knew people by their names -----------------------------------------------


def knew_by_name(live: Live, github: GitHub, token: str, user: dict[str, object]) -> None:
    """Let a login be in the store as an older version has left it: asked about, and named."""
    log_in(live, github, token, user, None)
    github.is_away, was = True, github.is_away
    for account in live.state.of(COPILOT):
        if account.credential.secret.reveal() == f"gho_CANARY{token}":
            key = f"github.com/{user['login']}"
            live.context.store.set_owner(
                account.id, Identity(key, str(user["login"])), unproven=False
            )
            asked = OwnerRecord(1, is_answered=True)
            live.context.history.keep_owner_asked(account.credential.digest, asked)
    github.is_away = was


def test_a_login_that_was_known_by_name_is_joined_to_a_newer_one(
    live: Live, github: GitHub
) -> None:
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    log_in(live, github, "two", {"login": "ada", "id": 7}, None)

    ask(live)

    assert rows(live) == [("two", "ada")]
    (account,) = live.state.of(COPILOT)
    assert account.identity_key == "github.com#7"


def test_a_dead_login_that_was_known_by_name_is_joined_as_well(live: Live, github: GitHub) -> None:
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    (old,) = live.state.of(COPILOT)
    live.context.store.set_rejected(old.id, "revoked")
    log_in(live, github, "two", {"login": "ada", "id": 7}, None)

    ask(live)

    assert rows(live) == [("two", "ada")]
    assert "gho_CANARYone" not in github.asked


def test_a_login_that_was_known_by_a_name_that_is_another_one_s_now_stays(
    live: Live, github: GitHub
) -> None:
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    github.users["gho_CANARYone"] = {"login": "ada-lovelace", "id": 7}
    log_in(live, github, "two", {"login": "ada", "id": 99}, None)

    ask(live)

    assert rows(live) == [("one", "ada-lovelace"), ("two", "ada")]


def test_the_login_itself_is_no_other_one_by_its_number(live: Live, github: GitHub) -> None:
    """Also the tokens that it had before, and were known by the name."""
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    knew_by_name(live, github, "two", {"login": "ada", "id": 7})
    live.look()
    log_in(live, github, "three", {"login": "ada", "id": 7}, None)

    ask(live)

    assert [token for token, _ in rows(live)] == ["three"]
    (replaced,) = live.state.replaced.values()
    assert {one.who.key for one in replaced} == {"github.com#7"}


@pytest.mark.parametrize("name", ["Ada", "ada-lovelace"])
@pytest.mark.parametrize("is_asked_before", [False, True])
def test_whoever_has_another_name_since_is_joined_all_the_same(
    live: Live, github: GitHub, name: str, *, is_asked_before: bool
) -> None:
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    github.users["gho_CANARYone"] = {"login": name, "id": 7}
    if is_asked_before:
        ask(live)
    log_in(live, github, "two", {"login": name, "id": 7}, None)
    ask(live)

    assert rows(live) == [("two", name)]


def test_each_of_two_with_another_name_since_is_joined_to_a_login_of_the_same_person(
    live: Live, github: GitHub
) -> None:
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    knew_by_name(live, github, "bob", {"login": "bob", "id": 99})
    github.users["gho_CANARYone"] = {"login": "ada-lovelace", "id": 7}
    github.users["gho_CANARYbob"] = {"login": "ada", "id": 99}
    log_in(live, github, "new", {"login": "ada", "id": 99}, None)
    ask(live)

    assert rows(live) == [("new", "ada"), ("one", "ada-lovelace")]


@pytest.mark.parametrize("is_asked_before", [False, True])
def test_one_that_was_revoked_unnoticed_is_joined_by_the_name_it_had(
    live: Live, github: GitHub, *, is_asked_before: bool
) -> None:
    with contextlib.closing(IdentityQuestions(live.context, lambda: None)) as questions:
        knew_by_name(live, github, "one", {"login": "ada", "id": 7})
        knew_by_name(live, github, "bob", {"login": "bob", "id": 99})
        github.revoked = {"gho_CANARYone"}
        if is_asked_before:
            ask(live, questions)
        log_in(live, github, "two", {"login": "ada", "id": 7}, None)
        ask(live, questions)

    assert rows(live) == [("bob", "bob"), ("two", "ada")]


def test_one_of_whom_nothing_is_told_now_keeps_its_name_and_is_nobody_else_s(
    live: Live, github: GitHub
) -> None:
    """It is asked about once more, and not for ever."""
    knew_by_name(live, github, "one", {"login": "ada", "id": 7})
    github.users["gho_CANARYone"] = {"login": "ada"}
    log_in(live, github, "two", {"login": "ada", "id": 99}, None)
    for _ in range(8):
        ask(live)
        live.clock.pass_time(hours=6)

    assert rows(live) == [("one", "ada"), ("two", "ada")]
    assert github.asked.count("gho_CANARYone") == MOST_TRIES
