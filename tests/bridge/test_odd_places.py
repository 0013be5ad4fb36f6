"""What stands where the bridge's files should be never holds opencode up (field case I7)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridge.test_turns import BUSY, status
from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream, model_request
from tests.support.waiting import wait_until
from tests.support.without_rights import without_rights

A = "KEY-CANARY-A"
# What a failed request may be held up for; without a word it is 250 ms.
PASSES_MS = 300
HUGE_BYTES = 8 * 1024**3


def pipe(path: Path) -> None:
    os.mkfifo(path)


def pipe_behind_a_link(path: Path) -> None:
    target = path.with_name(f"{path.name}-pipe")
    os.mkfifo(target)
    path.symlink_to(target)


def folder(path: Path) -> None:
    (path / "in it").mkdir(parents=True)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    # The bridge may take it away as soon as it has its name.
    with path.open("xb") as file:
        os.truncate(file.fileno(), HUGE_BYTES)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS = [pipe, pipe_behind_a_link, folder, device, huge, loop]
Kind = Callable[[Path], None]


def put(kind: Kind, path: Path) -> None:
    """Put that in place of whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind(path)


@pytest.fixture
def process(home: Path, live: LiveFile, upstream: Upstream) -> Iterator[BridgeProcess]:
    """Return a process that has not loaded the bridge yet; the key A is limited."""
    assert live.path.exists()
    upstream.limit(A)
    with bridge_process(home, variables={"BRIDGE_HASTE": "50"}) as process:
        yield process
    # Every file is searched for secrets at the end, byte by byte.
    for path in home.rglob("*"):
        if path.is_file() and path.lstat().st_size == HUGE_BYTES:
            path.unlink()


