"""The messages that README.md explains are messages that the program gives."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.repository import README, python_files

ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def explained() -> list[str]:
    table = README.read_text().partition("## When it says")[2].partition("\n## ")[0]
    return ROW.findall(table)


@pytest.fixture(scope="module")
def said() -> str:
    """Return every piece of text in the program, also those around the values of a sentence."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in python_files("rotator")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return "\n".join(text for text in texts if isinstance(text, str))


def test_the_readme_explains_messages() -> None:
    assert len(explained()) > 10


@pytest.mark.parametrize("message", explained())
def test_a_message_in_the_readme_is_the_program_s_own(message: str, said: str) -> None:
    pieces = [piece.strip(" ,;:()") for piece in message.split("…")]

    missing = [piece for piece in pieces if piece not in said]

    assert missing == []
