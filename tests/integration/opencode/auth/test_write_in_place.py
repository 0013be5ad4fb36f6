"""Writing into auth.json itself, where another file may not take its place."""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.errors import LiveFileError
from rotator.live.swap import SwapRequest, swap, take_out
from rotator.opencode.auth.file_lease import alone
from rotator.opencode.auth.journal import Journal, parse_journal, remove_journal, write_journal
from rotator.opencode.auth.placement import Neighbours, why_in_place
from rotator.opencode.auth.placement_sentences import placement_notes
from tests.support.children import Lines, child
from tests.support.faults import Seam, Step, at, error
from tests.support.live import Live, api, as_anybody, as_opencode, full_disk, oauth, open_live

pytestmark = pytest.mark.no_cover

A, B = "acme/acme-1", "acme/acme-2"
LONG = api("b") | {"metadata": {"note": "x" * 9000}}


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Two logins of acme, the longer one live in a file of two names."""
    with open_live(home) as live:
        live.sees({"acme": api("a"), "zeta": api("z")})
        live.sees({"acme": LONG, "zeta": api("z")})
        second(live).hardlink_to(live.file)
        yield live


def second(live: Live) -> Path:
    return live.file.parent.with_name("second-canary.json")


def put(live: Live, name: str) -> None:
    assert swap(live.context, SwapRequest(live.account(name).id, "for the test")) is not None


def void(_: object) -> None:
    """Take a value and return nothing."""


def test_c5_both_names_of_a_file_hold_what_was_put_in(live: Live) -> None:
    for name, entry in ((A, api("a")), (B, LONG)):
        put(live, name)

        assert live.file.samefile(second(live))
        assert live.entries() == {"acme": entry, "zeta": api("z")}
    assert not live.paths.journal.exists()
    assert [path.name for path in live.file.parent.iterdir()] == ["auth.json"]


def test_c5_an_entry_is_taken_out_in_place(live: Live) -> None:
    assert take_out(live.context, live.account(B), also=lambda: None)

    assert json.loads(second(live).read_bytes()) == {"zeta": api("z")}


def test_a_link_to_a_file_of_two_names_leads_to_both(live: Live) -> None:
    target = live.file.parent.with_name("elsewhere-canary.json")
    live.file.rename(target)
    live.file.symlink_to(target)

    put(live, A)

    assert live.file.is_symlink()
    assert target.samefile(second(live))
    assert live.entries()["acme"] == api("a")


def test_c5_a_second_name_is_said(live: Live) -> None:
    assert placement_notes(live.file) == [
        "auth.json is written in place: it has 2 names (hard links)"
    ]
    second(live).unlink()
    assert placement_notes(live.file) == []


def test_rights_that_somebody_was_given_stay(live: Live) -> None:
    second(live).unlink()
    # acl(5), as it stands in the attribute: version, then tag, rights and whose of each.
    rights = [(1, 6, -1), (2, 4, 4711), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *one) for one in rights)
    try:
        os.setxattr(live.file, "system.posix_acl_access", value)
    except OSError as exc:
        pytest.fail(f"no access lists in {live.file.parent}: {exc.strerror}", pytrace=False)
    assert why_in_place(live.file, Neighbours()) == "it has an access list"

    put(live, A)

    assert live.entries()["acme"] == api("a")
    assert os.getxattr(live.file, "system.posix_acl_access") == value


def test_a_file_that_everybody_may_read_is_narrowed_in_place(live: Live) -> None:
    live.file.chmod(0o644)

    put(live, A)

    assert stat.S_IMODE(second(live).stat().st_mode) == 0o600


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_where_a_rename_fails_for_what_nobody_could_see_it_is_written_in_place(
    live: Live, code: int
) -> None:
    second(live).unlink()
    before = live.file.stat().st_ino

    def refuse(step: Step) -> None:
        if step.name == "replace" and step.to == live.file:
            raise error(step, code)

    with Seam().watching(refuse):
        put(live, A)

    assert (live.entries()["acme"], live.file.stat().st_ino) == (api("a"), before)
    assert [path.name for path in live.file.parent.iterdir()] == ["auth.json"]


# -- what a crash leaves ------------------------------------------------------------------------


def interrupted(live: Live, content: bytes, after: bytes) -> None:
    """Leave everything as a write in place does that came to no end."""
    inode = live.file.stat().st_ino
    journal = Journal(live.file, inode, live.file.read_bytes(), after)
    write_journal(live.paths.journal, journal)
    live.file.write_bytes(content)


def contents(live: Live) -> tuple[bytes, bytes]:
    return live.file.read_bytes(), as_opencode({"acme": api("a"), "zeta": api("z")})


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_mixture_of_both_gets_the_old_content_back(live: Live, part: float) -> None:
    old, new = contents(live)
    cut = int(len(new) * part)
    interrupted(live, new[:cut] + old[cut:], new)

    live.look(watched=False)

    assert second(live).read_bytes() == old
    assert (live.active("acme"), live.paths.journal.exists()) == ("acme-2", False)


def test_a_new_content_that_is_not_shortened_yet_is_shortened(live: Live) -> None:
    old, new = contents(live)
    interrupted(live, new.ljust(len(old)), new)

    live.look(watched=False)

    assert second(live).read_bytes() == new
    assert (live.active("acme"), live.paths.journal.exists()) == ("acme-1", False)


def test_an_old_content_that_room_was_made_behind_is_the_old_one(live: Live) -> None:
    put(live, A)
    new = as_opencode({"acme": LONG, "zeta": api("z")})
    old = live.file.read_bytes()
    interrupted(live, old.ljust(len(new)), new)

    live.look(watched=False)

    assert second(live).read_bytes() == old


@pytest.mark.parametrize("entry", [api("a"), LONG], ids=["the new one", "the old one"])
def test_one_of_both_stays(live: Live, entry: dict[str, object]) -> None:
    old, new = contents(live)
    content = new if entry == api("a") else old
    interrupted(live, content, new)

    live.look(watched=False)

    assert second(live).read_bytes() == content
    assert not live.paths.journal.exists()


def test_what_opencode_has_written_since_stays_and_is_saved(live: Live) -> None:
    newer = as_opencode({"acme": api("c"), "zeta": api("z")})
    interrupted(live, newer, contents(live)[1])

    live.look(watched=False)

    assert live.file.read_bytes() == newer
    assert live.saved("acme/acme-3") == api("c")
    assert not live.paths.journal.exists()


def test_what_opencode_is_writing_just_now_is_left_to_it(live: Live) -> None:
    interrupted(live, b'{"acme"', contents(live)[1])

    live.look(watched=False)

    assert live.file.read_bytes() == b'{"acme"'


def test_another_file_that_took_its_place_since_stays(live: Live) -> None:
    old, new = contents(live)
    interrupted(live, old, new)
    beside = live.file.with_name("other")
    beside.write_bytes(new[:30] + old[30:])
    beside.replace(live.file)

    live.look(watched=False)

    assert live.file.read_bytes() == new[:30] + old[30:]
    assert not live.paths.journal.exists()


def test_a_file_that_is_gone_since_stays_gone(live: Live) -> None:
    interrupted(live, *contents(live))
    live.file.unlink()

    live.look(watched=False)

    assert not live.file.exists()
    assert not live.paths.journal.exists()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[:-10], id="cut off"),
        pytest.param(lambda text: text.replace(b'"schema": 1', b'"schema": 9'), id="of another"),
        pytest.param(lambda text: text.replace(b'"before": "', b'"before": "AAAA'), id="changed"),
        pytest.param(lambda _: b"[]", id="no object"),
        pytest.param(lambda _: b'{"schema": 1, "file": 7}', id="of other types"),
    ],
)
def test_a_journal_that_cannot_be_trusted_changes_nothing(
    live: Live, damage: Callable[[bytes], bytes]
) -> None:
    old, new = contents(live)
    interrupted(live, new[:30] + old[30:], new)
    live.paths.journal.write_bytes(damage(live.paths.journal.read_bytes()))

    live.look(watched=False)

    assert live.file.read_bytes() == new[:30] + old[30:]
    assert not live.paths.journal.exists()


def test_the_journal_is_private_and_on_the_disk_before_anything_is_changed(live: Live) -> None:
    seen = list[tuple[int, bytes]]()

    def note(step: Step) -> None:
        if step.name == "pwrite" and step.path == live.file:
            mode = stat.S_IMODE(live.paths.journal.stat().st_mode)
            journal = parse_journal(live.paths.journal.read_bytes())
            assert journal is not None
            seen.append((mode, journal.before))

    before = live.file.read_bytes()
    with Seam().watching(note) as trace:
        put(live, A)

    steps = [(s.name, s.path) for s in trace]
    first = steps.index(("pwrite", live.file))
    renamed = next(n for n, s in enumerate(trace) if s.to == live.paths.journal)
    folder = steps.index(("fsync", live.paths.data), renamed)
    assert ("fsync", trace[renamed].path) in steps[:renamed]
    assert renamed < folder < first < steps.index(("fsync", live.file))
    assert steps.index(("fsync", live.file)) < steps.index(("unlink", live.paths.journal))
    assert seen == [(0o600, before)]


def test_it_is_written_in_one_call(live: Live) -> None:
    with Seam().watching() as trace:
        put(live, A)

    written = [len(s.data) for s in trace if s.name == "pwrite" and s.path == live.file]
    assert written == [len(as_opencode({"acme": LONG, "zeta": api("z")}))]


def test_a_full_disk_leaves_it_as_it_was(live: Live) -> None:
    put(live, A)
    before = live.file.read_bytes()

    with full_disk(len(before) + 5000), pytest.raises(LiveFileError, match="could not be written"):
        put(live, B)

    assert (live.file.read_bytes(), live.active("acme")) == (before, "acme-1")
    assert not live.paths.journal.exists()


@pytest.mark.parametrize("name", ["pwrite", "ftruncate", "fsync"])
def test_a_write_that_fails_halfway_is_undone_and_leaves_no_journal(live: Live, name: str) -> None:
    before = live.file.read_bytes()

    def refuse(step: Step) -> None:
        raise error(step, errno.EIO)

    def is_ours(step: Step) -> bool:
        return step.name == name and step.path == live.file

    with Seam().watching(at(1, refuse, is_ours)), pytest.raises(LiveFileError):
        put(live, A)

    assert (second(live).read_bytes(), live.active("acme")) == (before, "acme-2")
    assert not live.paths.journal.exists()


# -- who has it open meanwhile ------------------------------------------------------------------

WRITER = """
import sys
print("ready", flush=True)
sys.stdin.readline()
with open(sys.argv[1], "w") as file:
    file.write(sys.argv[2])
