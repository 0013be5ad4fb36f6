"""Settings: what is allowed, and what is said in one sentence about what is not."""

from __future__ import annotations

import pytest

from rotator.errors import ConfigError
from rotator.model.preferences import Preferences, preferences_of
from rotator.settings.catalog import OF_A_PRIORITY, SETTINGS, find_setting
from rotator.settings.sources import overlaid, setting_variables
from rotator.settings.validate import read_file, read_variables

WRONG = {
    "failover.wall_threshold = 7": "failover.wall_threshold: must be between 0 and 1, not 7"
    " (line 1, column 27)",
    "# c\n[failover]\nwall_threshold = nan": "failover.wall_threshold: must be between 0 and 1,"
    " not nan (line 3, column 18)",
    "[failover]\nstratgy = 'drain'": "failover.stratgy: there is no such setting; did you mean"
    " failover.strategy? (line 2, column 1)",
    "[failovr]\nstrategy = 'drain'": "failovr: there is no such setting; did you mean failover?"
    " (line 1, column 1)",
    "wall_threshold = 1": "wall_threshold: there is no such setting; did you mean"
    " failover.wall_threshold? (line 1, column 1)",
    "x = 1979-05-27": "x: there is no such setting (line 1, column 1)",
    "failover = 3": "failover: must be a table, not 3 (line 1, column 12)",
    "failover.min_swap_seconds = '300'": "failover.min_swap_seconds: must be a whole number from"
    " 0 to 86400, not '300' (line 1, column 29)",
    "failover.min_swap_seconds = -1": "failover.min_swap_seconds: must be a whole number from"
    " 0 to 86400, not -1 (line 1, column 29)",
    "failover.swap_before_wall = 1": "failover.swap_before_wall: must be true or false, not 1"
    " (line 1, column 29)",
    "failover.max_wait_seconds = 1e9": "failover.max_wait_seconds: must be a whole number from"
    " 1 to 86400, not 1000000000.0 (line 1, column 29)",
    "failover.strategies.openai = 'x'": "failover.strategies.openai: must be one of sticky,"
    " ordered, headroom, drain, not 'x' (line 1, column 30)",
    "failover.order.openai = ['a', 'Ä']": "failover.order.openai: must be a list of aliases"
    " (a-z, 0-9, '.', '-', '_'), not 'Ä' (line 1, column 31)",
    "failover.order = {'a b' = []}": "failover.order.a b: must be a name without blanks, not a"
    " text with blanks (line 1, column 19)",
    "hooks.command = 'notify --token CANARY'": "hooks.command: must be a list of texts: a"
    " program and its arguments, not a text with blanks (line 1, column 17)",
    "hooks.command = [[1]]": "hooks.command: must be a text, not a list (line 1, column 18)",
    "routing.models.big = [\n 'openai/a',\n 'b']": "routing.models.big: must be a list of models,"
    " each as provider/model, not 'b' (line 3, column 2)",
    "dashboard.key = 'ctrl+'": "dashboard.key: must be a key such as ctrl+b, or none, not 'ctrl+'"
    " (line 1, column 17)",
    "dashboard.key = 1979-05-27": "dashboard.key: must be a key such as ctrl+b, or none, not a"
    " date or a time (line 1, column 17)",
    "[[priority]]\nmodel = 'm'": "priority.provider: is missing (line 1, column 1)",
    "[[priority]]\nprovider = 'a'\nmodl = 'm'": "priority.modl: there is no such setting; did"
    " you mean priority.model? (line 3, column 1)",
    "[[priority]]\nprovider = 'a'\n[[priority]]\nprovider = 'a'": "priority: names a twice"
    " (line 1, column 1)",
    "priority = [3]": "priority: must be a list of tables, each with a provider of its own, not 3"
    " (line 1, column 13)",
    # Of two faults the one that comes first in the file is told.
    "hooks.command = 1\nfailover.wall_threshold = 7": "hooks.command: must be a list of texts: a"
    " program and its arguments, not 1 (line 1, column 17)",
    "a = 1\nb = \n": "line 2, column 5: invalid value",
    "a = [1,\n": "line 1, column 8: invalid value",
    "a = 1\na = 2": "line 2, column 6: cannot overwrite a value",
    "a = '\0'": "line 1, column 6: found invalid character '\\x00'",
    f"a = {'[' * 3000}": "it is nested too deeply",
    f"a = {'[' * 50}{']' * 50}": "it is nested too deeply",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: f"{text[:40]} {len(text)}")
def test_what_is_wrong_in_a_file_is_one_sentence_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_file(text)

    assert caught.value.message == f"config.toml: {WRONG[text]}"
    assert (caught.value.exit_code, "\n" in caught.value.message) == (2, False)


def test_nothing_that_was_given_stands_in_the_trace() -> None:
    with pytest.raises(ConfigError) as caught:
        read_file("hooks.command = 'notify --token CANARY'")

    assert "CANARY" not in f"{caught.value.__cause__!r} {caught.value.__cause__}"


def test_a_file_that_is_right_gives_what_it_sets_and_no_more() -> None:
    values = read_file("[failover]\nwall_threshold = 1\n[[priority]]\nprovider = 'a'\n")

    assert values == {"failover": {"wall_threshold": 1.0}, "priority": [{"provider": "a"}]}


