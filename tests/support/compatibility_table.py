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


_RUN, _FAIL2 = "test_failover_run.py", "test_opencode2_failover.py"
_ROTATE2, _REFUSED2 = "test_opencode2_rotate.py", "test_opencode2_refusals.py"
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
        _cell(f"{_RUN}::test_a_limited_key_is_replaced_inside_the_running_request"),
        _cell(
            f"{_REFUSED2}::test_a_refused_key_is_replaced_inside_the_running_request",
            f"{_FAIL2}::test_a_run_with_a_server_of_its_own_survives",
            f"{_FAIL2}::test_a_run_with_the_background_service_survives",
        ),
    ),
    Line(
        "a ChatGPT login is replaced with its account",
        _cell(
            "test_failover_logins.py::test_the_repeated_request_carries_the_other_token_and_its_account"
        ),
        _cell(
            f"{_FAIL2}::test_a_chatgpt_login_is_replaced_with_its_account",
            "test_opencode2_chatgpt.py::test_no_request_has_two_accounts_halves_while_rotations_run",
        ),
    ),
    Line(
        "a turn that is refused in its middle goes on",
        _cell("test_serve.py::test_a_limit_in_the_middle_of_a_turn_does_not_end_it"),
        _cell(f"{_REFUSED2}::test_a_turn_with_tool_calls_goes_on_where_it_was_refused"),
    ),
    Line(
        "a refused title",
        _cell(
            "test_small_model.py::test_e3_a_refused_title_rests_the_small_model_alone_and_the_turns_go_on"
        ),
        _cell(f"{_REFUSED2}::test_a_title_that_is_refused_goes_on_with_the_other_login"),
    ),
    Line(
        "reasoning that is bound to an account is left out",
        _cell(
            "test_bound_history.py::test_a_failover_and_a_rotation_by_hand_cost_one_refused_request_each_at_the_most"
        ),
        _cell(f"{_FAIL2}::test_reasoning_that_the_other_account_cannot_read_is_left_out"),
    ),
    Line(
        "an error inside of an answer",
        _cell(
            "test_answers_that_are_none.py::test_f1_f2_f3_another_login_answers_and_no_loop_is_endless"
        ),
        _cell(
            f"{_REFUSED2}::test_an_error_inside_of_an_answer_moves_the_turn_to_the_other_login",
            remark="; OpenCode shows its retry",
        ),
    ),
    Line(
        "another provider in the same turn",
        _cell("test_reroute.py::test_a_turn_goes_on_between_all_protocols_in_both_directions"),
        _cell(
            f"{_FAIL2}::test_with_nobody_left_the_turn_goes_on_with_another_provider",
            remark="; OpenCode shows its retry",
        ),
    ),
    Line(
        "200 sessions that fail at once: one swap",
        _cell("test_many_at_once.py::test_200_sessions_of_one_server_fail_at_once"),
        _cell(
            "test_opencode2_many.py::test_200_sessions_of_one_server_fail_at_once_and_one_swap_serves_them"
        ),
    ),
    Line(
        "an interrupt ends a wait",
        _cell("test_lifts_and_waits.py::test_the_person_s_abort_ends_the_wait"),
        _cell(
            "test_opencode2_many.py::test_an_interrupt_ends_the_wait_for_the_only_login",
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
            outcomes[name.partition("[")[0]].append(is_good)
    return {name: all(cases) for name, cases in outcomes.items()}


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    passed = results_in([Path(word) for word in sys.argv[1:]])
    DOCUMENT.write_text(BLOCK.sub(lambda _: table(passed), text), encoding="utf-8")


if __name__ == "__main__":
    main()
