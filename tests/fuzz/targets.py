"""What is changed at random, and where it goes in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.support.boundaries import KEYS, Boundaries
from tests.support.failures import documented
from tests.support.repository import ROOT
from tests.support.token_answers import documented_refreshes

_FILES = ROOT / "fixtures" / "opencode"
_STAND_INS = {"@a": KEYS[0].credential.digest, "@b": KEYS[1].credential.digest}


@dataclass(frozen=True)
class Target:
    """A boundary and the contents that it takes unchanged."""

    name: str
    sources: Sequence[bytes]
    feed: Callable[[bytes], None]


class Broke(Exception):
    """A content that got past a boundary; kept in a file, since it may be long."""


def targets(boundaries: Boundaries) -> list[Target]:
    """Return every boundary with its fixtures."""
    return [
        Target("auth.json", _contents("auth", "*.json"), boundaries.auth_file),
        Target("entry", _entries(), lambda content: boundaries.entry(_text(content))),
        Target("signal", [*_contents("inbox", "*.json"), *_answers()], boundaries.signal),
        Target("log line", _lines(), boundaries.log_line),
        Target("present", [_present()], boundaries.present),
        Target("watcher.json", [_watcher()], boundaries.watcher_file),
        Target("vendor answer", _token_answers(), boundaries.vendor_answer),
    ]


def run(target: Target, count: int, seed: int, keep: Path) -> None:
    """Feed `count` changed contents; raise Broke, which names the file that holds the first bad."""
    for number, content in enumerate(mutated(target.sources, count, seed)):
        try:
            target.feed(content)
        except Exception as exc:
            kept = keep / f"{target.name.replace(' ', '-')}-canary-{seed}-{number}"
            kept.write_bytes(content)
            raise Broke(f"{target.name} number {number} of seed {seed}, in {kept}") from exc


def _contents(folder: str, pattern: str) -> list[bytes]:
    return [_stood_in(path.read_bytes()) for path in sorted((_FILES / folder).glob(pattern))]


def _stood_in(content: bytes) -> bytes:
    for name, digest in _STAND_INS.items():
        content = content.replace(f'"{name}"'.encode(), f'"{digest}"'.encode())
    return content


def _entries() -> list[bytes]:
    plain = (_FILES / "auth" / name for name in ("three-types.json", "with-metadata.json"))
    files = [json.loads(path.read_bytes()) for path in plain]
    return [json.dumps(entry).encode() for file in files for entry in file.values()]


def _answers() -> list[bytes]:
    """Return the documented answers as the bridge would report them."""
    usual = json.loads((_FILES / "inbox" / "limit.json").read_bytes())
    return [
        _stood_in(_json(usual | {"status": one.status, "headers": one.headers, "body": one.text}))
        for one in documented()
    ]


def _lines() -> list[bytes]:
    lines = [
        line
        for path in sorted((_FILES / "log").glob("*.log"))
        for line in path.read_bytes().splitlines()
        if b"stream error" in line
    ]
    # The account of the states, so that a line may blame somebody.
    return [line.replace(b"providerID=mock", b"providerID=acme") for line in lines]


def _present() -> bytes:
    return _json({"schema": 1, "pid": 1, "auth_file": "AUTH_FILE", "kind": "run"})


def _watcher() -> bytes:
    return _json({"schema": 1, "pid": 1, "polling": ["live", "log"]})


def _token_answers() -> list[bytes]:
    return [one.answer.body.reveal().encode() for one in documented_refreshes()]


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value).encode()


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
