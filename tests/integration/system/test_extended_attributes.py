"""What a file is marked with by other programs stays on it, whichever way it is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from rotator.opencode.auth.file import read_live
from rotator.opencode.auth.replaced import ReplacedFiles
from rotator.opencode.auth.writer import put_live
from rotator.opencode.tui.plugin_file import install_plugin
from rotator.settings.edit import edit
from rotator.system.paths import Paths, find_paths

MARKS = {"user.com.dropbox.attributes": b"\x0a\x00x", "user.xdg.tags": b"mine", "user.empty": b""}
NEW = b'{"acme": {"type": "api", "key": "KEY-CANARY-b"}}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a marked auth.json."""
    file = tmp_path / "auth.json"
    file.write_bytes(b"{}")
    file.chmod(0o600)
    for name, value in MARKS.items():
        os.setxattr(file, name, value)
    return file


@pytest.fixture
def replaced(tmp_path: Path) -> Iterator[ReplacedFiles]:
    replaced = ReplacedFiles(tmp_path / "data" / "auth.json.journal")
    yield replaced
    replaced.close()


def marks_of(file: Path) -> dict[str, bytes]:
    return {n: os.getxattr(file, n) for n in os.listxattr(file) if n.startswith("user.")}


def test_a_file_that_is_replaced_keeps_its_marks(file: Path, replaced: ReplacedFiles) -> None:
    before = file.stat().st_ino

    assert put_live(file, read_live(file), NEW, replaced)

    assert (file.read_bytes(), marks_of(file)) == (NEW, MARKS)
    assert file.stat().st_ino != before


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.EPERM, errno.ENOSPC, errno.EACCES])
def test_where_a_mark_cannot_be_kept_the_file_is_written_in_place(
    file: Path, replaced: ReplacedFiles, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    before = file.stat().st_ino
    monkeypatch.setattr(os, "setxattr", refused)

    assert put_live(file, read_live(file), NEW, replaced)

    assert (file.read_bytes(), marks_of(file), file.stat().st_ino) == (NEW, MARKS, before)
    assert [path.name for path in file.parent.iterdir() if path != file] == ["data"]


def test_a_mark_that_is_taken_away_meanwhile_is_not_missed(
    file: Path, replaced: ReplacedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listxattr", lambda _: ["user.gone", *MARKS])

    assert put_live(file, read_live(file), NEW, replaced)

    monkeypatch.undo()
    assert marks_of(file) == MARKS


def test_what_the_system_itself_marks_is_left_to_it(
    file: Path, replaced: ReplacedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listxattr", lambda _: ["security.selinux", "system.nfs4_acl"])
    before = file.stat().st_ino

    assert put_live(file, read_live(file), NEW, replaced)

    assert file.stat().st_ino != before


def change_settings(paths: Paths) -> None:
    assert edit(paths, lambda _: "# mine\n[failover]\npatience_seconds = 6\n")


def enter_plugin(paths: Paths) -> None:
    install_plugin(paths)


def write_settings(paths: Paths) -> Path:
    paths.config_file.parent.mkdir(parents=True)
    paths.config_file.write_text("# mine\n")
    return paths.config_file


def write_tui(paths: Paths) -> Path:
    file = paths.opencode_config / "tui.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"theme": "mine"}\n')
    return file


@pytest.mark.parametrize("is_refused", [False, True])
@pytest.mark.parametrize(
    ("write", "change"),
    [
        pytest.param(write_settings, change_settings, id="config.toml"),
        pytest.param(write_tui, enter_plugin, id="tui.json"),
    ],
)
def test_settings_keep_their_marks(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Paths], Path],
    change: Callable[[Paths], None],
    *,
    is_refused: bool,
) -> None:
    def refused(path: Path, *_: object) -> None:
        if path != file:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        given(path, *_)

    given: Callable[..., None] = os.setxattr
    paths = find_paths({"HOME": str(home)})
    file = write(paths)
    for name, value in MARKS.items():
        os.setxattr(file, name, value)
    before = (file.read_bytes(), file.stat().st_ino)
    if is_refused:
        monkeypatch.setattr(os, "setxattr", refused)

    change(paths)

    assert marks_of(file) == MARKS
    assert (file.stat().st_ino == before[1]) == is_refused
    assert list(file.parent.glob("*tmp*")) == []
