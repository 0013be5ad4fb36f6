"""Our process is killed at every step that it takes with the running, real 2.0.15.

Without a server, at every step: tests/integration/scenarios/test_killed_between_homes.py.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.scenes import A, B, api
from tests.support import served_home
from tests.support.household import Household
from tests.support.killed_child import KILLED, child
from tests.support.live import oauth, open_live
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, database, end_services, serve2
from tests.support.opencode2_table import Table
from tests.support.two_homes import row

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
PARKED = "KEY-CANARY-parked"
MODEL = "mock/m1"
FEWEST = 5
FOREVER = 1_000_000


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


@dataclass
class Scene:
    """A server with the keys a and b, the active one, that the store knows; ada in both homes."""

    house: Household
    server: Server2
    generation: int = 1

    @property
    def table(self) -> Table:
        return Table(database(self.house))

    def rows(self) -> dict[str, tuple[str, int | None]]:
        """Return label, and whether it is active, of each row of the keys; the table is sound."""
        with contextlib.closing(sqlite3.connect(database(self.house))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = connection.execute(
                "SELECT id, label, active FROM credential WHERE integration_id = 'mock'"
            ).fetchall()
        return {slot: (label, active) for slot, label, active in found}

    def slot(self, label: str) -> str:
        return next(slot for slot, (name, _) in self.rows().items() if name == label)

    def used(self) -> str:
        """Return the label of the one row that is active."""
        (label,) = [label for label, active in self.rows().values() if active]
        return label

    def back(self) -> None:
        """Let the user log out of what was put in, and use b again."""
        for slot, (label, _) in self.rows().items():
            if label == "parked":
                self.server.remove(slot)
        self.server.activate(self.slot("b"))

    def refresh_in_auth_json(self) -> None:
        """Let an opencode 1 get newer tokens of ada's."""
        self.generation += 1
        self.house.write_auth({"named": oauth("ada", self.generation)})

    def ada(self) -> int:
        """Return the generation that ada's row holds, which is whole."""
        (value,) = [v for v in self.table.values().values() if v["type"] == "oauth"]
        generation = int(str(value["refresh"]).rpartition("-")[2])
        assert value == {**row(oauth("ada", generation)), "unknown": 1}
        return generation


@pytest.fixture
def scene(house: Household) -> Iterator[Scene]:
    with serve2(house) as server:
        server.connections("mock")
        for key, label in ((A, "a"), (B, "b")):
            server.add_key("mock", key, label)
        found = Scene(house, server)
        house.write_auth({"named": oauth("ada")})
        found.table.log_in("named", {**row(oauth("ada")), "unknown": 1})
        with open_live(house.home) as live:
            served_home.update(live)
            served_home.park(live, dict(api(PARKED)))
        yield found


def dies_often(
    scene: Scene, what: str, before: Callable[[], None], holds: Callable[[], bool]
) -> None:
    """Kill what does it at many steps: what must hold then does, and the next one ends it."""
    with child(scene.house.home, what, served_home) as played:
        before()
        steps = len(played.changes())
        assert steps > FEWEST
        codes = []
        for step in range(1, steps + 1):
            before()

            codes.append(played.die_at(step))

            # How many steps there are is the server's matter, too.
            assert codes[-1] in (KILLED, 0), f"{what}, killed at step {step}: it failed"
            assert holds(), f"{what}, killed at step {step} of {steps}"
            assert played.die_at(FOREVER) == 0
    assert codes.count(KILLED) > FEWEST


def test_a_switch_by_the_server_is_done_or_not_and_the_next_one_ends_it(
    scene: Scene, provider: LoopbackProvider
) -> None:
    rows = set(scene.rows())

    dies_often(scene, "activate", scene.back, lambda: scene.used() in {"a", "b"})

    assert set(scene.rows()) == rows
    assert scene.used() == scene.server.connections("mock")[0]["label"] == "a"
    scene.server.prompt(scene.server.create_session(MODEL), "hi")
    assert provider.keys == [A]


def test_a_login_that_is_put_in_stands_there_once(scene: Scene, provider: LoopbackProvider) -> None:
    def holds() -> bool:
        labels = sorted(label for label, _ in scene.rows().values())
        return labels in (["a", "b"], ["a", "b", "parked"]) and scene.used() in {"b", "parked"}

    dies_often(scene, "put", scene.back, holds)

    assert sorted(label for label, _ in scene.rows().values()) == ["a", "b", "parked"]
    assert scene.used() == scene.server.connections("mock")[0]["label"] == "parked"
    scene.server.prompt(scene.server.create_session(MODEL), "hi")
    assert provider.keys == [PARKED]


def test_newer_tokens_in_a_row_are_whole_or_not_there(scene: Scene) -> None:
    def holds() -> bool:
        return scene.ada() in {scene.generation - 1, scene.generation}

    dies_often(scene, "update", scene.refresh_in_auth_json, holds)

    assert scene.ada() == scene.generation
    assert json.loads(scene.house.auth_file.read_bytes())["named"] == oauth("ada", scene.generation)
