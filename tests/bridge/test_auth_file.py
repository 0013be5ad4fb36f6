"""What auth.json says to the bridge, in every form that people have it in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile, oauth
from tests.support.upstream import Upstream, model_request

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
BOM = b"\xef\xbb\xbf"
ADDRESS = "https://login.example"
PLACES = [
    *("accountId", "baseURL", "baseUrl", "deployment", "endpoint", "enterpriseUrl", "gateway"),
    *("gatewayId", "host", "instanceUrl", "location", "project", "projectId", "region"),
    *("resource", "resourceName", "url"),
    *("apiBase", "api_base", "cluster", "deploymentId", "deployment_id", "deploymentName"),
    *("domain", "domainName", "hostName", "hostname", "instance", "project_id", "server"),
    *("serverName", "subdomain", "tenant", "tenantId", "tenant_id"),
]


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


def wellknown(token: str) -> dict[str, str]:
    return {"type": "wellknown", "key": "EXAMPLE_TOKEN", "token": token}


def test_a_byte_order_mark_is_no_reason_to_send_the_old_key(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """B4: in auth.json and in state.json."""
    upstream.limit(A)
    state = watcher.folder / "state.json"
    state.write_bytes(BOM + state.read_bytes())

    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.key(B)
    live.path.write_bytes(BOM + live.path.read_bytes())
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])


def test_a_byte_order_mark_that_comes_or_goes_changes_no_login(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """B4."""
    live.path.write_bytes(BOM + live.path.read_bytes())
    bridge.run("fetch", **model_request(upstream))
    live.key(B)
    bridge.run("fetch", **model_request(upstream))
    live.path.write_bytes(BOM + live.path.read_bytes())
    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == [A, B, B]


@pytest.mark.parametrize("provider", ["mock", "elsewhere", ADDRESS])
def test_the_token_of_a_well_known_login_is_its_own_under_whatever_provider(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    provider: str,
) -> None:
    """B5."""
    live.write(**{f"{ADDRESS}/": wellknown(A)})
    bridge.load("/read/again")
    watcher.publish([A, B], provider=ADDRESS)
    upstream.limit(A)
    # opencode puts it into the configuration that it got from there.
    mark = {"provider": provider, "source": "config", "options": {"apiKey": A}}

    pending = bridge.start("fetch", **model_request(upstream, mark=mark))
    signal = watcher.next_signal()
    live.write(**{ADDRESS: wellknown(B)})
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])
    assert (signal["provider"], signal["credential"]) == (ADDRESS, digest_of(A))


@pytest.mark.parametrize("form", ["corp:{}", "{}:corp", "corp/{}", "v1={}"])
def test_the_token_of_a_well_known_login_is_found_with_more_before_or_behind_it(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, form: str
) -> None:
    """B5: opencode goes on with the token of its start, so the next request has the old one."""
    live.write(**{ADDRESS: wellknown(A)})
    bridge.load("/read/again")
    watcher.publish([A, B], provider=ADDRESS)
    upstream.limit(A)
    given = form.format(A)
    mark = {"provider": "elsewhere", "source": "config", "options": {"apiKey": given}}

    pending = bridge.start("fetch", **model_request(upstream, given, mark=mark))
    signal = watcher.next_signal()
    live.write(**{ADDRESS: wellknown(B)})
    watcher.retry(signal, B)
    first = pending.result()["status"]
    bridge.run("fetch", **model_request(upstream, given, mark=mark))

    assert first == 200
    assert upstream.keys == [given, form.format(B), form.format(B)]
    assert (signal["provider"], signal["credential"]) == (ADDRESS, digest_of(A))


def test_a_providers_own_login_comes_before_a_well_known_one(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """B5."""
    live.write(**{ADDRESS: wellknown(A), "mock": {"type": "api", "key": A}})
    bridge.load("/read/again")
    upstream.limit(A)

    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")

    assert (pending.result()["status"], signal["provider"]) == (429, "mock")


def test_beside_a_well_known_login_a_key_that_nobody_knows_is_left_alone(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    """B5."""
    live.write(**{ADDRESS: wellknown(B)})
    bridge.load("/read/again")
    upstream.limit("KEY-CANARY-OTHER")

    answer = bridge.run("fetch", **model_request(upstream, "KEY-CANARY-OTHER"))

    assert (answer["status"], upstream.keys) == (429, ["KEY-CANARY-OTHER"])
    assert watcher.heard_nothing(answer)


@pytest.mark.parametrize("padding", ["\n", "  ", "\r\n", "\t", "\u00a0", "\u00a0\n"])
@pytest.mark.parametrize(
    "case",
    [
        pytest.param((form, kept), id=f"{form}, known {'as it stands' if kept else 'trimmed'}")
        for form in ("object", "headers")
        for kept in (False, True)
    ],
)
def test_a_key_with_blanks_around_it_is_known_as_the_watcher_knows_it(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    padding: str,
    case: tuple[str, bool],
) -> None:
    """A9: opencode sends it as it stands, and fetch trims what a header holds."""
    form, kept = case
    known = [key + padding if kept else key for key in (A, B)]
    live.key(A + padding)
    bridge.load("/read/again")
    watcher.publish(known)
    upstream.limit(A)
    headers = {"x-api-key": A + padding, "authorization": f"Bearer {A}{padding}"}

    request = model_request(upstream, headers=headers, headerForm=form)
    pending = bridge.start("fetch", **request)
    signal = watcher.next_signal()
    live.key(B + padding)
    watcher.retry(signal, known[1])

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])
    assert upstream.requests[1].headers["x-api-key"] == B
    assert signal["credential"] == digest_of(known[0])


@pytest.mark.parametrize("padding", ["\u200b", "\ufeff", "\u2060", "\x00", "\u200b \n", "\u202c"])
def test_what_is_not_seen_around_a_key_goes_into_no_header(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, padding: str
) -> None:
    """A9: neither from auth.json when opencode sends it, nor when it takes another one's place."""
    live.key(A + padding)
    bridge.load("/read/again")
    watcher.publish([A + padding, padding + B])
    upstream.limit(A)
    headers = {"x-api-key": A + padding, "authorization": f"Bearer {A}{padding}"}

    pending = bridge.start("fetch", **model_request(upstream, headers=headers, headerForm="object"))
    signal = watcher.next_signal()
    live.key(padding + B)
    watcher.retry(signal, padding + B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])
    assert signal["credential"] == digest_of(A + padding)


