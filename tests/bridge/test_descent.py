"""Which refresh token led to which, told by digests while nothing of the request changes."""

from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from rotator.opencode.bridge.descent import read_descents
from rotator.secret import digest_of
from rotator.system.paths import find_paths
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import LiveFile, oauth
from tests.support.home import places
from tests.support.loopback_http import Connection, Received, head
from tests.support.other_plugins import BACKGROUND, SET_AT_START, plugin
from tests.support.upstream import Upstream, reply
from tests.support.waiting import wait_until

REFRESH, NEXT, ACCESS = "REF-CANARY-1", "REF-CANARY-2", "ACC-CANARY-2"
PAIR = {"access_token": ACCESS, "refresh_token": NEXT, "id_token": "ID-CANARY", "expires_in": 1}
BOTH = [digest_of(ACCESS), digest_of(NEXT)]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.fixture
def live(home: Path) -> LiveFile:
    """Return auth.json with a login, packed as some plug-ins do it, and a key."""
    live = LiveFile(home)
    packed = oauth("ACC-CANARY-P", refresh="1//CANARY|project|managed")
    live.write(
        mock=oauth("ACC-CANARY-1", refresh=REFRESH),
        google=packed,
        other={"type": "api", "key": "KEY-CANARY"},
    )
    return live


@pytest.fixture
def folder(home: Path) -> Path:
    """Return where the bridge puts what it tells; whatever it is, no secret is in it."""
    return home / ".local" / "state" / "opencode-rotator" / "bridge" / "descent"


@pytest.fixture
def answering(upstream: Upstream) -> Upstream:
    """Return a vendor that gives a new pair to everybody."""
    return give(upstream, PAIR)


def give(upstream: Upstream, value: object, status: int = 200) -> Upstream:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    upstream.on("token-request", reply(status, body, content_type=JSON))
    return upstream


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("[!.]*"))]


def links(folder: Path) -> list[tuple[object, ...]]:
    return [(one["grant"], one["from"], one["to"], one["ok"]) for one in told(folder)]


def ask(
    bridge: BridgeProcess,
    upstream: Upstream,
    body: Mapping[str, object] | str,
    kind: str = JSON,
    **changes: Any,
) -> dict[str, Any]:
    """Send a token request as JSON or as a form."""
    if not isinstance(body, str):
        body = json.dumps(body) if kind == JSON else urlencode(body)
    headers = {"content-type": kind, "x-of": "token-request"}
    request = {"url": f"{upstream.url}/oauth/token", "headers": headers, "body": body}
    return bridge.run("fetch", **(request | changes))


def refreshing(token: str = REFRESH, name: str = "refresh_token") -> dict[str, str]:
    return {"grant_type": "refresh_token", name: token, "client_id": "app"}


