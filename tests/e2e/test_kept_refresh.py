"""A plug-in in the real opencode refreshes a login and keeps what came for it to itself.

The vendor revokes a login whose refresh token is sent twice: whoever put the old pair back into
auth.json would have the next opencode send it, and end what the plug-in works with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.e2e.scenes import install_bridge, of, wait_for_accounts
from tests.support.family_vendor import MODEL, PROVIDER, FamilyHousehold, FamilyVendor
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, run, serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator, watcher
from tests.support.vendor import Vendor

pytestmark = pytest.mark.e2e

HELLO = "Hello from the loopback provider."
SPENT = "its refresh token was exchanged for new tokens that somebody else keeps"
# What the plug-in does with new tokens: into auth.json, or into a store of its own.
SHARES = 'await client.auth.set({ path: { id: "acme" }, body: tokens })'
KEEPS = f"if (process.env.OWN_STORE) own.set(first, tokens)\n            else {SHARES}"
READS = "let login = await entry()"
READS_ITS_OWN = (
    f"{READS}\n        const first = login.refresh\n        login = own.get(first) ?? login"
)


@dataclass(frozen=True)
class Keeping(FamilyHousehold):
    """A household whose opencodes keep what they get for a refresh token to themselves."""

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        return super().env() | {"OWN_STORE": "1"}


class Limiting(FamilyVendor):
    """The vendor, where some people have used up what they had."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.used_up: set[str] = set()

    def _model(self, request: Request) -> Answer | None:
        is_used_up = self.owner(str(request.credential)) in self.used_up
        return refusal(402) if is_used_up else super()._model(request)


@dataclass(frozen=True)
class Desk:
    """An opencode that has refreshed bob's login, which is live; ada's is parked."""

    house: FamilyHousehold
    vendor: Limiting
    server: Server
    session: str
    spent: dict[str, object]
    ada: str
    bob: str

    def is_safe(self) -> bool:
        """Tell whether an opencode without a store of its own works, and nobody was revoked."""
        ended = run(self.house, "hi", "-m", MODEL)
        assert (ended.code, ended.stdout.strip()) == (0, HELLO)
        assert self.server.prompt(self.session, "hi", model=MODEL) == HELLO
        return not any(one.revoked for one in self.vendor.families)

    def live(self) -> dict[str, object]:
        return dict(self.house.read_auth()[PROVIDER])


@pytest.fixture
def desk(home: Path, tmp_path: Path, provider: LoopbackProvider) -> Iterator[Desk]:
    with Vendor(tmp_path) as answering:
        house = FamilyHousehold(home, answering)
        house.move_in(provider.url)
        script = home / "acme.js"
        text = script.read_text()
        for before, after in ((SHARES, KEEPS), (READS, READS_ITS_OWN)):
            assert text.count(before) == 1
            text = text.replace(before, after)
        script.write_text(f"const own = new Map()\n{text}")
        vendor = Limiting(Random(7))  # noqa: S311  # no secret
        vendor.serve(provider, answering)
        install_bridge(house)
        with watcher(house), serve(Keeping(home, answering)) as server:
            for count, person in enumerate(("ada", "bob"), start=1):
                log_in(server, person)
                wait_for_accounts(house, PROVIDER, count)
            session = server.create_session()
            spent = dict(house.read_auth()[PROVIDER])
            assert server.prompt(session, "hi", model=MODEL) == HELLO
            assert house.read_auth()[PROVIDER] == spent
            assert not vendor.is_newest(str(spent["refresh"]))
            ada, bob = (str(one["alias"]) for one in of(house, PROVIDER))
            yield Desk(house, vendor, server, session, spent, ada, bob)


def log_in(server: Server, person: str) -> None:
    """Log in as the TUI does."""
    method = {"method": 0}
    path = f"/provider/{PROVIDER}/oauth"
    server.ask("POST", f"{path}/authorize", method)
    server.ask("POST", f"{path}/callback", method | {"code": person})


def test_the_old_pair_is_not_put_back_by_hand(desk: Desk) -> None:
    assert rotator(desk.house, "rotate", PROVIDER).code == 0

    ended = rotator(desk.house, "rotate", PROVIDER, desk.bob)

    assert (ended.code, SPENT in ended.stderr) == (4, True)
    assert desk.live()["refresh"] != desk.spent["refresh"]
    assert desk.is_safe()


def test_a_copy_of_the_old_pair_is_not_put_in_when_it_is_added(desk: Desk) -> None:
    assert rotator(desk.house, "rotate", PROVIDER).code == 0
    assert rotator(desk.house, "accounts", "remove", f"{PROVIDER}/{desk.bob}", "--yes").code == 0
    words = ("accounts", "add", PROVIDER, "--activate", "--no-check")

    ended = rotator(desk.house, *words, given=json.dumps(desk.spent))

    assert (ended.code, SPENT in ended.stdout) == (0, True)
    assert desk.live()["refresh"] != desk.spent["refresh"]
    assert desk.is_safe()


def test_the_old_pair_takes_over_from_nobody_who_is_used_up(desk: Desk) -> None:
    assert rotator(desk.house, "rotate", PROVIDER).code == 0
    desk.vendor.used_up.add("ada")

    ended = run(desk.house, "hi", "-m", MODEL)

    assert ended.code != 0
    states = [one["state"] for one in of(desk.house, PROVIDER)]
    assert (states, desk.vendor.owner(str(desk.live()["refresh"]))) == (
        ["exhausted", "rejected"],
        "ada",
    )
    desk.vendor.used_up.clear()
    assert desk.is_safe()
