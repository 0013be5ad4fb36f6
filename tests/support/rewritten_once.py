"""Where several processes share the tests, pytest rewrites each file once and not in each of them.

Each process loads all files of the tests, and pytest rewrites their assertions: half of the time
that loading takes. It keeps what it has rewritten, but they all begin at once; and where Python
is told to write no bytecode (PYTHONDONTWRITEBYTECODE), nothing is kept. So it is made before they
begin, by as many processes as there are processors, and then is gone again where it is unwanted.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from _pytest.assertion import rewrite

from tests.support.late import is_one_of_several

TESTS = Path(__file__).parents[1]
MADE = pytest.StashKey[list[Path]]()
# Of pytest 9.2, which offers nothing of the kind; without them each process does it by itself.
_PARTS = ("PYC_TAIL", "_read_pyc", "_rewrite_test", "_write_pyc", "assertstate_key")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Rewrite what has changed, before the processes are started."""
    config = session.config
    is_shared = getattr(config.option, "tx", None) and not is_one_of_several(config)
    if is_shared and all(hasattr(rewrite, name) for name in _PARTS):
        config.stash[MADE] = rewrite_all(config, TESTS)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing where nothing is to be left."""
    if sys.dont_write_bytecode:
        for path in config.stash.get(MADE, []):
            path.unlink(missing_ok=True)


def rewrite_all(config: pytest.Config, folder: Path) -> list[Path]:
    """Keep all test files of a folder rewritten; return where the new ones are kept."""
    files = [file for file in sorted(_files(folder)) if _read(file) is None]
    count = os.cpu_count() or 1
    children = [
        multiprocessing.get_context("fork").Process(
            target=_rewrite, args=(config, files[number::count])
        )
        for number in range(min(count, len(files)))
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return [_kept(file) for file in files]


def _read(file: Path) -> CodeType | None:
    return rewrite._read_pyc(file, _kept(file))  # noqa: SLF001  # see _PARTS


def _rewrite(config: pytest.Config, files: list[Path]) -> None:
    # Coverage has nothing to measure here.
    sys.settrace(None)
    state = config.stash[rewrite.assertstate_key]
    for file in files:
        # Whoever loads a file that is no Python says so.
        with contextlib.suppress(SyntaxError):
            mark, code = rewrite._rewrite_test(file, config)  # noqa: SLF001  # see _PARTS
            _kept(file).parent.mkdir(parents=True, exist_ok=True)
            rewrite._write_pyc(state, code, mark, _kept(file))  # noqa: SLF001  # see _PARTS


def _kept(file: Path) -> Path:
    return rewrite.get_cache_dir(file) / f"{file.stem}{rewrite.PYC_TAIL}"


def _files(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("test_*.py")
    yield from folder.rglob("conftest.py")
