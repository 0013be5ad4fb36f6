"""auth.json that is mounted by itself, as containers have it: rw, ro, or replaced outside since."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.live.swap import SwapRequest, swap
from rotator.opencode.auth.placement_sentences import placement_notes
from rotator.system.mounts import mounted_by_others
from rotator.system.paths import find_paths
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import api, as_opencode, oauth, open_live
from tests.support.namespaces import Container, bind, container, rotator_inside
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

SHORT, LONG = api("a"), api("b") | {"metadata": {"note": "x" * 9000}}
HERE = "mounted by itself"


@pytest.fixture
def house(home: Path) -> Household:
    """Return somebody with two logins of acme, of which the longer one is live."""
    house = Household(home)
    for entry in (SHORT, LONG):
        house.write_auth({"acme": entry, "zeta": api("z")})
        assert rotator(house, "accounts").code == 0
    return house


@pytest.fixture
def source(house: Household, tmp_path: Path) -> Path:
    """Return the file that containers mount over auth.json, with the same content."""
    source = tmp_path / "mounted" / "auth.json"
    source.parent.mkdir()
    source.write_bytes(house.auth_file.read_bytes())
    source.chmod(0o600)
    return source


def journal_of(house: Household) -> Path:
    return find_paths(places(house.home)).journal


# -- a container that has it mounted ----------------------------------------------------------


def test_c1_a_file_that_is_mounted_by_itself_is_written_in_place(
    house: Household, source: Path
) -> None:
    setup = [bind(source, house.auth_file)]
    before = source.stat()

    shorter = rotator_inside(house, setup, "rotate", "acme", "acme-1")
    first = json.loads(source.read_bytes())
    longer = rotator_inside(house, setup, "rotate", "acme", "acme-2")

    assert (shorter.code, longer.code) == (0, 0), (shorter, longer)
    assert first == {"acme": SHORT, "zeta": api("z")}
    assert json.loads(source.read_bytes()) == {"acme": LONG, "zeta": api("z")}
    facts = source.stat()
    assert (facts.st_ino, facts.st_mode, facts.st_uid) == (
        before.st_ino,
        before.st_mode,
        before.st_uid,
    )
    assert not journal_of(house).exists()
    assert [path.name for path in house.auth_file.parent.iterdir()] == ["auth.json"]


def test_c1_a_file_of_another_file_system_is_written_in_place(
    house: Household, source: Path
) -> None:
    memory = source.parent.with_name("memory")
    memory.mkdir()
    lines = [
        shlex.join(["mount", "-t", "tmpfs", "none", str(memory)]),
        shlex.join(["cp", "-p", str(source), str(memory / "auth.json")]),
        bind(memory / "auth.json", house.auth_file),
    ]

    ended = rotator_inside(house, lines, "rotate", "acme", "acme-1", "--json")

    assert ended.code == 0, ended
    assert ended.json()["to"] == "acme-1"


def test_c1_a_file_that_is_mounted_into_a_read_only_folder_is_written(
    house: Household, source: Path
) -> None:
    folder = house.auth_file.parent
    setup = [bind(folder, folder, "ro"), bind(source, house.auth_file)]

    ended = rotator_inside(house, setup, "rotate", "acme", "acme-1")
    told = rotator_inside(house, setup, "status", "--json").json()["problems"]

    assert ended.code == 0, ended
    assert json.loads(source.read_bytes())["acme"] == SHORT
    assert [problem for problem in told if "may not be written" in problem] == []


def test_c1_that_it_is_written_in_place_is_said_before(house: Household, source: Path) -> None:
    setup = [bind(source, house.auth_file)]

    told = rotator_inside(house, setup, "status", "--json").json()["problems"]
    checked = rotator_inside(house, setup, "doctor").stdout

    assert f"auth.json is written in place: it is {HERE}" in told
    assert f"it is {HERE}" in checked
    assert HERE not in rotator(house, "doctor").stdout


@pytest.mark.parametrize("whole_folder", [False, True], ids=["the file", "its folder"])
def test_c3_a_read_only_mount_takes_no_swap_and_that_is_said_before(
    house: Household, source: Path, *, whole_folder: bool
) -> None:
    where = house.auth_file.parent if whole_folder else house.auth_file
    setup = [bind(source.parent if whole_folder else source, where, "ro")]
    before = source.read_bytes()

    told = rotator_inside(house, setup, "status", "--json").json()["problems"]
    checked = rotator_inside(house, setup, "doctor")
    ended = rotator_inside(house, setup, "rotate", "acme", "acme-1")

    says = "no account can be put into auth.json: "
    assert any(problem.startswith(says) and "read-only" in problem for problem in told), told
    assert "mounted read-only" in checked.stdout
    assert not any("in place" in problem for problem in told)
    assert ended.code == 6
    assert "Read-only file system" in ended.stderr
    assert source.read_bytes() == before
    assert not journal_of(house).exists()


@pytest.mark.parametrize("whole_folder", [False, True], ids=["the file", "its folder"])
def test_c3_a_live_account_is_disabled_also_where_it_cannot_be_swapped_out(
    house: Household, source: Path, *, whole_folder: bool
) -> None:
    where = house.auth_file.parent if whole_folder else house.auth_file
    setup = [bind(source.parent if whole_folder else source, where, "ro")]

    ended = rotator_inside(house, setup, "accounts", "disable", "acme/acme-2")
    listed = rotator(house, "accounts", "--json").json()["accounts"]
    later = rotator(house, "rotate", "acme", "--json").json()

    assert ended.code == 0, ended
    assert "acme/acme-2 disabled; acme/acme-2 is live" in ended.stdout
    assert "acme-2 stays live until it can be swapped out: " in ended.stdout
    assert "Read-only file system; rotator rotate acme does it then" in ended.stdout
    assert [(a["alias"], a["state"], a["active"]) for a in listed if a["provider"] == "acme"] == [
        ("acme-1", "ready", False),
        ("acme-2", "disabled", True),
    ]
    assert later["to"] == "acme-1"


def test_c3_a_read_only_file_that_a_user_of_the_container_may_not_write_is_said(
    house: Household, source: Path
) -> None:
    """The accounts are shown all the same."""
    setup = [bind(source, house.auth_file, "ro")]

    ended = rotator_inside(house, setup, "accounts", "--json")

    assert [account["alias"] for account in ended.json()["accounts"]] == [
        "acme-1",
        "acme-2",
        "zeta-1",
    ]


# -- the host, and a container that has mounted it --------------------------------------------


@pytest.fixture
def inside(house: Household, tmp_path: Path) -> Iterator[tuple[Container, Path]]:
    """Return a container that has the host's auth.json mounted by itself, and where."""
    at = tmp_path / "inside-auth.json"
    at.touch()
    with container(bind(house.auth_file, at)) as one:
        yield one, at


