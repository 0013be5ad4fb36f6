"""Random days of a HOME with both opencodes: no login is lost in either home, whatever comes.

The days are in tests/histories/both.py; `python -m tests.histories.both` lives through more. Here
they are the same ones in every build.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.unmeasured import run_modules, told_by

Record = Callable[[str, object], None]
STEPS = 400


@pytest.mark.timeout(300)
def test_no_login_is_lost_in_either_home_on_any_day(record_testsuite_property: Record) -> None:
    words = ["tests.histories.both", "--json", f"--steps={STEPS}", "--seed=1"]

    (ended,) = run_modules([words], seconds=240)

    assert ended.returncode == 0, told_by(ended)
    counted = json.loads(ended.stdout)
    for name, number in counted.items():
        record_testsuite_property(f"{name} of days in both homes", number)
    assert counted["steps"] >= STEPS
    # Each kind of trouble has come.
    troubles = ("crashes", "faults", "locked", "steps of others in ours", "newer tokens put in")
    assert min(counted[name] for name in troubles) > 0
