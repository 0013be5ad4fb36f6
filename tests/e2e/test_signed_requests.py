"""Providers that sign what they send: the bridge beside them changes not one byte of it.

Case B8. The vendors verify as the real ones do, so what is added or taken off is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.scenes import api, install_bridge, log_in, of, of_kind, states, wait_for_accounts
from tests.support.household import Household
from tests.support.loopback_http import Received
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import rotator, watcher
from tests.support.signature_v4 import fault_of
from tests.support.signing_vendors import (
    AWS,
    MODEL,
    SIGNER,
    SIGNER_KEY,
    SigningVendor,
    as_signed,
    ask_bedrock,
    ask_signer,
    bedrock,
    signer,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

BEDROCK = "amazon-bedrock"
X, Y, Z = "BEDROCK-CANARY-X", "BEDROCK-CANARY-Y", "BEDROCK-CANARY-Z"
HELLOS = ["Hello from Bedrock.", "Hello, signed."]
Bytes = set[tuple[str, ...]]


@pytest.fixture
def amazon(house: Household) -> Iterator[SigningVendor]:
    """Return Bedrock, which opencode asks with the credentials of its environment."""
    with bedrock(X, Y) as vendor:
        ask_bedrock(house, vendor)
        yield vendor


@pytest.fixture
def other(house: Household) -> Iterator[SigningVendor]:
    """Return a vendor beside Bedrock whose plug-in signs every header."""
    with signer() as vendor:
        ask_signer(house, vendor)
        yield vendor


def ask(server: Server, vendors: Mapping[str, SigningVendor]) -> tuple[list[str], list[Bytes]]:
    """Let each answer a new session's message; return that, and what was sent but for times."""
    said, sent = [], []
    for model, vendor in vendors.items():
        before = len(vendor.requests)
        said.append(server.prompt(server.create_session(), "hi", model=model))
        server.wait_idle()
        sent.append({as_signed(one) for one in vendor.requests[before:] if is_turn(one)})
    return said, sent


def is_turn(request: Received) -> bool:
    """Tell whether the request is no title's, which nobody waits for."""
    return b"title gen" not in request.body


def test_signed_requests_arrive_as_they_do_without_the_bridge_and_blame_nobody(
    house: Household, amazon: SigningVendor, other: SigningVendor, provider: LoopbackProvider
) -> None:
    """Case B8: with no login, with a login of theirs, and with a well-known one."""
    vendors = {MODEL: amazon, SIGNER: other}
    environment = AWS | SIGNER_KEY
    # What opencode asks for wherever a well-known login leads to.
    provider.answer(refusal(200, {"config": {}}), path="/.well-known/opencode")
    with serve(house, **environment) as server:
        without = ask(server, vendors)
    install_bridge(house)

    with watcher(house):
        with serve(house, **environment) as server:
            beside = [ask(server, vendors)]
            log_in(house, BEDROCK, api(Y), api(X))
            logins = house.read_auth() | {"signer": api("KEY-CANARY-signer")}
            token = {"type": "wellknown", "key": "EXAMPLE", "token": "TOKEN-CANARY"}
            house.write_auth(logins | {provider.url: token})
            beside.append(ask(server, vendors))
            amazon.limit(None, times=1)
            beside.append(ask(server, vendors))
        # What the log says of it has been read by the time that another login is captured.
        house.write_auth(house.read_auth() | {"mock": api("KEY-CANARY-other")})
        wait_for_accounts(house, "mock", 1)

    assert without[0] == HELLOS
    assert beside == [without] * 3
    # A vendor that refuses nothing would show nothing.
    refused = [fault is not None for fault in faults(amazon.requests[0])]
    assert refused == [False, True, True, True, True]
    assert (amazon.faults, other.faults, set(amazon.keys)) == ([], [], {None})
    assert states(house, BEDROCK) == ["ready", "ready"]
    assert of_kind(house, "limited") == of_kind(house, "failover") == []


def test_a_key_of_bedrock_in_auth_json_fails_over_beside_credentials_in_the_environment(
    house: Household, amazon: SigningVendor
) -> None:
    install_bridge(house)
    with watcher(house):
        log_in(house, BEDROCK, api(Y), api(X))
        amazon.limit(X, times=1)
        with serve(house, **AWS) as server:
            said = server.prompt(server.create_session(), "hi", model=MODEL)

    assert (said, amazon.keys, amazon.faults) == (HELLOS[0], [X, Y], [])
    assert {account["active"]: account["state"] for account in of(house, BEDROCK)} == {
        True: "ready",
        False: "cooling",
    }


@pytest.mark.parametrize(
    "more", [{}, {"AWS_BEARER_TOKEN_BEDROCK": Z}], ids=["access keys", "another bearer token"]
)
def test_without_the_bridge_a_key_of_bedrock_in_auth_json_is_blamed_beside_the_environment(
    house: Household, amazon: SigningVendor, more: dict[str, str]
) -> None:
    """B1: it goes before every variable."""
    with watcher(house):
        log_in(house, BEDROCK, api(Y), api(X))
        amazon.limit(X, times=1)
        with serve(house, **AWS, **more) as server:
            server.prompt_async(server.create_session(), "hi", model=MODEL)
            wait_until(lambda: "cooling" in states(house, BEDROCK), 30, "the key to be blamed")
            told = rotator(house, "rotate", BEDROCK, f"{BEDROCK}-2").stdout

    assert (set(amazon.keys), amazon.faults) == ({X}, [])
    # Whoever rotates by name lifts what rested it.
    assert states(house, BEDROCK) == ["ready", "ready"]
    words = [told, *(one["why"] for one in of_kind(house, "problem"))]
    assert not [one for one in words if "a key of its own" in one]


def faults(sent: Received) -> list[str | None]:
    """Return what is wrong with a request as it came, and changed in four ways."""
    key, secret = AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"]
    fewer = {name: value for name, value in sent.headers.items() if name != "x-session-id"}
    changed = [
        sent,
        Received(sent.method, sent.target, fewer, sent.body, 0),
        Received(sent.method, sent.target, sent.headers, sent.body + b" ", 0),
        Received(sent.method, sent.target + "?a=b", sent.headers, sent.body, 0),
        Received("PUT", sent.target, sent.headers, sent.body, 0),
    ]
    return [fault_of(one, key, secret) for one in changed]
