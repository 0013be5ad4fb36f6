"""What no test has run is found, whichever process ran the rest."""

from __future__ import annotations

from typing import Any

from tests.support.node_coverage import not_run

TEXT = "const a = (x) => x;\nfunction b() {\n  if (c) d();\n}\n"


def script(*ranges: tuple[str, int]) -> dict[str, Any]:
    """Return what one process counted: how often it ran each of these parts."""
    parts = [
        {"startOffset": TEXT.index(part), "endOffset": TEXT.index(part) + len(part), "count": count}
        for part, count in ranges
    ]
    return {"functions": [{"ranges": parts}]}


def test_a_file_that_no_process_loaded_was_not_run() -> None:
    assert not_run("a();", []) == ["1: a();"]


def test_a_part_inside_one_that_was_run_is_found_with_its_line() -> None:
    assert not_run(TEXT, [script((TEXT, 1), (" d();", 0))]) == ["3: d();"]


def test_what_another_process_ran_was_run() -> None:
    first, second = script((TEXT, 1), (" d();", 0)), script((TEXT, 1), ("(x) => x", 0))

    assert not_run(TEXT, [first, second]) == []


def test_a_bracket_alone_is_nothing_that_runs() -> None:
    assert not_run(TEXT, [script((TEXT, 1), ("\n}\n", 0))]) == []
