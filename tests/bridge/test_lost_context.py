"""Where no context leads to a request, the SDK's own is known by the session that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import FORMS, Upstream, model_request, reply

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
MARK = {"provider": "mock", "npm": "@ai-sdk/openai-compatible"}
BODY = '{"model": "m1"}'
SDK = {"user-agent": "opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14"}
# As opencode names the session in each request.
NAMED = {"x-session-affinity": "ses_1", "x-session-id": "ses_1"}


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


def lost(
    upstream: Upstream, key: str = A, without: tuple[str, ...] = (), **changes: Any
) -> dict[str, Any]:
    """Return a request of an SDK that its context does not reach."""
    agent = {"user-agent": changes.pop("agent")} if "agent" in changes else {}
    asked = model_request(upstream, key, **({"mark": MARK, "isLost": True, "body": BODY} | changes))
    added = {name: value for name, value in (NAMED | SDK).items() if name not in without}
    asked["headers"] |= added | agent
    return asked


def held(upstream: Upstream, **changes: Any) -> dict[str, Any]:
    """Return a request of an SDK in the context of its hook."""
    return lost(upstream, **({"isLost": False} | changes))


def end(bridge: BridgeProcess, kind: str = "session.idle") -> None:
    event = {"id": "evt_1", "type": kind, "properties": {"sessionID": "ses_1"}}
    bridge.run("hook", name="event", arguments=[{"event": event}])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("header_form", ["object", "pairs", "headers", "map"])
def test_the_login_is_replaced_in_every_form_and_nothing_is_added(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, form: str, header_form: str
) -> None:
    live.key(B)

    answer = bridge.run("fetch", **lost(upstream, form=form, headerForm=header_form))

    assert (answer["status"], answer["hookHeaders"], upstream.keys) == (200, [], [B])


def test_a_failover_works_as_it_does_by_contexts(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)

    pending = bridge.start("fetch", **lost(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert (signal["session"], signal["credential"]) == ("ses_1", digest_of(A))
    assert (pending.result()["status"], upstream.keys) == (200, [A, B])


def test_an_sdk_that_asks_again_by_itself_is_known_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.limit(A)

    pending = bridge.start("turn", requests=[lost(upstream), lost(upstream, mark=None)])
    for _ in range(2):
        watcher.answer(watcher.next_signal(), "pass")

    assert [answer["status"] for answer in pending.result()["answers"]] == [429, 429]


def test_sessions_whose_requests_cross_are_told_apart(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.limit(A)
    other = {"x-session-affinity": "ses_2", "x-session-id": "ses_2"}
    second_request = lost(upstream, mark=MARK | {"session": "ses_2"}, hold="second")
    second_request["headers"] |= other
    first = bridge.start("fetch", **lost(upstream, hold="first"))
    second = bridge.start("fetch", **second_request)

    told = []
    for latch, pending in (("second", second), ("first", first)):
        bridge.run("release", name=latch)
        told.append(watcher.next_signal())
        watcher.answer(told[-1], "pass")
        assert pending.result()["status"] == 429

    assert [signal["session"] for signal in told] == ["ses_2", "ses_1"]


def test_a_turn_is_told_from_the_title_beside_it_by_its_tools(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    """Which of the two a request without tools is, nobody can say while both are awaited."""
    upstream.limit(A)
    of = MARK | {"messageAgent": "build"}
    title = lost(upstream, mark=of | {"agent": "title", "model": "small"}, hold="title")
    again = lost(upstream, mark=of | {"agent": "title", "model": "small"})
    turn = lost(upstream, mark=of, hold="turn", body=json.dumps({"model": "m1", "tools": [{}]}))
    first, second = bridge.start("fetch", **title), bridge.start("fetch", **turn)

    bridge.run("release", name="title")
    passed = first.result()["status"]
    bridge.run("release", name="turn")
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    second.result()
    upstream.on(A, reply(200, b"ok", content_type="text/event-stream"))
    bridge.run("fetch", **(turn | {"hold": None}))
    upstream.limit(A)
    pending = bridge.start("fetch", **again)
    late = watcher.next_signal()
    watcher.answer(late, "pass")

    assert (passed, pending.result()["status"]) == (429, 429)
    assert [(s["model"], s["aside"]) for s in (signal, late)] == [("m1", False), ("small", True)]


# Each has the very key, while the request of a turn is awaited that has not come yet.
OTHERS: dict[str, dict[str, Any]] = {
    "names no session": {"without": tuple(NAMED)},
    "names the session and no SDK": {"without": tuple(SDK)},
    "names the session and is no SDK": {"agent": "ai-sdk-memory/1.0 node"},
    "asks no model": {"url": "/v1/models", "body": "id=1"},
    "is no POST": {"method": "GET", "bodyKind": "none"},
}


@pytest.mark.parametrize("of", OTHERS)
def test_what_somebody_else_asks_is_not_touched(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, of: str
) -> None:
    upstream.limit(A)
    changes = {"mark": None} | OTHERS[of]
    if "url" in changes:
        changes["url"] = f"{upstream.url}{changes['url']}"
    waiting = bridge.start("fetch", **held(upstream, hold="turn"))
    live.key(B)

    answer = bridge.run("fetch", **lost(upstream, **changes))

    assert (answer["status"], answer["sameInit"]) == (429, True)
    assert watcher.heard_nothing(answer)
    bridge.run("release", name="turn")
    assert waiting.result()["status"] == 200


def test_once_the_context_has_held_nothing_is_known_by_its_session(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """An opencode loses the context of all requests of a provider, or of none."""
    bridge.run("fetch", **held(upstream))
    upstream.limit(A)
    live.key(B)

    answer = bridge.run("fetch", **lost(upstream))

    assert (answer["status"], upstream.keys) == (429, [A, A])
    assert watcher.heard_nothing(answer)


def test_where_the_context_of_one_provider_holds_that_of_another_may_be_lost(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """The fetch of a login's loader may send what it is given from a queue of its own."""
    live.write(mock={"type": "api", "key": A}, zeta={"type": "api", "key": "KEY-CANARY-Z"})
    bridge.run("fetch", **held(upstream))
    live.write(mock={"type": "api", "key": A}, zeta={"type": "api", "key": B})

    bridge.run("fetch", **lost(upstream, "KEY-CANARY-Z", mark=MARK | {"provider": "zeta"}))

    assert upstream.keys == [A, B]


