"""gitlab's SDK buys a token with the login of auth.json: what becomes of that blames the login."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

MODEL = "duo-chat-haiku-4-5"
NO_CREDITS = {
    "error": "insufficient_credits",
    "error_code": "USAGE_QUOTA_EXCEEDED",
    "message": "Consumer does not have sufficient credits for this request. Usage quota exceeded",
}


def offer_gitlab(models_file: Path) -> None:
    """Let opencode's list of models have gitlab's provider."""
    models = json.loads(models_file.read_text())
    model = models["anthropic"]["models"]["claude-haiku-4-5"] | {"id": MODEL, "name": "duo"}
    block = {"id": "gitlab", "name": "GitLab", "npm": "gitlab-ai-provider", "env": ["GITLAB_TOKEN"]}
    models["gitlab"] = block | {"models": {MODEL: model}}
    models_file.write_text(json.dumps(models))


@pytest.mark.parametrize("refused", ["the token", "the login"])
def test_b10_a_login_that_buys_tokens_fails_over_and_opencode_has_to_be_restarted(
    house: Household, provider: LoopbackProvider, refused: str
) -> None:
    install_bridge(house)
    offer_gitlab(house.models_file)

    def sell(request: Request) -> Answer:
        if refused == "the login" and request.credential == A:
            return refusal(402, NO_CREDITS)
        return Answer(body={"headers": {}, "token": f"GW-{request.credential}", "expires_in": 3600})

    provider.answer(sell, path="/direct_access")
    provider.limit(f"GW-{A}", headers={"retry-after": "3600"})
    place: dict[str, object] = {
        "metadata": {"instanceUrl": provider.url}
    }  # as opencode's loader writes it

    with watcher(house):
        log_in(house, "gitlab", {**api(B), **place}, {**api(A), **place})
        environment = {"GITLAB_INSTANCE_URL": provider.url, "GITLAB_AI_GATEWAY_URL": provider.url}
        with serve(house, **environment) as server:
            server.prompt_async(server.create_session(), "hi", model=f"gitlab/{MODEL}")
            wait_until(lambda: of_kind(house, "failover"), 40, "the failover")
            first, second = states(house, "gitlab")
            told = rotator(house, "rotate", "gitlab", "gitlab-2").stdout

    assert of_kind(house, "failover")[0]["to"] == "gitlab-1"
    assert first == "ready"
    assert second in {"cooling", "exhausted"}
    assert not [one for one in of_kind(house, "problem") if "nobody is blamed" in one["why"]]
    assert "a token that the login of its start buys" in told
