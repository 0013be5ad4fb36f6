"""Root at work in a person's home: nothing becomes root's, and nobody is locked out."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rotator.doctor import examine
from rotator.doctor.check_result import Check, Level
from rotator.doctor.setup import DoctorContext
from rotator.opencode.auth.journal import Journal, write_journal
from rotator.opencode.auth.placement import Neighbours, why_in_place
from rotator.system.file_owners import kept_mode, open_private
from rotator.system.paths import find_paths
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import NOON, api
from tests.support.namespaces import needed
from tests.support.rotator_process import accounts, rotator, watcher
from tests.support.waiting import wait_until
from tests.support.without_rights import GIVE_AWAY, READ_AND_WRITE_ANYTHING, without_rights

pytestmark = pytest.mark.no_cover

USER, GROUP, OTHER_GROUP = 54321, 65432, 43210


@pytest.fixture
def house(home: Path) -> Household:
    """Return the home of a user in which there is an auth.json, and nothing of ours."""
    if os.geteuid() != 0:
        pytest.fail("only root can show what root leaves behind", pytrace=False)
    house = Household(home)
    house.write_auth({"acme": api("a"), "zeta": api("z")})
    _ = (house.project, house.temporary)
    for path in (home, *home.rglob("*")):
        os.chown(path, USER, GROUP)
    return house


def two_logins(house: Household) -> None:
    assert rotator(house, "accounts").code == 0
    house.write_auth({"acme": api("b"), "zeta": api("z")})
    assert rotator(house, "accounts").code == 0


def not_the_user_s(house: Household) -> dict[str, tuple[int, int]]:
    """Return what in the home belongs to anybody else."""
    found = {}
    for path in (house.home, *house.home.rglob("*")):
        facts = path.lstat()
        if (facts.st_uid, facts.st_gid) != (USER, GROUP):
            found[str(path.relative_to(house.home))] = (facts.st_uid, facts.st_gid)
    return found


def as_user(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the shell in a folder, as the user."""
    drop = [needed("setpriv"), f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"]
    # The folders above the home may be root's alone: it begins inside.
    return subprocess.run(
        [*drop, "/bin/sh", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )


def with_less(
    house: Household, rights: tuple[int, ...], *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a root that has not all rights, as in a container."""
    return subprocess.run(
        without_rights(sys.executable, "-m", "rotator", *words, rights=rights),
        env=house.env(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("is_new", [True, False])
def test_root_that_can_give_nothing_away_makes_nothing_in_a_person_s_home(
    house: Household, *, is_new: bool
) -> None:
    if not is_new:
        two_logins(house)
    before = sorted(house.home.rglob("*"))

    told = [
        with_less(house, GIVE_AWAY, *words.split())
        for words in ("accounts", "rotate acme", "bridge install", "balance off")
    ]

    assert not_the_user_s(house) == {}
    assert all("Traceback" not in ended.stderr for ended in told), told
    if is_new:
        assert sorted(house.home.rglob("*")) == before
        assert f"would lock uid {USER} out" in told[-1].stderr


def test_root_of_a_user_namespace_makes_nothing_for_an_owner_who_has_no_number_there(
    house: Household,
) -> None:
    """As in a container whose users are mapped, in a volume that everybody may write to."""
    for path in (house.home, *house.home.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    before = sorted(house.home.rglob("*"))
    unshare = [needed("unshare"), "--user", "--map-root-user"]

    told = [
        subprocess.run(
            [*unshare, sys.executable, "-m", "rotator", *words.split()],
            env=house.env(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        for words in (
            "accounts",
            "rotate acme",
            "bridge install",
            "config set balancing.enabled on",
        )
    ]

    assert not_the_user_s(house) == {}
    assert sorted(house.home.rglob("*")) == before
    assert all("Traceback" not in ended.stderr for ended in told), told
    assert "out, for it may not be given to them" in told[0].stderr
    assert as_user(house.home, "true").returncode == 0


@pytest.mark.parametrize(
    "place", [".local", ".local/share", ".local/state", "state", "state/bridge", "data"]
)
def test_a_folder_of_another_user_that_may_not_be_entered_is_named_with_its_owner(
    house: Household, place: str
) -> None:
    two_logins(house)
    paths = find_paths(places(house.home))
    ours = {"state": paths.state, "state/bridge": paths.bridge, "data": paths.data}
    closed = ours.get(place, house.home / place)
    paths.bridge.mkdir(exist_ok=True)
    for path in (house.home, *house.home.rglob("*")):
        os.chown(path, 0, 0)
    os.chown(closed, USER, GROUP)
    closed.chmod(0o700)

    told = [
        with_less(house, READ_AND_WRITE_ANYTHING, *words.split())
        for words in ("status", "accounts", "rotate acme", "balance off", "events", "doctor")
    ]

    for ended in told:
        assert "Traceback" not in ended.stderr, ended
        assert "an error of ours" not in ended.stderr, ended
    assert any(f"{closed} may not be " in ended.stderr for ended in told), told
    assert f"chown -R 0 {closed}" in told[-1].stdout


def test_c4_nothing_that_commands_make_is_root_s(house: Household) -> None:
    two_logins(house)
    words = [
        ("rotate", "acme", "acme-1"),
        ("status",),
        ("config", "set", "strategy", "round-robin"),
        ("bridge", "install"),
        ("accounts", "rename", "acme/acme-1", "first"),
        ("accounts", "remove", "zeta/zeta-1", "--yes"),
        ("doctor", "--fix"),
        ("explain", "acme"),
        ("events",),
    ]

    told = [rotator(house, *command) for command in words]

    assert not_the_user_s(house) == {}, told
    assert (house.state_dir / "swap.lock").exists()


def test_c4_nothing_that_a_watcher_makes_is_root_s(house: Household) -> None:
    two_logins(house)
    with watcher(house):
        house.write_auth({"acme": api("c"), "zeta": api("z")})
        wait_until(lambda: len(accounts(house)) == 4, 20, "the login to be saved")

        during = not_the_user_s(house)

    assert (during, not_the_user_s(house)) == ({}, {})
    assert (house.state_dir / "rotator.log").exists()


@pytest.mark.parametrize(
    ("mode", "kept"), [(0o600, 0o600), (0o640, 0o640), (0o660, 0o660), (0o644, 0o600)]
)
def test_c4_owner_group_and_mode_of_auth_json_stay(house: Household, mode: int, kept: int) -> None:
    two_logins(house)
    os.chown(house.auth_file, USER, OTHER_GROUP)
    house.auth_file.chmod(mode)

    ended = rotator(house, "rotate", "acme", "acme-1")

    facts = house.auth_file.stat()
    assert ended.code == 0, ended
    assert house.read_auth()["acme"] == api("a")
    assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (USER, OTHER_GROUP, kept)


def test_an_auth_json_that_was_absent_belongs_to_the_owner_of_its_folder(house: Household) -> None:
    two_logins(house)
    house.auth_file.unlink()

    ended = rotator(house, "rotate", "acme", "acme-1")

    assert ended.code == 0, ended
    assert not_the_user_s(house) == {}


def test_a_folder_that_is_made_for_auth_json_is_the_user_s(house: Household) -> None:
    two_logins(house)
    house.auth_file.unlink()
    house.auth_file.parent.rmdir()

    ended = rotator(house, "rotate", "acme", "acme-1")

    assert ended.code == 0, ended
    assert not_the_user_s(house) == {}


def test_the_user_can_read_and_write_it_after_a_swap_by_root(house: Household) -> None:
    two_logins(house)
    assert rotator(house, "rotate", "acme", "acme-1").code == 0

    script = "cat auth.json && : >> auth.json && : > beside && rm beside"
    told = as_user(house.auth_file.parent, script)

    assert told.returncode == 0, told
    assert json.loads(told.stdout)["acme"] == api("a")


def test_to_root_a_file_of_the_user_is_no_problem_and_one_of_root_is(house: Household) -> None:
    two_logins(house)
    setup = DoctorContext(find_paths(places(house.home)), NOON, {"PATH": "/nonexistent"})

    def problems() -> list[str]:
        checks = {Check.AUTH_FILE, Check.FOLDERS}
        found = [remark for remark in examine(setup) if remark.check in checks]
        return [remark.says for remark in found if remark.level is Level.PROBLEM]

    before = problems()
    os.chown(house.auth_file, 0, 0)

    assert before == []
    assert any("auth.json belongs to another user (uid 0)" in says for says in problems())


@pytest.mark.parametrize("count", [1, 2])
def test_what_root_left_in_our_folders_is_said(house: Household, count: int) -> None:
    """As an earlier version did: the user cannot open it any more."""
    two_logins(house)
    setup = DoctorContext(find_paths(places(house.home)), NOON, {"PATH": "/nonexistent"})
    left = [house.state_dir / "changed", house.state_dir / "swap.lock"][:count]
    for file in left:
        os.chown(file, 0, 0)

    (told,) = (r for r in examine(setup) if r.check is Check.FOLDERS)

    more = " belongs" if count == 1 else " and 1 more belong"
    assert told.says == f"{left[0]}{more} to another user (uid 0)"
    assert told.to_do == f"sudo chown {USER} {' '.join(map(str, left))}"


# -- other users -------------------------------------------------------------------------------

AS_OTHER = """
import os, sys
from pathlib import Path
from rotator.opencode.auth.file import (read_live)
from rotator.opencode.auth.writer import put_live
from rotator.opencode.auth.replaced import ReplacedFiles
# What is loaded late lies where only root may read.
import rotator.opencode.auth.journal, encodings.idna
file, journal = Path(sys.argv[1]), Path(sys.argv[2])
os.chdir(file.parent)
os.setgroups([int(sys.argv[4])])
os.setresgid(*3 * [int(sys.argv[3])])
os.setresuid(*3 * [int(sys.argv[3])])
seen = read_live(Path("auth.json"))
done = put_live(Path("auth.json"), seen, b'{"acme": 1}', ReplacedFiles(journal))
print(done, flush=True)
"""


def test_a_file_of_another_user_that_we_may_write_stays_that_user_s(house: Household) -> None:
    """Both belong to a group that may write the file and its folder."""
    file, other = house.auth_file, USER + 1
    file.parent.chmod(0o770)
    os.chown(file.parent, USER, OTHER_GROUP)
    os.chown(file, USER, OTHER_GROUP)
    file.chmod(0o660)
    ours = house.home / "ours"
    ours.mkdir()
    os.chown(ours, other, other)
    before = file.stat()
    for folder in _folders_to(file):
        folder.chmod(folder.stat().st_mode | 0o711)

    told = subprocess.run(
        [sys.executable, "-c", AS_OTHER, file, ours / "journal", str(other), str(OTHER_GROUP)],
        env=house.env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    facts = file.stat()
    assert told.stdout == "True\n", told.stderr
    assert file.read_bytes() == b'{"acme": 1}'
    assert (facts.st_uid, facts.st_gid, facts.st_ino) == (USER, OTHER_GROUP, before.st_ino)


def _folders_to(file: Path) -> list[Path]:
    return [folder for folder in file.parents if folder.stat().st_mode & 0o711 != 0o711]


def test_to_root_every_owner_can_be_kept(house: Household) -> None:
    assert why_in_place(house.auth_file, Neighbours()) is None


# -- the pieces ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kept"),
    [(0o600, 0o600), (0o400, 0o600), (0o640, 0o640), (0o777, 0o600), (0o750, 0o640), (0, 0o600)],
)
def test_a_group_keeps_its_rights_unless_everybody_has_some(mode: int, kept: int) -> None:
    assert kept_mode(mode) == kept


@pytest.mark.parametrize("flags", [os.O_RDWR | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_APPEND])
def test_a_file_that_is_there_is_opened_as_it_is(house: Household, flags: int) -> None:
    file = house.home / "there"
    file.write_text("what was there")
    file.chmod(0o644)

    os.close(open_private(file, flags))

    facts = file.stat()
    assert (facts.st_uid, stat.S_IMODE(facts.st_mode), file.read_text()) == (
        0,
        0o644,
        "what was there",
    )


def test_a_link_to_nothing_gets_its_file(house: Household) -> None:
    link, target = house.home / "link", house.home / "target"
    link.symlink_to(target)

    os.close(open_private(link, os.O_RDWR | os.O_CREAT))

    assert target.exists()


@pytest.mark.parametrize("name", ["rotator.sqlite", "history.sqlite"])
def test_what_a_link_in_our_folder_leads_to_keeps_its_mode(house: Household, name: str) -> None:
    paths = find_paths(house.env())
    two_logins(house)
    other = house.home / "other"
    other.write_bytes((paths.data / name).read_bytes())
    other.chmod(0o644)
    for file in paths.data.glob(f"{name}*"):
        file.unlink()
    (paths.data / name).symlink_to(other)

    rotator(house, "accounts")

    mode = stat.S_IMODE(other.stat().st_mode)
    other.unlink()
    assert mode == 0o644


def test_c4_a_journal_of_another_owner_s_is_no_matter_for_root(house: Household) -> None:
    """C4: whoever owns a home may write there what they like."""
    paths = find_paths(house.env())
    two_logins(house)
    roots = house.home / "of-root"
    old, new = b'{"a": 1}', b'{"b": 2}'
    roots.write_bytes(new[:4] + old[4:])
    write_journal(paths.journal, Journal(roots, roots.stat().st_ino, b'{"evil": 1}', new))
    os.chown(roots, 0, 0)
    os.chown(paths.journal, USER, GROUP)

    assert rotator(house, "accounts").code == 0

    assert roots.read_bytes() == new[:4] + old[4:]
