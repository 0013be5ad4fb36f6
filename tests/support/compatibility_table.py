"""The table of docs/compatibility.md, made from what became of the tests that show each line.

    .venv/bin/python -m pytest tests/e2e --junitxml results.xml
    .venv/bin/python -m tests.support.compatibility_table results.xml

writes it into the document anew: a line whose tests have passed says yes, one of whose tests has
failed says so, and one of whose tests nothing is known says that it is not shown.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.e2e.failover_table import SIDES
from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs" / "compatibility.md"
BLOCK = re.compile(r"(?<=<!-- shown by tests -->\n)(?:\|.*\n)+")
HEAD = "| | opencode 1 (1.18.33) | OpenCode 2 (2.0.15) |\n| --- | --- | --- |\n"
YES, FAILS, NOT_SHOWN = "yes", "fails", "not shown"


@dataclass(frozen=True, slots=True)
class Cell:
    """Which tests below tests/e2e show it, by file and name, and what there is to say beside."""

    tests: tuple[str, ...]
    remark: str = ""

    def said(self, passed: Mapping[str, bool]) -> str:
        """Return the cell, by the tests that have passed or not."""
        known = [passed.get(test) for test in self.tests]
        if False in known:
            return FAILS
        word = NOT_SHOWN if None in known else YES
        return f"{word}{self.remark}"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that both should do."""

    what: str
    one: Cell
    two: Cell


def _cell(*tests: str, remark: str = "") -> Cell:
    return Cell(tests, remark)


def _both(*tests: str, remark: str = "") -> tuple[Cell, Cell]:
    """Return the cells of tests that run in both, each with its own cases of them."""
    one, two = ([f"{_BOTH}::{test}[{side}]" for test in tests] for side in SIDES)
    return Cell(tuple(one)), Cell(tuple(two), remark)


_BOTH, _ROTATE2 = "test_failover_both.py", "test_opencode2_rotate.py"
LINES = (
    Line(
        "a login becomes an account",
        _cell("test_serve.py::test_a_login_in_opencode_is_captured_once"),
        _cell(
            f"{_ROTATE2}::test_a_login_is_an_account_soon_after_its_row",
            f"{_ROTATE2}::test_a_login_is_seen_within_sixty_milliseconds",
        ),
    ),
    Line(
        "`rotator rotate` moves the next request",
        _cell("test_serve.py::test_the_next_message_after_a_rotation_by_hand_uses_the_other_key"),
        _cell(
            f"{_ROTATE2}::test_rotate_moves_the_next_request_of_a_running_server",
            f"{_ROTATE2}::test_rotate_without_a_server_counts_for_the_next_one",
        ),
    ),
    Line(
        "a refused key is replaced inside of the request",
        *_both(
            "test_a_refused_key_is_replaced_inside_of_the_request",
            "test_a_command_survives_in_every_way_of_asking",
        ),
    ),
    Line(
        "a ChatGPT login is replaced with its account",
        *_both("test_a_chatgpt_login_is_replaced_with_its_account"),
    ),
    Line(
        "a refusal that says nothing of the account is passed on",
        *_both("test_a_plain_refusal_is_passed_on_and_nobody_else_is_asked"),
    ),
    Line(
        "a turn that is refused in its middle goes on",
        *_both("test_a_turn_with_tool_calls_goes_on_where_it_was_refused"),
    ),
    Line(
        "a refused title",
        *_both("test_a_title_that_is_refused_goes_on_with_the_other_login"),
    ),
    Line(
        "with every account limited the vendor's words come through",
        *_both(
            "test_with_both_limited_each_is_asked_once_and_the_vendor_s_words_come_through",
            "test_a_third_login_answers_where_the_second_is_refused_as_well",
        ),
    ),
    Line(
        "with balancing off a refusal is noted and passed on",
        *_both("test_with_balancing_off_the_refusal_is_noted_and_passed_on"),
    ),
    Line(
        "without a watcher that answers it goes its own way",
        *_both("test_without_a_watcher_that_answers_the_refusal_is_opencode_s_own"),
    ),
    Line(
        "reasoning that is bound to an account is left out",
        *_both("test_reasoning_that_is_bound_to_an_account_costs_one_refused_request"),
    ),
    Line(
        "an error inside of an answer",
        *_both(
            "test_an_error_inside_of_an_answer_moves_the_turn_to_the_other_login",
            remark="; OpenCode shows its retry",
        ),
    ),
    Line(
        "another provider in the same turn",
        *_both(
            "test_with_nobody_left_the_turn_goes_on_with_another_provider",
            remark="; OpenCode shows its retry",
        ),
    ),
    Line(
        "200 sessions that fail at once: one swap",
        *_both("test_200_sessions_fail_at_once_and_one_swap_serves_them"),
    ),
    Line(
        "the Esc key ends a wait",
        *_both(
            "test_a_person_before_the_screen_sees_no_refusal_and_ends_a_wait_with_escape",
            remark="; no note is on the screen",
        ),
    ),
    Line(
        "a login that stands in both homes keeps one newest token",
        _cell(
            "test_opencode2_one_token.py::test_whoever_refreshes_no_spent_token_is_sent_and_none_is_lost"
        ),
        _cell(
            "test_opencode2_one_token.py::test_whoever_refreshes_no_spent_token_is_sent_and_none_is_lost"
        ),
    ),
    Line(
        "the dashboard, its key, its names, the sidebar, toasts",
        _cell("test_tui_dashboard.py::test_the_dashboard_inside_opencode"),
        _cell(
            "test_opencode2_tui.py::test_everything_a_person_does_with_it_inside_of_opencode_2",
            remark="; the sidebar in terminals of more than 120 columns",
        ),
    ),
    Line(
        "`rotator demo --with-opencode`",
        _cell("test_demo_opencode.py::test_the_real_opencode_is_carried_over_by_the_bridge"),
        _cell("test_demo_opencode.py::test_the_real_opencode_is_carried_over_by_the_bridge"),
    ),
)


def named_tests() -> set[str]:
    """Return every test that the table names."""
    return {test for line in LINES for cell in (line.one, line.two) for test in cell.tests}


def table(passed: Mapping[str, bool]) -> str:
    """Return the table, by what became of the tests."""
    rows = [
        f"| {line.what} | {line.one.said(passed)} | {line.two.said(passed)} |" for line in LINES
    ]
    return HEAD + "\n".join(rows) + "\n"


def results_in(files: Sequence[Path]) -> dict[str, bool]:
    """Return which tests have passed, by pytest's own reports; all cases of one have to."""
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for file in files:
        for case in ET.parse(file).iter("testcase"):  # noqa: S314  # pytest has written it
            name = f"{case.get('classname', '').rpartition('.')[2]}.py::{case.get('name', '')}"
            is_good = all(case.find(word) is None for word in ("failure", "error", "skipped"))
            test, _, parameters = name.partition("[")
            outcomes[test].append(is_good)
            for side in SIDES:
                if side in parameters:
                    outcomes[f"{test}[{side}]"].append(is_good)
    return {name: all(cases) for name, cases in outcomes.items()}


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    passed = results_in([Path(word) for word in sys.argv[1:]])
    DOCUMENT.write_text(BLOCK.sub(lambda _: table(passed), text), encoding="utf-8")


if __name__ == "__main__":
    main()
