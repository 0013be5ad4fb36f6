"""What of a failover is OpenCode 2's alone: its directories, its reloads. With the real 2.0.15."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, install_bridge, of, of_kind
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import (
    Server2,
    command2_in,
    end_services,
    serve2,
)
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
HOUR = {"retry-after": "3600"}
HELLO = "Hello from account two."


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


@pytest.fixture
def bridged(house: Household, provider: LoopbackProvider) -> Household:
    """Return a household with the bridge; account two says something of its own."""
    provider.ok(HELLO, key=B)
    install_bridge(house)
    return house


@pytest.fixture
def served(bridged: Household) -> Iterator[Server2]:
    """Return a server with the keys B and A, the active one, the bridge, and a watcher."""
    with watcher(bridged), serve2(bridged) as server:
        log_in_both(server)
        yield server


def log_in_both(server: Server2) -> None:
    server.add_key("mock", B, "b")
    server.add_key("mock", A, "a")
    wait_for(server.house, "mock", 2)


def wait_for(house: Household, provider: str, count: int) -> None:
    what = f"{count} accounts to be captured"
    wait_until(lambda: len(of(house, provider)) == count, CAPTURE_SECONDS, what)


def ask(server: Server2, *words: str, folder: Path | None = None) -> tuple[int, str]:
    """Let a client ask something; return its exit code and all that it said."""
    more = ["--server", server.url, *(words or ("hi",))]
    place = folder or server.house.project
    ran = command2_in(place, server.house, "run", *more, OPENCODE_PASSWORD=server.password)
    return ran.returncode, ran.stdout + ran.stderr


def turn_keys(provider: LoopbackProvider) -> list[str]:
    """Return the credentials of the requests that are no title's."""
    return [str(request.credential) for request in provider.asked(title=False)]


def test_two_directories_of_one_server_send_one_signal_for_a_request(
    served: Server2, provider: LoopbackProvider
) -> None:
    ask(served)
    other = served.house.home / "other"
    other.mkdir()
    before = len(turn_keys(provider))
    provider.limit(A, headers=HOUR, times=1)

    code, said = ask(served, folder=other)

    assert (code, HELLO in said) == (0, True), said
    assert turn_keys(provider)[before:] == [A, B]
    assert len(of_kind(served.house, "limited")) == 1


def test_the_bridge_is_listed_and_loaded_anew_without_a_restart(
    served: Server2, provider: LoopbackProvider
) -> None:
    listed = {p["id"]: p["state"] for p in served.ask("GET", "/api/plugin")[1]["data"]}
    shown = status(served.house)
    said = rotator(served.house, "status").stdout
    taken_out = rotator(served.house, "bridge", "uninstall")
    wait_until(lambda: not bridge_pids(served.house), CAPTURE_SECONDS, "the bridge to leave")
    put_in = rotator(served.house, "bridge", "install")
    wait_until(
        lambda: bridge_pids(served.house) == [served.pid], CAPTURE_SECONDS, "the bridge to return"
    )
    provider.limit(A, headers=HOUR)
    code, answer = ask(served)

    assert listed["opencode-rotator"] == {"status": "active"}
    assert (taken_out.code, put_in.code) == (0, 0)
    (one,) = shown["opencodes"]
    assert one["pid"] == served.pid
    assert f"is an OpenCode 2 (2.0.15), bridge {one['bridge']}" in said
    assert (code, HELLO in answer) == (0, True), answer


def bridge_pids(house: Household) -> list[int]:
    return sorted(
        int(path.stem) for path in (house.state_dir / "bridge" / "present").glob("[0-9]*.json")
    )