def passes(process: BridgeProcess, upstream: Upstream) -> None:
    """Send a request of which opencode has to get the failed answer, and soon."""
    # What the runtime itself needs for its first request is none of ours.
    process.run("fetch", **model_request(upstream, mark=None))
    answer = process.run("fetch", **model_request(upstream))
    assert (answer["status"], answer["body"]) == (429, "limited")
    assert answer["ms"] < PASSES_MS


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_odd_in_place_of_what_the_bridge_reads_holds_a_request_up(
    kind: Kind, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    process.load()
    put(kind, watcher.folder / "state.json")
    passes(process, upstream)
    put(kind, live.path)
    passes(process, upstream)

    assert watcher.waiting() == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_odd_in_place_of_what_the_bridge_writes_holds_a_request_up(
    kind: Kind, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    present = watcher.folder / "present"
    for ending in (".json", ".sessions", ".tmp"):
        put(kind, present / f"{'.' if ending == '.tmp' else ''}{process.pid}{ending}")
    process.load()
    put(kind, present / f"{process.pid}.busy")
    status(process, "ses_1", BUSY)
    put(kind, watcher.inbox)
    passes(process, upstream)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_odd_in_place_of_a_verdict_holds_a_request_up(
    kind: Kind, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    process.load()
    process.run("fetch", **model_request(upstream, mark=None))

    pending = process.start("fetch", **model_request(upstream))
    name = watcher.next_signal()["id"]
    put(kind, watcher.outbox / f"{name}.json")
    answer = pending.result()

    assert (answer["status"], answer["ms"] < PASSES_MS + 50) == (429, True)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_odd_in_place_of_the_watchers_files_holds_a_request_up_that_asks_just_then(
    kind: Kind, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    process.load()
    process.run("fetch", **model_request(upstream, mark=None))

    pending = process.start("fetch", **model_request(upstream))
    watcher.next_signal()
    for name in ("state.json", "beat"):
        put(kind, watcher.folder / name)
    answer = pending.result()

    assert (answer["status"], answer["ms"] < PASSES_MS + 50) == (429, True)
    passes(process, upstream)


@pytest.mark.parametrize("name", ["inbox", "outbox", "present", "descent"])
@pytest.mark.parametrize("kind", [pipe, pipe_behind_a_link, device, huge, loop])
def test_what_is_no_folder_holds_no_request_up(
    kind: Kind, name: str, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    put(kind, watcher.folder / name)
    process.load()
    status(process, "ses_1", BUSY)

    passes(process, upstream)


@pytest.mark.parametrize("kind", [pipe, pipe_behind_a_link, device, huge, loop])
def test_a_bridge_whose_folder_is_taken_away_is_there_again_once_there_is_one(
    kind: Kind, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    process.load()
    put(kind, watcher.folder)
    passes(process, upstream)
    watcher.folder.unlink()
    passes(process, upstream)

    # Where its own name could not be looked at it takes another one with its pid.
    told = f"present/{process.pid}*.json"
    wait_until(lambda: any(watcher.folder.glob(told)), 15, "the bridge's file")


@pytest.mark.parametrize("mode", [0o600, 0o200, 0], ids=oct)
def test_folders_that_nobody_may_look_into_hold_no_request_up(
    home: Path, live: LiveFile, upstream: Upstream, watcher: FakeWatcher, mode: int
) -> None:
    upstream.limit(A)
    places = [
        watcher.inbox,
        watcher.outbox,
        watcher.folder,
        watcher.folder.parent,
        live.path.parent,
    ]
    with bridge_process(home, before=tuple(without_rights())) as process:
        process.load()
        for one in places:
            one.chmod(mode)
            try:
                passes(process, upstream)
            finally:
                one.chmod(0o700)


def test_a_state_that_grows_all_the_time_is_not_read_for_ever(
    process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    process.load()
    over = threading.Event()

    def grow() -> None:
        with (watcher.folder / "state.json").open("ab", buffering=0) as file:
            while not over.is_set():
                file.write(b" " * 4096)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        passes(process, upstream)
    finally:
        over.set()
        writer.join()


def test_a_flooded_outbox_is_not_read_through(
    process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    for number in range(3_000):
        os.mknod(watcher.outbox / f"{number}.json")
    process.load()

    pending = process.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 429
    passes_after_no_word(process, upstream, watcher)


def passes_after_no_word(process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher) -> None:
    """Let nobody answer a signal: opencode's thread has to be free meanwhile."""
    answer = process.run("fetch", **model_request(upstream))
    assert (answer["status"], answer["ms"] < PASSES_MS + 50) == (429, True)
    assert watcher.waiting() == []


def test_a_full_disk_holds_no_request_up(
    home: Path, live: LiveFile, upstream: Upstream, watcher: FakeWatcher
) -> None:
    assert live.path.exists()
    upstream.limit(A)
    told = (watcher.folder / "state.json").read_text()
    with bridge_process(home, before=on_a_full_disk(watcher.folder, told)) as process:
        process.load()
        status(process, "ses_1", BUSY)
        passes(process, upstream)


def on_a_full_disk(folder: Path, told: str) -> tuple[str, ...]:
    """Return what runs a program that has the folder on a disk which state.json fills."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.fail("unshare is not installed", pytrace=False)
    words = [unshare, "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        words += ["--user", "--map-root-user"]
    probe = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.fail(f"no mount namespace can be made: {probe.stderr}", pytrace=False)
    script = (
        'mount -t tmpfs -o size=16k tmpfs "$1" && mkdir "$1/inbox" "$1/outbox" "$1/present"'
        ' && printf %s "$2" > "$1/state.json"; cat /dev/zero > "$1/fill" 2>/dev/null;'
        ' shift 2; exec "$@"'
    )
    return (*words, "/bin/sh", "-c", script, "sh", str(folder), told)


def test_without_rights_in_its_folders_the_bridge_holds_no_request_up(
    home: Path, live: LiveFile, upstream: Upstream, watcher: FakeWatcher
) -> None:
    assert live.path.exists()
    upstream.limit(A)
    (watcher.folder / "present").mkdir()
    places = [watcher.inbox, watcher.folder / "present", watcher.folder]
    try:
        for one in places:
            one.chmod(0o500)
        with bridge_process(home, before=tuple(without_rights())) as process:
            process.load()
            status(process, "ses_1", BUSY)
            passes(process, upstream)
        watcher.inbox.chmod(0o700)
        (watcher.folder / "state.json").chmod(0)
        live.path.chmod(0)
        with bridge_process(home, before=tuple(without_rights())) as process:
            process.load()
            passes(process, upstream)
    finally:
        for one in reversed(places):
            one.chmod(0o700)


def test_a_link_in_place_of_its_list_of_sessions_is_not_written_through(
    home: Path, process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    precious = home / "precious"
    precious.write_text("mine\n")
    present = watcher.folder / "present"
    present.mkdir()
    for ending in (".sessions", ".busy"):
        (present / f"{process.pid}{ending}").symlink_to(precious)
    process.load()
    (present / f"{process.pid}.busy").unlink(missing_ok=True)
    (present / f"{process.pid}.busy").symlink_to(precious)

    status(process, "ses_1", BUSY)
    passes_unasked(process, upstream, watcher)

    assert precious.read_text() == "mine\n"


def passes_unasked(process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher) -> None:
    pending = process.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")
    assert pending.result()["status"] == 429


def test_what_says_that_it_is_there_is_made_again_when_its_folder_is_removed(
    process: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    process.load()
    status(process, "ses_1", BUSY)
    passes_unasked(process, upstream, watcher)
    present = watcher.folder / "present"
    shutil.rmtree(present)

    files = [present / f"{process.pid}{ending}" for ending in (".json", ".busy", ".sessions")]
    wait_until(lambda: all(one.exists() for one in files), 15, "the bridge's files")

    assert json.loads(files[0].read_text())["pid"] == process.pid
    assert files[2].read_text() == "ses_1\n"
