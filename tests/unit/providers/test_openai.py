"""OpenAI's traps; every documented answer is in fixtures/openai."""

from __future__ import annotations

from providers._shared.fields import Part
from providers.openai.provider import OpenAI
from providers.openai.usage import read_owner, read_usage_answer
from rotator.model import Identity
from rotator.secret import Secret
from tests.support.builders import NOW, a_jwt, api, oauth

FIVE_HOURS = {"used_percent": 22, "limit_window_seconds": 18_000}
WEEK = {"used_percent": 43, "limit_window_seconds": 604_800}


def windows(first: object, second: object) -> dict[str, float]:
    limit = {"primary_window": first, "secondary_window": second}
    found = read_usage_answer(Part({"rate_limit": limit}), Identity(), NOW)
    return {window.name: window.used for window in found.windows}


def test_the_wrong_slot_trap_a_window_is_named_by_its_length_whichever_slot_it_is_in() -> None:
    assert windows(FIVE_HOURS, WEEK) == windows(WEEK, FIVE_HOURS) == {"5h": 0.22, "7d": 0.43}
    assert windows(WEEK, None) == {"7d": 0.43}


def test_an_absent_window_is_neither_free_nor_used_up() -> None:
    found = read_usage_answer(Part({"rate_limit": None, "plan_type": "plus"}), Identity(), NOW)

    assert windows(None, None) == {}
    assert (found.windows, found.spent) == ((), False)


def owner(
    body: dict[str, object], *, own: str | None = None, account: str | None = None
) -> str | None:
    return read_owner(Part(body), Identity(own), account).key


def test_a_login_and_its_vendor_name_one_person_alike() -> None:
    auth = {"chatgpt_account_id": "ws", "chatgpt_user_id": "user-1"}
    token = OpenAI().identify(oauth(access=a_jwt({"https://api.openai.com/auth": auth})))
    body: dict[str, object] = {"account_id": "ws", "user_id": "user-1"}

    assert token.key == owner(body) == owner(body, account="ws") == owner(body, own=token.key)


def test_the_user_in_the_place_of_the_account_is_no_account() -> None:
    body: dict[str, object] = {"account_id": "user-1", "user_id": "user-1"}

    assert owner(body) is None
    assert owner(body, account="ws") == "ws/user-1"
    assert owner({**body, "user_id": None}, account="ws") is None


def test_of_two_accounts_that_differ_none_is_taken() -> None:
    assert owner({"account_id": "other", "user_id": "user-1"}, account="ws") is None


def test_only_a_login_of_codex_can_be_asked_for() -> None:
    sharing = oauth(access=a_jwt({"client_id": "oaiapp_1"}))

    assert OpenAI().usage_obstacle(oauth()) is None
    assert "API key" in str(OpenAI().usage_obstacle(api()))
    assert "shares" in str(OpenAI().usage_obstacle(sharing))


def test_the_workspace_is_named_where_a_header_can_carry_it() -> None:
    auth = {"chatgpt_account_id": "ws-1", "chatgpt_account_is_fedramp": True}
    access = a_jwt({"https://api.openai.com/auth": auth})

    named, unnamed = (
        next(OpenAI().read_usage(login, NOW)).headers
        for login in (oauth(access=access), oauth(accountId="ws\r\n1"))
    )

    assert named == {
        "authorization": Secret(f"Bearer {access}"),
        "chatgpt-account-id": "ws-1",
        "x-openai-fedramp": "true",
    }
    assert list(unnamed) == ["authorization"]


def test_a_pool_that_names_no_model_is_not_taken_for_the_account_s() -> None:
    body = {
        "rate_limit": None,
        "additional_rate_limits": [{"rate_limit": {"primary_window": WEEK}}],
    }

    assert read_usage_answer(Part(body), Identity(), NOW).windows == ()


def test_e2_what_may_be_spent_is_no_word_about_the_plan() -> None:
    def is_complete(**body: object) -> bool:
        return read_usage_answer(Part(body), Identity(), NOW).complete

    spending = {"individual_limit": {"used_percent": 10}}
    pool = {"limit_name": "gpt-x", "rate_limit": {"primary_window": WEEK}}

    assert is_complete(rate_limit={"primary_window": WEEK}, spend_control=spending)
    assert not is_complete(spend_control=spending)
    assert not is_complete(spend_control=spending, additional_rate_limits=[pool])
    assert not is_complete(rate_limit=None, code_review_rate_limit={"primary_window": WEEK})
