"""The names of headers and fields that state an end, and what each counts."""

from __future__ import annotations

import pytest

from rotator.core.failures.end_names import (
    Unit,
    names_a_renewal,
    names_utc,
    unit_named,
    unit_of_field,
    unit_of_header,
)
from rotator.core.failures.error_response import snake

SPANS = """
    retry_after retry_after_seconds retry_after_secs retry_after_s retry_in retry_in_seconds retry
    retry_delay retry_delay_seconds retry_seconds wait wait_seconds wait_time wait_for reset_after
    reset_after_seconds reset_in_seconds resets_in_seconds reset_in resets_in resets_after
    reset_seconds seconds_until_reset seconds_to_reset time_until_reset time_to_reset
    quota_reset_delay cooldown cooldown_seconds backoff try_again_in available_in available_after
"""
MOMENTS = """
    reset resets reset_at resets_at reset_on resets_on reset_time reset_times reset_timestamp
    reset_time_stamp reset_date reset_date_utc reset_datetime quota_reset_time_stamp
    quota_reset_timestamp quota_reset_time quota_reset_at quota_reset_date quota_reset_date_utc
    next_reset next_reset_at next_reset_time next_reset_date window_reset_at window_resets_at
    window_end window_ends_at retry_at retry_after_time retry_after_date retry_time available_at
    next_available_at next_available_time unlock_at blocked_until limited_until
    rate_limited_until cooldown_until until renews_at renew_at renewal_at refresh_at refreshes_at
    refresh_time recover_at recovery_time resume_at resumes_at period_end current_period_end
    limit_reset_at limit_reset_time limit_resets_at rate_limit_reset rate_limit_reset_at
    usage_reset_at restores_at
"""

# As vendors write them, in every case.
WRITTEN = {
    Unit.SECONDS: """
    retryDelay secondsUntilNextReset until_reset_seconds try_again_in_seconds try-again-after
    refillsIn refill_in_seconds x-ratelimit-reset X-RateLimit-Reset xRateLimitReset
    x-ratelimit-reset-after cooldown_period_seconds remaining_cooldown_seconds
    wait_for_seconds available_after timeToReset secs_until_retry seconds_to_wait
    """,
    Unit.MILLISECONDS: """
    retry_delay_ms ms_until_reset millisUntilReset time_until_reset_ms tryAgainAfterMs
    cooldown_remaining_ms waitTimeMs reset_ms
    """,
    Unit.HOURS: """
    hours_until_reset retry_hours
    """,
    Unit.MINUTES: """
    minutes_until_reset session_reset_in_minutes minutes_to_reset
    """,
    Unit.DAYS: """
    daysUntilReset reset_in_d
    """,
    Unit.MOMENT: """
    resetEpochMs resetEpoch reset_epoch_seconds resetUnix resetUnixMs reset_at_utc resetUtc
    resetsAtUTC reset_time_utc utcResetTime tryAgainAt quotaResetsAt quotaRefillsAt
    window_end_at windowEndsAt window_end_ms windowExpiresAt refillAt nextRefill nextRefillAt
    next_refill_time replenishesAt ratelimit_reset rateLimitReset rateLimitResetsAt
    daily_reset_at weeklyResetAt five_hour_resets_at next_request_at nextAttemptAt
    next_request_allowed_at retryableAt canRetryAt cooldownEndsAt ban_expires_at
    blockedUntilMs throttledUntil unlocksAt unblockAt recoversAt availableFrom next_available
    """,
}
NO_ENDS = """
    created_at createdAt updated_at expires_at expires_in expiresAt token_expires_at
    token_refresh_at refresh_token refresh_token_expires_in refresh_interval window_seconds
    limit_window_seconds window_minutes windowDuration period_seconds reset_interval
    reset_period resetPeriod last_reset_at lastReset previous_reset reset_count reset_credits
    resets_used resets_remaining reset_type reset_day reset_hour retry_count retries
    max_retries retry_attempts retry_limit retryable should_retry available available_tokens
    available_credits window_start window_starts_at started_at start_at end_at end_time
    end_date period_start subscription_period_end trial_end plan_expires_at key_expires_at
    valid_until validUntil free_until not_before timeout timeout_ms latency_ms duration_ms
    time_to_first_token auto_renew renewal_price backoff_factor wait_list next_page
    next_cursor request_time request_at time date timestamp at on hours minutes seconds ms day
    window limit limits to until_x reset_hours reset_minutes reset_days next_message next
    at_reset message_at call_at message_time credit_expires_at credits_expire_at usage_time
    usage_at available_time_zone unlock_at_hours unlocked seen_at first_seen_at
    model_available is_available availableModels processing_ms elapsed_seconds paid_until
    supported_until deprecated_at sunset_at current_time server_time now
"""


