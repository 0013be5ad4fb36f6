"""The table of what works in which opencode is what its script makes of tests that have passed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.compatibility_table import (
    BLOCK,
    DOCUMENT,
    LINES,
    named_tests,
    results_in,
    table,
)
from tests.support.repository import ROOT

E2E = ROOT / "tests" / "e2e"


def test_each_test_that_the_table_names_is_there() -> None:
    gone = [
        test
        for test in named_tests()
        if not re.search(
            rf"^def {re.escape(test.partition('::')[2].partition('[')[0])}\(",
            (E2E / test.partition("::")[0]).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]

    assert gone == []


def test_the_document_has_the_table_of_tests_that_pass() -> None:
    (block,) = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))

    assert block == table(dict.fromkeys(named_tests(), True))


def test_a_test_that_failed_and_one_that_nobody_ran_are_told(tmp_path: Path) -> None:
    first, second = LINES[0], LINES[1]
    (good,), (bad,) = first.one.tests, second.one.tests
    report = tmp_path / "results.xml"
    cases = [
        case(good, "[a]", ""),
        case(good, "[b]", ""),
        case(bad, "[a]", ""),
        case(bad, "[b]", "<failure/>"),
    ]
    report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")

    rows = table(results_in([report])).splitlines()[2:]

    assert rows[0] == f"| {first.what} | yes | not shown |"
    assert rows[1] == f"| {second.what} | fails | not shown |"


def test_of_a_test_that_runs_in_both_each_has_its_own_result(tmp_path: Path) -> None:
    report = tmp_path / "results.xml"
    cases = [
        case("test_a.py::test_b", "[opencode 1-429]", ""),
        case("test_a.py::test_b", "[OpenCode 2-429]", "<failure/>"),
    ]
    report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")

    results = results_in([report])

    assert results["test_a.py::test_b[opencode 1]"]
    assert not results["test_a.py::test_b[OpenCode 2]"]
    assert not results["test_a.py::test_b"]


def case(test: str, parameters: str, inside: str) -> str:
    file, _, name = test.partition("::")
    module = f"tests.e2e.{file.removesuffix('.py')}"
    return f'<testcase classname="{module}" name="{name}{parameters}">{inside}</testcase>'
