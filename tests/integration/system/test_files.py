"""Small writes that others wait for, names that change hands, and what is of before."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from rotator.system.files import exchange_names, is_left_from_before, touch


def test_whoever_makes_others_look_many_times_leaves_no_file_open(tmp_path: Path) -> None:
    before = list(Path("/dev/fd").iterdir())

    for _ in range(5):
        touch(tmp_path / "changed")

    assert len(list(Path("/dev/fd").iterdir())) == len(before)


def test_what_a_link_leads_to_is_not_written(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text('{"acme": 1}')
    (tmp_path / "changed").symlink_to(other)

    touch(tmp_path / "changed")

    assert other.read_text() == '{"acme": 1}'
    assert not (tmp_path / "changed").is_symlink()


def test_names_that_cannot_be_exchanged_are_an_error_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("a")

    with pytest.raises(FileNotFoundError) as refused:
        exchange_names(tmp_path / "there", tmp_path / "gone")

    assert refused.value.errno == errno.ENOENT
    assert (refused.value.filename, refused.value.filename2) == (
        str(tmp_path / "there"),
        str(tmp_path / "gone"),
    )


@pytest.mark.parametrize(
    ("seconds_ago", "is_left"), [(0, False), (3600, False), (7201, True), (-60, False)]
)
def test_a_file_is_left_from_before_once_it_is_as_old_as_that(
    seconds_ago: int, *, is_left: bool
) -> None:
    assert is_left_from_before(time.time() - seconds_ago, 7200) is is_left


def test_a_file_that_is_far_ahead_is_of_a_clock_that_was_set_back() -> None:
    assert is_left_from_before(time.time() + 10 * 365 * 86400, 7200)
