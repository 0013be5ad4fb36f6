"""What the bridge does on each verdict of the watcher."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.secret import digest_of
from rotator.system.files import publish
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.loopback_http import Connection, Received
from tests.support.upstream import FORMS, Upstream, model_request
from tests.support.waiting import wait_until

A, B, C = "KEY-CANARY-A", "KEY-CANARY-B", "KEY-CANARY-C"


@pytest.fixture(autouse=True)
def limited(upstream: Upstream) -> None:
    """Answer 429 to the key A."""
    upstream.limit(A)


def wait_a_little(seconds: float) -> None:
    """Let so much time pass, so that two writes meet a look of the bridge in every way."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, 1, "a moment", poll_seconds=0.0001)


def nothing_left(watcher: FakeWatcher) -> bool:
    return not [*watcher.inbox.iterdir(), *watcher.outbox.iterdir()]


@pytest.mark.parametrize("header_form", ["object", "pairs", "headers"])
@pytest.mark.parametrize("form", FORMS)
def test_retry_sends_the_request_again_with_the_login_that_is_live_by_now(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    form: str,
    header_form: str,
) -> None:
    pending = bridge.start(
        "fetch", **model_request(upstream, form=form, headerForm=header_form, body="the body")
    )
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    answer = pending.result()

    assert (answer["status"], answer["body"], answer["sameResponse"]) == (200, "ok", True)
    assert (upstream.keys, [r.body for r in upstream.requests]) == ([A, B], [b"the body"] * 2)
    assert nothing_left(watcher)


@pytest.mark.parametrize("kind", ["string", "bytes", "buffer", "params", "blob", "form"])
def test_a_body_that_can_be_sent_twice_is(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, kind: str
) -> None:
    plain = {"authorization": f"Bearer {A}"}
    pending = bridge.start(
        "fetch", **model_request(upstream, headers=plain, bodyKind=kind, body="a=1")
    )
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert pending.result()["status"] == 200
    assert all(b"a=1" in request.body for request in upstream.requests)


def test_a_body_that_is_a_stream_is_reported_and_not_sent_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **model_request(upstream, bodyKind="stream"))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (429, [A])


def test_a_stream_inside_a_request_is_sent_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    streamed = {"form": "request", "bodyKind": "stream", "body": "streamed"}
    pending = bridge.start("fetch", **model_request(upstream, **streamed))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert pending.result()["status"] == 200
    assert [r.body for r in upstream.requests] == [b"streamed", b"streamed"]


def test_a_request_without_a_body_is_sent_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **model_request(upstream, body=None) | BODILESS)
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert pending.result()["status"] == 200


BODILESS = {"form": "request", "bodyKind": "none"}


def test_three_accounts_are_tried_one_after_the_other_and_each_signal_names_those_tried(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(B)
    pending = bridge.start("fetch", **model_request(upstream))
    first = watcher.next_signal()
    live.key(B)
    watcher.retry(first, B)
    second = watcher.next_signal()
    live.key(C)
    watcher.retry(second, C)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B, C])
    assert first["request"] == second["request"]
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert (first["credential"], second["credential"]) == (digest_of(A), digest_of(B))
    assert (first["tried"], second["tried"]) == ([digest_of(A)], [digest_of(A), digest_of(B)])


def test_ack_and_then_retry_waits_for_the_second_word(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "ack", wait_ms=10_000)
    pending.wait_until_acked()
    live.key(B)
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])
    assert nothing_left(watcher)


