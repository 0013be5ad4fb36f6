"""OpenCode 2's logins become accounts, and `rotate` switches them: with the real 2.0.15."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.scenes import A, B, api, kinds, log_in, of, of_kind
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import (
    Server2,
    command2,
    database,
    end_services,
    serve2,
    service2,
)
from tests.support.rotator_process import accounts, rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
CAPTURE_SECONDS = 10.0
Serve = Callable[[Household], contextlib.AbstractContextManager[Server2]]


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


def captured(house: Household, count: int) -> list[dict[str, object]]:
    wait_until(
        lambda: len(of(house, "mock")) == count, CAPTURE_SECONDS, f"{count} accounts of mock"
    )
    return of(house, "mock")


def live(house: Household) -> list[str]:
    return [a["alias"] for a in accounts(house) if a["active"]]


def rows(house: Household) -> list[tuple[str, int]]:
    with contextlib.closing(sqlite3.connect(database(house))) as connection:
        return connection.execute("SELECT label, active FROM credential ORDER BY label").fetchall()


def keys_sent(provider: LoopbackProvider) -> list[str]:
    return [str(request.credential) for request in provider.requests]


def test_a_login_is_an_account_soon_after_its_row(house: Household) -> None:
    with watcher(house), serve2(house) as server:
        server.add_key("mock", A, "work")
        first = captured(house, 1)
        server.add_key("mock", B, "home")
        result = captured(house, 2)

    assert [a["alias"] for a in first] == ["work"]
    assert [(a["alias"], a["active"]) for a in result] == [("work", False), ("home", True)]
    assert result[1]["homes"] == [{"home": "opencode.db", "active": True, "label": "home"}]


def test_the_same_key_twice_is_two_rows_and_one_account(house: Household) -> None:
    with watcher(house), serve2(house) as server:
        server.add_key("mock", A, "one")
        captured(house, 1)
        server.add_key("mock", A, "two")
        server.add_key("mock", B, "other")
        captured(house, 2)

    assert [label for label, _ in rows(house)] == ["one", "other", "two"]
    assert sorted(a["alias"] for a in of(house, "mock")) == ["one", "other"]


@pytest.mark.parametrize("serve", [serve2, service2], ids=["serve", "service"])
def test_rotate_moves_the_next_request_of_a_running_server(
    house: Household, provider: LoopbackProvider, serve: Serve
) -> None:
    with serve(house) as server:
        server.add_key("mock", A, "a")
        server.add_key("mock", B, "b")
        said = rotator(house, "rotate", "mock", "a")
        more = {} if serve is service2 else {"OPENCODE_PASSWORD": server.password}
        words = [] if serve is service2 else ["--server", server.url]
        ran = command2(house, "run", *words, "hi", **more)
        shown = server.connections("mock")

    assert said.code == 0, said.stderr
    assert "OpenCode 2 uses it from its next request on" in said.stdout
    assert shown[0]["label"] == "a"
    assert ran.returncode == 0, ran.stderr
    assert set(keys_sent(provider)) == {A}


def test_rotate_without_a_server_counts_for_the_next_one(
    house: Household, provider: LoopbackProvider
) -> None:
    with serve2(house) as server:
        server.add_key("mock", A, "a")
        server.add_key("mock", B, "b")

    said = rotator(house, "rotate", "mock")
    ran = command2(house, "run", "--standalone", "hi")

    assert said.code == 0, said.stderr
    assert rows(house) == [("a", 1), ("b", 0)]
    assert ran.returncode == 0, ran.stderr
    assert set(keys_sent(provider)) == {A}


def test_everything_that_people_see_says_which_opencode(house: Household) -> None:
    with watcher(house), serve2(house) as server:
        server.add_key("mock", A, "a")
        captured(house, 1)
        told, shown = status(house), rotator(house, "status").stdout
        listed = rotator(house, "accounts").stdout
        assert rotator(house, "bridge", "install").code == 0
        later = rotator(house, "status").stdout
        before = rotator(house, "doctor").stdout
        mended = rotator(house, "doctor", "--fix").stdout
        server.add_key("mock", B, "b")
        captured(house, 2)

    assert len(told["opencodes"]) == 1, told["opencodes"]
    (running,) = told["opencodes"]
    assert (running["pid"], running["version"]) == (server.pid, "2.0.15")
    assert f"serve (pid {server.pid}) is an OpenCode 2 (2.0.15)" in shown
    assert f"(pid {server.pid}) is an OpenCode 2 (2.0.15) without the bridge" in shown
    assert f"(pid {server.pid}) is an OpenCode 2 (2.0.15): it loads the bridge when it" in later
    assert "opencode.db*" in listed
    assert "others may read OpenCode 2's logins" in before
    assert f"{database(house)} is private now" in mended
    assert database(house).stat().st_mode & 0o777 == 0o600
    assert not [item for item in told["problems"] if "without the bridge" in item]


def test_what_the_user_does_in_opencode_is_heard(house: Household) -> None:
    with watcher(house), serve2(house) as server:
        server.add_key("mock", A, "a")
        captured(house, 1)
        server.add_key("mock", B, "b")
        captured(house, 2)
        slots = {str(item["label"]): str(item["id"]) for item in server.connections("mock")}
        server.activate(slots["a"])
        wait_until(lambda: live(house) == ["a"], CAPTURE_SECONDS, "the switch to be heard")
        server.rename(slots["b"], "renamed")
        wait_until(
            lambda: of(house, "mock")[1]["homes"][0]["label"] == "renamed",
            CAPTURE_SECONDS,
            "the label to be heard",
        )
        server.remove(slots["b"])
        wait_until(
            lambda: of(house, "mock")[1]["state"] == "disabled", CAPTURE_SECONDS, "the logout"
        )

    assert of(house, "mock")[1]["reason"] == "logged out in opencode"
    assert of(house, "mock")[1]["homes"] == []
    assert kinds(house)[-2:] == ["swapped", "logged-out"]


def test_both_opencodes_in_one_home_are_rotated_together(house: Household) -> None:
    with watcher(house), serve2(house) as server:
        log_in(house, "mock", api(B), api(A))
        server.add_key("mock", A, "a")
        wait_until(
            lambda: len(of(house, "mock")[1]["homes"]) == 2, CAPTURE_SECONDS, "one account in both"
        )
        server.add_key("mock", B, "b")
        wait_until(lambda: len(live(house)) == 2, CAPTURE_SECONDS, "each home has its own")
        first, second = [a["alias"] for a in of(house, "mock")]
        said = rotator(house, "rotate", "mock", str(second))
        shown = server.connections("mock")

    assert said.code == 0, said.stderr
    assert (house.read_auth()["mock"]["key"], shown[0]["label"]) == (A, "a")
    assert [a["active"] for a in of(house, "mock")] == [False, True]
    assert first != second


def test_a_login_is_seen_within_sixty_milliseconds(house: Household) -> None:
    with watcher(house), serve2(house) as server:
        server.connections("mock")
        late = []
        for number in range(8):
            server.add_key("mock", f"KEY-CANARY-{number}", f"n{number}")
            began = time.monotonic()
            wait_for_stored(house, number + 1)
            late.append(time.monotonic() - began)

    assert sorted(late)[len(late) // 2] < 0.06, late


def wait_for_stored(house: Household, count: int) -> None:
    what = f"{count} accounts to be saved"
    wait_until(lambda: stored(house) == count, CAPTURE_SECONDS, what, poll_seconds=0.001)


def stored(house: Household) -> int:
    store = house.home / ".local" / "share" / "opencode-rotator" / "rotator.sqlite"
    with contextlib.closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM account").fetchone()
    return int(count)


def test_a_broken_database_leaves_opencode_1_as_it_was(house: Household) -> None:
    with watcher(house):
        log_in(house, "mock", api(B))
        database(house).write_bytes(b"no database at all, but long enough to be read as one" * 9)
        log_in(house, "mock", api(B), api(A))
        wait_until(lambda: of_kind(house, "problem"), CAPTURE_SECONDS, "the problem to be told")
        said = rotator(house, "rotate", "mock")
        told = status(house)["problems"]

    assert said.code == 0, said.stderr
    assert house.read_auth()["mock"]["key"] == B
    assert [item for item in told if "is damaged" in item]