def test_the_defaults_that_are_documented_are_those_that_hold() -> None:
    values: dict[str, object] = {}
    for one in SETTINGS:
        section, _, name = one.key.rpartition(".")
        values = overlaid(values, {section: {name: one.default}} if section else {name: []})

    assert preferences_of(values) == Preferences()


def test_every_setting_says_what_it_does_and_what_it_must_be() -> None:
    silent = [one.key for one in (*SETTINGS, *OF_A_PRIORITY) if not (one.about and one.rule)]

    assert silent == []


# -- variables -----------------------------------------------------------------------------------


def test_a_variable_is_named_after_the_setting() -> None:
    variables = {
        "ROTATOR_FAILOVER__STRATEGY": "drain",
        "ROTATOR_FAILOVER__WALL_THRESHOLD": "0.5",
        "ROTATOR_FAILOVER__SWAP_BEFORE_WALL": "on",
        "ROTATOR_FAILOVER__ORDER": '{"openai": ["work"]}',
        "ROTATOR_PRIORITY": '[{"provider": "a", "model": "m"}]',
        "ROTATOR_HOOKS__COMMAND": '["notify", "-x"]',
    }

    assert read_variables(variables) == {
        "failover": {
            "strategy": "drain",
            "wall_threshold": 0.5,
            "swap_before_wall": True,
            "order": {"openai": ["work"]},
        },
        "priority": [{"provider": "a", "model": "m"}],
        "hooks": {"command": ["notify", "-x"]},
    }


WRONG_VARIABLES = {
    ("ROTATOR_FAILOVER__STRATEGYY", "drain"): "no setting has this variable; did you mean"
    " ROTATOR_FAILOVER__STRATEGY?",
    ("ROTATOR_STATE_DIRR", "/s"): "no setting has this variable; did you mean ROTATOR_STATE_DIR?",
    ("ROTATOR_FAILOVER", "{}"): "no setting has this variable; did you mean"
    " ROTATOR_FAILOVER__ORDER?",
    ("ROTATOR_X", "1"): "no setting has this variable",
    ("ROTATOR_FAILOVER__STRATEGY", "x"): "must be one of sticky, ordered, headroom, drain, not 'x'",
    ("ROTATOR_FAILOVER__WALL_THRESHOLD", "7"): "must be between 0 and 1, not '7'",
    ("ROTATOR_FAILOVER__ORDER", "{bad"): "must be a table of providers, each with a list of"
    " aliases, written as JSON",
    ("ROTATOR_FAILOVER__ORDER", '{"a": ["B"]}'): "a: must be a list of aliases (a-z, 0-9, '.',"
    " '-', '_'), not 'B'",
    ("ROTATOR_PRIORITY", "3"): "must be a list of tables, each with a provider of its own, not 3",
    ("ROTATOR_PRIORITY", '[{"providr": "b"}]'): "provider: is missing",
    ("ROTATOR_HOOKS__COMMAND", "[" * 9000): "must be a list of texts: a program and its"
    " arguments, written as JSON",
}


@pytest.mark.parametrize("variable", WRONG_VARIABLES, ids=lambda pair: f"{pair[0]}={pair[1][:20]}")
def test_what_is_wrong_in_a_variable_is_said_with_its_name(variable: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_variables(dict([variable]))

    assert caught.value.message == f"{variable[0]}: {WRONG_VARIABLES[variable]}"


def test_variables_that_are_no_settings_or_are_empty_are_left_alone() -> None:
    environ = {
        "ROTATOR_STATE_DIR": "/s",
        "ROTATOR_FAILOVER__STRATEGY": "",
        "rotator_failover__strategy": "drain",
        "HOME": "/h",
        "ROTATOR_FAILOVR": "x",
    }

    assert setting_variables(environ) == {"ROTATOR_FAILOVR": "x"}


def test_a_variable_replaces_its_setting_as_a_whole() -> None:
    below = {"failover": {"order": {"a": ["x"], "b": ["y"]}, "strategy": "drain"}, "priority": [1]}

    merged = overlaid(below, {"failover": {"order": {"c": ["z"]}}, "priority": []})

    assert merged == {"failover": {"order": {"c": ["z"]}, "strategy": "drain"}, "priority": []}


# -- names ---------------------------------------------------------------------------------------


def test_a_name_may_be_that_of_a_member_of_a_table() -> None:
    setting, member = find_setting("failover.order.github-copilot")

    assert (setting.key, member) == ("failover.order", "github-copilot")
    assert find_setting("failover.order") == (setting, None)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("failover.ordr", "there is no such setting; did you mean failover.order?"),
        ("strategy", "there is no such setting; did you mean failover.strategy?"),
        ("failover.", "there is no such setting; did you mean failover.order?"),
        ("failover.strategy.openai", "there is no such setting; did you mean failover.strategy?"),
        ("zzz", "there is no such setting"),
        ("priority.model", "each provider has its own"),
    ],
)
def test_a_name_that_is_none_is_answered_with_the_nearest(key: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_setting(key)

    assert caught.value.message == f"{key}: {said}"