def test_c2_the_host_writes_in_place_what_a_container_has_mounted(
    house: Household, inside: tuple[Container, Path]
) -> None:
    one, at = inside
    before = house.auth_file.stat().st_ino

    ended = rotator(house, "rotate", "acme", "acme-1")

    assert ended.code == 0, ended
    assert house.auth_file.stat().st_ino == before
    assert json.loads(one.does(f"cat {at}"))["acme"] == SHORT
    told = rotator(house, "status", "--json").json()["problems"]
    assert f"auth.json is written in place: another container has it {HERE}" in told


def written_inside(inside: tuple[Container, Path], entries: dict[str, object]) -> None:
    """Let an opencode in the container write its auth.json in place."""
    one, at = inside
    one.does(f"printf %s {shlex.quote(as_opencode(entries).decode())} > {at}")


def test_a_container_that_began_since_the_last_look_is_seen_before_a_swap(
    home: Path, tmp_path: Path
) -> None:
    at = tmp_path / "inside-auth.json"
    at.touch()
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        before = live.file.stat().st_ino
        with container(bind(live.file, at)):
            swap(live.context, SwapRequest(live.account("acme/acme-1").id, "for the test"))

        assert (live.file.stat().st_ino, live.entries()) == (before, {"acme": api("a")})


@pytest.fixture
def orphan(home: Path, tmp_path: Path) -> Iterator[tuple[Container, Path, Household]]:
    """Return a container with the login of ada, whose file the host has replaced by another."""
    house, at = Household(home), tmp_path / "inside-auth.json"
    at.touch()
    with open_live(home) as live:
        live.sees({"named": oauth("bob"), "zeta": api("z")})
        live.sees({"named": oauth("ada"), "zeta": api("z")})
    with container(bind(house.auth_file, at)) as one:
        house.replace_auth(house.read_auth())
        yield one, at, house


