"""What vendors answer about usage, in headers and as errors: fixtures/<vendor>/*.json."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rotator.plugins.registry import load_registry
from rotator.testing import (
    ErrorCase,
    HeaderCase,
    IdentityCase,
    LoginCase,
    UsageCase,
    can_try,
    read_cases,
)
from tests.support.repository import ROOT

AnyCase = UsageCase | IdentityCase | LoginCase | HeaderCase | ErrorCase


@cache
def cases() -> tuple[AnyCase, ...]:
    """Return every documented case in alphabetical order."""
    return read_cases(ROOT / "fixtures")


@cache
def modules() -> Mapping[str, object]:
    """Return the modules found, by their ids."""
    return dict(load_registry().providers)


def module_of(case: AnyCase) -> object:
    """Return the module that reads the case, as the registry finds it.

    What the provider's own does not read in headers, the one for those without a module does.
    """
    own = modules().get(case.provider)
    return own if own is not None and can_try(own, case) else modules()["*"]


def case(name: str) -> AnyCase:
    """Return the case of this name: `openai usage-normal`."""
    return next(one for one in cases() if one.name == name)
