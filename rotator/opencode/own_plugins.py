"""What opencode's own plug-ins do with a login with tokens (1.17.0 to 1.18.33)."""

from __future__ import annotations

from rotator.model import Account

# They send these providers' logins with tokens, whatever key the environment has.
TAKES_LOGINS = frozenset({"openai", "github-copilot", "xai", "digitalocean", "snowflake-cortex"})
# They send these as well, some only in some versions. Every other takes a plug-in of others.
SENDS_LOGINS = TAKES_LOGINS | {"azure", "gitlab", "poe"}
# Of these they hand on what opencode began with, as it does with a key: the token, or (Azure,
# whose tokens come from its own command line) the place alone. Every other is read anew for each
# request, but for its place.
FIXED_LOGINS = frozenset({"azure", "gitlab", "poe"})
# They keep fetch from before any other plug-in was imported, so no bridge sees these requests.
SENDS_PAST_BRIDGES = frozenset({"azure"})


def is_fixed_at_start(account: Account) -> bool:
    """Tell whether an opencode without the bridge goes on with the one that it began with."""
    kind = account.credential.type
    return kind == "api" or (kind == "oauth" and account.provider in FIXED_LOGINS)
