"""The folder between bridge and watcher: what is told, what is taken, what is swept."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rotator import __version__
from rotator.clock import to_iso
from rotator.core.selection.routing import Directions, Entry
from rotator.model import AccountState, Limit, Route, Signal, Verdict, VerdictKind
from rotator.opencode.bridge.exchange import STALE_SECONDS, Exchange
from rotator.opencode.bridge.fields import LARGEST_SIGNAL
from rotator.services import accounts as ledger
from rotator.system.liveness import pid_namespace
from rotator.system.paths import private_folder
from rotator.system.processes import start_ticks
from tests.support.inbox import waiting_in
from tests.support.live import NOON, Live, api, oauth, open_live


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        yield live


@pytest.fixture
def exchange(live: Live) -> Exchange:
    return Exchange(live.paths)


def told(live: Live, exchange: Exchange) -> dict[str, Any]:
    """Return what the bridge is told about the store as it is."""
    exchange.write_state(live.state, started_at=NOON, now=live.clock.now)
    value: dict[str, Any] = json.loads((exchange.folder / "state.json").read_bytes())
    return value


def digest(live: Live, name: str) -> str:
    return live.account(name).credential.digest


def signal(exchange: Exchange, name: str = "s-1", **changes: object) -> Path:
    value = {"schema": 1, "id": name, "provider": "acme", "at": "2026-11-22T12:00:00Z"}
    path = exchange.inbox / f"{name}.json"
    path.write_text(json.dumps(value | changes))
    return path


def age(path: Path, seconds: float) -> None:
    facts = path.stat()
    os.utime(path, (facts.st_atime, facts.st_mtime - seconds))


def test_the_bridge_is_told_what_the_contract_names(live: Live, exchange: Exchange) -> None:
    live.sees({"acme": api("a")})
    live.sees({"acme": api("b")})

    assert told(live, exchange) == {
        "schema": 1,
        "version": __version__,
        "watcher": {
            "pid": os.getpid(),
            "started_at": "2026-11-22T12:00:00.000Z",
            "start_ticks": start_ticks(os.getpid()),
            "pid_namespace": pid_namespace(),
        },
        "auth_file": str(live.file),
        "balancing": True,
        "providers": {
            "acme": {
                "active": digest(live, "acme/acme-2"),
                "known": sorted([digest(live, "acme/acme-1"), digest(live, "acme/acme-2")]),
                "ready": True,
                "limited": {},
            }
        },
        "withdrawn": {},
        "routing": [],
        "routing_spent": [],
        "routing_overrides_explicit": False,
    }


def test_what_the_user_has_taken_back_is_told_until_it_is_wanted_again(
    live: Live, exchange: Exchange
) -> None:
    """Disabled, logged out or removed."""
    for name in "abc":
        live.clock.pass_time(minutes=1)
        live.sees({"acme": api(name)})
    parked, removed, last = (digest(live, f"acme/acme-{n}") for n in (1, 2, 3))
    ledger.disable(live.context, live.account("acme/acme-1"))
    ledger.remove(live.context, live.account("acme/acme-2"))
    live.clock.pass_time(minutes=1)
    live.sees({})

    without = told(live, exchange)["withdrawn"]
    ledger.enable(live.context, live.account("acme/acme-1"))
    live.sees({"acme": api("b")})

    assert without["acme"] == sorted([parked, removed, last])
    assert told(live, exchange)["withdrawn"]["acme"] == [last]


def test_the_order_of_providers_is_told_as_the_bridge_reads_it(
    live: Live, exchange: Exchange
) -> None:
    entries = (Entry(Route("acme", "opus")), Entry(Route("zeta", "big"), {"acme/haiku": None}))
    way = Directions(entries, ("zeta/big",), overrides_explicit=True)
    exchange.write_state(live.state, started_at=NOON, now=live.clock.now, directions=way)

    value = json.loads((exchange.folder / "state.json").read_bytes())

    assert value["routing"] == [
        {"provider": "acme", "model": "opus"},
        {"provider": "zeta", "model": "big", "instead": {"acme/haiku": None}},
    ]
    assert (value["routing_spent"], value["routing_overrides_explicit"]) == (["zeta/big"], True)


def test_older_generations_are_known_and_refresh_tokens_are_not(
    live: Live, exchange: Exchange
) -> None:
    live.sees({"named": oauth("ada", 1)})
    first = digest(live, "named/ada-acme.example")
    live.sees({"named": oauth("ada", 2)})
    refresh = live.account("named/ada-acme.example").credential.refresh

    known = told(live, exchange)["providers"]["named"]["known"]

    assert refresh is not None
    assert {first, digest(live, "named/ada-acme.example")} <= set(known)
    assert refresh.digest() not in known


def test_a_credential_for_another_place_is_not_named(live: Live, exchange: Exchange) -> None:
    """It must not stand in for one that a request was built for."""
    live.sees({"acme": api("a", metadata={"host": "eu"})})
    live.sees({"acme": api("b")})

    assert told(live, exchange)["providers"]["acme"]["known"] == [digest(live, "acme/acme-2")]


def test_an_empty_slot_and_nobody_ready_are_told(live: Live, exchange: Exchange) -> None:
    live.sees({"acme": api("a")})
    live.sees({})

    provider = told(live, exchange)["providers"]["acme"]

    assert (provider["active"], provider["ready"]) == (None, False)


def test_an_account_that_rests_is_not_ready(live: Live, exchange: Exchange) -> None:
    live.sees({"acme": api("a")})
    limit = Limit(AccountState.COOLING, NOON.replace(hour=13), "429, rate limit")
    with live.context.store.transaction():
        live.context.store.set_limit(live.account("acme/acme-1").id, limit)

    assert not told(live, exchange)["providers"]["acme"]["ready"]


def test_no_secret_is_ever_written_there(live: Live, exchange: Exchange) -> None:
    live.sees({"acme": api("a"), "named": oauth("ada")})
    told(live, exchange)
    exchange.answer(
        "s-1", Verdict(VerdictKind.RETRY, live.account("acme/acme-1").credential.digest)
    )

    content = b"".join(p.read_bytes() for p in live.paths.state.rglob("*") if p.is_file())
    assert b"CANARY" not in content


def test_a_verdict_is_as_the_contract_has_it(live: Live, exchange: Exchange) -> None:
    live.sees({"acme": api("a")})
    credential = live.account("acme/acme-1").credential.digest

    exchange.answer("s-1", Verdict(VerdictKind.RETRY, credential, "reasoning"))

    assert json.loads((exchange.outbox / "s-1.json").read_bytes()) == {
        "schema": 1,
        "id": "s-1",
        "verdict": "retry",
        "credential": credential,
        "drop": "reasoning",
        "wait_ms": 0,
        "to": None,
    }


def test_a_reroute_names_where_the_turn_goes_on(exchange: Exchange) -> None:
    verdict = Verdict(VerdictKind.REROUTE, to=Route("zeta", "big"), note="acme is used up")

    exchange.answer("s-1", verdict)

    told = json.loads((exchange.outbox / "s-1.json").read_bytes())
    assert (told["verdict"], told["to"]) == ("reroute", {"provider": "zeta", "model": "big"})
    assert told["note"] == "acme is used up"


def test_everything_there_is_private_whatever_the_umask(live: Live) -> None:
    before = os.umask(0)
    try:
        exchange = Exchange(live.paths)
        told(live, exchange)
        exchange.write_watcher(polling=["live"])
        exchange.answer("s-1", Verdict(VerdictKind.ACK))
    finally:
        os.umask(before)

    files = [path for path in live.paths.state.rglob("*") if path.name != "swap.lock"]
    modes = {stat.S_IMODE(p.stat().st_mode) for p in files if p.is_file()}
    folders = {stat.S_IMODE(p.stat().st_mode) for p in files if p.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_signals_wait_oldest_first(exchange: Exchange) -> None:
    newer, older = signal(exchange, "a"), signal(exchange, "b")
    age(older, 5)

    assert waiting_in(exchange) == [older, newer]


def test_a_signal_is_read_and_unlinked(exchange: Exchange) -> None:
    path = signal(exchange, status=429)

    taken = exchange.take(path)

    assert isinstance(taken, Signal)
    assert (taken.id, taken.status, path.exists()) == ("s-1", 429, False)
    assert exchange.take(path) is None


def test_what_a_signal_tells_of_its_turn_is_taken(exchange: Exchange) -> None:
    told: dict[str, Any] = {"left": ["acme"], "aside": True, "waited": True, "opencode": "serve"}

    taken = exchange.take(signal(exchange, **told))

    assert isinstance(taken, Signal)
    assert (taken.left, taken.aside, taken.waited, taken.opencode) == (
        ("acme",),
        True,
        True,
        "serve",
    )


def test_what_a_signal_tells_of_its_turn_in_another_shape_counts_for_nothing(
    exchange: Exchange,
) -> None:
    told: dict[str, Any] = {
        "left": ["", 7, "a\nb", None],
        "aside": 1,
        "waited": "yes",
        "opencode": "desktop",
    }

    taken = exchange.take(signal(exchange, **told))

    assert isinstance(taken, Signal)
    assert (taken.left, taken.aside, taken.waited, taken.opencode) == ((), False, False, None)


@pytest.mark.parametrize("seconds", [STALE_SECONDS + 1, -28_800, -31_536_000])
def test_a_signal_that_nobody_waits_for_any_more_is_only_unlinked(
    exchange: Exchange, seconds: float
) -> None:
    """Also one from a time when the clock was ahead."""
    path = signal(exchange)
    age(path, seconds)

    assert (exchange.take(path), path.exists()) == (None, False)


@pytest.mark.parametrize("seconds", [STALE_SECONDS + 1, -28_800, 31_536_000])
def test_a_file_servers_clock_makes_no_signal_stale(exchange: Exchange, seconds: float) -> None:
    path = signal(exchange, at=to_iso(datetime.now(UTC)))
    age(path, seconds)

    assert isinstance(exchange.take(path), Signal)


def test_a_signal_too_large_is_only_unlinked(exchange: Exchange) -> None:
    path = signal(exchange, body="x" * LARGEST_SIGNAL)

    assert (exchange.take(path), path.exists()) == (None, False)


@pytest.mark.parametrize("name", [".s-1.json", "s-1.json.tmp", "s 1.json", "s-1", "..json"])
def test_what_is_no_signal_by_its_name_is_left(exchange: Exchange, name: str) -> None:
    path = exchange.inbox / name
    path.write_text("{}")

    assert (waiting_in(exchange), exchange.take(path), path.exists()) == ([], None, True)


@pytest.mark.parametrize("seconds", [STALE_SECONDS + 1, -28_800])
def test_old_verdicts_and_leftovers_are_swept_and_nothing_else(
    live: Live, exchange: Exchange, seconds: float
) -> None:
    told(live, exchange)
    exchange.answer("old", Verdict(VerdictKind.PASS))
    exchange.answer("new", Verdict(VerdictKind.PASS))
    waiting = signal(exchange)
    leftover = exchange.inbox / ".s-2.json.tmp"
    leftover.write_text("")
    for path in (exchange.outbox / "old.json", leftover, waiting, exchange.folder / "state.json"):
        age(path, seconds)

    exchange.sweep()

    assert [path.name for path in exchange.outbox.iterdir()] == ["new.json"]
    assert list(exchange.inbox.iterdir()) == [waiting]
    assert (exchange.folder / "state.json").exists()


def test_the_watcher_s_end_takes_its_state_away(live: Live, exchange: Exchange) -> None:
    told(live, exchange)

    exchange.remove_state()
    exchange.remove_state()

    assert not (exchange.folder / "state.json").exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"schema": 2}', '{"schema": 1}', "[" * 5000])
def test_a_bridge_that_is_not_understood_is_swept(exchange: Exchange, content: str) -> None:
    path = exchange.folder / "present" / f"{os.getpid()}.json"
    path.write_text(content)

    assert (exchange.present(), path.exists()) == ([], False)


def test_a_folder_that_goes_while_it_is_looked_at_was_removed(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [exchange.inbox]

    def gone_just_now(folder: Path) -> Path:
        if folder in left:
            folder.rename(tmp_path / "gone")
            left.remove(folder)
        return private_folder(folder)

    monkeypatch.setattr("rotator.opencode.bridge.exchange.private_folder", gone_just_now)

    assert [exchange.restore(), exchange.restore()] == [True, False]
    assert exchange.inbox.is_dir()
