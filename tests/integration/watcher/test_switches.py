"""Failures in OpenCode 2: decided for its table; a thread switches, which may be kept waiting."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.errors import LiveFileError
from rotator.model import AccountState, EventKind, HomeName
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.home import Home
from rotator.watcher.database_look import DatabaseLook
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.signals import SignalHandler
from rotator.watcher.switches import Switches
from rotator.watcher.usage_poller import UsagePoller
from tests.support.live import Live, open_live
from tests.support.opencode2_table import Table, key
from tests.support.waiting import wait_until

BODY = json.dumps({"error": {"message": "Rate limit reached", "type": "rate_limit_error"}})
SECONDS = 10.0


class SlowHome(DatabaseHome):
    """A home whose server answers when it is let."""

    def __init__(self, live: Live) -> None:
        super().__init__(live.paths, servers=lambda _: [])
        self.may_answer = threading.Event()
        self.asked: list[str] = []
        self.error: LiveFileError | None = None

    def activate(self, slot: str) -> bool:
        self.asked.append(slot)
        self.may_answer.wait(SECONDS)
        if self.error is not None:
            raise self.error
        return super().activate(slot)


class Watched:
    """A watcher's side of one bridge in OpenCode 2, with the keys b and a, the active one."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.table = Table(live.paths.opencode_database)
        self.table.make()
        self.table.hold()
        self.home = SlowHome(live)
        self.woken = threading.Event()
        self.exchange = Exchange(live.paths)
        self._refreshes = RefreshQueue(live.context, lambda: None)
        self._readings = UsagePoller(live.context, lambda: None)
        self.look = DatabaseLook(live.context)
        self.look.look()
        self.slots = {name: self.table.log_in("acme", key(name), name) for name in ("b", "a")}
        self.look.look()

        def home() -> Home:
            return self.home

        own = DatabaseHome(live.paths, servers=lambda _: [])
        self.look.switches = Switches(live.context, own, home, self.woken.set)
        switches = self.look.switches
        self.handler = SignalHandler(
            live.context, self.exchange, self._refreshes, self._readings, switches
        )
        self._count = 0

    def close(self) -> None:
        self.home.may_answer.set()
        self.look.close()
        self._refreshes.close()
        self._readings.close()
        self.table.close()

    def fails(self, name: str, *tried: str, **changes: Any) -> dict[str, Any]:
        """Tell of a request that was refused; return the verdict on it."""
        digests = {n: self.live.account(f"acme/{n}").credential.digest for n in {name, *tried}}
        self._count += 1
        value = {
            "schema": 1,
            "id": f"f-{self._count}",
            "request": f"r-{self._count}",
            "attempt": len(tried) or 1,
            "at": to_iso(self.live.clock.now),
            "provider": "acme",
            "model": "m1",
            "session": "ses_1",
            "home": "opencode.db",
            "credential": digests[name],
            "tried": [digests[n] for n in tried or (name,)],
            "opencode": "serve",
            "status": 429,
            "headers": {"retry-after": "3600"},
            "body": BODY,
        }
        path = self.exchange.inbox / f"{value['id']}.json"
        path.write_text(json.dumps(value | changes))
        signal = self.exchange.take(path)
        assert signal is not None
        self.handler.on_bridge_signal(signal)  # type: ignore[arg-type]  # a signal, for it has no kind
        verdict: dict[str, Any] = json.loads(
            (self.exchange.outbox / f"{value['id']}.json").read_text()
        )
        return verdict

    def switched(self) -> None:
        """Let the server answer, and work off that it has."""
        self.home.may_answer.set()
        assert self.woken.wait(SECONDS)
        self.woken.clear()
        self.look.look()


@pytest.fixture
def watched(home: Path) -> Iterator[Watched]:
    with open_live(home) as live, contextlib.closing(Watched(live)) as watched:
        yield watched


def test_the_verdict_names_the_row_and_waits_for_no_server(watched: Watched) -> None:
    verdict = watched.fails("a")
    before = watched.table.active("acme")
    watched.switched()

    to = watched.live.account("acme/b")
    assert (verdict["verdict"], verdict["slot"]) == ("retry", watched.slots["b"])
    assert verdict["credential"] == to.credential.digest
    assert (before, watched.table.active("acme")) == (watched.slots["a"], watched.slots["b"])
    assert watched.live.state.active_in(HomeName.DATABASE, "acme") == to
    assert watched.live.state_of("acme/a") is AccountState.COOLING


