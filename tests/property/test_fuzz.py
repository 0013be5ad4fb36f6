"""Nothing that another program writes gets past the place where it comes in."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rotator.errors import RotatorError
from rotator.paths import find_paths
from tests.support.boundaries import STATES, Boundaries
from tests.support.home import places
from tests.support.live import open_live
from tests.support.odd_json import (
    ANY,
    ENTRIES,
    LOG_LINES,
    TOKEN_ANSWERS,
    auth_files,
    damaged,
    presents,
    signals,
    watcher_files,
)
from tests.support.strategies import QUIET

FUZZ = settings(
    QUIET,
    max_examples=2_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DIGESTS = sorted(digest for state in STATES for _, digest in state.digests)
BYTES = st.binary(max_size=60)


@pytest.fixture(scope="module")
def boundaries(tmp_path_factory: pytest.TempPathFactory) -> Boundaries:
    """Return the boundaries of a person who has nothing yet."""
    return Boundaries(find_paths(places(tmp_path_factory.mktemp("fuzz"))))


@FUZZ
@given(content=damaged(auth_files()) | BYTES)
def test_any_auth_json_is_read_understood_and_written_over(
    boundaries: Boundaries, content: bytes
) -> None:
    boundaries.auth_file(content)


@FUZZ
@given(text=ENTRIES | ANY | st.text(max_size=30))
def test_any_entry_is_a_credential_or_said_to_be_none(boundaries: Boundaries, text: str) -> None:
    boundaries.entry(text)


@FUZZ
@given(content=damaged(signals(DIGESTS) | ANY) | BYTES)
def test_any_signal_blames_nobody_or_who_is_known(boundaries: Boundaries, content: bytes) -> None:
    boundaries.signal(content)


@FUZZ
@given(
    content=damaged(presents("AUTH_FILE") | ANY) | BYTES,
    stem=st.sampled_from(["1", "-1", "True", "inf", "nan", "1099511627776", "a b"]),
)
@example(content=b'{"schema":1,"pid":1e400}', stem="inf")
def test_any_present_file_costs_itself_alone(
    boundaries: Boundaries, content: bytes, stem: str
) -> None:
    boundaries.present(content, stem)


@FUZZ
@given(content=damaged(watcher_files(os.getpid()) | ANY) | BYTES)
def test_any_watcher_file_is_told_in_clean_words(boundaries: Boundaries, content: bytes) -> None:
    boundaries.watcher_file(content)


@FUZZ
@given(content=damaged(LOG_LINES) | BYTES)
def test_any_log_line_is_a_failure_or_none_and_hides_no_other(
    boundaries: Boundaries, content: bytes
) -> None:
    boundaries.log_line(content)


@FUZZ
@given(
    content=damaged(TOKEN_ANSWERS) | BYTES,
    status=st.sampled_from([200, 201, 400, 401]) | st.integers(),
    headers=st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3),
)
def test_any_answer_of_a_vendor_gives_tokens_or_a_dead_login_or_nothing(
    boundaries: Boundaries, content: bytes, status: int, headers: dict[str, str]
) -> None:
    boundaries.vendor_answer(content, [status], headers)


@settings(FUZZ, max_examples=150)
@given(contents=st.lists(damaged(auth_files()), min_size=1, max_size=3))
def test_any_auth_json_is_saved_or_left_alone(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    with open_live(Path(tmp_path_factory.mktemp("saved"))) as live:
        for content in contents:
            with contextlib.suppress(RotatorError):
                live.sees(content)

            assert live.state.broken == ()
