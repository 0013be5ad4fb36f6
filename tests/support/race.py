"""Logins in opencode's manner, swaps and a watcher, all on one file at once.

By hand, twenty races of three hundred logins and thirty swaps:
`python -m tests.support.race --races 20`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.context import Context, open_context
from rotator.model import State
from rotator.opencode.auth.file import Whole, read_live
from rotator.system.paths import find_paths
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import api
from tests.support.rotator_process import events, rotator, watcher
from tests.support.waiting import wait_until

LOGINS, SWAPS = 300, 30
# Between two swaps, at most.
PAUSE_SECONDS = 0.15
# Between a swap's last look and its rename, at most: so that logins fall in between. By itself
# that is 0.00005 s, and one login of thousands does.
WINDOW_SECONDS = 0.02
_QUIET_SECONDS = 30

# An opencode: read everything, change one entry, truncate, write in two halves, set the mode.
# Nothing else tears the file, so what it reads torn was torn by us. Before it logs somebody out
# by a new login it waits until that one was seen: a login nobody had the time to read is nobody's
# loss. Before its next login to a provider its last one there has to be in auth.json, or to be so
# soon; at acme a swap may have put somebody else in.
WRITER = """
import contextlib, json, os, random, sqlite3, sys, time
auth, store, logins, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
providers = ["acme", "zeta", "https://kappa.example", "iota", "theta", "eta"]
told = {"torn": 0, "unseen": [], "gone": [], "written": []}
last = {}

def read():
    with open(auth, encoding="utf-8") as file:
        text = file.read()
    try:
        return json.loads(text)
    except ValueError:
        told["torn"] += 1
        return {}

def is_saved(connection, entry):
    rows = connection.execute("SELECT 1 FROM account WHERE entry LIKE ?", (f"%{entry['key']}%",))
    return rows.fetchone() is not None

def is_live(provider, key):
    return (read().get(provider) or {}).get("key") == key

