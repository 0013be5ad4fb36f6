"""Whatever is changed in whatever file, in any order: the file says that, and nothing else.

What it should say is kept beside it as plain values, by rules of its own.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from rotator.model.preferences import Priority
from rotator.settings.edit import path_of, priorities_in, with_priorities, with_value, without_value
from rotator.settings.validate import read_file
from tests.support.config_files import FILES

STEPS = 12
Values = dict[str, Any]
CHOICES: dict[str, list[Any]] = {
    "failover.strategy": ["drain", "sticky"],
    "failover.min_swap_seconds": [1, 2],
    "failover.order": [{"z": ["y"]}, {}],
    "failover.order.openai": [["a"], []],
    "failover.order.x-1": [["a", "b"]],
    "failover.order.acme.eu": [["q"]],
    "failover.strategies": [{"openai": "drain"}],
    "failover.strategies.xai": ["drain"],
    "routing.models.big": [["a/b", "c/d"]],
    "routing.override_explicit_model": [True, False],
    "hooks.command": [["x # ]", "y\"'\n"], []],
    "dashboard.key": ["f1"],
    "notifications.desktop": [True],
}


def put(values: Values, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = copy.deepcopy(value)


def take(values: Values, path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        values = values.get(name, {})
    values.pop(path[-1], None)


def said(values: Values) -> Values:
    """Return what values say: neither an empty table nor an empty list says anything."""
    kept = {k: said(v) if isinstance(v, dict) else v for k, v in values.items()}
    return {name: value for name, value in kept.items() if value not in ({}, [])}


def other_priorities(chance: random.Random, known: tuple[Priority, ...]) -> tuple[Priority, ...]:
    kept = [
        Priority(one.provider, chance.choice([one.model, None, "m/x"]), chance.random() < 0.5)
        for one in known
        if chance.random() < 0.8
    ]
    new = Priority(f"new-{chance.random()}", chance.choice([None, "q"]), chance.random() < 0.5)
    changed = [*kept, new]
    chance.shuffle(changed)
    return tuple(changed)


def one_step(text: str, wanted: Values, chance: random.Random) -> str:
    """Change the text somehow, and `wanted` alike."""
    key = chance.choice(list(CHOICES))
    path = path_of(key)
    match chance.choice(["set", "set", "unset", "priorities"]):
        case "set":
            value = chance.choice(CHOICES[key])
            put(wanted, path, value)
            return with_value(text, path, value)
        case "unset":
            take(wanted, path)
            return without_value(text, path)
        case _:
            changed = other_priorities(chance, priorities_in(wanted))
            wanted["priority"] = [
                {"provider": one.provider, "enabled": one.enabled}
                | ({} if one.model is None else {"model": one.model})
                for one in changed
            ]
            return with_priorities(text, changed)


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_was_asked_for_after_every_change(name: str) -> None:
    chance = random.Random(name)  # noqa: S311  # the same walk at every run
    text = FILES[name]
    wanted = read_file(text)

    for _ in range(STEPS):
        text = one_step(text, wanted, chance)

        found = read_file(text)
        assert priorities_in(found) == priorities_in(wanted)
        assert said(found | {"priority": []}) == said(wanted | {"priority": []})


def test_a_table_in_dotted_keys_inside_of_braces_goes_as_a_whole() -> None:
    text = 'failover = { order.a = ["x"], strategy = "drain", order.b = ["y"] } # why\n'

    assert without_value(text, ("failover", "order")) == (
        'failover = { strategy = "drain" } # why\n'
    )
