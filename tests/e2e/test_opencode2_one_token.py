"""The real 1.18.33 and the real 2.0.15 in one HOME with the same ChatGPT logins in both homes.

The vendor takes each refresh token once, and revokes a login whose refresh token is sent again.
Both opencodes refresh in random order, and accounts are swapped in between. A build plays a few
rounds; by hand, whole:

    ROTATOR_TEST_REFRESHES=200 .venv/bin/python -m pytest -s tests/e2e/test_opencode2_one_token.py
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from rotator.context import Context, open_context
from rotator.core.logins.refresh_policy import HANDS_OFF
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.home import Entries
from rotator.secret import Secret
from rotator.system.paths import find_paths
from tests.e2e.scenes import install_bridge, wait_for_accounts
from tests.e2e.test_opencode2_chatgpt import MODEL, REROUTE
from tests.support.builders import a_jwt
from tests.support.children import Lines, child, end
from tests.support.home import OUTSIDE, places
from tests.support.host_tunnel import HostTunnel
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, database, end_services, serve2
from tests.support.opencode2_table import Table
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.repository import ROOT
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

REFRESHES = int(OUTSIDE.get("ROTATOR_TEST_REFRESHES", "14"))
SEED = int(OUTSIDE.get("ROTATOR_TEST_SEED", "7"))
PEOPLE = ("ada", "bob", "cyd")
# What the senders of requests call themselves.
ONE, TWO, OURS = "opencode/1.18.33", "2.0.15", "opencode-rotator"
HELLO = "Hello from the loopback provider."
SETTLED_SECONDS = 20.0


def access_token(person: str, number: int) -> str:
    """Return a token that names its person, as ChatGPT's do."""
    whose = {"chatgpt_account_id": f"acct-{person}", "chatgpt_user_id": f"user-{person}"}
    return a_jwt({"https://api.openai.com/auth": whose, "jti": number})


