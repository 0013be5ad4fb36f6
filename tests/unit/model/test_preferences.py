"""Preferences are frozen values with defaults, made from plain values."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.model.preferences import (
    Failover,
    Preferences,
    Priority,
    Strategy,
    changed_settings,
    model_of,
    preferences_of,
)


def test_without_any_value_everything_has_its_default() -> None:
    preferences = preferences_of({})

    assert preferences == Preferences()
    assert preferences.failover == Failover(
        strategy=Strategy.STICKY,
        min_swap_seconds=300,
        headroom_gain=0.15,
        swap_before_wall=False,
        wall_threshold=0.95,
        wait_for_reset=False,
        max_wait_seconds=3_600,
        patience_seconds=5,
    )
    assert (preferences.priorities, preferences.hook_command) == ((), ())


def test_every_value_finds_its_place() -> None:
    preferences = preferences_of(
        {
            "failover": {
                "strategy": "drain",
                "strategies": {"openai": "ordered"},
                "order": {"openai": ["work", "home"]},
                "min_swap_seconds": 5,
                "headroom_gain": 1,
                "swap_before_wall": True,
                "wall_threshold": 0.5,
                "wait_for_reset": True,
                "max_wait_seconds": 9,
                "patience_seconds": 7,
            },
            "routing": {"override_explicit_model": True, "models": {"big": ["a/b/c", "d/e"]}},
            "priority": [{"provider": "a", "model": "m"}, {"provider": "b", "enabled": False}],
            "notifications": {"desktop": True},
            "hooks": {"command": ["notify", "-x"]},
            "dashboard": {"key": "none"},
        }
    )

    assert preferences.failover == Failover(
        Strategy.DRAIN,
        {"openai": Strategy.ORDERED},
        {"openai": ("work", "home")},
        5,
        1.0,
        True,  # noqa: FBT003  # in the order of the fields
        0.5,
        True,  # noqa: FBT003  # likewise
        9,
        7,
    )
    assert preferences.routing.override_explicit_model
    assert preferences.routing.groups == ((("a", "b/c"), ("d", "e")),)
    assert preferences.priorities == (Priority("a", "m"), Priority("b", enabled=False))
    assert (preferences.desktop_notifications, preferences.dashboard_key) == (True, "none")
    assert preferences.hook_command == ("notify", "-x")


def test_a_provider_has_its_own_strategy_and_order_or_the_general_one() -> None:
    failover = Failover(Strategy.HEADROOM, {"openai": Strategy.DRAIN}, {"openai": ("work", "home")})

    assert [failover.strategy_of(name) for name in ("openai", "xai")] == ["drain", "headroom"]
    assert [failover.order_of(name) for name in ("openai", "xai")] == [("work", "home"), ()]


@pytest.mark.parametrize(
    ("priority", "routes"),
    [
        pytest.param(Priority("a", "m"), True, id="enabled with a model"),
        pytest.param(Priority("a"), False, id="without a model"),
        pytest.param(Priority("a", "m", enabled=False), False, id="disabled"),
    ],
)
def test_messages_go_to_a_provider_that_is_enabled_and_has_a_model(
    priority: Priority, *, routes: bool
) -> None:
    assert priority.routes is routes


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"failover": 3}, id="no section"),
        pytest.param({"failover": {"stratgy": "drain"}}, id="no setting"),
        pytest.param({"failover": {"strategy": "drani"}}, id="no strategy"),
        pytest.param({"failover": {"order": ["a"]}}, id="no table"),
        pytest.param({"priority": [{"modl": "a"}]}, id="no priority"),
        pytest.param({"hooks": {"command": 3}}, id="no list"),
        pytest.param({"accounts": 3}, id="no accounts"),
        pytest.param({"routing": {"models": {"big": ["openai"]}}}, id="no model"),
    ],
)
def test_values_of_another_shape_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"shape|names no model|valid Strategy"):
        preferences_of(values)


@pytest.mark.parametrize("name", ["", "openai", "openai/", "/gpt-5"])
def test_a_model_is_named_with_its_provider(name: str) -> None:
    with pytest.raises(ValueError, match="names no model of a provider"):
        model_of(name)


def test_what_changed_is_named_as_the_file_names_it() -> None:
    before = Preferences()
    after = preferences_of(
        {
            "failover": {"strategy": "drain", "wall_threshold": 0.5},
            "routing": {"override_explicit_model": True},
            "priority": [{"provider": "a"}],
            "hooks": {"command": ["x"]},
            "notifications": {"desktop": True},
            "dashboard": {"key": "f2"},
            "accounts": {"ask_owner": False},
        }
    )

    assert changed_settings(before, after) == [
        *("failover.strategy", "failover.wall_threshold", "routing.override_explicit_model"),
        *("priority", "notifications.desktop", "hooks.command", "dashboard.key"),
        "accounts.ask_owner",
    ]
    assert changed_settings(after, after) == []
