"""Keys that did not come from auth.json stay, though an account of that provider has the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.upstream import Upstream, model_request

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
BEARER_B = {"Authorization": f"Bearer {B}"}
GIVEN = [
    pytest.param({"headers": BEARER_B}, id="a model's header"),
    pytest.param({"added": BEARER_B}, id="a plug-in's hook"),
    pytest.param({"added": {"authorization": f" Bearer {B}"}}, id="a hook, in another writing"),
    pytest.param({"source": "config", "options": {"headers": BEARER_B}}, id="a provider's header"),
    pytest.param({"source": "env"}, id="the environment"),
    pytest.param({"source": "custom"}, id="a loader's pool"),
]


def asked(upstream: Upstream, key: str, mark: dict[str, Any], **changes: object) -> dict[str, Any]:
    return model_request(upstream, key, mark={"provider": "mock"} | mark, **changes)


@pytest.mark.parametrize("mark", GIVEN)
@pytest.mark.parametrize("header_form", ["object", "headers"])
def test_a_key_that_auth_json_never_held_stays_though_a_parked_account_has_it(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    mark: dict[str, Any],
    header_form: str,
) -> None:
    upstream.limit(B)
    # What is given stands in the place of what the SDK sends.
    key = B if "source" in mark else A
    is_added = "authorization" in mark.get("added", {})
    headers = {} if is_added else {"Authorization": f"Bearer {key}"}

    answer = bridge.run(
        "fetch", **asked(upstream, key, mark, headers=headers, headerForm=header_form)
    )

    assert (upstream.keys, watcher.heard_nothing(answer)) == ([B], True)


@pytest.mark.parametrize("mark", GIVEN[:2])
def test_a_header_that_was_given_stays_though_auth_json_held_its_key_before(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    mark: dict[str, Any],
) -> None:
    live.key(B)
    bridge.load("/read/again")
    live.key(A)
    upstream.limit(B)

    answer = bridge.run("fetch", **asked(upstream, A, mark))

    assert (upstream.keys, watcher.heard_nothing(answer)) == ([B], True)


@pytest.mark.parametrize("mark", GIVEN[:2])
def test_b10_a_header_with_the_key_that_auth_json_holds_is_auth_json_s(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    mark: dict[str, Any],
) -> None:
    live.key(B)
    upstream.limit(B)

    pending = bridge.start("fetch", **asked(upstream, A, mark))
    signal = watcher.next_signal()
    live.key(A)
    watcher.retry(signal, A)

    assert (pending.result()["status"], upstream.keys) == (200, [B, A])


def test_beside_a_header_that_was_given_the_login_is_still_replaced(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key("KEY-CANARY-C")
    mark = {"added": {"x-api-key": B, "x-copy": A}}

    bridge.run("fetch", **asked(upstream, A, mark))

    sent = upstream.requests[0].headers
    assert (sent["authorization"], sent["x-api-key"]) == ("Bearer KEY-CANARY-C", B)


@pytest.fixture
def early(home: Path) -> Iterator[BridgeProcess]:
    """Return a process whose bridge is not loaded yet."""
    with bridge_process(home) as process:
        yield process


def test_tokens_that_only_state_json_knows_give_way_to_the_live_ones(
    early: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    """Those are read at each request: they may have been in auth.json between two looks."""
    live.write(mock=oauth("ACC-CANARY-B"))
    watcher.publish(["ACC-CANARY-B", "ACC-CANARY-A"])
    early.load()

    early.run("fetch", **model_request(upstream, "ACC-CANARY-A"))

    assert upstream.keys == ["ACC-CANARY-B"]


def test_tokens_that_only_state_json_knows_stay_when_the_active_ones_were_never_seen(
    early: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    live.write(mock=oauth("ACC-CANARY-B"))
    watcher.publish(["ACC-CANARY-C", "ACC-CANARY-A"])
    early.load()

    early.run("fetch", **model_request(upstream, "ACC-CANARY-A"))

    assert upstream.keys == ["ACC-CANARY-A"]
