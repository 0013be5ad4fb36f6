"""Whatever stands in auth.json's place: it is said what, where and why, and nobody hangs on it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rotator.context import open_context
from rotator.model import Event, EventKind
from rotator.services.auth_checks import live_problems
from rotator.system.paths import find_paths
from tests.support.children import Lines, end
from tests.support.forked_command import forked_child, run_command
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import api, as_anybody, as_opencode, oauth, open_live
from tests.support.rotator_process import Ended
from tests.support.waiting import wait_until
from tests.support.without_rights import READ_AND_WRITE_ANYTHING

pytestmark = pytest.mark.no_cover

WHOLE = {"acme": api("b"), "named": oauth("ada")}
SWAPPED = WHOLE | {"acme": api("a")}
SECONDS = 30.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # another file system than that of the tests
TORN = "if nobody is writing it any more, rotator rotate PROVIDER --yes writes it anew"
MEND = "mend it or move it away; opencode makes a new one at the next login"
SAVE = (
    "opencode takes it for empty, and its next login would be all that is left: save it as UTF-8"
    " without a byte order mark"
)
RIGHTS = "check its rights, those of its folders, and where it leads"


def away(file: Path) -> None:
    """Take away whatever stands there."""
    file.parent.chmod(0o700)
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)


# -- what a person may find there ----------------------------------------------------------


def a_link(file: Path) -> None:
    file.rename(file.with_name("auth.json.real"))
    file.symlink_to("auth.json.real")


def a_link_to_nothing(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parent / "folder" / "auth.json.real")


def a_loop(file: Path) -> None:
    away(file)
    file.symlink_to("auth.json.other")
    other = file.with_name("auth.json.other")
    if not other.is_symlink():
        other.symlink_to(file)


def a_read_only_file(file: Path) -> None:
    file.chmod(0o400)


def a_file_that_nobody_may_read(file: Path) -> None:
    file.chmod(0)


def a_read_only_folder(file: Path) -> None:
    """With a file that may not be written either: else that is written in place."""
    file.chmod(0o400)
    file.parent.chmod(0o500)


def a_folder(file: Path) -> None:
    away(file)
    file.mkdir()


def a_pipe(file: Path) -> None:
    away(file)
    os.mkfifo(file)


def a_socket(file: Path) -> None:
    away(file)
    # The name of a socket may be only so long.
    before = Path.cwd()
    os.chdir(file.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(file.name)
    finally:
        os.chdir(before)


def a_huge_file(file: Path) -> None:
    file.write_bytes(b'{"acme": "' + b"x" * 20_000_000 + b'"}')


def a_deep_file(file: Path) -> None:
    file.write_bytes(b'{"a":' * 200_000)


def two_entries_of_a_name(file: Path) -> None:
    hidden = json.dumps({"acme": api("hidden")})[:-1]
    file.write_text(f"{hidden}, {as_opencode(WHOLE).decode()[1:]}")


def a_byte_order_mark(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())


def nul_bytes(file: Path) -> None:
    file.write_bytes(b"\0" * 300)


def a_nul_byte_in_a_text(file: Path) -> None:
    file.write_bytes(as_opencode(WHOLE).replace(b"KEY-", b"KEY\0"))


def utf_16(file: Path) -> None:
    """As Windows' `>` writes it."""
    file.write_bytes(as_opencode(WHOLE).decode().encode("utf-16"))


