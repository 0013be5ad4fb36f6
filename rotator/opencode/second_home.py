"""Where the home beside auth.json is opened: whoever uses it need not know which one it is.

Most people have none, and nothing of what reads and writes it is loaded for them.
"""

from __future__ import annotations

from rotator.opencode.home import Home
from rotator.system.paths import Paths


def second_home(paths: Paths) -> Home:
    """Return OpenCode 2's logins."""
    from rotator.opencode.database.home import DatabaseHome  # noqa: PLC0415  # only who has an OpenCode 2 pays for it

    return DatabaseHome(paths)
