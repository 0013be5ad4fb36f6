"""Whether OpenCode 2's home of logins is in use here.

Where it is not, nothing of what reads and writes it is loaded: a command for opencode 1 alone
costs what it did without it.
"""

from __future__ import annotations

from rotator.context import Context
from rotator.opencode.database.probe import may_hold_logins


def has_second_home(context: Context) -> bool:
    """Tell whether logins stand in OpenCode 2's database, or stood there at the last look."""
    return bool(context.store.state().standings) or may_hold_logins(context.paths.opencode_database)
