"""A store that takes no write, whatever its rights are: chattr +i and +a, a mount of its own."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.scenarios.test_flagged_files import SAYS, flagged
from tests.support.household import Household
from tests.support.live import api
from tests.support.namespaces import bind, rotator_inside
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover


@pytest.fixture
def house(home: Path) -> Household:
    """Return somebody with two logins of acme, of which the second is live."""
    house = Household(home)
    for key in ("a", "b"):
        house.write_auth({"acme": api(key)})
        assert rotator(house, "accounts").code == 0
    return house


@contextlib.contextmanager
def in_use(store: Path) -> Iterator[None]:
    """Let somebody have the store open, so that its log lies beside it."""
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("SELECT count(*) FROM account").fetchone()
        yield


def _store(house: Household) -> Path:
    return house.home / ".local/share/opencode-rotator/rotator.sqlite"


@pytest.mark.parametrize("flag", list(SAYS))
@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_store_that_takes_no_write_is_said_and_auth_json_stays(
    house: Household, ending: str, flag: str
) -> None:
    with in_use(_store(house)):
        file = Path(f"{_store(house)}{ending}")
        says, helps = f"{file} {SAYS[flag]}", f"as root: chattr -{flag} {file}"
        with flagged(file, flag):
            shown = rotator(house, "status")
            checked = rotator(house, "doctor")
            tries = [
                rotator(house, "rotate", "acme"),
                rotator(house, "signal", "acme", "--status", "429"),
                rotator(house, "rotate", "acme", "acme-1"),
            ]
            left = house.read_auth()

    assert (shown.stderr.count(says), shown.stderr.count(helps)) == (1, 1), shown
    assert (checked.code, checked.stdout.count(says)) == (7, 1), checked
    assert checked.stdout.count(helps) == 1
    for done in tries:
        assert (done.code, done.stderr.count(says), done.stderr.count(helps)) == (7, 1, 1), done
    assert left == {"acme": api("b")}
    assert rotator(house, "rotate", "acme").code == 0


def test_a_store_that_is_mounted_read_only_is_said_and_auth_json_stays(house: Household) -> None:
    store = _store(house)
    setup = [bind(store, store, "ro")]
    says, helps = f"{store} is on a read-only file system", "mount it so that it can be written"
    shown = rotator_inside(house, setup, "status")
    checked = rotator_inside(house, setup, "doctor")
    swapped = rotator_inside(house, setup, "rotate", "acme")

    assert (shown.stderr.count(says), shown.stderr.count(helps)) == (1, 1), shown
    assert (checked.code, checked.stdout.count(says), checked.stdout.count(helps)) == (7, 1, 1)
    assert (swapped.code, swapped.stderr.count(says), swapped.stderr.count(helps)) == (7, 1, 1)
    assert house.read_auth() == {"acme": api("b")}


@pytest.mark.parametrize("name", ["data", "state"])
def test_advice_about_an_immutable_folder_of_ours_can_help(house: Household, name: str) -> None:
    folder = _store(house).parent if name == "data" else house.state_dir
    says, helps = f"{folder} is immutable", f"as root: chattr -i {folder}"
    with flagged(folder, "i"):
        shown = rotator(house, "status")
        checked = rotator(house, "doctor")
        swapped = rotator(house, "rotate", "acme")
        left = house.read_auth()

    assert (shown.stderr.count(says), shown.stderr.count(helps)) == (1, 1), shown
    assert (checked.stdout.count(says), checked.stdout.count(helps)) == (1, 1), checked
    assert "chmod" not in checked.stdout
    assert (swapped.code, left) in [(0, {"acme": api("a")}), (7, {"acme": api("b")})], swapped
