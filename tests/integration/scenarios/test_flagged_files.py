"""An auth.json that nobody may change whatever its rights are: chattr +i and +a."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.live import api
from tests.support.namespaces import needed
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

SAYS = {"i": "is immutable", "a": "is append-only"}


@contextlib.contextmanager
def flagged(place: Path, flag: str) -> Iterator[None]:
    """Let a file or a folder carry a flag while the block runs."""
    program = needed("chattr")
    ended = subprocess.run(
        [program, f"+{flag}", place], capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        pytest.fail(f"no flag can be set here: {ended.stderr}", pytrace=False)
    try:
        yield
    finally:
        subprocess.run([program, f"-{flag}", place], check=True)


@pytest.fixture
def house(home: Path) -> Household:
    """Return somebody with two logins of acme, of which the second is live."""
    house = Household(home)
    for key in ("a", "b"):
        house.write_auth({"acme": api(key)})
        assert rotator(house, "accounts").code == 0
    return house


@pytest.fixture(params=["by itself", "a link to it", "two names"])
def file(house: Household, request: pytest.FixtureRequest) -> Path:
    """Return the file that auth.json is."""
    elsewhere = house.home / "secrets" / "auth.json"
    elsewhere.parent.mkdir()
    if request.param == "a link to it":
        house.auth_file.rename(elsewhere)
        house.auth_file.symlink_to(elsewhere)
    if request.param == "two names":
        os.link(house.auth_file, elsewhere)
    return house.auth_file.resolve()


@pytest.mark.parametrize("flag", list(SAYS))
def test_a_flag_of_the_file_is_said_before_a_swap_and_by_it(
    house: Household, file: Path, flag: str
) -> None:
    says = f"{file} {SAYS[flag]}; as root: chattr -{flag} {file}"
    with flagged(file, flag):
        told = rotator(house, "status", "--json").json()["problems"]
        checked = rotator(house, "doctor")
        would = rotator(house, "rotate", "acme", "acme-1", "--dry-run")
        swapped = rotator(house, "rotate", "acme", "acme-1")

    assert f"no account can be put into auth.json: {says}" in told
    assert (checked.code, checked.stdout.count(says)) == (6, 1), checked
    assert (would.code, would.stderr.count(says)) == (6, 1)
    assert (swapped.code, swapped.stderr.count(says)) == (6, 1)
    assert house.read_auth() == {"acme": api("b")}
    assert rotator(house, "rotate", "acme", "acme-1").code == 0


@pytest.mark.parametrize("flag", list(SAYS))
def test_a_flag_of_the_folder_is_said_where_the_file_has_to_be_made(
    house: Household, flag: str
) -> None:
    house.auth_file.unlink()
    folder = house.auth_file.parent
    says = f"{folder} {SAYS[flag]}; as root: chattr -{flag} {folder}"
    with flagged(folder, flag):
        told = rotator(house, "status", "--json").json()["problems"]
        swapped = rotator(house, "rotate", "acme", "acme-1")
        left = list(folder.iterdir())

    assert f"no account can be put into auth.json: {says}" in told
    assert (swapped.code, swapped.stderr.count(says), left) == (6, 1, []), swapped


@pytest.mark.parametrize("flag", list(SAYS))
def test_with_a_flag_of_the_folder_a_file_that_is_there_is_written_in_place(
    house: Household, flag: str
) -> None:
    before = house.auth_file.stat().st_ino
    with flagged(house.auth_file.parent, flag):
        told = rotator(house, "status", "--json").json()["problems"]
        swapped = rotator(house, "rotate", "acme", "acme-1")
        left = sorted(path.name for path in house.auth_file.parent.iterdir())

    assert not [problem for problem in told if "no account can be put" in problem]
    assert (swapped.code, house.read_auth()) == (0, {"acme": api("a")}), swapped
    assert house.auth_file.stat().st_ino == before
    assert left == ["auth.json"]
