"""The made-up provider answers as it was told, notes when, and costs next to nothing."""

from __future__ import annotations

import http.client
import json
import statistics
from collections.abc import Iterator

import pytest

from tests.support.loopback_provider import LoopbackProvider
from tests.support.provider_answers import HangUp, StreamError, refusal, slow_text, streamed
from tests.support.token_endpoint import Grant

CHAT = "/v1/chat/completions"
A, B = "KEY-CANARY-A", "KEY-CANARY-B"


class Client:
    """One connection that is kept open."""

    def __init__(self, provider: LoopbackProvider) -> None:
        host = provider.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=10)

    def post(self, key: str, path: str = CHAT, **body: object) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._connection.request("POST", path, json.dumps({"model": "m1", **body}), headers)
        response = self._connection.getresponse()
        return response.status, response.read().decode()

    def hang_up(self, key: str) -> None:
        """Ask and leave."""
        headers = {"authorization": f"Bearer {key}"}
        self._connection.request("POST", CHAT, "{}", headers)
        self.close()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture
def client(provider: LoopbackProvider) -> Iterator[Client]:
    client = Client(provider)
    yield client
    client.close()


def test_a_limited_key_is_refused_and_every_other_one_answered(
    provider: LoopbackProvider, client: Client
) -> None:
    provider.limit(A, headers={"retry-after": "3600"})

    statuses = [client.post(key)[0] for key in (A, B, A)]

    assert statuses == [429, 200, 429]
    assert provider.keys == [A, B, A]


def test_a_limit_ends_after_its_times_or_when_it_is_lifted(
    provider: LoopbackProvider, client: Client
) -> None:
    provider.limit(A)
    provider.limit(A, status=503, times=1)

    statuses = [client.post(A)[0], client.post(A)[0]]
    provider.lift(A)

    assert [*statuses, client.post(A)[0]] == [503, 429, 200]


def test_a_title_takes_no_answer_of_the_script(provider: LoopbackProvider, client: Client) -> None:
    provider.script(streamed("first"), refusal(500))

    client.post(A, system="You are a title generator.")
    _, first = client.post(A)
    second, _ = client.post(A)

    assert '"first"' in first
    assert second == 500
    assert [request.is_title for request in provider.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("path", "end"),
    [
        pytest.param(CHAT, "data: [DONE]\n\n", id="chat completions"),
        pytest.param("/v1/responses", '"type":"response.completed"', id="responses"),
        pytest.param("/v1/messages", '"type":"message_stop"', id="messages"),
    ],
)
def test_a_stream_has_its_protocols_end_unless_it_failed(
    provider: LoopbackProvider, client: Client, path: str, end: str
) -> None:
    provider.script(streamed("whole"), streamed("half", StreamError("Rate limit reached")))

    _, whole = client.post(A, path)
    status, failed = client.post(A, path)

    assert end in whole
    assert status == 200
    assert "Rate limit reached" in failed
    assert end not in failed


def test_a_broken_stream_is_broken_for_the_client(
    provider: LoopbackProvider, client: Client
) -> None:
    provider.script(streamed("half", HangUp()))

    with pytest.raises(http.client.IncompleteRead):
        client.post(A)


def test_a_client_that_leaves_is_noticed_at_once(
    provider: LoopbackProvider, client: Client
) -> None:
    provider.answer(streamed("late", delay_seconds=60))

    client.hang_up(A)

    [request] = provider.wait_for(1)
    provider.settled(2)
    assert (request.client_left, request.sent_ns) == (True, None)


def test_the_provider_closes_while_it_is_still_answering(provider: LoopbackProvider) -> None:
    provider.answer(slow_text("one", "two", pause_seconds=60))
    client = Client(provider)
    client._connection.request("POST", CHAT, "{}")  # noqa: SLF001 -- its answer is not read
    provider.wait_for(1)

    provider.close()

    client.close()


def test_a_refresh_token_works_once(provider: LoopbackProvider, client: Client) -> None:
    provider.tokens.grant("REF-CANARY-A", Grant("ACC-CANARY-A2", "REF-CANARY-A2"))

    once = client.post("", "/oauth/token", refresh_token="REF-CANARY-A")
    again = client.post("", "/oauth/token", refresh_token="REF-CANARY-A")
    unknown = client.post("", "/oauth/token", refresh_token="REF-CANARY-Z")

    assert json.loads(once[1])["refresh_token"] == "REF-CANARY-A2"
    assert (again[0], "refresh_token_reused" in again[1]) == (401, True)
    assert (unknown[0], "invalid_grant" in unknown[1]) == (400, True)


def test_ciphertext_is_taken_from_the_account_that_made_it_only(
    provider: LoopbackProvider, client: Client
) -> None:
    provider.history.bind()
    path = "/backend-api/codex/responses"
    _, answer = client.post(A, path)
    [done] = [
        line for line in answer.splitlines() if "response.completed" in line and "data" in line
    ]
    items = json.loads(done.removeprefix("data: "))["response"]["output"]

    own = client.post(A, path, input=items)
    foreign = client.post(B, path, input=items)
    without = client.post(B, path, input=[i for i in items if i["type"] != "reasoning"])

    assert (own[0], foreign[0], without[0]) == (200, 400, 200)
    assert json.loads(foreign[1])["error"]["code"] == "invalid_encrypted_content"


def test_its_own_part_of_a_request_is_far_below_a_millisecond(
    provider: LoopbackProvider, client: Client
) -> None:
    for _ in range(200):
        client.post(A, messages="x" * 30_000)

    spent = [request.sent_ns - request.read_ns for request in provider.settled() if request.sent_ns]
    assert statistics.median(spent) < 500_000
