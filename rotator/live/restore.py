"""A file torn for good: auth.json is written anew from its last whole content.

Its writer was killed between emptying and filling it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rotator.context import Context
from rotator.live.knowledge import try_parse
from rotator.live.unclaimed import LIST, KeptContent, keep_torn
from rotator.model import Account, Event, EventKind, State
from rotator.opencode.auth.file import Torn, Whole, read_live, require_whole, with_entries
from rotator.opencode.auth.writer import put_live, resolve
from rotator.secret import Secret
from rotator.system.files import sync_folder
from rotator.system.locks import swap_lock

# Whoever writes the file fills it at once; a person who asks for it waits so long to be sure.
REST_SECONDS = 2.0
MOST_SECONDS = 10.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was wrong with the file, and where its bytes are kept if they hold anything else."""

    why: str
    kept: KeptContent | None


def rebuild(context: Context, torn: Torn, otherwise: Account | None = None) -> Rebuilt | None:
    """Write auth.json anew, keeping what would be lost; None if it changed meanwhile.

    Call it under the swap lock, when the file has not changed for so long that nobody finishes
    it any more. Where no whole content was ever seen, and no account is in a slot, `otherwise`
    goes in alone; without it there is nothing to write, and None is returned too. A complete
    login in the torn bytes is not put in: two programs may have written half of it each.
    Raises LiveFileUnreadable for a file that is unreadable for lasting reasons, and
    LiveFileError if the disk does not let us or there is no room to keep what is in it.
    """
    if torn.lasting:
        _keep_said(context, torn)
        require_whole(torn, context.paths.auth_file)
    content = _whole_content(context, otherwise)
    if content is None:
        return None
    # What is written there has to be noted.
    context.store.require_turn()
    kept = keep_torn(context, torn.content, torn.why, content)
    if not put_live(context.paths.auth_file, torn, content, context.replaced):
        if kept is not None and kept.is_new:
            with context.store.transaction():
                context.store.replace_unclaimed(kept.number, None)
        return None
    sync_folder(resolve(context.paths.auth_file).parent)
    with context.store.transaction():
        context.store.set_live(content, context.clock())
    why = f"auth.json was left half-written ({torn.why}); written anew from its last whole content"
    if kept is not None:
        why = f"{why}; what else was in it is unclaimed content {kept.number}: {LIST}"
    context.record([Event(context.clock(), EventKind.RESTORED, why=why)])
    context.notify_changed()
    return Rebuilt(torn.why, kept)


def _keep_said(context: Context, torn: Torn) -> None:
    """Keep what stands in a file that opencode takes for empty, and so may write over."""
    if torn.says is None:
        return
    whole = context.store.live_content() or b"{}"
    kept = keep_torn(context, torn.says.encode("utf-8", "replace"), torn.why, whole)
    if kept is not None and kept.is_new:
        why = f"opencode cannot read auth.json ({torn.why}) and may write over it; its logins are"
        why = f"{why} unclaimed content {kept.number}: {LIST}"
        context.record([Event(context.clock(), EventKind.PROBLEM, why=why)])
        context.notify_changed()


def rebuild_at_rest(
    context: Context,
    otherwise: Account | None = None,
    *,
    rest_seconds: float = REST_SECONDS,
    most_seconds: float = MOST_SECONDS,
) -> Rebuilt | None:
    """Wait until a torn auth.json rests, and write it anew; None if there is no need or no way.

    It takes the swap lock. Raises what `rebuild` raises.
    """
    torn = _at_rest(context.paths.auth_file, rest_seconds, most_seconds)
    if torn is None:
        return None
    with swap_lock(context.paths.swap_lock):
        return rebuild(context, torn, otherwise)


def _at_rest(auth_file: Path, rest_seconds: float, most_seconds: float) -> Torn | None:
    """Return what stays torn without a change, or None if it does not, or is whole."""
    began = since = time.monotonic()
    reading = read_live(auth_file)
    while isinstance(reading, Torn) and not reading.lasting:
        now = time.monotonic()
        if now - since >= rest_seconds:
            return reading
        if now - began > most_seconds:
            return None
        time.sleep(_LOOK_SECONDS)
        again = read_live(auth_file)
        if again != reading:
            reading, since = again, time.monotonic()
    return None


def _whole_content(context: Context, otherwise: Account | None) -> bytes | None:
    """Return what was last seen whole, with the newest credentials of the accounts in it."""
    content, state = context.store.live_content(), context.store.state()
    if content is not None:
        return _renewed(Whole(content), state)
    active = [state.active(provider) for provider in sorted(state.slots)]
    live = [account for account in active if account is not None]
    put = live or ([otherwise] if otherwise else [])
    entries = {account.provider: account.credential.entry for account in put}
    return with_entries(Whole(b"{}"), entries) if entries else None


def _renewed(whole: Whole, state: State) -> bytes:
    """Return the content without spent tokens: an account may have got newer ones meanwhile."""
    newer: dict[str, Secret] = {}
    for provider, entry in whole.entries.items():
        account, held = state.active(provider), try_parse(provider, entry)
        if account is None or isinstance(held, str):
            continue
        newest = account.credential
        if (held.secret, held.refresh) != (newest.secret, newest.refresh):
            newer[provider] = newest.entry
    return with_entries(whole, newer)
