"""Asks provider modules, and lets nothing of theirs through that is not as it has to be.

One may be anybody's. So what it gives is checked and its texts are cleaned, and what it raises
goes no further than the log, without its words.
"""

from __future__ import annotations

import importlib
import logging
import traceback
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from rotator.errors import ProviderError, ProviderUnavailable, UnexpectedAnswer
from rotator.model import Credential, Finding, Identity, Scope, Signal, Snapshot
from rotator.plugins.checked import (
    Value,
    checked,
    checked_finding,
    checked_identity,
    checked_scope,
    checked_snapshot,
)
from rotator.plugins.loader import GROUP, ProviderLoader
from rotator.plugins.vendor_tables import NO_TABLES, VendorTables
from rotator.provider import (
    Classifier,
    DeadLogin,
    HeaderReader,
    HttpAnswer,
    HttpRequest,
    IdentityReader,
    KeyChanger,
    LoginCheck,
    LoginChecker,
    Paced,
    Provider,
    RefreshCall,
    Refresher,
    Scoping,
    Send,
    Tokens,
    UsageReader,
)
from rotator.text import sanitize

log = logging.getLogger(__name__)
# The id of the module that stands in for vendors without one.
ANY = "*"
# One account's share of what a vendor is asked.
MOST_REQUESTS = 6
MOST_IDENTITY_REQUESTS = 2
_LONGEST_PAUSE_SECONDS = 3600


def ask_vendor(request: HttpRequest) -> HttpAnswer:
    """Ask a vendor over the network; the HTTP library is loaded by the first question only.

    Raises ProviderUnavailable.
    """
    try:
        send: Send = importlib.import_module("providers._shared.http").send
    except ImportError as exc:
        message = "no vendor can be asked: httpx2 cannot be loaded"
        raise ProviderUnavailable(message, sent=False, hint="install the program anew") from exc
    return send(request)


