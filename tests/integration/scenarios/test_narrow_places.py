"""Places that are narrower than is usual: folders that may not be written, umasks that take all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.opencode.auth.placement import Neighbours, why_in_place
from rotator.opencode.auth.placement_sentences import swap_obstacle
from rotator.system.paths import find_paths
from rotator.system.writable import unwritable_place
from tests.support.forked_command import run_command
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import api, as_anybody
from tests.support.rotator_process import Ended
from tests.support.without_rights import READ_AND_WRITE_ANYTHING

pytestmark = pytest.mark.no_cover

BOTH = ("acme-1", "acme-2")


def rotator(house: Household, *words: str, umask: int = 0o022) -> Ended:
    """Run a command that rights hold for, with a umask."""
    return Ended(
        *run_command(
            words,
            env=house.env(),
            cwd=house.home,
            seconds=60,
            rights=READ_AND_WRITE_ANYTHING,
            umask=umask,
        )
    )


@pytest.fixture
def house(home: Path) -> Iterator[Household]:
    house = Household(home)
    yield house
    for path in (home, *home.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def two_logins(house: Household, umask: int = 0o022) -> None:
    for key in ("a", "b"):
        house.write_auth({"acme": api(key)})
        ended = rotator(house, "accounts", umask=umask)
        assert ended.code == 0, ended


# -- a folder that nothing new may be made in ------------------------------------------------------


@pytest.fixture(params=["its own folder", "a link to it"])
def closed(house: Household, request: pytest.FixtureRequest) -> Path:
    """Return an auth.json of two accounts in a folder that may not be written."""
    two_logins(house)
    file = house.auth_file
    if request.param == "a link to it":
        file = house.home / "secrets" / "auth.json"
        file.parent.mkdir()
        house.auth_file.rename(file)
        house.auth_file.symlink_to(file)
    file.parent.chmod(0o555)
    return file


def test_a_file_in_a_folder_that_may_not_be_written_is_written_in_place(
    house: Household, closed: Path
) -> None:
    before = closed.stat().st_ino

    would = rotator(house, "rotate", "acme", "acme-1", "--dry-run")
    told = rotator(house, "status", "--json").json()["problems"]
    checked = rotator(house, "doctor").stdout
    ended = rotator(house, "rotate", "acme", "acme-1")

    why = f"auth.json is written in place: nothing new may be made in {closed.parent}"
    assert (would.code, ended.code) == (0, 0), (would, ended)
    assert why in told
    assert why in checked
    assert not any("no account can be put" in one for one in (*told, checked))
    assert (house.read_auth(), closed.stat().st_ino) == ({"acme": api("a")}, before)
    assert [path.name for path in closed.parent.iterdir()] == ["auth.json"]
    assert not find_paths(house.env()).journal.exists()


def test_a_failover_reaches_it_too(house: Household, closed: Path) -> None:
    ended = rotator(house, "signal", "acme", "--status", "429", "--retry-after", "600")

    assert "acme/acme-1 is live" in ended.stdout, ended
    assert closed.read_bytes() == house.auth_file.read_bytes()
    assert house.read_auth() == {"acme": api("a")}


def test_what_cannot_be_written_at_all_is_said_before_and_by_each_command(
    house: Household, closed: Path
) -> None:
    closed.chmod(0o400)

    would = rotator(house, "rotate", "acme", "acme-1", "--dry-run")
    told = rotator(house, "status", "--json").json()["problems"]
    signalled = rotator(house, "signal", "acme", "--status", "429", "--json").json()

    says = f"no account can be put into auth.json: {closed.parent} may not be written"
    assert (would.code, would.stderr.count(says)) == (6, 1)
    assert len([one for one in told if one.startswith(says)]) == 1
    assert signalled["live"] == "acme-2"
    assert "acme-1 could not take over" in signalled["problem"]


def test_an_absent_file_in_such_a_folder_is_said_before(house: Household) -> None:
    two_logins(house)
    house.auth_file.unlink()
    house.auth_file.parent.chmod(0o555)

    with as_anybody():
        says = swap_obstacle(house.auth_file)
        held = why_in_place(house.auth_file, Neighbours())

    assert (says or "").endswith(f"{house.auth_file.parent} may not be written; check its rights")
    assert held is None


# -- umasks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o177, 0o277, 0o377, 0o777, 0o000])
def test_what_is_made_can_be_used_whatever_the_umask(house: Household, umask: int) -> None:
    """C: `UMask=0177` of a unit of systemd."""
    two_logins(house, umask)

    swapped = rotator(house, "rotate", "acme", "acme-1", umask=umask)
    listed = rotator(house, "accounts")

    assert swapped.code == 0, swapped
    assert [name in listed.stdout for name in BOTH] == [True, True]
    paths = find_paths(places(house.home))
    for ours in (paths.data, paths.state):
        for path in (ours, *ours.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE(house.auth_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.state.parent.stat().st_mode) & 0o700 == 0o700


# -- a folder that nobody may enter ----------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o000], ids=["no x", "nothing"])
@pytest.mark.parametrize("which", ["state", "data"])
def test_a_folder_above_ours_that_may_not_be_entered_is_named(
    house: Household, which: str, mode: int
) -> None:
    """As an earlier version left ~/.local/state."""
    two_logins(house)
    paths = find_paths(places(house.home))
    above = (paths.state if which == "state" else paths.data).parent
    above.chmod(mode)

    told = [
        rotator(house, *words.split())
        for words in ("accounts", "status", "rotate acme", "statusline", "balance off", "events")
    ]
    checked = rotator(house, "doctor", "--fix")

    for one in (*told, checked):
        assert "an error of ours" not in one.stderr, one
        assert "Traceback" not in one.stderr, one
    assert f"{above} may not be entered" in told[0].stderr
    assert f"{above} may not be entered" in told[2].stderr
    assert f"chmod u+rwx {above}" in told[2].stderr


def test_a_folder_of_somebody_else_s_is_not_one_to_be_opened_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    os.chown(folder, 54321, 54321)

    with as_anybody():
        obstacle = unwritable_place(folder / "file")

    assert obstacle is not None
    assert obstacle.why == f"{folder} may not be entered, it belongs to uid 54321"
    assert obstacle.to_do == f"sudo chown -R {os.geteuid()} {folder}"
