"""A process killed before each of its steps that touch the disk: nothing is lost, the next works.

What it does are the scenes of tests/support/interrupted.py, from the start of a process to its end;
tests/support/killed_child.py says which steps there are.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import interrupted
from tests.support.household import Household
from tests.support.interrupted import (
    REFRESH,
    SCENES,
    Scene,
    copy_home,
    furnish,
    memory_folder,
    opened,
    require_done,
    require_nobody_lost,
    require_one_truth,
    require_whole,
    vendor_of,
)
from tests.support.killed_child import KILLED, child, deaths
from tests.support.rotator_process import accounts

# A scene is gone through once for each of its steps, however busy the machine is.
pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

FEWEST_STEPS, MOST_STEPS, FEWEST_CHANGES = 15, 800, 5


def check(home: Path, scene: Scene, where: str) -> bool:
    """Assert that nothing is lost and the next process ends it; tell whether an answer was lost."""
    vendor = vendor_of(scene, home)
    lost = require_whole(home, scene, vendor, where)
    with opened(home, scene, vendor) as live:
        live.look(watched=False)
        require_one_truth(live, where, torn=scene.cut is not None)
        require_nobody_lost(live, scene, vendor, where)
        scene.finish(live)
        require_done(live, scene, where)
    return lost


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_process_killed_at_any_step_loses_nothing_and_the_next_one_ends_it(scene: Scene) -> None:
    lost = 0
    with memory_folder() as folder:
        template, home = folder / "template", folder / "home"
        furnish(template, scene)
        copy_home(template, home, scene)
        with child(home, scene.what, interrupted) as played:
            shutil.rmtree(home)
            copy_home(template, home, scene)
            changes = played.changes()
            for step in deaths(changes):
                shutil.rmtree(home)
                copy_home(template, home, scene)
                code = played.die_at(step)
                where = f"{scene}, killed at step {step}"
                assert code == (KILLED if step <= len(changes) else 0), f"{where}: it failed"
                lost += check(home, scene, where)
        assert {account["provider"] for account in accounts(Household(home))} >= {"acme", "named"}

    assert FEWEST_STEPS < len(changes) < MOST_STEPS - 1
    assert sum(changes) > FEWEST_CHANGES
    # Between the vendor's answer and its being stored there is a moment that nobody can close.
    assert (lost > 0) == (scene.what == REFRESH)
