"""Logins of every type, how their vendors refuse them, and what these tell of usage."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rotator.clock import to_iso
from rotator.secret import digest_of
from tests.support.provider_answers import Answer
from tests.support.vendor import Asked

Entry = dict[str, Any]
Failure = tuple[int, Mapping[str, str], object]
SITE = "https://login.acme.example"


def oauth(name: str, **more: object) -> Entry:
    """Return a login whose access token has an hour to live."""
    return {
        "type": "oauth",
        "access": f"ACC-CANARY-{name}",
        "refresh": f"REF-CANARY-{name}",
        "expires": int((time.time() + 3600) * 1000),
        **more,
    }


def api(name: str) -> Entry:
    """Return an API key."""
    return {"type": "api", "key": f"KEY-CANARY-{name}"}


def wellknown(name: str) -> Entry:
    """Return a token of a site of the user's own."""
    return {"type": "wellknown", "key": "ACME_TOKEN", "token": f"TOK-CANARY-{name}"}


def copilot(name: str) -> Entry:
    """Return a login that is one token for ever."""
    return {"type": "oauth", "access": f"gho_CANARY{name}", "refresh": f"gho_CANARY{name}"} | {
        "expires": 0
    }


def shared(name: str) -> Entry:
    """Return a ChatGPT login that shares its tokens with the program that made it."""
    return oauth(f"shared-{name}", metadata={"clientID": f"oaiapp_{name}"})


def digest(entry: Entry) -> str:
    """Return how the bridge names an entry's credential."""
    return digest_of(entry.get("key" if entry["type"] == "api" else "access") or entry["token"])


# -- how each vendor refuses, as it documents it ------------------------------------------------


def go_limit(at: datetime, until: datetime) -> Failure:
    error = {"type": "GoUsageLimitError", "message": "5-hour usage limit reached."}
    told = {"type": "error", "error": error, "metadata": {"limitName": "5 hour"}}
    return 429, {"retry-after": seconds(at, until)}, told


def unpaid(_: datetime, __: datetime) -> Failure:
    return 402, {}, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}


def plan_limit(at: datetime, until: datetime) -> Failure:
    error = {"type": "usage_limit_reached", "message": "The usage limit has been reached"}
    told = {"resets_at": int(until.timestamp()), "resets_in_seconds": int(seconds(at, until))}
    return 429, {}, {"error": error | told}


def claude_limit(at: datetime, until: datetime) -> Failure:
    unified = "anthropic-ratelimit-unified"
    reset = str(int(until.timestamp()))
    headers = {f"{unified}-status": "rejected", f"{unified}-representative-claim": "five_hour"}
    headers |= {f"{unified}-5h-status": "rejected", f"{unified}-5h-reset": reset}
    headers |= {f"{unified}-reset": reset, "retry-after": seconds(at, until)}
    error = {"type": "rate_limit_error", "message": "This request would exceed your limit."}
    return 429, headers, {"type": "error", "error": error}


def plain_limit(at: datetime, until: datetime) -> Failure:
    return 429, {"retry-after": seconds(at, until)}, "too many requests\n"


def sharing_limit(at: datetime, until: datetime) -> Failure:
    error = {"code": "rate_limit_exceeded", "message": "Too many requests"}
    return 429, {"retry-after": seconds(at, until)}, {"error": error}


def seconds(at: datetime, until: datetime) -> str:
    return str(math.ceil((until - at).total_seconds()))


# -- what each vendor tells of usage ------------------------------------------------------------


def later(hours: float) -> datetime:
    return (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)


def whose(asked: Asked) -> str:
    """Return whose credential a question carries."""
    return "used" if "used" in asked.headers["authorization"] else "spare"


def go_usage(asked: Asked) -> Answer:
    parts = {"rolling": (4, 3), "weekly": (39, 90), "monthly": (70, 500)}
    usage = {
        name: {"status": "ok", "percent": percent, "resetsAt": to_iso(later(hours))}
        for name, (percent, hours) in parts.items()
    }
    return Answer(body={"workspaceID": f"wrk_{whose(asked)}", "userID": "usr", "usage": usage})


