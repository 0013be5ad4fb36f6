"""Links in a home that lead to what is somebody else's: root follows none of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

import pytest

from rotator.errors import LiveFileError, StoreError
from rotator.opencode.auth.file import Missing, Torn, read_live
from rotator.opencode.auth.replaced import ReplacedFiles
from rotator.opencode.auth.writer import put_live
from rotator.opencode.bridge.descent import read_descents, taken_in
from rotator.opencode.bridge.exchange import Exchange
from rotator.storage.backups import Backups
from rotator.storage.repair import mend
from rotator.storage.repair_sources import copies_of
from rotator.system.file_owners import foreign_link, open_own_folder, open_theirs
from rotator.system.paths import find_paths
from tests.support.household import Household
from tests.support.live import NOON, api
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

USER, GROUP = 54321, 65432
OURS = (".local/share/opencode-rotator", ".local/state/opencode-rotator")
LEADS = "leads to what belongs to somebody else"
OLD = 1_700_000_000


def give(path: Path) -> None:
    os.chown(path, USER, GROUP, follow_symlinks=False)


@pytest.fixture
def house(home: Path) -> Household:
    """Return the home of a user with two logins of acme, in which root is at work."""
    if os.geteuid() != 0:
        pytest.fail("only root can show where root lets itself be led", pytrace=False)
    house = Household(home)
    _ = (house.project, house.temporary)
    house.write_auth({})
    for path in (home, *home.rglob("*")):
        give(path)
    for key in ("a", "b"):
        house.write_auth({"acme": api(key)})
        give(house.auth_file)
        assert rotator(house, "accounts").code == 0
    return house


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """Return a folder of root's with files that a sweep would take for old ones."""
    folder = tmp_path / "of-root"
    folder.mkdir(mode=0o755)
    names = ("passwd", ".profile", "old.json", "1.sessions", ".a.rotator-tmp")
    for file in (folder / name for name in names):
        file.write_text("{}")
        file.chmod(0o644)
        os.utime(file, (OLD, OLD))
    return folder


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what is in a folder, and what may be done with it and them."""
    found = {path.name: path.lstat() for path in (folder, *folder.iterdir())}
    return {name: (one.st_mode, one.st_uid) for name, one in found.items()}


def lead(link: Path, to: Path) -> None:
    """Put a link of the user's in place of what is there, which a watcher may make anew."""

    def is_done() -> bool:
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link, ignore_errors=True)
        else:
            link.unlink(missing_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            link.symlink_to(to)
        return link.is_symlink()

    wait_until(is_done, 10, "the link's place")
    give(link)


def test_c4_root_rebuilds_no_store_where_a_user_s_link_leads(house: Household, roots: Path) -> None:
    paths = find_paths(house.env())
    lead(paths.store, roots / "passwd")
    before = seen(roots)

    with pytest.raises(StoreError, match=LEADS):
        mend(paths, Backups(paths), NOON)

    assert seen(roots) == before


def test_c4_root_takes_nothing_from_a_damaged_copy_where_a_user_s_link_leads(
    house: Household, roots: Path
) -> None:
    backups = Backups(find_paths(house.env()))
    (newest, *_) = backups.newest_first()
    content = newest.path.read_bytes()
    (roots / "copy").write_bytes(content.replace(b"KEY-CANARY-a", b"KEY-CANARY-x"))
    assert [copy.made_at for copy in copies_of(backups)] == [newest.made_at]

    lead(newest.path, roots / "copy")

    assert newest.made_at not in [copy.made_at for copy in copies_of(backups)]


@pytest.mark.parametrize(
    "place",
    [
        *OURS,
        f"{OURS[0]}/backups",
        f"{OURS[1]}/bridge",
        f"{OURS[1]}/bridge/inbox",
        f"{OURS[1]}/refresh",
        ".config/opencode-rotator",
        ".config/opencode",
        ".local/state",
    ],
)
def test_c4_commands_by_root_change_nothing_where_a_user_s_link_leads(
    house: Household, roots: Path, place: str
) -> None:
    lead(house.home / place, roots)
    house.auth_file.write_text('{"acme":{"type":"api","key":"KEY-CANARY-c"}}')
    before = seen(roots)

    told = [
        rotator(house, *words.split())
        for words in (
            "accounts",
            "rotate acme acme-1",
            "config set notifications.desktop false",
            "bridge install",
            "doctor --fix",
        )
    ]

    assert seen(roots) == before
    assert all("an error of ours" not in one.stderr for one in told), told
    assert any(LEADS in one.stdout + one.stderr for one in told) or "rotator/" in place


@pytest.mark.parametrize("name", ["outbox", "inbox", "present", "descent"])
def test_c4_a_watcher_of_root_s_sweeps_nothing_where_a_link_leads(
    house: Household, roots: Path, name: str
) -> None:
    """The link is put there while it runs."""
    paths = find_paths(house.env())
    exchange = Exchange(paths)
    lead(paths.bridge / name, roots)
    before = seen(roots)

    exchange.sweep()
    exchange.present()
    exchange.names()
    exchange.take(paths.bridge / name / "old.json")
    taken_in(read_descents(paths), NOON)

    assert seen(roots) == before


def test_c4_a_watcher_of_root_s_says_where_a_link_leads_and_leaves_it(
    house: Household, roots: Path
) -> None:
    before = seen(roots)
    with watcher(house):
        lead(house.state_dir / "bridge" / "outbox", roots)
        log = house.state_dir / "rotator.log"
        wait_until(lambda: LEADS in log.read_text(), 30, "a word on it")

    assert seen(roots) == before


def test_a_link_to_a_folder_of_the_same_owner_s_goes_on_working(house: Household) -> None:
    folder, real = house.state_dir, house.home / "elsewhere"
    folder.rename(real)
    folder.symlink_to(real)
    give(folder)
    real.chmod(0o755)

    assert rotator(house, "rotate", "acme", "acme-1").code == 0

    assert folder.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o700


def test_a_folder_of_another_user_s_is_none_of_a_user_s(house: Household, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o777)
    os.chown(other, USER + 1, GROUP)
    link = house.state_dir / "bridge" / "outbox"
    lead(link, other)
    os.seteuid(USER)
    try:
        with pytest.raises(PermissionError):
            open_own_folder(link)
    finally:
        os.seteuid(0)


# -- auth.json ------------------------------------------------------------------------------------


def targets(roots: Path) -> dict[str, Path]:
    secret, other, text = (roots / name for name in ("auth.json", "daemon.json", "passwd"))
    secret.write_text('{"acme":{"type":"api","key":"KEY-CANARY-of-root"}}')
    secret.chmod(0o600)
    other.write_text('{"log-driver":"journald"}')
    other.chmod(0o644)
    text.write_text("root:x:0:0\n")
    return {"a login": secret, "json": other, "a text": text, "nothing": roots / "nologin"}


@pytest.mark.parametrize("what", ["a login", "json", "a text", "nothing"])
def test_c4_an_auth_json_that_leads_to_root_s_is_refused_with_one_sentence(
    house: Household, roots: Path, what: str
) -> None:
    lead(house.auth_file, targets(roots)[what])
    before, content = seen(roots), {p.name: p.read_text() for p in roots.iterdir()}

    listed = rotator(house, "accounts")
    told = [
        rotator(house, *words.split())
        for words in ("rotate acme acme-1", "rotate acme --yes", "rotate acme --dry-run")
    ]
    fixed = rotator(house, "doctor", "--fix")
    shown = rotator(house, "status", "--json").json()["problems"]

    assert [one.code for one in told] == [6, 6, 6]
    assert all(LEADS in one.stderr for one in told)
    assert listed.code == 0
    assert "acme-3" not in listed.stdout
    assert LEADS in fixed.stdout
    assert sum(LEADS in problem for problem in shown) == 1
    assert seen(roots) == before
    assert {p.name: p.read_text() for p in roots.iterdir()} == content
    store = b"".join(p.read_bytes() for p in (house.home / OURS[0]).glob("rotator.sqlite*"))
    assert b"KEY-CANARY-of-root" not in store


def test_c4_nothing_is_put_where_a_link_leads_that_was_changed_meanwhile(
    house: Household, roots: Path
) -> None:
    lead(house.auth_file, roots / "nologin")
    replaced = ReplacedFiles(house.home / "journal")

    with pytest.raises(LiveFileError, match=LEADS):
        put_live(house.auth_file, Missing(), b"{}", replaced)

    assert not (roots / "nologin").exists()


def test_c4_a_second_name_of_root_s_file_is_none_of_the_user_s(
    house: Household, roots: Path
) -> None:
    """As a user could make one where the system does not forbid it."""
    house.auth_file.unlink()
    os.link(targets(roots)["a login"], house.auth_file)

    found = read_live(house.auth_file)

    assert isinstance(found, Torn)
    assert found.lasting


@pytest.mark.parametrize("name", ["rotator.sqlite", "history.sqlite"])
def test_c4_a_store_that_leads_to_root_s_is_not_opened(
    house: Household, roots: Path, name: str
) -> None:
    paths = find_paths(house.env())
    (roots / "theirs").write_bytes((paths.data / name).read_bytes())
    for file in paths.data.glob(f"{name}*"):
        file.unlink()
    lead(paths.data / name, roots / "theirs")
    before = (roots / "theirs").read_bytes()

    rotator(house, "accounts")
    rotator(house, "rotate", "acme", "acme-1")

    after = (roots / "theirs").read_bytes()
    (roots / "theirs").unlink()
    assert after == before
    assert list(roots.glob("theirs*")) == []


def test_c4_a_log_that_leads_to_root_s_is_not_written(house: Household, roots: Path) -> None:
    lead(house.state_dir / "rotator.log", roots / "passwd")

    with watcher(house):
        pass

    assert (roots / "passwd").read_text() == "{}"
    assert not (house.state_dir / "rotator.log").is_symlink()


def test_a_link_of_the_user_s_to_a_file_of_theirs_goes_on_working(house: Household) -> None:
    real = house.home / "dotfiles" / "auth.json"
    real.parent.mkdir()
    house.auth_file.rename(real)
    lead(house.auth_file, real)
    give(real.parent)
    give(real)

    assert rotator(house, "rotate", "acme", "acme-1").code == 0

    assert (house.auth_file.is_symlink(), house.read_auth()) == (True, {"acme": api("a")})
    assert real.stat().st_uid == USER


@pytest.mark.parametrize(
    ("content", "is_rebuilt"),
    [(b"a note of mine\n", False), (b"[1, 2]", False), (b'{"acme": {"ty', True), (b"", True)],
)
def test_what_opencode_never_wrote_is_not_written_anew_through_a_link(
    house: Household, content: bytes, *, is_rebuilt: bool
) -> None:
    real = house.home / "notes.txt"
    real.write_bytes(content)
    give(real)
    lead(house.auth_file, real)

    ended = rotator(house, "rotate", "acme", "acme-1", "--yes")

    after = real.read_bytes()
    real.unlink()
    assert ended.code == (0 if is_rebuilt else 6), ended
    assert (after != content) is is_rebuilt


# -- the pieces -----------------------------------------------------------------------------------


def test_a_link_of_root_s_own_is_followed(house: Household, roots: Path) -> None:
    link = house.home / "link"
    link.symlink_to(roots)

    assert foreign_link(link / "passwd") is None
    os.close(open_theirs(link / "passwd", os.O_RDONLY))


def test_a_chain_of_links_is_as_good_as_its_worst(house: Household, roots: Path) -> None:
    first, second = house.home / "first", house.home / "second"
    second.symlink_to(roots / "passwd")
    give(second)
    first.symlink_to(second)

    assert foreign_link(first) == second
    with pytest.raises(PermissionError):
        os.close(open_theirs(first, os.O_RDONLY))


def test_a_link_in_a_circle_leads_nowhere(house: Household) -> None:
    link = house.home / "link"
    link.symlink_to("link")
    give(link)

    assert foreign_link(link) is None
    assert isinstance(read_live(link), Torn)
