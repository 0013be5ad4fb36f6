"""What a limit is counted for where no vendor's own rule says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.failures.limit_scope import scope_of
from rotator.model import EVERYTHING, Meaning, Scope
from tests.support.failures import failure

PLAN_WORDS = """
    claude gemini grok kimi qwen deepseek minimax doubao codex copilot llama mistral plus free fast
    coding coder code plan token tokens weekly daily chat latest preview thinking instruct model
    mini flash turbo large small high medium experimental image text base context long
"""


@pytest.mark.parametrize("word", PLAN_WORDS.split())
def test_a_word_that_plans_are_called_by_as_well_names_no_model(word: str) -> None:
    signal = failure(429, {"error": {"message": f"Your {word} limit is reached"}})

    assert scope_of(replace(signal, model=f"acme-{word}-9"), Meaning.EXHAUSTED) == EVERYTHING


def test_a_model_s_family_names_it() -> None:
    signal = failure(429, {"error": {"message": "Your opus limit is reached"}})

    assert scope_of(replace(signal, model="acme-opus-9"), Meaning.EXHAUSTED) == Scope("acme-opus-9")


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        ("Daily limit for this model reached", Scope("glm-5")),
        ("Quota of the requested model exceeded", Scope("glm-5")),
        ("Too many requests on the selected model", Scope("glm-5")),
        ("该模型今日免费次数已用完", Scope("glm-5")),
        ("此模型的额度已用完", Scope("glm-5")),
        ("Your limit is reached, see the model list", EVERYTHING),
        ("Daily limit reached for all models", EVERYTHING),
        ("所有模型的额度已用完", EVERYTHING),
    ],
)
def test_the_model_that_was_asked_for_needs_no_name(message: str, scope: Scope) -> None:
    signal = failure(429, {"error": {"message": message}})

    assert scope_of(replace(signal, model="glm-5"), Meaning.EXHAUSTED) == scope


@pytest.mark.parametrize(
    ("headers", "message", "scope"),
    [
        ({}, "Slow down", Scope("small-model")),
        ({}, "Your organization is limited", EVERYTHING),
        ({}, "All your credits for this week are gone", EVERYTHING),
        ({}, "Your messages for this month are used up", EVERYTHING),
        ({}, "The balance is spent", EVERYTHING),
        ({}, "本月积分已用尽", EVERYTHING),
        ({"x-ratelimit-exceeded": "weekly"}, "Slow down", EVERYTHING),
    ],
)
def test_a_title_s_limit_is_its_model_s_unless_words_or_headers_speak_of_the_account(
    headers: dict[str, str], message: str, scope: Scope
) -> None:
    signal = failure(429, {"error": {"message": message}}, headers=headers)
    beside = replace(signal, model="small-model", aside=True)

    assert scope_of(beside, Meaning.SHORT_LIMIT) == scope


def test_one_of_several_messages_may_speak_of_the_account() -> None:
    error = {"message": "Slow down", "detail": "Your organization is limited"}
    signal = replace(failure(429, {"error": error}), model="small-model", aside=True)

    assert scope_of(signal, Meaning.SHORT_LIMIT) == EVERYTHING
