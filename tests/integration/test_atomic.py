"""Small writes that others wait for."""

from __future__ import annotations

from pathlib import Path

from rotator.atomic import ring


def test_whoever_makes_others_look_many_times_leaves_no_file_open(tmp_path: Path) -> None:
    before = list(Path("/dev/fd").iterdir())

    for _ in range(5):
        ring(tmp_path / "changed")

    assert len(list(Path("/dev/fd").iterdir())) == len(before)
