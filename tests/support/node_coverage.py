"""What of a JavaScript file no test has run, by what V8 counted in each process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def counted(folder: Path) -> dict[Path, list[Mapping[str, Any]]]:
    """Return for each file what the processes counted that wrote into `folder`, one after another.

    Node writes there where NODE_V8_COVERAGE names the folder.
    """
    scripts: dict[Path, list[Mapping[str, Any]]] = {}
    for report in sorted(folder.glob("*.json")):
        for script in json.loads(report.read_text(encoding="utf-8"))["result"]:
            if script["url"].startswith("file://"):
                scripts.setdefault(Path(script["url"].removeprefix("file://")), []).append(script)
    return scripts


def not_run(text: str, scripts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the parts of `text` that ran in no process, each with its line."""
    run = [False] * len(text)
    for script in scripts:
        run = [before or now for before, now in zip(run, _run(len(text), script), strict=True)]
    marks = "".join("+" if is_run else "-" for is_run in run)
    left = [(part.start(), text[part.start() : part.end()]) for part in re.finditer("-+", marks)]
    parts = [(text.count("\n", 0, start) + 1, part.strip()) for start, part in left]
    return [f"{line}: {part}" for line, part in parts if part.strip("{}();, ")]


def _run(length: int, script: Mapping[str, Any]) -> list[bool]:
    """Return of each character whether one process ran it: what is inside counts last."""
    run = [False] * length
    for function in script["functions"]:
        for part in function["ranges"]:
            start, end = part["startOffset"], min(part["endOffset"], length)
            run[start:end] = [part["count"] > 0] * (end - start)
    return run
