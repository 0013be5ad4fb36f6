"""OpenCode 2's table of logins behind the verbs of every home."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.context import Context
from rotator.live.homes import capture_home, switch, take_out_of
from rotator.live.swap import Swapped, SwapRequest
from rotator.model import Account, HomeName
from rotator.opencode.home import Home
from rotator.opencode.second_home import second_home


@dataclass(frozen=True)
class TableHome:
    """The home with a row for each login; see `rotator.live.every_home.LiveHome`."""

    context: Context

    name = HomeName.DATABASE

    def opened(self) -> Home:
        """Return what stands there, as it is."""
        return second_home(self.context.paths)

    def look(self, *, watched: bool) -> None:
        """Save what stands there; one that cannot be used changes nothing."""
        capture_home(self.context, self.opened(), watched=watched)

    def obstacle(self) -> str | None:
        """Nothing is known before a server is asked."""
        return None

    def put_in(self, order: SwapRequest) -> Swapped | None:
        """Make an account the active one, putting it in if need be."""
        return switch(self.context, self.opened(), order)

    def take_out(self, account: Account) -> None:
        """Take every row of an account out."""
        take_out_of(self.context, self.opened(), account.id)
