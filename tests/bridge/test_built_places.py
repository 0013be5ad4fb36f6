"""What was built for one login's place is not sent to another's (A10).

opencode reads tokens anew for each request, and where that goes when it begins: so after a swap
between two places it puts the tokens of the one into a request for the other's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.bridge.test_failed_notes import quiet, slowness, told
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.upstream import Upstream, model_request, reply
from tests.support.waiting import wait_until

__all__ = ["quiet", "slowness"]
SLOT = "github-copilot"
A, B, OTHER = "gho-CANARY-A", "gho-CANARY-B", "gho-CANARY-OTHER"
CORP = {"enterpriseUrl": "corp.ghe.com"}
Ask = Callable[..., dict[str, Any]]


def put(live: LiveFile, token: str, **fields: object) -> None:
    """Put a login into auth.json, as a swap does."""
    live.write(**{SLOT: oauth(token, refresh=token, **fields)})


def asking(upstream: Upstream, token: str, **changes: Any) -> dict[str, Any]:
    return model_request(upstream, token, **{"mark": {"provider": SLOT}} | changes)


def withdrawn(*tokens: str) -> dict[str, list[str]]:
    return {SLOT: [digest_of(token) for token in tokens]}


@pytest.fixture
def started(bridge: BridgeProcess, live: LiveFile) -> BridgeProcess:
    """Return a bridge whose opencode began with A, of github.com."""
    put(live, A)
    bridge.load("/began-with-A")
    return bridge


def test_tokens_of_another_place_are_not_sent_to_that_of_the_start(
    started: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    put(live, B, **CORP)

    answer = started.run("fetch", **asking(upstream, B))

    assert (answer["status"], upstream.keys) == (200, [A])


def test_the_other_way_round_as_well(
    started: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """Built for the company's host, which its address names."""
    url = f"{upstream.url}/copilot-api.corp.ghe.com/chat/completions"
    put(live, B, **CORP)
    started.load("/began-with-B")
    started.run("fetch", **asking(upstream, B, url=url))
    put(live, A)

    started.run("fetch", **asking(upstream, A, url=url))
    started.run("fetch", **asking(upstream, A))

    assert upstream.keys == [B, B, A]


@pytest.mark.parametrize(
    ("slot", "mine", "other"),
    [
        ("snowflake-cortex", {"accountId": "org-a"}, {"accountId": "org-b"}),
        ("gitlab", {"enterpriseUrl": "https://a.example"}, {"enterpriseUrl": "https://b.example"}),
        ("another", {"enterpriseUrl": "a.example"}, {}),
    ],
)
def test_every_login_that_names_its_place_has_its_own_tokens_there(
    bridge: BridgeProcess,
    upstream: Upstream,
    live: LiveFile,
    slot: str,
    mine: dict[str, str],
    other: dict[str, str],
) -> None:
    [place] = mine.values()
    url = f"{upstream.url}/{place.removeprefix('https://')}/chat/completions"
    request = asking(upstream, B, url=url, mark={"provider": slot})
    live.write(**{slot: oauth(A, **mine)})
    bridge.load("/began-with-A")
    live.write(**{slot: oauth(B, **other)})

    bridge.run("fetch", **request)

    assert upstream.keys == [A]


