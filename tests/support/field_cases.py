"""Answers that people met in public, each as a signal by the way that it comes to the watcher.

A bridge's is written as it writes one, with the headers that it lets through, and read back; a
line of the log carries its text alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from rotator.clock import to_iso
from rotator.context import Context
from rotator.model import Finding, Meaning, Signal, Source
from rotator.opencode.bridge.signal_file import parse_signal
from rotator.opencode.log import parse_line
from rotator.plugins.registry import Registry, load_registry
from rotator.services.failover import meaning_of
from tests.support.repository import ROOT

# "About 143 minutes" is a rounded time.
CLOSE_SECONDS = 60
# What else a vendor could say of the same kind: a file a kind.
FEWEST_SIBLINGS = 30
FOLDER = ROOT / "fixtures" / "field"
HEADERS = ROOT / "rotator" / "opencode" / "bridge" / "src" / "core" / "reported-headers.js"
_PATTERN = re.compile(r"const (\w+_HEADERS)\s*=\s*/(.+)/;")


@dataclass(frozen=True)
class _Context:
    """What a meaning is found by: the vendors' rules, and the time."""

    registry: Registry
    now: datetime

    def clock(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class FieldCase:
    """One answer and what it means: any of `means`; `until` and `scope` may be "any"."""

    name: str
    provider: str
    now: datetime
    status: int | None
    headers: Mapping[str, str]
    body: str
    error: str | None
    model: str | None
    host: str | None
    means: frozenset[Meaning]
    until: str | None
    scope: str
    aside: bool = False

    def __str__(self) -> str:
        return self.name


@cache
def registry() -> Registry:
    """Return the modules and tables of every vendor, all of them read."""
    loaded = load_registry()
    assert not loaded.all_problems()
    return loaded


@cache
def told_headers() -> Mapping[str, re.Pattern[str]]:
    """Return the names of headers that the bridge lets through, as it writes them."""
    patterns = _PATTERN.findall(HEADERS.read_text())
    return {name: re.compile(text) for name, text in patterns}


def as_told(case: FieldCase) -> Signal:
    """Return the case as the watcher gets it."""
    if case.status is None:
        return _logged(case)
    headers = {
        name: value
        for name, value in case.headers.items()
        if any(pattern.search(name) for pattern in told_headers().values())
    }
    content = {
        "schema": 1,
        "id": "1",
        "at": to_iso(case.now),
        "provider": case.provider,
        "host": case.host,
        "model": case.model,
        "status": case.status,
        "headers": headers,
        "body": case.body,
        "credential": "0" * 64,
        "aside": case.aside,
    }
    signal = parse_signal("1", json.dumps(content).encode())
    assert signal is not None
    return signal


def _logged(case: FieldCase) -> Signal:
    """Return what the watcher reads of the line that opencode writes of it."""
    fields = {
        "timestamp": to_iso(case.now),
        "level": "ERROR",
        "message": "stream error",
        "providerID": case.provider,
        "modelID": case.model or "",
        "error.error": case.error or "",
    }
    line = " ".join(f"{name}={json.dumps(told)}" for name, told in fields.items())
    failure = parse_line(line)
    assert failure is not None
    return Signal(
        id="log-1",
        at=case.now,
        provider=failure.provider,
        source=Source.LOG,
        model=failure.model,
        error=failure.message,
    )


def finding_of(case: FieldCase, known: Registry | None = None) -> Finding:
    """Return what the watcher makes of it, with every vendor's rules or with those `known`."""
    context = _Context(known or registry(), case.now)
    return meaning_of(cast("Context", context), as_told(case))


def wrong(case: FieldCase, known: Registry | None = None) -> list[str]:
    """Return what the watcher gets wrong."""
    finding = finding_of(case, known)
    faults = []
    if finding.meaning not in case.means:
        faults.append(f"means {finding.meaning} ({finding.reason}), not {sorted(case.means)}")
    if case.until != "any" and not _is_same(finding.until, case.until):
        faults.append(f"until {finding.until}, not {case.until}")
    if case.scope not in {"any", finding.scope.model or "account"}:
        faults.append(f"scope {finding.scope}, not {case.scope}")
    return faults


def _is_same(until: datetime | None, told: str | None) -> bool:
    if until is None or told is None:
        return until is None and told is None
    return abs((until - datetime.fromisoformat(told)).total_seconds()) <= CLOSE_SECONDS


def answers(*names: str) -> list[FieldCase]:
    """Return the cases of the files of answers."""
    read = [case for name in names for case in json.loads((FOLDER / name).read_text())]
    return [as_case(case) for case in read]


def sibling_files(*, of_ends: bool) -> list[str]:
    """Return the names of the files of what else could be said of a kind."""
    names = sorted(path.name for path in FOLDER.glob("siblings-*.json"))
    return [name for name in names if ("-ends-" in name) is of_ends]


def ends(*names: str) -> list[FieldCase]:
    """Return the cases of the files of ways to state an end, one for each place of a field."""
    cases: list[FieldCase] = []
    for name in names:
        content = json.loads((FOLDER / name).read_text())
        now, own = datetime.fromisoformat(content["now"]), content["cases"]
        cases += [case for told in own for case in _ends(told, now)]
    return cases


def as_case(told: Mapping[str, Any]) -> FieldCase:
    """Return one answer, as a file has it, as a case."""
    return FieldCase(
        name=told["id"],
        provider=told["provider"],
        now=datetime.fromisoformat(told.get("now", "2026-11-22T12:00:00Z")),
        status=told.get("status"),
        headers=told.get("headers", {}),
        body=told.get("body") or "",
        error=told.get("error"),
        model=told.get("model"),
        host=told.get("host"),
        means=frozenset(map(Meaning, told["means"])),
        until=told.get("until", "any"),
        scope=told.get("scope", "any"),
    )


def _ends(told: Mapping[str, Any], now: datetime) -> Iterator[FieldCase]:
    limits = frozenset({Meaning.SHORT_LIMIT, Meaning.EXHAUSTED})

    def case(name: str, body: object, headers: Mapping[str, str]) -> FieldCase:
        text = json.dumps(body)
        return FieldCase(
            name, told.get("provider", "x"), now, 429, headers, text, None, None, None, limits,
            told["until"], "any",
        )  # fmt: skip

    match told["kind"]:
        case "words":
            yield case(told["text"], {"error": {"message": told["text"]}}, {})
        case "body":
            yield case(json.dumps(told["body"], ensure_ascii=False), told["body"], {})
        case "headers":
            yield case(str(told["headers"]), {"error": {"message": "Too many"}}, told["headers"])
        case _:
            for where in told.get("where", ["error"]):
                said = {told["field"]: told["value"]}
                yield case(f"{where}.{said}", _placed(where, said), {})


def _placed(where: str, said: Mapping[str, object]) -> Mapping[str, object]:
    """Return a body that says it at that place."""
    plain = {"message": "Too many"}
    match where:
        case "top":
            return {**said, **plain}
        case "error":
            return {"error": {**plain, **said}}
        case "data":
            return {"error": plain, "data": said}
        case _:
            _, name = where.split(".")
            if name.endswith("[0]"):
                return {"error": {**plain, name[:-3]: [said]}}
            return {"error": {**plain, name: said}}
