"""A mark lives in the asynchronous context of its hook, for one request to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.loopback_http import Received
from tests.support.upstream import FORMS, Upstream, model_request, reply

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
STREAM = reply(200, b"data: [DONE]\n\n", content_type="text/event-stream")
AWS = "AWS4-HMAC-SHA256 Credential=AKIA/20261122/eu/bedrock/aws4_request, Signature=0a"
CONVERSE = "/model/anthropic.claude/converse-stream"


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


def turn(bridge: BridgeProcess, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """Make requests one after the other in one context, as a turn and its tools do."""
    found: list[dict[str, Any]] = bridge.run("turn", requests=requests)["answers"]
    return found


def as_received(request: Received) -> tuple[object, ...]:
    return (request.method, request.target, dict(request.headers), request.body)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/embeddings", "/v1/images/generations", "/mcp"]
)
def test_a_tools_request_with_the_very_key_after_the_answer_blames_nobody(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, path: str
) -> None:
    upstream.on(A, STREAM)
    upstream.on("x-tool", reply(429, b"limited"))
    asked = {"model": "m1", "messages": []}
    tool = model_request(upstream, mark=None, url=f"{upstream.url}{path}", body=str(asked))
    tool["headers"] |= {"x-of": "x-tool"}

    answers = turn(bridge, model_request(upstream), tool)

    assert [answer["status"] for answer in answers] == [200, 429]
    assert (answers[1]["sameInit"], watcher.heard_nothing(answers[1])) == (True, True)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_a_post_can_be_the_request_that_was_announced(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, method: str
) -> None:
    upstream.limit(A)
    live.key(B)
    other = model_request(upstream, mark={"provider": "mock"}, method=method, bodyKind="none")

    answer = bridge.run("fetch", **other)

    assert (answer["status"], upstream.keys) == (429, [A])
    assert watcher.heard_nothing(answer)


def test_what_a_plug_in_asks_its_vendor_before_does_not_use_up_the_mark_and_blames_nobody(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)
    before = model_request(upstream, url=f"{upstream.url}/v1internal:loadCodeAssist")
    before |= {"body": '{"metadata": {"ideType": "UNSPECIFIED"}}'}
    url = f"{upstream.url}/v1internal:streamGenerateContent?alt=sse"

    pending = bridge.start(
        "turn", requests=[before, before, model_request(upstream, url=url, mark=None)]
    )
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert [answer["status"] for answer in pending.result()["answers"]] == [429, 429, 200]
    assert (upstream.keys, watcher.waiting()) == ([A, A, A, B], [])


@pytest.mark.parametrize(
    ("path", "body", "ours"),
    [
        ("/api/generate-anything", '{"messages": []}', True),
        ("/api/generate-anything", '{"model": "m1"}', True),
        ("/v1/projects/p/models/m:streamRawPredict", "{}", True),
        (CONVERSE, "{}", True),
        ("/api/user", '{"id": 1}', False),
        ("/api/user", "id=1", False),
        ("/v1/messages/count_tokens", '{"messages": []}', False),
        ("/models/m:countTokens", '{"contents": []}', False),
    ],
)
def test_a_request_to_a_model_is_known_by_its_path_or_by_what_it_says(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, path: str, body: str, *, ours: bool
) -> None:
    live.key(B)

    bridge.run("fetch", **model_request(upstream, url=f"{upstream.url}{path}", body=body))

    assert upstream.keys == [B if ours else A]


def test_a_second_request_of_the_same_mark_is_ours_until_a_model_has_answered(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    """An SDK may repeat a failed request by itself, without a word to the plug-ins."""
    upstream.limit(A)
    first, again = model_request(upstream), model_request(upstream, mark=None)

    pending = bridge.start("turn", requests=[first, again])
    for _ in range(2):
        watcher.answer(watcher.next_signal(), "pass")

    assert [answer["status"] for answer in pending.result()["answers"]] == [429, 429]


def test_the_mark_of_one_provider_does_not_leak_into_a_request_of_another(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """The hook of a provider without a login takes the older mark out of the context."""
    upstream.limit(A)
    live.key(B)

    announced = {"url": "http://127.0.0.1:1/v1/chat/completions", "mark": {"provider": "mock"}}
    answers = turn(bridge, announced, model_request(upstream, mark={"provider": "elsewhere"}))

    assert (answers[1]["status"], upstream.keys) == (429, [A])
    assert watcher.waiting() == []


def test_two_sessions_whose_requests_cross_are_told_apart(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    live.write(mock={"type": "api", "key": A}, zeta={"type": "api", "key": B})
    bridge.load("/read/again")
    upstream.limit(A)
    upstream.limit(B)
    one = {"provider": "mock", "session": "ses_1"}
    two = {"provider": "zeta", "session": "ses_2"}
    first = bridge.start("fetch", **model_request(upstream, mark=one, hold="first"))
    second = bridge.start("fetch", **model_request(upstream, B, mark=two, hold="second"))

    told = []
    for latch, pending in (("second", second), ("first", first)):
        bridge.run("release", name=latch)
        told.append(watcher.next_signal())
        watcher.answer(told[-1], "pass")
        assert pending.result()["status"] == 429

    found = [(s["session"], s["provider"], s["credential"]) for s in told]
    assert found == [("ses_2", "zeta", digest_of(B)), ("ses_1", "mock", digest_of(A))]


def test_a_title_beside_its_turn_is_told_apart(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.limit(A)
    of = {"provider": "mock", "messageAgent": "build"}
    title = of | {"agent": "title", "model": "small"}
    first = bridge.start("fetch", **model_request(upstream, mark=title, hold="title"))
    second = bridge.start("fetch", **model_request(upstream, mark=of, hold="turn"))

    told = []
    for latch, pending in (("turn", second), ("title", first)):
        bridge.run("release", name=latch)
        told.append(watcher.next_signal())
        watcher.answer(told[-1], "pass")
        assert pending.result()["status"] == 429

    assert [(s["model"], s["aside"]) for s in told] == [("m1", False), ("small", True)]


@pytest.mark.parametrize(
    "signed",
    [
        {"authorization": 'Signature version="1",headers="host x-api-key",signature="0a"'},
        {"authorization": "TC3-HMAC-SHA256 Credential=a, SignedHeaders=host;x-api-key"},
        {"authorization": "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=x-api-key,Signature=0a"},
        {"authorization": "SharedKey account:0a"},
        {"x-signature": "0a"},
        {"X-Hub-Signature-256": "sha256=0a"},
        {"DPoP": "0a"},
        {"authorization": "bce-auth-v1/ak/2026-11-29T10:00:00Z/1800/host;x-api-key/0a"},
        {"authorization": 'Hawk id="a", ts="1", nonce="j", mac="0a="'},
        {"authorization": 'OAuth oauth_consumer_key="a", oauth_signature="0a"'},
        {"authorization": "q-sign-algorithm=sha1&q-ak=a&q-signature=0a"},
        {"x-sign": "0a"},
        {"X-Mac": "0a"},
        {"x-jws": "0a"},
        {"x-request-hash": "0a"},
        {"X-Content-Digest": "0a"},
        {"x-signed-at": "0a"},
    ],
    ids=lambda signed: " ".join(next(iter(signed.items()))).partition(" C")[0][:24],
)
def test_whatever_scheme_signs_a_request_it_arrives_as_it_was(
    bridge: BridgeProcess, live: LiveFile, upstream: Upstream, signed: dict[str, str]
) -> None:
    live.key(B)

    bridge.run("fetch", **model_request(upstream, headers=signed | {"x-api-key": A}))

    (got,) = upstream.requests
    assert got.headers["x-api-key"] == A


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-SignedHeaders=host%3Bx-api-key&X-Amz-Signature=0a",
        "AccessKeyId=a&Signature=0a",
        "sig=0a",
    ],
)
def test_a_request_that_is_signed_in_its_address_arrives_as_it_was(
    bridge: BridgeProcess, live: LiveFile, upstream: Upstream, query: str
) -> None:
    live.key(B)
    request = model_request(upstream, headers={"x-api-key": A})

    bridge.run("fetch", **request | {"url": f"{request['url']}?{query}"})

    assert upstream.requests[0].headers["x-api-key"] == A


@pytest.mark.parametrize("scheme", ["Bearer", "token", "Basic", ""])
def test_a_token_that_looks_like_several_parts_is_put_in_as_any_other(
    bridge: BridgeProcess, live: LiveFile, upstream: Upstream, scheme: str
) -> None:
    """Some vendors' tokens are lists of `name=value`."""
    older, newer = (f"tid=KEY-CANARY-{one};exp=1;sku=a" if scheme else one for one in (A, B))
    live.key(older)
    bridge.load("/with/the/older")
    live.key(newer)

    bridge.run(
        "fetch", **model_request(upstream, headers={"authorization": f"{scheme} {older}".strip()})
    )

    assert upstream.requests[0].headers["authorization"].endswith(newer)


