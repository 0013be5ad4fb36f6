"""What the bridge tells the watcher of a failed answer, and that it holds no secret."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.opencode.bridge.signal_file import parse_signal
from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.loopback_http import ClientLeftError, Connection, Received, chunk, head
from tests.support.upstream import Upstream, model_request, reply
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
LIMIT = 16 * 1024


def report(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, key: str = A
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let one request fail; return its signal and what opencode got."""
    pending = bridge.start("fetch", **model_request(upstream, key))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    return signal, pending.result()


def test_a_signal_says_all_that_the_contract_names(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(429, b"slow down", content_type="text/plain", retry_after="7"))

    signal, answer = report(bridge, upstream, watcher)

    at = datetime.fromisoformat(signal.pop("at"))
    assert datetime.now(UTC) - at < timedelta(seconds=20)
    assert re.fullmatch(r"[a-z0-9-]{10,}", signal.pop("id"))
    assert re.fullmatch(r"[a-z0-9-]{10,}", signal.pop("request"))
    assert signal == {
        "schema": 1,
        "attempt": 1,
        "provider": "mock",
        "host": "127.0.0.1",
        "model": "m1",
        "session": "ses_1",
        "credential": digest_of(A),
        "tried": [digest_of(A)],
        "left": [],
        "aside": False,
        "waited": False,
        "opencode": "tui",
        "status": 429,
        "headers": {"content-type": "text/plain", "retry-after": "7"},
        "body": "slow down",
    }
    assert answer["body"] == "slow down"


def test_the_watcher_understands_it(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.limit(A)

    signal, _ = report(bridge, upstream, watcher)

    understood = parse_signal(signal["id"], json.dumps(signal).encode())
    assert understood is not None
    assert (understood.provider, understood.status, understood.credential) == (
        "mock",
        429,
        digest_of(A),
    )


def test_only_headers_that_tell_of_limits_are_passed_on(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    told = {
        "retry-after-ms": "100",
        "date": "Sun, 22 Nov 2026 22:00:00 GMT",
        "x-ratelimit-reset-requests": "1s",
        "anthropic-ratelimit-unified-reset": "1",
        "x-codex-primary-used-percent": "100",
        "x-quota-snapshot-chat": "ent=1",
        "x-usage-ratelimit-weekly": "rem=0",
        "x-should-retry": "false",
    }
    kept_back = {"set-cookie": "session=1", "x-request-id": "r1", "authorization": "x"}
    upstream.on(A, reply(429, b"", **told, **kept_back))

    signal, _ = report(bridge, upstream, watcher)

    assert signal["headers"] == told


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503, 529])
def test_every_answer_of_400_and_more_is_reported(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, status: int
) -> None:
    upstream.on(A, reply(status, b"failed"))

    signal, answer = report(bridge, upstream, watcher)

    assert (signal["status"], answer["status"], answer["body"]) == (status, status, "failed")


@pytest.mark.parametrize("status", [200, 201, 204, 304, 399])
def test_no_other_answer_is_reported(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, status: int
) -> None:
    upstream.on(A, reply(status))

    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["status"], answer["sameResponse"]) == (status, True)
    assert watcher.heard_nothing(answer)


def test_secrets_in_body_and_headers_become_fingerprints(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    key, token = "KEY/CANARY+A=", "TOKEN-CANARY"
    live.write(
        mock={"type": "api", "key": key},
        other=oauth("ACC-CANARY-X"),
        third={"type": "wellknown", "key": "NAME", "token": token},
    )
    said = [key, key.replace("/", "\\/"), "KEY%2FCANARY%2BA%3D", "ACC-CANARY-X", token]
    said += ["ACC-CANARY-X-REFRESH"]
    upstream.on(key, reply(401, " | ".join(said).encode(), x_ratelimit_note=f"for {key}"))

    signal, answer = report(bridge, upstream, watcher, key)

    print_of = {text: digest_of(text)[:8] for text in [key, token, *said]}
    expected = [print_of[key]] * 3 + [print_of[text] for text in said[3:]]
    assert signal["body"] == " | ".join(expected)
    assert signal["headers"]["x-ratelimit-note"] == f"for {print_of[key]}"
    assert answer["body"] == " | ".join(said)


def test_the_key_of_an_earlier_attempt_is_redacted_too(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)
    upstream.on(B, reply(403, f"first {A}, then {B}".encode()))
    pending = bridge.start("fetch", **model_request(upstream))
    first = watcher.next_signal()
    live.key(B)
    watcher.retry(first, B)
    second = watcher.next_signal()
    watcher.answer(second, "pass")
    pending.result()

    assert second["body"] == f"first {digest_of(A)[:8]}, then {digest_of(B)[:8]}"


def test_a_long_body_is_cut_at_16_kb_for_the_watcher_and_whole_for_opencode(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    body = ("é" * 300_000).encode()
    upstream.on(A, reply(500, body))

    signal, answer = report(bridge, upstream, watcher)

    assert signal["body"] == "é" * (LIMIT // 2)
    assert answer["body"].encode() == body


def test_a_secret_across_the_cut_is_not_told_in_part(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(500, b"x" * (LIMIT - 10) + A.encode() + b"more"))

    signal, _ = report(bridge, upstream, watcher)

    assert signal["body"] == "x" * (LIMIT - 10) + digest_of(A)[:8]


def test_a_body_that_is_no_text_is_still_at_most_16_kb_of_text(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(500, bytes(range(128, 256)) * 1000))

    signal, answer = report(bridge, upstream, watcher)

    assert 0 < len(signal["body"].encode()) <= LIMIT
    assert answer["status"] == 500


def test_a_body_that_never_ends_is_reported_after_a_second(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    def never(_: Received, connection: Connection) -> bool:
        connection.send(head(500, {"transfer-encoding": "chunked"}) + chunk(b"begin"))
        connection.pause(60)
        return False

    upstream.on(A, never)

    pending = bridge.start("fetch", **model_request(upstream, unread=True))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    answer = pending.result()

    assert (signal["body"], answer["status"]) == ("begin", 500)
    assert 1000 <= answer["ms"] < 3000


def test_a_body_that_never_stops_coming_is_cut_at_once(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    def flood(_: Received, connection: Connection) -> bool:
        connection.send(head(500, {"transfer-encoding": "chunked"}))
        try:
            for _number in range(2000):
                connection.send(chunk(b"y" * 4096))
                connection.pause(0.005)
        except ClientLeftError:
            return False
        return True

    upstream.on(A, flood)

    pending = bridge.start("fetch", **model_request(upstream, unread=True))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    answer = pending.result()

    assert (signal["body"], answer["ms"] < 900) == ("y" * LIMIT, True)


def test_signals_are_for_their_owner_alone(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.inbox.rmdir()
    upstream.limit(A)

    pending = bridge.start("fetch", **model_request(upstream))
    path = wait_until(watcher.waiting, 5, "a signal", poll_seconds=0.001)[0]
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]
    others = [one.name for one in watcher.inbox.iterdir() if one != path]
    watcher.answer(watcher.next_signal(), "pass")
    pending.result()

    assert (modes, others) == ([0o600, 0o700], [])
