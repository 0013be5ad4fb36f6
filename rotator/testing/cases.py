"""Documented answers of vendors: `usage-*.json`, `identity-*.json`, `login-*.json` and so on.

Each names its public source, how certain that is, and what a module has to make of it. A field
that is not known is refused, since a misspelt one would test nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rotator.model import Credential, Meaning, Reach, Scope, Signal, Source
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.provider import HttpAnswer
from rotator.secret import Secret

CERTAINTIES = frozenset("HML")
ERRORS = frozenset({"LoginRejected", "RateLimited", "ProviderUnavailable", "UnexpectedAnswer"})

_HEAD = {"says", "source", "certainty", "now", "provider", "expected"}
_ANSWER = {"status", "headers", "body", "text"}
_FIELDS: Mapping[str, frozenset[str]] = {
    "usage": frozenset(_HEAD | {"credential", "exchange"}),
    "identity": frozenset(_HEAD | {"credential", "exchange"}),
    "login": frozenset(_HEAD | {"credential", "exchange"}),
    "headers": frozenset(_HEAD | {"headers"}),
    "error": frozenset(_HEAD | _ANSWER | {"error", "model"}),
}
_STEP = frozenset(_ANSWER | {"method", "url"})
_SNAPSHOT = frozenset({"windows", "balance", "plan", "identity", "spent"})
_WINDOW = frozenset({"name", "used", "resets_at", "length_seconds", "model", "blocks"})
_OWNER = frozenset({"key", "label", "group"})
_REFUSAL = frozenset({"error", "field"})
_FINDING = frozenset({"meaning", "until", "scope"})
_SCOPE = frozenset({"model", "reach"})


class BadCase(ValueError):
    """A file that is no documented answer; says which, and why."""


@dataclass(frozen=True, slots=True)
class Case:
    """What every documented answer says of itself."""

    path: Path
    kind: str
    says: str
    source: str
    certainty: str
    now: datetime
    provider: str
    expected: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """The name of the test: folder, kind and case."""
        return f"{self.path.parent.name} {self.path.stem}"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Step:
    """One question to the vendor and its answer; `document` is the answer's JSON, if it is."""

    method: str
    url: str
    answer: HttpAnswer
    document: Any


@dataclass(frozen=True, slots=True)
class Conversation(Case):
    """A whole conversation about a credential."""

    credential: Credential
    exchange: tuple[Step, ...]
    # Those of all cases of the provider: nothing else may be asked, whatever is answered.
    hosts: frozenset[str | None] = frozenset()

    @property
    def is_refused(self) -> bool:
        """Whether the module has to raise an error at the end."""
        return "error" in (self.expected or {})


@dataclass(frozen=True, slots=True)
class UsageCase(Conversation):
    """A conversation about its usage."""


@dataclass(frozen=True, slots=True)
class IdentityCase(Conversation):
    """A conversation about whose it is."""


@dataclass(frozen=True, slots=True)
class LoginCase(Conversation):
    """A conversation about whether it is accepted; nothing is expected if it is."""


