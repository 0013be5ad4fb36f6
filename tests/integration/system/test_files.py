"""Small writes that others wait for."""

from __future__ import annotations

from pathlib import Path

from rotator.system.files import touch


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
