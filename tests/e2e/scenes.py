"""What most end-to-end tests begin with: two logins that the watcher has captured, a bridge.

The logins are made as opencode makes them, one after the other in auth.json; nothing is put
into the store behind the program's back.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import accounts, events, rotator
from tests.support.waiting import wait_until

A, B, C = "KEY-CANARY-A", "KEY-CANARY-B", "KEY-CANARY-C"
CAPTURE_SECONDS = 10.0

Entry = Mapping[str, object]


def api(key: str) -> Entry:
    """Return an entry of auth.json for an API key."""
    return {"type": "api", "key": key}


def login(name: str, *, expires_in_seconds: float = 3600) -> Entry:
    """Return an entry of auth.json for a ChatGPT login whose tokens are opaque."""
    return {
        "type": "oauth",
        "access": f"ACC-CANARY-{name}",
        "refresh": f"REF-CANARY-{name}",
        "expires": int((time.time() + expires_in_seconds) * 1000),
        "accountId": f"acct-{name}",
    }


def log_in(house: Household, provider: str, *entries: Entry) -> None:
    """Log in with `entries`, each captured before the next one; the last stays live."""
    for count, entry in enumerate(entries, start=1):
        house.write_auth({**house.read_auth(), provider: dict(entry)})
        wait_for_accounts(house, provider, count)


def wait_for_accounts(house: Household, provider: str, count: int) -> None:
    """Wait until the provider has that many accounts."""
    what = f"login {count} of {provider} to be captured"
    wait_until(lambda: len(of(house, provider)) == count, CAPTURE_SECONDS, what)


def of(house: Household, provider: str) -> list[dict[str, Any]]:
    """Return the provider's accounts, in the order in which they were captured."""
    found = [a for a in accounts(house) if a["provider"] == provider]
    return sorted(found, key=lambda a: a["captured_at"])


def states(house: Household, provider: str = "mock") -> list[str]:
    """Return the states of the provider's accounts, in the order in which they were captured."""
    return [a["state"] for a in of(house, provider)]


def kinds(house: Household) -> list[str]:
    """Return the kinds of the events so far, oldest first."""
    return [event["kind"] for event in events(house)]


def of_kind(house: Household, kind: str) -> list[dict[str, Any]]:
    """Return the events of one kind, oldest first."""
    return [event for event in events(house) if event["kind"] == kind]


def install_bridge(house: Household) -> None:
    """Install the bridge as a user does."""
    assert rotator(house, "bridge", "install").code == 0


def stream_errors(house: Household) -> Sequence[str]:
    """Return the lines of opencode's log that say that a request failed."""
    text = house.log_file.read_text() if house.log_file.exists() else ""
    return [line for line in text.splitlines() if "stream error" in line]


class HeldXaiRequest:
    """A request with xai's login A that is under way until it is let go, and refused then."""

    def __init__(self, house: Household, provider: LoopbackProvider) -> None:
        """Let xai's requests go to `provider`."""
        file = house.config_folder / "opencode.json"
        config = json.loads(file.read_text())
        config["provider"]["xai"] = {"options": {"baseURL": f"{provider.url}/v1"}}
        file.write_text(json.dumps(config))
        self.is_asked, self.may_end = threading.Event(), threading.Event()
        provider.answer(self._answer, key="ACC-CANARY-A", title=False)

    def _answer(self, _: Request) -> Answer:
        self.is_asked.set()
        self.may_end.wait(30)
        return refusal(429, {"error": {"message": "Rate limit reached"}}, {"retry-after": "3600"})
