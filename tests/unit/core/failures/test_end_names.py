"""The names of headers and fields that state an end, and what each counts."""

from __future__ import annotations

import pytest

from rotator.core.failures.end_names import Unit, unit_of_field, unit_of_header

SPANS = """
    retry_after retry_after_seconds retry_after_secs retry_after_s retry_in retry_in_seconds retry
    retry_delay retry_delay_seconds retry_seconds wait wait_seconds wait_time wait_for reset_after
    reset_after_seconds reset_in_seconds resets_in_seconds reset_in resets_in resets_after
    reset_seconds seconds_until_reset seconds_to_reset time_until_reset time_to_reset
    quota_reset_delay cooldown cooldown_seconds backoff try_again_in available_in
"""
MOMENTS = """
    reset resets reset_at resets_at reset_on resets_on reset_time reset_times reset_timestamp
    reset_time_stamp reset_date reset_date_utc reset_datetime quota_reset_time_stamp
    quota_reset_timestamp quota_reset_time quota_reset_at quota_reset_date quota_reset_date_utc
    next_reset next_reset_at next_reset_time next_reset_date window_reset_at window_resets_at
    window_end window_ends_at retry_at retry_after_time retry_after_date retry_time available_at
    available_after next_available_at next_available_time unlock_at blocked_until limited_until
    rate_limited_until cooldown_until until renews_at renew_at renewal_at refresh_at refreshes_at
    refresh_time recover_at recovery_time resume_at resumes_at period_end current_period_end
    limit_reset_at limit_reset_time limit_resets_at rate_limit_reset rate_limit_reset_at
    usage_reset_at restores_at
"""


@pytest.mark.parametrize("name", SPANS.split())
def test_a_field_states_how_long_it_is_until_the_end(name: str) -> None:
    assert unit_of_field(name) is Unit.SECONDS


@pytest.mark.parametrize("name", MOMENTS.split())
def test_a_field_states_the_moment_of_the_end(name: str) -> None:
    assert unit_of_field(name) is Unit.MOMENT


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("cooldown_ms", Unit.MILLISECONDS),
        ("cooldown_millis", Unit.MILLISECONDS),
        ("backoff_milliseconds", Unit.MILLISECONDS),
        ("backoff_msec", Unit.MILLISECONDS),
        ("retry_in_min", Unit.MINUTES),
        ("retry_in_mins", Unit.MINUTES),
        ("retry_in_minutes", Unit.MINUTES),
        ("reset_in_hours", Unit.HOURS),
        ("reset_in_hrs", Unit.HOURS),
        ("backoff_secs", Unit.SECONDS),
        ("unlock_at_ms", Unit.MOMENT),
        ("unlock_at_seconds", Unit.MOMENT),
        ("unlock_at_utc", Unit.MOMENT),
        ("unlock_at_epoch", Unit.MOMENT),
        ("unlock_at_hours", None),
        ("unlock_at_minutes", None),
        ("unlocked", None),
        ("seen_at", None),
    ],
)
def test_the_end_of_a_name_says_what_is_counted(name: str, unit: Unit | None) -> None:
    assert unit_of_field(name) is unit


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("retry-after", Unit.SECONDS),
        ("x-acme-retry-after-ms", Unit.MILLISECONDS),
        ("retry-after-at", Unit.SECONDS),
        ("x-reset-in-seconds", Unit.SECONDS),
        ("anthropic-ratelimit-unified-reset", Unit.SECONDS),
        ("x-ratelimit-reset", None),
        ("date", None),
    ],
)
def test_some_headers_state_an_end_outright(name: str, unit: Unit | None) -> None:
    assert unit_of_header(name) is unit
