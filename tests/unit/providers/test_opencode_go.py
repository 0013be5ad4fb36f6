"""OpenCode Go's and Zen's traps; documented answers are in fixtures/opencode-go and opencode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.opencode_go import OpenCodeGo, Zen
from rotator.model import Meaning
from tests.support.asked_vendor import asked, told
from tests.support.builders import api
from tests.support.failures import NOW, failure
from tests.support.field_cases import registry


def test_the_keys_of_one_member_are_limited_together_and_another_members_are_not() -> None:
    bodies: list[dict[str, object]] = [
        {"workspaceID": "w", "userID": user, "usage": {}} for user in ("a", "a", "b")
    ]

    groups = [told(OpenCodeGo(), body).identity.group for body in bodies]

    assert groups == ["w/a", "w/a", "w/b"]


@pytest.mark.parametrize(
    ("message", "meaning"),
    [("Invalid API key.", Meaning.LOGIN_DEAD), ("Missing API key.", None), ("Blocked.", None)],
)
def test_the_401_trap_the_type_of_a_dead_key_has_other_causes(
    message: str, meaning: Meaning | None
) -> None:
    body = {"type": "error", "error": {"type": "AuthError", "message": message}}

    finding = registry().classify(replace(failure(401, body), provider="opencode"), NOW)

    assert (finding and finding.meaning) == meaning


def test_the_balance_of_zen_is_not_asked_for_and_it_says_why() -> None:
    assert Zen().usage_obstacle(api()) == Zen.why
    assert asked(Zen()).requests == ()


@pytest.mark.parametrize(
    ("names", "complete"),
    [
        (["rolling", "weekly", "monthly"], True),
        (["rolling", "weekly"], False),
        (["monthly"], False),
    ],
)
def test_e2_only_all_three_windows_are_all_that_can_block(
    names: list[str],
    complete: bool,  # noqa: FBT001  # a column
) -> None:
    usage = {name: {"percent": 50} for name in names}

    assert told(OpenCodeGo(), {"usage": usage}).complete is complete
