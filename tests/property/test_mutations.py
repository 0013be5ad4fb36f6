"""The loop that `python -m tests.fuzz` runs by hand with 50,000 contents, with a few of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.system.paths import find_paths
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import Broke, Target, run, targets
from tests.support.boundaries import Boundaries
from tests.support.home import places

COUNT = 500
NAMES = [
    *("auth.json", "entry", "signal", "log line", "present", "watcher.json"),
    "vendor answer",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_changed_fixture_gets_past_where_it_comes_in(home: Path, name: str) -> None:
    found = {target.name: target for target in targets(Boundaries(find_paths(places(home))))}

    assert list(found) == NAMES
    assert found[name].sources
    run(found[name], COUNT, 1, home)


def test_the_same_seed_makes_the_same_contents() -> None:
    sources = [b'{"a": 1}', b"text"]

    assert list(mutated(sources, 50, 3)) == list(mutated(sources, 50, 3))
    assert list(mutated(sources, 50, 3)) != list(mutated(sources, 50, 4))


def test_the_unchanged_fixtures_are_taken(home: Path) -> None:
    for target in targets(Boundaries(find_paths(places(home)))):
        for content in target.sources:
            target.feed(content)


def test_a_content_that_breaks_a_boundary_is_kept(tmp_path: Path) -> None:
    def feed(content: bytes) -> None:
        assert content == b"", "CANARY"

    with pytest.raises(Broke, match="number 0 of seed 1"):
        run(Target("odd", [b'{"a": 1, "b": 2}'], feed), 9, 1, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["odd-canary-1-0"]
