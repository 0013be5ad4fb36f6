"""`rotator rotate` with a refresh, signalled at one of its steps: what may come of it.

The vendor is real HTTPS on the loopback interface, gives each token once, and answers a quarter
of a second late. A step is a call of the main thread into the operating system, SQLite or a wait;
not what Python does to find a module, and of looks at many files in a row only the first ones.
Every step by hand: `python -m tests.support.signalled` (two hours;
`python -m tests.support.signalled 10 3 SIGHUP` for every tenth step from the third, and one
signal).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rotator.clock import to_iso
from rotator.secret import digest_of
from rotator.storage.store import Store
from rotator.system.files import publish
from rotator.system.paths import find_paths
from tests.e2e.scenes import login
from tests.support.connected import Connected
from tests.support.household import Household
from tests.support.rotator_process import rotator
from tests.support.token_endpoint import Grant, TokenEndpoint
from tests.support.vendor import Vendor

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HOST, PATH = "auth.openai.com", "/oauth/token"
LATE_SECONDS = 0.25
OLD, NEW = "REF-CANARY-B", "REF-CANARY-B-2"
LIMITED_FOR_AN_HOUR = {"retry-after": "3600"}
_NO_STEP, _TELL_EVERY = 0, 100

DRIVER = """
import mmap, os, signal, sys
from collections import Counter
# Whoever started this may have them ignored, as nohup and a shell's `&` do.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
import providers._shared.http, providers.openai
import rotator.cli.rotate, rotator.cli.main, rotator.system.interrupts, rotator.services.refresh
from rotator.__main__ import main

STEPS = {
    "open", "read", "write", "pread", "pwrite", "fsync", "close", "ftruncate", "replace",
    "rename", "unlink", "mkdir", "chmod", "utime", "flock", "execute", "executemany", "connect",
    "backup", "stat", "lstat", "scandir", "acquire", "sleep", "select", "start_new_thread",
}
# Of a process's files in /proc and of installed packages many are looked into.
LOOKS, MOST_LOOKS = {"open", "read", "stat", "scandir", "close", "replace"}, 40
FINDING = ("<frozen importlib", "importlib/metadata")
seen = mmap.mmap(-1, 4)

def signal_at(step, number):
    passed, looks = [0], Counter()
    def count(frame, event, called):
        if event != "c_call" or called.__name__ not in STEPS:
            return
        file = frame.f_code.co_filename
        if any(words in file for words in FINDING):
            return
        if file.endswith("pathlib.py") and called.__name__ in LOOKS:
            looks[called.__name__] += 1
            if looks[called.__name__] > MOST_LOOKS:
                return
        passed[0] += 1
        seen[:4] = passed[0].to_bytes(4, "big")
        if passed[0] == step:
            os.kill(os.getpid(), number)
    return count

def act(step, number):
    os.close(1)
    os.open(os.devnull, os.O_WRONLY)
    sys.argv = ["rotator", "rotate", "openai", "b"]
    sys.setprofile(signal_at(step, number))
    try:
        main()
    except SystemExit as exc:
        return exc.code

