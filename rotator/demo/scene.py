"""The plot of the demo: two logins, one limit, one failover, and what was seen of each step.

Everything is done by the real watcher and the real commands; here they are only called, and
their files and the provider are looked at. A step that does not happen ends the demo.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rotator.core.selection.homes import live_of
from rotator.demo.clients import PROVIDER, Client
from rotator.demo.homes import DemoHome
from rotator.demo.provider import RETRY_AFTER_SECONDS, MadeUpProvider, ServedRequest, answer_text
from rotator.demo.screen import DemoScreen
from rotator.demo.stage import Child, DemoFailed, Stage
from rotator.model import Account, Event, EventKind
from rotator.secret import Secret
from rotator.storage.history import History
from rotator.storage.store import Store

ONE, TWO = f"{PROVIDER}-1", f"{PROVIDER}-2"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo has proven, in milliseconds, and the accounts as they are at its end."""

    client: Client
    failover_ms: float
    took_ms: int
    accounts: list[dict[str, Any]]


def made_up_keys() -> dict[str, Secret]:
    """Return a key for each of the two accounts; they open nothing anywhere."""
    return {name: Secret(f"{name}-{secrets.token_hex(16)}") for name in (ONE, TWO)}


def play(stage: Stage, client: Client, screen: DemoScreen, keys: Mapping[str, Secret]) -> Shown:
    """Play the demo from the first step to the last; DemoFailed names the step that failed."""
    screen.step("home", f"a temporary one, {stage.home}")
    with MadeUpProvider(keys, limited=ONE) as provider:
        screen.step("provider", f"{PROVIDER}, made up, listens on 127.0.0.1:{provider.port}")
        watcher = _watch(stage, screen)
        home = client.open_home(stage, provider.base_url)
        with Store(stage.paths.store) as store:
            for name in (ONE, TWO):
                _log_in(stage, screen, store, home, watcher, (name, keys[name]))
        said = stage.finish(stage.rotator("rotate", PROVIDER, ONE))
        screen.step("rotate", f"`rotator rotate {PROVIDER} {ONE}` says:", shown=said)
        screen.step("client", client.about)
        if client.needs_bridge:
            stage.finish(stage.rotator("bridge", "install"))
            home.wait_for_bridge(stage)
            screen.step("bridge", "`rotator bridge install` put it into opencode's plugin folder")
        failover_ms = _fail_over(stage, screen, provider, watcher, client, home)
    said = stage.finish(stage.rotator("accounts"))
    screen.step("accounts", "`rotator accounts` says:", shown=said)
    accounts = json.loads(stage.finish(stage.rotator("accounts", "--json")))["accounts"]
    took_ms = int((time.monotonic() - screen.started_at) * 1000)
    return Shown(client, failover_ms, took_ms, accounts)


def _watch(stage: Stage, screen: DemoScreen) -> Child:
    watcher = stage.rotator("watch")
    stage.wait(
        "the watcher says that it watches",
        lambda: "watching" in watcher.output(),
        needs=[watcher],
    )
    screen.step("watcher", f"`rotator watch` runs, pid {watcher.process.pid}")
    return watcher


def _log_in(  # the demo's own things, and one login
    stage: Stage,
    screen: DemoScreen,
    store: Store,
    home: DemoHome,
    watcher: Child,
    login: tuple[str, Secret],
) -> None:
    name, key = login
    home.log_in(stage, PROVIDER, key)
    written_at = time.monotonic()

    def captured() -> bool:
        return _is_live(live_of(store.state(), PROVIDER), key)

    stage.wait(f"the login of {name} is captured", captured, needs=[watcher])
    after_ms = (time.monotonic() - written_at) * 1000
    account = live_of(store.state(), PROVIDER)
    known_as = account.name if account else name
    screen.step("login", f"captured as {known_as}, {after_ms:.0f} ms after it was in {home.name}")


def _is_live(account: Account | None, key: Secret) -> bool:
    return account is not None and account.credential.digest == key.digest()


def _fail_over(  # the demo's own things
    stage: Stage,
    screen: DemoScreen,
    provider: MadeUpProvider,
    watcher: Child,
    client: Client,
    home: DemoHome,
) -> float:
    """Send the request, show what becomes of it, and return how long the failover took."""
    sent = client.send(stage, provider.base_url, home)
    screen.step("request", f"sent with the key of {ONE}")
    needs = [watcher, sent]
    refused = _answer(stage, provider, 0, f"{PROVIDER} refuses the request of {ONE}", needs)
    _expect(refused, ONE, 429)
    told = f"{PROVIDER} answers 429, retry-after {RETRY_AFTER_SECONDS} s, to {ONE}"
    screen.step("limited", told, at=refused.answered_at)
    with contextlib.closing(History(stage.paths.history)) as history:
        event = _failover_event(stage, history, watcher)
    told = f"the watcher puts {event.to_alias} into {home.name}: {event.why}"
    screen.step("failover", told, at=_monotonic(event.at))
    again = _answer(stage, provider, 1, f"the request is sent again with {TWO}", needs)
    _expect(again, TWO, 200)
    failover_ms = (again.arrived_at - refused.answered_at) * 1000
    told = f"the same request arrives with the key of {TWO}, {failover_ms:.1f} ms after the 429"
    screen.step("again", told, at=again.arrived_at)
    said = stage.finish(sent)
    if answer_text(TWO) not in said:
        message = f"this step did not happen: the client gets the answer of {TWO}; {sent.ending()}"
        raise DemoFailed(message)
    screen.step("answer", f'the client got "{answer_text(TWO)}" and saw no error')
    return failover_ms


def _answer(
    stage: Stage, provider: MadeUpProvider, number: int, step: str, needs: list[Child]
) -> ServedRequest:
    stage.wait(step, lambda: len(provider.answered) > number, needs=needs)
    return provider.answered[number]


def _expect(answered: ServedRequest, account: str, status: int) -> None:
    if (answered.account, answered.status) != (account, status):
        message = (
            f"this step did not happen: {account} asks and gets {status};"
            f" {answered.account or 'an unknown key'} asked and got {answered.status}"
        )
        raise DemoFailed(message)


def _failover_event(stage: Stage, history: History, watcher: Child) -> Event:
    events: list[Event] = []

    def happened() -> bool:
        kept = (entry.event for entry in history.read())
        events.extend(event for event in kept if event.kind is EventKind.FAILOVER)
        return bool(events)

    stage.wait(f"the watcher swaps {TWO} in", happened, needs=[watcher])
    return events[0]


def _monotonic(at: datetime) -> float:
    """Return when `at` was by the clock that our own times are of."""
    return time.monotonic() - (datetime.now(UTC) - at).total_seconds()
