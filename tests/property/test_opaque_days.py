"""Random days of several people at a vendor whose tokens name nobody: nobody is merged or split.

The days are in tests/histories/opaque.py; `python -m tests.histories.opaque` lives through more.
Here they are the same ones in every build.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.histories.opaque import live_through
from tests.support.interrupted import memory_folder
from tests.support.unmeasured import run_modules, told_by

Record = Callable[[str, object], None]
STEPS = 20_000


@pytest.mark.timeout(540)
def test_nobody_is_merged_split_or_lost_on_any_day(record_testsuite_property: Record) -> None:
    words = ["tests.histories.opaque", "--json", f"--steps={STEPS}", "--seed=1"]

    (ended,) = run_modules([words], seconds=500)

    assert ended.returncode == 0, told_by(ended)
    counted = json.loads(ended.stdout)
    for name, number in counted.items():
        record_testsuite_property(f"{name} of opaque days", number)
    assert counted["steps"] >= STEPS
    # Each kind of day has come.
    assert min(counted["late proofs"], counted["proofs never"], counted["words of the vendor"]) > 99


@pytest.mark.parametrize(
    "day",
    [
        # Tokens that were known to be spent stayed instead of those that were in doubt for them.
        "52/622",
        # What a removal had parted, and nobody had proven to be alive, took a login's place.
        "52/777",
        # The same, where the vendor had named it before.
        "52/1773",
        # A limit that a join had brought in went with another person's older tokens.
        "71/880",
        # Spent tokens took the newest ones' place: an older login had ended the doubt about them.
        "72/708",
        # A login that may have become one that is dead took a living one's place: they were joined.
        "81/1129",
    ],
)
def test_a_day_that_once_ended_badly_ends_well(day: str) -> None:
    with memory_folder() as folder:
        assert live_through(folder, day)["days"] == 1
