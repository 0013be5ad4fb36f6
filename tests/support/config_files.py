"""Config files that people have written: fixtures/config/*.toml, every byte as it is."""

from __future__ import annotations

from pathlib import Path

from tests.support.repository import ROOT

FOLDER = ROOT / "fixtures" / "config"
FILES: dict[str, str] = {
    path.stem: path.read_bytes().decode("utf-8") for path in sorted(FOLDER.glob("*.toml"))
}


def exchanged(before: str, after: str) -> tuple[str, str]:
    """Return the one stretch in which two texts differ, of each: all around it is the same."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    return before[start : len(before) - end], after[start : len(after) - end]


def _common(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def write_config(file: Path, text: str | bytes) -> None:
    """Write a config.toml in place, as an editor does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