def test_an_account_that_names_no_place_is_replaced_as_ever(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """ChatGPT's account goes along in a header."""
    live.write(openai=oauth(A, accountId="acct-a"))
    bridge.load("/began-with-A")
    live.write(openai=oauth(B, accountId="acct-b"))

    for token in (A, B):
        bridge.run("fetch", **asking(upstream, token, mark={"provider": "openai"}))

    assert upstream.keys == [B, B]


def test_the_answer_is_charged_to_the_login_that_was_sent(
    started: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    upstream.limit(A)
    put(live, B, **CORP)
    watcher.publish([B], provider=SLOT)
    pending = started.start("fetch", **asking(upstream, B))

    signal = watcher.next_signal()
    watcher.retry(signal, B)

    # What the watcher would send there goes to another place, too.
    assert (signal["credential"], pending.result()["status"]) == (digest_of(A), 429)
    assert upstream.keys == [A]


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_request_goes_on_with_its_own_login_once_that_is_ready(
    started: BridgeProcess,
    upstream: Upstream,
    live: LiveFile,
    watcher: FakeWatcher,
    *,
    is_withdrawn: bool,
) -> None:
    """It stands in auth.json no more; not, if the user takes it back meanwhile."""
    upstream.limit(A)
    put(live, B, **CORP)
    watcher.publish([B], provider=SLOT)
    pending = started.start("fetch", **asking(upstream, B))
    watcher.answer(watcher.next_signal(), "wait", wait_ms=50)
    again = watcher.next_signal()
    upstream.on(A, reply(200, b"{}"))
    if is_withdrawn:
        watcher.publish([B], provider=SLOT, withdrawn=withdrawn(A))
    watcher.retry(again, A)

    answer = pending.result()

    assert again["waited"] is True
    assert answer["status"] == (429 if is_withdrawn else 200)
    assert upstream.keys == ([A] if is_withdrawn else [A, A])


@pytest.mark.parametrize("status", [401, 429])
def test_tokens_that_have_run_out_blame_nobody(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher, status: int
) -> None:
    """No others belong there, and who may renew them is not the bridge."""
    upstream.on(A, reply(status, b"{}"))
    put(live, A, expires=1)
    bridge.load("/began-with-A")
    put(live, B, **CORP)

    answer = bridge.run("fetch", **asking(upstream, B))

    assert (answer["status"], upstream.keys) == (status, [A])
    assert watcher.heard_nothing(answer)


def test_the_turn_that_fails_of_them_is_nobody_s(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, quiet: FakeWatcher
) -> None:
    upstream.on(A, reply(401, b"{}"))
    put(live, A, expires=1)
    bridge.load("/began-with-A")
    put(live, B, **CORP)
    bridge.run("turn", requests=[asking(upstream, B)])

    note = told(quiet, bridge)

    assert (note["credential"], note["key"]) == (None, "unknown")


def test_what_is_asked_beside_the_model_says_nothing_of_either(
    started: BridgeProcess, upstream: Upstream, live: LiveFile, quiet: FakeWatcher
) -> None:
    upstream.on(B, reply(401, b"{}"))
    put(live, B, **CORP)
    beside = asking(upstream, B, url=f"{upstream.url}/direct_access")
    started.run("turn", requests=[beside])

    note = told(quiet, started)

    assert (note["credential"], note["key"]) == (None, "unseen")
    present = json.loads((quiet.folder / "present" / f"{started.pid}.json").read_bytes())
    assert present["bought"] == []


def test_the_newest_login_of_that_place_goes_there(
    started: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    put(live, OTHER)
    started.run("fetch", **asking(upstream, OTHER))
    put(live, B, **CORP)

    started.run("fetch", **asking(upstream, B))

    assert upstream.keys == [OTHER, OTHER]


def test_what_was_live_until_the_first_use_of_a_folder_may_be_what_it_was_built_with(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    put(live, B, **CORP)
    bridge.load("/idle")
    put(live, A)
    bridge.run("fetch", **asking(upstream, A))
    put(live, B, **CORP)

    bridge.run("fetch", **asking(upstream, B))

    assert upstream.keys == [A, A]


@pytest.mark.parametrize("is_watching", [True, False])
def test_a_login_that_the_user_has_withdrawn_is_not_sent_to_its_place_any_more(
    started: BridgeProcess,
    upstream: Upstream,
    live: LiveFile,
    watcher: FakeWatcher,
    *,
    is_watching: bool,
) -> None:
    """Nor once the watcher has ended that told of it; what is in auth.json goes out, as ever."""
    put(live, B, **CORP)
    watcher.publish([B], provider=SLOT, withdrawn={SLOT: ["of-another"]})
    started.run("fetch", **asking(upstream, B))
    watcher.publish([B], provider=SLOT, withdrawn=withdrawn(A))

    started.run("fetch", **asking(upstream, B))
    if not is_watching:
        (watcher.folder / "state.json").unlink()
    started.run("fetch", **asking(upstream, B))

    assert upstream.keys == [A, B, B]


def test_a_withdrawal_is_heard_without_a_request_in_between(
    started: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    put(live, B, **CORP)
    watcher.publish([B], provider=SLOT, withdrawn=withdrawn(A))
    present = watcher.folder / "present" / f"{started.pid}.json"
    os.utime(present, (0, 0))
    wait_until(lambda: present.stat().st_mtime > 0, 15, "a beat")
    # What a beat does is done by then.
    started.run("fetch", **asking(upstream, OTHER, mark={"provider": "nobody-s"}))
    (watcher.folder / "state.json").unlink()

    started.run("fetch", **asking(upstream, B))

    assert upstream.keys == [OTHER, B]


def test_a_login_that_is_wanted_again_is_sent_to_its_place(
    started: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    put(live, B, **CORP)
    for tokens in ([A], []):
        watcher.publish([B], provider=SLOT, withdrawn=withdrawn(*tokens))
        started.run("fetch", **asking(upstream, B))

    assert upstream.keys == [B, A]


def test_a_withdrawn_login_blames_nobody_at_the_place_that_it_leaves(
    started: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    """The tokens of another place are refused there, as they are without a bridge."""
    upstream.on(B, reply(401, b"{}"))
    put(live, B, **CORP)
    watcher.publish([B], provider=SLOT, withdrawn=withdrawn(A))

    answer = started.run("fetch", **asking(upstream, B))

    assert (answer["status"], upstream.keys) == (401, [B])
    assert watcher.heard_nothing(answer)


def test_a_login_that_left_auth_json_is_not_sent_to_its_place_any_more(
    started: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """A logout, without a watcher."""
    live.write(other={"type": "api", "key": "CANARY-another"})
    started.run("fetch", **asking(upstream, A))
    put(live, B, **CORP)

    started.run("fetch", **asking(upstream, B))

    assert upstream.keys == [A, B]


def test_a_login_that_was_put_back_is_sent_to_its_place(
    started: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """A wipe, which a watcher has mended."""
    live.write()
    started.run("fetch", **asking(upstream, A))
    put(live, A)
    started.run("fetch", **asking(upstream, A))
    put(live, B, **CORP)

    started.run("fetch", **asking(upstream, B))

    assert upstream.keys == [A, A, A]


@pytest.mark.parametrize("began", [{"enterpriseUrl": "corp.ghe.com"}, {"accountId": "x"}])
def test_where_it_is_not_certain_for_whom_it_was_built_nothing_changes(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, began: dict[str, str]
) -> None:
    """An address from opencode.json names nobody's place, and a key is fixed with its own."""
    put(live, B, **CORP)
    bridge.load("/began-with-B")
    bridge.run("fetch", **asking(upstream, B))
    entry = oauth(A) if "accountId" not in began else {"type": "api", "key": A}
    live.write(**{SLOT: entry})

    bridge.run("fetch", **asking(upstream, A))

    assert upstream.keys == [B, A]
