"""The list of changes that need not be noticed holds nothing that is no change any more."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import accepted
from tests.mutants.catalogue import draw
from tests.mutants.changes import Kind, changes
from tests.mutants.live_code import LiveCode
from tests.mutants.modules import modules, pure
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


def test_no_change_is_accepted_twice() -> None:
    entries = tomllib.loads(accepted.FILE.read_text())["accepted"]

    assert len(entries) == len(accepted.read().reasons)


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
        ("assert_never(a)", []),
        ("f(a, b)", ["pass", "b, a"]),
        ("f(a, a)", ["pass"]),
        ("f(*a, b)", ["pass"]),
        ("x = max(a, b)", ["min"]),
        ("x = any(a)", ["all"]),
        ('x = a == "b"', ["(a != 'b')", "'other_b'"]),
        ('x = a in "bc"', ["(a not in 'bc')"]),
        ('x = a.get("b")', ["'other_b'"]),
        ('X = Literal["a", "b"]', []),
        ('x = a["b"]', ["'other_b'"]),
        ('x = {"a", b}', ["'other_a'"]),
        ('x = {"a": "what is told"}', ["'other_a'"]),
        ("match a:\n case b if c: pass", ["(not (c))"]),
        ('x = f("a", "b")', []),
        ('def f(): g("a", "b")', ["pass", "'b', 'a'"]),
        ("def f(a: Is[1] = 2) -> Is[3]: 'it adds 4'", ["3"]),
    ],
)
def test_a_line_is_broken_in_each_way_that_there_is(whole: str, broken: list[str]) -> None:
    assert [change.after for change in changes(whole)] == broken


def test_a_smaller_sample_is_a_part_of_a_larger_one_and_another_seed_draws_another() -> None:
    names = pure()[:2]
    few, many = (draw(names, list(Kind), 1, count) for count in (20, 60))

    assert few == many[:20]
    assert len(set(many)) == 60
    assert draw(names, list(Kind), 2, 20) != few


def test_all_that_is_pure_and_nothing_else_is_tried_in_each_build() -> None:
    assert {"rotator/core/selection/policy.py", "rotator/secret.py"} <= set(pure())
    assert set(pure()) < set(modules())
    assert "rotator/live/swap.py" not in pure()
    assert len(set(pure())) == len(pure())


_WHOLE = """
ADDED = 1

def outer(value):
    def inner():
        return value + ADDED
    return inner()

class Thing:
    def method(self):
        return [one for one in (1, 2)]
"""


@pytest.fixture
def loaded(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    path = tmp_path / "loaded.py"
    path.write_text(_WHOLE)
    names: dict[str, Any] = {}
    exec(compile(_WHOLE, str(path), "exec"), names)  # noqa: S102 - it is the text above
    return path, names


def test_a_loaded_function_runs_as_the_changed_text_says(
    loaded: tuple[Path, dict[str, Any]],
) -> None:
    path, names = loaded
    live = LiveCode(path.parent)

    assert live.exchange(path, _WHOLE, _WHOLE.replace("value +", "value -"))
    assert live.exchange(path, _WHOLE, _WHOLE.replace("one for", "one + 1 for"))

    assert names["outer"](5) == 4
    assert names["Thing"]().method() == [2, 3]


def test_what_is_no_function_s_cannot_be_exchanged(loaded: tuple[Path, dict[str, Any]]) -> None:
    path, names = loaded

    assert not LiveCode(path.parent).exchange(path, _WHOLE, _WHOLE.replace("= 1", "= 2"))
    assert names["ADDED"] == 1
