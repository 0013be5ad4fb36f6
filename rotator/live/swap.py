"""Store → live: the one function that puts an account into auth.json, for everyone.

Under the swap lock: read, save what is there, write beside, look again, rename, read back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.credential_secrets import same_secrets
from rotator.errors import AccountNotFound, SwapConflict, SwapUnverified
from rotator.live.capture import capture_live, capture_missing, capture_until_whole
from rotator.live.knowledge import try_parse
from rotator.live.newest_tokens import look_into_table
from rotator.live.refresh_answers import settled
from rotator.live.unclaimed import keep_unreadable
from rotator.model import (
    NOBODY,
    Account,
    AccountId,
    Credential,
    Digest,
    Event,
    EventKind,
    SwapMark,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.auth.file import (
    Missing,
    Reading,
    Whole,
    read_live,
    require_whole,
    with_entry,
)
from rotator.opencode.auth.writer import put_live, resolve
from rotator.secret import Secret
from rotator.system.files import sync_folder
from rotator.system.interrupts import put_off
from rotator.system.locks import swap_lock

MOST_TRIES = 50
_FEWEST_TRIES = 2
# opencode writes its file in well under this; a person waits for it gladly, a request does not.
PATIENCE_SECONDS = 2.0
# Others wait for the lock meanwhile, and no longer than twice as long.
_LONGEST_SECONDS = 5.0
# What is done again at the next look waits for nobody now.
_NO_HURRY_SECONDS = 0.15


@dataclass(frozen=True)
class SwapRequest:
    """What is asked of `swap`.

    With `expected` the swap is given up when another account is in the slot by now (somebody
    logged in or rotated meanwhile). `on_renamed` is called with the account as soon as
    auth.json has its new content, before the bookkeeping; `also` adds writes to the
    bookkeeping's transaction.
    """

    account: AccountId
    why: str
    kind: EventKind = EventKind.SWAPPED
    expected: AccountId | None = None
    check_expected: bool = False
    watched: bool = False
    patience_seconds: float = PATIENCE_SECONDS
    on_renamed: Callable[[Account], None] = lambda _: None
    also: Callable[[], None] = lambda: None
    # What led to the swap; written down before it.
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Swapped:
    """What a swap did: who left, who is live now, and whether auth.json had to be written."""

    left: Account | None
    put: Account
    written: bool


def swap(context: Context, order: SwapRequest) -> Swapped | None:
    """Put an account into auth.json and make it active; None if `expected` no longer holds.

    Raises LiveFileUnreadable (nothing was written), SwapConflict, SwapUnverified, LiveFileError,
    AccountNotFound, NothingToRotateTo (its refresh token is spent, or may be), StoreError.
    """
    with swap_lock(context.paths.swap_lock):
        look_into_table(context, order.account)
        for _ in _tries():
            reading = capture_until_whole(context, order.watched, order.patience_seconds)
            target = context.store.state().account(order.account)
            if target is None:
                message = "the account to rotate to was removed meanwhile"
                raise AccountNotFound(message)
            left = context.store.state().active(target.provider)
            if order.check_expected and (left.id if left else None) != order.expected:
                return None
            if left is None or left.id != target.id:
                target = settled(context, target)
            content = with_entry(
                require_whole(reading, context.paths.auth_file),
                target.provider,
                target.credential.entry,
            )
            written = not (isinstance(reading, Whole) and content == reading.content)
            keep_unreadable(context, reading, target.provider)
            with _in_one_piece(context):
                if not written or put_live(
                    context.paths.auth_file, reading, content, context.replaced
                ):
                    order.on_renamed(target)
                    _settle(context, order, Swapped(left, target, written), reading, content)
                    return Swapped(left, target, written)
    message = f"{context.paths.auth_file} kept changing while it was to be swapped"
    raise SwapConflict(message, hint="try again in a moment; nothing was written")


@contextlib.contextmanager
def _in_one_piece(context: Context) -> Iterator[None]:
    """Wait for who writes into the store before auth.json changes, and obey no signal since."""
    context.store.require_turn()
    with put_off("finishing what was begun in auth.json"):
        yield


def take_out(
    context: Context, account: Account, *, also: Callable[[], None] = lambda: None
) -> bool:
    """Take the entry of a live account out of auth.json and leave its slot empty.

    `also` adds writes to the bookkeeping's transaction. False if another account is in the
    slot by now; then nothing was done.
    """
    provider = account.provider
    with swap_lock(context.paths.swap_lock):
        for _ in _tries():
            reading = capture_until_whole(context, watched=False, patience_seconds=PATIENCE_SECONDS)
            if context.store.state().slot(provider).active != account.id:
                return False
            content = with_entry(require_whole(reading, context.paths.auth_file), provider, None)
            unchanged = isinstance(reading, Whole) and content == reading.content
            absent = not isinstance(reading, Whole)
            keep_unreadable(context, reading, provider)
            with _in_one_piece(context):
                if (
                    unchanged
                    or absent
                    or put_live(context.paths.auth_file, reading, content, context.replaced)
                ):
                    now = context.clock()
                    with context.store.transaction():
                        context.store.set_active(provider, None, now)
                        context.store.note_swap(provider, None)
                        if not absent:
                            context.store.set_live(content, now)
                        also()
                    sync_folder(resolve(context.paths.auth_file).parent)
                    return True
    message = f"{context.paths.auth_file} kept changing while an entry was to be taken out"
    raise SwapConflict(message, hint="try again in a moment; nothing was written")


def rewrite_live(
    context: Context,
    account: Account,
    entry_of: Callable[[Credential], Secret],
    *,
    watched: bool,
) -> bool:
    """Give a live login another entry of the same secrets, in auth.json first, then in the store.

    Whoever is killed in between is followed by the next one who asks for it. False where nothing
    was done: auth.json is not whole just now, or holds something else by now. Raises LiveFileError,
    StoreError.
    """
    provider = account.provider
    with swap_lock(context.paths.swap_lock, patience_seconds=_NO_HURRY_SECONDS):
        for _ in _tries():
            reading = capture_live(context, watched=watched)
            if not isinstance(reading, Whole) or provider not in reading.entries:
                return False
            held = try_parse(provider, reading.entries[provider])
            active = context.store.state().active(provider)
            if (
                isinstance(held, str)
                or active is None
                or active.id != account.id
                or not same_secrets(held, account.credential)
                or not same_secrets(active.credential, account.credential)
            ):
                return False
            entry = entry_of(held)
            content = with_entry(reading, provider, entry)
            unchanged = content == reading.content
            with _in_one_piece(context):
                if unchanged or put_live(
                    context.paths.auth_file, reading, content, context.replaced
                ):
                    now = context.clock()
                    with context.store.transaction():
                        credential = parse_entry(provider, entry)
                        context.store.renew_credential(active, credential, NOBODY, now)
                        context.store.set_live(content, now)
                    sync_folder(resolve(context.paths.auth_file).parent)
                    return True
    return False


def _tries() -> Iterator[None]:
    """Yield for each time that auth.json may have changed before it was written; at least twice."""
    give_up_at = time.monotonic() + _LONGEST_SECONDS
    for number in range(MOST_TRIES):
        if number >= _FEWEST_TRIES and time.monotonic() > give_up_at:
            return
        yield


def _settle(
    context: Context, order: SwapRequest, done: Swapped, was: Reading, content: bytes
) -> None:
    """Write down a swap that has happened; it is durable when this returns."""
    if isinstance(was, Missing):
        capture_missing(context)
    now = context.clock()
    left, put = done.left, done.put
    has_moved = left is None or left.id != put.id
    with context.store.transaction():
        if has_moved:
            context.store.note_swap(put.provider, _mark(done, was, now))
        context.store.set_active(put.provider, put.id, now)
        context.store.set_live(content, now)
        order.also()
    if done.written:
        sync_folder(resolve(context.paths.auth_file).parent)
    from_alias = left.alias if left else None
    done_event = Event(now, order.kind, put.provider, put.name, from_alias, put.alias, order.why)
    context.record([*order.events, *([done_event] if done.written or has_moved else [])])
    context.notify_changed()
    again = read_live(context.paths.auth_file)
    if done.written and again == was:
        message = f"{context.paths.auth_file} holds its old content again right after the swap"
        raise SwapUnverified(message, hint="another program writes it; run the command again")


def _mark(done: Swapped, was: Reading, now: datetime) -> SwapMark:
    entry = was.entries.get(done.put.provider) if isinstance(was, Whole) else None
    expires_at = done.left.credential.expires_at if done.left else None
    return SwapMark(
        left=done.left.id if done.left else None,
        put=done.put.id,
        at=now,
        left_entry=Digest(entry.digest()) if entry else None,
        left_expired=expires_at is not None and expires_at <= now,
    )
