"""Finds the provider modules by name; the one place that loads them.

A module that cannot be loaded costs itself: it is logged and named in `problems`.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rotator.errors import ProviderError, UnexpectedAnswer
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


def ask_vendor(request: HttpRequest) -> HttpAnswer:
    """Ask a vendor over the network; the HTTP library is loaded by the first question only."""
    send: Send = importlib.import_module("providers._http").send
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
        except Exception:
            # A broken plug-in must not keep a login from being saved.
            log.exception("provider module failed", extra={"provider": provider})
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
            return module.refresh_call(credential)
        except Exception:
            log.exception("provider module failed", extra={"provider": provider})
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
            return module.read_refresh(credential, answer, now)
        except ProviderError:
            raise
        except Exception as exc:
            log.exception("provider module failed", extra={"provider": provider})
            message = f"the provider module of {provider} failed; the log has more"
            raise UnexpectedAnswer(message) from exc


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
