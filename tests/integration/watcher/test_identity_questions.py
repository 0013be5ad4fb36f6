"""Asking vendors whose logins are: once for each credential, and only where it may be asked."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.context import Context
from rotator.core.poll_schedule import MOST_TRIES, OwnerRecord
from rotator.errors import ProviderUnavailable
from rotator.model import SPENT_ELSEWHERE, Digest
from rotator.model.preferences import Preferences
from rotator.plugins.registry import Registry, load_registry
from rotator.provider import HttpAnswer
from rotator.secret import Secret
from rotator.services.spent_logins import reject_spent
from rotator.watcher.identity_questions import IdentityQuestions, in_doubt
from tests.support.builders import MINUTE, a_state, an_account
from tests.support.descents import seen_login, seen_refresh
from tests.support.live import HandClock, Live, api, oauth, oauth_until, open_live
from tests.support.naming import NAMING, Namer, Naming
from tests.support.renewing import says
from tests.support.waiting import wait_until

ADA, BOB = "ACC-CANARY-ada-1", "ACC-CANARY-bob-1"
FIRST, SECOND = f"{NAMING}/{NAMING}-1", f"{NAMING}/{NAMING}-2"
DAY = timedelta(days=1)


@pytest.fixture
def namer() -> Namer:
    return Namer()


@pytest.fixture
def live(home: Path, namer: Namer) -> Iterator[Live]:
    with open_live(home, registry=namer.registry()) as live:
        yield live


def asked_by(context: Context) -> None:
    """Let a watcher look for questions, and take in all answers."""
    with contextlib.closing(IdentityQuestions(context, lambda: None)) as questions:
        questions.begin()
        finish(questions)


def finish(questions: IdentityQuestions) -> None:
    def over() -> bool:
        questions.work()
        return not questions.is_asking

    wait_until(over, 10, "the answers")


def test_one_whose_token_somebody_else_has_exchanged_is_asked_about_while_it_works(
    live: Live, namer: Namer
) -> None:
    live.sees({NAMING: oauth("ada")})
    live.sees({NAMING: oauth("bob")})
    live.clock.pass_time(minutes=3)
    seen_refresh(live, oauth("ada"), oauth("ada", 2))
    live.look()
    reject_spent(live.context)

    asked_by(live.context)

    assert live.account(FIRST).rejected == SPENT_ELSEWHERE
    assert sorted(namer.asked) == [ADA, BOB]


def test_a_captured_login_is_asked_about_once(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada")})

    for _ in range(3):
        asked_by(live.context)
        live.clock.pass_time(days=1)

    assert namer.asked == [ADA]
    assert (live.account(FIRST).identity_key, live.account(FIRST).identity) == (
        "user/ada",
        "ada@acme.example",
    )


def test_what_was_asked_is_known_after_a_restart(home: Path, live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada")})
    namer.instead[ADA] = lambda: says(200, who="")
    asked_by(live.context)
    namer.asked.clear()

    with open_live(home, clock=live.clock, registry=namer.registry()) as again:
        asked_by(again.context)

    assert namer.asked == []


def test_whoever_is_known_is_not_asked_about(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada")})
    asked_by(live.context)
    live.context.history.keep_owner_asked(live.account(FIRST).credential.digest, OwnerRecord())

    asked_by(live.context)

    assert namer.asked == [ADA]


@pytest.mark.parametrize("word", ["unknown", "none", "-", "00000000-0000-0000-0000-000000000000"])
@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        ("xai", {"sub": "{}"}),
        ("openai", {"user_id": "{}", "account_id": "acc-1", "rate_limit": {}}),
        ("openai", {"user_id": "user-1", "account_id": "{}", "rate_limit": {}}),
        ("github-copilot", {"login": "ghost", "id": 10137}),
    ],
    ids=["xai", "openai's user", "openai's account", "github's ghost"],
)
def test_two_logins_that_a_vendor_gives_the_same_word_stay_two(
    home: Path, provider: str, answer: dict[str, object], word: str
) -> None:
    told = {name: word if value == "{}" else value for name, value in answer.items()}
    body = Secret(json.dumps(told))
    vendor = Registry(
        load_registry().providers,
        send=lambda _: HttpAnswer(200, {"content-type": "application/json"}, body),
    )
    with open_live(home, registry=vendor) as live:
        for person in ("ada", "bob"):
            entry = oauth_until(person, 1, live.clock.now + DAY)
            seen_login(live, entry)
            live.sees({provider: entry})
            asked_by(live.context)
            live.clock.pass_time(minutes=10)

        kept = {
            a.credential.secret.reveal() for a in live.state.of(provider) if a.credential.secret
        }
        assert kept == {ADA, BOB}


def test_the_setting_turns_it_off(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada")})

    asked_by(replace(live.context, preferences=lambda: Preferences(ask_owner=False)))

    assert namer.asked == []


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(oauth("ada", left=timedelta(minutes=-1)), id="it has run out"),
        pytest.param(oauth("ada", left=timedelta(seconds=1)), id="it is about to run out"),
        pytest.param(oauth("ada") | {"access": ""}, id="there is none"),
        pytest.param(oauth("ada") | {"access": "CANARY-mute"}, id="nobody can be asked"),
    ],
)
def test_a_token_that_is_no_use_is_not_asked_with(
    live: Live, namer: Namer, entry: dict[str, object]
) -> None:
    live.sees({NAMING: entry})

    asked_by(live.context)

    assert namer.asked == []


def test_a_rejected_login_is_not_asked_about(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada")})
    with live.context.store.transaction():
        live.context.store.set_rejected(live.account(FIRST).id, "dead")

    asked_by(live.context)

    assert namer.asked == []


def test_a_failure_is_asked_about_again_later_and_not_for_ever(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada", left=9 * DAY)})
    namer.instead[ADA] = lambda: says(503)
    asked_by(live.context)
    asked_by(live.context)
    assert namer.asked == [ADA]

    for _ in range(2 * MOST_TRIES):
        live.clock.pass_time(hours=2)
        asked_by(live.context)

    assert namer.asked == [ADA] * MOST_TRIES
    assert live.account(FIRST).identity_key is None


def test_a_computer_that_is_offline_uses_up_no_question(live: Live, namer: Namer) -> None:
    def offline() -> HttpAnswer:
        message = "no network"
        raise ProviderUnavailable(message, sent=False)

    live.sees({NAMING: oauth("ada", left=9 * DAY)})
    namer.instead[ADA] = offline
    for _ in range(3 * MOST_TRIES):
        asked_by(live.context)
        live.clock.pass_time(minutes=10)
    # It is not tried at every look.
    assert len(namer.asked) == 3 * MOST_TRIES
    asked_by(live.context)
    asked_by(live.context)
    assert len(namer.asked) == 3 * MOST_TRIES + 1

    del namer.instead[ADA]
    live.clock.pass_time(minutes=10)
    asked_by(live.context)

    assert live.account(FIRST).identity_key is not None


def test_a_failure_is_logged_and_is_no_event(
    live: Live, namer: Namer, caplog: pytest.LogCaptureFixture
) -> None:
    live.sees({NAMING: oauth("ada")})
    before = live.kinds()
    namer.instead[ADA] = lambda: says(503)

    with caplog.at_level(logging.INFO):
        asked_by(live.context)

    assert live.kinds() == before
    assert f"whose login {FIRST} is was not told: status 503" in caplog.text
    assert "CANARY" not in caplog.text


def test_a_vendor_that_says_when_to_ask_again_is_not_asked_before(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada", left=DAY)})
    namer.instead[ADA] = lambda: says(429)
    asked_by(live.context)
    live.clock.pass_time(hours=2)
    asked_by(live.context)
    assert namer.asked == [ADA]

    live.clock.pass_time(minutes=2)
    asked_by(live.context)

    assert namer.asked == [ADA, ADA]


def test_a_watcher_that_is_killed_while_it_asks_has_asked(live: Live, namer: Namer) -> None:
    live.sees({NAMING: oauth("ada", left=9 * DAY)})
    for _ in range(2 * MOST_TRIES):
        killed = IdentityQuestions(live.context, lambda: None)
        killed.begin()
        killed.close()
        live.clock.pass_time(minutes=1)

    assert len(namer.asked) <= MOST_TRIES
    assert (
        live.context.history.owner_asked(live.account(FIRST).credential.digest).tries == MOST_TRIES
    )


def test_the_watcher_is_woken_by_an_answer_and_does_not_wait_for_it(
    live: Live, namer: Namer
) -> None:
    answers, woken = threading.Event(), threading.Event()
    live.sees({NAMING: oauth("ada")})

    def slow() -> HttpAnswer:
        assert answers.wait(10)
        return says(200, who="ada")

    namer.instead[ADA] = slow
    with contextlib.closing(IdentityQuestions(live.context, woken.set)) as questions:
        questions.begin()
        questions.begin()
        assert not questions.work()
        answers.set()
        assert woken.wait(10)
        wait_until(questions.work, 10, "the answer")

    assert namer.asked == [ADA]


# -- doubts ------------------------------------------------------------------------------------


@pytest.fixture
def shy(home: Path, namer: Namer) -> Iterator[Live]:
    """Return a context of a vendor whose terms speak against asking, with one login."""
    module = Naming(asks_only_in_doubt=True)
    with open_live(home, registry=namer.registry(module)) as live:
        live.sees({NAMING: oauth("ada", left=MINUTE)})
        yield live


def test_a_vendor_whose_terms_speak_against_it_is_not_asked_without_a_doubt(
    shy: Live, namer: Namer
) -> None:
    asked_by(shy.context)

    assert namer.asked == []


def test_of_two_rows_that_may_be_one_person_both_are_asked_about(home: Path, namer: Namer) -> None:
    with open_live(home, registry=namer.registry(Naming(asks_only_in_doubt=True))) as live:
        live.sees({NAMING: oauth("ada")})
        live.sees({NAMING: oauth("bob")})
        for _ in range(2):
            asked_by(live.context)

        assert sorted(namer.asked) == [ADA, BOB]
        assert [live.account(name).identity_key for name in live.names()] == [
            "user/ada",
            "user/bob",
        ]


def test_a_pair_that_took_another_s_place_and_the_replaced_one_are_both_asked_about(
    shy: Live, namer: Namer
) -> None:
    """A2: what looks like a refresh is another person's login, and the vendor says so."""
    shy.sees({NAMING: oauth("bob")})
    assert shy.names() == [FIRST]

    for _ in range(2):
        asked_by(shy.context)

    assert sorted(namer.asked) == [ADA, BOB]
    assert sorted(str(one.identity_key) for one in shy.state.accounts) == ["user/ada", "user/bob"]


