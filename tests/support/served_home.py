"""What our program does in a HOME whose OpenCode 2 runs, for tests that kill it.

The server is a real one and lives on, so nothing is put back: a test does that between two
deaths by OpenCode's own means.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from rotator.core.logins.aliases import split_name
from rotator.live.homes import switch
from rotator.live.swap import SwapRequest
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.database.home import DatabaseHome
from rotator.secret import Secret
from rotator.services.accounts import add
from rotator.services.rotate import find_account
from rotator.services.sync import sync
from tests.support.interrupted import Count
from tests.support.live import Entry, Live, open_live


def activate(live: Live) -> None:
    """Let the server switch to the first account."""
    account = find_account(live.state, *split_name("mock/a"))
    switch(live.context, DatabaseHome(live.paths), SwapRequest(account.id, "a test"))


def put(live: Live) -> None:
    """Put the account in that stands nowhere, and let the server switch to it."""
    account = find_account(live.state, *split_name("mock/parked"))
    switch(live.context, DatabaseHome(live.paths), SwapRequest(account.id, "a test"))


def update(live: Live) -> None:
    """Take in what auth.json has newer, and put it into the row."""
    sync(live.context)


_DATABASE = "/rotator/opencode/database/"
_PLACES = ("/rotator/live/homes.py", "/http/client.py", "/socket.py")
SCENES: dict[str, Callable[[Live], None]] = {"activate": activate, "put": put, "update": update}


def park(live: Live, entry: Entry) -> None:
    """Keep a key that stands nowhere."""
    credential = parse_entry("mock", Secret(json.dumps(entry)))
    add(live.context, "mock", credential, alias="parked", activate=False)


def play(home: Path, what: str, count: Count | None) -> None:
    """Go through the scene of that name, with a profile function for what is done in it."""
    sys.setprofile(None if count is None else _about_the_database(count))
    with open_live(home) as live:
        SCENES[what](live)
    sys.setprofile(None)


def _about_the_database(count: Count) -> Count:
    """Return what counts the steps with OpenCode's database, and with its server, alone."""

    def counted(frame: FrameType, event: str, called: Any) -> None:
        if frame.f_code.co_filename.endswith(_PLACES) or _DATABASE in frame.f_code.co_filename:
            count(frame, event, called)

    return counted


def is_held(_home: Path, _what: str) -> bool:
    """Nobody looks into files of a server that writes them."""
    return True