@pytest.mark.parametrize("form", ["string", "url", "request"])
@pytest.mark.parametrize("kind", [JSON, FORM])
def test_a_refresh_is_told_before_its_answer_is_handed_on(
    bridge: BridgeProcess, answering: Upstream, live: LiveFile, folder: Path, form: str, kind: str
) -> None:
    answer = ask(bridge, answering, refreshing(), kind, form=form)

    (one,) = told(folder)
    at = datetime.fromisoformat(one.pop("at"))
    assert datetime.now(UTC) - at < timedelta(seconds=20)
    assert one == {
        "schema": 1,
        "auth_file": str(live.path),
        "grant": "refresh",
        "from": digest_of(REFRESH),
        "to": BOTH,
        "ok": True,
    }
    (path,) = folder.iterdir()
    assert re.fullmatch(r"[A-Za-z0-9-]{10,80}\.json", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (answer["sameResponse"], json.loads(answer["body"])) == (True, PAIR)
    assert answer["sameInit"] is (form != "request")


@pytest.mark.parametrize("more", [{}, {"prompt": "consent"}], ids=["alone", "with a prompt"])
@pytest.mark.parametrize("kind", ["params", "fields", "blob", "bytes", "request as init", "query"])
@pytest.mark.parametrize("grant", ["login", "refresh"])
def test_it_is_known_in_every_form_in_which_it_can_be_sent(
    bridge: BridgeProcess,
    answering: Upstream,
    folder: Path,
    grant: str,
    kind: str,
    more: dict[str, str],
) -> None:
    """A1: a login by a code is a login, and a refresh is a refresh."""
    body = (CODE if grant == "login" else refreshing()) | more
    if kind == "query":
        url = f"{answering.url}/oauth/token?{urlencode(body)}"
        ask(bridge, answering, "", bodyKind="none", method="GET", url=url)
    else:
        is_form = kind == "request as init"
        ask(bridge, answering, body, FORM, **({"form": kind} if is_form else {"bodyKind": kind}))

    (link,) = links(folder)
    assert link[0] == grant


@pytest.mark.parametrize("way", ["/{}/office", "/{}/office/", "/{}/office/../office", "office"])
def test_what_is_told_names_the_home_that_it_is_for(
    home: Path, live: LiveFile, answering: Upstream, folder: Path, way: str
) -> None:
    """Homes that differ in XDG_DATA_HOME alone share the folder."""
    file = home / "office" / "opencode" / "auth.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(live.path.read_bytes())
    variables = {"XDG_DATA_HOME": way.format(str(home).lstrip("/"))}
    with bridge_process(home, variables=variables) as bridge:
        bridge.load()
        ask(bridge, answering, refreshing())

    (one,) = told(folder)
    assert one["auth_file"] == str(file)
    ours = find_paths(places(home))
    theirs = find_paths(places(home) | {"XDG_DATA_HOME": str(home / "office")})
    assert (read_descents(ours).descents, read_descents(ours).files) == ((), ())
    assert [d.spent for d in read_descents(theirs).descents] == [digest_of(REFRESH)]


@pytest.mark.parametrize("kind", ["string", "bytes", "buffer", "params"])
@pytest.mark.parametrize("form", ["string", "request"])
def test_the_request_arrives_as_it_does_without_the_bridge(
    home: Path, live: LiveFile, answering: Upstream, kind: str, form: str
) -> None:
    assert live.path.exists()
    request = {"kind": FORM, "bodyKind": kind, "form": form}
    with bridge_process(home) as process:
        ask(process, answering, refreshing(), **request)
        process.load()
        answer = ask(process, answering, refreshing(), **request)

    before, after = answering.requests
    assert (dict(before.headers), before.body) == (dict(after.headers), after.body)
    assert (answer["sameResponse"], answer["sameInit"]) == (True, form != "request")


@pytest.mark.parametrize("kind", ["bytes", "buffer", "params"])
def test_a_refresh_is_seen_in_every_kind_of_body(
    bridge: BridgeProcess, answering: Upstream, folder: Path, kind: str
) -> None:
    ask(bridge, answering, refreshing(), FORM, bodyKind=kind)

    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]


@pytest.mark.parametrize(
    ("body", "of"),
    [
        pytest.param(refreshing(name="refreshToken"), REFRESH, id="in other letters"),
        pytest.param({"auth": refreshing()}, REFRESH, id="nested"),
        pytest.param(refreshing("1//CANARY"), "1//CANARY", id="unpacked"),
        pytest.param(
            refreshing("1//CANARY|project|managed"), "1//CANARY|project|managed", id="packed"
        ),
    ],
)
def test_a_known_token_is_found_wherever_it_stands(
    bridge: BridgeProcess, answering: Upstream, folder: Path, body: dict[str, object], of: str
) -> None:
    """A7."""
    ask(bridge, answering, body)

    assert links(folder) == [("refresh", digest_of(of), BOTH, True)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"grant_type": DEVICE, "device_code": "CANARY"}, id="device code"),
        pytest.param({"device_code": "CANARY", "client_id": "app"}, id="device code alone"),
        pytest.param({"grant_type": "authorization_code", "code": "CANARY"}, id="code"),
        pytest.param({"code": "CANARY", "code_verifier": "v"}, id="code and verifier"),
        pytest.param({"code": "CANARY", "client_id": "app"}, id="code and client"),
        pytest.param({"code": "CANARY", "redirect_uri": "a"}, id="code and where it came"),
        pytest.param({"authCode": "CANARY", "clientId": "app"}, id="of another spelling"),
    ],
)
@pytest.mark.parametrize("kind", [JSON, FORM])
def test_a_pair_that_came_from_a_code_is_a_login(
    bridge: BridgeProcess, answering: Upstream, folder: Path, body: dict[str, str], kind: str
) -> None:
    ask(bridge, answering, body, kind)

    assert links(folder) == [("login", None, BOTH, True)]


