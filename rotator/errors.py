"""Every error that this program raises on purpose, grouped by what the reader can do.

    RotatorError                 exit 1   a fault of ours
    ├── UsageError               exit 2   wrong use: change the command
    │   └── ConfigError          exit 2   wrong settings: change the file or the variable
    ├── AccountNotFound          exit 3   no such account: look at the list
    ├── NothingToRotateTo        exit 4   wait, or add an account
    ├── AlreadyRunning           exit 5   a watcher runs
    ├── NotRunning               exit 5   no watcher runs
    ├── LiveFileError            exit 6   auth.json could not be swapped safely
    │   ├── LiveFileUnreadable   exit 6   it is not whole, or cannot be read
    │   ├── SwapConflict         exit 6   it kept changing under us
    │   └── SwapUnverified       exit 6   what we wrote is not what we read back
    ├── StoreError               exit 7   the store cannot be used
    │   ├── StoreBusy            exit 7   somebody else keeps it locked
    │   ├── StoreDamaged         exit 7   it is no whole database any more
    │   └── NewerSchema          exit 7   a newer version wrote it
    └── ProviderError            exit 1   a vendor's answer
        ├── LoginRejected        exit 1   it does not accept the login
        ├── RateLimited          exit 1   it was asked too often
        ├── ProviderUnavailable  exit 1   none came, or one that says to ask later
        └── UnexpectedAnswer     exit 1   of a shape that we do not understand

Exit 8 is none of them: everything was done, but what was to be printed could not be written.

A message is one sentence without a full stop: what failed, on what, why. The hint says what
to do. Neither ever holds a secret. This module imports nothing of ours.
"""

from __future__ import annotations

from datetime import datetime


class RotatorError(Exception):
    """A failure that a person can read; `exit_code` is what the command ends with."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RotatorError):
    """The command's words are wrong, or what they build upon."""

    exit_code = 2


class ConfigError(UsageError):
    """The settings, in the file or in a variable, are wrong, or cannot be read or written."""


class AccountNotFound(RotatorError):
    """No account has that name."""

    exit_code = 3


class NothingToRotateTo(RotatorError):
    """No other account of the provider can take over now."""

    exit_code = 4


class AlreadyRunning(RotatorError):
    """A watcher runs already."""

    exit_code = 5


class NotRunning(RotatorError):
    """No watcher runs."""

    exit_code = 5


class LiveFileError(RotatorError):
    """The live file could not be swapped safely; it is as it was."""

    exit_code = 6


class LiveFileUnreadable(LiveFileError):
    """The live file is not whole, or cannot be read at all."""


class SwapConflict(LiveFileError):
    """Another program kept changing the live file."""


class SwapUnverified(LiveFileError):
    """The live file does not hold what was just written into it."""


class StoreError(RotatorError):
    """The store cannot be opened, read or written."""

    exit_code = 7


class StoreBusy(StoreError):
    """Somebody else keeps it locked: it can be used as soon as they let go of it."""


class StoreDamaged(StoreError):
    """The file is no database, or no whole one: trying again is in vain."""


class NewerSchema(StoreError):
    """A newer version of this program wrote the store; it is left untouched."""


class ProviderError(RotatorError):
    """A vendor's answer that is not the one hoped for."""


class LoginRejected(ProviderError):
    """The vendor does not accept the credential."""


class RateLimited(ProviderError):
    """The vendor was asked too often; `retry_at` is when it may be asked again, if it says so."""

    def __init__(
        self, message: str, *, retry_at: datetime | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_at = retry_at


class ProviderUnavailable(ProviderError):
    """A vendor could not be asked; `sent` says that it may have seen the request all the same."""

    def __init__(self, message: str, *, sent: bool, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class UnexpectedAnswer(ProviderError):
    """A vendor's answer of a shape that is not understood."""