def chatgpt_usage(asked: Asked) -> Answer:
    window = {"used_percent": 22, "limit_window_seconds": 18_000}
    window["reset_at"] = int(later(2).timestamp())
    limits = {"allowed": True, "limit_reached": False, "primary_window": window}
    who = {"user_id": f"user-{whose(asked)}", "account_id": f"acct-{whose(asked)}"}
    return Answer(body={**who, "plan_type": "plus", "rate_limit": limits})


def claude_usage(_: Asked) -> Answer:
    windows = {"five_hour": {"utilization": 33.0, "resets_at": to_iso(later(2))}}
    return Answer(body=windows | {"seven_day": {"utilization": 20.0, "resets_at": None}})


def copilot_usage(asked: Asked) -> Answer:
    premium = {"entitlement": 300, "remaining": 75, "percent_remaining": 25.0}
    premium |= {"unlimited": False, "overage_permitted": False}
    told = {"login": whose(asked), "copilot_plan": "individual"}
    reset = {"quota_reset_date_utc": to_iso(later(100))}
    return Answer(body={**told, **reset, "quota_snapshots": {"premium_interactions": premium}})


def balance(amount: str) -> Answer:
    info = {"currency": "USD", "total_balance": amount, "granted_balance": "0.00"}
    told = [info | {"topped_up_balance": amount}]
    return Answer(body={"is_available": float(amount) > 0, "balance_infos": told})


# -- the logins ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Login:
    """A type of login, how its vendor refuses one of them, and what is to come of it.

    With `is_out` the spare one was never in auth.json and its access token has run out;
    `renewed` is what it gets instead, where it gets anything.
    """

    provider: str
    make: Callable[[str], Entry]
    failure: Callable[[datetime, datetime], Failure]
    state: str
    usage: Mapping[str, float]
    house: str = "one"
    is_out: bool = False
    renewed: str | None = None
    is_told_until: bool = True
    credit: str | None = None
    why_not: str | None = None

    @property
    def used(self) -> Entry:
        """The login that meets its limit."""
        return self.make(f"{self._name}-used")

    @property
    def spare(self) -> Entry:
        """The one that takes over."""
        entry = self.make(f"{self._name}-spare")
        return entry | {"expires": int((time.time() - 60) * 1000)} if self.is_out else entry

    @property
    def sent_again_with(self) -> str | None:
        """The digest of what the failed request is sent with again; None: opencode gets it."""
        if self.is_out:
            return digest_of(self.renewed) if self.renewed else None
        return digest(self.spare)

    @property
    def _name(self) -> str:
        return self.provider.rpartition("/")[2]


LOGINS = {
    "a key with windows": Login(
        "opencode-go", api, go_limit, "exhausted", {"5h": 0.04, "7d": 0.39, "month": 0.7}
    ),
    "a key with a balance": Login(
        "deepseek", api, unpaid, "exhausted", {}, is_told_until=False, credit="110.00"
    ),
    "a login that we refresh": Login(
        *("openai", oauth, plan_limit, "exhausted", {"5h": 0.22}),
        is_out=True,
        renewed="ACC-CANARY-openai-spare-2",
    ),
    "a login that nobody refreshes": Login(
        "anthropic", oauth, claude_limit, "exhausted", {"5h": 0.33, "7d": 0.2}, is_out=True
    ),
    "a login that is one token": Login(
        "github-copilot", copilot, plain_limit, "cooling", {"month": 0.75}
    ),
    "a login that shares its tokens": Login(
        *("openai", shared, sharing_limit, "cooling", {}),
        house="two",
        why_not="a login that shares its tokens tells nothing of its usage",
    ),
    "a token of one's own site": Login(
        *(SITE, wellknown, plain_limit, "cooling", {}),
        why_not=f"{SITE} does not tell the usage of a login, as far as is known here",
    ),
}