CODE = {"grant_type": "authorization_code", "code": "CANARY", "code_verifier": "v"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (CODE, {"authorization": f"Bearer {REFRESH}"}),
        (CODE, {"cookie": f"refresh_token={REFRESH}"}),
        (CODE | {"revoke_token": REFRESH}, {}),
        (CODE | {"login_hint": REFRESH}, {}),
        ({"device_code": "CANARY", "client_id": "app"}, {"x-refresh-token": REFRESH}),
    ],
)
def test_a_login_is_one_though_it_carries_the_token_of_another(
    bridge: BridgeProcess,
    answering: Upstream,
    folder: Path,
    body: dict[str, str],
    headers: dict[str, str],
) -> None:
    """Some send what they have stored with every request."""
    ask(
        bridge,
        answering,
        body,
        JSON,
        headers={"content-type": JSON, "x-of": "token-request", **headers},
    )

    assert links(folder) == [("login", None, BOTH, True)]


def test_a_refresh_that_names_itself_is_one_though_it_carries_a_code(
    bridge: BridgeProcess, answering: Upstream, folder: Path
) -> None:
    body = {"grant_type": "refresh_token", "refresh_token": REFRESH, "code": "1", "client_id": "a"}

    ask(bridge, answering, body, JSON)

    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]


@pytest.mark.parametrize(
    ("value", "to"),
    [
        pytest.param({"access_token": ACCESS}, [REFRESH, ACCESS], id="no new refresh token"),
        pytest.param(
            {
                "access_token": ACCESS,
                "refresh_after": "2026-11-29T22:00:00Z",
                "refresh_token_id": "0d1a7f9e-3b8c-4a2e-9f10-6f3c2d1b0a99",
                "refresh_expires_in": "1209600000000",
                "refresh_token_expires_at": "2026-12-29T22:00:00Z",
            },
            [REFRESH, ACCESS],
            id="what is said about the one before",
        ),
        pytest.param(
            {"access_token": ACCESS, "id_token": NEXT}, [REFRESH, ACCESS, NEXT], id="and who it is"
        ),
        pytest.param({"accessToken": ACCESS, "refreshToken": NEXT}, [ACCESS, NEXT], id="letters"),
        pytest.param({"data": {"tokens": [PAIR]}}, [ACCESS, NEXT], id="nested"),
        pytest.param(urlencode(PAIR).encode(), [ACCESS, NEXT], id="a form"),
        pytest.param({"a": {"b": {"c": {"d": [[PAIR]]}}}}, [ACCESS, NEXT], id="deep"),
        pytest.param(
            {"access_token": {"value": ACCESS}, "refresh_token": ""}, [REFRESH, ACCESS], id="apart"
        ),
        pytest.param({"access_token": {"of": ACCESS}, "refresh_token": 1}, [], id="no texts"),
        pytest.param({"token": ACCESS, "refreshToken": NEXT}, [NEXT, ACCESS], id="token"),
        pytest.param({"access": ACCESS, "refresh": NEXT}, [ACCESS, NEXT], id="access, refresh"),
        pytest.param(
            {"securityToken": ACCESS, "tokenValue": NEXT}, [REFRESH, ACCESS, NEXT], id="compound"
        ),
        pytest.param({"jwt": ACCESS, "session": NEXT}, [REFRESH, ACCESS, NEXT], id="jwt, session"),
        pytest.param({"result": json.dumps(PAIR)}, [ACCESS, NEXT], id="JSON in JSON"),
        pytest.param(
            {"access_token": f"{ACCESS}\n", "refresh_token": NEXT},
            [f"{ACCESS}\n", ACCESS, NEXT],
            id="padded",
        ),
        pytest.param(
            {
                "token": "short",
                "session_name": "words, no token",
                "token_type": "urn:ietf:params:oauth:token-type",
                "tokenizer": "o200k_base-and-more",
                "access_token_expires_at": "2026-11-22T22:22:00Z",
            },
            [],
            id="beside tokens",
        ),
        pytest.param(
            {f"token_{number}": f"TOK-CANARY-{number:03}" for number in range(40)},
            [REFRESH, *(f"TOK-CANARY-{number:03}" for number in range(15))],
            id="many",
        ),
        pytest.param(b"<html>", [], id="a page"),
        pytest.param(
            b'<a href="?a=1&amp;my token=TOK-CANARY-PAGE&b">', [], id="a page with an address"
        ),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\xff{}", [], id="no text"),
    ],
)
def test_the_tokens_of_the_answer_are_told_in_whatever_form_it_has(
    bridge: BridgeProcess, upstream: Upstream, folder: Path, value: object, to: list[str]
) -> None:
    """Without a new refresh token the one that was sent is told to be in force still."""
    ask(bridge, give(upstream, value), refreshing())

    assert links(folder) == [
        ("refresh", digest_of(REFRESH), [digest_of(token) for token in to], True)
    ]


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (400, {"error": "invalid_grant"}),
        (401, {"error": {"code": "app_session_terminated"}}),
        (500, {}),
        (200, {"error": "bad_verification_code"}),
    ],
)
def test_a_refused_refresh_is_told_as_refused(
    bridge: BridgeProcess, upstream: Upstream, folder: Path, status: int, value: object
) -> None:
    answer = ask(bridge, give(upstream, value, status), refreshing())

    assert (answer["status"], answer["sameResponse"]) == (status, True)
    assert links(folder) == [("refresh", digest_of(REFRESH), [], False)]
    (one,) = told(folder)
    assert (one["status"], one["said"]) == (status, value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(refreshing("REF-CANARY-UNKNOWN"), id="an unknown token"),
        pytest.param({"refresh_token": ["x"], "client_id": "app"}, id="no text"),
        pytest.param({"a": {"b": {"code": "CANARY", "client_id": "app"}}}, id="a code far inside"),
        pytest.param({"code": "CANARY"}, id="a code of something else"),
        pytest.param({"messages": "which refresh_token"}, id="words"),
        pytest.param("refresh_token", id="no form"),
        pytest.param("[]", id="a list"),
        pytest.param(json.dumps(refreshing() | {"more": "x" * 17_000}), id="too long"),
    ],
)
def test_nothing_is_told_of_other_requests(
    bridge: BridgeProcess, answering: Upstream, folder: Path, body: dict[str, object] | str
) -> None:
    answer = ask(bridge, answering, body)

    assert (answer["status"], answer["sameInit"], answer["sameResponse"]) == (200, True, True)
    assert not folder.exists()


