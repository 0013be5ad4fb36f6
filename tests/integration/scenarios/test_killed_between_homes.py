"""A process killed between auth.json and OpenCode 2's database: nobody is lost, the next ends it.

What it does are the scenes of tests/support/two_homes.py; tests/support/killed_child.py says which
steps there are.
"""

from __future__ import annotations

import shutil

import pytest

from tests.support import two_homes
from tests.support.interrupted import memory_folder
from tests.support.killed_child import KILLED, child, deaths
from tests.support.two_homes import SCENES, Scene, furnish, require_done, require_whole

pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(480)]

FEWEST_CHANGES = 5


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_process_killed_at_any_step_loses_nobody_and_the_next_one_ends_it(scene: Scene) -> None:
    with memory_folder() as folder:
        template, home = folder / "template", folder / "home"
        furnish(template, scene)
        shutil.copytree(template, home)
        with child(home, scene.what, two_homes) as played:
            shutil.rmtree(home)
            shutil.copytree(template, home)
            changes = played.changes()
            for step in deaths(changes):
                shutil.rmtree(home)
                shutil.copytree(template, home)
                code = played.die_at(step)
                where = f"{scene}, killed at step {step}"
                assert code == (KILLED if step <= len(changes) else 0), f"{where}: it failed"
                require_whole(home, where)
                require_done(home, scene, where)

    assert sum(changes) >= FEWEST_CHANGES
