"""Every provider module keeps to the contract with every documented case of its vendor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from rotator.opencode.auth.entries import parse_entry
from rotator.provider import UsageReader
from rotator.secret import Secret
from rotator.testing import UsageCase, can_try, rules_for
from rotator.testing.conformance import Rule
from tests.support.repository import ROOT
from tests.support.usage_cases import AnyCase, cases, module_of, modules

TRIALS = [
    pytest.param(case, rule, id=f"{case}: {name}")
    for case in cases()
    for name, rule in rules_for(case).items()
]
LOGINS = (
    '{"type":"api","key":"KEY-CANARY-a"}',
    '{"type":"oauth","access":"ACC-CANARY-a","refresh":"REF-CANARY-a","expires":0}',
)
# What the documented answers of a vendor have to show, each somewhere.
WANTED = ("normal", "exhausted", "missing", "null", "text")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@pytest.mark.parametrize(("case", "rule"), TRIALS)
def test_a_module_keeps_to_the_contract(case: AnyCase, rule: Rule) -> None:
    assert list(rule(module_of(case), case)) == []


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_documented_case_is_of_a_module_that_can_read_it(case: AnyCase) -> None:
    assert can_try(module_of(case), case)


def askable() -> Iterator[str]:
    """Yield the files of the modules that ask a vendor for the usage of some kind of login."""
    for name, module in modules().items():
        logins = [parse_entry(name, Secret(text)) for text in LOGINS]
        if isinstance(module, UsageReader) and any(
            module.usage_obstacle(login) is None for login in logins
        ):
            yield type(module).__module__


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield everything in a document with its path, in which the items of a list are alike."""
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    if isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")


def is_exhausted(expected: Mapping[str, object]) -> bool:
    windows = expected.get("windows", [])
    assert isinstance(windows, list)
    return bool(expected.get("spent")) or any(window["used"] >= 1 for window in windows)


def told(case: UsageCase) -> list[tuple[str, object]]:
    """Return everything in the good answers of a case, with its path."""
    return [
        (f"{step.url}{path}", value)
        for step in case.exchange
        if step.document is not None and step.answer.status < 400
        for path, value in leaves(step.document)
    ]


def shown(found: list[UsageCase]) -> set[str]:
    """Return which of WANTED the cases of a module show."""
    documents = {case.name: told(case) for case in found}
    known: dict[str, list[object]] = {}
    for document in documents.values():
        for path, value in document:
            known.setdefault(path, []).append(value)
    paths = {name: {path for path, _ in document} for name, document in documents.items()}
    normal = {path for name, inside in paths.items() if "normal" in name for path in inside}
    kinds = list(known.values())
    holds = {
        "normal": bool(normal),
        "exhausted": any(is_exhausted(case.expected or {}) for case in found),
        "missing": any(normal - inside for inside in paths.values()),
        "null": any(None in values and any(v is not None for v in values) for values in kinds),
        "text": any(
            any(map(is_number, values)) and any(map(is_number_text, values)) for values in kinds
        ),
    }
    return {name for name, is_shown in holds.items() if is_shown}


def is_number_text(value: object) -> bool:
    return isinstance(value, str) and NUMBER.fullmatch(value) is not None


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize("file", sorted(set(askable())))
def test_a_vendor_s_answers_are_documented_in_all_their_kinds(file: str) -> None:
    found = [
        case
        for case in cases()
        if isinstance(case, UsageCase) and type(module_of(case)).__module__ == file
    ]
    folders = {case.path.parent for case in found}
    # What a vendor cannot answer is named, with the reason, in a file of its folder.
    reasons = [
        json.loads((f / "unseen.json").read_text()) for f in folders if (f / "unseen.json").exists()
    ]
    unseen = {name: why for reason in reasons for name, why in reason.items()}

    lacking = set(WANTED) - shown(found) - set(unseen)

    assert (lacking, set(unseen) - set(WANTED)) == (set(), set())
    assert all(isinstance(why, str) and len(why) > 20 for why in unseen.values())


def test_every_folder_of_documented_answers_is_read() -> None:
    read = {case.path for case in cases()}

    found = {
        path
        for kind in ("usage", "identity", "login", "headers", "error")
        for path in (ROOT / "fixtures").rglob(f"{kind}-*.json")
    }

    assert found == read