def two_byte_order_marks(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" * 2 + as_opencode(WHOLE))


def another_encoding(file: Path) -> None:
    """Opencode reads it, with a mark in place of the letter."""
    file.write_bytes(as_opencode(WHOLE).replace(b"KEY-", b"KEY-\xe9"))


def an_empty_file(file: Path) -> None:
    file.write_bytes(b"")


def a_list(file: Path) -> None:
    file.write_bytes(b"[]")


@dataclass(frozen=True)
class Odd:
    """Something odd: what is said of it, and (None: nothing) why a swap into it is refused."""

    make: Callable[[Path], None]
    said: str | None
    refused: str | None = None
    to_do: str = ""
    # Written anew when it stays so; what stays unreadable is left.
    mended: bool = False

    @property
    def name(self) -> str:
        return self.make.__name__.replace("_", " ")


def used(make: Callable[[Path], None], said: str | None) -> Odd:
    return Odd(make, said)


def torn(make: Callable[[Path], None], why: str) -> Odd:
    return Odd(
        make, f"auth.json is not whole: {why}", f"cannot be changed: {why}", TORN, mended=True
    )


def stays(make: Callable[[Path], None], why: str, to_do: str = MEND) -> Odd:
    said = f"auth.json cannot be used: {why}"
    return Odd(make, said, f"cannot be changed: {why}", to_do)


ODD = [
    used(a_link, None),
    used(a_link_to_nothing, "auth.json is a link to nothing"),
    used(a_read_only_file, "opencode cannot save new tokens in auth.json: chmod 600"),
    used(two_entries_of_a_name, "auth.json has more than one entry of acme"),
    used(a_byte_order_mark, None),
    used(another_encoding, None),
    torn(nul_bytes, "it is empty"),
    torn(an_empty_file, "it is empty"),
    torn(a_nul_byte_in_a_text, "it is not JSON (Invalid control character"),
    torn(a_list, "it is not JSON ('{' was expected"),
    stays(a_loop, "it cannot be opened (Too many levels of symbolic links)", RIGHTS),
    stays(a_file_that_nobody_may_read, "it cannot be opened (Permission denied)", RIGHTS),
    stays(utf_16, "it is UTF-16 text", SAVE),
    stays(two_byte_order_marks, "it has more than one byte order mark", SAVE),
    stays(a_folder, "it is not a regular file but a folder"),
    stays(a_pipe, "it is not a regular file but a pipe"),
    stays(a_socket, "it is not a regular file but a socket"),
    stays(a_huge_file, "it is larger than 4 MiB"),
    stays(a_deep_file, "it is nested too deeply"),
    Odd(
        a_read_only_folder,
        "no account can be put into auth.json",
        "could not be written: Permission denied",
        "check",
    ),
]
every_odd_thing = pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)


def household(home: Path) -> Household:
    """Return the house of a person with two keys of acme and a login of ada's."""
    with open_live(home) as live:
        live.sees(WHOLE | {"acme": api("a")})
        live.sees(WHOLE)
    return Household(home)


@pytest.fixture
def house(home: Path) -> Iterator[Household]:
    house = household(home)
    yield house
    house.auth_file.parent.chmod(0o700)


def rotator(house: Household, *words: str) -> Ended:
    """Run a command that rights hold for; fail if it does not end."""
    rights = READ_AND_WRITE_ANYTHING
    return Ended(
        *run_command(words, env=house.env(), cwd=house.home, seconds=SECONDS, rights=rights)
    )


def facts(file: Path) -> tuple[int, int, int, int]:
    """Return what tells whether something was touched."""
    found = file.lstat()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


# -- the commands ----------------------------------------------------------------------------


@every_odd_thing
def test_every_command_says_what_it_is_and_none_hangs(house: Household, odd: Odd) -> None:
    odd.make(house.auth_file)

    listed, shown = rotator(house, "accounts"), rotator(house, "status", "--json")

    problems = shown.json()["problems"]
    assert (listed.code, shown.code) == (0, 0)
    assert [name in listed.stdout for name in ("acme-1", "acme-2", "ada-acme")] == [True] * 3
    if odd.said is None:
        assert (listed.stderr, problems) == ("", [])
    else:
        assert odd.said in listed.stderr
        assert any(odd.said in problem and odd.to_do in problem for problem in problems)