@dataclass(frozen=True, slots=True)
class HeaderCase(Case):
    """The headers of a good answer."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ErrorCase(Case):
    """A failed request."""

    signal: Signal
    meaning: Meaning
    until: datetime | None
    scope: Scope


AnyCase = UsageCase | IdentityCase | LoginCase | HeaderCase | ErrorCase


def read_cases(folder: Path) -> tuple[AnyCase, ...]:
    """Return every documented answer in `folder` and one level below, in alphabetical order."""
    cases = [read_case(p) for p in sorted({p for kind in _FIELDS for p in _paths(folder, kind)})]
    hosts: dict[str, frozenset[str | None]] = {}
    for case in cases:
        if isinstance(case, Conversation):
            hosts[case.provider] = hosts.get(case.provider, frozenset()) | case.hosts
    return tuple(
        replace(case, hosts=hosts[case.provider]) if isinstance(case, Conversation) else case
        for case in cases
    )


def _paths(folder: Path, kind: str) -> Iterator[Path]:
    yield from folder.glob(f"{kind}-*.json")
    yield from folder.glob(f"*/{kind}-*.json")


def read_case(path: Path) -> AnyCase:
    """Return the documented answer in the file at `path`; raises BadCase."""
    kind = path.stem.partition("-")[0]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        head = _head(path, kind, content)
        match kind:
            case "usage":
                return UsageCase(**head, **_conversation(content))
            case "identity":
                return IdentityCase(**head, **_conversation(content))
            case "login":
                return LoginCase(**head, **_conversation(content))
            case "headers":
                return HeaderCase(**head, headers=_texts(content["headers"]))
            case _:
                return _error(head, content)
    except (KeyError, TypeError, ValueError, BadEntry) as exc:
        raise BadCase(f"{path.parent.name}/{path.name}: {type(exc).__name__}: {exc}") from exc


def _head(path: Path, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    _only(content, _FIELDS[kind])
    head = {name: content[name] for name in ("says", "source", "certainty", "provider")}
    if content["certainty"] not in CERTAINTIES or not content["source"].startswith("https://"):
        raise ValueError("certainty is H, M or L, source an https address")
    expected = content["expected"]
    _check_expected(kind, expected)
    now = _moment(content["now"])
    return head | {"path": path, "kind": kind, "now": now, "expected": expected}


def _check_expected(kind: str, expected: Mapping[str, Any] | None) -> None:
    if kind == "error":
        _only(expected or {}, _FINDING)
    elif kind == "login" or (kind in {"usage", "identity"} and "error" in (expected or {})):
        _only(expected or {}, _REFUSAL)
        if expected and expected["error"] not in ERRORS:
            raise ValueError(f"error is none of {sorted(ERRORS)}")
    elif kind == "identity":
        _only(expected or {}, _OWNER)
        if not (expected or {})["key"]:
            raise ValueError("whoever is named has a key")
    elif expected is not None or kind == "usage":
        _only(expected or {}, _SNAPSHOT)
        for window in (expected or {})["windows"]:
            _only(window, _WINDOW)


def _conversation(content: Mapping[str, Any]) -> dict[str, Any]:
    credential = parse_entry(content["provider"], Secret(json.dumps(content["credential"])))
    steps = tuple(map(_step, content["exchange"]))
    if not steps:
        raise ValueError("exchange is empty")
    hosts = frozenset(urlsplit(step.url).hostname for step in steps)
    return {"credential": credential, "exchange": steps, "hosts": hosts}


def _step(content: Mapping[str, Any]) -> Step:
    _only(content, _STEP)
    text = content["text"] if "text" in content else json.dumps(content["body"])
    headers = _texts(content.get("headers", {}))
    answer = HttpAnswer(content["status"], headers, Secret(text))
    return Step(content["method"], content["url"], answer, content.get("body"))


def _error(head: dict[str, Any], content: Mapping[str, Any]) -> ErrorCase:
    body = content.get("body")
    signal = Signal(
        id="documented",
        at=head["now"],
        provider=head["provider"],
        source=Source.BRIDGE if content["status"] else Source.LOG,
        model=content.get("model"),
        status=content["status"],
        error=content.get("error"),
        headers=_texts(content["headers"]),
        body=content.get("text", "" if body is None else json.dumps(body)),
    )
    until = content["expected"]["until"]
    return ErrorCase(
        **head,
        signal=signal,
        meaning=Meaning(content["expected"]["meaning"]),
        until=None if until is None else _moment(until),
        scope=_scope(content["expected"].get("scope", {})),
    )


def _scope(content: Mapping[str, Any]) -> Scope:
    _only(content, _SCOPE)
    return Scope(content.get("model"), Reach(content.get("reach", Reach.GROUP)))


def _texts(headers: Mapping[str, Any]) -> Mapping[str, str]:
    for name, value in headers.items():
        if name != name.lower() or not isinstance(value, str):
            raise ValueError(f"header {name}: the name in lower case, the value a text")
    return headers


def _only(content: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := set(content) - known:
        raise ValueError(f"unknown fields {sorted(unknown)}")


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at.astimezone(UTC)
