"""Nobody but `rotator.wording` says percentages, local times and numbers with a noun by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.repository import ROOT, python_files

WORDING = ROOT / "rotator" / "wording.py"
BRIDGE = ROOT / "rotator" / "opencode" / "bridge" / "src"
# What a template of the bridge says right after a value.
IN_JAVASCRIPT = re.compile(r"\$\{([^{}]*)\}\s*%")


def _constant(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _spec(node: ast.FormattedValue) -> str:
    parts = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else ()
    return "".join(_constant(part) for part in parts)


def _in_text(node: ast.JoinedStr) -> Iterator[str]:
    for part, after in zip(node.values, [*node.values[1:], None], strict=True):
        if not isinstance(part, ast.FormattedValue):
            continue
        if _spec(part).endswith("%") or _constant(after).lstrip().startswith("%"):
            yield "a percentage"
        elif "%" in _spec(part):
            yield "a time"
        if isinstance(part.value, ast.IfExp) and "s" in map(
            _constant, (part.value.body, part.value.orelse)
        ):
            yield "a plural"


def _in_call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name == "strftime":
        yield "a time"
    # In UTC it is a value; in any other zone somebody reads it.
    if name == "astimezone" and [ast.unparse(one) for one in node.args] != ["UTC"]:
        yield "a local time"


def said_by_itself(code: str) -> list[str]:
    """Return what some Python says that is said in one place."""
    said: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            said += _in_text(node)
        elif isinstance(node, ast.Call):
            said += _in_call(node)
        elif re.search(r"%%|\{[^{}]*%\}|\}\s*%", _constant(node)):
            said.append("a percentage")
    return said


def test_percentages_local_times_and_plurals_come_from_one_place() -> None:
    said = {
        str(path.relative_to(ROOT)): found
        for path in python_files("rotator", "providers")
        if path != WORDING and (found := said_by_itself(path.read_text(encoding="utf-8")))
    }

    # It makes the body of a vendor's answer.
    assert said.pop("rotator/testing/malformed.py") == ["a time"]
    assert said == {}


def test_in_the_bridge_they_come_from_one_function() -> None:
    told = [
        value
        for path in BRIDGE.rglob("*.js")
        for value in IN_JAVASCRIPT.findall(path.read_text(encoding="utf-8"))
    ]

    assert told == ["wholePercent(used)"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ('f"{used:.0%}"', ["a percentage"]),
        ('f"{used:>4.0%} of it"', ["a percentage"]),
        ('f"{int(used * 100)}%"', ["a percentage"]),
        ('f"{int(used * 100)} % used"', ["a percentage"]),
        ('"{:.0%}".format(used)', ["a percentage"]),
        ('"%d%%" % used', ["a percentage"]),
        ('f"{at:%H:%M}"', ["a time"]),
        ('at.strftime("%H:%M")', ["a time"]),
        ("at.astimezone()", ["a local time"]),
        ("at.astimezone(zone)", ["a local time"]),
        ("""f"{count} login{'' if count == 1 else 's'}" """, ["a plural"]),
        ('at.astimezone(UTC); f"{value:>4} of {other}"; name.replace("%", "%25")', []),
    ],
)
def test_whoever_says_it_by_itself_is_found(code: str, said: list[str]) -> None:
    assert said_by_itself(code) == said
