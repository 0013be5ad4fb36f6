"""The table of docs/providers.md, made from the modules and their documented answers.

`python -m tests.support.provider_table` writes it into the document anew.
"""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rotator.model import Credential
from rotator.opencode.auth.entries import parse_entry
from rotator.plugins.registry import load_registry
from rotator.provider import (
    Classifier,
    HeaderReader,
    IdentityReader,
    LoginChecker,
    Provider,
    RefreshCall,
    Refresher,
    UsageReader,
)
from rotator.secret import Secret
from tests.support.repository import ROOT
from tests.support.usage_cases import AnyCase, cases, modules

DOCUMENT = ROOT / "docs" / "providers.md"
BLOCK = re.compile(r"(?<=<!-- providers -->\n).*?(?=<!-- /providers -->)", re.DOTALL)
ANSWERS = re.compile(r"(?<=<!-- answers -->\n).*?(?=<!-- /answers -->)", re.DOTALL)
ANSWERS_HEAD = "| vendor | known by | understood | since |\n| --- | --- | --- | --- |\n"
COLUMNS = (
    "providers",
    "asked with",
    "tried with",
    "whose it is",
    "usage",
    "usage in headers",
    "new tokens",
    "errors",
    "sure",
    "since",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"
NO = "-"
# What the names of windows end in, shorter ones first.
UNITS = ("min", "h", "day", "d", "month", "")
# What the access tokens of the vendors that use JSON Web Tokens say of a login.
CLAIMS = {
    "iss": "https://auth.example",
    "sub": "user",
    "exp": 1_800_000_000,
    "https://api.openai.com/auth": {"chatgpt_account_id": "account", "chatgpt_user_id": "user"},
}
_PART = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip("=")
ENTRIES = {
    "api": {"type": "api", "key": "KEY-CANARY-a"},
    "oauth": {
        "type": "oauth",
        "access": f"e30.{_PART}.CANARY",
        "refresh": "REF-CANARY-a",
        "expires": 0,
    },
}


def table() -> str:
    """Return the table, a row a module and what its ids have in common."""
    rows: dict[tuple[str, ...], Any] = {
        module.ids: module for module in load_registry().providers.values()
    }
    return HEAD + "".join(f"| {' | '.join(_row(rows[ids]))} |\n" for ids in sorted(rows))


def _row(module: Any) -> list[str]:
    found = [case for case in cases() if case.provider in module.ids]
    if "*" in module.ids:
        found = [case for case in cases() if case.provider not in modules()]
    logins = {kind: _login(module, kind) for kind in ENTRIES}
    asked = [kind for kind, login in logins.items() if _is_asked(module, login)]
    return [
        ", ".join(f"`{name}`" for name in module.ids),
        ", ".join(asked) or NO,
        ", ".join(kind for kind, login in logins.items() if _is_tried(module, login)) or NO,
        _identity(module, logins, found),
        ", ".join(_told(found)) if asked else NO,
        "yes" if isinstance(module, HeaderReader) else "usual",
        _tokens(module, logins["oauth"]),
        "own" if isinstance(module, Classifier) or _has_table(module) else "usual",
        ", ".join(sorted({case.certainty for case in found})) or NO,
        min((f"{case.now:%Y-%m}" for case in found), default=NO),
    ]


def _has_table(module: Any) -> bool:
    table = load_registry().tables.vendor_of(module.ids[0], None)
    return table is not None and bool(table.lines)


def _login(module: Any, kind: str) -> Credential:
    name = module.ids[0]
    return parse_entry("any" if name == "*" else name, Secret(json.dumps(ENTRIES[kind])))


def _is_asked(module: object, login: Credential) -> bool:
    return isinstance(module, UsageReader) and module.usage_obstacle(login) is None


def _is_tried(module: object, login: Credential) -> bool:
    if _is_asked(module, login) or not isinstance(module, LoginChecker):
        return False
    return module.check_login(login, datetime.now(UTC)) is not None


def _identity(module: Provider, logins: dict[str, Credential], found: list[AnyCase]) -> str:
    asker: object = module
    if any(module.identify(login).key for login in logins.values()):
        return "the token, else the vendor" if isinstance(asker, IdentityReader) else "the token"
    if isinstance(asker, IdentityReader):
        return "the vendor, in doubt" if asker.asks_only_in_doubt else "the vendor"
    told = [(case.expected or {}).get("identity") or {} for case in found if case.kind == "usage"]
    if any(one.get("key") for one in told):
        return "the vendor"
    return "its group" if any(one.get("group") for one in told) else NO


def _told(found: list[AnyCase]) -> Iterator[str]:
    expected = [case.expected or {} for case in found if case.kind == "usage"]
    names = {window["name"] for one in expected for window in one.get("windows", [])}
    short = {name.partition(" ")[0] for name in names}
    yield from sorted(short, key=lambda name: (UNITS.index(_unit(name)), name))
    if any(one.get("balance") for one in expected):
        yield "balance"


def _unit(name: str) -> str:
    return next(unit for unit in UNITS if name.lstrip("0123456789") in {unit, ""} or not unit)


def _tokens(module: object, login: Credential) -> str:
    if not isinstance(module, Refresher):
        return NO
    call = module.refresh_call(login)
    if not isinstance(call, RefreshCall):
        return "not by us"
    return "by us" if call.consent is None else "by us, if you allow it"


def answers() -> str:
    """Return the table of what is understood of each vendor's answers, and since when."""
    rows = [_understood(table) for table in sorted(_files()) if table[1]["lines"]]
    return ANSWERS_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _files() -> list[tuple[str, Any]]:
    folder = ROOT / "providers" / "answers"
    return [(p.stem, tomllib.loads(p.read_text("utf-8"))) for p in folder.glob("*.toml")]


def _understood(table: tuple[str, Any]) -> list[str]:
    name, content = table
    told: dict[str, list[str]] = {}
    for line in content["lines"]:
        what = f"`{line['code']}`" if "code" in line else f"\u201c{line['text']}\u201d"
        told.setdefault(line["means"], []).append(what)
    for line in content.get("refresh", ()):
        told.setdefault("a refresh that ends a login", []).append(f"`{line['code']}`")
    seen = sorted({line["seen"] for line in (*content["lines"], *content.get("refresh", ()))})
    known = ", ".join(f"`{name}`" for name in (*content["ids"], *content["hosts"])) or "everybody"
    means = "; ".join(f"{means.replace('_', ' ')}: {', '.join(told[means])}" for means in told)
    return [name, known, means, seen[0] if len(seen) == 1 else f"{seen[0]}, {seen[-1]}"]


def written(document: Path = DOCUMENT, block: re.Pattern[str] = BLOCK) -> str:
    """Return a table that stands in the document."""
    match = block.search(document.read_text(encoding="utf-8"))
    return "" if match is None else match[0]


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    text = BLOCK.sub(lambda _: table(), text)
    DOCUMENT.write_text(ANSWERS.sub(lambda _: answers(), text), encoding="utf-8")
