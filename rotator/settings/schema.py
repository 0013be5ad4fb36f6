"""The settings as one documented model: what there is, what is allowed, what the variables are.

Pydantic takes 0.3 s to load: nobody imports this, `catalog` or `validate` at start-up, and who
only wants what holds asks `rotator.settings.active`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rotator.model.preferences import Failover, Preferences, Priority, Routing, Strategy
from rotator.settings.sources import PREFIX
from rotator.text import sanitize

LONGEST_KEY = 120
_LONGEST_TEXT = 200
_DAY_SECONDS = 86_400
_MOST_PATIENCE_SECONDS = 60
_STRATEGY = f"one of {', '.join(Strategy)}"
_OUT_OF = Failover()
_ROUTE = Routing()
_ALL = Preferences()
_ENABLED = Priority("").enabled
StrategyName = Literal["sticky", "ordered", "headroom", "drain"]
Name = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]+$", max_length=_LONGEST_TEXT)]
Alias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]{1,64}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[^\s/]+/\S+$", max_length=_LONGEST_TEXT)]
Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=4096)]
Key = Annotated[
    str,
    StringConstraints(
        pattern=r"^(none|(<leader>)?((ctrl|alt|shift)\+)*([a-z0-9]|f([1-9]|1[0-2])|space|tab))$"
    ),
]


def _setting(default: object, about: str, rule: str, *, each: str = "", **bounds: Any) -> Any:
    """Return a field: what it does, and what it must be, in words that messages repeat.

    `each` is what every member of a table or a list must be.
    """
    extra: Any = {"rule": rule, "each": each or rule}
    return Field(default, description=about, json_schema_extra=extra, **bounds)


class Section(BaseModel):
    """A table of the file."""

    # What was given may hold a password, and a trace would repeat it.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class _FailoverSettings(Section):
    strategy: StrategyName = _setting(
        _OUT_OF.strategy.value,
        "Who takes over: `sticky` stays with an account until it is limited; `ordered` takes the"
        " first of your order that is ready, and returns to it; `headroom` takes the one with"
        " most left; `drain` spends first what begins anew soonest.",
        _STRATEGY,
    )
    strategies: dict[Name, StrategyName] = _setting(
        {},
        'Another strategy for single providers: `openai = "ordered"`.',
        "a table of providers, each with a strategy",
        each=_STRATEGY,
    )
    order: dict[Name, list[Alias]] = _setting(
        {},
        "Aliases of a provider in your order, for `ordered`. Who is not named comes last.",
        "a table of providers, each with a list of aliases",
        each="a list of aliases (a-z, 0-9, '.', '-', '_')",
    )
    min_swap_seconds: int = _setting(
        _OUT_OF.min_swap_seconds,
        "At least so long between two swaps that nothing forces.",
        f"a whole number from 0 to {_DAY_SECONDS}",
        ge=0,
        le=_DAY_SECONDS,
    )
    headroom_gain: float = _setting(
        _OUT_OF.headroom_gain,
        "`headroom` leaves an account for one that has more left by at least this part of a limit.",
        "between 0 and 1",
        ge=0,
        le=1,
    )
    swap_before_wall: bool = _setting(
        _OUT_OF.swap_before_wall,
        "Swap between two requests when an account is about to be used up, before it is refused.",
        "true or false",
    )
    wall_threshold: float = _setting(
        _OUT_OF.wall_threshold,
        "An account is about to be used up from this part of its limit on.",
        "between 0 and 1",
        ge=0,
        le=1,
    )
    wait_for_reset: bool = _setting(
        _OUT_OF.wait_for_reset,
        "When no account is left anywhere, hold the request until the first one frees up.",
        "true or false",
    )
    max_wait_seconds: int = _setting(
        _OUT_OF.max_wait_seconds,
        "A request is never held longer than this.",
        f"a whole number from 1 to {_DAY_SECONDS}",
        ge=1,
        le=_DAY_SECONDS,
    )
    patience_seconds: int = _setting(
        _OUT_OF.patience_seconds,
        "A limit whose stated end is at most so far away is waited for on the same account, but"
        " no second one within a minute. 0: another account takes over at once.",
        f"a whole number from 0 to {_MOST_PATIENCE_SECONDS}",
        ge=0,
        le=_MOST_PATIENCE_SECONDS,
    )


class _RoutingSettings(Section):
    override_explicit_model: bool = _setting(
        _ROUTE.override_explicit_model,
        "The priorities also decide for a session whose model you picked yourself.",
        "true or false",
    )
    models: dict[Name, list[ModelName]] = _setting(
        {},
        "Groups of models of equal standing, each with a name of yours:"
        ' `large = ["openai/gpt-5", "anthropic/claude-opus-4"]`. A session on one of them goes on'
        " with another one of the same group.",
        "a table of groups, each a list of models",
        each="a list of models, each as provider/model",
    )


class PrioritySettings(Section):
    """One entry of the order of providers."""

    provider: Name = _setting(..., "The provider's id, as opencode has it.", "the id of a provider")
    model: Name | None = _setting(
        None,
        "The model that stands for it. Without one no message is sent there.",
        "the name of a model, without its provider",
    )
    enabled: bool = _setting(_ENABLED, "Whether messages may go there.", "true or false")


def _each_once(priorities: list[PrioritySettings]) -> list[PrioritySettings]:
    names = [priority.provider for priority in priorities]
    for name in names:
        if names.count(name) > 1:
            message = f"names {sanitize(name, LONGEST_KEY)} twice"
            raise ValueError(message)
    return priorities


class _NotificationSettings(Section):
    desktop: bool = _setting(
        _ALL.desktop_notifications,
        "Show a failover, a used-up provider and a needed login on the desktop.",
        "true or false",
    )


class _HookSettings(Section):
    command: list[Word] = _setting(
        list(_ALL.hook_command),
        "A program with its arguments that hears of a failover, a turn that was sent elsewhere,"
        " a used-up provider and a needed login: as JSON on its standard input. No shell reads it."
        " It is not run where config.toml belongs to somebody else than you or root.",
        "a list of texts: a program and its arguments",
        each="a text",
    )


class _DashboardSettings(Section):
    key: Key = _setting(
        _ALL.dashboard_key,
        "The key that opens the dashboard inside opencode; `none` for no key.",
        "a key such as ctrl+b, or none",
    )


class _AccountSettings(Section):
    ask_owner: bool = _setting(
        _ALL.ask_owner,
        "Ask a vendor once whose a login is that does not say so itself: then a second login to"
        " one account is known, and so is another person's.",
        "true or false",
    )


class FileSettings(Section):
    """Everything that can be set, as the file has it."""

    failover: _FailoverSettings = _FailoverSettings()
    routing: _RoutingSettings = _RoutingSettings()
    priority: Annotated[list[PrioritySettings], AfterValidator(_each_once)] = _setting(
        [],
        "The order of providers for new messages, each with one model. It begins to work when"
        " two of them are enabled and have a model.",
        "a list of tables, each with a provider of its own",
    )
    notifications: _NotificationSettings = _NotificationSettings()
    hooks: _HookSettings = _HookSettings()
    dashboard: _DashboardSettings = _DashboardSettings()
    accounts: _AccountSettings = _AccountSettings()


class Settings(FileSettings, BaseSettings):
    """The same as variables have it: all values are texts there."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic-settings' shape
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is passed in alone, never the process's own environment."""
        return (init_settings,)
