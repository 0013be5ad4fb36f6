"""A well-known login, whose token goes out under another provider's name (B5)."""

from __future__ import annotations

from typing import Any

from tests.e2e.scenes import install_bridge, kinds, log_in, states, stream_errors
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import Answer
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

FIRST, SECOND = "TOK-CANARY-A", "TOK-CANARY-B"
SAYS = (
    "the token of {address} goes out under other providers' names: only with the bridge is a limit"
    " of it seen, and a swapped one put into requests"
)
HOUR = {"retry-after": "3600"}


def token(text: str) -> dict[str, object]:
    """Return an entry of auth.json for a well-known token."""
    return {"type": "wellknown", "key": "CORP_TOKEN", "token": text}


def tell_of_itself(provider: LoopbackProvider) -> None:
    """Serve what opencode fetches from the address of a well-known login at its start."""
    corp: dict[str, Any] = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{provider.url}/v1", "apiKey": "{env:CORP_TOKEN}"},
        "models": {"m1": {}},
    }
    told = Answer(body={"config": {"provider": {"corp": corp}}})
    provider.answer(told, path="/.well-known/opencode")


def doctor(house: Household) -> list[str]:
    """Return what the doctor says of such tokens."""
    checks = rotator(house, "doctor", "--json").json()["checks"]
    return [one["says"] for one in checks if one["says"].startswith("the token of")]


def alias_of(provider: LoopbackProvider) -> str:
    """Return what the aliases of its logins begin with."""
    return provider.url.replace("://", "-").replace(":", "-")


def test_b5_with_the_bridge_a_limit_of_a_well_known_token_is_seen_and_another_takes_over(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    tell_of_itself(provider)
    provider.limit(FIRST, headers=HOUR)

    with watcher(house):
        log_in(house, provider.url, token(SECOND), token(FIRST))
        with serve(house) as server:
            session = server.create_session()
            said = server.prompt(session, "hi", model="corp/m1")
            failed_over, rested = list(provider.keys), states(house, provider.url)
            provider.begin_anew()
            tell_of_itself(provider)
            # By name, although it rests: the vendor answers it again.
            rotator(house, "rotate", provider.url, f"{alias_of(provider)}-2")
            server.prompt(session, "and now", model="corp/m1")
            by_hand = set(provider.keys)
            remarks = doctor(house)

    assert said == "Hello from the loopback provider."
    assert failed_over[-1] == SECOND
    assert kinds(house).count("failover") == 1
    assert rested == ["ready", "cooling"]
    assert by_hand == {FIRST}
    assert remarks == [SAYS.format(address=provider.url)]


def test_b5_without_the_bridge_no_limit_of_it_is_seen_and_the_doctor_says_so(
    house: Household, provider: LoopbackProvider
) -> None:
    tell_of_itself(provider)
    provider.limit(FIRST, headers={"retry-after-ms": "300"})

    with watcher(house):
        log_in(house, provider.url, token(SECOND), token(FIRST))
        with serve(house) as server:
            session = server.create_session()
            server.prompt_async(session, "hi", model="corp/m1")
            wait_until(lambda: len(stream_errors(house)) >= 2, 60, "two refusals in the log")
            server.abort(session)
            remarks = doctor(house)

    assert states(house, provider.url) == ["ready", "ready"]
    assert set(provider.keys) == {FIRST}
    assert remarks == [SAYS.format(address=provider.url)]