@pytest.mark.parametrize(
    ("name", "unit"), [(name, unit) for unit, names in WRITTEN.items() for name in names.split()]
)
def test_a_name_is_read_by_its_words(name: str, unit: Unit) -> None:
    assert unit_of_field(snake(name)) is unit


@pytest.mark.parametrize("name", NO_ENDS.split())
def test_what_is_no_end_is_not_taken_for_one(name: str) -> None:
    assert unit_of_field(snake(name)) is None


def test_a_longer_name_than_anybody_gives_is_none() -> None:
    assert unit_of_field("next_" * 11 + "reset") is Unit.MOMENT
    assert unit_of_field("next_" * 12 + "reset") is None


def test_a_name_may_say_the_zone_of_its_time() -> None:
    assert names_utc("reset_at_utc")
    assert names_utc("gmt_reset")
    assert not names_utc("reset_at")
    assert not names_utc("reset_outcome")


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


OF_WHAT = """
    x api rate ratelimit limit limits quota usage window next current plan request requests tokens
    credit credits daily weekly monthly hourly session primary secondary rolling billing period
    cycle hour hours day days week weeks month months five seven 5h 7d 24h estimated expected free
    tier premium soft hard the utc gmt unix attempt try call message
"""
COMES_BACK = """
    reset resets retry retryable can_retry renew renews renewal refresh refreshes refill refills
    replenish replenishes recover recovers recovery restore restores resume resumes unlock unlocks
    unblock unblocks unban available
"""
FORMS = """
    utc gmt iso iso8601 str string epoch unix timestamp time times stamp ts date datetime instant
"""
UNITS = {
    Unit.MILLISECONDS: "ms millis milliseconds msec msecs",
    Unit.MICROSECONDS: "us micros microseconds",
    Unit.NANOSECONDS: "ns nanos nanoseconds",
    Unit.SECONDS: "s sec secs second seconds",
    Unit.MINUTES: "min mins minutes",
    Unit.HOURS: "h hr hrs hours",
    Unit.DAYS: "d days",
}


@pytest.mark.parametrize("word", OF_WHAT.split())
def test_it_may_be_said_of_what_it_is_the_end(word: str) -> None:
    assert unit_of_field(f"{word}_resets_at") is Unit.MOMENT
    assert unit_of_field(f"last_{word}_resets_at") is None


@pytest.mark.parametrize("word", COMES_BACK.split())
def test_whatever_comes_back_has_a_moment_or_a_length(word: str) -> None:
    for when in ("at", "on", "from", "by"):
        assert unit_of_field(f"{word}_{when}") is Unit.MOMENT
    for how_long in ("after", "in", "delay", "wait", "countdown"):
        assert unit_of_field(f"{word}_{how_long}") is Unit.SECONDS
        assert unit_of_field(f"{word}_{how_long}_date") is Unit.MOMENT
    assert unit_of_field(f"{word}_limit") is None


@pytest.mark.parametrize("word", FORMS.split())
def test_the_form_of_a_moment_may_be_said(word: str) -> None:
    assert unit_of_field(f"renewal_{word}") is Unit.MOMENT


@pytest.mark.parametrize(
    ("unit", "word"), [(unit, word) for unit, words in UNITS.items() for word in words.split()]
)
def test_a_length_is_counted_in_every_unit(unit: Unit, word: str) -> None:
    assert unit_of_field(f"renews_in_{word}") is unit
    assert unit_of_field(f"{word}_until_renewal") is unit
    assert unit_of_field(f"until_renewal_{word}") is unit
    assert unit_named(word) is unit
    assert unit_of_field(f"renews_in_{word}_{word}") is None


