"""What the user has chosen: frozen values with their defaults, for everything that decides.

Where they come from and whether they are allowed is the concern of `rotator.settings`; here is no
file, no environment and no library. The defaults stand here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Strategy(StrEnum):
    """How the account that serves a provider is chosen among the ready ones."""

    STICKY = "sticky"
    ORDERED = "ordered"
    HEADROOM = "headroom"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Failover:
    """How accounts of one provider follow each other."""

    strategy: Strategy = Strategy.STICKY
    # By provider; whoever is not named has `strategy`.
    strategies: Mapping[str, Strategy] = field(default_factory=lambda: MappingProxyType({}))
    # Aliases by provider, the first one first.
    order: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    min_swap_seconds: int = 300
    headroom_gain: float = 0.15
    swap_before_wall: bool = False
    wall_threshold: float = 0.95
    wait_for_reset: bool = False
    max_wait_seconds: int = 3600
    patience_seconds: int = 5

    def strategy_of(self, provider: str) -> Strategy:
        """Return the strategy for that provider."""
        return self.strategies.get(provider, self.strategy)

    def order_of(self, provider: str) -> tuple[str, ...]:
        """Return the user's order of that provider's aliases; who is missing comes last."""
        return self.order.get(provider, ())


# A provider's id and one of its models.
ModelOf = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Routing:
    """How new messages find their provider; `models` are groups of equal standing, by name."""

    override_explicit_model: bool = False
    models: Mapping[str, tuple[ModelOf, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def groups(self) -> tuple[tuple[ModelOf, ...], ...]:
        """The groups without their names."""
        return tuple(self.models.values())


@dataclass(frozen=True, slots=True)
class Priority:
    """A provider in the order of providers, with the model that stands for it."""

    provider: str
    model: str | None = None
    enabled: bool = True

    @property
    def routes(self) -> bool:
        """Whether new messages may go there."""
        return self.enabled and self.model is not None


@dataclass(frozen=True, slots=True)
class Preferences:
    """All of it; a value without arguments is what holds without a file."""

    failover: Failover = field(default_factory=Failover)
    routing: Routing = field(default_factory=Routing)
    priorities: tuple[Priority, ...] = ()
    desktop_notifications: bool = False
    # A program and its arguments; no shell ever reads it.
    hook_command: tuple[str, ...] = ()
    dashboard_key: str = "ctrl+b"
    # Whether a vendor may be asked whose a login is.
    ask_owner: bool = True


def changed_settings(before: Preferences, after: Preferences) -> list[str]:
    """Return the names of the settings in which the two differ."""
    sections = {"failover": Failover, "routing": Routing}
    names = []
    for setting in fields(Preferences):
        old, new = getattr(before, setting.name), getattr(after, setting.name)
        inner = (
            [field.name for field in fields(sections[setting.name])]
            if setting.name in sections
            else []
        )
        names += [
            f"{setting.name}.{name}" for name in inner if getattr(old, name) != getattr(new, name)
        ]
        if not inner and old != new:
            names.append(_NAMES[setting.name])
    return names


Values = Mapping[str, Any]
# How the file names what stands alone here.
_NAMES = {
    "priorities": "priority",
    "desktop_notifications": "notifications.desktop",
    "hook_command": "hooks.command",
    "dashboard_key": "dashboard.key",
    "ask_owner": "accounts.ask_owner",
}


def preferences_of(values: Values) -> Preferences:
    """Return the preferences that validated plain values give; what is missing is the default.

    Raises ValueError for anything that validation would not have let through.
    """
    try:
        return _preferences(values)
    except (AttributeError, KeyError, TypeError) as exc:
        message = "these values have the wrong shape"
        raise ValueError(message) from exc


def _preferences(values: Values) -> Preferences:
    failover = values.get("failover", {})
    routing = values.get("routing", {})
    dashboard = values.get("dashboard", {})
    return Preferences(
        failover=Failover(**{name: _FAILOVER[name](value) for name, value in failover.items()}),
        routing=Routing(**{name: _ROUTING[name](value) for name, value in routing.items()}),
        priorities=tuple(Priority(**entry) for entry in values.get("priority", ())),
        desktop_notifications=bool(values.get("notifications", {}).get("desktop", False)),
        hook_command=_texts(values.get("hooks", {}).get("command", ())),
        dashboard_key=str(dashboard.get("key", Preferences().dashboard_key)),
        ask_owner=bool(values.get("accounts", {}).get("ask_owner", Preferences().ask_owner)),
    )


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _by_name(convert: Callable[[Any], Any]) -> Callable[[Values], Values]:
    return lambda values: MappingProxyType({name: convert(value) for name, value in values.items()})


def _models(names: Sequence[str]) -> tuple[ModelOf, ...]:
    return tuple(model_of(name) for name in names)


def model_of(name: str) -> ModelOf:
    """Split `provider/model` at the first slash, as opencode does; raises ValueError."""
    provider, slash, model = name.partition("/")
    if not (provider and slash and model):
        message = f"{name!r} names no model of a provider"
        raise ValueError(message)
    return provider, model


_FAILOVER: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "strategy": Strategy,
        "strategies": _by_name(Strategy),
        "order": _by_name(_texts),
        "min_swap_seconds": int,
        "headroom_gain": float,
        "swap_before_wall": bool,
        "wall_threshold": float,
        "wait_for_reset": bool,
        "max_wait_seconds": int,
        "patience_seconds": int,
    }
)
_ROUTING: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"override_explicit_model": bool, "models": _by_name(_models)}
)
