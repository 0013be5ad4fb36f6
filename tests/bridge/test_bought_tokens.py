"""A login that buys a token for the model: that one's failures are its own, and it is untouched.

gitlab's SDK does so: it asks its instance for a token with the key of auth.json.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.bridge.test_failed_notes import quiet, slowness, told
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream, model_request, reply

__all__ = ["quiet", "slowness"]
A, B = "KEY-CANARY-A", "KEY-CANARY-B"
BOUGHT = "GATEWAY-CANARY-A"
SOLD = json.dumps({"token": BOUGHT, "headers": {}}).encode()


def turn(bridge: BridgeProcess, upstream: Upstream, **model: Any) -> dict[str, Any]:
    """Ask for a token with the key, and a model with the token, in one turn."""
    buys = model_request(upstream, A, url=f"{upstream.url}/direct_access")
    asks = model_request(upstream, BOUGHT, mark=None)
    answer: dict[str, Any] = bridge.run("turn", requests=[buys, asks | model])
    return answer


def test_a_refused_token_is_its_login_s_and_goes_out_as_it_is(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher, live: LiveFile
) -> None:
    upstream.on(A, reply(200, SOLD, content_type="application/json"))
    upstream.limit(BOUGHT)
    answers = turn(bridge, upstream)["answers"]

    note = told(quiet, bridge)

    assert [answer["status"] for answer in answers] == [200, 429]
    assert answers[0]["body"] == SOLD.decode()
    assert (upstream.keys, upstream.leaked_marks) == ([A, BOUGHT], [])
    assert (note["credential"], note["key"]) == (digest_of(A), None)
    assert "CANARY" not in json.dumps(note)
    assert live.path.exists()
    assert bought_by(quiet, bridge) == ["mock"]


def bought_by(quiet: FakeWatcher, bridge: BridgeProcess) -> object:
    """Return the providers whose model is asked with tokens that a login buys."""
    path = quiet.folder / "present" / f"{bridge.pid}.json"
    return json.loads(path.read_bytes())["bought"]


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_login_to_which_no_token_is_sold_is_blamed(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher, status: int
) -> None:
    upstream.on(A, reply(status, b"{}"))
    buys = model_request(upstream, A, url=f"{upstream.url}/direct_access")
    bridge.run("turn", requests=[buys])

    note = told(quiet, bridge)

    assert (note["credential"], note["key"]) == (digest_of(A), None)
    assert bought_by(quiet, bridge) == ["mock"]
    # One that asks the model itself has bought nothing.
    bridge.run("fetch", **model_request(upstream, A))
    assert bought_by(quiet, bridge) == []


@pytest.mark.parametrize("status", [200, 404, 500])
def test_what_a_login_asks_before_says_nothing_of_the_request_that_fails(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher, status: int
) -> None:
    upstream.on(A, reply(status, b"{}", content_type="application/json"))
    answers = turn(bridge, upstream)["answers"]

    note = told(quiet, bridge)

    assert [answer["status"] for answer in answers] == [status, 200]
    assert (note["credential"], note["key"]) == (None, "unknown")


def test_a_token_of_another_provider_s_login_is_nobody_s(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher, live: LiveFile
) -> None:
    both = {"type": "api", "key": A}
    live.write(mock=both, other={"type": "api", "key": B})
    upstream.on(A, reply(200, SOLD, content_type="application/json"))
    turn(bridge, upstream)
    mark = {"provider": "other", "session": "ses_2"}
    bridge.run("fetch", **model_request(upstream, BOUGHT, mark=mark))

    note = told(quiet, bridge, session="ses_2")

    assert (note["credential"], note["key"]) == (None, "unknown")