BEARER = {"authorization": f"Bearer {REFRESH}"}
# Each holds the refresh token in its own place, as vendors want it.
PLACES: dict[str, dict[str, Any]] = {
    "a bearer and an empty object": {"body": "{}", "headers": BEARER},
    "a bearer and no body": {"body": "", "bodyKind": "none", "headers": BEARER},
    "a header of its own": {"body": "{}", "headers": {"x-refresh-token": REFRESH}},
    "a cookie": {"body": "{}", "headers": {"cookie": f"lang=en; refresh={REFRESH}; theme=dark"}},
    "a bearer and a GET": {"bodyKind": "none", "method": "GET", "headers": BEARER},
    "refresh": {"body": json.dumps({"refresh": REFRESH})},
    "any name": {"body": json.dumps({"credential": {"value": REFRESH}})},
    "deep inside": {"body": json.dumps({"json": {"auth": [{"refresh_token": REFRESH}]}})},
    "a list": {"body": json.dumps([{"refresh_token": REFRESH}])},
    "JSON inside a text": {"body": json.dumps({"0": json.dumps({"input": {"token": REFRESH}})})},
    "JSON inside a form": {"body": urlencode({"input": json.dumps({"token": REFRESH})})},
    "the text alone": {"body": f"{REFRESH}\n"},
    "a text of JSON": {"body": json.dumps(REFRESH)},
    "a form of several parts": {"body": REFRESH, "bodyKind": "form"},
    "the query": {"bodyKind": "none", "query": urlencode(refreshing())},
    "the query of a GET": {"bodyKind": "none", "method": "GET", "query": urlencode(refreshing())},
    "a PUT": {"method": "PUT", "body": json.dumps(refreshing())},
    "a bearer and a stream": {"bodyKind": "stream", "body": "x", "headers": BEARER},
    # What else it says is not read.
    "a bearer and much": {"body": json.dumps({"more": "x" * 70_000}), "headers": BEARER},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_known_refresh_token_is_found_by_its_digest_wherever_a_request_holds_it(
    bridge: BridgeProcess, answering: Upstream, folder: Path, place: str
) -> None:
    request = dict(PLACES[place])
    query = request.pop("query", "")
    headers = {"x-of": "token-request"} | request.pop("headers", {})

    answer = ask(
        bridge,
        answering,
        str(request.pop("body", "")),
        url=f"{answering.url}/oauth/token?{query}",
        headers=headers,
        **request,
    )

    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]
    assert (answer["sameInit"], answer["sameResponse"]) == (True, True)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"model": "m1", "refresh_token": REFRESH}, id="a model"),
        pytest.param({"messages": [{"content": REFRESH}]}, id="messages"),
        pytest.param({"input": "hi"}, id="an input"),
        pytest.param({"request": {"contents": []}}, id="a request"),
    ],
)
def test_who_asks_a_model_asks_for_no_token_whatever_he_carries(
    bridge: BridgeProcess, answering: Upstream, folder: Path, asked: dict[str, object]
) -> None:
    headers = BEARER | {"x-of": "token-request"}

    ask(bridge, answering, asked, url=f"{answering.url}/api/auth/answer", headers=headers)

    assert not folder.exists()