def test_signals_that_come_while_the_server_keeps_us_waiting_get_the_same_answer_at_once(
    watched: Watched,
) -> None:
    verdicts = [watched.fails("a") for _ in range(5)]
    watched.switched()

    assert {v["slot"] for v in verdicts} == {watched.slots["b"]}
    assert watched.home.asked == [watched.slots["b"]]
    assert watched.live.kinds().count(EventKind.FAILOVER) == 1


def test_our_own_switch_is_nobody_s_choice(watched: Watched) -> None:
    watched.fails("a")
    watched.home.may_answer.set()
    wait_until(lambda: watched.table.active("acme") == watched.slots["b"], SECONDS, "the switch")
    watched.look.look()

    assert EventKind.SWAPPED not in watched.live.kinds()


def test_a_third_one_is_chosen_where_the_second_fails_before_it_is_active(
    watched: Watched,
) -> None:
    third = watched.table.log_in("acme", key("c"), "c")
    watched.table.switch(watched.slots["a"])
    watched.look.look()
    first = watched.fails("a")
    named = {watched.slots["b"]: "b", third: "c"}
    other = ({"b", "c"} - {named[first["slot"]]}).pop()

    second = watched.fails(named[first["slot"]], "a", named[first["slot"]])

    assert named[second["slot"]] == other


def test_with_nobody_left_the_request_passes(watched: Watched) -> None:
    watched.fails("a")

    assert watched.fails("b", "a", "b")["verdict"] == "pass"


def test_a_request_with_the_login_from_before_gets_the_row_of_the_active_one(
    watched: Watched,
) -> None:
    watched.fails("a")
    watched.switched()

    late = watched.fails("a")

    # Those that failed together go on one after the other.
    assert late["verdict"] in {"retry", "wait"}
    assert late["slot"] == watched.slots["b"]
    assert watched.home.asked == [watched.slots["b"]]


def test_a_server_that_cannot_be_told_is_told_of_and_the_request_goes_on(
    watched: Watched,
) -> None:
    watched.home.error = LiveFileError("two servers run", hint="end one")

    verdict = watched.fails("a")
    watched.switched()

    assert verdict["slot"] == watched.slots["b"]
    assert [e.why for e in watched.live.events() if e.kind is EventKind.PROBLEM] == [
        "two servers run"
    ]
    assert watched.table.active("acme") == watched.slots["a"]


def test_a_row_that_went_meanwhile_is_told_of(watched: Watched) -> None:
    watched.fails("a")
    watched.table.log_out(watched.slots["b"])
    watched.switched()

    problems = [e.why for e in watched.live.events() if e.kind is EventKind.PROBLEM]
    assert len([why for why in problems if "while it was to be activated" in why]) == 1


def test_a_login_that_has_no_row_yet_gets_one(watched: Watched) -> None:
    watched.live.sees({"acme": {"type": "api", "key": "KEY-CANARY-file"}})
    watched.table.log_out(watched.slots["b"])
    watched.look.look(closely=True)
    name = next(n for n in watched.live.names() if n not in {"acme/a", "acme/b"})

    verdict = watched.fails("a")

    assert verdict["verdict"] == "retry"
    assert verdict["credential"] == watched.live.account(name).credential.digest
    assert "KEY-CANARY-file" in str(watched.table.values()[verdict["slot"]])


def test_a_table_that_cannot_be_read_lets_the_request_pass(watched: Watched) -> None:
    watched.table.do("ALTER TABLE credential DROP COLUMN active")

    assert watched.fails("a")["verdict"] == "pass"
    assert watched.live.state_of("acme/a") is AccountState.COOLING


def test_auth_json_stays_as_it_is(watched: Watched) -> None:
    watched.live.sees({"acme": {"type": "api", "key": "KEY-CANARY-a"}})
    before = watched.live.file.read_bytes()

    watched.fails("a")
    watched.switched()

    assert watched.live.file.read_bytes() == before
    assert watched.live.active("acme") == "a"
