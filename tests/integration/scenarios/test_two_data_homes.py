"""Two data homes of one person, who moves XDG_DATA_HOME alone: both bridges use one folder.

What a bridge tells of tokens is for the store of its own home, whoever looks first.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.context import open_context
from rotator.errors import RotatorError
from rotator.model import Digest
from rotator.model.preferences import Preferences
from rotator.plugins.registry import Registry
from rotator.secret import digest_of
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import sync
from rotator.system.paths import find_paths
from tests.support.descents import seen_login, seen_refresh, write
from tests.support.home import places
from tests.support.household import Household
from tests.support.live import REGISTRY, HandClock, Live, oauth, oauth_until, open_live
from tests.support.renewing import RENEWING, Vendor
from tests.support.rotator_process import PROGRAM, rotator

MINUTE = timedelta(minutes=1)
WORK = "work-data"
OLD, NEW = oauth("ada"), oauth("ada", 2)


def at_work(home: Path) -> dict[str, str]:
    return places(home) | {"XDG_DATA_HOME": str(home / WORK)}


@contextlib.contextmanager
def open_work(home: Path, clock: HandClock, registry: Registry = REGISTRY) -> Iterator[Live]:
    """Open the store of the other data home."""
    with open_context(
        find_paths(at_work(home)), clock=clock, registry=registry, preferences=Preferences
    ) as context:
        yield Live(context, clock)


def look_at_work(home: Path, live: Live, registry: Registry = REGISTRY) -> None:
    with open_work(home, live.clock, registry) as work:
        assert work.paths.bridge == live.paths.bridge
        sync(work.context)


def knows(live: Live) -> bool:
    """Tell whether the store knows what came for the first token, and that it is spent."""
    is_spent = live.context.store.was_exchanged(Digest(digest_of(OLD["refresh"])))
    descent = live.context.store.descent(Digest(digest_of(NEW["refresh"])))
    assert is_spent is (descent is not None)
    return is_spent


@pytest.mark.parametrize("minutes_left", [-1, 300])
def test_a_spent_token_is_not_used_though_another_home_has_looked(
    home: Path, minutes_left: int
) -> None:
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        ada = oauth_until("ada", 1, live.clock.now + minutes_left * MINUTE)
        live.sees({RENEWING: ada})
        live.sees({RENEWING: oauth_until("bob", 1, live.clock.now + 600 * MINUTE)})
        live.clock.pass_time(minutes=5)
        seen_refresh(live, ada, oauth_until("ada", 2, live.clock.now + 60 * MINUTE))

        look_at_work(home, live, vendor.registry())
        sync(live.context)
        with contextlib.suppress(RotatorError):
            plan = plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
            rotate(live.context, plan)

        assert vendor.asked == []
        assert live.entries()[RENEWING]["refresh"] != ada["refresh"]


@pytest.mark.parametrize("looks", [True, False])
def test_a_copied_login_that_was_refreshed_in_the_other_home_is_not_used_here(
    home: Path, *, looks: bool
) -> None:
    """Sent once more its token would end the newer login; what is of no login here is left."""
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        ada = oauth_until("ada", 1, live.clock.now - MINUTE)
        live.sees({RENEWING: ada})
        live.sees({RENEWING: oauth_until("bob", 1, live.clock.now + 600 * MINUTE)})
        work = find_paths(at_work(home))
        told = seen_refresh(work, ada, oauth_until("ada", 2, live.clock.now + 60 * MINUTE))
        of_nobody = seen_refresh(work, oauth("eve"), oauth("eve", 2))

        if looks:
            live.look()
            ended = live.account(f"{RENEWING}/ada-acme.example")
            assert "exchanged for new tokens" in str(ended.why_login_at(live.clock.now))
        with contextlib.suppress(RotatorError):
            plan = plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
            rotate(live.context, plan)

        assert vendor.asked == []
        assert live.entries()[RENEWING]["refresh"] != ada["refresh"]
        assert (told.exists(), of_nobody.exists()) == (True, True)
        assert live.context.store.descent(Digest(digest_of("REF-CANARY-eve-2"))) is None


@pytest.mark.parametrize("what", ["refresh", "login"])
def test_a_refresh_is_one_and_a_login_is_one_though_another_home_has_looked(
    home: Path, what: str
) -> None:
    is_login = what == "login"
    with open_live(home) as live:
        before = oauth_until("ada", 1, live.clock.now + (5 if is_login else 30) * MINUTE)
        live.sees({"rotating": before})
        live.clock.pass_time(minutes=6 if is_login else 5)
        after = oauth_until("x", 2, live.clock.now + 60 * MINUTE)
        if is_login:
            seen_login(live, after)
        else:
            seen_refresh(live, before, after)

        look_at_work(home, live)
        live.sees({"rotating": after})

        rows = [row.credential.secret.reveal() for row in live.state.of("rotating")]
        assert rows == ([before["access"]] if is_login else []) + [after["access"]]
        assert not any(row.unproven or row.doubts for row in live.state.of("rotating"))


def test_each_home_takes_in_its_own_and_leaves_the_other_s(home: Path) -> None:
    with open_live(home) as live, open_work(home, live.clock) as work:
        of_work = seen_refresh(work.paths, OLD, NEW)
        refused = write(work.paths, {"grant": "refresh", "from": None, "to": [], "ok": False})
        newer = write(work.paths, {"schema": 2})
        live.look()
        assert (knows(live), knows(work)) == (False, False)
        assert all(path.exists() for path in (of_work, refused, newer))

        work.look()

        assert (knows(live), knows(work)) == (False, True)
        assert list(of_work.parent.iterdir()) == []


@pytest.mark.parametrize("named", [None, 7, "", "auth.json", "/a\0b", "/\ud800/opencode/auth.json"])
def test_a_file_that_names_no_home_is_for_each_until_it_is_old(home: Path, named: Any) -> None:
    """An older bridge names none."""
    with open_live(home) as live, open_work(home, live.clock) as work:
        told = seen_refresh(live, OLD, NEW, auth_file=named)
        refused = seen_refresh(live, OLD, NEW, auth_file=named, ok=False)

        for one in (live, work, live):
            one.look()
            # A refusal is for a watcher, for a while.
            assert (knows(one), told.exists(), refused.exists()) == (True, True, True)
        live.clock.pass_time(days=29)
        live.look()
        assert (told.exists(), refused.exists()) == (True, False)
        live.clock.pass_time(days=2)
        work.look()

        assert not told.exists()


def test_what_stays_for_another_home_is_written_down_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_live(home) as live:
        seen_refresh(live, OLD, NEW, auth_file=None)
        seen_login(live, oauth("bob"), auth_file=str(home / WORK / "opencode" / "auth.json"))
        live.look()
        monkeypatch.delattr("rotator.storage.tables.descents.Descents.note_descents")

        live.look()

        assert knows(live)


@pytest.mark.parametrize("linked", ["the data home", "the folder above", "a way with dots"])
def test_a_home_is_the_same_whichever_way_leads_to_it(home: Path, linked: str) -> None:
    with open_live(home) as live:
        data = live.paths.auth_file.parents[1]
        if linked == "the data home":
            (home / "link").symlink_to(data)
            way = home / "link"
        elif linked == "the folder above":
            (home / "link").symlink_to(data.parent)
            way = home / "link" / data.name
        else:
            way = data / ".." / data.name
        told = seen_refresh(live, OLD, NEW, auth_file=str(way / "opencode" / "auth.json"))

        live.look()

        assert (knows(live), told.exists()) == (True, False)


def test_what_an_opencode_tells_whose_auth_json_is_a_link_to_ours_is_ours_too(home: Path) -> None:
    """The home that the link is in may have a store of its own."""
    with open_live(home) as live, open_work(home, live.clock) as work:
        work.paths.auth_file.parent.mkdir(parents=True)
        work.paths.auth_file.symlink_to(live.paths.auth_file)
        told = seen_refresh(work.paths, OLD, NEW)

        live.look()
        assert (knows(live), told.exists()) == (True, True)
        work.look()

        assert (knows(work), told.exists()) == (True, False)


@pytest.mark.parametrize("words", ["status", "accounts", "usage"])
def test_a_command_of_another_home_leaves_what_is_told_of_tokens(home: Path, words: str) -> None:
    house = Household(home)
    house.write_auth({"acme": {"type": "api", "key": "KEY-CANARY"}})
    rotator(house, "accounts")
    told = seen_refresh(find_paths(house.env()), OLD, NEW)

    env = house.env() | {"XDG_DATA_HOME": str(home / WORK)}
    subprocess.run([*PROGRAM, words], env=env, capture_output=True, timeout=60, check=False)
    assert (home / WORK / "opencode-rotator" / "rotator.sqlite").exists()
    assert told.exists()

    rotator(house, "accounts")
    assert not told.exists()
