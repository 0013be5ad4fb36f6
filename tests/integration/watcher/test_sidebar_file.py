"""glance.json: what opencode's sidebar shows is there as long as a watcher runs."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from rotator.model import Event, EventKind
from rotator.watcher.sidebar_file import publish_sidebar, remove_sidebar
from tests.support.household import Household
from tests.support.live import api, open_live
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

SECONDS = 10.0


def shown(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"providers": []}
    return value


def live_aliases(file: Path) -> list[str]:
    return [p["accounts"][0]["alias"] for p in shown(file)["providers"]]


def test_a_watcher_publishes_every_change_at_once_and_nothing_after_its_end(home: Path) -> None:
    house = Household(home)
    file = house.state_dir / "glance.json"

    with watcher(house):
        house.write_auth({"acme": api("a")})
        wait_until(lambda: live_aliases(file) == ["acme-1"], SECONDS, "the login to be shown")
        house.write_auth({"acme": api("b")})
        wait_until(lambda: live_aliases(file) == ["acme-2"], SECONDS, "the other login")
        assert rotator(house, "rotate", "acme", "acme-1").code == 0
        wait_until(lambda: live_aliases(file) == ["acme-1"], SECONDS, "the swap to be shown")
        assert rotator(house, "balance", "off").code == 0
        wait_until(lambda: shown(file)["balancing"] is False, SECONDS, "balancing to be off")
        mode, text = stat.S_IMODE(file.stat().st_mode), file.read_text()

    assert (mode, file.exists()) == (0o600, False)
    assert "CANARY" not in text


def test_what_happened_is_in_it(home: Path) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        now = live.context.clock()
        event = Event(now, EventKind.REJECTED, "acme", "acme/acme-1", why="401")
        live.context.record([event])

        publish_sidebar(live.context)

        (told,) = shown(live.paths.glance)["events"]
        assert (told["kind"], told["title"]) == ("rejected", "acme/acme-1 needs a login")
        remove_sidebar(live.paths)
        assert not live.paths.glance.exists()


def test_a_place_that_cannot_be_written_disturbs_nobody(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_live(home) as live, caplog.at_level(logging.WARNING):
        live.paths.glance.mkdir(parents=True)

        publish_sidebar(live.context)
        remove_sidebar(live.paths)

    assert "opencode's sidebar was told nothing" in caplog.text
