"""The modules that are broken: what writes auth.json, keeps the store, refreshes, fails over."""

from __future__ import annotations

from tests.support.repository import ROOT

_FACES = ("cli", "doctor", "tui")
_LIVE = (
    "capture",
    "clock_change",
    "generations",
    "late_logins",
    "ownership",
    "rebuild",
    "swap",
    "unclaimed",
    "authfile",
    "authwrite",
    "inplace",
    "journal",
    "lease",
    "replaced",
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


def modules() -> list[str]:
    """Return their paths, wherever in the package they lie."""
    return [_path_of(name) for name in (*_LIVE, *_STORAGE, *_REFRESH, *_FAILOVER)]


def _path_of(name: str) -> str:
    everywhere = (ROOT / "rotator").rglob(f"{name}.py")
    (found,) = (path for path in everywhere if path.parent.name not in _FACES)
    return str(found.relative_to(ROOT))
