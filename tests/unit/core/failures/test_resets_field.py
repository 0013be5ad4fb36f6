"""Ways to state an end, from the field, by the way that they come to the watcher."""

from __future__ import annotations

import pytest

from tests.support.field_cases import (
    FEWEST_SIBLINGS,
    FieldCase,
    ends,
    registry,
    sibling_files,
    wrong,
)

# Here, so that a process with a change of the code does not read all the modules again.
registry()


@pytest.mark.parametrize("case", ends("until.json"), ids=str)
def test_an_end_is_read_however_it_is_stated(case: FieldCase) -> None:
    assert wrong(case) == []


@pytest.mark.parametrize("name", sibling_files(of_ends=True))
def test_what_else_could_be_stated_of_the_kind_is_read_too(name: str) -> None:
    cases = ends(name)

    assert len(cases) >= FEWEST_SIBLINGS
    assert {str(case): faults for case in cases if (faults := wrong(case))} == {}
