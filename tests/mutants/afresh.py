"""Loads everything anew with one module changed, and runs test files against that.

Only in a child that ends after it: nothing that was loaded before goes together with it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType

import pytest

_OURS = ("rotator", "providers", "tests")
_ALL_PASSED = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
_KEPT = ("tests", "tests.mutants")


class Witness:
    """A pytest plugin: keeps the first that failed, a test or a file that cannot be loaded."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not is_drawn(item)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def is_drawn(item: pytest.Item) -> bool:
    """Tell whether a test draws its cases: it kills by luck."""
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def first_failure(path: Path, text: str, module: str, words: Sequence[str]) -> str:
    """Return what fails first when the module has this text, or nothing."""
    _forget()
    sys.meta_path.insert(0, _Finder(module, path, text))
    witness = Witness()
    code = pytest.main([*words, "-x"], plugins=[witness])
    if bool(witness.failed) == (code in _ALL_PASSED):
        raise RuntimeError(f"pytest ended with {code}, which is no answer")
    return witness.failed


def _forget() -> None:
    for name in list(sys.modules):
        is_kept = name in _KEPT or name.startswith("tests.mutants.")
        if name.partition(".")[0] in _OURS and not is_kept:
            del sys.modules[name]


class _Finder:
    """Finds the one module, in front of all others who could."""

    def __init__(self, module: str, path: Path, text: str) -> None:
        self._module = module
        self._path = path
        self._text = text

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self._module:
            return None
        loader = _Loader(name, str(self._path))
        loader.text = self._text
        return spec_from_file_location(name, self._path, loader=loader)


class _Loader(SourceFileLoader):
    text = ""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - it has one module
        """Compile the text, whatever has been compiled before."""
        return compile(self.text, self.path, "exec", dont_inherit=True)
