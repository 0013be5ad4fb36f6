"""The settings as one documented model: what there is, what is allowed, what the variables are.

The only importer of pydantic, which takes 0.3 s to load: nobody imports this at start-up, and
who only wants what holds asks `rotator.settings.active`. Nothing here reads a file or the
process's environment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as Invalid
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rotator.errors import ConfigError
from rotator.model.preferences import Failover, Preferences, Priority, Routing, Strategy
from rotator.settings.sources import FILE_NAME, MEND, OTHER_VARIABLES, PREFIX
from rotator.settings.toml_positions import read_places
from rotator.settings.toml_values import nearest, parse, shown
from rotator.text import clean

_LONGEST_KEY = 120
# How pydantic marks that the name of a member is wrong, and what is no matter of a value.
_KEY = "[key]"
_OF_THE_KEY = frozenset({"extra_forbidden", "missing"})
_LONGEST_TEXT = 200
_DAY_SECONDS = 86_400

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


class _Section(BaseModel):
    # What was given may hold a password, and a trace would repeat it.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class _FailoverSettings(_Section):
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


class _RoutingSettings(_Section):
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


class _PrioritySettings(_Section):
    provider: Name = _setting(..., "The provider's id, as opencode has it.", "the id of a provider")
    model: Name | None = _setting(
        None,
        "The model that stands for it. Without one no message is sent there.",
        "the name of a model, without its provider",
    )
    enabled: bool = _setting(_ENABLED, "Whether messages may go there.", "true or false")


def _each_once(priorities: list[_PrioritySettings]) -> list[_PrioritySettings]:
    names = [one.provider for one in priorities]
    for name in names:
        if names.count(name) > 1:
            message = f"names {clean(name, _LONGEST_KEY)} twice"
            raise ValueError(message)
    return priorities


class _NotificationSettings(_Section):
    desktop: bool = _setting(
        _ALL.desktop_notifications,
        "Show a failover, a used-up provider and a needed login on the desktop.",
        "true or false",
    )


class _HookSettings(_Section):
    command: list[Word] = _setting(
        list(_ALL.hook_command),
        "A program with its arguments that hears of a failover, a turn that was sent elsewhere,"
        " a used-up provider and a needed login: as JSON on its standard input. No shell reads it.",
        "a list of texts: a program and its arguments",
        each="a text",
    )


class _DashboardSettings(_Section):
    key: Key = _setting(
        _ALL.dashboard_key,
        "The key that opens the dashboard inside opencode; `none` for no key.",
        "a key such as ctrl+b, or none",
    )


class _AccountSettings(_Section):
    ask_owner: bool = _setting(
        _ALL.ask_owner,
        "Ask a vendor once whose a login is that does not say so itself: then a second login to"
        " one account is known, and so is another person's.",
        "true or false",
    )


class _FileSettings(_Section):
    """Everything that can be set, as the file has it."""

    failover: _FailoverSettings = _FailoverSettings()
    routing: _RoutingSettings = _RoutingSettings()
    priority: Annotated[list[_PrioritySettings], AfterValidator(_each_once)] = _setting(
        [],
        "The order of providers for new messages, each with one model. It begins to work when"
        " two of them are enabled and have a model.",
        "a list of tables, each with a provider of its own",
    )
    notifications: _NotificationSettings = _NotificationSettings()
    hooks: _HookSettings = _HookSettings()
    dashboard: _DashboardSettings = _DashboardSettings()
    accounts: _AccountSettings = _AccountSettings()


class Settings(_FileSettings, BaseSettings):
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


class _Variables(EnvSettingsSource):
    """Reads the variables that are passed in instead of the process's own."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._given = {name.lower(): value for name, value in variables.items()}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name: value for name, value in self._given.items() if value}


# -- what there is -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in the file, what it does, what it must be, what it is by itself."""

    key: str
    about: str
    rule: str
    each: str
    default: Any
    kind: type
    # Of a table of names: what each of them has.
    member_kind: type

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return PREFIX + self.key.upper().replace(".", "__")

    @property
    def path(self) -> tuple[str, ...]:
        """The names of its tables and its own."""
        return tuple(self.key.split("."))


def _settings_in(model: type[BaseModel], before: str = "") -> Iterator[Setting]:
    for name, found in model.model_fields.items():
        inner = found.annotation
        if isinstance(inner, type) and issubclass(inner, _Section):
            yield from _settings_in(inner, f"{before}{name}.")
        else:
            yield _described(f"{before}{name}", found)


def _described(key: str, found: FieldInfo) -> Setting:
    more = found.json_schema_extra
    rule, each = (str(more["rule"]), str(more["each"])) if isinstance(more, dict) else ("", "")
    default = None if found.is_required() else found.default
    inner = get_args(found.annotation)
    member_kind = list if inner and get_origin(inner[-1]) is list else str
    about = found.description or ""
    return Setting(key, about, rule, each, default, type(default), member_kind)


