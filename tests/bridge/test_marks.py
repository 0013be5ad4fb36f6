"""Whose request it is: only announced ones are looked at, and nothing of it travels with them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.support.bridge_process import BRIDGE, BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import FORMS, Upstream, model_request

HEADER_FORMS = ["object", "pairs", "headers", "map"]


@pytest.mark.parametrize("header_form", HEADER_FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_the_login_is_replaced_in_every_form_and_nothing_is_added(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, form: str, header_form: str
) -> None:
    live.key("KEY-CANARY-B")

    answer = bridge.run(
        "fetch", **model_request(upstream, form=form, headerForm=header_form, body="the body")
    )

    assert (answer["status"], upstream.keys) == (200, ["KEY-CANARY-B"])
    assert (upstream.requests[0].method, upstream.requests[0].body) == ("POST", b"the body")
    assert answer["hookHeaders"] == []


@pytest.mark.parametrize(
    ("mark", "key"),
    [
        pytest.param({"provider": "elsewhere"}, "KEY-CANARY-A", id="a provider without a login"),
        pytest.param({"provider": "mock"}, "KEY-CANARY-FOREIGN", id="a key that nobody knows"),
    ],
)
def test_a_request_that_is_not_ours_goes_out_unchanged_and_without_its_mark(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    mark: dict[str, str],
    key: str,
) -> None:
    upstream.limit(key)

    answer = bridge.run("fetch", **model_request(upstream, key, mark=mark))

    assert (answer["status"], upstream.keys, watcher.heard_nothing(answer)) == (429, [key], True)


def test_an_unmarked_request_is_passed_on_as_the_very_same_arguments(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit("KEY-CANARY-A")
    live.key("KEY-CANARY-B")

    answer = bridge.run("fetch", **model_request(upstream, mark=None))

    assert (answer["status"], answer["sameInit"], answer["sameResponse"]) == (429, True, True)
    assert (upstream.keys, watcher.heard_nothing(answer)) == (["KEY-CANARY-A"], True)


def test_a_request_that_cannot_be_sent_fails_as_it_would_without_us(
    bridge: BridgeProcess, watcher: FakeWatcher
) -> None:
    nowhere = {"url": "http://127.0.0.1:1/v1", "headers": {"Authorization": "KEY-CANARY-A"}}

    answer = bridge.run("fetch", **nowhere, mark={"provider": "mock"}, body="{}")

    assert answer["rethrown"] is True
    assert watcher.heard_nothing(answer)


def test_fetch_is_called_without_a_receiver_and_keeps_its_own_properties(
    bridge: BridgeProcess, upstream: Upstream
) -> None:
    loaded = bridge.load()

    bridge.run("fetch", **model_request(upstream))
    bridge.run("fetch", **model_request(upstream, mark=None))

    assert (loaded["own"], loaded["preconnect"], loaded["exports"]) == (
        "kept",
        True,
        ["default"],
    )
    assert bridge.run("facts")["receivers"] == ["none"]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"apiKey": "KEY-CANARY-B"}, id="apiKey"),
        pytest.param({"headers": {"Authorization": "Bearer KEY-CANARY-B"}}, id="headers"),
    ],
)
def test_a_key_from_opencode_json_is_left_alone_even_if_it_is_a_known_one(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, options: dict[str, object]
) -> None:
    """B1: state.json knows B, and auth.json never held it while this process ran."""
    upstream.limit("KEY-CANARY-B")
    mark = {"provider": "mock", "source": "config", "options": options}

    answer = bridge.run("fetch", **model_request(upstream, "KEY-CANARY-B", mark=mark))

    assert (upstream.keys, watcher.heard_nothing(answer)) == (["KEY-CANARY-B"], True)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"apiKey": "KEY-CANARY-A"}, id="a loader's apiKey"),
        pytest.param({"headers": {"x-api-key": "KEY-CANARY-A"}}, id="a loader's header"),
        pytest.param({"apiKey": "KEY-CANARY-OTHER"}, id="another key that is not sent"),
        pytest.param({"headers": {"x-title": "mine"}}, id="a header that is no credential"),
    ],
)
def test_a_key_that_auth_json_holds_is_auth_jsons_wherever_opencode_got_it(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, options: dict[str, object]
) -> None:
    """B10."""
    live.key("KEY-CANARY-B")
    mark = {"provider": "mock", "source": "config", "options": options}
    headers = {"Authorization": "Bearer KEY-CANARY-A", "x-title": "mine"}

    bridge.run("fetch", **model_request(upstream, mark=mark, headers=headers))

    assert upstream.keys == ["KEY-CANARY-B"]
    assert upstream.requests[0].headers["x-title"] == "mine"


def test_a_key_of_auth_json_fails_over_beside_a_block_in_opencode_json(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """B10."""
    upstream.limit("KEY-CANARY-A")
    mark = {"provider": "mock", "source": "config", "options": {"apiKey": "KEY-CANARY-A"}}

    pending = bridge.start("fetch", **model_request(upstream, mark=mark))
    signal = watcher.next_signal()
    live.key("KEY-CANARY-B")
    watcher.retry(signal, "KEY-CANARY-B")

    assert (pending.result()["status"], upstream.keys) == (200, ["KEY-CANARY-A", "KEY-CANARY-B"])


@pytest.mark.parametrize(
    ("source", "api_key"),
    [
        pytest.param("config", "opencode-oauth-dummy-key", id="the dummy of a login loader"),
        pytest.param("custom", "KEY-CANARY-A", id="a loader's own copy of the live key"),
    ],
)
def test_an_apikey_that_a_login_loader_sets_does_not_make_a_request_foreign(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, source: str, api_key: str
) -> None:
    live.key("KEY-CANARY-B")
    mark = {"provider": "mock", "source": source, "options": {"apiKey": api_key}}

    bridge.run("fetch", **model_request(upstream, mark=mark))

    assert upstream.keys == ["KEY-CANARY-B"]


def test_three_directories_are_one_installation_and_one_failure_is_one_signal(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.limit("KEY-CANARY-A")
    bridge.load("/second")
    bridge.load("/third", again="the same file under another name")

    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 429
    assert (upstream.keys, watcher.waiting()) == (["KEY-CANARY-A"], [])
    present = json.loads((watcher.folder / "present" / f"{bridge.pid}.json").read_bytes())
    assert present["directories"] == ["/project", "/second", "/third"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [((), "tui"), (("run", "serve"), "run"), (("serve",), "serve"), (("web",), "serve")],
)
def test_a_loaded_bridge_says_that_it_is_present_until_its_process_ends(
    home: Path, live: LiveFile, words: tuple[str, ...], kind: str
) -> None:
    folder = home / ".local" / "state" / "opencode-rotator" / "bridge" / "present"

    with bridge_process(home, words=words) as bridge:
        bridge.load()
        path = folder / f"{bridge.pid}.json"
        told = json.loads(path.read_bytes())
        mode = stat.S_IMODE(path.stat().st_mode)

    assert (told["schema"], told["pid"], told["kind"]) == (1, bridge.pid, kind)
    assert (told["auth_file"], told["bridge"]) == (str(live.path), "0.5.0")
    assert (mode, stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    assert list(folder.iterdir()) == []


def test_the_folder_of_the_exchange_can_be_moved(home: Path, live: LiveFile) -> None:
    assert live.path.exists()
    moved = home / "moved"

    with bridge_process(home, variables={"ROTATOR_STATE_DIR": str(moved)}) as bridge:
        bridge.load()

        assert (moved / "bridge" / "present" / f"{bridge.pid}.json").exists()


def test_a_folder_that_cannot_be_written_keeps_nobody_from_working(
    home: Path, live: LiveFile, upstream: Upstream
) -> None:
    blocked = home / "blocked"
    blocked.write_text("a file where a folder is wanted")

    with bridge_process(home, variables={"ROTATOR_STATE_DIR": str(blocked)}) as bridge:
        hooks = bridge.load()["hooks"]
        live.key("KEY-CANARY-B")
        bridge.run("fetch", **model_request(upstream))

    assert hooks == ["chat.headers", "chat.message", "event"]
    assert upstream.keys == ["KEY-CANARY-B"]


@pytest.mark.parametrize(
    ("variable", "value", "aside"),
    [
        ("OPENCODE_AUTH_CONTENT", "{}", True),
        ("OPENCODE_AUTH_CONTENT", "", False),
        ("OPENCODE_AUTH_CONTENT", "/srv/auth.json", False),
    ],
)
def test_where_auth_json_does_not_count_only_the_presence_and_the_sessions_are_told(
    home: Path, live: LiveFile, variable: str, value: str, *, aside: bool
) -> None:
    assert live.path.exists()

    with bridge_process(home, variables={variable: value}) as bridge:
        loaded = bridge.load()
        bridge.run("hook", arguments=[{"sessionID": "ses_1"}, {"headers": {}}])
        present = home / ".local/state/opencode-rotator/bridge/present" / f"{bridge.pid}.json"
        told = json.loads(present.read_text())

        assert present.with_suffix(".sessions").read_text() == "ses_1\n"

    assert (loaded["hooks"] == ["chat.headers"], loaded["fetchReplaced"]) == (aside, not aside)
    assert told["aside"] == ("OPENCODE_AUTH_CONTENT" if aside else None)


@pytest.mark.parametrize("provider", ["openai", "mock"])
@pytest.mark.parametrize(
    ("value", "is_aside"), [("1", True), ("true", True), ("false", False), ("", False)]
)
def test_the_flag_for_websockets_leaves_the_vendor_alone_whose_requests_they_take(
    home: Path, live: LiveFile, upstream: Upstream, provider: str, value: str, *, is_aside: bool
) -> None:
    variable = "OPENCODE_EXPERIMENTAL_WEBSOCKETS"
    live.key("KEY-CANARY-A", provider)
    with bridge_process(home, variables={variable: value}) as bridge:
        bridge.load()
        live.key("KEY-CANARY-B", provider)
        bridge.run("fetch", **model_request(upstream, mark={"provider": provider}))
        present = home / ".local/state/opencode-rotator/bridge/present" / f"{bridge.pid}.json"
        told = json.loads(present.read_text())

    is_left = is_aside and provider == "openai"
    assert upstream.keys == ["KEY-CANARY-A" if is_left else "KEY-CANARY-B"]
    assert told["aside"] == (variable if is_aside else None)


@pytest.mark.parametrize("provider", ["openai", "mock"])
@pytest.mark.parametrize("version", ["local", "0.0.0-beta-202601010000"])
def test_a_build_that_uses_websockets_by_default_leaves_that_vendor_alone(
    home: Path, upstream: Upstream, live: LiveFile, version: str, provider: str
) -> None:
    live.key("KEY-CANARY-A", provider)
    with bridge_process(home) as bridge:
        bridge.load()
        live.key("KEY-CANARY-B", provider)
        mark = {"provider": provider, "headers": {"User-Agent": f"opencode/{version} (linux)"}}
        bridge.run("fetch", **model_request(upstream, mark=mark))

    assert upstream.keys == ["KEY-CANARY-A" if provider == "openai" else "KEY-CANARY-B"]


def test_a_hook_that_gets_nonsense_says_nothing(home: Path, live: LiveFile) -> None:
    assert live.path.exists()

    with bridge_process(home) as bridge:
        bridge.load()

        assert bridge.run("hook", arguments=[{}, {}]) == {"id": 2}
        assert bridge.run("hook", arguments=[]) == {"id": 3}


def test_the_first_line_names_the_version() -> None:
    first = BRIDGE.read_text(encoding="utf-8").splitlines()[0]

    assert first.startswith("// opencode-rotator bridge 0.5.0 ")
    assert os.access(BRIDGE, os.R_OK)
