"""A file system that is mounted over opencode's folder while a watcher runs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rotator.system.mount_watch import MountWatch
from tests.support.household import Household
from tests.support.live import api, as_opencode
from tests.support.namespaces import in_namespace
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.no_cover

# The regular look comes every five seconds: each login stands there for less.
SCRIPT = """
{rotator} watch >/dev/null 2>&1 & W=$!
until [ -e {state}/bridge/state.json ]; do sleep 0.05; done
sleep 0.7
mount -t tmpfs none {over}
for key in c d; do printenv $key > {file}; sleep 0.8; done
kill $W; wait $W || true
"""


def test_each_login_that_is_written_there_is_seen(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    assert rotator(house, "accounts").code == 0
    script = SCRIPT.format(
        rotator=f"{sys.executable} -m rotator",
        state=shlex.quote(str(house.state_dir)),
        over=shlex.quote(str(house.auth_file.parent)),
        file=shlex.quote(str(house.auth_file)),
    )
    entries = {key: as_opencode({"acme": api(key)}).decode() for key in ("c", "d")}

    subprocess.run(
        in_namespace([], "/bin/sh", "-c", script),
        env=house.env() | entries,
        cwd=home,
        timeout=60,
        check=True,
    )

    keys = [a["alias"] for a in json.loads(rotator(house, "accounts", "--json").stdout)["accounts"]]
    assert keys == ["acme-1", "acme-2", "acme-3"]


def test_where_nothing_tells_of_mounts_nothing_is_watched(tmp_path: Path) -> None:
    watch = MountWatch(lambda: None, tmp_path / "absent")
    watch.close()
    watch = MountWatch(lambda: None)
    watch.close()
    watch.close()
