"""A login's loader whose fetch we never see, or see without its context, in the real opencode.

The loader keeps a fetch that is not the bridge's (`Bun.fetch`), and somebody's plug-in asks the
same vendor with the same login beside the turn: nothing of ours may reach the vendor, in whichever
turn.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.other_plugins import plugin
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

TURNS = 3
HELLO = "Hello from the loopback provider."
KEEPS = """
const kept = Bun.fetch;
export const Loader = async () => ({
  auth: { provider: "mock", methods: [],
    loader: async () => ({ fetch: (input, init) => kept(input, init) }) },
});
"""
# Sends what it is given from a queue of its own, as one does that keeps a pace.
QUEUES = """
import { AsyncResource } from "node:async_hooks";
const queue = new AsyncResource("queue");
export const Loader = async () => ({
  auth: { provider: "mock", methods: [],
    loader: async () => ({
      fetch: (input, init) => queue.runInAsyncScope(() => fetch(input, init)),
    }) },
});
"""
BESIDE = """
import { readFileSync } from "node:fs";
const auth = process.env.HOME + "/.local/share/opencode/auth.json";
const ask = (more) => {
  const key = JSON.parse(readFileSync(auth, "utf8")).mock.key;
  return fetch("URL/v1/chat/completions?from=FROM", {
    method: "POST",
    headers: { authorization: "Bearer " + key, "content-type": "application/json", ...more },
    body: JSON.stringify({ model: "m1", messages: [{ role: "user", content: "Name this" }] }),
  }).then((answer) => answer.text(), () => {});
};
const named = ({ sessionID: id }) => ({ "x-session-affinity": id, "x-session-id": id });
const sdk = { "user-agent": "opencode/1.18.33 ai-sdk/provider-utils/4.0.23" };
export const Beside = async () => ({ HOOK });
"""
HOOKS = {
    "from a timer": '"chat.params": async () => { setTimeout(() => ask({}), 5) }',
    "naming the session": '"chat.params": async (input) => { await ask(named(input)) }',
    "from a message, as an SDK": (
        '"chat.message": async (input) => { setTimeout(() => ask({ ...named(input), ...sdk }), 5) }'
    ),
    "from an event, as an SDK": (
        "event: async ({ event: { properties: one } }) => {"
        " if (one?.status?.type === 'busy') await ask({ ...named(one), ...sdk }) }"
    ),
}


def install(house: Household, provider: LoopbackProvider, loader: str) -> None:
    """Put the loader beside the bridge; opencode may import either first."""
    install_bridge(house)
    file = Path(plugin(house.config_folder, loader, "loader-canary.js"))
    house.configure(provider.url, plugin=[file.as_uri()])


def ours(provider: LoopbackProvider) -> list[str]:
    """Return the headers of which only we could be the author."""
    return [name for one in provider.requests for name in one.headers if "rotator" in name]


@pytest.mark.timeout(60)
def test_nothing_of_ours_leaves_by_a_kept_fetch_whoever_asks_with_the_login_beside_it(
    house: Household, provider: LoopbackProvider
) -> None:
    """Cases B3 and B9."""
    install(house, provider, KEEPS)
    for number, hook in enumerate(HOOKS.values()):
        source = BESIDE.replace("URL", provider.url).replace("FROM", f"hook{number}")
        name = f"zzz-beside-canary-{number}.js"
        plugin(house.config_folder / "plugin", source.replace("HOOK", hook), name)
    house.write_auth({"mock": api(A)})

    def asked(number: int) -> int:
        return len([one for one in provider.requests if f"hook{number}" in str(one.query)])

    with serve(house) as server:
        session = server.create_session()
        said = [server.prompt(session, "hi") for _ in range(TURNS)]
        # Some ask a moment after the turn.
        wait_until(
            lambda: all(asked(number) >= TURNS for number in range(len(HOOKS))),
            10,
            lambda: f"each of {list(HOOKS)}: {[asked(number) for number in range(len(HOOKS))]}",
        )

    assert said == [HELLO] * TURNS
    assert ours(provider) == []


@pytest.mark.timeout(60)
def test_a_loader_that_loses_the_context_in_a_queue_of_its_own_fails_over(
    house: Household, provider: LoopbackProvider
) -> None:
    install(house, provider, QUEUES)
    provider.limit(A, headers={"retry-after": "3600"}, times=1)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            said = server.prompt(server.create_session(), "hi")

    assert said == HELLO
    assert provider.keys[:1] + provider.keys[-1:] == [A, B]
    assert len(of_kind(house, "failover")) == 1
    assert ours(provider) == []
