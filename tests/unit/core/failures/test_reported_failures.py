"""What a bridge has said of a failure, found for the line of the log that tells of it, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.core.failures.reported_failures import (
    NOTE_WINDOW,
    Note,
    ReportedFailure,
    find_note,
    find_reported,
)
from rotator.model import Digest

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SITE = "https://acme.example"


def note(seconds: float = 0, **changes: Any) -> Note:
    told = {"session": "ses_1", "provider": "acme", "model": "m1", "credential": Digest("a")}
    return Note(at=NOON + timedelta(seconds=seconds), **(told | changes))


def found(*notes: Note, model: str | None = "m1", session: str | None = "ses_1") -> Note | None:
    return find_note(notes, "acme", model, session, NOON)


@pytest.mark.parametrize(
    "fitting",
    [
        note(),
        note(NOTE_WINDOW.total_seconds()),
        note(-NOTE_WINDOW.total_seconds()),
        note(model=None),
        note(provider=SITE),
    ],
)
def test_a_note_about_the_same_request_is_found(fitting: Note) -> None:
    assert found(fitting) is fitting


@pytest.mark.parametrize(
    "other",
    [
        note(NOTE_WINDOW.total_seconds() + 0.1),
        note(-NOTE_WINDOW.total_seconds() - 0.1),
        note(session="ses_2"),
        note(provider="zeta"),
        note(model="m2"),
    ],
)
def test_a_note_about_something_else_is_none_about_this(other: Note) -> None:
    assert found(other) is None


def test_of_several_notes_the_nearest_counts_whichever_came_first() -> None:
    near, far = note(1, credential=Digest("b")), note(-3)

    assert found(far, near) is near
    assert found(near, far) is near


def test_a_line_that_names_no_session_or_model_takes_the_nearest() -> None:
    other = note(session="ses_2", model="m2")

    assert found(note(2), other, model=None, session=None) is other


def test_a_report_about_a_well_known_login_is_of_any_provider_of_its_session() -> None:
    passed = [ReportedFailure(SITE, "ses_1", NOON)]

    assert find_reported(passed, "acme", "ses_1", NOON) is passed[0]
    assert find_reported(passed, "acme", "ses_2", NOON) is None


def test_a_note_is_of_a_request_that_was_seen_unless_it_says_otherwise() -> None:
    assert note().unproven is False
