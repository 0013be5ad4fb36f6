"""The desktop and a hook hear of what a real watcher does: failover, and nobody left."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.secret import digest_of
from rotator.statusline.quick_read import read_status_line
from rotator.system.files import publish
from rotator.system.paths import find_paths
from tests.support.canary import sweep
from tests.support.children import Lines, child, end
from tests.support.config_files import write_config
from tests.support.household import Household
from tests.support.rotator_process import events, rotator
from tests.support.waiting import wait_until

USER = 54321
A, B = "KEY-CANARY-A", "KEY-CANARY-B"
SECONDS = 20.0
DEAD = '{"error": {"code": "invalid_api_key", "message": "Incorrect API key provided"}}'
WATCH = (sys.executable, "-m", "rotator", "watch")
# Writes down its arguments, the names of its variables and its input, in one line each time.
PROGRAM = f"""#!{sys.executable} -SE
import json, os, sys
told = [sys.argv[1:], sorted(os.environ), sys.stdin.read()]
with open(sys.argv[0] + ".told", "a") as file:
    file.write(json.dumps(told) + "\\n")
"""


class Person:
    """Two logins of a made-up provider; the programs that hear of them are our own."""

    def __init__(self, home: Path) -> None:
        self.house = Household(home)
        self.folder = home / "programs"
        self.folder.mkdir()
        self.paths = find_paths(self.house.env())
        self._number = 0

    def program(self, name: str) -> Path:
        path = self.folder / name
        path.write_text(PROGRAM)
        path.chmod(0o755)
        return path

    def wish(self, text: str) -> None:
        write_config(self.paths.config_file, text)

    def told(self, name: str) -> list[Any]:
        """Return what a program was told so far: arguments, variables, input."""
        file = self.folder / f"{name}.told"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @contextlib.contextmanager
    def watcher(self) -> Iterator[None]:
        env = self.house.env() | {"PATH": str(self.folder), "OPENAI_API_KEY": "KEY-CANARY-env"}
        with child([*WATCH], env=env, cwd=self.house.home) as process:
            lines = Lines(process)
            lines.wait_for("watching ", SECONDS)
            yield
            assert end(process) == 0, lines.seen
            lines.join()

    def log_in(self, key: str, count: int) -> None:
        self.house.write_auth({"mock": {"type": "api", "key": key}})
        alias = f"mock-{count}"
        wait_until(lambda: self.live_aliases() == [alias], SECONDS, "the login")

    def live_aliases(self) -> list[str | None]:
        return [seat.alias for seat in read_status_line(self.house.env(), datetime.now(UTC)).seats]

    def fail(self, key: str, **changes: object) -> None:
        """Report a failure as the bridge does, and wait for the verdict."""
        self._number += 1
        name = f"s-{self._number}.json"
        value = {
            "schema": 1,
            "id": name[:-5],
            "request": name,
            "attempt": 1,
            "provider": "mock",
            "at": to_iso(datetime.now(UTC)),
            "session": "ses_1",
            "status": 429,
            "body": "",
            "credential": digest_of(key),
            "tried": [digest_of(key)],
            "headers": {"retry-after": "3600"},
        }
        publish(self.paths.bridge / "inbox" / name, json.dumps(value | changes).encode())
        wait_until((self.paths.bridge / "outbox" / name).exists, SECONDS, "the verdict")


@pytest.fixture
def person(home: Path) -> Person:
    return Person(home)


def until(enough: Callable[[], list[Any]], count: int) -> list[Any]:
    wait_until(lambda: len(enough()) >= count, SECONDS, lambda: f"{count}: {enough()}")
    return enough()


def test_a_failover_and_nobody_left_are_told_and_a_dead_login_too(person: Person) -> None:
    person.program("notify-send")
    hook = person.program("hook")
    person.wish(f"[notifications]\ndesktop = true\n[hooks]\ncommand = ['{hook}', '$HOME']\n")

    with person.watcher():
        person.log_in(A, 1)
        person.log_in(B, 2)
        person.fail(B)
        until(lambda: person.told("hook"), 1)
        person.fail(A)
        until(lambda: person.told("hook"), 2)
        # It is told once that nobody is left.
        person.fail(A, headers={"retry-after": "7200"})
        person.fail(A, status=401, body=DEAD)
        heard = until(lambda: person.told("hook"), 3)
        shown = until(lambda: person.told("notify-send"), 3)
        written = events(person.house)

    assert [words[:3] for words, _, _ in shown] == [
        ["--app-name=opencode-rotator", "--", title]
        for title in ("mock goes on with mock-1", "mock is used up", "mock/mock-1 needs a login")
    ]
    assert "mock-2 is first at" in shown[1][0][3]
    said = [json.loads(given) for _, _, given in heard]
    assert [one["kind"] for one in said] == ["failover", "limited", "rejected"]
    assert all(one in written for one in said)
    assert all(words == ["$HOME"] for words, _, _ in heard)
    assert not any("OPENAI_API_KEY" in names for _, names, _ in heard + shown)
    assert sweep(person.folder) == []


def test_the_desktop_is_left_alone_without_a_wish(person: Person) -> None:
    person.program("notify-send")
    person.wish(f"[hooks]\ncommand = ['{person.program('hook')}']\n")

    with person.watcher():
        person.log_in(A, 1)
        person.log_in(B, 2)
        for number, key in enumerate((B, A), start=1):
            person.fail(key)
            until(lambda: person.told("hook"), number)

    assert person.told("notify-send") == []


def test_a_missing_notifier_and_a_failing_hook_are_logged_and_stop_nothing(person: Person) -> None:
    person.wish("[notifications]\ndesktop = true\n[hooks]\ncommand = ['/nowhere/hook']\n")

    with person.watcher():
        person.log_in(A, 1)
        person.log_in(B, 2)
        person.fail(B)
        person.fail(A)
        person.fail(A, status=401, body=DEAD)
        log = person.paths.log
        wait_until(lambda: "the hook" in log.read_text(), SECONDS, "the hook's failure")

    said = log.read_text()
    assert said.count("nothing is shown on the desktop: there is no notify-send") == 1
    assert said.count("the hook: it could not be started: No such file or directory") == 1


def test_root_in_a_user_s_home_does_not_run_the_user_s_hook_and_says_so(person: Person) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can show what root does not run", pytrace=False)
    person.program("hook")
    person.wish(f"[hooks]\ncommand = ['{person.folder / 'hook'}']\n")
    for path in (person.house.home, *person.house.home.rglob("*")):
        os.chown(path, USER, USER)

    with person.watcher():
        person.log_in(A, 1)
        person.log_in(B, 2)
        person.fail(B)
        wait_until(lambda: person.live_aliases() == ["mock-1"], SECONDS, "the failover")
        (said,) = [one["why"] for one in events(person.house) if "hooks.command" in one["why"]]

    assert person.told("hook") == []
    assert said == (
        f"hooks.command is not run: {person.paths.config_file} belongs to another user"
        f" (uid {USER}); a rotator watch of that user runs it"
    )
    doctor = rotator(person.house, "doctor")
    assert "hooks.command is not run: " in doctor.stdout