@pytest.mark.parametrize("secret", ["ACC-CANARY-1", "KEY-CANARY-LONG", "ONE-CANARY-FOR-ALL"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_carries_what_every_request_carries_is_no_token_request(
    bridge: BridgeProcess,
    answering: Upstream,
    folder: Path,
    live: LiveFile,
    secret: str,
    method: str,
) -> None:
    """GitHub's logins have one token, which is the access and the refresh token."""
    both = oauth("ONE-CANARY-FOR-ALL", refresh="ONE-CANARY-FOR-ALL")
    key = {"type": "api", "key": "KEY-CANARY-LONG"}
    live.write(mock=oauth("ACC-CANARY-1", refresh=REFRESH), copilot=both, other=key)
    headers = {"authorization": f"Bearer {secret}", "x-of": "token-request"}
    body = {"bodyKind": "none"} if method == "GET" else {}

    ask(bridge, answering, {"id": "1"}, headers=headers, method=method, **body)

    assert not folder.exists()


@pytest.mark.parametrize("kind", ["stream", "blob"])
def test_where_the_body_is_not_read_the_path_has_to_speak_of_tokens(
    bridge: BridgeProcess, answering: Upstream, folder: Path, kind: str
) -> None:
    """It may be a question for a model."""
    headers = BEARER | {"x-of": "token-request"}

    ask(bridge, answering, "x", url=f"{answering.url}/answer", headers=headers, bodyKind=kind)

    assert not folder.exists()


def test_a_new_access_token_that_auth_json_does_not_hold_yet_is_no_refresh_token(
    bridge: BridgeProcess, answering: Upstream, folder: Path
) -> None:
    ask(bridge, answering, refreshing())
    headers = {"authorization": f"Bearer {ACCESS}", "x-of": "token-request"}

    ask(bridge, answering, {"id": "1"}, headers=headers)

    assert len(told(folder)) == 1


def test_what_only_carries_the_token_is_told_if_tokens_came_back(
    bridge: BridgeProcess, upstream: Upstream, folder: Path
) -> None:
    """Some plug-ins ask with it how much of a plan is used."""
    headers = BEARER | {"x-of": "token-request"}
    for value in ({"plan": "pro", "sessions": 3}, {"token": REFRESH}):
        ask(bridge, give(upstream, value), "{}", headers=headers)

    assert not folder.exists()


def test_a_copy_of_several_logins_is_no_token_request(
    bridge: BridgeProcess, answering: Upstream, folder: Path, live: LiveFile
) -> None:
    ask(bridge, answering, live.path.read_text(encoding="utf-8"), method="PUT")

    assert not folder.exists()


def test_of_what_comes_back_another_logins_tokens_are_not_told(
    bridge: BridgeProcess, upstream: Upstream, folder: Path
) -> None:
    value = PAIR | {"all": [{"refresh_token": "1//CANARY"}, {"token": "ACC-CANARY-P"}]}

    ask(bridge, give(upstream, value), refreshing())

    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]


def test_what_a_slow_answer_brought_is_told_even_if_it_stands_in_auth_json_by_then(
    bridge: BridgeProcess, upstream: Upstream, folder: Path, slow: Slow, live: LiveFile
) -> None:
    upstream.on("token-request", slow)
    ask(bridge, upstream, refreshing(), unread=True)
    live.write(mock=oauth(ACCESS, refresh=NEXT))
    upstream.on("x-other", reply(200, b"{}"))
    ask(bridge, upstream, {"id": "1"}, headers={"x-of": "x-other"})
    slow.go.set()

    wait_until(lambda: links(folder), 10, "the descent")
    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]


