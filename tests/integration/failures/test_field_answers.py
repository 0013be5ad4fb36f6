"""Answers from the field, by the way that they come to the watcher: what, for what, until when."""

from __future__ import annotations

import pytest

from tests.support.field_cases import FOLDER, FieldCase, answers, ends, wrong

# Of these, the files of a kind each, there are at least so many.
SIBLINGS = sorted(path.name for path in FOLDER.glob("siblings-*.json"))
FEWEST = 30


@pytest.mark.parametrize("case", answers("answers.json"), ids=str)
def test_an_answer_that_people_met_means_what_it_means(case: FieldCase) -> None:
    assert wrong(case) == []


@pytest.mark.parametrize("case", ends("until.json"), ids=str)
def test_an_end_is_read_however_it_is_stated(case: FieldCase) -> None:
    assert wrong(case) == []
