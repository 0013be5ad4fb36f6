"""A copy of the repository in which one module at a time is broken and tests are run.

The copy has a Python of its own that finds the project there and nowhere else, whatever
environment a test gives to its children.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/\S+\.py(?:::.*?)?)(?: - .*)?$", re.MULTILINE)
_QUIET = ("-x", "-q", "--no-cov", "-p", "no:randomly", "-p", "no:cacheprovider")
_ORDER = "tests.mutants.order_plugin"
_HANDED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "ROTATOR_TEST_CACHE")
_USAGE_ERROR = 4
_SCRIPT = "#!{python}\nimport sys\nfrom rotator.__main__ import main\nsys.exit(main())\n"


class Unusable(Exception):
    """The tests could not be run at all, which says nothing about the code."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of tests ended: all passed, one failed (which), or the time was up."""

    passed: bool
    timed_out: bool
    failed: str
    output: str = field(repr=False)


class Workshop:
    """The copy, below `folder`."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._folder = folder
        self._copy = folder / "copy"
        self._python = folder / "venv" / "bin" / "python"
        _copy(root, self._copy)
        self._make_python()

    def text(self, module: str) -> str:
        """Return the text of a module as it is now."""
        return (self._copy / module).read_text()

    @contextlib.contextmanager
    def broken(self, module: str, text: str) -> Iterator[None]:
        """Let the module have this text while the block runs."""
        whole = self.text(module)
        try:
            self._write(module, text)
            yield
        finally:
            self._write(module, whole)

    def run(self, tests: Sequence[str], seconds: float) -> Ended:
        """Run tests until one fails, or for so long."""
        listed = self._folder / "tests"
        listed.write_text("".join(f"{test}\n" for test in tests))
        words = (*_QUIET, "-p", _ORDER, f"--basetemp={self._folder / 'tmp'}", f"@{listed}")
        with subprocess.Popen(
            [str(self._python), "-m", "pytest", *words],
            cwd=self._copy,
            env={name: os.environ[name] for name in _HANDED_ON if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                _end_all(process.pid)
                return Ended(passed=False, timed_out=True, failed="", output="")
        if process.returncode == _USAGE_ERROR and "not found:" in output:
            raise Unusable(output)
        failed = _FAILED.search(output)
        name = failed.group(1) if failed else ""
        return Ended(process.returncode == 0, timed_out=False, failed=name, output=output)

    def _make_python(self) -> None:
        venv.create(self._folder / "venv", symlinks=True)
        found = next((self._folder / "venv").glob("lib/python*/site-packages"))
        # Files that end in .pth count in the first folder alone: so the project as it is installed
        # for the developer, which is one line in such a file, is not found.
        (found / "mutants.pth").write_text(f"{self._copy}\n{sysconfig.get_path('purelib')}\n")
        script = self._python.parent / "rotator"
        script.write_text(_SCRIPT.format(python=self._python))
        script.chmod(0o755)

    def _write(self, module: str, text: str) -> None:
        path = self._copy / module
        path.write_text(text)
        # Compiled code is told by second and size, which a small change may leave as they were.
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            compiled.unlink(missing_ok=True)


def _copy(root: Path, target: Path) -> None:
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)


def _end_all(pid: int) -> None:
    process = psutil.Process(pid)
    for one in (*process.children(recursive=True), process):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
