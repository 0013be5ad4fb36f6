"""What a forked command reaches is measured, as it is of one that is started anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

import coverage

from tests.support.forked_command import run_command
from tests.support.household import Household
from tests.support.measured_fork import CONFIG
from tests.support.repository import ROOT
from tests.support.rotator_process import PROGRAM

ACCOUNTS, EVENTS = (str(ROOT / "rotator" / "cli" / name) for name in ("accounts.py", "events.py"))


def settings(folder: Path) -> dict[str, str]:
    """Return what lets coverage of the program be written into `folder`."""
    folder.mkdir()
    file = str(ROOT / "pyproject.toml")
    read = coverage.Coverage(config_file=file, data_file=str(folder / "data"))
    return {CONFIG: read.config.serialize()}


def measured(folder: Path) -> list[dict[str, set[tuple[int, int]]]]:
    """Return the branches that each process has measured of each file it ran."""
    found = []
    for path in folder.iterdir():
        data = coverage.CoverageData(str(path))
        data.read()
        found.append({one: set(data.arcs(one) or ()) for one in data.measured_files()})
    return found


def forked(house: Household, word: str, env: dict[str, str]) -> None:
    run_command([word], env=house.env() | env, cwd=house.home, seconds=60)


def test_a_fork_reaches_for_coverage_what_a_program_reaches_once_it_is_loaded(home: Path) -> None:
    house = Household(home)
    forked(house, "accounts", {})

    forked(house, "accounts", settings(home / "forked"))
    subprocess.run(
        [*PROGRAM, "accounts"],
        env=house.env() | settings(home / "anew"),
        cwd=house.home,
        check=True,
        capture_output=True,
    )

    (fork,), (anew,) = measured(home / "forked"), measured(home / "anew")
    assert fork[ACCOUNTS]
    # Elsewhere it depends on what there is on the machine at that moment.
    commands = [file for file in fork if Path(file).parent == Path(ACCOUNTS).parent]
    assert [file for file in commands if fork[file] - anew.get(file, set())] == []


def test_each_fork_saves_its_own_and_nothing_of_the_one_before(home: Path) -> None:
    house = Household(home)
    env = settings(home / "both")

    forked(house, "accounts", env)
    forked(house, "events", env)

    assert sorted(
        [name for name in (ACCOUNTS, EVENTS) if name in one] for one in measured(home / "both")
    ) == [[ACCOUNTS], [EVENTS]]
