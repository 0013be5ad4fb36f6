"""Makes the bridge's files from their sources: `python -m tests.support.build_bridge`.

opencode loads one file for each of our plug-ins. They are made by esbuild, kept in the repository
and shipped; the sources stay here.
"""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from tests.support.bridge_tools import SOURCES, bridge_tools
from tests.support.tool import expect_success

BRIDGE_FOLDER = SOURCES.parent
# The file that opencode gets, and the module that it begins with.
ENTRIES = {
    "rotator.js": "plugin.js",
    "rotator-tui.js": "tui/plugin.js",
    "rotator-tui2.js": "tui/second.js",
}
_OPTIONS = (
    "--bundle",
    "--format=esm",
    "--platform=node",  # what Node has is imported when it runs, and opencode's Bun has it, too
    "--packages=external",  # so are the libraries of opencode's TUI
    "--target=node18",
    "--charset=utf8",
    "--legal-comments=none",
    "--log-level=warning",
)


def build(name: str) -> bytes:
    """Return what the file `name` has to be."""
    entry = SOURCES / ENTRIES[name]
    # From here the paths of the modules, which stand in the file, are the same everywhere.
    source = str(entry.relative_to(BRIDGE_FOLDER))
    esbuild = bridge_tools() / ".bin" / "esbuild"
    bundle = expect_success(str(esbuild), source, *_OPTIONS, cwd=BRIDGE_FOLDER)
    first, *more = _head(entry)
    made = f"// Made from {source} by `python -m tests.support.build_bridge`: change it there."
    return ("\n".join([first, made, *more]) + "\n\n" + bundle).encode("utf-8")


def _head(entry: Path) -> list[str]:
    """Return the comment that a module begins with: esbuild leaves comments out."""
    lines = entry.read_text(encoding="utf-8").splitlines()
    return list(takewhile(lambda line: line.startswith("//"), lines))


def main() -> None:
    """Write all of them."""
    for name in ENTRIES:
        try:
            (BRIDGE_FOLDER / name).write_bytes(build(name))
        except pytest.fail.Exception as exc:
            raise SystemExit(str(exc)) from None
        print(f"{BRIDGE_FOLDER / name} was made")


if __name__ == "__main__":
    main()
