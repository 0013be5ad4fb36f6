"""What opencode's sidebar is given, and of what it tells."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from rotator.core.sidebar import sidebar_content
from rotator.model import AccountState, Event, EventKind, Snapshot, State, Window
from tests.support.builders import ACME, HOUR, NOW, a_limit, a_standing, a_state, an_account

ONE = an_account("one")
TWO = replace(an_account("two"), limit=a_limit(NOW + HOUR))


def seen(state: State, *events: Event) -> dict[str, Any]:
    """Return the glance as a reader of the file gets it."""
    text = json.dumps(sidebar_content(state, enumerate(events, 1), "1.2.3", NOW))
    assert "CANARY" not in text
    value: dict[str, Any] = json.loads(text)
    return value


def test_each_provider_in_use_has_its_accounts_the_active_one_first() -> None:
    other = replace(an_account("parked"), provider="zeta")
    state = a_state(replace(ONE, alias="zz"), TWO, other, active=ONE)

    value = seen(state)

    (acme,) = value["providers"]
    assert (value["schema"], value["version"], value["balancing"]) == (1, "1.2.3", True)
    assert (acme["id"], [a["alias"] for a in acme["accounts"]]) == (ACME, ["zz", "two"])
    assert [a["active"] for a in acme["accounts"]] == [True, False]


def test_whoever_is_active_in_opencode_2_alone_is_active() -> None:
    state = replace(a_state(ONE, TWO), standings=(a_standing(ONE), a_standing(TWO, active=True)))

    (acme,) = seen(state)["providers"]

    assert [(a["alias"], a["active"]) for a in acme["accounts"]] == [("two", True), ("one", False)]


def test_an_account_has_its_state_its_end_and_its_tightest_window() -> None:
    windows = (Window("5h", 0.25), Window("week", 0.5), Window("old", 0.9, resets_at=NOW - HOUR))
    usage = {ONE.id: Snapshot(read_at=NOW, windows=windows)}
    state = replace(a_state(ONE, TWO, active=ONE), usage=usage)

    one, two = seen(state)["providers"][0]["accounts"]

    assert (one["state"], one["until"], one["window"], one["used"]) == ("ready", None, "week", 0.5)
    assert two["state"] == AccountState.COOLING.value
    assert (two["until"], two["window"], two["used"]) == ("2026-11-22T13:00:00.000Z", None, None)


def test_of_many_accounts_the_others_are_counted() -> None:
    many = [an_account(f"a{n:02}") for n in range(25)]

    (acme,) = seen(a_state(*many, active=many[24]))["providers"]

    assert (acme["accounts"][0]["alias"], len(acme["accounts"]), acme["more"]) == ("a24", 20, 5)


def test_a_failover_a_needed_login_and_a_reroute_are_told_and_nothing_else() -> None:
    account = f"{ACME}/one"
    events = [
        Event(NOW, EventKind.FAILOVER, ACME, account, "one", "two", why="one is limited"),
        Event(NOW, EventKind.CAPTURED, ACME, account),
        Event(NOW, EventKind.REJECTED, ACME, account, why="401"),
        Event(NOW, EventKind.REROUTED, ACME, account, why="nobody left", detail="to zeta/big"),
    ]

    told = seen(a_state(ONE, TWO), *events)["events"]

    assert [(one["number"], one["kind"], one["title"], one["text"]) for one in told] == [
        (1, "failover", "acme goes on with two", "one is limited"),
        (3, "rejected", "acme/one needs a login", "401"),
        (4, "rerouted", "The turn goes on with zeta/big", "nobody left"),
    ]


def test_only_the_last_few_are_told() -> None:
    events = [Event(NOW, EventKind.REJECTED, ACME, f"{ACME}/one") for _ in range(20)]

    told = seen(a_state(ONE), *events)["events"]

    assert [one["number"] for one in told] == [*range(13, 21)]
    assert told[0]["at"] == "2026-11-22T12:00:00.000Z"


def test_without_accounts_there_is_nothing_to_show() -> None:
    value = seen(replace(a_state(), balancing=False))

    assert (value["balancing"], value["providers"], value["events"]) == (False, [], [])
