"""The values that flow through the program: frozen, without behaviour that needs I/O or a clock.

Times are aware and in UTC. A digest is the full SHA-256 of a secret in hex.
"""

from __future__ import annotations

from rotator.model.account import (
    SPENT_ELSEWHERE,
    Account,
    AccountState,
    Doubt,
    Limit,
    RestState,
)
from rotator.model.credential import (
    NOBODY,
    NOTHING,
    AccountId,
    Credential,
    CredentialType,
    Descent,
    Digest,
    Identity,
    Replaced,
)
from rotator.model.event import Event, EventKind
from rotator.model.fault import EarlierFault, Fault, FaultKind
from rotator.model.home import HomeName, Standing
from rotator.model.signal import (
    EVERYTHING,
    Finding,
    Meaning,
    Reach,
    Route,
    Scope,
    Signal,
    Source,
    Verdict,
    VerdictKind,
)
from rotator.model.state import Choice, PendingRefresh, Slot, State, SwapMark, Tenure
from rotator.model.usage import Balance, Snapshot, Window

__all__ = [
    "EVERYTHING",
    "NOBODY",
    "NOTHING",
    "SPENT_ELSEWHERE",
    "Account",
    "AccountId",
    "AccountState",
    "Balance",
    "Choice",
    "Credential",
    "CredentialType",
    "Descent",
    "Digest",
    "Doubt",
    "EarlierFault",
    "Event",
    "EventKind",
    "Fault",
    "FaultKind",
    "Finding",
    "HomeName",
    "Identity",
    "Limit",
    "Meaning",
    "PendingRefresh",
    "Reach",
    "Replaced",
    "RestState",
    "Route",
    "Scope",
    "Signal",
    "Slot",
    "Snapshot",
    "Source",
    "Standing",
    "State",
    "SwapMark",
    "Tenure",
    "Verdict",
    "VerdictKind",
    "Window",
]
