"""Which contents a write in place can have left, and which somebody else has written."""

from __future__ import annotations

import errno
import random
from pathlib import Path
from typing import NoReturn

import pytest

from rotator.opencode.auth.journal import Journal, remove_journal

OLD = b'{"acme": {"type": "api", "key": "KEY-CANARY-old"}}'
LONGER = b'{"acme": {"type": "api", "key": "KEY-CANARY-quite-new"}, "zeta": {}}'
SHORTER = b'{"acme": {"key": "KEY-CANARY"}}'


def journal(after: bytes) -> Journal:
    return Journal(Path("auth.json"), 1, OLD, after)


@pytest.mark.parametrize("after", [LONGER, SHORTER, OLD], ids=["longer", "shorter", "the same"])
def test_whatever_a_cut_leaves_of_the_two_is_recognised(after: bytes) -> None:
    length = max(len(OLD), len(after))
    old, new = OLD.ljust(length), after.ljust(length)
    chance = random.Random(7)  # noqa: S311  # no secret is made of it

    cut = [new[:at] + old[at:] for at in range(length + 1)]
    extended = [OLD.ljust(at) for at in range(len(OLD), length + 1)]
    shortened = [new[:at] for at in range(len(after), length + 1)]
    # A power cut may leave any part of it on the disk, and nothing of some.
    mixed = [bytes(chance.choice(three) for three in zip(old, new, bytes(length), strict=True))]

    found = journal(after)
    assert all(found.is_half_written(c) for c in [*cut, *extended, *shortened, *mixed])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="somebody has emptied it"),
        pytest.param(LONGER[:20], id="somebody has begun to write"),
        pytest.param(OLD.replace(b"old", b"own"), id="another login of the same length"),
        pytest.param(LONGER + b" ", id="longer than both"),
    ],
)
def test_what_somebody_else_writes_is_none_of_ours(content: bytes) -> None:
    assert not journal(LONGER).is_half_written(content)


def test_a_journal_that_cannot_be_taken_away_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its write is over; whoever comes next finds that, too."""

    def refuse(_: Path) -> NoReturn:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr("rotator.opencode.auth.journal.remove_own", refuse)

    remove_journal(tmp_path / "auth.json.journal")
