"""What a person hears of at once, and in what words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.notifications import is_used_up, notice_of
from rotator.model import Event, EventKind
from rotator.system.background import handed_on
from rotator.watcher.notify_commands import hook_errand, notification
from tests.support.builders import ACME, HOUR, NOW, a_limit, a_state, an_account

RESTING = replace(an_account("a"), limit=a_limit(NOW + HOUR))
GONE = replace(an_account("b"), rejected="401")
READY = an_account("c")
NOBODY = a_state(RESTING, GONE)
SOMEBODY = a_state(RESTING, GONE, READY)


def an_event(kind: EventKind, **fields: str) -> Event:
    values = {"account": f"{ACME}/a", "why": "429, rate limit"} | fields
    return Event(NOW, kind, ACME, **values)


def test_a_failover_says_who_goes_on_and_why() -> None:
    event = an_event(EventKind.FAILOVER, from_alias="a", to_alias="c", why="a is limited")

    notice = notice_of(event, SOMEBODY, NOW, frozenset())

    assert notice is not None
    assert (notice.event, notice.title) == (event, "acme goes on with c")
    assert notice.text == "a is limited"


def test_a_dead_login_says_that_one_is_needed() -> None:
    notice = notice_of(an_event(EventKind.REJECTED, why="401"), SOMEBODY, NOW, frozenset())

    assert notice is not None
    assert (notice.title, notice.text) == ("acme/a needs a login", "401")


def test_the_last_limit_says_that_nobody_is_left_and_who_is_first_again() -> None:
    notice = notice_of(an_event(EventKind.LIMITED), NOBODY, NOW, frozenset())

    assert notice is not None
    assert notice.title == "acme is used up"
    assert notice.text == (
        "429, rate limit; no other account of acme can take over, a is first at"
        " 2026-11-22 13:00 UTC"
    )


def test_a_limit_with_somebody_left_and_one_told_before_disturb_nobody() -> None:
    event = an_event(EventKind.LIMITED)

    assert notice_of(event, SOMEBODY, NOW, frozenset()) is None
    assert notice_of(event, NOBODY, NOW, frozenset({ACME})) is None


def test_a_turn_that_was_sent_elsewhere_is_for_the_hook_alone() -> None:
    notice = notice_of(an_event(EventKind.REROUTED), NOBODY, NOW, frozenset())

    assert notice is not None
    assert notice.title is None


@pytest.mark.parametrize("kind", [EventKind.SWAPPED, EventKind.CHANGED, EventKind.PROBLEM])
def test_other_events_disturb_nobody(kind: EventKind) -> None:
    assert notice_of(an_event(kind), NOBODY, NOW, frozenset()) is None


def test_what_is_of_no_provider_disturbs_nobody() -> None:
    assert notice_of(Event(NOW, EventKind.LIMITED), NOBODY, NOW, frozenset()) is None


def test_a_provider_without_accounts_is_not_used_up() -> None:
    assert not is_used_up(NOBODY, "other", NOW)
    assert is_used_up(NOBODY, ACME, NOW)
    assert not is_used_up(NOBODY, ACME, NOW + 2 * HOUR)


def test_no_text_begins_a_tag_or_an_escape() -> None:
    event = an_event(EventKind.FAILOVER, to_alias="<b>", why=r'<a href="x">&\033[1m')

    notice = notice_of(event, SOMEBODY, NOW, frozenset())

    assert notice is not None
    assert f"{notice.title} {notice.text}" == 'acme goes on with (b) (a href="x")+/033[1m'


def test_on_linux_text_comes_after_the_end_of_options() -> None:
    errand = notification("/bin/notify-send", "--icon=x", "a\x1b[1m sk-0123456789CANARY", "linux")

    assert errand.arguments == (
        "/bin/notify-send",
        "--app-name=opencode-rotator",
        "--",
        "--icon=x",
        "a [1m ***",
    )


def test_on_macos_the_script_is_always_the_same() -> None:
    one = notification("osascript", '" & do shell script "id', "text", "darwin").arguments
    two = notification("osascript", "title", "-e", "darwin").arguments

    assert one[:8] == two[:8]
    assert one[7:] == ("opencode-rotator", '" & do shell script "id', "text")
    assert two[8:] == ("title", "-e")


def test_a_hook_gets_the_event_as_one_line_of_json() -> None:
    errand = hook_errand(("program", "$(id)"), an_event(EventKind.REROUTED, why="é"))

    assert errand.arguments == ("program", "$(id)")
    assert errand.given == (
        '{"schema": 1, "at": "2026-11-22T12:00:00.000Z", "kind": "rerouted", "provider": "acme",'
        ' "account": "acme/a", "from": null, "to": null, "why": "\\u00e9", "detail": null}\n'
    )


def test_no_variable_is_handed_on_that_may_hold_a_secret() -> None:
    kept = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "XDG_RUNTIME_DIR": "/r", "DISPLAY": ":0"}
    secret = {"OPENAI_API_KEY": "CANARY", "OPENCODE_AUTH_CONTENT": "CANARY", "GH_TOKEN": "CANARY"}

    assert handed_on(kept | secret) == kept


def test_a_limit_of_seconds_disturbs_nobody() -> None:
    """It is waited for on the same account."""

    def is_told(seconds: float) -> bool:
        limit = replace(a_limit(NOW + timedelta(seconds=seconds)), since=NOW, is_stated=True)
        state = a_state(an_account("a", limit=limit))
        event = Event(NOW, EventKind.LIMITED, ACME, f"{ACME}/a", why="429")
        return notice_of(event, state, NOW, frozenset()) is not None

    assert (is_told(1), is_told(5), is_told(5.001)) == (False, False, True)