def test_a_login_that_brings_what_is_known_is_a_login(
    bridge: BridgeProcess, answering: Upstream, folder: Path, live: LiveFile
) -> None:
    live.write(mock=oauth(ACCESS, refresh=NEXT))
    ask(bridge, answering, {"id": "1"})

    ask(bridge, answering, {"code": "CANARY", "client_id": "app"})

    assert links(folder) == [("login", None, BOTH, True)]


def test_a_short_word_in_the_place_of_a_token_is_none(
    bridge: BridgeProcess, answering: Upstream, folder: Path, live: LiveFile
) -> None:
    live.write(mock=oauth("ACC-CANARY-1", refresh="none"))

    for body in ({"choice": "none"}, {"auth": ["none"]}):
        ask(bridge, answering, body)

    assert not folder.exists()


def test_an_answer_that_goes_on_is_not_read(
    bridge: BridgeProcess, upstream: Upstream, folder: Path, slow: Slow
) -> None:
    def stream(received: Received, connection: Connection) -> bool:
        head_of = {"content-type": "text/event-stream", "content-length": "100"}
        connection.send(head(200, head_of) + b"data: 1")
        return slow(received, connection)

    upstream.on("token-request", stream)

    answer = ask(bridge, upstream, refreshing(), unread=True)

    assert (answer["status"], answer["ms"] < 900) == (200, True)
    assert not folder.exists()


def test_who_waits_for_a_login_tells_nothing_until_it_is_there(
    bridge: BridgeProcess, upstream: Upstream, folder: Path
) -> None:
    body = {"grant_type": DEVICE, "device_code": "CANARY"}
    for _ in range(3):
        ask(bridge, give(upstream, {"error": "authorization_pending"}), body)
    ask(bridge, give(upstream, {"access_token": ACCESS}), body)

    assert links(folder) == [("login", None, [digest_of(ACCESS)], True)]


def test_a_token_that_never_stood_in_auth_json_is_known_by_the_one_before_it(
    bridge: BridgeProcess, upstream: Upstream, folder: Path
) -> None:
    """A plug-in may write only the last of several pairs."""
    ask(bridge, give(upstream, {"refresh_token": NEXT}), refreshing())
    ask(bridge, give(upstream, {"refresh_token": "REF-CANARY-3"}), refreshing(NEXT))

    assert [(one["from"], one["to"]) for one in told(folder)] == [
        (digest_of(REFRESH), [digest_of(NEXT)]),
        (digest_of(NEXT), [digest_of("REF-CANARY-3")]),
    ]


def test_a_token_that_auth_json_held_since_the_start_is_known(
    bridge: BridgeProcess, answering: Upstream, folder: Path, live: LiveFile
) -> None:
    live.write(mock=oauth("ACC-CANARY-2", refresh=NEXT))
    ask(bridge, answering, refreshing(NEXT))
    ask(bridge, answering, refreshing(REFRESH))

    assert [one["from"] for one in told(folder)] == [digest_of(NEXT), digest_of(REFRESH)]


class Slow:
    """Sends the end of an answer when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, _: Received, connection: Connection) -> bool:
        body = json.dumps(PAIR).encode()
        connection.send(head(200, {"content-length": str(len(body))}) + body[:9])
        assert self.go.wait(20)
        connection.send(body[9:])
        return True


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Return a vendor that stalls; it never does so longer than the test."""
    stalling = Slow()
    yield stalling
    stalling.go.set()


def test_an_answer_that_stalls_is_handed_on_after_a_second_and_told_when_it_is_whole(
    bridge: BridgeProcess, upstream: Upstream, folder: Path, slow: Slow
) -> None:
    upstream.on("token-request", slow)

    answer = ask(bridge, upstream, refreshing(), unread=True)
    early = folder.exists()
    slow.go.set()
    wait_until(lambda: links(folder), 10, "the descent")

    assert (answer["status"], early) == (200, False)
    assert 950 < answer["ms"] < 10_000
    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]