def test_a_replaced_pair_that_has_run_out_is_not_asked_with(shy: Live, namer: Namer) -> None:
    shy.sees({NAMING: oauth("ada", 2)})
    shy.clock.pass_time(minutes=2)

    asked_by(shy.context)

    assert namer.asked == ["ACC-CANARY-ada-2"]
    assert shy.names() == [FIRST]
    assert not shy.account(FIRST).unproven


def test_who_is_in_doubt_is_said_by_the_rows() -> None:
    sure, unproven, newer = an_account("a"), an_account("b"), an_account("c")
    older = replace(an_account("d"), maybe=newer.id)
    state = a_state(sure, replace(unproven, unproven=True), newer, older)

    assert in_doubt(state) == {unproven.id, newer.id, older.id}


# -- budgets -----------------------------------------------------------------------------------

PAUSE = timedelta(seconds=300)


@pytest.fixture
def counted(home: Path, namer: Namer) -> Iterator[Live]:
    module = Naming(usage_pause_seconds=PAUSE.total_seconds())
    with open_live(home, clock=HandClock(), registry=namer.registry(module)) as live:
        live.sees({NAMING: oauth("ada", left=DAY)})
        yield live


def test_a_vendor_that_counts_questions_is_not_asked_beside_its_usage(
    counted: Live, namer: Namer
) -> None:
    history, account = counted.context.history, counted.account(FIRST).id
    assert history.lease(account, counted.clock.now)
    asked_by(counted.context)
    history.keep_failure(account, "no", counted.clock.now + PAUSE)
    asked_by(counted.context)
    assert namer.asked == []

    counted.clock.now += PAUSE
    asked_by(counted.context)

    assert namer.asked == [ADA]
    assert not history.lease(account, counted.clock.now + PAUSE / 2)
    assert history.lease(account, counted.clock.now + PAUSE)


