"""Healthy logins never rest for what another plug-in did with their request, with the bridge (B2).

None of these hands a request through a fetch of ours: where an answer came from, an error without
one, and what the opencode loads are all that tells. One that only hands on fails over (B3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rival_plugin import POOL_KEY, Order, place
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

SECONDS = 120.0
LIMITED = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
# `send` is a fetch that nobody can replace.
_FETCH = """
const send = Bun.fetch
globalThis.fetch = async (input, init) => {
  if (!String(input?.url ?? input).endsWith("/chat/completions")) return send(input, init)
  BODY
}
MORE
"""
_PLUGIN = "export const Other = async () => ({})"
MAPPED = """
  const text = JSON.stringify(Object.fromEntries(new Headers(init.headers)))
  return send(input, { ...init, headers: JSON.parse(text.replace(/KEY-[\\w-]+/, "POOL")) })
""".replace("POOL", POOL_KEY)
HOOKED = "return send(input, globalThis.beforeSending?.(init) ?? init)"
USES_HOOK = """
globalThis.beforeSending = (init) => {
  const headers = new Headers(init.headers)
  headers.set("authorization", "Bearer POOL")
  return { ...init, headers }
}
export const Second = async () => ({})
""".replace("POOL", POOL_KEY)
BY_TEXT = "(by its text) may have sent a request that failed with a key of its own"
ELSEWHERE = "a request failed that another plug-in sent to a place of its own"
# What somebody's fetch does with a model's request, and what is told of it.
DOES: Mapping[str, tuple[str, str]] = {
    "maps the headers": (MAPPED, BY_TEXT),
    "lets another plug-in change them": (HOOKED, BY_TEXT),
    "asks a gateway of its own": (
        'return send(String(input).replace("/v1/chat/completions", "/gateway/ask"), init)',
        ELSEWHERE,
    ),
    "has a key in the address": (
        f'return send(input + "?key=" + ["{POOL_KEY}"][0], init)',
        "a request failed with a key that auth.json did not give",
    ),
    "says by itself that it is limited": (
        'throw Object.assign(new Error("429 Too Many Requests: rate limited"), { status: 429 })',
        "another plug-in let a request fail, and no answer of a vendor was seen",
    ),
}


_SDK = """
import fs from "node:fs"
fs.writeFileSync(LOADED, "")
export const createZeta = () => ({ languageModel: () => { throw new Error("no model") } })
"""


def loaded(house: Household) -> Path:
    """Return the file that is there once the SDK was loaded."""
    return house.home / "sdk-is-loaded"


def refuse_the_pool(request: Request) -> Answer | None:
    """Refuse whatever is not the login's own request to its vendor."""
    is_own = request.credential in {A, B} and not request.query
    if is_own and not request.path.startswith("/gateway/"):
        return None
    return refusal(429, LIMITED, {"retry-after": "3600"})


def install(house: Household, does: str, kind: str) -> None:
    """Put it where the kind has it: a plug-in's file, or the SDK of another provider."""
    source = _FETCH.replace("BODY", does)
    if kind == "plug-in":
        place(house, "other-canary.js", source.replace("MORE", _PLUGIN), Order.BEFORE)
        if does == HOOKED:
            place(house, "second-canary.js", USES_HOOK, Order.AFTER)
        return
    path = house.home / "sdk-canary.mjs"
    path.write_text(source.replace("MORE", _SDK.replace("LOADED", json.dumps(str(loaded(house))))))
    config_file = house.config_folder / "opencode.json"
    config = json.loads(config_file.read_text())
    config["provider"]["zeta"] = {"npm": path.as_uri(), "options": {}, "models": {"m1": {}}}
    config_file.write_text(json.dumps(config))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    ("what", "kind"),
    [*((what, "plug-in") for what in DOES), ("maps the headers", "SDK")],
    ids=lambda value: value,
)
def test_b2_nobody_rests_for_what_another_s_fetch_did(
    house: Household, provider: LoopbackProvider, what: str, kind: str
) -> None:
    does, told = DOES[what]
    install(house, does, kind)
    install_bridge(house)
    provider.answer(refuse_the_pool, path="")

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            if kind == "SDK":
                # It is loaded with the first request of its provider, which fails.
                server.prompt_async(server.create_session(), "hi", model="zeta/m1")
                wait_until(loaded(house).exists, SECONDS, "the SDK to be loaded")
            server.prompt_async(server.create_session(), "hi")
            wait_until(lambda: of_kind(house, "problem"), SECONDS, "a word about it")
        left = (states(house), house.read_auth()["mock"])
        says = {event["why"] for event in of_kind(house, "problem")}

    assert left == (["ready", "ready"], api(A))
    assert [why for why in says if told not in why] == []
