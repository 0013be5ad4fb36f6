"""Providers that sign what they send: the bridge beside them changes not one byte of it.

Case B8. The vendors verify as the real ones do, so what is added or taken off is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.scenes import api, install_bridge, log_in, of, of_kind, states, wait_for_accounts
from tests.support.household import Household
from tests.support.loopback_http import Received
from tests.support.opencode_process import Ran, run, serve
from tests.support.rotator_process import watcher
from tests.support.signature_v4 import fault_of
from tests.support.signing_vendors import (
    AWS,
    MODEL,
    SIGNER_KEY,
    SigningVendor,
    as_signed,
    ask_bedrock,
    ask_signer,
    bedrock,
    signer,
)

pytestmark = pytest.mark.e2e

BEDROCK = "amazon-bedrock"
X, Y = "BEDROCK-CANARY-X", "BEDROCK-CANARY-Y"
HELLO = "Hello from Bedrock."


@pytest.fixture
def amazon(house: Household) -> Iterator[SigningVendor]:
    """Return Bedrock, which opencode asks with the credentials of its environment."""
    with bedrock(X, Y) as vendor:
        ask_bedrock(house, vendor)
        yield vendor


def ask(house: Household, credentials: Mapping[str, str]) -> Ran:
    """Let opencode answer one message, with credentials in its environment."""
    return run(house, "hi", seconds=90, **credentials)


def bytes_of(requests: list[Received]) -> set[tuple[str, ...]]:
    """Return what was sent, but for times and ids."""
    return {as_signed(request) for request in requests}


def test_the_vendor_refuses_a_header_more_a_header_less_and_another_body(
    house: Household, amazon: SigningVendor
) -> None:
    ask(house, AWS)

    sent = amazon.requests[0]
    key, secret = AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"]
    fewer = {name: value for name, value in sent.headers.items() if name != "x-session-id"}
    changed = [
        Received(sent.method, sent.target, fewer, sent.body, 0),
        Received(sent.method, sent.target, sent.headers, sent.body + b" ", 0),
        Received(sent.method, sent.target + "?a=b", sent.headers, sent.body, 0),
        Received("PUT", sent.target, sent.headers, sent.body, 0),
    ]
    assert fault_of(sent, key, secret) is None
    assert [fault_of(one, key, secret) is None for one in changed] == [False] * 4


def test_bedrock_gets_the_same_bytes_with_the_bridge_as_without(
    house: Household, amazon: SigningVendor
) -> None:
    """Case B8."""
    ask(house, AWS)
    without = list(amazon.requests)
    install_bridge(house)

    ended = ask(house, AWS)

    assert (ended.code, ended.stdout, amazon.faults) == (0, f"{HELLO}\n", [])
    assert len(without) == len(amazon.requests) - len(without) == 2
    assert bytes_of(amazon.requests[2:]) == bytes_of(without)


def test_signed_requests_stay_as_they_are_after_a_login_of_bedrock_and_blame_nobody(
    house: Household, amazon: SigningVendor
) -> None:
    """Case B8: opencode signs on with what it found at its start."""
    install_bridge(house)
    with watcher(house), serve(house, **AWS) as server:
        session = server.create_session()
        server.prompt(session, "hi", model=MODEL)
        log_in(house, BEDROCK, api(Y), api(X))
        amazon.limit(None, times=1)

        said = server.prompt(server.create_session(), "hi", model=MODEL)

        # What the log says of it has been read by the time that another login is captured.
        house.write_auth({**house.read_auth(), "mock": api("KEY-CANARY-other")})
        wait_for_accounts(house, "mock", 1)

    assert (said, amazon.faults, set(amazon.keys)) == (HELLO, [], {None})
    before, limited, again = [one for one in amazon.requests if b"title gen" not in one.body]
    assert bytes_of([limited]) == bytes_of([again])
    assert names(limited) == names(before)
    assert states(house, BEDROCK) == ["ready", "ready"]
    assert of_kind(house, "limited") == of_kind(house, "failover") == []


def test_a_key_of_bedrock_in_auth_json_fails_over_beside_credentials_in_the_environment(
    house: Household, amazon: SigningVendor
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in(house, BEDROCK, api(Y), api(X))
        amazon.limit(X, times=1)

        ended = ask(house, AWS)

    assert (ended.stdout, amazon.keys, amazon.faults) == (f"{HELLO}\n", [X, Y], [])
    assert {account["active"]: account["state"] for account in of(house, BEDROCK)} == {
        True: "ready",
        False: "cooling",
    }


@pytest.mark.parametrize("logged_in", [False, True], ids=["nobody logged in", "a login"])
def test_a_plugin_that_signs_every_header_is_let_alone(
    house: Household, *, logged_in: bool
) -> None:
    with signer() as vendor:
        ask_signer(house, vendor)
        if logged_in:
            house.write_auth({"signer": api("KEY-CANARY-signer")})
        ask(house, SIGNER_KEY)
        without = list(vendor.requests)
        install_bridge(house)

        ended = ask(house, SIGNER_KEY)

        assert (ended.stdout, vendor.faults) == ("Hello, signed.\n", [])
        assert len(without) == len(vendor.requests) - len(without) == 2
        assert bytes_of(vendor.requests[2:]) == bytes_of(without)


def names(request: Received) -> list[str]:
    """Return the names of the headers as they were written, in their order."""
    return [line.partition(":")[0] for line in request.head_lines[1:]]