@pytest.mark.parametrize("word", ["refresh", "refill", "renewal", "retry", "available"])
def test_what_comes_next_needs_no_more_words(word: str) -> None:
    assert unit_of_field(f"next_{word}") is Unit.MOMENT
    assert unit_of_field(f"next_{word}_minutes") is (Unit.MINUTES if word == "retry" else None)
    assert unit_of_field(f"daily_{word}") is (Unit.SECONDS if word == "retry" else None)


@pytest.mark.parametrize("word", ["wait", "cooldown", "cool_down", "backoff", "back_off"])
def test_a_wait_is_a_length(word: str) -> None:
    for more in ("", "_for", "_time", "_period", "_duration", "_remaining", "_left"):
        assert unit_of_field(word + more) is Unit.SECONDS
    assert unit_of_field(f"remaining_{word}") is Unit.SECONDS
    assert unit_of_field(f"other_{word}") is None
    assert unit_of_field(f"seconds_to_{word}") is Unit.SECONDS


@pytest.mark.parametrize("end", ["end", "ends", "expires", "expiry"])
def test_the_end_of_a_window_or_a_ban_is_one(end: str) -> None:
    for what in ("window", "period", "cycle", "limit"):
        assert unit_of_field(f"{what}_{end}") is Unit.MOMENT
        assert unit_of_field(f"current_{what}_{end}_at") is Unit.MOMENT
    for ban in ("cooldown", "ban", "block", "lockout", "suspension", "throttle", "penalty"):
        assert unit_of_field(f"{ban}_{end}_at") is Unit.MOMENT
    for other in ("tokens", "session", "key"):
        assert unit_of_field(f"{other}_{end}_at") is None


HELD = """
    blocked limited banned throttled locked locked_out suspended paused unavailable exhausted
    cooldown cooling cooling_down backoff wait retry
"""


@pytest.mark.parametrize("word", HELD.split())
def test_until_when_it_is_held_up_is_an_end(word: str) -> None:
    assert unit_of_field(f"{word}_until") is Unit.MOMENT
    assert unit_of_field(f"{word}_till") is Unit.MOMENT
    assert unit_of_field(f"{word}_before") is None
    assert unit_of_field(f"{word}_to") is None


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("until", Unit.MOMENT),
        ("till", Unit.MOMENT),
        ("valid_until", None),
        ("time_left_until_reset", Unit.SECONDS),
        ("time_remaining_before_reset", Unit.SECONDS),
        ("minutes_left_till_next_request", Unit.MINUTES),
        ("hours_remaining_to_next_attempt", Unit.HOURS),
        ("seconds_until_next_window", Unit.SECONDS),
        ("seconds_until_next_page", None),
        ("many_seconds_until_reset", None),
        ("parsecs_until_reset", None),
        ("next_request_at", Unit.MOMENT),
        ("next_request_starts_at", Unit.MOMENT),
        ("next_attempt_allowed_at", Unit.MOMENT),
        ("next_at", None),
        ("request_at", None),
        ("next_request_ended_at", None),
        ("x_ratelimit_reset", Unit.SECONDS),
        ("x_rate_limit_reset", Unit.SECONDS),
        ("reset_minutes", None),
        ("retry_minutes", Unit.MINUTES),
        ("resets_ms", Unit.MILLISECONDS),
        ("renewal_ms", None),
        ("renews", None),
        ("renews_at_minutes", None),
        ("renews_at_micros", Unit.MOMENT),
    ],
)
def test_only_what_is_said_whole_is_an_end(name: str, unit: Unit | None) -> None:
    assert unit_of_field(name) is unit


def test_a_word_of_another_kind_names_no_unit() -> None:
    assert unit_named("parsec") is None


@pytest.mark.parametrize(
    "name", ["current_period_end", "billing_cycle_ends", "plan_renews_at", "credits_reset_at"]
)
def test_when_a_plan_begins_anew_is_known_by_the_name(name: str) -> None:
    assert names_a_renewal(name)


@pytest.mark.parametrize("name", ["reset_at", "period", "renews_at", "window_ends_at"])
def test_when_a_limit_is_over_is_no_renewal(name: str) -> None:
    assert not names_a_renewal(name)