def test_a_vendor_that_cannot_be_reached_is_no_answer(bridge: BridgeProcess, folder: Path) -> None:
    request = {"headers": {"content-type": JSON}, "body": json.dumps(refreshing())}

    answer = bridge.run("fetch", url="http://127.0.0.1:1/oauth/token", **request)

    assert (answer["rethrown"], folder.exists()) == (True, False)


def test_what_cannot_be_written_costs_the_caller_nothing(
    bridge: BridgeProcess, answering: Upstream, folder: Path
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where a folder is wanted")

    answer = ask(bridge, answering, refreshing())

    assert (answer["status"], answer["sameResponse"]) == (200, True)
    assert json.loads(answer["body"]) == PAIR


def test_the_newest_256_are_kept(bridge: BridgeProcess, answering: Upstream, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"{number:012x}-old.json").write_text("{}")

    ask(bridge, answering, refreshing())

    names = sorted(path.name for path in folder.iterdir())
    assert (len(names), names[0]) == (256, f"{45:012x}-old.json")
    assert "old" not in names[-1]


def test_refusals_push_no_pair_out(
    bridge: BridgeProcess, answering: Upstream, folder: Path
) -> None:
    ask(bridge, answering, refreshing())
    (pair,) = folder.iterdir()
    for number in range(300):
        # Later by their names.
        (folder / f"f{number:011x}-new-refused.json").write_text("{}")

    ask(bridge, give(answering, {"error": "temporarily_unavailable"}, 503), refreshing())

    names = {path.name for path in folder.iterdir()}
    assert len(names) == 256
    assert pair.name in names


def test_inside_a_turn_a_plug_ins_refresh_is_told_and_the_request_after_it_is_ours(
    bridge: BridgeProcess, answering: Upstream, folder: Path, live: LiveFile
) -> None:
    url = f"{answering.url}/v1/messages"
    model = {"url": url, "headers": {"authorization": "Bearer ACC-CANARY-1"}, "body": "{}"}
    headers = {"content-type": JSON, "x-of": "token-request"}
    token = {"url": f"{answering.url}/oauth/token", "headers": headers}
    token |= {"body": json.dumps(refreshing()), "mark": {"provider": "mock"}}
    live.write(mock=oauth("ACC-CANARY-9", refresh="REF-CANARY-9"))

    bridge.run("turn", requests=[token, model])

    assert links(folder) == [("refresh", digest_of(REFRESH), BOTH, True)]
    assert answering.keys == ["", "ACC-CANARY-9"]


@pytest.mark.parametrize("first", ["a request of a turn", "a token request"])
def test_what_goes_on_in_the_context_of_an_earlier_request_is_seen_too(
    home: Path, live: LiveFile, answering: Upstream, folder: Path, first: str
) -> None:
    assert live.path.exists()
    headers = {"content-type": JSON, "x-of": "token-request"}
    token = {"url": f"{answering.url}/oauth/token", "headers": headers}
    token["body"] = json.dumps(refreshing())
    other = plugin(home, BACKGROUND)
    with bridge_process(home) as process:
        process.load(files=["ours", other])
        if first == "a token request":
            ask(process, answering, {"code": "CANARY", "client_id": "app"})
        else:
            key = {"authorization": "Bearer ACC-CANARY-1"}
            url = f"{answering.url}/v1/messages"
            process.run("fetch", url=url, headers=key, body="{}", mark={"provider": "mock"})
        event = {"type": "refresh", "properties": token}
        process.run("hook", name="event", arguments=[{"event": event}])

    assert told(folder)[-1]["from"] == digest_of(REFRESH)


def test_a_model_request_that_speaks_of_tokens_is_none(
    bridge: BridgeProcess, answering: Upstream, folder: Path
) -> None:
    ask(bridge, answering, refreshing(), url=f"{answering.url}/v1/messages")

    assert not folder.exists()


def test_two_fetches_of_ours_tell_once(
    home: Path, live: LiveFile, answering: Upstream, folder: Path
) -> None:
    assert live.path.exists()
    other = plugin(home, SET_AT_START)
    with bridge_process(home) as process:
        process.load(files=["ours", other])

        ask(process, answering, refreshing())
        ask(process, answering, refreshing())

    assert len(told(folder)) == 2