@pytest.mark.parametrize("has_login", [False, True], ids=["no login", "a login"])
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": AWS, "x-amz-date": "20261122T222200Z"},
        {"authorization": "Bearer KEY-CANARY-A", "x-amz-content-sha256": "0a"},
        {"authorization": "Bearer KEY-CANARY-A", "signature-input": "sig=()", "signature": "s"},
    ],
    ids=["SigV4", "a signed body", "HTTP signatures"],
)
@pytest.mark.parametrize("header_form", ["object", "pairs", "headers", "map"])
def test_a_signed_request_arrives_as_it_does_without_the_bridge(
    home: Path,
    live: LiveFile,
    upstream: Upstream,
    headers: dict[str, str],
    header_form: str,
    *,
    has_login: bool,
) -> None:
    """B8."""
    provider = "amazon-bedrock"
    live.key(A, provider if has_login else "other")
    changes: dict[str, Any] = {
        "headers": headers,
        "url": f"{upstream.url}{CONVERSE}",
        "headerForm": header_form,
    }
    request = model_request(upstream, mark={"provider": provider}, **changes)
    with bridge_process(home) as process:
        process.run("fetch", **request)
        process.load()
        live.key(B, provider if has_login else "other")
        answer = process.run("fetch", **request)

    before, after = upstream.requests
    assert as_received(before) == as_received(after)
    assert (answer["sameInit"], answer["sameResponse"]) == (True, True)


