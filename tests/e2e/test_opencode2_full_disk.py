"""A disk without room below the database of the real 2.0.15: said, and nothing is lost or torn."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.scenes import A, B, C
from tests.support.household import Household
from tests.support.namespaces import Container, container
from tests.support.opencode2_process import (
    PASSWORD,
    Server2,
    database,
    end_services,
    free_port,
    opencode2,
)
from tests.support.rotator_process import Ended
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.no_cover]
START_SECONDS = 60.0
_ROWS = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
rows = connection.execute("SELECT label, value, active FROM credential ORDER BY label")
print(json.dumps(rows.fetchall()))
"""


@dataclass
class Disk:
    """OpenCode 2's folder on a small disk of its own, which only those inside see."""

    house: Household
    inside: Container

    def do(self, *words: str | Path) -> Ended:
        """Run something inside to its end."""
        told = self.house.home / "told"
        line = f"{self._line(*words)} </dev/null >{told}.out 2>{told}.err; echo $?"
        code = int(self.inside.does(line).split()[-1])
        files = [Path(f"{told}.{name}") for name in ("out", "err")]
        texts = [file.read_text() for file in files]
        for file in files:
            # Secrets may have been told.
            file.unlink()
        return Ended(code, *texts)

    def rotator(self, *words: str) -> Ended:
        """Run a command of ours inside."""
        return self.do(sys.executable, "-m", "rotator", *words)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Server2]:
        """Run a server inside while the block runs."""
        port = free_port()
        words: list[str | Path] = [
            opencode2(),
            "serve",
            "--hostname",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        line = f"{self._line(*words)} </dev/null >/dev/null 2>&1 & echo $!"
        pid = int(self.inside.does(line).split()[-1])
        server = Server2(self.house, f"http://127.0.0.1:{port}", PASSWORD, pid)
        try:
            wait_until(lambda: answers(server), START_SECONDS, "the server to answer")
            yield server
        finally:
            self.inside.does(f"kill {pid}; wait {pid}")

    def fill(self) -> None:
        """Leave no room, not even what is left of a page."""
        file = shlex.quote(str(database(self.house).with_name("fill")))
        self.inside.does(*(f"dd if=/dev/zero of={file}{n} bs={n} 2>/dev/null" for n in (4096, 1)))

    def make_room(self) -> None:
        """Take away what fills it."""
        self.inside.does(f"rm -f {shlex.quote(str(database(self.house).with_name('fill')))}*")

    def rows(self) -> list[tuple[str, str, int | None]]:
        """Return label, key and whether it is active of each row; the table is sound."""
        ended = self.do(sys.executable, "-c", _ROWS, database(self.house))
        assert ended.code == 0, ended.stderr
        return [(label, json.loads(value)["key"], active) for label, value, active in ended.json()]

    def add(self, alias: str, key: str) -> None:
        """Save a key that stands nowhere."""
        words = [sys.executable, "-m", "rotator", "accounts", "add", "mock", "--alias", alias]
        told = self.inside.does(
            f"printf %s {key} | ({self._line(*words)}) >/dev/null 2>&1; echo $?"
        )
        assert told.split() == ["0"]

    def _line(self, *words: str | Path) -> str:
        env = self.house.env() | {"OPENCODE_PASSWORD": PASSWORD}
        given = [f"{name}={value}" for name, value in env.items()]
        there = shlex.quote(str(self.house.project))
        return f"cd {there}; {shlex.join(['env', '-i', *given, *map(str, words)])}"


def answers(server: Server2) -> bool:
    try:
        return server.ask("GET", "/api/info")[0] == 200
    except OSError:
        return False


@pytest.fixture
def disk(house: Household) -> Iterator[Disk]:
    folder = database(house).parent
    folder.mkdir(parents=True, exist_ok=True)
    with container(
        f"mount -t tmpfs -o mode=700,size=24m none {shlex.quote(str(folder))}"
    ) as inside:
        yield Disk(house, inside)
    end_services(house)


def test_a_switch_by_the_server_on_a_full_disk_is_done_or_said(disk: Disk) -> None:
    with disk.serving() as server:
        for key, label in ((A, "a"), (B, "b")):
            server.add_key("mock", key, label)
        assert disk.rotator("accounts").code == 0
        disk.fill()

        full = disk.rotator("rotate", "mock", "a")
        disk.make_room()
        between = disk.rows()
        after = disk.rotator("rotate", "mock", "a")

        assert after.code == 0, after.stderr
        assert server.connections("mock")[0]["label"] == "a"
    assert [row[:2] for row in between] == [("a", A), ("b", B)]
    assert sum(bool(row[2]) for row in between) == 1
    assert (full.code == 0) == (between[0][2] == 1)
    assert full.code == 0 or full.stderr.startswith("rotator: ")
    assert disk.rows() == [("a", A, 1), ("b", B, 0)]


def test_a_login_that_finds_no_room_in_the_table_is_said_and_stays_saved(disk: Disk) -> None:
    with disk.serving() as server:
        server.add_key("mock", A, "a")
    disk.add("parked", C)
    disk.fill()

    full = disk.rotator("rotate", "mock", "parked")
    disk.make_room()
    between = disk.rows()
    after = disk.rotator("rotate", "mock", "parked")

    assert full.code == 6
    assert "cannot be written" in full.stderr
    assert between == [("a", A, 1)]
    assert after.code == 0, after.stderr
    assert disk.rows() == [("a", A, 0), ("parked", C, 1)]
