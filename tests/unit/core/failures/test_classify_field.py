"""Answers from the field, by the way that they come to the watcher: what, for what, until when."""

from __future__ import annotations

import pytest

from tests.support.field_cases import (
    FEWEST_SIBLINGS,
    FieldCase,
    answers,
    registry,
    sibling_files,
    wrong,
)

# Here, so that a process with a change of the code does not read all the modules again.
registry()


@pytest.mark.parametrize("case", answers("answers.json"), ids=str)
def test_an_answer_that_people_met_means_what_it_means(case: FieldCase) -> None:
    assert wrong(case) == []


@pytest.mark.parametrize("name", sibling_files(of_ends=False))
def test_what_else_could_be_said_of_the_kind_is_understood_too(name: str) -> None:
    cases = answers(name)

    assert len(cases) >= FEWEST_SIBLINGS
    assert {str(case): faults for case in cases if (faults := wrong(case))} == {}
