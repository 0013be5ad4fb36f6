"""Which requests pass the bridge of a running opencode by, and which code may have them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from rotator.opencode.bridge.presence import WEBSOCKETS, Present
from rotator.opencode.configured_keys import foreign_sdks_in
from rotator.opencode.other_plugins import may_send_itself, may_send_own
from rotator.opencode.own_plugins import SENDS_PAST_BRIDGES
from rotator.services.key_givers import OpencodeInputs
from rotator.system.processes import environment
from rotator.text import sanitize

UNSEEN_TO_DO = "take it out or let it call fetch as it finds it, then restart opencode"
OWN_PLUGIN = "opencode's own plug-in"
_ALONE = f": {OWN_PLUGIN} sends them past it"
OWN_PLUGIN_TO_DO = "nothing is to be taken out: restart opencode after a swap"
_SOCKET_TO_DO = f"restart it without {WEBSOCKETS}"


def unseen_requests(present: Sequence[Present], providers: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each opencode and provider whose requests its bridge does not see.

    Those that a WebSocket would take are named where they are among `providers`. A plug-in that
    has them is known by its text alone, so all that may be it are named, and the SDK that
    opencode.json gives the provider.
    """
    for presence in present:
        sockets = (name for name in providers if presence.sends_by_socket(name))
        for provider in dict.fromkeys((*presence.unseen, *sockets)):
            yield (
                f"the bridge in opencode {presence.who} does not see the requests of"
                f" {sanitize(provider)}, so none of them is sent again:"
                f" {senders(presence, provider)} past it"
            )


def senders(presence: Present, provider: str) -> str:
    """Return what may send those requests past that bridge, with its verb."""
    if presence.sends_by_socket(provider):
        return f"{WEBSOCKETS} sends them"
    environ = environment(presence.pid) if presence.is_here else None
    world = OpencodeInputs(
        environ or os.environ, tuple(Path(name) for name in presence.directories)
    )
    sdks = [sdk for config in world.configs for sdk in foreign_sdks_in(config, provider)]
    code = [c for c in world.code if may_send_own(c, provider)]
    if sdks:
        # It is likelier than a plug-in of which only its hooks speak against it.
        code = [c for c in code if may_send_itself(c)]
    names = [f"the SDK {sanitize(sdk)}" for sdk in dict.fromkeys(sdks)]
    names += [f"the {c.kind} {sanitize(c.name)}" for c in code]
    if provider in SENDS_PAST_BRIDGES and world.has_loaders:
        names.append(OWN_PLUGIN)
    if not names:
        return "something in it sends them"
    return f"{' or '.join(names)} sends them"


def unseen_to_do(says: str) -> str:
    """Return what would help where a sentence says that requests are not seen."""
    if says.endswith(_ALONE):
        return OWN_PLUGIN_TO_DO
    return _SOCKET_TO_DO if WEBSOCKETS in says else UNSEEN_TO_DO
