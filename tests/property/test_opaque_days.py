"""Random days of several people at a vendor whose tokens name nobody: nobody is merged or split.

The days are in tests/histories/opaque.py; `python -m tests.histories.opaque` lives through more.
Here they are the same ones in every build.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

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
