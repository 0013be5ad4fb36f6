"""Which running opencodes may go on with a login that was taken back, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.opencode.bridge.presence import Present
from rotator.services import accounts as ledger
from rotator.services.status import read_status
from rotator.services.still_sent import all_still_sent, still_sent
from rotator.services.without_bridge import unbridged
from rotator.system.locks import watch_lock
from tests.support.live import Entry, Live, api, oauth_until, open_live, opencode_running, wellknown

COPILOT, CORP = "github-copilot", {"enterpriseUrl": "corp.ghe.com"}
BRIDGED = f"opencode serve (pid {os.getpid()})"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC) - timedelta(hours=2)
        live.sees({"acme": api("another")})
        yield live


@pytest.fixture
def opencode(live: Live, tmp_path: Path) -> Iterator[int]:
    """Start an opencode without the bridge."""
    with opencode_running(live.paths, tmp_path) as pid:
        yield pid


def oauth(name: str) -> Entry:
    return oauth_until(name, 1, datetime.now(UTC) + timedelta(days=1))


def log_in(live: Live, provider: str, *entries: Entry) -> None:
    """Log in one after the other; the last one is live from an hour ago on."""
    for entry in entries:
        live.clock.pass_time(minutes=1)
        live.sees({provider: entry})


def present(live: Live, **facts: Any) -> Present:
    """Return a bridge in an opencode that began when the last login was live."""
    one = Present(os.getpid(), "0.1.0", "serve", str(live.file), live.clock.now)
    return replace(one, **facts)


def said(live: Live, name: str, *bridges: Present) -> str | None:
    return still_sent(
        live.context, live.account(name), bridges, unbridged(live.paths, list(bridges))
    )


def test_a_key_is_kept_by_an_opencode_without_the_bridge_until_it_is_restarted(
    live: Live, opencode: int
) -> None:
    log_in(live, "xai", api("a"), api("b"))
    live.clock.now = datetime.now(UTC) + timedelta(minutes=1)

    by_disable = ledger.disable(live.context, live.account("xai/xai-2")).note
    by_status = read_status(live.context).problems
    by_remove = ledger.remove(live.context, live.account("xai/xai-2")).note

    may = f"opencode tui (pid {opencode}) may still send"
    assert by_disable == by_remove == f"{may} xai-2: restart it"
    assert by_disable in by_status
    assert (
        f"{may} a login of xai that was removed: restart it" in read_status(live.context).problems
    )


def test_nothing_is_said_of_an_opencode_that_never_had_it(live: Live, opencode: int) -> None:
    """The first one was parked before that opencode began."""
    assert opencode
    log_in(live, "xai", api("a"), api("b"))

    assert ledger.disable(live.context, live.account("xai/xai-1")).note is None
    assert ledger.remove(live.context, live.account("xai/xai-1")).note is None
    assert all_still_sent(live.context, [], unbridged(live.paths, [])) == []


def test_tokens_that_are_read_at_each_request_are_gone_with_their_login(
    live: Live, opencode: int
) -> None:
    assert opencode
    log_in(live, COPILOT, oauth("a"), oauth("b"))
    ledger.enable(live.context, live.account(f"{COPILOT}/{COPILOT}-1"))
    live.clock.now = datetime.now(UTC) + timedelta(minutes=1)

    assert ledger.disable(live.context, live.account(f"{COPILOT}/{COPILOT}-2")).note is None
    assert ledger.remove(live.context, live.account(f"{COPILOT}/{COPILOT}-2")).note is None
    assert all_still_sent(live.context, [], unbridged(live.paths, [])) == []


@pytest.mark.parametrize(
    ("provider", "entries", "facts", "is_said"),
    [
        pytest.param("xai", [api("a"), api("b")], {}, False, id="the bridge replaces a key"),
        pytest.param("xai", [api("a"), api("b")], {"unseen": ("xai",)}, True, id="unseen"),
        pytest.param(
            "xai", [api("a", metadata={"host": "eu"}), api("b")], {}, True, id="another place"
        ),
        pytest.param(
            "gitlab", [oauth("a"), oauth("b")], {"bought": ("gitlab",)}, True, id="bought"
        ),
        pytest.param("openai", [oauth("a"), oauth("b")], {}, False, id="read anew"),
        pytest.param(
            "openai",
            [oauth("a"), oauth("b")],
            {"aside": "OPENCODE_EXPERIMENTAL_WEBSOCKETS"},
            True,
            id="a WebSocket",
        ),
        pytest.param("x", [wellknown("a"), wellknown("b")], {}, True, id="well-known"),
    ],
)
def test_with_the_bridge_it_is_said_of_what_the_bridge_does_not_replace(
    live: Live, provider: str, entries: list[Entry], facts: Mapping[str, Any], *, is_said: bool
) -> None:
    log_in(live, provider, *entries)
    bridge = present(live, **facts)
    live.clock.pass_time(minutes=1)
    ledger.enable(live.context, live.account(f"{provider}/{provider}-1"))
    ledger.disable(live.context, live.account(f"{provider}/{provider}-2"))

    told = said(live, f"{provider}/{provider}-2", bridge)

    assert told == (f"{BRIDGED} may still send {provider}-2: restart it" if is_said else None)


def test_a_bridge_keeps_the_tokens_of_another_place_where_no_watcher_tells_it(live: Live) -> None:
    log_in(live, COPILOT, oauth("a") | CORP, oauth("b"))
    name, bridge = f"{COPILOT}/{COPILOT}-2", present(live)
    live.clock.pass_time(minutes=1)
    ledger.disable(live.context, live.account(name))

    without = said(live, name, bridge)
    with watch_lock(live.paths.watch_lock):
        with_watcher = said(live, name, bridge)

    to_do = "start rotator watch, or restart it"
    assert without == f"{BRIDGED} may still send {COPILOT}-2: {to_do}"
    assert with_watcher is None


def test_of_what_left_auth_json_a_bridge_knows_by_itself(live: Live) -> None:
    log_in(live, COPILOT, oauth("b"))
    bridge = present(live)
    live.clock.pass_time(minutes=1)
    live.sees({})

    assert live.account(f"{COPILOT}/{COPILOT}-1").disabled is not None
    assert said(live, f"{COPILOT}/{COPILOT}-1", bridge) is None


def test_what_stays_live_is_said_by_whoever_disables_it_alone(live: Live, opencode: int) -> None:
    assert opencode
    log_in(live, "xai", api("a"))

    done = ledger.disable(live.context, live.account("xai/xai-1"))

    assert done.note == "xai-1 stays live: no other account of xai is ready"
    assert said(live, "xai/xai-1") is None
