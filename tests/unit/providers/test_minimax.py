"""MiniMax's traps; every documented answer is in fixtures/minimax-coding-plan."""

from __future__ import annotations

import pytest

from providers.minimax.provider import PROVIDERS, MiniMax
from tests.support.asked_vendor import asked, told

_, CHINESE = PROVIDERS
both = pytest.mark.parametrize("module", PROVIDERS, ids=lambda module: module.ids[0])


def remains(**fields: object) -> dict[str, object]:
    row = {"model_name": "general", "current_interval_total_count": 1500, **fields}
    return {"model_remains": [row], "base_resp": {"status_code": 0}}


@both
def test_the_remaining_or_used_trap_the_percentage_decides_whatever_the_count_says(
    module: MiniMax,
) -> None:
    body = remains(current_interval_usage_count=1200, current_interval_remaining_percent=80)

    assert [window.used for window in told(module, body).windows] == pytest.approx([0.2])


@both
def test_the_remaining_or_used_trap_a_count_alone_is_not_guessed_at(
    module: MiniMax,
) -> None:
    outcome = asked(module, remains(current_interval_usage_count=1200))

    assert str(outcome) == "UnexpectedAnswer"


def test_the_older_address_is_asked_where_the_newer_one_is_not_there_and_only_then() -> None:
    missing, refused = asked(CHINESE, (404, {}), remains()), asked(CHINESE, (401, {}))

    assert [request.url.rpartition("/v1/")[2] for request in missing.requests] == [
        "token_plan/remains",
        "api/openplatform/coding_plan/remains",
    ]
    assert (len(refused.requests), str(refused)) == (1, "LoginRejected")