def test_a_verdict_that_takes_the_place_of_its_ack_is_never_lost(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """The ack is not taken away after it was read: by then it might be the verdict."""
    for number in range(20):
        upstream.limit(A)
        live.key(A)
        pending = bridge.start("fetch", **model_request(upstream))
        signal = watcher.next_signal()
        live.key(B)
        watcher.answer(signal, "ack", wait_ms=15_000)
        wait_a_little(number * 0.0005)
        watcher.retry(signal, B)

        assert pending.result(5)["status"] == 200
        assert nothing_left(watcher)


def test_an_ack_is_left_where_it_is_until_the_request_is_over(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "ack", wait_ms=15_000)
    pending.wait_until_acked()

    assert [path.stem for path in watcher.outbox.iterdir()] == [signal["id"]]

    watcher.answer(signal, "pass")
    assert pending.result()["status"] == 429
    assert nothing_left(watcher)


def test_an_ack_whose_deadline_passes_ends_with_the_answer(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "ack", wait_ms=400)

    answer = pending.result()

    assert (answer["status"], 400 <= answer["ms"] < 3000) == (429, True)
    assert nothing_left(watcher)


# Not about time: on a busy machine the one who plays the watcher may be late.
@pytest.mark.parametrize("slowness", [20], ids=["unhurried"])
@pytest.mark.parametrize(
    "verdict",
    [
        pytest.param({"verdict": "pass"}, id="pass"),
        pytest.param({"verdict": "reroute", "to": {"provider": "p", "model": "m"}}, id="reroute"),
        pytest.param({"verdict": "reroute"}, id="reroute to nowhere"),
        pytest.param({"verdict": "dance"}, id="unknown verdict"),
        pytest.param({"verdict": None}, id="no verdict"),
        pytest.param({"verdict": "retry", "schema": 2}, id="unknown schema"),
        pytest.param({"verdict": "retry", "id": "another"}, id="another id"),
        pytest.param({"verdict": "retry", "credential": None}, id="no digest"),
        pytest.param({"verdict": "retry", "credential": digest_of(C)}, id="not in auth.json"),
        pytest.param({"verdict": "retry", "credential": digest_of(A)}, id="tried already"),
        pytest.param({"verdict": "wait", "wait_ms": "long"}, id="no time to wait"),
        pytest.param({"verdict": "wait", "wait_ms": -1}, id="a negative time to wait"),
    ],
)
def test_any_other_verdict_gives_opencode_the_answer_as_it_is(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    verdict: dict[str, object],
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    if verdict.get("credential") != digest_of(A):
        live.key(B)
    fields = {"credential": digest_of(B)} | verdict
    watcher.answer(signal, **fields)  # type: ignore[arg-type]  # any of the contract's fields

    answer = pending.result()

    assert (answer["status"], answer["body"], answer["sameResponse"]) == (429, "limited", True)
    assert (upstream.keys, nothing_left(watcher)) == ([A], True)


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'"retry"', b"\xff"])
def test_a_verdict_that_is_no_json_object_gives_opencode_the_answer(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, content: bytes
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    publish(watcher.outbox / f"{signal['id']}.json", content)

    answer = pending.result()

    assert (answer["status"], answer["body"], answer["ms"] < 240) == (429, "limited", True)


def test_a_swap_that_becomes_visible_just_after_the_verdict_is_waited_for(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.retry(watcher.next_signal(), B)
    wait_until(lambda: not [*watcher.outbox.iterdir()], 5, "the verdict to be taken")
    live.key(B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])


def test_a_retry_with_a_login_for_another_destination_is_not_made(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.write(mock={"type": "api", "key": B, "enterpriseUrl": "elsewhere.example"})
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (429, [A])


def test_a_retry_of_an_oauth_request_takes_the_account_id_along(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit("ACC-CANARY-A")
    live.write(openai=oauth("ACC-CANARY-A", accountId="acct-a"))
    headers = {"Authorization": "Bearer ACC-CANARY-A", "ChatGPT-Account-Id": "acct-a"}
    request = model_request(upstream, headers=headers, headerForm="headers", form="url")
    pending = bridge.start("fetch", **request | {"mark": {"provider": "openai"}})
    signal = watcher.next_signal()
    live.write(openai=oauth("ACC-CANARY-B", accountId="acct-b"))
    watcher.retry(signal, "ACC-CANARY-B")

    assert pending.result()["status"] == 200
    assert upstream.requests[1].headers["authorization"] == "Bearer ACC-CANARY-B"
    assert upstream.requests[1].headers["chatgpt-account-id"] == "acct-b"


def test_a_wait_ends_early_when_the_watcher_has_something_new_to_say(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "wait", wait_ms=60_000)
    wait_until(lambda: not [*watcher.outbox.iterdir()], 5, "the verdict to be taken")
    wait_a_little(0.1)
    watcher.publish([A])
    watcher.answer(watcher.next_signal(), "pass")

    answer = pending.result()

    assert (answer["status"], answer["ms"] < 10_000) == (429, True)


def test_a_wait_goes_on_when_the_watcher_says_the_same_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "wait", wait_ms=1500)
    wait_until(lambda: not [*watcher.outbox.iterdir()], 5, "the verdict to be taken")
    watcher.publish([A, B])
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["ms"] >= 1500


def test_a_wait_ends_with_the_answer_when_the_watcher_is_gone(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "wait", wait_ms=60_000)
    wait_until(lambda: not [*watcher.outbox.iterdir()], 5, "the verdict to be taken")
    (watcher.folder / "state.json").unlink()

    answer = pending.result()

    assert (answer["status"], answer["ms"] < 10_000, watcher.waiting()) == (429, True, [])


@pytest.mark.parametrize("verdict", ["none", "ack", "wait"])
@pytest.mark.parametrize("form", ["string", "request"])
def test_an_abort_ends_a_wait_at_once_with_its_reason_and_leaves_no_file(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, verdict: str, form: str
) -> None:
    pending = bridge.start("fetch", **model_request(upstream, form=form, abortable=True))
    if verdict == "none":
        wait_until(watcher.waiting, 5, "a signal", poll_seconds=0.001)
    else:
        watcher.answer(watcher.next_signal(), verdict, wait_ms=15_000)
        pending.wait_until_acked()
    bridge.run("abort", call=pending.number, reason="the user pressed Esc")

    answer = pending.result(2)

    assert answer["error"] == "the user pressed Esc"
    # That it waits no more is all that is told.
    told = [watcher.next_signal()["kind"]] if verdict == "wait" else []
    assert told == ["stopped"] * len(told)
    assert (upstream.keys, nothing_left(watcher)) == ([A], True)


def test_an_abort_does_not_mute_the_watcher(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream, abortable=True))
    watcher.next_signal()
    bridge.run("abort", call=pending.number, reason="Esc")
    pending.result()

    again = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert again.result()["status"] == 429


# A busy machine may look for a signal later than the bridge waits for a word on it.
@pytest.mark.parametrize("slowness", [20])
@pytest.mark.usefixtures("slowness")
def test_two_hundred_failures_at_once_are_all_carried_over(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("many", count=200, **model_request(upstream))
    first = watcher.next_signal()
    live.key(B)
    watcher.retry(first, B)
    while not pending.is_done:
        for _ in watcher.waiting():
            watcher.retry(watcher.next_signal(), B)
        time.sleep(0.001)

    assert pending.result()["statuses"] == {"200": 200}
    assert nothing_left(watcher)


def test_a_verdict_that_comes_too_late_is_taken_away(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    late = watcher.next_signal()
    pending.result()
    watcher.answer(late, "pass")
    watcher.publish([A, B])

    again = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    wait_until(lambda: not [*watcher.outbox.iterdir()], 5, "the late verdict to go")
    watcher.answer(signal, "pass")

    assert again.result()["status"] == 429


def test_another_process_s_verdict_is_left_alone(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    foreign = watcher.outbox / "00000000-0123456789abcdef.json"
    foreign.write_text("{}")

    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")
    pending.result()

    assert foreign.exists()


def test_a_process_that_ends_takes_its_signals_along(
    home: Path, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    assert live.path.exists()

    with bridge_process(home) as bridge:
        bridge.load()
        pending = bridge.start("fetch", **model_request(upstream))
        signal = watcher.next_signal()
        watcher.answer(signal, "ack", wait_ms=15_000)
        # The process is in its long wait when it ends.
        pending.wait_until_acked()
        publish(watcher.inbox / f"{signal['id']}.json", json.dumps(signal).encode())

    assert nothing_left(watcher)


@pytest.fixture
def node(home: Path, live: LiveFile) -> Iterator[BridgeProcess]:
    """Return a process under Node that has loaded the bridge."""
    assert live.path.exists()
    with bridge_process(home, runtime="node") as process:
        process.load()
        yield process


@pytest.mark.parametrize("form", FORMS)
def test_all_of_it_works_under_node_too(
    node: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, form: str
) -> None:
    pending = node.start("fetch", **model_request(upstream, form=form, headerForm="headers"))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])


def test_a_failed_answer_whose_connection_breaks_off_is_reported_and_given_on(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    def broken(_: Received, connection: Connection) -> bool:
        connection.send(b"HTTP/1.1 503 Gone\r\ncontent-length: 100\r\n\r\nbegin")
        # Broken off in the same moment, there would be no answer at all.
        connection.pause(0.5)
        return False

    upstream.on(A, broken)

    pending = bridge.start("fetch", **model_request(upstream, unread=True))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")

    assert (pending.result()["status"], signal["status"]) == (503, 503)
