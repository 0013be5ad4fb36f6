"""Every made-up secret holds a mark; this looks whether one went where no secret may be.

After the last test all files under the session's temporary root are searched, and the output of
each test at its end. Only names are ever reported, never what was found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support import late

MARK = "CANARY"
_STORES = re.compile(r"\.?rotator\.sqlite\.(damaged|rebuilt)-")
_COPIES = re.compile(r"\.?accounts-")
_ANSWERS = re.compile(r"\.?answer-acc_")
_ROOT = pytest.StashKey[Path]()
_CHUNK_BYTES = 1 << 20


def may_hold_secrets(path: Path) -> bool:
    """Return whether the file at `path` is a place where secrets belong."""
    name = path.name
    return (
        # auth.json, its copies, and the temporary files beside it.
        name.startswith(("auth.json", ".auth.json."))
        # The store. Not its -shm, which holds no rows, and not history.sqlite.
        or name in {"rotator.sqlite", "rotator.sqlite-wal", "rotator.sqlite-journal"}
        # A store that was damaged and set aside, or is being built in its place, and its -wal.
        or (_STORES.match(name) is not None and not name.endswith("-shm"))
        # What a vendor gave and the store has not got yet, beside it.
        or _ANSWERS.match(name) is not None
        # The copies of the accounts.
        or (path.parent.name == "backups" and _COPIES.match(name) is not None)
        # What opencode itself keeps: log, database, credentials.
        or "/share/opencode/" in path.as_posix()
        # What a test writes as input: opencode.json, and names that say so themselves.
        or name == "opencode.json"
        or "canary" in name
    )


def sweep(root: Path) -> list[str]:
    """Return the files under `root`, relative to it, that hold a secret and must not."""
    return sorted(
        str(path.relative_to(root))
        for path in _files(root)
        if not may_hold_secrets(path) and (MARK in path.name or _holds_mark(path))
    )


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _holds_mark(path: Path) -> bool:
    mark = MARK.encode()
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            # The mark may lie across two chunks.
            if mark in tail + chunk:
                return True
            tail = (tail + chunk)[-len(mark) :]
    return False


@pytest.fixture(scope="session", autouse=True)
def swept_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Note where the session keeps its files."""
    request.config.stash[_ROOT] = tmp_path_factory.getbasetemp()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Search the files of the whole session after its last test."""
    result = yield
    root = session.config.stash.get(_ROOT, None)
    if root is not None and (found := sweep(root)):
        names = "\n".join(f"  {name}" for name in found)
        late.fail(session, "canary sweep", f"files in {root} that hold a test's secret:\n{names}")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that passed but printed or logged a secret."""
    report = yield
    # A later phase repeats the output of the earlier ones.
    told = [title for title, text in report.sections if MARK in text and report.when in title]
    if report.passed and told:
        report.outcome = "failed"
        report.longrepr = f"a test's secret stands in: {', '.join(told)}"
        report.sections = [section for section in report.sections if section[0] not in told]
    return report