def test_a_plain_key_of_a_provider_that_can_sign_is_replaced(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key(A, "amazon-bedrock")
    bridge.load("/read/again")
    live.key(B, "amazon-bedrock")
    url = f"{upstream.url}{CONVERSE}"

    bridge.run("fetch", **model_request(upstream, url=url, mark={"provider": "amazon-bedrock"}))

    assert upstream.keys == [B]


@pytest.mark.parametrize("form", FORMS)
def test_of_a_provider_without_a_login_the_very_arguments_are_passed_on(
    bridge: BridgeProcess, upstream: Upstream, form: str
) -> None:
    """B8: also its hook leaves the headers as they are."""
    mark = {"provider": "elsewhere"}

    answer = bridge.run("fetch", **model_request(upstream, mark=mark, form=form))

    assert (answer["sameResponse"], answer["hookHeaders"]) == (True, [])
    assert answer["sameInit"] is (form != "request")


def test_headers_that_can_be_read_only_once_are_left_for_fetch(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.limit(A)

    answer = bridge.run("fetch", **model_request(upstream, headerForm="once"))

    assert (answer["status"], upstream.keys, answer["sameInit"]) == (429, [A], True)
    assert watcher.heard_nothing(answer)


def test_after_the_end_of_its_turn_a_mark_is_nobodys(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    """What another plug-in does when a turn has failed runs in the context of that turn."""
    upstream.limit(A)
    later = model_request(upstream, mark=None, hold="later")
    pending = bridge.start("turn", requests=[model_request(upstream), later])
    watcher.answer(watcher.next_signal(), "pass")
    idle = {"sessionID": "ses_1", "status": {"type": "idle"}}
    event = {"id": "evt_1", "type": "session.status", "properties": idle}
    bridge.run("hook", name="event", arguments=[{"event": event}])

    bridge.run("release", name="later")
    answer = pending.result()["answers"][1]

    assert (answer["status"], watcher.heard_nothing(answer)) == (429, True)


def test_an_oauth_login_without_an_access_token_takes_no_place(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """Some plug-ins empty the access token so that the next request asks for a new one."""
    live.write(mock=oauth("ACC-CANARY-A"))
    bridge.load("/read/again")
    live.write(mock=oauth("", refresh="REF-CANARY"))

    bridge.run("fetch", **model_request(upstream, "ACC-CANARY-A"))

    assert upstream.keys == ["ACC-CANARY-A"]


PLAIN = {"provider": "mock", "npm": "@ai-sdk/openai-compatible"}
NAMED = {"x-session-affinity": "ses_1"}


def test_what_a_hook_asks_with_the_very_key_before_the_turns_request_blames_nobody(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)
    beside = model_request(upstream, mark=PLAIN)
    asked = model_request(upstream, mark=None)
    asked["headers"] |= NAMED

    pending = bridge.start("turn", requests=[beside, asked, beside | {"mark": None}])
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert [answer["status"] for answer in pending.result()["answers"]] == [429, 200, 429]
    assert (upstream.keys, watcher.waiting()) == ([A, A, B, A], [])


def test_a_model_whose_own_headers_stand_in_for_the_session_s_is_met_at_once(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key(B)
    fixed = {"X-Session-Affinity": "fixed", "x-session-id": "fixed"}

    bridge.run("fetch", **model_request(upstream, mark=PLAIN | {"headers": fixed}))

    assert upstream.keys == [B]


def test_where_requests_lose_the_name_of_their_session_only_the_first_is_missed(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key(B)

    for _ in range(3):
        bridge.run("fetch", **model_request(upstream, mark=PLAIN))

    assert upstream.keys == [A, B, B]


def test_a_fetch_of_the_providers_own_may_leave_out_the_name_of_the_session(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key(B)

    bridge.run("fetch", **model_request(upstream, mark=PLAIN | {"options": {"fetch": True}}))

    assert upstream.keys == [B]
