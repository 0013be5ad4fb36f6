"""The tests of the pure core notice what is broken there: a sample in each build, all by hand.

What nobody notices gets a test beside the module's others, or an entry with its reason in
accepted.toml. All of it, what is listed as well: `python -m tests.mutants --core --recheck`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.told_figures import FIGURE
from tests.support.unmeasured import run_modules, told_by

# The same ones in every build; a line that changes brings its own changes with it.
_COUNT, _SEED = 1000, 1
_SECONDS = 380


@pytest.mark.mutants
@pytest.mark.timeout(_SECONDS + 20)
def test_no_change_of_what_decides_goes_unnoticed(
    record_property: Callable[[str, object], None],
) -> None:
    words = ["tests.mutants", "--core", "--count", str(_COUNT), "--seed", str(_SEED)]

    (ended,) = run_modules([words], seconds=_SECONDS)

    record_property(FIGURE, f"pure core: {''.join(ended.stdout.splitlines()[-1:])}")
    assert ended.returncode == 0, told_by(ended)