@every_odd_thing
def test_a_swap_goes_where_it_can_and_else_touches_nothing(house: Household, odd: Odd) -> None:
    odd.make(house.auth_file)
    before = facts(house.auth_file)

    ended = rotator(house, "rotate", "acme", "acme-1", "--json")

    if odd.refused is None:
        assert (ended.code, ended.json()["to"]) == (0, "acme-1")
        return
    error = ended.json()["error"]
    assert (ended.code, facts(house.auth_file)) == (6, before)
    assert str(house.auth_file) in error["message"]
    assert odd.refused in error["message"]
    assert odd.to_do in error["hint"]
    house.auth_file.parent.chmod(0o700)
    assert {p.name for p in house.auth_file.parent.iterdir()} <= {"auth.json", "auth.json.other"}


@pytest.mark.parametrize(
    "odd", [odd for odd in ODD if odd.refused is None], ids=lambda odd: odd.name
)
def test_a_swap_changes_the_entry_alone(house: Household, odd: Odd) -> None:
    odd.make(house.auth_file)
    was_link = house.auth_file.is_symlink()

    rotator(house, "rotate", "acme", "acme-1")

    text = house.auth_file.read_text("utf-8-sig")
    expected = {"acme": api("a")} if odd.make is a_link_to_nothing else SWAPPED
    assert json.loads(text) == expected
    assert house.auth_file.is_symlink() == was_link
    assert stat.S_IMODE(house.auth_file.stat().st_mode) == 0o600


def test_the_hidden_entry_of_a_name_can_be_adopted(house: Household) -> None:
    two_entries_of_a_name(house.auth_file)

    told = rotator(house, "accounts", "adopt", "1").stdout.splitlines()

    assert told == ["acme/acme-3 saved", "unclaimed content 1 is gone"]


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd.mended], ids=lambda odd: odd.name)
def test_with_yes_what_is_torn_is_written_anew(house: Household, odd: Odd) -> None:
    odd.make(house.auth_file)

    assert rotator(house, "rotate", "acme", "acme-1", "--yes").code == 0

    assert house.read_auth() == SWAPPED