@pytest.mark.parametrize(
    "inside", ["\u200b", "\u2013", "\ufeff", "\n", "\r\n", "\t", "\x00", "\x85", "\ud800", "\u4e2d"]
)
def test_a_key_that_no_header_can_hold_takes_nobody_s_place(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, inside: str
) -> None:
    """A9: fetch would throw, and show the key."""
    odd = f"KEY-CANARY-{inside}B"
    upstream.limit(A)

    live.key(odd)
    first = bridge.start("fetch", **model_request(upstream))
    watcher.retry(watcher.next_signal(), odd)
    refused = first.result()

    assert (refused["status"], upstream.keys) == (429, [A])


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"type": "api", "key": ""}, id="an empty key"),
        pytest.param(
            {"type": "oauth", "refresh": "|project|managed", "access": "", "expires": 0},
            id="what is packed behind a token",
        ),
        pytest.param(
            {"type": "oauth", "refresh": " |project", "access": " ", "expires": 0},
            id="a blank before it",
        ),
        pytest.param({"type": "oauth", "refresh": "||", "access": "", "expires": 0}, id="bars"),
        pytest.param({"type": "api", "key": " \n"}, id="a blank key"),
        pytest.param({"type": "api", "key": "\u200b"}, id="a key that is not seen"),
        pytest.param(oauth("\ufeff", refresh="\u2060|x", expires=0), id="tokens that are not seen"),
        pytest.param(oauth("", refresh="", expires=0), id="an emptied login"),
        pytest.param({"type": "wellknown", "key": "NAME", "token": ""}, id="an empty token"),
    ],
)
def test_a_cleared_entry_is_no_login(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, entry: object
) -> None:
    """A8."""
    upstream.limit(A)
    live.write(mock=entry)

    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["sameInit"], upstream.keys) == (True, [A])
    assert watcher.heard_nothing(answer)


@pytest.mark.parametrize("field", PLACES)
def test_a_field_that_changes_where_a_request_goes_is_destination(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, field: str
) -> None:
    """A10."""
    live.write(mock={"type": "api", "key": A, "metadata": {field: "one"}})
    bridge.load("/read/again")
    live.write(mock={"type": "api", "key": B, "metadata": {field: "two"}})

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == [A]


@pytest.mark.parametrize(
    "field", ["apiUrl", "base_url", "workspaceUrl", "modelsEndpoint", "loginUrl", "x"]
)
@pytest.mark.parametrize(
    "form", ["https://{}.example/v1", "http://{}", "{}.example", "{}.example:1/v1"]
)
def test_an_address_is_a_place_whatever_it_is_called(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile, field: str, form: str
) -> None:
    """A10: the key of one place is not sent to the other."""
    live.write(mock={"type": "api", "key": A, "metadata": {field: form.format("one")}})
    bridge.load("/read/again")
    live.write(mock={"type": "api", "key": B, "metadata": {field: form.format("two")}})

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == [A]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"avatarUrl": "https://img.example/a"}, {"avatarUrl": "https://img.example/b"}),
        ({"docs_url": "https://docs.example/a"}, {}),
        ({"issuer": "https://id.example/a"}, {"issuer": "https://id.example/b"}),
        ({"username": "ada.lovelace"}, {"username": "bob.smith"}),
        ({"apiUrl": "https://a.example/v1"}, {"apiUrl": "https://A.example/v1/"}),
        ({"oauth_access": A, "routers": "1"}, {"oauth_access": B, "routers": "2"}),
        ({}, {"oauth_expires": "1"}),
        ({"Region": "one"}, {"Region": "two"}),
        ({"region": "one", "email": "a"}, {"email": "b", "region": "one"}),
    ],
)
def test_other_metadata_is_not(
    bridge: BridgeProcess,
    upstream: Upstream,
    live: LiveFile,
    one: dict[str, str],
    two: dict[str, str],
) -> None:
    """A10."""
    live.write(mock={"type": "api", "key": A, "metadata": one})
    bridge.load("/read/again")
    live.write(mock={"type": "api", "key": B, "metadata": two})

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == [B]


@pytest.mark.parametrize("which", ["auth.json", "state.json"])
def test_what_is_no_regular_file_is_not_waited_for(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, which: str
) -> None:
    """A pipe would hold up the whole of opencode."""
    live.key(B)
    bridge.run("fetch", **model_request(upstream))
    path: Path = {"auth.json": live.path, "state.json": watcher.folder / "state.json"}[which]
    path.unlink()
    os.mkfifo(path)

    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["status"], upstream.keys) == (200, [B, B])


def test_types_that_opencode_does_not_know_cost_themselves_alone(
    bridge: BridgeProcess, upstream: Upstream, live: LiveFile
) -> None:
    """A11."""
    entries = {"one": None, "two": "x", "three": {"type": "new", "key": "CANARY"}}
    live.path.write_text(json.dumps(entries | {"mock": {"type": "api", "key": B}}))

    bridge.run("fetch", **model_request(upstream))

    assert upstream.keys == [B]
