"""Amazon Bedrock's SDK signs what it sends; with the bridge the same arrives as without it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.e2e.scenes import A, api, install_bridge
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run
from tests.support.provider_answers import refusal
from tests.support.provider_request import Request
from tests.support.sigv4 import is_signed_with

SECRET = "AWS-CANARY-SECRET"
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": "us-east-1",
}
PROVIDER, MODEL = "amazon-bedrock", "anthropic.claude-sonnet"
# What changes from one run to the next, with the signature over it.
OF_THE_RUN = {"authorization", "x-amz-date", "x-session-affinity", "x-session-id"}


@pytest.fixture
def house(house: Household, provider: LoopbackProvider) -> Household:
    """Return a household whose opencode asks Bedrock with a key of the environment."""
    models = json.loads(house.models_file.read_text())
    model = models["openai"]["models"]["gpt-5.5"] | {"id": MODEL, "name": MODEL}
    models[PROVIDER] = {"id": PROVIDER, "name": PROVIDER, "npm": "@ai-sdk/amazon-bedrock"}
    models[PROVIDER] |= {"env": list(AWS), "models": {MODEL: model}}
    house.models_file.write_text(json.dumps(models))
    config = house.config_folder / "opencode.json"
    value = json.loads(config.read_text())
    value["provider"][PROVIDER] = {"options": {"region": "us-east-1", "endpoint": provider.url}}
    config.write_text(json.dumps(value))
    # Opencode ends a turn at that, and so shows what it has sent and no more.
    provider.answer(refusal(400, "No."), path="/converse-stream")
    # What opencode asks for wherever a well-known login leads to.
    provider.answer(refusal(200, {"config": {}}), path="/.well-known/opencode")
    return house


def ask(house: Household, provider: LoopbackProvider) -> Request:
    """Return the turn's request of one `opencode run`; each has to be signed as it arrived."""
    before = len(provider.requests)
    run(house, "hi", "--model", f"{PROVIDER}/{MODEL}", seconds=90, **AWS)
    asked = [r for r in provider.requests[before:] if r.path.endswith("/converse-stream")]
    for request in asked:
        arrived = (request.method, request.path, request.headers)
        assert is_signed_with(SECRET, *arrived, request.raw_body)
        assert not is_signed_with(SECRET, *arrived, b"another body")
    (turn,) = (request for request in asked if not request.is_title)
    return turn


def lasting(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in OF_THE_RUN}


@pytest.mark.parametrize(
    "logins",
    [
        pytest.param({}, id="nobody logged in"),
        pytest.param({"mock": api(A)}, id="another provider's login"),
        pytest.param(
            {"URL": {"type": "wellknown", "key": "EXAMPLE", "token": A}},
            id="a well-known login, whose token may go anywhere",
        ),
    ],
)
def test_a_signed_request_arrives_as_it_does_without_the_bridge(
    house: Household, provider: LoopbackProvider, logins: Mapping[str, object]
) -> None:
    """B8."""
    house.write_auth({"mock": api(A)})
    before = ask(house, provider)
    install_bridge(house)
    house.write_auth({provider.url if of == "URL" else of: one for of, one in logins.items()})

    after = ask(house, provider)

    assert lasting(before.headers) == lasting(after.headers)
    assert set(before.headers) == set(after.headers)
    assert before.raw_body == after.raw_body
