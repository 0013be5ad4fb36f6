"""The list of changes that need not be noticed holds nothing that is no change any more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants import accepted
from tests.mutants.changes import changes
from tests.mutants.modules import modules
from tests.support.repository import ROOT


def test_i11_every_accepted_change_is_one_that_can_still_be_made() -> None:
    listed = accepted.read().reasons

    possible = {
        (accepted.below_package(module), change.function, change.told)
        for module in modules()
        for change in changes((ROOT / module).read_text())
    }

    assert set(listed) <= possible
    assert all(len(reason.split()) > 3 for reason in listed.values())


@pytest.mark.parametrize("name", ["swap.py", "write_ahead_log.py"])
def test_i11_every_change_is_still_python_and_changes_something(name: str) -> None:
    (module,) = (one for one in modules() if Path(one).name == name)
    text = (ROOT / module).read_text()

    broken = [change.apply(text) for change in changes(text)]

    assert len(broken) > 50
    assert all(ast.dump(ast.parse(one)) != ast.dump(ast.parse(text)) for one in broken)


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ("if a < b: pass", ["(a <= b)", "(a >= b)"]),
        ("if not a: pass", ["(a)"]),
        ("x = a and b", ["(a or b)"]),
        ("x = a + 1", ["(a - 1)", "2"]),
        ("with lock(): pass", ['__import__("contextlib").nullcontext()']),
        ("f(wait=True)", ["pass", "False"]),
        ("def f(): return a", ["return None"]),
        ("raise Broken", ["pass"]),
        ('log.info("said", 1)', []),
        ("def f(a: Is[1] = 2) -> Is[3]: 'it adds 4'", ["3"]),
    ],
)
def test_a_line_is_broken_in_each_way_that_there_is(whole: str, broken: list[str]) -> None:
    assert [change.after for change in changes(whole)] == broken