SETTINGS: tuple[Setting, ...] = tuple(_settings_in(_FileSettings))
OF_A_PRIORITY: tuple[Setting, ...] = tuple(_settings_in(_PrioritySettings, "priority."))
_BY_KEY = {one.key: one for one in (*SETTINGS, *OF_A_PRIORITY)}


def find_setting(key: str) -> tuple[Setting, str | None]:
    """Return the setting of that name, and which member of it where it is a table of names.

    Raises ConfigError, naming the nearest one.
    """
    for one in SETTINGS:
        if key == one.key:
            return one, None
        if one.kind is dict and key.startswith(f"{one.key}.") and len(key) > len(one.key) + 1:
            return one, key[len(one.key) + 1 :]
    if key in _BY_KEY:
        raise ConfigError(f"{key}: each provider has its own", hint="rotator priority --help")
    raise ConfigError(f"{clean(key, _LONGEST_KEY)}: {_no_such(key)}", hint="rotator config show")


def _no_such(key: str) -> str:
    # A table is meant more often than something in another one.
    beside = {".".join(one.path[: key.count(".") + 1]) for one in _BY_KEY.values()}
    near = nearest(key, sorted(beside)) or nearest(key, list(_BY_KEY))
    return f"there is no such setting{near}"


# -- what is allowed -----------------------------------------------------------------------------


def read_file(text: str) -> dict[str, Any]:
    """Return what the text of a config.toml sets, as plain values; raises ConfigError."""
    values = parse(text)
    try:
        return _FileSettings.model_validate(values, strict=True).model_dump(exclude_unset=True)
    except Invalid as exc:
        raise _about_file(exc, text) from exc


def read_variables(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the variables set, as plain values; raises ConfigError."""
    known = {one.variable: one for one in SETTINGS}
    for name, value in sorted(variables.items()):
        if name not in known:
            raise ConfigError(f"{clean(name, _LONGEST_KEY)}: {_no_such_variable(name, known)}")
        if known[name].kind in {dict, list}:
            _require_json(name, value, known[name])
    try:
        # pydantic-settings knows how a name leads to a nested field, and which ones are JSON.
        return Settings(**_Variables(variables)()).model_dump(exclude_unset=True)
    except Invalid as exc:
        raise _about_variable(exc) from exc


def _require_json(name: str, value: str, setting: Setting) -> None:
    try:
        json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{name}: must be {setting.rule}, written as JSON") from exc


def _no_such_variable(name: str, known: Mapping[str, Setting]) -> str:
    # What all of them begin with makes none of them alike.
    ends = [one.removeprefix(PREFIX) for one in [*known, *OTHER_VARIABLES]]
    return f"no setting has this variable{nearest(name.removeprefix(PREFIX), ends, PREFIX)}"


def _about_variable(exc: Invalid) -> ConfigError:
    error = exc.errors(include_url=False)[0]
    names = _names(error["loc"])
    setting = next(one for one in SETTINGS if list(one.path) == names[: len(one.path)])
    within = "".join(f"{name}: " for name in names[len(setting.path) :])
    return ConfigError(f"{setting.variable}: {within}{_wrong(error)}")


def _about_file(exc: Invalid, text: str) -> ConfigError:
    """Return what is wrong first in the file, with the place where it stands."""
    places = read_places(text)
    faults = [
        (places.find(error["loc"], key=error["type"] in _OF_THE_KEY), error)
        for error in exc.errors(include_url=False)
    ]
    (line, column), error = min(faults, key=lambda fault: fault[0])
    key = clean(".".join(_names(error["loc"])), _LONGEST_KEY)
    where = f"line {line}, column {column}"
    return ConfigError(f"{FILE_NAME}: {key}: {_wrong(error)} ({where})", hint=MEND)


def _names(loc: Sequence[str | int]) -> list[str]:
    return [part for part in loc if isinstance(part, str) and part != _KEY]


def _wrong(error: Any) -> str:
    """Return what is wrong, in words of the setting that it belongs to."""
    names = _names(error["loc"])
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return _no_such(clean(".".join(names), _LONGEST_KEY))
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"must be {_rule(error['loc'], names)}, not {shown(error['input'])}"


def _rule(loc: Sequence[str | int], names: list[str]) -> str:
    if _KEY in loc:
        return "a name without blanks"
    known = [".".join(names[:count]) for count in range(len(names), 0, -1)]
    setting = next((_BY_KEY[key] for key in known if key in _BY_KEY), None)
    if setting is None:
        return "a table"
    return setting.rule if len(loc) <= len(setting.path) else setting.each
