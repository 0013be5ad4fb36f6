"""A made-up vendor that tells the usage of an account, and what it says in its headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rotator.errors import LoginRejected, ProviderUnavailable, RateLimited
from rotator.model import Balance, Credential, Identity, Snapshot, Window
from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest, Reading
from rotator.secret import Secret
from tests.support.renewing import Renewing, Vendor, says

TELLING = "telling"
HEADER = "x-ratelimit-used"


@dataclass(frozen=True)
class Telling(Renewing):
    """Asks one question about an account; a key that ends in `mute` cannot be asked about."""

    ids: tuple[str, ...] = (TELLING,)
    usage_pause_seconds: float = 0

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return why a mute key cannot be asked about."""
        return "a mute key tells nothing" if credential.secret.reveal().endswith("mute") else None

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Ask, and read what the vendor below says."""
        headers = {"authorization": Secret(f"Bearer {credential.secret.reveal()}")}
        answer = yield HttpRequest("GET", "https://vendor.example/usage", headers)
        if answer.status == 401:
            raise LoginRejected("telling does not accept the login")
        if answer.status == 429:
            raise RateLimited("telling was asked too often", retry_at=now + timedelta(hours=1))
        if answer.status >= 500:
            raise ProviderUnavailable("telling answers 503", sent=True)
        said = json.loads(answer.body.reveal())
        windows = tuple(
            Window(name, used, datetime.fromtimestamp(resets_at, UTC), model=model)
            for name, used, resets_at, model in said["windows"]
        )
        balance = said.get("balance")
        return Snapshot(
            now,
            windows,
            balance=Balance(Decimal(balance), "USD") if balance else None,
            plan=said.get("plan"),
            identity=Identity(label=said.get("who"), group=said.get("group")),
            complete=said.get("complete", False),
        )

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return the one window that an answer's headers name."""
        used = headers.get(HEADER)
        return None if used is None else Snapshot(now, (Window("5h", float(used)),))


@dataclass
class Teller:
    """Answers questions about usage by the key that they carry, and refreshes as `Vendor` does."""

    told: dict[str, Callable[[], HttpAnswer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: Vendor = field(default_factory=Vendor)

    def __call__(self, request: HttpRequest) -> HttpAnswer:
        if request.method == "POST":
            return self.tokens(request)
        header = request.headers["authorization"]
        assert isinstance(header, Secret)
        key = header.reveal().removeprefix("Bearer ")
        self.asked.append(key)
        return self.told[key]()

    def tells(self, key: str, *windows: object, **more: object) -> None:
        """Let the vendor say this of a key from now on."""
        self.told[key] = lambda: says(200, windows=windows, **more)

    def refuses(self, key: str, status: int) -> None:
        """Let the vendor refuse questions about a key."""
        self.told[key] = lambda: says(status)

    def registry(self, module: Telling | None = None) -> Registry:
        """Return the registry that has the vendor's module and asks this vendor."""
        return Registry({TELLING: module or Telling()}, send=self)