@pytest.mark.parametrize(
    "odd",
    [odd for odd in ODD if odd.refused and not odd.mended],
    ids=lambda odd: odd.name,
)
def test_with_yes_what_stays_unreadable_is_left(house: Household, odd: Odd) -> None:
    odd.make(house.auth_file)
    before = facts(house.auth_file)

    assert rotator(house, "rotate", "acme", "acme-1", "--yes").code == 6

    assert facts(house.auth_file) == before


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Return a folder on another file system than the rest of the test."""
    if SHARED_MEMORY.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.fail("the system has no second file system to try it on")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        yield Path(folder)


@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing"])
def test_a_link_into_another_file_system_is_followed(
    house: Household, elsewhere: Path, *, there: bool
) -> None:
    real = elsewhere / "auth.json"
    if there:
        real.write_bytes(house.auth_file.read_bytes())
    house.auth_file.unlink()
    house.auth_file.symlink_to(real)

    ended = rotator(house, "rotate", "acme", "acme-1")

    assert (ended.code, house.auth_file.is_symlink()) == (0, True)
    assert json.loads(real.read_bytes())["acme"] == api("a")
    assert [path.name for path in elsewhere.iterdir()] == ["auth.json"]


# -- a watcher -------------------------------------------------------------------------------


class Watched:
    """A watcher in a house, started beside something odd."""

    def __init__(self, odd: Odd, home: Path, stack: contextlib.ExitStack) -> None:
        self.odd, self.house = odd, household(home)
        odd.make(self.house.auth_file)
        self.before = facts(self.house.auth_file)
        env, rights = self.house.env(), READ_AND_WRITE_ANYTHING
        self.process = stack.enter_context(
            forked_child(["watch"], env=env, cwd=home, rights=rights)
        )
        self.lines = Lines(self.process)

    def ready(self) -> None:
        self.lines.wait_for("watching ", SECONDS)

    def events(self, kind: EventKind) -> list[Event]:
        with open_context(find_paths(places(self.house.home))) as context:
            found = [numbered.event for numbered in context.history.read()]
        return [event for event in found if event.kind is kind]

    def names(self) -> set[str]:
        with open_context(find_paths(places(self.house.home))) as context:
            return {account.name for account in context.store.state().accounts}

    def log_in(self, name: str) -> None:
        """Take away what is odd, log in with another key, and wait until it is saved."""
        away(self.house.auth_file)
        before = self.names()
        self.house.write_auth(WHOLE | {"acme": api(name)})
        wait_until(lambda: self.names() > before, SECONDS, f"a login after {self.odd.name}")

    def what_became_of_it(self) -> None:
        """Wait until it was mended, or was said to be what it is."""
        odd, file = self.odd, self.house.auth_file
        if odd.mended:
            wait_until(lambda: self.events(EventKind.RESTORED), SECONDS, f"{odd.name} to be mended")
            assert self.house.read_auth() == WHOLE
        elif odd.refused is not None and odd.make is not a_read_only_folder:
            wait_until(lambda: self.events(EventKind.PROBLEM), SECONDS, f"a word on {odd.name}")
            assert odd.refused in self.events(EventKind.PROBLEM)[-1].why
            assert facts(file) == self.before

    def end(self) -> None:
        code = end(self.process)
        self.lines.join()
        assert code == 0, self.lines.seen


@pytest.mark.timeout(240)
def test_a_watcher_says_it_too_mends_what_it_can_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """All at once: what is torn is given ten seconds."""
    with contextlib.ExitStack() as stack:
        watched = [Watched(odd, tmp_path_factory.mktemp("home"), stack) for odd in ODD]
        for one in watched:
            one.ready()
        for one in watched:
            one.what_became_of_it()
        for one in watched:
            one.log_in("c")
            # And while it watches.
            one.odd.make(one.house.auth_file)
        for one in watched:
            one.log_in("d")
        for one in watched:
            one.end()
            assert {"acme/acme-1", "acme/acme-2", "named/ada-acme.example"} < one.names()


# -- who else may write it ---------------------------------------------------------------------


@pytest.fixture
def file(home: Path) -> Path:
    """Return an auth.json with the rights that opencode gives it."""
    house = Household(home)
    house.write_auth(WHOLE)
    house.auth_file.parent.chmod(0o700)
    return house.auth_file


def test_a_file_that_is_one_s_own_is_no_problem(file: Path) -> None:
    assert live_problems(file) == []


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_said(file: Path, mode: int) -> None:
    file.chmod(mode)

    assert live_problems(file) == [f"others may change auth.json: chmod 600 {file}"]


def test_a_file_that_others_may_only_read_is_opencode_s_own_affair(file: Path) -> None:
    file.chmod(0o644)

    assert live_problems(file) == []


def test_a_folder_in_which_anybody_may_write_is_said(file: Path) -> None:
    file.parent.chmod(0o777)

    assert live_problems(file) == [f"anybody may replace auth.json: chmod o-w {file.parent}"]


def test_a_folder_in_which_nobody_may_replace_another_s_file_is_none(file: Path) -> None:
    """As /tmp is: with the sticky bit."""
    file.parent.chmod(0o1777)

    assert live_problems(file) == []


def test_a_link_is_judged_by_what_it_leads_to(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "auth.json.real"
    file.rename(target)
    file.symlink_to(target)
    target.chmod(0o666)
    tmp_path.chmod(0o777)

    problems = live_problems(file)

    tmp_path.chmod(0o700)
    assert problems == [
        f"anybody may replace auth.json: chmod o-w {tmp_path}",
        f"others may change auth.json: chmod 600 {target}",
    ]


def test_a_file_of_another_user_is_said(file: Path) -> None:
    if os.geteuid() == 0:
        os.chown(file, 1, -1)
    else:
        file.unlink()
        file.symlink_to("/etc/passwd")
    owner = file.stat().st_uid

    said = f"auth.json belongs to another user (uid {owner}): chown it, or move it away"
    assert said in live_problems(file)


def test_what_cannot_be_looked_at_is_no_error(file: Path) -> None:
    file.parent.chmod(0)

    with as_anybody():
        problems = live_problems(file)

    file.parent.chmod(0o700)
    assert [problem.partition(":")[0] for problem in problems] == [
        "no account can be put into auth.json",
        f"{file} cannot be used",
    ]
