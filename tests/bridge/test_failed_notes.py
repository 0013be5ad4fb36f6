"""When opencode says that a request failed, the watcher learns whose request it was."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.other_plugins import (
    ADDRESSED,
    KEPT_AT_IMPORT,
    ORDERS,
    POOL,
    REJECTS,
    THROWS,
    plugin,
    pool,
)
from tests.support.upstream import Upstream, model_request
from tests.support.waiting import wait_until

A, B, OTHER = "KEY-CANARY-A", "KEY-CANARY-B", "KEY-CANARY-OTHER"
RETRY = {"type": "retry", "attempt": 1, "message": "Rate limit reached", "next": 1}
NEWEST = 256


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


@pytest.fixture
def quiet(watcher: FakeWatcher) -> FakeWatcher:
    """Return a watcher of which state.json has gone, so that no request waits for a verdict."""
    (watcher.folder / "state.json").unlink()
    return watcher


def fail(bridge: BridgeProcess, session: str = "ses_1", kind: str = "session.status") -> None:
    """Let opencode tell of a failure."""
    more = {"status": RETRY} if kind == "session.status" else {"error": {"name": "APIError"}}
    event = {"id": "evt_1", "type": kind, "properties": {"sessionID": session, **more}}
    bridge.run("hook", name="event", arguments=[{"event": event}])


def told(quiet: FakeWatcher, bridge: BridgeProcess, **changes: Any) -> dict[str, Any]:
    """Let a watcher come, and a failure be told to it."""
    quiet.publish([A, B])
    fail(bridge, **changes)
    return quiet.next_signal()


@pytest.mark.parametrize("kind", ["session.status", "session.error"])
def test_a_failure_names_the_login_that_its_request_carried(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher, kind: str
) -> None:
    bridge.run("fetch", **model_request(upstream))

    note = told(quiet, bridge, kind=kind)

    assert re.fullmatch(r"[a-z0-9-]{10,}", note.pop("id"))
    assert note.pop("at").endswith("Z")
    assert note == {
        "schema": 1,
        "kind": "failed",
        "session": "ses_1",
        "provider": "mock",
        "model": "m1",
        "credential": digest_of(A),
        "key": None,
    }


def test_it_names_the_login_that_was_put_in_and_not_the_one_before(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher, live: LiveFile
) -> None:
    live.key(B)
    bridge.run("fetch", **model_request(upstream))

    assert told(quiet, bridge)["credential"] == digest_of(B)


@pytest.mark.parametrize(
    ("mark", "key", "why"),
    [
        pytest.param(
            {"source": "config", "options": {"apiKey": OTHER}}, OTHER, "configured", id="B1 apiKey"
        ),
        pytest.param(
            {"source": "config", "options": {"headers": {"Authorization": f"Bearer {OTHER}"}}},
            OTHER,
            "configured",
            id="B1 headers",
        ),
        pytest.param(
            {"headers": {"Authorization": f"Bearer {OTHER}"}}, A, "configured", id="B1 a model's"
        ),
        pytest.param(
            {"added": {"Authorization": f"Bearer {OTHER}"}}, A, "unknown", id="B2 a plug-in's hook"
        ),
        pytest.param({"source": "env"}, OTHER, "unknown", id="B1 environment"),
        pytest.param({"source": "custom"}, OTHER, "unknown", id="B2 a plug-in's pool"),
        pytest.param({"provider": "elsewhere"}, A, "unknown", id="a provider without a login"),
        pytest.param(
            {"provider": "elsewhere", "source": "config", "options": {"apiKey": OTHER}},
            OTHER,
            "configured",
            id="a configured key of a provider without a login",
        ),
    ],
)
def test_it_says_why_nobody_is_to_blame(
    bridge: BridgeProcess,
    upstream: Upstream,
    quiet: FakeWatcher,
    mark: dict[str, object],
    key: str,
    why: str,
) -> None:
    whole = {"provider": "mock"} | mark
    bridge.run("fetch", **model_request(upstream, key, mark=whole))

    note = told(quiet, bridge)

    assert (note["credential"], note["key"], note["provider"]) == (None, why, whole["provider"])


def test_a_request_that_another_plug_in_has_taken_is_unseen(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher
) -> None:
    """B9."""
    bridge.run("fetch", **model_request(upstream, isKept=True))

    note = told(quiet, bridge)

    assert (note["credential"], note["key"]) == (None, "unseen")


def test_a_key_that_another_plug_in_puts_in_is_unknown(
    home: Path, live: LiveFile, upstream: Upstream, quiet: FakeWatcher
) -> None:
    """B2."""
    assert live.path.exists()
    other = plugin(home, POOL)
    with bridge_process(home) as process:
        process.load(files=["ours", other], start=list(ORDERS[0][1]))
        process.run("fetch", **model_request(upstream))

        note = told(quiet, process)

    assert (note["credential"], note["key"]) == (None, "unknown")


@pytest.mark.parametrize(
    ("source", "key"),
    [
        pytest.param(THROWS, "unanswered", id="throws"),
        pytest.param(REJECTS, "unanswered", id="rejects"),
        pytest.param(
            pool(ADDRESSED["at a place of its own"].replace("FETCH", "native")),
            "elsewhere",
            id="sends it elsewhere",
        ),
        pytest.param(
            pool(ADDRESSED["in the address"].replace("FETCH", "native")),
            "unknown",
            id="puts a key into the address",
        ),
    ],
)
def test_a_request_that_failed_in_another_plug_in_s_hands_is_no_login_s(
    home: Path, live: LiveFile, upstream: Upstream, quiet: FakeWatcher, source: str, key: str
) -> None:
    """B2."""
    assert live.path.exists()
    other = plugin(home, source)
    with bridge_process(home) as process:
        process.load(files=[other, "ours"], start=[1, 0])
        process.run("fetch", **model_request(upstream))

        note = told(quiet, process)

    assert (note["credential"], note["key"]) == (None, key)


def test_a_request_that_another_plug_in_has_sent_unseen_is_not_proven(
    home: Path, live: LiveFile, upstream: Upstream, quiet: FakeWatcher
) -> None:
    """B2: its fetch is below ours, and asks another one than ours."""
    assert live.path.exists()
    other = plugin(home, KEPT_AT_IMPORT)
    with bridge_process(home) as process:
        process.load(files=[other, "ours"], start=[1, 0])
        process.run("fetch", **model_request(upstream))

        note = told(quiet, process)

    assert (note["credential"], note["unproven"]) == (digest_of(A), True)


def test_a_signed_request_is_said_to_be_one(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher
) -> None:
    """B8."""
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA", "x-amz-date": "1"}
    bridge.run("fetch", **model_request(upstream, headers=signed))

    assert told(quiet, bridge)["key"] == "signed"


def test_it_is_about_the_turn_and_not_about_the_title_beside_it(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher
) -> None:
    bridge.run("fetch", **model_request(upstream))
    title = {"provider": "mock", "agent": "title", "model": "small"}
    bridge.run("fetch", **model_request(upstream, OTHER, mark=title))

    note = told(quiet, bridge)

    assert (note["model"], note["credential"]) == ("m1", digest_of(A))


def test_each_session_has_its_own(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher
) -> None:
    mark = {"provider": "mock", "session": "ses_2"}
    bridge.run("fetch", **model_request(upstream))
    bridge.run("fetch", **model_request(upstream, OTHER, mark=mark))

    keys = {name: told(quiet, bridge, session=name)["key"] for name in ("ses_1", "ses_2")}

    assert keys == {"ses_1": None, "ses_2": "unknown"}


@pytest.mark.parametrize("kind", ["session.idle", "session.deleted", "message.updated"])
def test_other_events_say_nothing(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, kind: str
) -> None:
    bridge.run("fetch", **model_request(upstream))

    fail(bridge, kind=kind)

    assert watcher.waiting() == []


def test_of_a_session_without_a_request_and_without_a_watcher_nothing_is_said(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    fail(bridge, "ses_9")
    bridge.run("fetch", **model_request(upstream))
    watcher.publish([A, B], watcher={"pid": 1, "start_ticks": "1"})
    fail(bridge)

    assert watcher.waiting() == []


@pytest.fixture
def listed(watcher: FakeWatcher, bridge: BridgeProcess) -> Path:
    """Return the list of the sessions that this process has."""
    return watcher.folder / "present" / f"{bridge.pid}.sessions"


def test_each_session_is_listed_once(
    bridge: BridgeProcess, upstream: Upstream, listed: Path
) -> None:
    for session in ("ses_1", "ses_2", "ses_1"):
        mark = {"provider": "mock", "session": session}
        bridge.run("fetch", **model_request(upstream, mark=mark))
    bridge.run("announce", mark={"provider": "elsewhere", "session": "ses_3"})

    assert listed.read_text() == "ses_1\nses_2\nses_3\n"
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600


@pytest.mark.parametrize("session", ["", "../x", "two\nlines", "x" * 200, 7, None, {}])
def test_what_is_no_session_s_id_is_not_listed(
    bridge: BridgeProcess, listed: Path, session: object
) -> None:
    given = [{"sessionID": session, "model": {"providerID": "mock"}}, {"headers": {}}]
    bridge.run("hook", arguments=given)

    assert not listed.exists()


def test_a_list_that_grows_long_keeps_the_newest(bridge: BridgeProcess, listed: Path) -> None:
    listed.write_text("ses_old\n" * 8190)
    for number in range(NEWEST + 20):
        bridge.run("announce", mark={"provider": "mock", "session": f"ses_{number}"})

    names = listed.read_text().split()
    assert (len(names) <= NEWEST + 20, names[-1]) == (True, f"ses_{NEWEST + 19}")
    assert "ses_old" not in names
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600


def test_the_list_outlives_its_process(home: Path, live: LiveFile) -> None:
    assert live.path.exists()
    with bridge_process(home) as process:
        process.load()
        process.run("announce", mark={"provider": "mock"})
    folder = home / ".local" / "state" / "opencode-rotator" / "bridge" / "present"

    names = wait_until(lambda: [path.name for path in folder.iterdir()], 5, "the folder")

    assert names == [f"{process.pid}.sessions"]


def test_a_note_holds_no_secret(
    bridge: BridgeProcess, upstream: Upstream, quiet: FakeWatcher
) -> None:
    options = {"apiKey": OTHER}
    mark = {"provider": "mock", "source": "config", "options": options}
    bridge.run("fetch", **model_request(upstream, OTHER, mark=mark))

    assert "CANARY" not in json.dumps(told(quiet, bridge))
