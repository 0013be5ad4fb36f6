"""The table's home with a server of another version than was tried: a stub in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import LiveFileError, SwapUnverified
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.database.server import PROVED, Abilities
from rotator.opencode.database.servers import Server
from rotator.opencode.home import Entries, HomeEntry
from rotator.system.paths import find_paths
from tests.support.builders import ACME, api, oauth
from tests.support.home import places
from tests.support.opencode2_table import Table, chatgpt, key
from tests.support.stub_of_later_opencode2 import (
    PUTS,
    REMOVES,
    SWITCHES,
    StubOfALaterOpenCode2,
    running,
)

Open = Callable[[StubOfALaterOpenCode2], tuple[DatabaseHome, list[Server]]]


@pytest.fixture
def table(home: Path) -> Table:
    result = Table(find_paths(places(home)).opencode_database)
    result.make()
    return result


@pytest.fixture
def open_home(home: Path) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def opened(stub: StubOfALaterOpenCode2) -> tuple[DatabaseHome, list[Server]]:
            servers = stack.enter_context(running(stub))
            return DatabaseHome(find_paths(places(home)), servers=lambda _: servers), servers

        yield opened


def at(home: DatabaseHome, slot: str) -> HomeEntry | None:
    reading = home.read()
    assert isinstance(reading, Entries)
    return reading.at(slot)


def test_a_stub_of_a_later_version_is_told_of_a_new_login(table: Table, open_home: Open) -> None:
    table.log_in(ACME, key("a"))
    stub = StubOfALaterOpenCode2(table)
    home, _ = open_home(stub)

    slot = home.put(ACME, "mine", oauth("b", accountId="acct"))
    put = at(home, slot)

    assert stub.asked == [("POST", "/api/credential")]
    assert put is not None
    assert (put.label, put.active, put.is_copy) == ("mine", False, True)
    assert put.credential.account_id == "acct"  # type: ignore[union-attr]
    assert home.activate(slot)
    assert home.remove(slot, put)
    assert [path.rpartition("/")[2] for _, path in stub.asked[1:]] == ["activate", slot]


def test_a_stub_of_a_later_version_that_takes_no_values_is_switched_alone(
    table: Table, open_home: Open
) -> None:
    table.log_in(ACME, key("a"))
    stub = StubOfALaterOpenCode2(table, (SWITCHES, REMOVES))
    home, (server,) = open_home(stub)

    slot = home.put(ACME, "", api("b"))

    assert server.abilities == Abilities(activates=True, removes=True)
    assert stub.asked == []
    assert home.activate(slot)
    assert stub.asked == [("POST", f"/api/credential/{slot}/activate")]


def test_a_stub_of_a_later_version_whose_yes_means_nothing_is_seen_through(
    table: Table, open_home: Open
) -> None:
    first = table.log_in("openai", chatgpt("a"))
    table.log_in("openai", chatgpt("b"))
    home, _ = open_home(StubOfALaterOpenCode2(table, is_honest=False))

    slot = home.put(ACME, "", api("c"))

    assert at(home, slot) is not None
    with pytest.raises(SwapUnverified):
        home.activate(first)


class Overtaken(StubOfALaterOpenCode2):
    """One in which somebody logs in right behind the first switch."""

    def answer(self, verb: str, path: str, body: Any) -> tuple[int, object]:
        is_first = not self.asked
        answer = super().answer(verb, path, body)
        if is_first and self.asked:
            self.table.log_in("openai", chatgpt("c"))
        return answer


def test_a_login_right_behind_a_switch_does_not_end_a_stub_s_rotation(
    table: Table, open_home: Open
) -> None:
    first = table.log_in("openai", chatgpt("a"))
    table.log_in("openai", chatgpt("b"))
    home, _ = open_home(Overtaken(table))

    assert home.activate(first)
    entry = at(home, first)
    assert entry is not None
    assert entry.active


@pytest.mark.parametrize("routes", [(), (PUTS,)], ids=["nothing", "no switch"])
def test_a_stub_of_an_unknown_version_that_does_not_say_that_it_switches_is_left_alone(
    table: Table, open_home: Open, routes: tuple[tuple[str, str], ...]
) -> None:
    first = table.log_in("openai", chatgpt("a"))
    second = table.log_in("openai", chatgpt("b"))
    stub = StubOfALaterOpenCode2(table, routes, version="3.1.0")
    home, _ = open_home(stub)

    with pytest.raises(LiveFileError, match=r"3\.1\.0 and does not say that it can switch"):
        home.activate(first)

    assert stub.asked == []
    assert table.active("openai") == second


def test_a_stub_that_says_2_0_15_is_not_asked_what_it_can_do(table: Table, open_home: Open) -> None:
    _, (server,) = open_home(StubOfALaterOpenCode2(table, (), version=PROVED))

    assert server.abilities == Abilities(activates=True, removes=True)
