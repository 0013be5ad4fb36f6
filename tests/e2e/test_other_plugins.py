"""Other people's plug-ins beside the bridge in the real opencode, and SDKs that sign.

Opencode starts the files of its plug-in folder in no order, so theirs are there twice: one of a
name before ours, one of a name behind it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run, serve
from tests.support.other_plugins import KEPT_AT_IMPORT, OUTERMOST, POOL, plugin
from tests.support.rotator_process import watcher

HOUR = {"retry-after": "3600"}
POOLED = "POOL-CANARY"
SOURCES = {name: OUTERMOST[name] for name in OUTERMOST if name != "asks something first"}


def install(house: Household, *sources: str) -> None:
    """Put other people's plug-ins before and behind the bridge."""
    install_bridge(house)
    for number, source in enumerate(sources):
        for place in ("aaa", "zzz"):
            plugin(house.config_folder / "plugin", source, f"{place}-{number}-canary.js")


def marks(provider: LoopbackProvider) -> list[str]:
    """Return the headers of ours that reached the provider."""
    return [name for r in provider.requests for name in r.headers if "rotator" in name]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_failover_works_and_no_mark_leaves_beside_another_plug_in(
    house: Household, provider: LoopbackProvider, source: str
) -> None:
    """B3."""
    install(house, source)
    provider.limit(A, headers=HOUR, times=1)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        ran = run(house, "hi")

    assert ran.code == 0, ran.stderr
    assert (provider.keys, marks(provider)) == ([A, B], [])


def test_a_plug_ins_own_keys_rest_no_login_of_ours(
    house: Household, provider: LoopbackProvider
) -> None:
    """B2."""
    install(house, POOL)
    provider.limit(POOLED, headers={"retry-after-ms": "50"}, times=2)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            said = server.prompt(server.create_session(), "hi")
        assert states(house) == ["ready", "ready"]

    assert (said, set(provider.keys)) == ("Hello from the loopback provider.", {POOLED})
    assert of_kind(house, "failover") == []
    assert marks(provider) == []


def test_a_fetch_that_a_login_loader_kept_takes_nothing_of_ours_along(
    house: Household, provider: LoopbackProvider
) -> None:
    """B9."""
    loader = """
    const kept = globalThis.fetch;
    export const Loader = async () => ({
      auth: {
        provider: "mock",
        methods: [],
        loader: async () => ({ fetch: (input, init) => kept(input, init) }),
      },
    });
    """
    install(house, KEPT_AT_IMPORT)
    # Opencode imports what its configuration names before the files of its plug-in folder.
    file = Path(plugin(house.config_folder, loader, "loader-canary.js"))
    house.configure(provider.url, plugin=[file.as_uri()])
    house.write_auth({"mock": api(A)})

    with serve(house) as server:
        session = server.create_session()
        server.prompt(session, "hi")
        house.write_auth({"mock": api(B)})
        server.prompt(session, "hi")

    # Had our fetch seen the second one, it would carry the new key.
    assert (provider.keys, marks(provider)) == ([A, A], [])
