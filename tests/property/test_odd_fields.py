"""A field of a vendor's answer that is odd costs itself, never the rest of the reading.

Of every recorded answer about usage each field in turn is nothing, a text, a list, a huge number,
a negative one, and no number at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from rotator.model import Snapshot
from rotator.provider import UsageReader
from rotator.testing import UsageCase
from rotator.testing.conversations import instead, read, told_by
from rotator.testing.malformed import GONE, Changed, Path, values_of, with_value
from tests.support.usage_cases import cases, module_of

FEWEST_READERS = 39
ODD = {
    "nothing": None, "a text": "odd", "a list": ["x"], "huge": 10**30, "negative": -5,
    "no number": float("nan"),
}  # fmt: skip
# Where an odd value means something, or all of the answer depends on the field.
MEANS_SOMETHING = {
    # The number of an error.
    ("zai-coding-plan", "code", "negative"),
    ("zhipuai-coding-plan", "code", "negative"),
    ("siliconflow", "code", "negative"),
    ("siliconflow-cn", "code", "negative"),
    # No end to it.
    *(
        (who, f"quota_snapshots.{of}.entitlement", "negative")
        for who in ("github-copilot", "github-copilot-enterprise")
        for of in ("chat", "completions", "premium_interactions", "premium_models")
    ),
    # Another model's name.
    ("minimax-coding-plan", "model_remains.#.model_name", "a text"),
    ("minimax-cn-coding-plan", "model_remains.#.model_name", "a text"),
}
DEPENDS_ON = {
    # The next address, so that a person's credits are not taken for an organisation's.
    ("command-code", "org"),
    ("command-code", "org.id"),
    # What is used of a model, of whom no other is told.
    ("google", "buckets.#.modelId"),
    ("google", "buckets.#.remainingFraction"),
    # Whether a plan is there at all, or nothing of it is used.
    ("chutes", "monthly"),
    ("chutes", "rolling_window"),
    ("xai", "config.productUsage"),
    ("xai", "config.productUsage.#"),
}


def reader_of(case: UsageCase) -> UsageReader:
    """Return the module that reads it."""
    return cast("UsageReader", module_of(case))


def usage_cases() -> list[UsageCase]:
    """Return the recorded answers that say something."""
    usage = [case for case in cases() if isinstance(case, UsageCase)]
    return [case for case in usage if claims(told_by(reader_of(case), case))]


def claims(snapshot: Snapshot | None) -> int:
    """Return how much a reading says."""
    return 0 if snapshot is None else len(snapshot.windows) + (snapshot.balance is not None)


def fields_of(case: UsageCase) -> Iterator[tuple[int, Path, Any, str]]:
    """Yield the step, the path, the value and the name of each field of an answer."""
    for number, step in enumerate(case.exchange):
        for path, value in values_of(step.document):
            if path:
                name = ".".join("#" if isinstance(part, int) else part for part in path)
                yield number, path, value, name


def with_field(case: UsageCase, number: int, path: Path, value: object) -> Snapshot | None:
    """Return what is read with another value in one place."""
    document = with_value(case.exchange[number].document, path, value)
    changed = Changed("", json.dumps(document), None)
    return read(reader_of(case), case, number, instead(case, number, changed)).snapshot


def test_every_reader_has_recorded_answers() -> None:
    assert len({case.provider for case in usage_cases()}) >= FEWEST_READERS


@pytest.mark.parametrize("case", usage_cases(), ids=lambda case: case.name)
def test_an_odd_field_costs_no_more_than_itself(case: UsageCase) -> None:
    whole = claims(told_by(reader_of(case), case))
    costly = []
    for number, path, value, name in fields_of(case):
        absent = GONE if isinstance(path[-1], str) else None
        least = claims(with_field(case, number, path, absent))
        if whole > 1 and not isinstance(value, dict | list):
            # It says several things, of which one field is one.
            least = max(least, 1)
        for how, odd in ODD.items():
            found = claims(with_field(case, number, path, odd))
            known = (case.provider, name) in DEPENDS_ON
            known = known or (case.provider, name, how) in MEANS_SOMETHING
            if found < least and not known:
                costly.append(f"{name} is {how}: {found} of {whole}")

    assert costly == []
