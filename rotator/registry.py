"""Finds the provider modules by name; the one place that loads them.

A module that cannot be loaded costs itself: it is logged and named in `problems`.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from rotator.errors import ProviderError, ProviderUnavailable, UnexpectedAnswer
from rotator.model import Credential, Identity
from rotator.provider import (
    DeadLogin,
    HttpAnswer,
    HttpRequest,
    Provider,
    RefreshCall,
    Refresher,
    Send,
    Tokens,
)
from rotator.text import clean

log = logging.getLogger(__name__)

Value = TypeVar("Value")


def ask_vendor(request: HttpRequest) -> HttpAnswer:
    """Ask a vendor over the network; the HTTP library is loaded by the first question only.

    Raises ProviderUnavailable.
    """
    try:
        send: Send = importlib.import_module("providers._http").send
    except ImportError as exc:
        message = "no vendor can be asked: httpx2 cannot be loaded"
        raise ProviderUnavailable(message, sent=False, hint="install the program anew") from exc
    return send(request)


@dataclass(frozen=True)
class Registry:
    """The providers that were found, by id, and one sentence for each that could not be."""

    providers: dict[str, Provider] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    send: Send = ask_vendor

    def identify(self, provider: str, credential: Credential) -> Identity:
        """Return who the credential is, as far as the provider's module can tell offline."""
        module = self.providers.get(provider)
        if module is None:
            return Identity()
        try:
            return _storable(module.identify(credential))
        except Exception as exc:  # noqa: BLE001  # a module of somebody's may raise anything
            # A broken one must not keep a login from being saved.
            _log(module, exc)
            return Identity()

    def rotates_tokens(self, provider: str) -> bool:
        """Tell whether a refresh is known to replace the provider's refresh token."""
        module = self.providers.get(provider)
        return module is not None and module.rotates_tokens

    def refresh_call(self, provider: str, credential: Credential) -> RefreshCall | str:
        """Return how a login is refreshed, or a sentence that says why it is not by us."""
        module: object = self.providers.get(provider)
        if not isinstance(module, Refresher):
            return f"nothing here knows how a login of {provider} is refreshed"
        try:
            call = module.refresh_call(credential)
            return clean(call) if isinstance(call, str) else _checked(call, RefreshCall)
        except Exception as exc:  # noqa: BLE001  # a module of somebody's may raise anything
            _log(module, exc)
            return f"the provider module of {provider} failed; the log has more"

    def read_refresh(
        self, provider: str, credential: Credential, answer: HttpAnswer, now: datetime
    ) -> Tokens | DeadLogin:
        """Return what the answer to a refresh call gave; raises UnexpectedAnswer."""
        module: object = self.providers.get(provider)
        if not isinstance(module, Refresher):
            message = f"nothing here reads a refreshed login of {provider}"
            raise UnexpectedAnswer(message)
        try:
            found = module.read_refresh(credential, answer, now)
            if isinstance(found, DeadLogin):
                return DeadLogin(clean(found.reason))
            return _checked(found, Tokens)
        except ProviderError:
            raise
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
        # Not from what it raised, which may quote the answer.
        raise UnexpectedAnswer(f"the provider module of {provider} failed; the log has more")


def _checked(value: object, kind: type[Value]) -> Value:
    """Return what a module gave if it is what the module has to give."""
    if not isinstance(value, kind):
        message = f"it gave no {kind.__name__}"
        raise TypeError(message)
    return value


def _log(module: object, exc: Exception) -> None:
    """Name the kind and the place of a module's failure; its text may quote a secret."""
    frames = traceback.extract_tb(exc.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}"
    kinds = type(module).__name__, type(exc).__name__
    log.error("provider module failed: %s raised %s at %s", *kinds, where)


def _storable(who: Identity) -> Identity:
    """Return an identity whose texts can be saved and shown, whatever the token said."""
    key = who.key.encode("utf-8", "backslashreplace").decode() if who.key else None
    label = clean(who.label) if who.label else None
    return Identity(key, label or None, clean(who.plan) if who.plan else None)


def load_registry(package: str = "providers") -> Registry:
    """Load every public module of the folder `package`."""
    found: dict[str, Provider] = {}
    problems: list[str] = []
    root = importlib.import_module(package)
    for info in pkgutil.iter_modules(root.__path__):
        if info.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"{package}.{info.name}")
            loaded: Iterable[Provider] = module.PROVIDERS
            found.update({name: one for one in loaded for name in one.ids})
        except Exception as exc:
            log.exception("provider module was not loaded", extra={"module_name": info.name})
            problems.append(f"the provider module {info.name} was not loaded: {clean(exc)}")
    return Registry(found, tuple(problems))
