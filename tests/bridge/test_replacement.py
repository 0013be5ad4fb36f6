"""The login in auth.json now takes the place of an older one, without any watcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.upstream import Upstream, model_request

CODEX = "/backend-api/codex/responses"


@pytest.fixture
def early(home: Path) -> Iterator[BridgeProcess]:
    """Return a process whose bridge is not loaded yet."""
    with bridge_process(home) as process:
        yield process


def codex_request(upstream: Upstream, access: str, **headers: str) -> dict[str, object]:
    url = f"{upstream.url}{CODEX}"
    given = {"authorization": f"Bearer {access}", **headers}
    return model_request(upstream, url=url, headers=given, mark={"provider": "openai"})


def test_without_a_watcher_an_older_key_gives_way_to_the_live_one(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key("KEY-CANARY-B")

    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["status"], answer["sameResponse"]) == (200, True)
    assert upstream.keys == ["KEY-CANARY-B"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-api-key", "{}"),
        ("x-goog-api-key", "{}"),
        ("Authorization", "token {}"),
        ("Authorization", "bearer  {}"),
        ("api-key", "Key {}"),
    ],
)
def test_the_key_is_replaced_in_whatever_header_it_stands_and_its_scheme_is_kept(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, name: str, value: str
) -> None:
    live.key("KEY-CANARY-B")
    headers = {name: value.format("KEY-CANARY-A"), "x-other": "unrelated words"}

    bridge.run("fetch", **model_request(upstream, headers=headers))

    sent = upstream.requests[0].headers
    assert sent[name.lower()] == value.format("KEY-CANARY-B")
    assert sent["x-other"] == "unrelated words"


def test_a_key_with_a_blank_in_it_is_replaced_whole(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key("KEY CANARY A")
    bridge.load("/read/again")
    live.key("KEY CANARY B")

    bridge.run("fetch", **model_request(upstream, headers={"x-api-key": "KEY CANARY A"}))

    assert upstream.requests[0].headers["x-api-key"] == "KEY CANARY B"


def test_an_empty_key_is_found_in_no_header(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key("")
    bridge.load("/read/again")
    live.key("KEY-CANARY-B")

    bridge.run("fetch", **model_request(upstream, headers={"x-empty": ""}))

    assert upstream.requests[0].headers["x-empty"] == ""


def test_a_key_that_stands_in_two_headers_is_replaced_in_both(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key("KEY-CANARY-B")
    headers = {"Authorization": "Bearer KEY-CANARY-A", "x-api-key": "KEY-CANARY-A"}

    bridge.run("fetch", **model_request(upstream, headers=headers))

    sent = upstream.requests[0].headers
    assert (sent["authorization"], sent["x-api-key"]) == ("Bearer KEY-CANARY-B", "KEY-CANARY-B")


def test_the_provider_s_id_counts_without_slashes_at_its_end(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.write(**{"mock/": {"type": "api", "key": "KEY-CANARY-A"}})
    bridge.load("/read/again")
    live.key("KEY-CANARY-B")

    bridge.run("fetch", **model_request(upstream, mark={"provider": "mock//"}))

    assert upstream.keys == ["KEY-CANARY-B"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"metadata": {"host": "a"}}, id="metadata added"),
        pytest.param({"metadata": {"host": "a"}}, {"metadata": {"host": "b"}}, id="metadata"),
        pytest.param({}, {"enterpriseUrl": "b.example"}, id="enterpriseUrl added"),
        pytest.param(
            {"enterpriseUrl": "a.example"}, {"enterpriseUrl": "b.example"}, id="enterpriseUrl"
        ),
    ],
)
def test_a_login_for_another_destination_does_not_take_a_request_s_place(
    bridge: BridgeProcess,
    upstream: Upstream,
    live: LiveFile,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    live.write(mock={"type": "api", "key": "KEY-CANARY-A"} | before)
    bridge.load("/read/again")
    live.write(mock={"type": "api", "key": "KEY-CANARY-B"} | after)

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == ["KEY-CANARY-A"]


def test_metadata_in_another_order_is_the_same_destination(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.write(mock={"type": "api", "key": "KEY-CANARY-A", "metadata": {"a": "1", "b": "2"}})
    bridge.load("/read/again")
    live.write(mock={"type": "api", "key": "KEY-CANARY-B", "metadata": {"b": "2", "a": "1"}})

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == ["KEY-CANARY-B"]


def test_the_place_that_opencode_adds_at_the_first_use_is_no_other_destination(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    place = {"instanceUrl": "https://gitlab.com"}
    live.write(mock={"type": "api", "key": "KEY-CANARY-A", "metadata": place})
    bridge.load("/read/again")
    live.key("KEY-CANARY-B")

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == ["KEY-CANARY-B"]


@pytest.mark.parametrize("back", [False, True], ids=["key to login", "login to key"])
def test_a_key_and_a_login_never_replace_each_other(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, *, back: bool
) -> None:
    entries: list[dict[str, object]] = [
        {"type": "api", "key": "KEY-CANARY-A"},
        oauth("ACC-CANARY-B"),
    ]
    first, second = reversed(entries) if back else entries
    old = "ACC-CANARY-B" if back else "KEY-CANARY-A"
    live.write(mock=first)
    bridge.load("/read/again")
    live.write(mock=second)

    bridge.run("fetch", **model_request(upstream, old))

    assert upstream.keys == [old]


def test_without_an_entry_of_the_provider_nothing_is_touched(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    upstream.limit("KEY-CANARY-A")
    live.write(other={"type": "api", "key": "KEY-CANARY-B"})

    answer = bridge.run("fetch", **model_request(upstream))

    assert (upstream.keys, watcher.heard_nothing(answer)) == (["KEY-CANARY-A"], True)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "api"},
        {"type": "api", "key": 7},
        {"type": "api", "key": "KEY-CANARY-B", "metadata": {"a": 1}},
        {"type": "other", "key": "KEY-CANARY-B"},
        {"type": "toString", "key": "KEY-CANARY-B"},
        oauth("ACC-CANARY-B", expires="soon"),
        oauth("ACC-CANARY-B", expires=1.5),
        oauth("ACC-CANARY-B", refresh=None),
        "KEY-CANARY-B",
        None,
        [],
    ],
)
def test_an_entry_that_opencode_would_not_take_counts_as_none(
    bridge: BridgeProcess,
    upstream: Upstream,
    live: LiveFile,
    watcher: FakeWatcher,
    entry: object,
) -> None:
    upstream.limit("KEY-CANARY-A")
    live.write(mock=entry)

    answer = bridge.run("fetch", **model_request(upstream))

    assert (upstream.keys, watcher.heard_nothing(answer)) == (["KEY-CANARY-A"], True)


@pytest.mark.parametrize(
    "torn", [b"", b'{"mock": {"type": "api", "ke', b"[]", b"\xff\xfe", b"null"]
)
def test_while_auth_json_is_torn_its_last_whole_content_counts(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, torn: bytes
) -> None:
    live.key("KEY-CANARY-B")
    bridge.run("fetch", **model_request(upstream))
    live.path.write_bytes(torn)

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == ["KEY-CANARY-B", "KEY-CANARY-B"]


def test_when_auth_json_is_gone_the_request_is_left_alone(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.key("KEY-CANARY-B")
    bridge.run("fetch", **model_request(upstream))
    live.path.unlink()

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == ["KEY-CANARY-B", "KEY-CANARY-A"]


def test_the_account_id_goes_with_the_login(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.write(openai=oauth("ACC-CANARY-A", accountId="acct-a"))
    bridge.load("/read/again")
    live.write(openai=oauth("ACC-CANARY-B", accountId="acct-b"))
    given = {"ChatGPT-Account-Id": "acct-a"}

    bridge.run("fetch", **codex_request(upstream, "ACC-CANARY-A", **given))

    sent = upstream.requests[0].headers
    assert (sent["authorization"], sent["chatgpt-account-id"]) == ("Bearer ACC-CANARY-B", "acct-b")


def test_a_login_without_an_account_id_takes_the_old_one_s_away(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.write(openai=oauth("ACC-CANARY-A", accountId="acct-a"))
    bridge.load("/read/again")
    live.write(openai=oauth("ACC-CANARY-B"))
    given = {"ChatGPT-Account-Id": "acct-a"}

    bridge.run("fetch", **codex_request(upstream, "ACC-CANARY-A", **given))

    assert "chatgpt-account-id" not in upstream.requests[0].headers


@pytest.mark.parametrize("header_form", ["object", "pairs", "headers"])
def test_where_opencode_itself_would_send_an_account_id_it_is_added(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, header_form: str
) -> None:
    live.write(openai=oauth("ACC-CANARY-A"))
    bridge.load("/read/again")
    live.write(openai=oauth("ACC-CANARY-B", accountId="acct-b"))

    bridge.run("fetch", **codex_request(upstream, "ACC-CANARY-A"), headerForm=header_form)

    assert upstream.requests[0].headers["chatgpt-account-id"] == "acct-b"


def test_elsewhere_no_account_id_is_added_and_the_user_s_own_header_stays(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    live.write(mock=oauth("ACC-CANARY-A", accountId="acct-a"))
    bridge.load("/read/again")
    live.write(mock=oauth("ACC-CANARY-B", accountId="acct-b"))
    headers = {"authorization": "Bearer ACC-CANARY-A", "x-cloud-account-id": "my own"}

    bridge.run("fetch", **model_request(upstream, headers=headers))

    sent = upstream.requests[0].headers
    assert (sent["authorization"], sent["x-cloud-account-id"]) == ("Bearer ACC-CANARY-B", "my own")
    assert "chatgpt-account-id" not in sent


def test_the_old_account_id_goes_also_where_state_json_alone_knows_the_old_login(
    early: BridgeProcess, upstream: Upstream, live: LiveFile, watcher: FakeWatcher
) -> None:
    live.write(openai=oauth("ACC-CANARY-B", accountId="acct-b"))
    watcher.publish(["ACC-CANARY-B", "ACC-CANARY-A"], provider="openai")
    early.load()

    early.run(
        "fetch", **codex_request(upstream, "ACC-CANARY-A", **{"ChatGPT-Account-Id": "acct-a"})
    )

    assert upstream.requests[0].headers["chatgpt-account-id"] == "acct-b"


@pytest.mark.parametrize("kind", ["string", "bytes", "buffer", "params", "blob", "form", "stream"])
def test_every_kind_of_body_arrives_with_the_new_login(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, kind: str
) -> None:
    live.key("KEY-CANARY-B")
    plain = {"authorization": "Bearer KEY-CANARY-A"}

    bridge.run("fetch", **model_request(upstream, headers=plain, bodyKind=kind, body="a=1"))

    assert upstream.keys == ["KEY-CANARY-B"]
    assert b"a=1" in upstream.requests[0].body


def test_a_newer_key_that_auth_json_does_not_hold_yet_is_not_replaced(
    bridge: BridgeProcess, upstream: Upstream
) -> None:
    bridge.run("fetch", **model_request(upstream, "KEY-CANARY-NEWER"))

    assert upstream.keys == ["KEY-CANARY-NEWER"]
