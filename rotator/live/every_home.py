"""Every home of logins behind the same verbs: who swaps, saves or takes out asks not which it is.

There are two. auth.json has one place for a provider: what left it is watched for late writers,
torn files are mended. A table has a row for each login, and servers that have to be told. Where
no login stands in a table nothing of it is loaded.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from rotator.context import Context
from rotator.errors import LiveFileError
from rotator.live.capture import capture_live
from rotator.live.swap import Swapped, SwapRequest, swap, take_out
from rotator.model import Account, HomeName
from rotator.opencode.auth.home import AuthFileHome
from rotator.opencode.auth.placement_sentences import swap_obstacle
from rotator.opencode.database.probe import may_hold_logins
from rotator.opencode.home import Home


class LiveHome(Protocol):
    """**Protocol:** a home, its logins being accounts."""

    @property
    def name(self) -> HomeName:
        """Which home it is."""

    def opened(self) -> Home:
        """Return what stands there, as it is."""

    def look(self, *, watched: bool) -> None:
        """Save what stands there; call it under the swap lock. Raises LiveFileError, StoreError."""

    def obstacle(self) -> str | None:
        """Return what keeps a login from being put in, as far as it is known beforehand."""

    def put_in(self, order: SwapRequest) -> Swapped | None:
        """Make an account the active one; None if another one is by now than was expected.

        Raises LiveFileError, AccountNotFound, NothingToRotateTo, StoreError.
        """

    def take_out(self, account: Account) -> None:
        """Take every login of an account out; nobody has logged out then. Raises LiveFileError."""


def every_home(context: Context) -> tuple[LiveHome, ...]:
    """Return the homes that there are here, in their order."""
    names = (home for home in HomeName if home.has_one_place or has_table(context))
    return tuple(_home(context, name) for name in names)


def homes_of_names(context: Context, names: Collection[HomeName]) -> tuple[LiveHome, ...]:
    """Return the homes of those names, those first that somebody else has to be asked for."""
    return tuple(_home(context, name) for name in reversed(HomeName) if name in names)


def _home(context: Context, name: HomeName) -> LiveHome:
    if name.has_one_place:
        return _AuthFile(context)
    from rotator.live.table_home import TableHome  # noqa: PLC0415  # only who has an OpenCode 2 pays for it

    return TableHome(context)


def has_table(context: Context) -> bool:
    """Tell whether logins stand in OpenCode 2's database, or stood there at the last look."""
    return bool(context.store.state().standings) or may_hold_logins(context.paths.opencode_database)


def look_into_every_home(context: Context, *, watched: bool) -> None:
    """Save what stands in each; what cannot be read of one keeps nobody from the others.

    Call it under the swap lock. Raises LiveFileError for the first that cannot be read, StoreError.
    """
    problem = None
    for home in every_home(context):
        try:
            home.look(watched=watched)
        except LiveFileError as exc:
            problem = problem or exc
    if problem is not None:
        raise problem
    if context.store.live_digest() is None:
        # Another home has newer tokens of what stands in auth.json.
        capture_live(context, watched=watched)


@dataclass(frozen=True)
class _AuthFile:
    context: Context

    name = HomeName.AUTH_FILE

    def opened(self) -> Home:
        return AuthFileHome(self.context.paths.auth_file, self.context.replaced)

    def look(self, *, watched: bool) -> None:
        capture_live(self.context, watched=watched)

    def obstacle(self) -> str | None:
        return swap_obstacle(self.context.paths.auth_file)

    def put_in(self, order: SwapRequest) -> Swapped | None:
        return swap(self.context, order)

    def take_out(self, account: Account) -> None:
        take_out(self.context, account)