def test_c2_a_refresh_in_a_file_that_was_replaced_outside_is_saved_and_live(
    orphan: tuple[Container, Path, Household],
) -> None:
    one, at, house = orphan
    with open_live(house.home) as live:
        live.look()
        written_inside((one, at), {"named": oauth("ada", 2), "zeta": api("z")})
        live.look()

        assert live.saved("named/ada-acme.example") == oauth("ada", 2) == live.entries()["named"]


def test_c2_a_container_that_began_since_the_last_look_is_followed_once_its_file_is_replaced(
    home: Path, tmp_path: Path
) -> None:
    house, at = Household(home), tmp_path / "inside-auth.json"
    at.touch()
    with open_live(home) as live:
        live.sees({"named": oauth("ada"), "zeta": api("z")})
        with container(bind(house.auth_file, at)) as one:
            live.look()
            house.replace_auth(house.read_auth())
            live.look()
            written_inside((one, at), {"named": oauth("ada", 2), "zeta": api("z")})
            live.look()

        assert live.saved("named/ada-acme.example") == oauth("ada", 2) == live.entries()["named"]


def test_c2_a_refresh_from_before_we_began_is_saved_and_live(
    orphan: tuple[Container, Path, Household],
) -> None:
    one, at, house = orphan
    written_inside((one, at), {"named": oauth("ada", 2), "zeta": api("z")})

    with open_live(house.home) as live:
        live.look()
        live.look()

        assert live.saved("named/ada-acme.example") == oauth("ada", 2) == live.entries()["named"]


def test_what_it_held_all_the_time_undoes_no_swap_and_brings_nobody_back(
    orphan: tuple[Container, Path, Household],
) -> None:
    house = orphan[2]
    with open_live(house.home) as live:
        swap(live.context, SwapRequest(live.account("named/bob-acme.example").id, "for the test"))
        live.sees({"named": oauth("bob")})
        live.look()

        assert live.entries() == {"named": oauth("bob")}
        assert live.active("zeta") is None


def test_a_login_that_went_outside_is_not_brought_back_by_what_it_held_all_the_time(
    orphan: tuple[Container, Path, Household],
) -> None:
    house = orphan[2]
    house.replace_auth({"named": oauth("ada")})
    with open_live(house.home) as live:
        live.look()

    # To the next process all of it is new.
    with open_live(house.home) as live:
        live.look()
        live.look()

        assert live.entries() == {"named": oauth("ada")}


def test_c2_a_refresh_of_an_account_that_was_swapped_out_is_saved_and_the_swap_stays(
    orphan: tuple[Container, Path, Household],
) -> None:
    one, at, house = orphan
    with open_live(house.home) as live:
        swap(live.context, SwapRequest(live.account("named/bob-acme.example").id, "for the test"))
        written_inside((one, at), {"named": oauth("ada", 2), "zeta": api("z")})
        live.look()

        assert live.saved("named/ada-acme.example") == oauth("ada", 2)
        assert live.entries()["named"] == oauth("bob")


def test_it_is_kept_open_for_as_long_as_it_is_mounted(
    orphan: tuple[Container, Path, Household],
) -> None:
    one, _, house = orphan
    target = house.auth_file
    with open_live(house.home) as live:
        live.look()
        assert bool(live.context.replaced)
        one.process.kill()
        one.process.wait()

        assert mounted_by_others(target) == []


def test_that_a_container_has_an_earlier_file_is_said(
    orphan: tuple[Container, Path, Household],
) -> None:
    house = orphan[2]

    (told,) = placement_notes(house.auth_file)

    assert told.startswith(f"the container of pid {orphan[0].pid} has an earlier auth.json")


def test_inside_it_is_said_that_the_file_was_replaced_outside(
    house: Household, source: Path
) -> None:
    other = source.with_name("other")
    other.write_bytes(source.read_bytes())
    setup = [bind(source, house.auth_file), shlex.join(["mv", str(other), str(source)])]

    told = rotator_inside(house, setup, "status", "--json").json()["problems"]

    assert any("was replaced outside since" in problem for problem in told), told
