"""A failed request: what came, what it means, what the bridge is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from rotator.model.credential import NOTHING, Digest
from rotator.model.fault import Fault
from rotator.model.home import HomeName


class Source(StrEnum):
    """Where a signal came from."""

    BRIDGE = "bridge"
    LOG = "log"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Signal:
    """Evidence that a request of an account failed, as design calls it.

    `credential` is the digest of what the request carried (None for a log line, which does not
    say). `tried` are the digests that this request has used before, itself included.

    `left` are the providers that the turn has left already. A request that is `aside` is beside
    the turn (a title, a summary). With `waited` nothing new has failed: a wait that a verdict
    asked for is over, and the question is asked anew. `opencode` is the kind of opencode that
    asks (`run`, `serve`, `web` or `tui`). `host` is where the request went, if that is known: a
    vendor is known by it under any provider id. `home` is where the opencode that sent it has its
    logins. With `answered` nothing has failed: a model has
    answered a request that was sent at `sent_at`. With a `fault` the answer's status was good, and
    there is none here. It is `unproven` where somebody else had the request in hand and the bridge
    did not see what credential it was sent with.
    """

    id: str
    at: datetime
    provider: str
    source: Source
    credential: Digest | None = None
    request: str = ""
    attempt: int = 1
    model: str | None = None
    session: str | None = None
    tried: tuple[Digest, ...] = ()
    status: int | None = None
    error: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING, repr=False)
    body: str = field(default="", repr=False)
    left: tuple[str, ...] = ()
    aside: bool = False
    waited: bool = False
    opencode: str | None = None
    host: str | None = None
    fault: Fault | None = None
    answered: bool = False
    sent_at: datetime | None = None
    home: HomeName = HomeName.AUTH_FILE
    unproven: bool = False


class Meaning(StrEnum):
    """What a failed answer says about the account that asked."""

    SHORT_LIMIT = "short_limit"
    EXHAUSTED = "exhausted"
    LOGIN_DEAD = "login_dead"
    BILLING = "billing"
    OVERLOAD = "overload"
    # The answer refuses another account's reasoning or item ids; it blames nobody.
    FOREIGN_HISTORY = "foreign_history"
    NOT_OURS = "not_ours"


class Reach(StrEnum):
    """Who is limited together by one limit."""

    ACCOUNT = "account"
    # All accounts of one `Identity.group`.
    GROUP = "group"
    # All accounts of the provider, as by a limit on the address that asks.
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a limit is counted for: some models, or (None) every one; and for whom together."""

    model: str | None = None
    reach: Reach = Reach.GROUP


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Finding:
    """The meaning of a failure, until when it holds if the answer says so, and why we think so.

    `scope` is what a limit is counted for. `is_uncounted`: what its vendor tells of usage does not
    show it.
    """

    meaning: Meaning
    reason: str
    until: datetime | None = None
    scope: Scope = EVERYTHING
    is_uncounted: bool = False


class VerdictKind(StrEnum):
    """What the bridge shall do with a failed request."""

    ACK = "ack"
    RETRY = "retry"
    WAIT = "wait"
    PASS = "pass"
    REROUTE = "reroute"


@dataclass(frozen=True, slots=True)
class Route:
    """A provider and one of its models, by opencode's ids."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """`provider/model`, as opencode names a model."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one signal.

    `to` is where a turn goes on that is rerouted. `note` is what the person before opencode is
    told of it, or of a wait: one sentence. `end` is the sentence that an answer shall fail with
    whose end is held. `slot` is where the credential stands, in a home with several.
    """

    kind: VerdictKind
    credential: Digest | None = None
    drop: Literal["reasoning"] | None = None
    wait_ms: int = 0
    to: Route | None = None
    note: str | None = None
    end: str | None = None
    slot: str | None = None
