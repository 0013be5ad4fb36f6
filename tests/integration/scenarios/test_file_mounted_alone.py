"""auth.json that is mounted by itself, as in a container, and is written from the other side."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.household import Household
from tests.support.live import api, as_opencode
from tests.support.namespaces import in_namespace
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

# The regular look comes every five seconds: each login stands there for 300 ms.
WRITES = """
sleep 0.7
for key in c d e; do printenv $key > {other}; sleep 0.3; done
kill $W; wait $W || true
"""
BEGIN = """
{rotator} watch >/dev/null 2>&1 & W=$!
until [ -e {state}/bridge/state.json ]; do sleep 0.05; done
"""
MOUNT = "mount --bind {other} {file}\n"


def run(house: Household, script: str, other: Path) -> list[str]:
    text = script.format(
        rotator=f"{sys.executable} -m rotator",
        state=shlex.quote(str(house.state_dir)),
        file=shlex.quote(str(house.auth_file)),
        other=shlex.quote(str(other)),
    )
    entries = {key: as_opencode({"acme": api(key)}).decode() for key in ("c", "d", "e")}
    subprocess.run(
        in_namespace([], "/bin/sh", "-c", text),
        env=house.env() | entries,
        cwd=house.auth_file.parent,
        timeout=60,
        check=True,
    )
    for left in other.parent.glob(f"{other.name}*"):
        left.unlink()
    accounts = json.loads(rotator(house, "accounts", "--json").stdout)["accounts"]
    return [account["alias"] for account in accounts]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(MOUNT + BEGIN + WRITES, id="mounted before"),
        pytest.param(BEGIN + "sleep 0.7\n" + MOUNT + WRITES, id="mounted under a watcher"),
        pytest.param(
            MOUNT
            + BEGIN
            + "sleep 0.7\nmv {other} {other}.old; cp {other}.old {other}\n"
            + WRITES.replace("{other}", "{other}.old"),
            id="replaced outside",
        ),
    ],
)
def test_each_login_that_is_written_from_outside_is_seen(home: Path, script: str) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    outside = home / "outside"
    outside.mkdir()
    other = outside / "auth.json"
    other.write_bytes(house.auth_file.read_bytes())
    assert rotator(house, "accounts").code == 0

    assert run(house, script, other) == ["acme-1", "acme-2", "acme-3", "acme-4"]


def test_each_login_that_is_written_by_another_name_is_seen(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    other = home / "other.json"
    other.hardlink_to(house.auth_file)
    assert rotator(house, "accounts").code == 0

    assert run(house, BEGIN + WRITES, other) == ["acme-1", "acme-2", "acme-3", "acme-4"]
