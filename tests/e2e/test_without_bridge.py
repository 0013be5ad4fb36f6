"""Opencodes that nothing is heard of: what is said of each, and what would help (B6, B7)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.system.processes import find_opencodes
from tests.e2e.scenes import A, B, api, install_bridge, log_in
from tests.support.children import Lines, child
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_binary import OPENCODE_2_VERSION, opencode_binary
from tests.support.opencode_process import run, serve
from tests.support.provider_answers import streamed
from tests.support.rotator_process import rotator, status, watcher
from tests.support.terminal import terminal
from tests.support.tool_cache import cache_folder
from tests.support.waiting import wait_until


@contextlib.contextmanager
def serving(house: Household, *words: str, **more: str) -> Iterator[int]:
    """Run an `opencode serve` that nobody asks for anything; yield its pid."""
    command: list[str | Path] = [opencode_binary(), *words, "serve", "--port", "0"]
    with child(command, env=house.env() | more, cwd=house.project) as process:
        Lines(process).wait_for("listening on", 60)
        yield process.pid


def remarks(house: Household) -> tuple[int, list[dict[str, Any]]]:
    """Return the doctor's exit code, and what it says of opencodes that run."""
    ended = rotator(house, "doctor", "--json")
    checks = ended.json()["checks"]
    about = [c for c in checks if c["check"] == "bridge" and "(pid " in c["says"]]
    return ended.code, [c for c in about if not c["says"].endswith("of another HOME")]


def log_of(house: Household) -> str:
    """Return what opencodes of this auth.json have logged."""
    return house.log_file.read_text() if house.log_file.exists() else ""


def applies(house: Household) -> str:
    """Return when a rotation would be used."""
    return str(rotator(house, "rotate", "mock", "--dry-run", "--json").json()["applies"])


@contextlib.contextmanager
def listing_models(house: Household) -> Iterator[int]:
    """Hold an `opencode models` in the middle of its work; yield its pid."""
    with child([opencode_binary(), "models"], env=house.env(), cwd=house.project) as process:
        pid = process.pid
        folder = house.auth_file.parent
        wait_until(lambda: pid in {o.pid for o in find_opencodes(folder)}, 60, "its database")
        process.send_signal(signal.SIGSTOP)
        try:
            yield pid
        finally:
            process.send_signal(signal.SIGCONT)


@pytest.fixture
def ready(house: Household) -> Iterator[Household]:
    """Return a household with the bridge, a watcher and two keys."""
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        yield house


def test_b6_an_idle_server_needs_no_restart_and_loads_the_bridge_by_itself(
    house: Household,
) -> None:
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            install_bridge(house)
            wait_until(lambda: "has not been used" in str(remarks(house)), 10, "its log")
            code, said = remarks(house)
            before = status(house)
            used_next = applies(house)
            with terminal(
                [opencode_binary(), "attach", f"http://127.0.0.1:{server.port}"],
                env=house.env(),
                cwd=house.project,
            ) as client:
                client.wait_for_text("ctrl+p commands", 60)
                wait_until(lambda: len(status(house)["opencodes"]) == 2, 20, "both opencodes")
                attached = status(house)
                clients_code, clients = remarks(house)
                with_client = applies(house)
            with listing_models(house) as pid:
                listing, (models_code, of_models) = status(house), remarks(house)
                with_models = applies(house)

    assert (code, before["problems"], used_next) == (0, [], "next-request")
    assert [(one["level"], one["to_do"]) for one in said] == [("note", None)]
    assert [one["bridge"] for one in before["opencodes"]] == [None]
    # The client made it load plug-ins.
    kinds = {one["kind"]: one["bridge"] is not None for one in attached["opencodes"]}
    assert kinds == {"serve": True, "attach": False}
    assert attached["problems"] == []
    assert (clients_code, with_client) == (0, "next-request")
    assert (models_code, with_models, listing["problems"]) == (0, "next-request", [])
    assert pid not in {one["pid"] for one in listing["opencodes"]}
    assert f"(pid {pid})" not in str(of_models)
    assert [one["says"].partition(") ")[2] for one in clients] == [
        "shows what another opencode does, and sends no requests"
    ]


