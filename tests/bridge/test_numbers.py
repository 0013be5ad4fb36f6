"""Where the context does not hold, a number goes with a request and is taken off again."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream, model_request, reply

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
PLAIN = "@ai-sdk/openai-compatible"
MARK = {"provider": "mock", "npm": PLAIN}
BODY = '{"model": "m1"}'
# As opencode names the session in each request.
NAMED = {"x-session-affinity": "ses_1"}


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


def lost(upstream: Upstream, key: str = A, **changes: Any) -> dict[str, Any]:
    """Return a request that its context does not reach."""
    asked = model_request(upstream, key, **({"mark": MARK, "isLost": True, "body": BODY} | changes))
    asked["headers"] |= NAMED
    return asked


def idle(bridge: BridgeProcess, kind: str = "session.idle") -> None:
    event = {"id": "evt_1", "type": kind, "properties": {"sessionID": "ses_1"}}
    bridge.run("hook", name="event", arguments=[{"event": event}])


@pytest.fixture
def numbering(bridge: BridgeProcess, upstream: Upstream) -> BridgeProcess:
    """Return a bridge that has met a request without the context of its hook."""
    first = bridge.run("fetch", **lost(upstream))
    assert first["number"] is None
    return bridge


@pytest.mark.parametrize("form", ["string", "url", "request", "both"])
@pytest.mark.parametrize("header_form", ["object", "pairs", "headers", "map"])
def test_the_next_request_carries_a_number_that_means_nothing_and_never_leaves(
    numbering: BridgeProcess, upstream: Upstream, live: LiveFile, form: str, header_form: str
) -> None:
    live.key(B)

    answer = numbering.run("fetch", **lost(upstream, form=form, headerForm=header_form))

    # In the form `both` it stands in the second argument's headers as well.
    assert answer["number"] is None or len(answer["number"]) < 60
    assert (answer["status"], upstream.keys) == (200, [A, B])
    assert not [r for r in upstream.requests for name in r.headers if "rotator" in name]


def test_a_failover_works_by_numbers_as_it_does_by_contexts(
    numbering: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)

    pending = numbering.start("fetch", **lost(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)
    answer = pending.result()

    assert answer["number"].count("-") == 2
    assert (signal["session"], signal["credential"]) == ("ses_1", digest_of(A))
    assert (answer["status"], upstream.keys) == (200, [A, A, B])


def test_a_number_holds_no_name_and_no_digest(numbering: BridgeProcess, upstream: Upstream) -> None:
    numbers = [numbering.run("fetch", **lost(upstream))["number"] for _ in range(2)]

    assert numbers[0] != numbers[1]
    for number in numbers:
        assert all(len(part) <= 16 for part in number.split("-"))


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param({"npm": "@ai-sdk/amazon-bedrock"}, id="an SDK that signs"),
        pytest.param({"npm": "some-sdk-of-somebody"}, id="an SDK that nobody knows"),
        pytest.param({"npm": None}, id="no SDK told"),
        pytest.param({"provider": "elsewhere"}, id="a provider without a login"),
    ],
)
def test_where_a_number_could_do_harm_there_is_none(
    numbering: BridgeProcess, upstream: Upstream, mark: dict[str, object]
) -> None:
    answer = numbering.run("fetch", **lost(upstream, mark=MARK | mark))

    assert (answer["number"], answer["sameInit"]) == (None, True)


@pytest.mark.parametrize("end", ["announced again", "session.idle", "session.error"])
def test_once_a_number_does_not_come_through_our_fetch_its_provider_gets_none(
    numbering: BridgeProcess, upstream: Upstream, live: LiveFile, end: str
) -> None:
    """B9: opencode uses a fetch that a login loader has kept."""
    live.write(mock={"type": "api", "key": A}, zeta={"type": "api", "key": B})
    # Where nobody answers: that it leaves the process here is the test's doing.
    nowhere = {"url": "http://127.0.0.1:1/v1/chat/completions", "mark": MARK}
    first = numbering.run("fetch", **(model_request(upstream, isKept=True) | nowhere))
    if end != "announced again":
        idle(numbering, end)

    again = [numbering.run("fetch", **lost(upstream))["number"] for _ in range(2)]
    other = numbering.run("fetch", **lost(upstream, B, mark=MARK | {"provider": "zeta"}))

    assert first["number"] is not None
    assert again == [None, None]
    assert other["number"] is not None


def test_a_bridge_that_is_there_twice_announces_a_request_once(
    bridge: BridgeProcess, upstream: Upstream
) -> None:
    bridge.load(files=["ours", "ours"])
    bridge.run("fetch", **lost(upstream))

    numbers = [bridge.run("fetch", **lost(upstream))["number"] for _ in range(3)]

    assert None not in numbers


def test_a_number_that_came_through_is_no_reason_to_stop(
    numbering: BridgeProcess, upstream: Upstream
) -> None:
    numbers = []
    for end in ("session.idle", "session.error", "session.idle"):
        numbers.append(numbering.run("fetch", **lost(upstream))["number"])
        idle(numbering, end)

    assert None not in numbers
    assert len(set(numbers)) == 3


def test_a_title_beside_its_turn_is_no_second_announcement(
    numbering: BridgeProcess, upstream: Upstream
) -> None:
    first = numbering.start("fetch", **lost(upstream, hold="turn"))
    title = numbering.run("fetch", **lost(upstream, mark=MARK | {"agent": "title"}))
    numbering.run("release", name="turn")

    later = numbering.run("fetch", **lost(upstream))

    assert None not in (first.result()["number"], title["number"], later["number"])


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param({"url": "/v1/models", "body": "id=1"}, id="no request to a model"),
        pytest.param({"key": "KEY-CANARY-OTHER"}, id="a key that nobody knows"),
        pytest.param({"method": "GET", "bodyKind": "none"}, id="no POST"),
    ],
)
def test_other_requests_are_no_sign_of_a_lost_context(
    bridge: BridgeProcess, upstream: Upstream, request_of: dict[str, Any]
) -> None:
    waiting = bridge.start("fetch", **model_request(upstream, mark=MARK, hold="turn"))
    changes = dict(request_of) | {"mark": None}
    if "url" in changes:
        changes["url"] = f"{upstream.url}{changes['url']}"
    bridge.run("fetch", **lost(upstream, str(changes.pop("key", A)), **changes))
    bridge.run("release", name="turn")

    later = bridge.run("fetch", **lost(upstream))

    assert (waiting.result()["number"], later["number"]) == (None, None)


def test_a_tools_request_is_no_sign_of_a_lost_context(
    bridge: BridgeProcess, upstream: Upstream
) -> None:
    upstream.on(A, reply(200, b"ok", content_type="text/event-stream"))
    tool = model_request(upstream, mark=None, body=BODY)
    bridge.run("turn", requests=[model_request(upstream, mark=MARK), tool])

    assert bridge.run("fetch", **lost(upstream))["number"] is None


@pytest.mark.parametrize("signed", ['"host" "x-rotator-request"', '"host"'])
def test_a_signed_request_loses_no_header_that_its_signature_covers(
    numbering: BridgeProcess, upstream: Upstream, signed: str
) -> None:
    with Upstream() as vendor:
        number = numbering.run("fetch", **lost(vendor, signed=signed))["number"]
        (received,) = vendor.requests
    later = numbering.run("fetch", **lost(upstream))

    is_covered = "rotator" in signed
    assert number is not None
    assert received.headers.get("x-rotator-request") == (number if is_covered else None)
    assert later["number"] is None
