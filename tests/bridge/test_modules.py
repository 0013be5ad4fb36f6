"""The decisions of the bridge, module by module, under node's own test runner: each part of them.

What touches files, processes and requests is tested in the built file, by the other tests here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.bridge_tools import SOURCES, node
from tests.support.node_coverage import counted, not_run
from tests.support.tool import run

TESTS = Path(__file__).parent / "src"
FILES = sorted(TESTS.rglob("*.test.mjs"))
# Whatever else the runner may say of a test than that it passed.
LEFT_OUT = ("fail", "cancelled", "skipped", "todo")


def is_core(module: Path) -> bool:
    return "core" in module.relative_to(SOURCES).parts


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with what was run, once all tests have passed and none was left out."""
    folder = tmp_path_factory.mktemp("counts")

    ended = run(
        *(node(), "--test", "--test-reporter=tap", *map(str, FILES)), NODE_V8_COVERAGE=str(folder)
    )

    figures = dict(re.findall(r"^# (\w+) (\d+)$", ended.stdout, re.MULTILINE))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {name: figures[name] for name in LEFT_OUT} == dict.fromkeys(LEFT_OUT, "0")
    assert int(figures["pass"]) > len(FILES)
    return folder


def test_every_decision_is_as_its_tests_say(counts: Path) -> None:
    assert list(counts.iterdir())


def test_no_part_of_a_decision_is_without_a_test(counts: Path) -> None:
    scripts = counted(counts)
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.js")}

    left = {
        str(path.relative_to(SOURCES)): parts
        for path, text in texts.items()
        if is_core(path) and (parts := not_run(text, scripts.get(path, ())))
    }

    assert left == {}


def test_a_test_lies_where_its_module_does() -> None:
    names = {path.relative_to(TESTS).with_suffix("").with_suffix(".js") for path in FILES}

    assert {name for name in names if not (SOURCES / name).exists()} == set()
