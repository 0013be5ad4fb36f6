"""Keys of an opencode without the bridge that neither its log nor its files tell of any more (B1).

Each is the real opencode, and goes on with what it has read: nobody is blamed for that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, api, log_in, of_kind, states, stream_errors
from tests.support.household import Household
from tests.support.log_lines import run_line, wait_until_worked_off
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

OWN = "KEY-CANARY-OWN"
_MORE_THAN_IS_READ = 5 << 20
# It looks at who writes into the log so often, and opencode writes a second late.
_LOOKED_SECONDS = 2.5


def gives(key: str) -> str:
    return json.dumps({"provider": {"mock": {"options": {"apiKey": key}}}})


def fails(
    house: Household,
    provider: LoopbackProvider,
    folder: Path,
    meanwhile: Callable[[Server], None],
    **env: str,
) -> list[str]:
    """Let a server use its own key in a folder, and fail with it; return what is said of mock."""
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        log_in(house, "groq", api("KEY-CANARY-GROQ"))
        with serve(house, **env) as server:
            session = server.create_session(directory=folder)
            server.prompt(session, "hi", directory=folder)
            time.sleep(_LOOKED_SECONDS)
            meanwhile(server)
            provider.limit(OWN, headers={"retry-after": "3600"})
            server.prompt_async(session, "limited", directory=folder)
            wait_until(lambda: stream_errors(house), 30, "the failure in the log")
            wait_until_worked_off(house, "groq")

        assert set(provider.keys) == {OWN}
        assert states(house) == ["ready", "ready"]
        assert house.read_auth()["mock"] == api(A)
        assert [one for one in of_kind(house, "limited") if one["provider"] == "mock"] == []
        return [one["why"] for one in of_kind(house, "problem") if one["provider"] == "mock"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shape", ["cut", "much", "ERROR"])
def test_b1_a_key_of_a_folder_of_which_the_log_does_not_tell_blames_nobody(
    house: Household, provider: LoopbackProvider, shape: str
) -> None:
    other = house.home / "other"
    other.mkdir()
    (other / "opencode.json").write_text(gives(OWN))
    env = {"OPENCODE_LOG_LEVEL": "ERROR"} if shape == "ERROR" else {}

    def meanwhile(_: Server) -> None:
        if shape == "cut":
            os.truncate(house.log_file, 0)
        elif shape == "much":
            line = run_line("beef", datetime.now(UTC), "published type=message")
            with house.log_file.open("a") as log:
                log.write(line * (_MORE_THAN_IS_READ // len(line)))

    (why,) = fails(house, provider, other, meanwhile, **env)

    assert why.startswith(f"mock: {other / 'opencode.json'} gives a key of its own")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["emptied", "deleted", "named file", "the user's own"])
def test_b1_a_key_that_was_taken_out_of_its_file_stays_in_an_opencode_that_runs(
    house: Household, provider: LoopbackProvider, how: str
) -> None:
    file, named = house.project / "opencode.json", house.project / "key-canary.txt"
    if how == "the user's own":
        file = house.config_folder / "opencode.json"
        before = file.read_text()
        config = json.loads(before)
        config["provider"]["mock"]["options"]["apiKey"] = OWN
        file.write_text(json.dumps(config))
    else:
        before = "{}"
        named.write_text(OWN)
        file.write_text(gives("{file:./key-canary.txt}" if how == "named file" else OWN))

    def meanwhile(_: Server) -> None:
        if how == "named file":
            # What it names is the live login's own key now.
            named.write_text(A)
        elif how == "deleted":
            file.unlink()
        else:
            file.write_text(before)

    (why,) = fails(house, provider, house.project, meanwhile)

    assert why.startswith(f"mock: {named if how == 'named file' else file} (")
    assert "may give a key of its own" in why