"""


def test_a_login_between_the_last_look_and_the_write_is_not_lost(live: Live) -> None:
    """Its writer is held up until we have written; without that it would be gone."""
    newer = as_opencode({"acme": api("c"), "zeta": api("z")}).decode()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, live.file, newer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        given = writer.stdin

        def write(_: Step) -> None:
            given.write("go\n")
            given.flush()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(0.5)

        with Seam().watching(
            at(1, write, lambda step: step.name == "pwrite" and step.path == live.file)
        ):
            put(live, A)
        assert writer.wait(30) == 0
    live.look()

    assert live.saved("acme/acme-3") == api("c")
    assert live.entries() == {"acme": api("c"), "zeta": api("z")}


def test_whoever_keeps_it_open_keeps_nobody_from_a_swap(live: Live) -> None:
    with live.file.open("rb"):
        began = time.monotonic()
        put(live, A)

    assert live.entries()["acme"] == api("a")
    assert time.monotonic() - began < 5


def test_whoever_keeps_it_open_is_not_waited_for_longer_than_a_request_can_wait(
    live: Live,
) -> None:
    with live.file.open("rb"), live.file.open("r+b") as ours:
        began = time.monotonic()
        with alone(ours.fileno()):
            waited = time.monotonic() - began

    assert waited < 1


def test_whoever_was_held_up_goes_on_once_it_is_written_though_we_keep_it_open(live: Live) -> None:
    def is_open_to_others() -> bool:
        try:
            os.close(os.open(live.file, os.O_WRONLY | os.O_NONBLOCK))
        except BlockingIOError:
            return False
        return True

    with live.file.open("r+b") as ours:
        with alone(ours.fileno()):
            meanwhile = is_open_to_others()
        after = is_open_to_others()

    assert (meanwhile, after) == (False, True)


def test_a_login_just_before_the_last_look_gives_the_write_up(live: Live) -> None:
    """It is found, saved, and the swap is made of what stands there then."""
    newer = {"acme": LONG, "zeta": api("y")}

    def is_journal(step: Step) -> bool:
        return step.name == "replace" and step.to == live.paths.journal

    with Seam().watching(at(1, lambda _: void(live.write(newer)), is_journal)):
        put(live, A)

    assert live.entries() == {"acme": api("a"), "zeta": api("y")}
    assert live.saved("zeta/zeta-2") == api("y")
    assert live.file.samefile(second(live))


READER = """
import json, sys, time
torn = read = 0
print("ready", flush=True)
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    try:
        with open(sys.argv[1], "rb") as file:
            text = file.read()
        if json.loads(text).get("stop"):
            break
        read += 1
    except ValueError:
        torn += 1
