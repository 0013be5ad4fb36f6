"""How long a failed request waits for a first word while the watcher has a flood to work off."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rotator.clock import to_iso
from rotator.secret import digest_of
from rotator.system.files import publish
from tests.bench.figures import Figure
from tests.e2e.scenes import api
from tests.support.household import Household
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

LINES, FILES = 20_000, 5_000
# A promise, whatever the machine is busy with: a bridge waits a quarter of a second.
AIM_MS = 300
_EVERY_SECONDS = 0.2
_WARM_UP = 3
_WORD_SECONDS = 60.0
_LINE = (
    'timestamp={at} level=ERROR run=fffa7f6d message="stream error" providerID=mock'
    " modelID=m1 session.id=ses_{number} small=false agent=build mode=primary"
    ' error.error="AI_APICallError: Rate limit reached"\n'
)


def first_word(home: Path, rounds: int, *, lines: int = LINES, files: int = FILES) -> list[Figure]:
    """Measure from a failure in the inbox to the answer, without a flood and during each kind."""
    house = Household(home)
    for key in ("KEY-CANARY-A", "KEY-CANARY-B"):
        house.write_auth({"mock": api(key)})
        assert rotator(house, "accounts").code == 0
    floods: dict[str, Callable[[], None]] = {
        "without a flood": lambda: None,
        f"during {lines} lines of opencode's log": lambda: _log(house, lines),
        f"during {files} files in the inbox": lambda: _fill_inbox(house, files),
        f"during {files} files of bridges": lambda: _fill_present(house, files),
    }
    figures = []
    for name, begin in floods.items():
        with watcher(house):
            for number in range(_WARM_UP):
                first_word_of(house, f"warm-{number}")
            begin()
            values = [first_word_of(house, f"s-{number}") for number in range(rounds)]
        figures.append(Figure(f"first word, {name}", values, AIM_MS, AIM_MS))
    return figures


def first_word_of(house: Household, signal: str) -> float:
    """Tell of a failure, and return after how many milliseconds something was answered."""
    time.sleep(_EVERY_SECONDS)
    digest = digest_of("KEY-CANARY-A")
    told = {
        "schema": 1,
        "id": signal,
        "request": signal,
        "attempt": 1,
        "at": to_iso(datetime.now(UTC)),
        "provider": "mock",
        "session": "ses_1",
        "credential": digest,
        "tried": [digest],
        "status": 429,
        "headers": {"retry-after": "3600"},
        "body": "",
    }
    answer = house.state_dir / "bridge" / "outbox" / f"{signal}.json"
    began = time.perf_counter()
    publish(house.state_dir / "bridge" / "inbox" / f"{signal}.json", json.dumps(told).encode())
    wait_until(answer.exists, _WORD_SECONDS, "a first word", poll_seconds=0.001)
    took = (time.perf_counter() - began) * 1000
    answer.unlink()
    return took


def _log(house: Household, lines: int) -> None:
    now = to_iso(datetime.now(UTC))
    house.log_file.parent.mkdir(parents=True, exist_ok=True)
    with house.log_file.open("a") as log:
        log.writelines(_LINE.format(at=now, number=number) for number in range(lines))


def _fill_inbox(house: Household, files: int) -> None:
    inbox, now = house.state_dir / "bridge" / "inbox", to_iso(datetime.now(UTC))
    for number in range(files):
        note = f"n-{number}"
        told = {
            "schema": 1,
            "kind": "failed",
            "id": note,
            "at": now,
            "session": f"ses_{number}",
            "provider": "mock",
            "model": "m1",
            "key": "unknown",
        }
        (inbox / f"{note}.json").write_text(json.dumps(told), "utf-8")


def _fill_present(house: Household, files: int) -> None:
    for number in range(files):
        (house.state_dir / "bridge" / "present" / f"{number + (1 << 23)}.json").write_text("{}")
    # Whoever runs an opencode without the bridge is looked for.
    _log(house, 1)
