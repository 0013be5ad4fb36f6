"""The modules that are broken: what writes auth.json, keeps the store, refreshes, fails over."""

from __future__ import annotations

_LIVE = (
    "capture",
    "clock_change",
    "generations",
    "late_logins",
    "ownership",
    "rebuild",
    "swap",
    "unclaimed",
    "opencode/authfile",
    "opencode/authwrite",
    "opencode/inplace",
    "opencode/journal",
    "opencode/lease",
    "opencode/replaced",
)
_STORAGE = (
    "atomic",
    "backups",
    "copies",
    "damaged",
    "database",
    "lock",
    "mending",
    "rows",
    "salvage",
    "sealing",
    "seals",
    "soundness",
    "store",
    "store_losses",
    "store_sources",
    "wal",
)
_REFRESH = ("freshness", "refresh", "refreshes")
_FAILOVER = ("engine", "failover", "ledger", "lifting", "limits", "rotate")
MODULES = tuple(f"rotator/{name}.py" for name in (*_LIVE, *_STORAGE, *_REFRESH, *_FAILOVER))