def comes_true(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True

def write(entries):
    text = json.dumps(entries, indent=2).encode()
    if chance.random() < 0.3:
        # As an editor does, or whatever else puts a file there as a whole.
        handle = os.open(auth + ".mine", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(handle, text)
        os.close(handle)
        os.rename(auth + ".mine", auth)
        return
    handle = os.open(auth, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(handle, text[: len(text) // 2])
    time.sleep(chance.choice([0, 0, 0.0005, 0.003]))
    os.write(handle, text[len(text) // 2 :])
    os.close(handle)
    os.chmod(auth, 0o600)

print("ready", flush=True)
sys.stdin.readline()
with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)) as db:
    for number in range(logins):
        provider = providers[number % len(providers)]
        mine = last.get(provider)
        if mine and provider != "acme" and not comes_true(lambda: is_live(provider, mine)):
            told["gone"].append(mine)
        before = read().get(provider)
        if before and not comes_true(lambda: is_saved(db, before)):
            told["unseen"].append(before["key"])
        entries = read()
        key = f"KEY-CANARY-login-{number}"
        entries[provider] = {"type": "api", "key": key}
        write(entries)
        told["written"].append([provider, key])
        last[provider] = key
        # A writer without a rest leaves no swap the time for its rename.
        time.sleep(chance.uniform(0, 0.008) if number % 3 else chance.uniform(0, 0.1))
print(json.dumps(told))
"""

SWAPPER = """
import contextlib
import random, sys, time
from rotator.context import open_context
from rotator.live.capture import wait_for_late_writes
from rotator.errors import SwapConflict
from rotator.system.locks import swap_lock
from rotator.system.paths import find_paths
from rotator.services.rotate import plan_rotation, rotate
from tests.support.faults import Seam
swaps, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))
pause, window = float(sys.argv[3]), float(sys.argv[4])

def linger(step):
    if window and step.name == "replace" and step.to.name == "auth.json":
        time.sleep(chance.uniform(0, window))

print("ready", flush=True)
sys.stdin.readline()
with open_context(find_paths()) as context, Seam().watching(linger):
    for number in range(swaps):
        plan = plan_rotation(
            context.store.state(), "acme", f"acme-{number % 2 + 1}", context.clock()
        )
        done = None
        while done is None:
            # As its hint says: on a slow machine the writer may be quicker fifty times.
            with contextlib.suppress(SwapConflict):
                done = rotate(context, plan)
        time.sleep(chance.uniform(0, pause))
    with swap_lock(context.paths.swap_lock):
        wait_for_late_writes(context, patience_seconds=2)
"""


def start(house: Household, program: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        env=house.env() | {"PYTHONPATH": str(Path.cwd())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def saved_keys(context: Context) -> set[str]:
    entries = (json.loads(a.credential.entry.reveal()) for a in context.store.state().accounts)
    return {entry["key"] for entry in entries}


def last_logins(told: dict[str, Any]) -> dict[str, str]:
    """Return the last login of each provider that no swap put anybody else in the place of."""
    last = dict(told["written"])
    return {provider: key for provider, key in last.items() if provider != "acme"}


def are_live(house: Household, logins: dict[str, str]) -> bool:
    """Tell whether auth.json is whole and holds each of these logins."""
    reading = read_live(house.auth_file)
    entries = reading.entries if isinstance(reading, Whole) else {}
    return all(p in entries and json.loads(entries[p].reveal())["key"] == logins[p] for p in logins)


def is_at_rest(context: Context) -> bool:
    reading = read_live(context.paths.auth_file)
    return isinstance(reading, Whole) and reading.digest == context.store.live_digest()


def race(
    house: Household,
    seed: int,
    logins: int,
    swaps: int,
    pause_seconds: float,
    window_seconds: float,
) -> dict[str, Any]:
    """Let everybody write at once; return what the writer says of it."""
    store = find_paths(places(house.home)).store
    with contextlib.ExitStack() as running:
        writer = running.enter_context(start(house, WRITER, house.auth_file, store, logins, seed))
        swapper = running.enter_context(
            start(house, SWAPPER, swaps, seed, pause_seconds, window_seconds)
        )
        for program in (writer, swapper):
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
        for program in (writer, swapper):
            assert program.stdin is not None
            program.stdin.write("go\n")
            program.stdin.flush()
        out, wrong = writer.communicate(timeout=200)
        _, complaint = swapper.communicate(timeout=200)
    assert (wrong, unhappy(complaint)) == ("", [])
    told: dict[str, Any] = json.loads(out)
    return told


def unhappy(complaint: str) -> list[str]:
    """Return what a program complained of, but for a lock that it had to wait for."""
    return [line for line in complaint.splitlines() if not line.endswith("waiting for it")]


@dataclass(frozen=True)
class Outcome:
    """What there is once things are quiet again, and what the writer told.

    `late` is how many logins were found in a file that had lost its name.
    """

    told: dict[str, Any]
    late: int
    not_saved: list[str]
    not_live: dict[str, str]
    state: State


def run_race(
    house: Household,
    seed: int,
    logins: int,
    swaps: int,
    pause_seconds: float = PAUSE_SECONDS,
    window_seconds: float = WINDOW_SECONDS,
) -> Outcome:
    """Let everybody write at once, wait until things are quiet, and look what is left."""
    for name in ("a", "b"):
        house.write_auth({"acme": api(name), "zeta": api("z")})
        assert rotator(house, "accounts").code == 0
    with open_context(find_paths(places(house.home))) as context:
        with watcher(house):
            told = race(house, seed, logins, swaps, pause_seconds, window_seconds)
            written, last = {key for _, key in told["written"]}, last_logins(told)

            def is_well() -> bool:
                return (
                    is_at_rest(context) and written <= saved_keys(context) and are_live(house, last)
                )

            with contextlib.suppress(TimeoutError):
                wait_until(is_well, _QUIET_SECONDS, "everything to be in its place")
        live = {p: entry.get("key") for p, entry in house.read_auth().items()}
        late = [e for e in events(house) if "just when another one was put in" in e["why"]]
        return Outcome(
            told,
            len(late),
            sorted(written - saved_keys(context)),
            {p: key for p, key in last.items() if live.get(p) != key},
            context.store.state(),
        )


def main() -> int:
    """Run as many races as the command line asks for, and say what was gone after them."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.race", description=__doc__)
    parser.add_argument("--races", type=int, default=20)
    parser.add_argument("--logins", type=int, default=LOGINS)
    parser.add_argument("--swaps", type=int, default=SWAPS)
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="between two swaps")
    parser.add_argument("--window", type=float, default=WINDOW_SECONDS, help="before a rename")
    parser.add_argument("--seed", type=int, default=1, help="of the first race")
    given = parser.parse_args()
    started = time.monotonic()
    late = not_saved = not_live = 0
    for seed in range(given.seed, given.seed + given.races):
        with tempfile.TemporaryDirectory() as folder:
            house = Household(Path(folder))
            found = run_race(house, seed, given.logins, given.swaps, given.pause, given.window)
        gone = {*found.not_live.values(), *found.told["gone"]}
        late, not_saved = late + found.late, not_saved + len(found.not_saved)
        not_live += len(gone)
        if found.not_saved or gone or found.told["torn"] or found.told["unseen"]:
            sys.stdout.write(f"seed {seed}: {found.told | {'written': len(found.told['written'])}}")
            sys.stdout.write(f", not saved {found.not_saved}, not live {found.not_live}\n")
    sys.stdout.write(
        f"{given.races} races of {given.logins} logins and {given.swaps} swaps,"
        f" {time.monotonic() - started:.0f} s: {late} logins were written too late,"
        f" {not_saved} are gone from the store, {not_live} from auth.json\n"
    )
    return 1 if not_saved or not_live else 0


if __name__ == "__main__":
    sys.exit(main())