@dataclass
class Vendor:
    """Gives tokens that have run out when they come, so that each use refreshes them first."""

    families: dict[str, list[str]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    # Who sent a refresh token, and when it was answered.
    refreshes: list[tuple[str, float]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def log_in(self, person: str) -> dict[str, object]:
        """Return the tokens of a person as auth.json has them."""
        self.families[person] = [f"REF-CANARY-{person}-1"]
        return {
            "type": "oauth",
            "refresh": f"REF-CANARY-{person}-1",
            "access": access_token(person, 1),
            "expires": int((time.time() - 60) * 1000),
            "accountId": f"acct-{person}",
        }

    def answer(self, request: Request) -> Answer:
        """Exchange the newest refresh token of a login for the next one, and end a login else."""
        sent = str(request.body["refresh_token"])
        person = next((p for p, family in self.families.items() if sent in family), "")
        with self._lock:
            family = self.families.get(person, [])
            if not family or person in self.revoked or family[-1] != sent:
                self.revoked.add(person)
                return refusal(401, {"error": {"code": "refresh_token_reused"}})
            family.append(f"REF-CANARY-{person}-{len(family) + 1}")
            self.refreshes.append((request.headers.get("user-agent", ""), time.monotonic()))
            token = access_token(person, len(family))
            given = {"refresh_token": family[-1], "access_token": token, "id_token": token}
            # What we refresh OpenCode 2 refreshes once more: it has less than five minutes left.
            seconds = 60 if OURS in self.refreshes[-1][0] else 0
        return Answer(body={**given, "expires_in": seconds, "token_type": "Bearer"})

    def asked_by(self, agent: str) -> int:
        """Return how many refresh tokens a program has sent."""
        return sum(agent in sender for sender, _ in self.refreshes)

    def newest(self, person: str) -> str:
        """Return the one refresh token of a person that works."""
        return self.families[person][-1]


@dataclass(frozen=True)
class Tunnelled(Household):
    """A household whose processes find every vendor on the loopback interface."""

    way: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        return super().env() | self.way


@dataclass(frozen=True)
class Desk:
    """Both opencodes and the watcher at work."""

    house: Household
    vendor: Vendor
    context: Context
    one: Server
    two: Server2
    sessions: tuple[str, str]

    def ask_one(self) -> None:
        """Let opencode 1 answer a message, with a refresh before."""
        assert self.one.prompt(self.sessions[0], "hi", model=MODEL) == HELLO

    def ask_two(self) -> None:
        """Let OpenCode 2 answer a message, with a refresh before."""
        assert self.two.prompt(self.sessions[1], "hi") == HELLO

    def rotate(self, person: str) -> None:
        """Put a person's account in, in both homes; OpenCode 2 then looks at it, and refreshes."""
        is_news = self.house.read_auth()["openai"]["accountId"] != f"acct-{person}"
        before = self.vendor.asked_by(TWO)
        ended = rotator(self.house, "rotate", "openai", self.alias(person))
        assert ended.code == 0, ended.stderr
        if is_news:
            what = "OpenCode 2 to look at who is active now"
            wait_until(lambda: self.vendor.asked_by(TWO) > before, SETTLED_SECONDS, what)

    def alias(self, person: str) -> str:
        """Return what the account of a person is called."""
        accounts = self.context.store.state().of("openai")
        return next(a.alias for a in accounts if a.credential.account_id == f"acct-{person}")

    def wait_until_settled(self) -> None:
        """Wait until every copy of every login, in both homes and the store, is the newest."""
        wait_until(
            lambda: not self.behind(),
            SETTLED_SECONDS,
            lambda: f"these: {self.behind()}",
        )

    def behind(self) -> list[str]:
        """Name the copies that are older than the vendor's newest."""
        entry = self.house.read_auth().get("openai", {})
        copies = [("auth.json", entry.get("accountId"), entry.get("refresh"))]
        for slot, value in Table(database(self.house)).values().items():
            metadata = value["metadata"]
            assert isinstance(metadata, dict)
            copies.append((slot, metadata["accountID"], value["refresh"]))
        for account in self.context.store.state().of("openai"):
            token = account.credential.refresh
            refresh = None if token is None else token.reveal()
            copies.append(("store", account.credential.account_id, refresh))
        newest = {f"acct-{person}": self.vendor.newest(person) for person in PEOPLE}
        return [
            f"{where} {whose}" for where, whose, held in copies if newest.get(str(whose)) != held
        ]


@contextlib.contextmanager
def watching_earlier(house: Household) -> Iterator[None]:
    """Run a watcher whose clock is so far behind that nobody has left a home just now."""
    told = house.home / "clock"
    told.write_text(str(-2 * HANDS_OFF.total_seconds()))
    command = [sys.executable, "-m", "tests.support.set_clock", str(told)]
    env = house.env() | {"PYTHONPATH": str(ROOT)}
    with child(command, env=env, cwd=house.home) as process:
        lines = Lines(process)
        lines.wait_for("watching", SETTLED_SECONDS)
        yield
        assert end(process) == 0, lines.seen


def log_in_everybody(house: Household, vendor: Vendor) -> None:
    """Log each person in, in both homes."""
    table = Table(database(house))
    for count, person in enumerate(PEOPLE, start=1):
        entry = vendor.log_in(person)
        house.write_auth({"openai": entry})
        wait_for_accounts(house, "openai", count)
        kept = {name: entry[name] for name in ("type", "refresh", "access", "expires")}
        more = {"methodID": "chatgpt-browser", "metadata": {"accountID": entry["accountId"]}}
        table.log_in("openai", kept | more, person)
        wait_until(lambda: len(standing(house)) == count, SETTLED_SECONDS, "its row to be seen")  # noqa: B023  # at once


def standing(house: Household) -> list[str]:
    """Return the accounts that stand in OpenCode 2's database."""
    found = rotator(house, "accounts", "--json").json()["accounts"]
    return [a["alias"] for a in found if "opencode.db" in {h["home"] for h in a["homes"]}]


@pytest.fixture
def desk(home: Path, tmp_path: Path, provider: LoopbackProvider) -> Iterator[Desk]:
    """Return three people's logins in both homes, an opencode of each kind, and a watcher."""
    vendor = Vendor()
    provider.answer(vendor.answer, path="/oauth/token")
    with HostTunnel(provider, "openai.com", "chatgpt.com") as tunnel:
        house = Tunnelled(home, tunnel.trusted_below(tmp_path))
        house.configure(provider.url)
        plugin = house.config_folder / "plugins" / "reroute"
        plugin.mkdir(parents=True)
        (plugin / "index.js").write_text(REROUTE.replace("URL_HERE", json.dumps(provider.url)))
        install_bridge(house)
        # OpenCode 2 takes over the database that opencode 1 has made; not the other way round.
        with serve(house):
            pass
        with serve2(house) as begun:
            begun.connections("openai")
        with open_context(find_paths(places(home))) as context:
            with watching_earlier(house):
                log_in_everybody(house, vendor)
            with watcher(house), serve(house) as one, serve2(house) as two:
                two.connections("openai")
                sessions = one.create_session(), two.create_session(MODEL)
                found = Desk(house, vendor, context, one, two, sessions)
                found.wait_until_settled()
                yield found
    end_services(house)


@pytest.mark.timeout(180)
def test_what_opencode_2_refreshes_while_we_write_is_not_written_over(desk: Desk) -> None:
    home = DatabaseHome(find_paths(places(desk.house.home)))
    reading = home.read()
    assert isinstance(reading, Entries)
    entry = reading.of("openai")[0]
    assert entry.active
    assert not isinstance(entry.credential, str)
    person = str(entry.credential.account_id).removeprefix("acct-")
    ours = {"type": "oauth", "refresh": "REF-CANARY-ours", "access": access_token(person, 99)}
    put = parse_entry("openai", Secret(json.dumps({**ours, "expires": 1})))
    before = len(desk.vendor.families[person])

    desk.ask_two()
    done = home.update(entry.slot, entry, put)

    assert len(desk.vendor.families[person]) > before
    assert not done
    desk.wait_until_settled()
    assert Table(database(desk.house)).values()[entry.slot]["refresh"] == desk.vendor.newest(person)
    assert desk.vendor.revoked == set()


@pytest.mark.timeout(120 + 5 * REFRESHES)
def test_whoever_refreshes_no_spent_token_is_sent_and_none_is_lost(desk: Desk) -> None:
    random, vendor = Random(SEED), desk.vendor  # noqa: S311  # no secret
    seconds = []
    # Parked for long, and run out: we refresh it, while OpenCode 2 would do so a moment later.
    desk.rotate("ada")
    desk.wait_until_settled()
    while len(vendor.refreshes) < REFRESHES:
        before = len(vendor.refreshes)
        kind = random.choice(["one", "two", "one", "two", "rotate"])
        if kind == "rotate":
            live = desk.house.read_auth()["openai"]["accountId"]
            desk.rotate(random.choice([p for p in PEOPLE if live != f"acct-{p}"]))
        elif kind == "one":
            desk.ask_one()
        else:
            desk.ask_two()
        desk.wait_until_settled()
        if len(vendor.refreshes) > before:
            seconds.append(time.monotonic() - vendor.refreshes[-1][1])

    who = {agent: vendor.asked_by(agent) for agent in (ONE, TWO, OURS)}
    print(f"{who}; median {statistics.median(seconds):.3f} s, worst {max(seconds):.3f} s")
    assert min(who.values()) > 0, who
    assert vendor.revoked == set()
    assert desk.behind() == []