@pytest.mark.parametrize("how", ["session.idle", "session.error", "a good answer"])
def test_after_its_turn_a_session_names_nothing(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, how: str
) -> None:
    if how == "a good answer":
        upstream.on(A, reply(200, b"ok", content_type="text/event-stream"))
    bridge.run("fetch", **lost(upstream))
    if how != "a good answer":
        end(bridge, how)
    if how == "session.error":
        assert watcher.next_signal()["kind"] == "failed"
    upstream.limit(A)
    live.key(B)

    answer = bridge.run("fetch", **lost(upstream, mark=None))

    assert (answer["status"], answer["sameInit"]) == (429, True)
    assert watcher.heard_nothing(answer)


def test_a_key_that_no_home_holds_is_told_as_such(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    bridge.run("fetch", **lost(upstream, "KEY-CANARY-OTHER"))

    retry = {"sessionID": "ses_1", "status": {"type": "retry"}}
    event = {"id": "evt_1", "type": "session.status", "properties": retry}
    bridge.run("hook", name="event", arguments=[{"event": event}])

    note = watcher.next_signal()
    assert (note["kind"], note["key"], note["credential"]) == ("failed", "unknown", None)


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param({"provider": "elsewhere"}, id="a provider without a login"),
        pytest.param(
            {"provider": "openai", "headers": {"User-Agent": "opencode/local"}},
            id="not given a mark",
        ),
    ],
)
def test_what_was_not_marked_is_not_known_by_its_session_either(
    home: Path, upstream: Upstream, live: LiveFile, mark: dict[str, object]
) -> None:
    live.write(**{name: {"type": "api", "key": A} for name in ("mock", "openai")})
    with bridge_process(home, slowness=20) as bridge:
        bridge.load()
        live.write(**{name: {"type": "api", "key": B} for name in ("mock", "openai")})

        answer = bridge.run("fetch", **lost(upstream, mark=MARK | mark))

    assert (answer["sameInit"], upstream.keys) == (True, [A])


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("of", OTHERS)
def test_a_request_by_a_fetch_that_was_kept_takes_nothing_along_whatever_is_asked_beside_it(
    bridge: BridgeProcess, upstream: Upstream, of: str, turns: int
) -> None:
    """B9: nothing of ours is in it for the vendor to see, in the first turn or a later one."""
    beside = {"mark": None} | OTHERS[of]
    if "url" in beside:
        beside["url"] = f"{upstream.url}{beside['url']}"

    answers = []
    for _ in range(turns):
        pending = bridge.start("fetch", **held(upstream, isKept=True, hold="turn"))
        bridge.run("fetch", **lost(upstream, **beside))
        bridge.run("release", name="turn")
        answers.append(pending.result())
        end(bridge)

    assert [answer["hookHeaders"] for answer in answers] == [[]] * turns
    sent = {name for request in upstream.requests for name in request.headers}
    assert [name for name in sent if "rotator" in name] == []


def test_no_hook_sets_a_header(bridge: BridgeProcess, upstream: Upstream) -> None:
    for mark in (MARK, {"provider": "mock"}, MARK | {"agent": "title"}):
        for asked in (lost(upstream, mark=mark), held(upstream, mark=mark)):
            assert bridge.run("fetch", **asked)["hookHeaders"] == []
