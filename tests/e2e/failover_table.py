"""The cases of a failover that opencode 1 and OpenCode 2 have in common, as data.

What there is in one of them alone says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ONE, TWO = "opencode 1", "OpenCode 2"
SIDES = (ONE, TWO)
HOUR = {"retry-after": "3600"}
HELLO = "Hello from account two."

KEY, CHATGPT = "key", "ChatGPT"
BILLING = {"error": {"message": "Your credit balance is too low.", "type": "billing_error"}}
_LIMITED = {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}
_DEAD = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
_SPENT = {
    "error": {
        "type": "usage_limit_reached",
        "message": "The usage limit has been reached",
        "resets_in_seconds": 3600,
    }
}


@dataclass(frozen=True, slots=True)
class Refused:
    """How the live login is refused, and how it stands afterwards."""

    name: str
    status: int
    state: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


# Another login helps with these: it answers the same request.
SURVIVED = (
    Refused("429", 429, "cooling", _LIMITED, HOUR),
    Refused("402", 402, "exhausted", BILLING),
    Refused("500", 500, "ready"),
    Refused("503", 503, "ready"),
    Refused("529", 529, "ready"),
    Refused("dead-key", 401, "rejected", _DEAD),
)
CHATGPT_SURVIVED = (
    Refused("429", 429, "exhausted", _SPENT),
    # A login with tokens is dead where its refresh is refused: test_refused_refreshes.py.
    *(one for one in SURVIVED if one.name not in {"429", "dead-key"}),
)
# Nobody else is asked because of these.
PLAIN = (401, 403, 404)
GONE = ("none", "killed", "stopped")


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a person asks, and in which of the two there is none."""

    name: str
    lacking: Mapping[str, str] = field(default_factory=dict)


WAYS = (
    # In OpenCode 2 with its background service, in opencode 1 with a server inside of it.
    Way("run"),
    # A client of `serve`.
    Way("attached", {ONE: "1.18.33's `run --attach` prints no answer, whatever is asked"}),
    Way("standalone", {ONE: "its `run` has no other server than one of its own"}),
)
ASKED = [(side, way.name) for side in SIDES for way in WAYS if side not in way.lacking]


def place(*words: object) -> str:
    """Return the name of the provider that a case has for itself."""
    return "-".join(str(word) for word in words)


# Whom each case logs in at: the last one is live.
LOGINS: Mapping[str, str] = {
    **{place("case", one.name): "ba" for one in SURVIVED},
    **{place("plain", status): "ba" for status in PLAIN},
    **{place("gone", how): "ba" for how in GONE},
    **{place("way", way.name): "ba" for way in WAYS},
    **dict.fromkeys(("tools", "titles", "both", "off", "within", "many", "mock"), "ba"),
    "three": "cba",
    "left": "a",
    "elsewhere": "c",
}
