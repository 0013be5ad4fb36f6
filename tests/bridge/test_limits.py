"""The limits in a good answer reach the watcher, and the request waits for nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream, model_request, reply
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
LIMITS = {"x_codex_primary_used_percent": "12", "x_codex_primary_window_minutes": "300"}


@pytest.fixture(autouse=True)
def telling(upstream: Upstream) -> None:
    """Say in every answer to A how much is used."""
    upstream.on(A, reply(200, b"ok", set_cookie="a=CANARY", x_request_id="r", **LIMITS))


def send(bridge: BridgeProcess, upstream: Upstream, **changes: Any) -> dict[str, Any]:
    answer = bridge.run("fetch", **model_request(upstream, **changes))
    assert (answer["status"], answer["sameResponse"]) == (200, True)
    return answer


def test_the_limits_in_a_good_answer_are_told_once(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    for _ in range(5):
        send(bridge, upstream)

    told = watcher.next_signal()

    assert (told["status"], told["credential"], told["body"]) == (200, digest_of(A), "")
    assert told["headers"] == {
        "x-codex-primary-used-percent": "12",
        "x-codex-primary-window-minutes": "300",
    }
    send(bridge, upstream)
    assert watcher.waiting() == []


def test_each_login_has_a_turn_of_its_own(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.on(B, reply(200, b"ok", **LIMITS))
    send(bridge, upstream)
    live.key(B)
    send(bridge, upstream, headers={"Authorization": f"Bearer {B}"})

    told = {watcher.next_signal()["credential"] for _ in range(2)}

    assert told == {digest_of(A), digest_of(B)}


def test_an_answer_without_limits_is_not_told(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(200, b"ok", x_request_id="r"))
    send(bridge, upstream)
    upstream.on(A, reply(200, b"ok", **LIMITS))
    send(bridge, upstream)

    assert "x-codex-primary-used-percent" in watcher.next_signal()["headers"]
    assert watcher.waiting() == []


def test_the_organisation_of_a_login_is_told_with_its_limits_and_never_alone(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    groups = {"openai_organization": "org-1", "anthropic_organization_id": "org-2"}
    others = {"openai_project": "p", "x_openai_organization": "x", "cookie": "a=CANARY"}
    upstream.on(A, reply(200, b"ok", **groups, **others))
    send(bridge, upstream)
    upstream.on(A, reply(200, b"ok", x_ratelimit_limit_requests="9", **groups, **others))
    send(bridge, upstream)

    assert watcher.next_signal()["headers"] == {
        "anthropic-organization-id": "org-2",
        "openai-organization": "org-1",
        "x-ratelimit-limit-requests": "9",
    }
    assert watcher.waiting() == []


def test_the_answer_does_not_wait_for_anybody_to_read_it(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    answer = send(bridge, upstream)

    assert answer["ms"] < 240
    wait_until(watcher.waiting, 5, "what was told")


def test_without_a_watcher_nothing_is_told(
    home: Path, bridge: BridgeProcess, upstream: Upstream
) -> None:
    send(bridge, upstream)

    assert not [*home.rglob("inbox/*.json")]


def test_a_request_that_is_not_ours_tells_nothing(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    send(bridge, upstream, mark=None)
    send(bridge, upstream)

    assert watcher.next_signal()["provider"] == "mock"
    assert watcher.waiting() == []


def test_a_secret_in_a_header_is_not_told(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(200, b"ok", x_ratelimit_key=A))
    send(bridge, upstream)

    assert watcher.next_signal()["headers"] == {"x-ratelimit-key": digest_of(A)[:8]}
