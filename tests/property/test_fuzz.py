"""Nothing that another program writes gets past the place where it comes in.

tests/fuzz/drawn.py says what is drawn and where it goes in; here it is the same in every build.
"""

from __future__ import annotations

import shlex

import pytest

from tests.fuzz.drawn import CASES
from tests.support.unmeasured import Ended, run_modules, told_by

# They take half a minute, and longer on a computer with much else to do.
SECONDS = 500
pytestmark = pytest.mark.timeout(540)


@pytest.fixture(scope="module")
def fed() -> dict[str, Ended]:
    """Feed every boundary, as many at once as there are processors."""
    ended = run_modules([["tests.fuzz.drawn", name] for name in CASES], seconds=SECONDS)
    return dict(zip(CASES, ended, strict=True))


def require_held(fed: dict[str, Ended], name: str) -> None:
    """Assert that the boundary held, and that it was fed as often as it has to be."""
    again = f"made shorter: python -m tests.fuzz.drawn {shlex.quote(name)} --shrink"
    assert fed[name].returncode == 0, f"{told_by(fed[name])}\n{again}"
    assert int(fed[name].stdout) >= CASES[name].count


def test_any_auth_json_is_read_understood_and_written_over(fed: dict[str, Ended]) -> None:
    require_held(fed, "auth.json")


def test_any_entry_is_a_credential_or_said_to_be_none(fed: dict[str, Ended]) -> None:
    require_held(fed, "entry")


def test_any_signal_blames_nobody_or_who_is_known(fed: dict[str, Ended]) -> None:
    require_held(fed, "signal")


def test_any_present_file_costs_itself_alone(fed: dict[str, Ended]) -> None:
    require_held(fed, "present")


def test_any_watcher_file_is_told_in_clean_words(fed: dict[str, Ended]) -> None:
    require_held(fed, "watcher.json")


def test_any_log_line_is_a_failure_or_none_and_hides_no_other(fed: dict[str, Ended]) -> None:
    require_held(fed, "log line")


def test_any_answer_of_a_vendor_gives_tokens_or_a_dead_login_or_nothing(
    fed: dict[str, Ended],
) -> None:
    require_held(fed, "vendor answer")


def test_any_auth_json_is_saved_or_left_alone(fed: dict[str, Ended]) -> None:
    require_held(fed, "what is saved")