@dataclass(frozen=True)
class Registry:
    """The providers by their ids, and who asks vendors for them."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    send: Send = ask_vendor
    tables: VendorTables = NO_TABLES

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each module that is known to be broken; none is loaded for it."""
        return self.providers.known_problems if isinstance(self.providers, ProviderLoader) else ()

    def all_problems(self) -> tuple[str, ...]:
        """Return a sentence for each module that is broken, after trying each.

        The tables are read as well: who waits for a verdict need not wait for them.
        """
        _ = self.tables.all
        return self.providers.problems if isinstance(self.providers, ProviderLoader) else ()

    def identify(self, provider: str, credential: Credential) -> Identity:
        """Return who the credential is, as far as the provider's module can tell offline."""
        module = self.providers.get(provider)
        if module is None:
            return Identity()
        try:
            return checked_identity(module.identify(credential))
        except Exception as exc:  # noqa: BLE001  # a module of somebody's may raise anything
            # A broken one must not keep a login from being saved.
            _log(module, exc)
            return Identity()

    def rotates_tokens(self, provider: str) -> bool:
        """Tell whether a refresh is known to replace the provider's refresh token."""
        module = self.providers.get(provider)
        return module is not None and module.rotates_tokens

    def keeps_refresh_tokens(self, provider: str) -> bool:
        """Tell whether a refresh is known to leave the provider's refresh token as it is.

        Only a module that knows how a login is refreshed can say so.
        """
        module: object = self.providers.get(provider)
        return isinstance(module, Refresher) and not self.rotates_tokens(provider)

    def usage_obstacle(self, provider: str, credential: Credential) -> str | None:
        """Return a sentence that says why the usage cannot be asked for, or None."""
        module: object = self.providers.get(provider)
        if not isinstance(module, UsageReader):
            return f"{provider} does not tell the usage of a login, as far as is known here"
        try:
            why = module.usage_obstacle(credential)
            return None if why is None else sanitize(checked(why, str))
        except Exception as exc:  # noqa: BLE001  # a module of somebody's may raise anything
            _log(module, exc)
            return _failed(provider)

    def read_usage(self, provider: str, credential: Credential, now: datetime) -> Snapshot:
        """Ask the vendor what is used and what is left, with at most six requests.

        Raises LoginRejected, RateLimited, ProviderUnavailable and UnexpectedAnswer.
        """
        module: object = self.providers.get(provider)
        if not isinstance(module, UsageReader):
            raise UnexpectedAnswer(f"nothing here reads the usage of {provider}")
        try:
            return checked_snapshot(self._run_conversation(module.read_usage(credential, now)))
        except ProviderError:
            raise
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
        # Not from what it raised, which may quote the answer.
        raise UnexpectedAnswer(_failed(provider))

    def usage_pause(self, provider: str) -> timedelta:
        """Return the least time between two readings that the provider's vendor asks for."""
        module: object = self.providers.get(provider)
        seconds = module.usage_pause_seconds if isinstance(module, Paced) else 0
        return timedelta(seconds=min(max(seconds, 0), _LONGEST_PAUSE_SECONDS))

    def identity_obstacle(self, provider: str, credential: Credential) -> str | None:
        """Return a sentence that says why nobody can be asked whose a login is, or None."""
        module: object = self.providers.get(provider)
        if not isinstance(module, IdentityReader):
            return f"{provider} does not tell whose a login is, as far as is known here"
        try:
            why = module.identity_obstacle(credential)
            return None if why is None else sanitize(checked(why, str))
        except Exception as exc:  # noqa: BLE001  # a module of somebody's may raise anything
            _log(module, exc)
            return _failed(provider)

    def read_identity(self, provider: str, credential: Credential, now: datetime) -> Identity:
        """Ask the vendor whose a login is, with at most two requests; the key is never None.

        Raises LoginRejected, RateLimited, ProviderUnavailable and UnexpectedAnswer.
        """
        module: object = self.providers.get(provider)
        if not isinstance(module, IdentityReader):
            raise UnexpectedAnswer(f"nothing here asks whose a login of {provider} is")
        try:
            conversation = module.read_identity(credential, now)
            told = self._run_conversation(conversation, MOST_IDENTITY_REQUESTS)
            who = checked_identity(checked(told, Identity))
        except ProviderError:
            raise
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
        else:
            if who.key is not None:
                return who
            raise UnexpectedAnswer("the vendor's answer names nobody")
        # Not from what it raised, which may quote the answer.
        raise UnexpectedAnswer(_failed(provider))

    def asks_only_in_doubt(self, provider: str) -> bool:
        """Tell whether a vendor is asked whose a login is only where that is in doubt."""
        module: object = self.providers.get(provider)
        if not isinstance(module, IdentityReader):
            return True
        try:
            return checked(module.asks_only_in_doubt, bool)
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
            return True

    def is_key_before(self, provider: str, key: str) -> bool:
        """Tell whether a key is of a form that its module gave in an older version alone."""
        module: object = self.providers.get(provider)
        if not isinstance(module, KeyChanger):
            return False
        try:
            return checked(module.is_key_before(key), bool)
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
            return False

    def can_check(self, provider: str, credential: Credential, now: datetime) -> bool:
        """Tell whether the vendor can be asked about a login that tells no usage."""
        return self._check(provider, credential, now) is not None

    def check_login(self, provider: str, credential: Credential, now: datetime) -> None:
        """Ask the vendor whether it accepts a login, where `can_check` says that one can.

        Raises LoginRejected if it does not, and what `read_usage` raises.
        """
        check = self._check(provider, credential, now)
        if check is None:
            raise UnexpectedAnswer(f"nothing here checks a login of {provider}")
        try:
            self._run_conversation(check)
        except ProviderError:
            raise
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(self.providers.get(provider), exc)
        else:
            return
        raise UnexpectedAnswer(_failed(provider))

    def _check(self, provider: str, credential: Credential, now: datetime) -> LoginCheck | None:
        module: object = self.providers.get(provider)
        if not isinstance(module, LoginChecker):
            return None
        try:
            return module.check_login(credential, now)
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
            return None

    def _run_conversation(
        self, conversation: Generator[HttpRequest, HttpAnswer, Value], most: int = MOST_REQUESTS
    ) -> Value:
        """Carry a module's questions to the vendor and the answers back, until it returns."""
        try:
            request = next(conversation)
            for _ in range(most):
                request = conversation.send(self.send(checked(request, HttpRequest)))
        except StopIteration as end:
            told: Value = end.value
            return told
        finally:
            conversation.close()
        raise ValueError("it asks too much")

    def read_headers(
        self, provider: str, headers: Mapping[str, str], now: datetime
    ) -> Snapshot | None:
        """Return what the headers of a good answer (names in lower case) say, or None."""
        for module in self._asked(provider):
            if isinstance(module, HeaderReader):
                try:
                    snapshot = module.read_headers(headers, now)
                    return None if snapshot is None else checked_snapshot(snapshot)
                except Exception as exc:  # noqa: BLE001  # likewise
                    _log(module, exc)
                    return None
        return None

    def classify(self, signal: Signal, now: datetime) -> Finding | None:
        """Return what the vendor's own rules say of a failure; None: those for everybody hold.

        Its module comes first, then its table.
        """
        asked = self._asked(self._vendor(signal))
        module = next((module for module in asked if isinstance(module, Classifier)), None)
        if module is not None:
            try:
                own = module.classify(signal, now)
                told = None if own is None else checked_finding(own)
            except Exception as exc:  # noqa: BLE001  # likewise
                _log(module, exc)
                told = None
            if told is not None:
                return told
        # Most commands judge no answer.
        from rotator.core.failures.vendor_tables import find_by_table  # noqa: PLC0415  # see above

        tables = self.tables.of(signal.provider, signal.host)
        return next(filter(None, (find_by_table(table, signal, now) for table in tables)), None)

    def zone_of(self, signal: Signal) -> tzinfo | None:
        """Return the zone that a vendor means where it names none, if that is known."""
        table = self.tables.vendor_of(signal.provider, signal.host)
        return None if table is None else table.zone

    def _vendor(self, signal: Signal) -> str:
        """Return the id of the vendor that a request went to, whatever its provider is called."""
        table = self.tables.vendor_of(signal.provider, signal.host)
        if table is None or signal.provider in table.ids or not table.ids:
            return signal.provider
        return table.ids[0]

    def limit_scope(self, signal: Signal) -> Scope | None:
        """Return what the limit that a failed request ran into is counted for; None: not known."""
        module: object = self.providers.get(self._vendor(signal))
        if not isinstance(module, Scoping):
            return None
        try:
            scope = module.limit_scope(signal)
            return None if scope is None else checked_scope(checked(scope, Scope))
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
            return None

    def _asked(self, provider: str) -> Iterator[object]:
        """Yield the provider's module and the one that stands in for what it does not know."""
        yield from filter(None, map(self.providers.get, (provider, ANY)))

    def refresh_call(self, provider: str, credential: Credential) -> RefreshCall | str:
        """Return how a login is refreshed, or a sentence that says why it is not by us."""
        module: object = self.providers.get(provider)
        if not isinstance(module, Refresher):
            return f"nothing here knows how a login of {provider} is refreshed"
        try:
            call = module.refresh_call(credential)
            return sanitize(call) if isinstance(call, str) else checked(call, RefreshCall)
        except Exception as exc:  # noqa: BLE001  # a module of somebody's may raise anything
            _log(module, exc)
            return _failed(provider)

    def read_refresh(
        self, provider: str, credential: Credential, answer: HttpAnswer, now: datetime
    ) -> Tokens | DeadLogin:
        """Return what the answer to a refresh call gave; raises UnexpectedAnswer."""
        module: object = self.providers.get(provider)
        if not isinstance(module, Refresher):
            message = f"nothing here reads a refreshed login of {provider}"
            raise UnexpectedAnswer(message)
        try:
            reply = module.read_refresh(credential, answer, now)
            if isinstance(reply, DeadLogin):
                return DeadLogin(sanitize(reply.reason))
            return checked(reply, Tokens)
        except ProviderError:
            raise
        except Exception as exc:  # noqa: BLE001  # likewise
            _log(module, exc)
        # Not from what it raised, which may quote the answer.
        raise UnexpectedAnswer(_failed(provider))


def _failed(provider: str) -> str:
    return f"the provider module of {provider} failed; the log has more"


def _log(module: object, exc: Exception) -> None:
    """Name the kind and the place of a module's failure; its text may quote a secret."""
    frames = traceback.extract_tb(exc.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}"
    kinds = type(module).__name__, type(exc).__name__
    log.error("provider module failed: %s raised %s at %s", *kinds, where)


def load_registry(package: str = "providers", group: str = GROUP) -> Registry:
    """Return a registry of the modules in the folder `package` and those announced by `group`.

    They are loaded when one of them is asked for.
    """
    return Registry(ProviderLoader(package, group), tables=VendorTables(package))
