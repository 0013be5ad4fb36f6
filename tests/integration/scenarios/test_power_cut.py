"""What a power cut may leave, as far as the order of writing and syncing shows it.

A scene runs once; then, for each moment of it, every content is worked out that the disk may
have by then: what was written and not synced may be there, in part or not at all, and a name
that was given and whose folder was not synced may be given or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.faults import Seam, Step
from tests.support.interrupted import BEFORE, SCENES, Scene, file_in, furnish, opened, vendor_of
from tests.support.live import Entry, Live, api

pytestmark = pytest.mark.no_cover

WRITING = {"swap", "mending", "rebuilding", "removal of the only one", "refresh"}
REFRESH = "INSERT OR REPLACE INTO refresh (account, spent, begun_at, attempts"


@dataclass
class File:
    """A file's bytes, and what of them is on the disk for sure (None: nobody can tell)."""

    content: bytes = b""
    synced: bytes | None = None

    def after_a_cut(self) -> set[bytes]:
        """Return every content that it may have after a power cut."""
        if self.synced == self.content:
            return {self.content}
        return {b"", self.content[: len(self.content) // 2], self.content, self.synced or b""}


@dataclass
class Disk:
    """The folders and files that a trace is about; before it everything is on the disk."""

    names: dict[Path, File]
    # What each name may stand for after a power cut; nothing, if None is among it.
    may_be: dict[Path, list[File | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with what is there."""
        self.may_be = {path: [file] for path, file in self.names.items()}

    def take(self, step: Step, *, is_new: bool) -> None:
        """Do what a step does."""
        path = step.path
        if path is None:
            return
        match step.name:
            case "open" if is_new and step.changes:
                self._name(path, File())
            case "write" | "pwrite" if path in self.names:
                self.names[path].content += step.data
            case "fsync":
                self._sync(path)
            case "replace" if step.to is not None:
                self._name(step.to, self.names.pop(path))
                self.may_be.setdefault(path, []).append(None)
            case "unlink" if path in self.names:
                del self.names[path]
                self.may_be.setdefault(path, []).append(None)

    def contents(self, path: Path) -> set[bytes | None]:
        """Return everything that `path` may hold after a power cut; None: it may be missing."""
        found: set[bytes | None] = set()
        for file in self.may_be.get(path, [None]):
            found |= {None} if file is None else file.after_a_cut()
        return found

    def _name(self, path: Path, file: File) -> None:
        self.names[path] = file
        self.may_be.setdefault(path, [None]).append(file)

    def _sync(self, path: Path) -> None:
        if path in self.names:
            self.names[path].synced = self.names[path].content
            return
        for name in self.may_be:
            if name.parent == path:
                self.may_be[name] = [self.names.get(name)]


def moments(trace: list[Step], auth_file: Path, content: bytes) -> Iterator[tuple[Step, Disk]]:
    """Yield the disk as it may be right after each step of a trace."""
    disk = Disk({auth_file: File(content, content)})
    for step in trace:
        disk.take(step, is_new=step.path not in disk.names)
        yield step, disk


def run(scene: Scene, home: Path, act: Callable[[Live], None]) -> list[Step]:
    with Seam().watching() as trace, opened(home, scene, vendor_of(scene, home)) as live:
        act(live)
    return trace


def is_one_of(content: bytes | None, before: bytes, after: dict[str, Entry]) -> bool:
    return content == before or (content is not None and json.loads(content) == after)


@pytest.mark.parametrize("scene", [s for s in SCENES if s.what in WRITING], ids=str)
def test_a_power_cut_leaves_the_old_auth_json_or_the_new_one(home: Path, scene: Scene) -> None:
    furnish(home, scene)
    file = file_in(home)

    trace = run(scene, home, scene.act)

    left: set[bytes | None] = set()
    for step, disk in moments(trace, file, scene.content):
        left = disk.contents(file)
        assert all(is_one_of(content, scene.content, scene.left) for content in left), step
    # By the time that success is reported it is the new one, whatever happens then.
    assert left == {file.read_bytes()}
    assert "replace" in [step.name for step in trace]


@pytest.mark.parametrize("scene", [s for s in SCENES if s.what in WRITING], ids=str)
def test_nothing_is_taken_away_but_what_never_had_a_name(home: Path, scene: Scene) -> None:
    furnish(home, scene)

    trace = run(scene, home, scene.act)

    gone = [step.path for step in trace if step.name == "unlink" and step.path is not None]
    # What a vendor answered lies in a file until the store has it.
    named = [path for path in gone if not path.name.endswith(".rotator-tmp")]
    assert all(re.fullmatch(r"answer-.+\.json", path.name) for path in named)


def positions(trace: list[Step], matches: Callable[[Step], bool]) -> list[int]:
    return [number for number, step in enumerate(trace) if matches(step)]


def test_what_nobody_has_saved_is_in_the_store_before_something_is_put_in_its_place(
    home: Path,
) -> None:
    scene = next(scene for scene in SCENES if scene.what == "swap")
    furnish(home, scene)
    file_in(home).write_text(json.dumps({**BEFORE, "acme": api("c")}))

    trace = run(scene, home, scene.act)

    store = home / ".local" / "share" / "opencode-rotator" / "rotator.sqlite"
    saved = positions(trace, lambda s: s.words.startswith("INSERT INTO account"))
    commits = positions(trace, lambda s: s.words == "COMMIT" and s.path == store)
    renames = positions(trace, lambda s: s.name == "replace")
    assert len(saved) == len(renames) == 1
    assert any(saved[0] < commit < renames[0] for commit in commits)
    # A commit is on the disk when it returns.
    durable = positions(trace, lambda s: s.path == store and s.words == "PRAGMA synchronous = FULL")
    assert durable
    assert durable[0] < saved[0]
    assert not positions(trace, lambda s: s.path == store and "synchronous = NORMAL" in s.words)


def test_a_new_store_is_where_a_power_cut_leaves_it_before_anything_is_saved_in_it(
    home: Path,
) -> None:
    scene = next(scene for scene in SCENES if scene.what == "capture")
    file_in(home).parent.mkdir(parents=True)
    file_in(home).write_bytes(scene.content)

    trace = run(scene, home, scene.act)

    store = home / ".local" / "share" / "opencode-rotator" / "rotator.sqlite"
    saved = positions(trace, lambda s: s.words.startswith("INSERT INTO account"))[0]
    new = [step.path for step in trace[:saved] if step.name == "mkdir" and step.path is not None]
    synced = {step.path for step in trace[:saved] if step.name == "fsync"}
    assert store.parent in new
    assert {store.parent, *(path.parent for path in new if store.is_relative_to(path))} <= synced


def test_tokens_are_in_the_store_before_they_are_in_auth_json_and_the_intent_before_both(
    home: Path,
) -> None:
    scene = next(scene for scene in SCENES if scene.what == "refresh")
    furnish(home, scene)

    trace = run(scene, home, scene.act)

    intent = positions(trace, lambda s: s.words.startswith(f"{REFRESH}) VALUES"))
    answer = positions(trace, lambda s: s.words.startswith(f"{REFRESH}, answer)"))
    taken = positions(trace, lambda s: s.words.startswith("UPDATE account SET previous_entry"))
    renames = positions(trace, lambda s: s.name == "replace" and file_in(home) in {s.path, s.to})
    commits = positions(trace, lambda s: s.words == "COMMIT")
    order = [intent[0], answer[0], taken[0], renames[0]]
    assert order == sorted(order)
    for before, after in pairwise(order):
        assert any(before < commit < after for commit in commits)
    # It is in a file of its own before it is in the store, and that goes once it is.
    gone = positions(trace, lambda s: s.name == "unlink" and "answer-" in str(s.path))
    assert any(answer[0] < commit < gone[0] for commit in commits)


@pytest.mark.parametrize("left_out", ["fsync of the file", "fsync of the folder"])
def test_a_sync_that_is_left_out_would_be_seen(home: Path, left_out: str) -> None:
    scene = next(scene for scene in SCENES if scene.what == "swap")
    furnish(home, scene)
    file = file_in(home)
    trace = run(scene, home, scene.act)
    is_folder = left_out.endswith("folder")

    cut = [s for s in trace if s.name != "fsync" or (s.path == file.parent) != is_folder]

    found = [disk.contents(file) for _, disk in moments(cut, file, scene.content)]
    if is_folder:
        assert scene.content in found[-1]
    else:
        assert any(b"" in contents for contents in found)
