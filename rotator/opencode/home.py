"""The contract of a home: a place where an opencode keeps its logins.

There are two: auth.json (`opencode.auth.home`), with one slot for a provider, and OpenCode 2's
database (`opencode.database.home`), with many. Whoever uses a home does not need to know which
of them it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rotator.model import Credential, Digest, HomeName
from rotator.secret import Secret


@dataclass(frozen=True, slots=True)
class HomeEntry:
    """A login in a home: where it stands, what it says, and whether opencode uses it now.

    `credential` is a sentence where opencode or we cannot read it as a login; `value` is the text
    that stands there, by which a change is told.
    """

    provider: str
    slot: str
    label: str
    credential: Credential | str
    value: Secret
    active: bool
    # Nobody logged in there: opencode has taken it over from the other home, or we put it in.
    is_copy: bool = False

    @property
    def digest(self) -> Digest:
        """The digest of what stands there."""
        return Digest(self.value.digest())


@dataclass(frozen=True, slots=True)
class Entries:
    """Everything that stands in a home, a provider's active login before its others."""

    entries: tuple[HomeEntry, ...] = ()

    def of(self, provider: str) -> tuple[HomeEntry, ...]:
        """Return the logins of a provider."""
        return tuple(entry for entry in self.entries if entry.provider == provider)

    def at(self, slot: str) -> HomeEntry | None:
        """Return what stands in a slot, or None."""
        return next((entry for entry in self.entries if entry.slot == slot), None)


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such home: this opencode was never used here."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """There is one that cannot be read or is not understood; `why` is a sentence.

    Nothing is written into it. `is_passing`: it may be otherwise in a moment.
    """

    why: str
    is_passing: bool = False


HomeReading = Entries | Absent | Unusable


class Home(Protocol):
    """**Protocol:** a place where an opencode keeps its logins.

    What writes raises LiveFileError for a home that cannot be written; it is as it was then.
    """

    @property
    def name(self) -> HomeName:
        """Which home it is."""

    def where(self) -> Path:
        """Return the file that holds it."""

    def watched(self) -> Sequence[Path]:
        """Return the files by which a change in it shows."""

    def read(self) -> HomeReading:
        """Return what stands in it now; never raises for what stands there."""

    def put(self, provider: str, label: str, credential: Credential) -> str:
        """Add a login and return its slot.

        Where a provider has a single slot, the login takes it. Else it is not active by that.
        """

    def update(self, slot: str, old: HomeEntry, new: Credential) -> bool:
        """Put newer tokens of the same account into a slot; False if it holds others by now."""

    def activate(self, slot: str) -> bool:
        """Let opencode use the login in a slot; False if there is none any more."""

    def remove(self, slot: str, old: HomeEntry) -> bool:
        """Take a login out; False if the slot holds another one by now."""