def test_usage_waits_as_long_as_a_vendor_that_counts_has_said(counted: Live, namer: Namer) -> None:
    namer.instead[ADA] = lambda: says(429)
    asked_by(counted.context)

    asked = counted.context.history.asked(counted.account(FIRST).id)

    assert asked.due_at is not None
    assert asked.due_at >= counted.clock.now + timedelta(hours=2)
    assert (asked.failures, asked.leased_until) == (0, None)


def test_a_question_leaves_the_usage_of_others_as_it_is(live: Live) -> None:
    live.sees({NAMING: oauth("ada")})
    asked_by(live.context)

    assert live.context.history.asked(live.account(FIRST).id).due_at is None


# -- keys --------------------------------------------------------------------------------------


def test_two_keys_of_one_person_stay_two_accounts(live: Live, namer: Namer) -> None:
    namer.instead = {f"KEY-CANARY-{name}": lambda: says(200, who="ada") for name in "ab"}
    live.sees({NAMING: api("a")})
    live.sees({NAMING: api("b")})

    asked_by(live.context)

    assert [live.account(name).identity_key for name in (FIRST, SECOND)] == ["user/ada"] * 2
    assert live.names() == [FIRST, SECOND]


def test_an_answer_about_a_key_that_is_gone_names_nobody(live: Live, namer: Namer) -> None:
    live.sees({NAMING: api("a")})
    with contextlib.closing(IdentityQuestions(live.context, lambda: None)) as questions:
        namer.instead["KEY-CANARY-a"] = lambda: says(200, who="ada")
        questions.begin()
        with live.context.store.transaction():
            live.context.store.remove_account(live.account(FIRST), live.clock.now)
        finish(questions)

    assert live.names() == []


def test_the_oldest_questions_are_forgotten(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rotator.storage.history.MOST_QUESTIONS", 2)
    history, digests = live.context.history, [Digest(letter) for letter in "abc"]
    for digest in digests:
        history.keep_owner_asked(digest, OwnerRecord(1, is_answered=True))

    known = [history.owner_asked(digest).is_answered for digest in digests]

    assert known == [False, True, True]
