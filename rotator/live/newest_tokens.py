"""An account that stands in both homes: what either has newer of it is known before it is used.

A refresh token works once, so whoever puts an account into a home, or sends its refresh token,
looks into the homes first. Where OpenCode 2 was never used nothing of this is loaded.
"""

from __future__ import annotations

import contextlib

from rotator.context import Context
from rotator.errors import LiveFileError
from rotator.live.capture import capture_live
from rotator.model import AccountId
from rotator.opencode.second_home import second_home
from rotator.system.locks import swap_lock, watcher_pid


def look_into_auth_json(context: Context, *, watched: bool) -> None:
    """Save what auth.json has, if it can be read; call it under the swap lock. Raises StoreError.

    What is wrong with it keeps nobody from the other home.
    """
    with contextlib.suppress(LiveFileError):
        capture_live(context, watched=watched)


def look_into_table(context: Context, account: AccountId) -> str | None:
    """Save what OpenCode 2 has newer of an account that stands there; call it under the swap lock.

    Where that cannot be read it is returned why. Raises StoreError.
    """
    if not context.store.state().standings_of(account):
        return None
    # Where a watcher runs the store knows what stood there a moment ago, for commands, too.
    watched = watcher_pid(context.paths.watch_lock) is not None
    from rotator.live.homes import capture_tokens  # noqa: PLC0415  # only who has an OpenCode 2 pays for it

    return capture_tokens(context, second_home(context.paths), watched=watched)


def look_into_both(context: Context, account: AccountId) -> str | None:
    """Save what either home has newer of an account that stands in OpenCode 2's.

    Where that cannot be read it is returned why: it may have newer tokens than any that we know.
    Raises SwapConflict where somebody keeps the lock, StoreError.
    """
    if not context.store.state().standings_of(account):
        return None
    watched = watcher_pid(context.paths.watch_lock) is not None
    with swap_lock(context.paths.swap_lock):
        look_into_auth_json(context, watched=watched)
        return look_into_table(context, account)
