"""An answer of a vendor that lies beside the store until the store has it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.model import AccountId, Digest, PendingRefresh
from rotator.secret import Secret
from rotator.storage.kept_answers import forget_answer, keep_answer, kept_answers
from rotator.system.files import TEMPORARY_MARK
from tests.support.faults import Seam, Step
from tests.support.live import full_disk

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
ANSWERED = PendingRefresh(
    AccountId("acc_1"), Digest("5" * 64), AT, 2, Secret('{"refresh": "REF-CANARY-2"}')
)


def plain(answered: PendingRefresh) -> tuple[object, ...]:
    assert answered.answer is not None
    return (
        *(answered.account, answered.spent, answered.begun_at, answered.attempts),
        answered.answer.reveal(),
    )


def test_an_answer_is_given_once_and_is_gone_then(tmp_path: Path) -> None:
    assert keep_answer(tmp_path, ANSWERED)
    assert keep_answer(tmp_path, ANSWERED)
    (place,) = tmp_path.iterdir()
    mode = place.stat().st_mode & 0o777

    assert [plain(answered) for answered in kept_answers(tmp_path)] == [plain(ANSWERED)]
    assert (mode, list(kept_answers(tmp_path)), list(tmp_path.iterdir())) == (0o600, [], [])


def test_an_answer_that_could_not_be_taken_in_stays(tmp_path: Path) -> None:
    keep_answer(tmp_path, ANSWERED)

    unused = kept_answers(tmp_path)
    next(unused)
    unused.close()

    assert [plain(answered) for answered in kept_answers(tmp_path)] == [plain(ANSWERED)]


def test_an_answer_that_the_store_has_is_forgotten(tmp_path: Path) -> None:
    keep_answer(tmp_path, ANSWERED)

    forget_answer(tmp_path, ANSWERED)
    forget_answer(tmp_path, ANSWERED)

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_no_answer_and_says_so(tmp_path: Path) -> None:
    with full_disk():
        assert not keep_answer(tmp_path, ANSWERED)

    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_is_taken_in_before_it_has_its_name_is_kept_all_the_same(
    tmp_path: Path,
) -> None:
    taken: list[PendingRefresh] = []

    def take_in(step: Step) -> None:
        if step.name == "replace" and not taken:
            taken.extend(kept_answers(tmp_path))

    with Seam().watching(take_in):
        assert keep_answer(tmp_path, ANSWERED)

    again = list(kept_answers(tmp_path))
    assert [plain(answered) for answered in (*taken, *again)] == [plain(ANSWERED)] * 2


def test_what_a_killed_writer_left_is_given_if_it_is_whole(tmp_path: Path) -> None:
    keep_answer(tmp_path, ANSWERED)
    (place,) = tmp_path.iterdir()
    place.rename(tmp_path / f".{place.name}.17-0badcafe{TEMPORARY_MARK}")

    assert [plain(answered) for answered in kept_answers(tmp_path)] == [plain(ANSWERED)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b'{"schema": 1, "acc', b"{}", b'{"schema": 2}', b"[]"])
def test_what_is_no_answer_goes_once_nobody_can_be_writing_it(
    tmp_path: Path, content: bytes
) -> None:
    torn = tmp_path / f".answer-acc_1-5.json.17-0badcafe{TEMPORARY_MARK}"
    torn.write_bytes(content)
    (tmp_path / "rotator.sqlite").write_bytes(b"")

    assert list(kept_answers(tmp_path)) == []
    assert torn.exists()

    os.utime(torn, (0, 0))

    assert list(kept_answers(tmp_path)) == []
    assert [file.name for file in tmp_path.iterdir()] == ["rotator.sqlite"]


def test_a_folder_that_is_not_there_has_no_answers(tmp_path: Path) -> None:
    assert list(kept_answers(tmp_path / "gone")) == []