print(torn, "torn of", read, flush=True)
"""


def test_nobody_reads_a_torn_file_while_it_is_written_in_place(live: Live) -> None:
    command = [sys.executable, "-c", READER, str(live.file)]
    with child(command, env=dict(os.environ), cwd=live.file.parent) as process:
        lines = Lines(process)
        lines.wait_for("ready", 30)
        for number in range(60):
            put(live, (A, B)[number % 2])
        live.file.with_name("stop").write_text('{"stop": true}')
        live.file.with_name("stop").replace(live.file)
        told = lines.wait_for("torn", 30)

    assert told.startswith("0 torn of ")
    assert int(told.split()[-1]) > 60


def test_a_refresh_is_mended_in_place(live: Live) -> None:
    others = live.entries()
    live.sees(others | {"named": oauth("ada", 1)})
    live.sees(others | {"named": oauth("ada", 2)})

    live.sees(others | {"named": oauth("ada", 1)})

    assert json.loads(second(live).read_bytes()) == others | {"named": oauth("ada", 2)}


def test_what_cannot_be_put_right_now_is_put_right_later(live: Live) -> None:
    old, new = contents(live)
    interrupted(live, new[:30] + old[30:], new)
    live.file.chmod(0o400)
    with as_anybody():
        live.look(watched=False)
    kept = live.paths.journal.exists()

    live.file.chmod(0o600)
    live.look(watched=False)

    assert (kept, live.paths.journal.exists()) == (True, False)
    assert live.file.read_bytes() == old


def test_a_journal_that_went_with_its_folder_needs_no_removal(live: Live) -> None:
    """The write that it was about has come to its end: nothing is told of it."""
    remove_journal(live.paths.journal.parent / "gone" / live.paths.journal.name)
