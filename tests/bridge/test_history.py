"""History that only the account which made it can send: dropped once it was refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.loopback_http import Connection, Received
from tests.support.upstream import FORMS, Upstream, model_request, reply

A, B = "KEY-CANARY-A", "KEY-CANARY-B"

GOOD = b'data: {"type":"response.completed","response":{"output":[]}}\n\n'
USER = {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}
BARE = {"type": "reasoning", "id": "rs_1", "encrypted_content": "cipher-1", "summary": []}
TOLD = {
    "type": "reasoning",
    "id": "rs_2",
    "encrypted_content": "cipher-2",
    "summary": [{"type": "summary_text", "text": "thought"}],
}
SAID = {"type": "message", "role": "assistant", "id": "msg_1", "content": "hello"}
CALLED = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "ls"}
RETURNED = {"type": "function_call_output", "call_id": "call_1", "output": "a file"}
THOUGHT_BEFORE = {"type": "item_reference", "id": "rs_9"}
SAID_BEFORE = {"type": "item_reference", "id": "msg_9"}
INPUT = [USER, BARE, TOLD, SAID, CALLED, RETURNED, THOUGHT_BEFORE, SAID_BEFORE]

CLEANED = [
    USER,
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thought"}]},
    {"type": "message", "role": "assistant", "content": "hello"},
    {"type": "function_call", "call_id": "call_1", "name": "ls"},
    RETURNED,
    SAID_BEFORE,
]


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up: nothing here is about time."""
    return 20


def body_of(*items: object) -> str:
    # Spaces as no serialiser of ours writes them: a body that is left alone stays as it is.
    return json.dumps({"model": "m1", "input": items, "stream": True}, indent=3)


def request(upstream: Upstream, body: str, session: str = "ses_1", **changes: Any) -> Any:
    url = f"{upstream.url}/v1/responses"
    mark = {"provider": "mock", "session": session}
    return model_request(upstream, url=url, body=body, mark=mark, **changes)


@pytest.fixture(autouse=True)
def bound(upstream: Upstream) -> None:
    """Refuse every ciphertext, as a provider does with those of another account."""

    def refuse_foreign(received: Received, connection: Connection) -> bool:
        refused = reply(400, b'{"error":{"code":"invalid_encrypted_content"}}')
        respond = refused if b"cipher-" in received.body else reply(200, GOOD)
        return respond(received, connection)

    upstream.on(A, refuse_foreign)


def drop_once(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, **changes: Any
) -> dict[str, Any]:
    """Send INPUT, let it be refused once and be dropped; return what opencode got."""
    pending = bridge.start("fetch", **request(upstream, body_of(*INPUT), **changes))
    watcher.retry(watcher.next_signal(), A, drop="reasoning")
    return pending.result()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_bound_is_dropped_and_the_rest_is_sent_once_more_with_the_same_key(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, form: str
) -> None:
    answer = drop_once(bridge, upstream, watcher, form=form)

    assert (answer["status"], upstream.keys) == (200, [A, A])
    assert json.loads(upstream.requests[0].body)["input"] == INPUT
    assert json.loads(upstream.requests[1].body) == {
        "model": "m1",
        "input": CLEANED,
        "stream": True,
    }


@pytest.mark.parametrize("runtime", ["bun", "node"])
def test_a_length_that_opencode_gave_does_not_outlive_the_body(
    home: Path,
    live: LiveFile,
    upstream: Upstream,
    watcher: FakeWatcher,
    runtime: str,
    slowness: int,
) -> None:
    assert live.path.exists()
    length = str(len(body_of(*INPUT).encode()))
    headers = {"Authorization": f"Bearer {A}", "Content-Length": length}

    with bridge_process(home, runtime=runtime, slowness=slowness) as bridge:
        bridge.load()
        answer = drop_once(bridge, upstream, watcher, headers=headers)

    assert answer["status"] == 200
    sent = upstream.requests[1]
    assert sent.headers["content-length"] == str(len(sent.body))


@pytest.mark.parametrize("form", ["string", "request"])
def test_later_requests_of_the_session_leave_it_out_before_they_are_sent(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, form: str
) -> None:
    drop_once(bridge, upstream, watcher)
    mine = {"type": "reasoning", "id": "rs_3", "encrypted_content": "new-3", "summary": []}

    answer = bridge.run("fetch", **request(upstream, body_of(*INPUT, mine), form=form))

    assert (answer["status"], len(upstream.requests)) == (200, 3)
    assert json.loads(upstream.requests[2].body)["input"] == [*CLEANED, mine]


def test_other_sessions_keep_theirs(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    drop_once(bridge, upstream, watcher)

    pending = bridge.start("fetch", **request(upstream, body_of(BARE), session="ses_2"))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 400
    assert upstream.requests[2].body == body_of(BARE).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(body_of(USER), id="nothing refused in it"),
        pytest.param('{ "messages": [] }', id="no input"),
        pytest.param('{ "input": "text" }', id="input as text"),
        pytest.param('{ "input": [null, 1, "a", [], {"id": 1}] }', id="items of other shapes"),
        pytest.param("no JSON, but rs_1", id="no JSON"),
        pytest.param("", id="empty"),
    ],
)
def test_a_body_without_anything_refused_is_sent_to_the_byte(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, body: str
) -> None:
    drop_once(bridge, upstream, watcher)

    bridge.run("fetch", **request(upstream, body))

    assert upstream.requests[2].body == body.encode()


def test_an_unknown_drop_is_not_made(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **request(upstream, body_of(*INPUT)))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B, drop="everything")

    assert (pending.result()["status"], len(upstream.requests)) == (400, 1)


@pytest.mark.parametrize("body", ["no JSON: cipher-", '{"cipher-": 1}', '{"input": ["cipher-"]}'])
def test_where_nothing_can_be_dropped_the_request_is_not_sent_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, body: str
) -> None:
    pending = bridge.start("fetch", **request(upstream, body))
    watcher.retry(watcher.next_signal(), A, drop="reasoning")

    assert (pending.result()["status"], len(upstream.requests)) == (400, 1)


def test_a_refusal_that_stays_after_the_drop_ends_with_the_answer(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(400, b"refused"))
    pending = bridge.start("fetch", **request(upstream, body_of(*INPUT)))
    watcher.retry(watcher.next_signal(), A, drop="reasoning")
    watcher.retry(watcher.next_signal(), A, drop="reasoning")

    assert (pending.result()["status"], len(upstream.requests)) == (400, 2)


def test_a_failover_and_a_drop_in_one_request(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)
    upstream.on(B, reply(400, b"refused"))
    pending = bridge.start("fetch", **request(upstream, body_of(*INPUT)))
    first = watcher.next_signal()
    live.key(B)
    watcher.retry(first, B)
    second = watcher.next_signal()
    upstream.on(B, reply(200, GOOD))
    watcher.retry(second, B, drop="reasoning")

    assert (pending.result()["status"], upstream.keys) == (200, [A, B, B])
    assert json.loads(upstream.requests[2].body)["input"] == CLEANED
