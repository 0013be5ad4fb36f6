"""Three people at a vendor that revokes a login whose refresh token is sent twice.

A plug-in refreshes and logs in inside the real opencode; the bridge and the watcher tell a
refresh from a login, and the vendor says who is who. A build plays a sample; by hand, whole:

    ROTATOR_TEST_REFRESHES=500 ROTATOR_TEST_LOGINS=50 .venv/bin/python -m pytest -s \
        tests/e2e/test_refresh_families.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from rotator.context import Context, open_context
from rotator.model import Account
from rotator.system.paths import find_paths
from tests.e2e.scenes import install_bridge
from tests.support.family_vendor import MODEL, PROVIDER, FamilyHousehold, FamilyVendor
from tests.support.home import OUTSIDE, places
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import rotator, watcher
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

REFRESHES = int(OUTSIDE.get("ROTATOR_TEST_REFRESHES", "60"))
LOGINS = int(OUTSIDE.get("ROTATOR_TEST_LOGINS", "12"))
SEED = int(OUTSIDE.get("ROTATOR_TEST_SEED", "7"))
PEOPLE = ("ada", "bob", "cyd")
HELLO = "Hello from the loopback provider."
SEEN_SECONDS = 20.0


@dataclass(frozen=True)
class Families:
    """One opencode in which three people log in and work, with a watcher beside it."""

    house: FamilyHousehold
    vendor: FamilyVendor
    context: Context
    server: Server
    session: str

    def log_in(self, person: str) -> None:
        """Log in as the TUI does, and wait until that login is saved somewhere."""
        method = {"method": 0}
        path = f"/provider/{PROVIDER}/oauth"
        self.server.ask("POST", f"{path}/authorize", method)
        self.server.ask("POST", f"{path}/callback", method | {"code": person})
        # Two people do not log in at one desk within the same tenth of a second.
        wait_until(lambda: self.live in self.saved.values(), SEEN_SECONDS, "the login to be saved")

    def work(self) -> None:
        """Send a message, which refreshes the tokens first."""
        assert self.server.prompt(self.session, "hi", model=MODEL) == HELLO

    def rotate(self) -> None:
        """Put another account in."""
        ended = rotator(self.house, "rotate", PROVIDER)
        assert ended.code in {0, 4}, ended.stderr

    @property
    def live(self) -> str:
        """The refresh token in auth.json."""
        return str(self.house.read_auth()[PROVIDER]["refresh"])

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts as the store has them."""
        return tuple(self.context.store.state().of(PROVIDER))

    @property
    def saved(self) -> dict[str, str]:
        """The refresh token of each account, by its id."""
        found = [(one.id, one.credential.refresh) for one in self.accounts]
        return {str(name): refresh.reveal() for name, refresh in found if refresh is not None}

    def told(self) -> str:
        """Return how the accounts stand, without a secret."""
        rows = [
            (one.alias, self.vendor.owner(self.saved[str(one.id)]), one.identity_key, one.unproven)
            for one in self.accounts
        ]
        return f"three accounts: {rows}"


@pytest.fixture
def families(home: Path, tmp_path: Path, provider: LoopbackProvider) -> Iterator[Families]:
    """Return a desk at which nobody has logged in yet."""
    with Vendor(tmp_path) as answering:
        house = FamilyHousehold(home, answering)
        house.move_in(provider.url)
        vendor = FamilyVendor(Random(SEED))  # noqa: S311  # no secret
        vendor.serve(provider, answering)
        install_bridge(house)
        with (
            watcher(house),
            open_context(find_paths(places(home))) as context,
            serve(house) as server,
        ):
            yield Families(house, vendor, context, server, server.create_session())


@pytest.mark.timeout(120 + REFRESHES + 5 * LOGINS)
def test_three_people_are_three_accounts_after_any_order_of_refreshes_and_logins(
    families: Families,
) -> None:
    random = Random(SEED)  # noqa: S311  # no secret
    began = time.monotonic()
    is_login = [True] * (LOGINS - len(PEOPLE)) + [False] * (REFRESHES - LOGINS + len(PEOPLE))
    random.shuffle(is_login)
    for person in PEOPLE:
        families.log_in(person)

    for number, somebody_comes in enumerate(is_login):
        if somebody_comes:
            families.log_in(random.choice(PEOPLE))
        families.work()
        if number % 20 == 19:
            families.rotate()

    vendor = families.vendor
    wait_until(lambda: len(families.accounts) == len(PEOPLE), SEEN_SECONDS, families.told)
    wait_until(lambda: families.live in families.saved.values(), SEEN_SECONDS, "the newest pair")
    seconds = time.monotonic() - began
    print(f"{vendor.refreshes} refreshes, {len(vendor.families)} logins: {seconds:.0f} s")
    assert [one for one in vendor.families if one.revoked] == []
    saved = list(families.saved.values())
    assert sorted(str(vendor.owner(one)) for one in saved) == sorted(PEOPLE)
    assert [vendor.is_newest(one) for one in saved] == [True] * len(PEOPLE)
