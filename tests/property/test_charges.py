"""Hours of several opencodes without the bridge: nobody is blamed for another one's request."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rotator.context import Context
from rotator.core.selection.failover import account_of
from rotator.model import Signal, Slot, Source, State
from rotator.opencode.run_lines import runs_in
from rotator.services.failure_times import Surroundings, attribution_time
from rotator.system.paths import find_paths
from tests.support.builders import an_account, oauth
from tests.support.charged_world import HEARD_SECONDS, ChargedWorld

HOURS = 2000


def charged(world: ChargedWorld, state: State, home: Path) -> str:
    """Return the alias of whom the line blames, or nobody."""
    paths = find_paths({"HOME": str(home)})
    paths.opencode_logs.mkdir(parents=True, exist_ok=True)
    (paths.opencode_logs / "opencode.log").write_text(world.log)
    failure = world.failure
    store = SimpleNamespace(state=lambda: state)
    heard_at = failure.at + timedelta(seconds=HEARD_SECONDS)
    context = cast("Context", SimpleNamespace(store=store, paths=paths, clock=lambda: heard_at))
    runs = runs_in(paths.opencode_logs)
    time = attribution_time(context, [], failure, runs, Surroundings(world.running, world.beside))
    if time is None:
        return "nobody"
    signal = Signal("s", time, "acme", Source.LOG, None, error="limited")
    account = account_of(state, signal, heard_at)
    return account.alias if account else "nobody"


@pytest.mark.parametrize("kind", ["key", "login"])
def test_b_in_any_hour_a_failure_blames_whose_request_it_was_or_nobody(
    kind: str, home: Path
) -> None:
    found: Counter[str] = Counter()
    for seed in range(HOURS):
        world = ChargedWorld(random.Random(seed))  # noqa: S311  # the same hours in every build
        world.live_through()
        accounts = [an_account(name, oauth(name) if kind == "login" else None) for name in "abc"]
        state = State(tuple(accounts), {"acme": Slot("acme", tenures=world.tenures)})
        was = world.key() if kind == "key" else world.login()

        said = charged(world, state, home)

        found[said if said == "nobody" else "right"] += 1
        assert said in {was, "nobody"}, seed

    # Else it would be no use to read the log at all.
    assert found["right"] > HOURS / 5
