"""Output that cannot be written, or that nobody reads: what was asked for is done all the same.

The disk that the output goes to is full (`/dev/full`), or its reader is gone.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.children import child, end
from tests.support.household import Household
from tests.support.rotator_process import PROGRAM, accounts
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

SECONDS = 20.0
LOST = 8
SAID = "! what is printed cannot be written: No space left on device\n"
A, B, C = "KEY-CANARY-A", "KEY-CANARY-B", "KEY-CANARY-C"


@pytest.fixture
def house(home: Path) -> Household:
    """Return a household with two accounts, the second of which is live."""
    house = Household(home)
    for key in (A, B):
        log_in(house, key)
        accounts(house)
    return house


def log_in(house: Household, key: str) -> None:
    house.write_auth({"acme": {"type": "api", "key": key}})


def into_full(
    house: Household, *words: str, everything: bool = False, **environ: str
) -> subprocess.CompletedProcess[str]:
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [*PROGRAM, *words],
            env=house.env() | environ,
            cwd=house.home,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=full if everything else subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.mark.parametrize(
    "words",
    [
        ("accounts",),
        ("accounts", "--json"),
        ("status",),
        ("status", "--json"),
        ("usage",),
        ("events",),
        ("explain", "acme"),
        ("config", "show"),
        ("events", "--follow"),
        ("status", "--watch"),
        ("demo",),
        ("demo", "--json"),
        ("--help",),
    ],
    ids=" ".join,
)
def test_a_full_disk_is_said_once_and_has_its_exit_code(
    house: Household, words: tuple[str, ...]
) -> None:
    ended = into_full(house, *words)

    assert (ended.returncode, ended.stderr) == (LOST, SAID)


def test_what_was_asked_for_is_done(house: Household) -> None:
    for words in (("rotate", "acme"), ("accounts", "rename", "acme/acme-2", "other")):
        ended = into_full(house, *words)
        assert (ended.returncode, ended.stderr) == (LOST, SAID)

    assert house.read_auth()["acme"]["key"] == A
    assert [one["alias"] for one in accounts(house)] == ["acme-1", "other"]


def test_it_is_so_without_a_buffer_of_python_s(house: Household) -> None:
    for words in (("rotate", "acme"), ("status", "--json")):
        ended = into_full(house, *words, PYTHONUNBUFFERED="1")
        assert (ended.returncode, ended.stderr) == (LOST, SAID)

    assert house.read_auth()["acme"]["key"] == A


def test_where_nothing_can_be_said_it_is_done_too(house: Household) -> None:
    ended = into_full(house, "rotate", "acme", everything=True)

    assert ended.returncode == LOST
    assert house.read_auth()["acme"]["key"] == A


def test_a_failure_keeps_its_own_exit_code(house: Household) -> None:
    ended = into_full(house, "rotate", "zeta", "--json")

    assert ended.returncode not in {0, 1, LOST}
    assert ended.stderr == SAID


@pytest.mark.parametrize("output", ["/dev/full", "a pipe that is closed"])
def test_a_watcher_goes_on_without_its_output(
    house: Household, tmp_path: Path, output: str
) -> None:
    complaints = tmp_path / "complaints"
    complaints.touch()
    into = f">{output}" if output == "/dev/full" else ""
    run = ["/bin/sh", "-c", f'exec "$@" {into} 2>{complaints}', "sh", *PROGRAM, "watch"]
    with child(run, env=house.env(), cwd=house.home) as watcher:
        assert watcher.stdout is not None
        # Long before it has anything to say.
        watcher.stdout.close()
        said = "! what is printed cannot be written: "
        wait_until(lambda: said in complaints.read_text(), SECONDS, "the sentence")
        log_in(house, C)
        wait_until(lambda: len(accounts(house)) == len((A, B, C)), SECONDS, "the capture")
        code = end(watcher)

    assert code == 0
    assert complaints.read_text().count("\n") == 1


def test_whoever_has_read_enough_is_no_failure(house: Household) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [*PROGRAM, "rotate", "acme"],
            env=house.env(),
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert house.read_auth()["acme"]["key"] == A