print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = act(*map(int, line.split()))
        finally:
            sys.setprofile(None)
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(code, int.from_bytes(seen[:4], "big"), flush=True)
"""


@dataclass
class Scene:
    """A home with a live login and a parked one whose tokens have run out, again and again."""

    house: Connected
    vendor: Vendor
    template: Path
    send: Callable[[int, int], tuple[int, int]]
    lost: list[str] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    # How many that were signalled asked the vendor all the same.
    asked: int = 0

    def run(self, step: int, number: int) -> int:
        """Rotate, with a signal before that step; note what is lost; return how many it took."""
        shutil.rmtree(self.house.home)
        shutil.copytree(self.template, self.house.home)
        endpoint = TokenEndpoint()
        endpoint.grant(OLD, Grant("ACC-CANARY-B-2", NEW, delay_seconds=LATE_SECONDS))
        self.vendor.answer(HOST, PATH, endpoint.answer)
        before = len(self.vendor.requests)
        code, steps = self.send(step, number)
        self.codes[code] += 1
        was_asked = len(self.vendor.requests) > before
        self.asked += was_asked
        self._check(f"signal {number} at step {step}", was_asked, code)
        return steps

    def _check(self, where: str, was_asked: bool, code: int) -> None:  # noqa: FBT001  # as it is
        paths = find_paths(self.house.env())
        with Store(paths.store) as store:
            state = store.state()
        saved = {a.alias: a.credential.refresh for a in state.accounts}
        held = [saved["b"], *(pending.answer for pending in state.refreshes.values())]
        wanted = NEW if was_asked else OLD
        if not any(one is not None and wanted in one.reveal() for one in held):
            self.lost.append(where)
        live = json.loads(self.house.auth_file.read_bytes())["openai"]["refresh"]
        assert live in ({"REF-CANARY-A"} if code else {NEW}) | {NEW if was_asked else ""}, where
        assert [p.name for p in self.house.auth_file.parent.iterdir()] == ["auth.json"], where


def furnish(home: Path, vendor: Vendor) -> Connected:
    """Return a household with A live and B parked, whose tokens have run out."""
    house = Connected(home, way=vendor.environment)
    house.write_auth({"openai": dict(login("A"))})
    rotator(house, "accounts")
    parked = json.dumps(dict(login("B", expires_in_seconds=-3600)))
    added = rotator(house, "accounts", "add", "openai", "--alias", "b", given=parked)
    assert added.code == 0, added.stderr
    return house


def report_failure(
    house: Household,
    provider: str,
    secret: str,
    headers: Mapping[str, str] = LIMITED_FOR_AN_HOUR,
    at: datetime | None = None,
) -> None:
    """Report to the watcher, as the bridge does, that a request was limited."""
    digest = digest_of(secret)
    told = {
        "schema": 1,
        "id": "s-1",
        "request": "r-1",
        "attempt": 1,
        "at": to_iso(at or datetime.now(UTC)),
        "provider": provider,
        "session": "ses_1",
        "credential": digest,
        "tried": [digest],
        "status": 429,
        "headers": dict(headers),
        "body": "",
    }
    publish(house.state_dir / "bridge" / "inbox" / "s-1.json", json.dumps(told).encode())


def saved(house: Connected) -> str:
    """Return the refresh token that the store has for B."""
    with Store(find_paths(house.env()).store) as store:
        (token,) = (a.credential.refresh for a in store.state().accounts if a.alias == "b")
    assert token is not None
    return token.reveal()


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Furnish a home in `folder` and run the driver beside it."""
    with Vendor(folder) as vendor:
        house = furnish(folder / "home", vendor)
        template = folder / "template"
        shutil.copytree(house.home, template)
        with subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=house.env() | {"PYTHONPATH": os.pathsep.join(sys.path)},
            # Not the tests' folder of today's coverage, nor a home that is taken away.
            cwd=folder,
        ) as process:
            given, taken = process.stdin, process.stdout
            assert given is not None
            assert taken is not None
            assert taken.readline() == "ready\n"

            def send(step: int, number: int) -> tuple[int, int]:
                given.write(f"{step} {number}\n")
                given.flush()
                code, steps = map(int, taken.readline().split())
                return code, steps

            yield Scene(house, vendor, template, send)
            given.close()


def number_of_steps(played: Scene) -> int:
    """Return how many steps a rotation has that no signal comes to."""
    steps = played.run(_NO_STEP, signal.SIGTERM)
    played.codes.clear()
    played.asked = 0
    return steps


def main() -> None:
    """Signal every step, with each signal or those that are named, and print what was lost."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    every, first = [*numbers, *(1, 1)[len(numbers) :]]
    named = [signal.Signals[name] for name in sys.argv[len(numbers) + 1 :]] or SIGNALS
    for number in named:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as played:
            last = number_of_steps(played)
            for step in range(first, last + 1, every):
                played.run(step, number)
                if step % _TELL_EVERY == 0:
                    print(f"{number.name}: step {step} of {last}", file=sys.stderr, flush=True)
            codes = dict(played.codes)
        took = f"{time.monotonic() - began:.0f} s"
        said = f"{last} steps, {sum(codes.values())} signals, exit codes {codes}, {took}"
        said += f", the vendor was asked {played.asked} times"
        print(f"{number.name}: {said}, lost: {played.lost}", flush=True)


if __name__ == "__main__":
    main()