def test_b7_what_is_said_of_an_opencode_with_other_places_helps_or_is_not_said(
    ready: Household,
) -> None:
    home = ready.home
    (home / "c" / "opencode").mkdir(parents=True)
    places = {name: {f"XDG_{name}_HOME": str(home / name[0].lower())} for name in ("DATA", "STATE")}
    other_config = {"XDG_CONFIG_HOME": str(home / "c")}
    content = {"OPENCODE_AUTH_CONTENT": json.dumps({"mock": api(A)})}
    with (
        serving(ready, **places["DATA"]) as data,
        serving(ready, **places["STATE"]) as state,
        serving(ready, **other_config) as config,
        serving(ready, "--pure") as pure,
        serving(ready, **content) as own,
    ):
        # Whatever was logged is written by then, and whatever was not has no more grace.
        wait_until(lambda: log_of(ready).count("run=") >= 4 * 3, 20, "what the servers log")
        code, said = remarks(ready)
        told = status(ready)
        used = applies(ready)

    by_pid = {
        pid: next(r for r in said if f"(pid {pid})" in r["says"])
        for pid in (data, state, config, pure, own)
    }
    assert (code, told["problems"]) == (0, [])
    assert {one["pid"] for one in told["opencodes"]} == {state, config, pure, own}
    theirs = home / "d" / "opencode" / "auth.json"
    assert told["elsewhere"] == [{"pid": data, "kind": "serve", "auth_file": str(theirs)}]
    assert str(theirs) in by_pid[data]["says"]
    assert "XDG_DATA_HOME" in by_pid[data]["to_do"]
    assert "its bridge is not heard here" in by_pid[state]["says"]
    assert "XDG_STATE_HOME" in by_pid[state]["to_do"]
    assert str(home / "c" / "opencode") in by_pid[config]["says"]
    assert "XDG_CONFIG_HOME" in by_pid[config]["to_do"]
    assert "--pure" in by_pid[pure]["says"]
    assert by_pid[pure]["to_do"] is None
    assert "OPENCODE_AUTH_CONTENT" in by_pid[own]["says"]
    assert "without OPENCODE_AUTH_CONTENT" in by_pid[own]["to_do"]
    assert used == "next-request"


def test_b6_options_before_the_command_hide_no_idle_server(ready: Household) -> None:
    with serving(ready, "--print-logs", "--log-level", "DEBUG") as pid:
        code, told = remarks(ready)
        used = applies(ready)

    says = "has not been used yet: it loads plug-ins at its first request"
    assert [(c["says"], c["to_do"]) for c in told] == [(f"opencode serve (pid {pid}) {says}", None)]
    assert (code, used) == (0, "next-request")


@pytest.mark.timeout(120)
def test_b6_a_run_that_is_attached_to_a_server_is_no_opencode_without_the_bridge(
    ready: Household, provider: LoopbackProvider
) -> None:
    with serve(ready) as server:
        server.prompt(server.create_session(), "hi")
        asked, held = len(provider.requests), threading.Event()
        provider.answer(lambda _: streamed("done") if held.wait(60) else streamed("late"))
        place = f"http://127.0.0.1:{server.port}"
        command: list[str | Path] = [opencode_binary(), "run", "--attach", place, "hi"]
        with child(command, env=ready.env(), cwd=ready.project) as process:
            wait_until(lambda: len(provider.requests) > asked, 60, "its turn")
            pid, problems = process.pid, status(ready)["problems"]
            (code, told), used = remarks(ready), applies(ready)
            held.set()

    says = f"opencode attach (pid {pid}) shows what another opencode does, and sends no requests"
    assert says in [c["says"] for c in told]
    assert (code, used, problems) == (0, "next-request", [])


@pytest.mark.timeout(120)
def test_b6_nothing_is_asked_of_somebody_beside_whom_an_opencode_2_runs(
    ready: Household, provider: LoopbackProvider
) -> None:
    # An older opencode makes no database of its own beside that of a newer one.
    assert run(ready, "hi").code == 0
    says = "is an OpenCode 2: it loads the bridge when it first uses a folder"
    with second(ready) as pid:
        # OpenCode 2 makes its database so that others can read it.
        assert "is private now" in rotator(ready, "doctor", "--fix").stdout
        (code, told), found = remarks(ready), status(ready)
        used, sentence = applies(ready), rotator(ready, "rotate", "mock", "--dry-run").stdout
        with serve(ready) as server:
            server.prompt(server.create_session(), "hi")
            beside = applies(ready), remarks(ready)[0], status(ready)["problems"]

    assert [(c["says"], c["to_do"]) for c in told] == [(f"opencode serve (pid {pid}) {says}", None)]
    assert (code, used, found["problems"]) == (0, "now", [])
    assert [(one["pid"], one["auth_file"]) for one in found["opencodes"]] == [(pid, None)]
    assert sentence.strip().endswith(
        "no running opencode uses auth.json; the next one does; OpenCode 2 uses it from its next"
        " request on"
    )
    assert beside == ("next-request", 0, [])
    assert provider.keys


@pytest.mark.timeout(120)
def test_b6_nor_where_its_program_lies_under_an_older_one_s_name(ready: Household) -> None:
    # Not in a folder of the test's: it holds words that no file there may hold.
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        program = Path(folder) / "bin" / "opencode"
        program.parent.mkdir()
        os.link(opencode_binary(OPENCODE_2_VERSION), program)
        with second(ready, [program, "serve", "--port", "0"]):
            told, used = remarks(ready)[1], applies(ready)

    assert ["is an OpenCode 2" in c["says"] for c in told] == [True]
    assert used == "now"


@contextlib.contextmanager
def second(house: Household, command: list[str | Path] | None = None) -> Iterator[int]:
    """Run an OpenCode 2 until its database is open; yield the pid of what was started."""
    command = command or [opencode_binary(OPENCODE_2_VERSION), "serve", "--port", "0"]
    env = house.env() | {"OPENCODE_PASSWORD": "pw"}
    with child(command, env=env, cwd=house.project) as process:
        folder = house.auth_file.parent

        def is_there() -> bool:
            return bool(find_opencodes(folder)) and '"cli starting" version=2' in log_of(house)

        wait_until(is_there, 60, "its database and its log")
        yield process.pid
