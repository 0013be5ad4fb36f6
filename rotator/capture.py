"""Live → store: what stands in auth.json is saved before anything else happens to it.

Call everything here under the swap lock. The meaning of a change is decided in
`rotator.changes`; here it is carried out, and auth.json is mended where the meaning asks for it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rotator.account_rows import How, renew, settle
from rotator.alias import free_alias
from rotator.atomic import sync_folder
from rotator.books import Books
from rotator.changes import (
    Change,
    Dropped,
    Gone,
    Login,
    Logout,
    Refresh,
    Revert,
    Revived,
    Unreadable,
    Wipe,
    interpret,
)
from rotator.claims import is_saved, says_something
from rotator.credential_secrets import given_as, same_secrets
from rotator.errors import LiveFileError, SwapConflict
from rotator.generations import line_of
from rotator.known import knowledge, try_parse
from rotator.late_logins import UNKNOWN, LateLogin, sense_of
from rotator.lock import watcher_pid
from rotator.model import Account, AccountId, Digest, Doubt, Event, EventKind, State, SwapMark
from rotator.opencode.authfile import Missing, Reading, Torn, Whole, read_live, with_entry
from rotator.opencode.authwrite import put_live, resolve, sweep_live
from rotator.opencode.descent import read_descents, taken_in
from rotator.opencode.journal import finish_interrupted
from rotator.opencode.replaced import Old
from rotator.ownership import Knowledge, Proof
from rotator.rebuild import rebuild
from rotator.secret import Secret
from rotator.store import Store
from rotator.text import clean
from rotator.unclaimed import LIST, keep

LOGGED_OUT = "logged out in opencode"
_MOST_MENDING = 5
_LOOK_SECONDS = 0.002


def absorb(books: Books, *, watched: bool) -> Reading:
    """Save what auth.json holds now, mend what has to be mended, and return what it holds then.

    A torn or missing file changes nothing. `watched` says that every write since the last
    call was seen. Raises StoreError, and LiveFileError if a needed repair cannot be written:
    then the next call tries it again.
    """
    absorb_late(books)
    for _ in range(_MOST_MENDING):
        reading = read_live(books.paths.auth_file)
        # Whoever wrote tokens there has told before where they came from.
        take_descents(books)
        if not isinstance(reading, Whole) or reading.digest == books.store.live_digest():
            return reading
        mended = take_in(books, reading, watched=watched)
        if mended is None:
            return reading
        if put_live(books.paths.auth_file, reading, mended.content, books.replaced):
            sync_folder(resolve(books.paths.auth_file).parent)
            with books.store.transaction():
                books.store.set_live(mended.content, books.clock())
            books.record(mended.events)
            books.announce()
            return read_live(books.paths.auth_file)
    # What it holds now has not been saved: nobody may write over it.
    message = f"{books.paths.auth_file} kept changing while it was to be mended"
    raise SwapConflict(message, hint="try again in a moment")


def take_descents(books: Books) -> None:
    """Take in what bridges have seen of tokens, and do what is known by it of accounts."""
    found = read_descents(books.paths)
    if not found.files:
        return
    now = books.clock()
    events: list[Event] = []
    with books.store.transaction():
        books.store.note_descents(found.descents, now)
        for provider in sorted({account.provider for account in books.store.state().accounts}):
            events += settle(books, provider, now)
    taken_in(found)
    books.record(events)
    if events:
        books.announce()


@dataclass(frozen=True)
class Mended:
    """What auth.json should hold instead, and what has happened once it does."""

    content: bytes = field(repr=False)
    events: tuple[Event, ...]


def take_in(books: Books, reading: Whole, *, watched: bool) -> Mended | None:
    """Save what `reading` holds; return what has to be mended, if anything.

    Until it is mended the content is not the last seen one, so that a mending that fails is
    tried again.
    """
    now = books.clock()
    before = _before(books)
    known = knowledge(books, watched=watched)
    events: list[Event] = []
    mending: list[Event] = []
    content = reading
    with books.store.transaction():
        changes = interpret(before, reading.entries, known)
        for change in changes:
            event, entry = _apply(books, change, now, events)
            (events if entry is None else mending).append(event)
            if entry is not None:
                content = Whole(with_entry(content, change.provider, entry or None))
        for provider in dict.fromkeys(change.provider for change in changes):
            events += settle(books, provider, now)
        _keep_shadowed(books, reading, known)
        _leave_empty_slots(books, content, now)
        if mending:
            # Whatever comes then, even what was there before, is not what was just noted.
            books.store.forget_live_digest()
        else:
            books.store.set_live(reading.content, now)
    books.record(events)
    if events:
        books.announce()
    return Mended(content.content, tuple(mending)) if mending else None


def _leave_empty_slots(books: Books, content: Whole, now: datetime) -> None:
    """Note that nobody is in a slot without an entry, as after a mending that came to nothing."""
    for provider, slot in books.store.state().slots.items():
        if slot.active is not None and provider not in content.entries:
            books.store.set_active(provider, None, now)


def absorb_late(books: Books) -> None:
    """Save what was written into a file that we had just put another in the place of.

    A login found there is saved. It is live, too, where auth.json still has the entry that the
    writer knew; where a swap put another one in, that one stays. A logout there is not heard.
    What a write in place has left that came to no end is put right before.
    """
    replaced = books.replaced
    # What a crash left beside it holds logins.
    sweep_live(books.paths.auth_file)
    finish_interrupted(replaced.journal)
    replaced.follow_mounts(resolve(books.paths.auth_file))
    changed = replaced.changed()
    if changed:
        take_descents(books)
    for old, late in changed:
        _save_late(books, old, late)
        old.seen = late
    _put_late(books)


def await_late(books: Books, *, patience_seconds: float) -> None:
    """Do the same for the last time, after whoever writes just now has ended.

    opencode empties the file as it opens it: one that is whole now has nobody in it any more.
    """
    deadline = time.monotonic() + patience_seconds
    while books.replaced.is_being_written() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    absorb_late(books)
    while books.store.late_logins() and time.monotonic() < deadline:
        # What stands in auth.json has to be whole and saved before anything is put beside it.
        absorb(books, watched=watcher_pid(books.paths.watch_lock) is not None)
        absorb_late(books)
        time.sleep(_LOOK_SECONDS)


def _save_late(books: Books, old: Old, late: Whole) -> None:
    """Save the credentials that are new in `late`, and note that they are to be live."""
    now = books.clock()
    known = knowledge(books, _as_of(books, old.seen))
    last = books.store.live_content()
    in_auth_json = Whole(last).entries if last is not None else {}
    events: list[Event] = []
    found: list[LateLogin] = []
    with books.store.transaction():
        changes = interpret(old.seen.entries, late.entries, known)
        logins = [one for one in changes if isinstance(one, Login | Refresh)]
        for change in logins:
            if change.stale:
                _keep_unknown(books, change)
                continue
            if isinstance(change, Login) and not change.fresh and len(changes) > 1:
                continue  # one that its writer had read before somebody else logged in
            before = sense_of(old.seen.entries.get(change.provider))
            before = UNKNOWN if old.is_unknown else before
            beside = sense_of(in_auth_json.get(change.provider))
            found.append(LateLogin(change.provider, change.credential.digest, before, beside))
            events += _save(books, change, now)
        for provider in dict.fromkeys(one.provider for one in found):
            events += settle(books, provider, now)
        # Whoever dies from here on leaves it to the next one who looks.
        if found:
            books.store.set_late_logins([*books.store.late_logins(), *found])
    books.record(events)
    if events:
        books.announce()


def _save(books: Books, change: Login | Refresh, now: datetime) -> list[Event]:
    if change.account is None:
        return [_add(books, change, now)]
    if isinstance(change, Login) and not change.fresh:
        return []
    news = _renew(books, change.account, change, now)
    return [*news, _event(now, EventKind.REFRESHED, change.account, _refreshed(change))]


def _as_of(books: Books, before: Whole) -> State:
    """Return the state with those accounts in the slots that `before` has there.

    Whatever comes late undoes no swap: it went into a file that nobody reads.
    """
    state = books.store.state()
    slots = {provider: replace(slot, swap=None) for provider, slot in state.slots.items()}
    for provider, entry in before.entries.items():
        held = [a.id for a in state.of(provider) if a.credential.entry == entry]
        active = held[0] if held else None
        slots[provider] = replace(state.slot(provider), active=active, swap=None)
    return replace(state, slots=slots)


def _put_late(books: Books) -> None:
    """Put late logins in where nobody else was put; what cannot be put in now waits."""
    store, waiting = books.store, books.store.late_logins()
    reading = read_live(books.paths.auth_file) if waiting else Missing()
    if not isinstance(reading, Whole):
        return
    waiting = _without_overtaken(store, waiting, reading)
    # What nobody has saved yet is taken in first: what comes then is compared with what it was.
    if reading.digest != store.live_digest():
        return
    merged, left = reading, dict[str, Secret | None]()
    for late in waiting:
        state, now = store.state(), merged.entries.get(late.provider)
        account = state.account(store.holder(late.provider, late.digest))
        if account is None:
            continue  # removed since
        # The very account that was put in: what it was put in with is older.
        is_live = state.slot(late.provider).active == account.id
        entry = account.credential.entry
        if sense_of(now) != sense_of(entry) and (is_live or sense_of(now) == late.known):
            keep_unreadable(books, reading, late.provider)
            merged = Whole(with_entry(merged, late.provider, entry))
            left.setdefault(late.provider, now)
    if left and not put_live(books.paths.auth_file, reading, merged.content, books.replaced):
        return
    if left:
        sync_folder(resolve(books.paths.auth_file).parent)
    with store.transaction():
        store.set_late_logins([])
        _take_in_late(books, merged, left)


def _without_overtaken(
    store: Store, waiting: Sequence[LateLogin], reading: Whole
) -> tuple[LateLogin, ...]:
    """Drop late logins after which somebody has written another entry.

    That one stays, and what comes after it too, even a logout where their writer knew no login.
    """
    entries = reading.entries
    left = tuple(one for one in waiting if sense_of(entries.get(one.provider)) == one.beside)
    if len(left) < len(waiting):
        store.set_late_logins(left)
    return left


def _take_in_late(books: Books, merged: Whole, left: Mapping[str, Secret | None]) -> None:
    """Note that late logins are live; the next change is compared with what was put in.

    A writer that had read the file before may bring back what it `left`: that undoes no login,
    as it undoes no swap.
    """
    before = {provider: books.store.state().slot(provider).active for provider in left}
    if left:
        take_in(books, merged, watched=True)
    for provider, entry in left.items():
        was, slot = before[provider], books.store.state().slot(provider)
        if was is None or slot.active in (None, was) or entry is None:
            continue
        known = Digest(entry.digest())
        mark = SwapMark(was, slot.active, books.clock(), known, left_expired=False)
        books.store.note_swap(provider, mark)


def absorb_missing(books: Books) -> None:
    """Note that there is no auth.json (any more): every slot is empty, no account is touched."""
    if books.store.live_content() is None:
        return
    now = books.clock()
    with books.store.transaction():
        for provider, slot in books.store.state().slots.items():
            if slot.active is not None:
                books.store.set_active(provider, None, now)
        books.store.set_live(None, now)
    why = "auth.json is gone; every account stays saved, rotator rotate PROVIDER ALIAS puts it back"
    books.record([Event(now, EventKind.PROBLEM, why=why)])
    books.announce()


def rebuild_torn(books: Books, torn: Torn) -> bool:
    """Write auth.json anew from its last whole content, keeping what would be lost.

    For a file that nobody finishes. False if there is nothing to write or it changed meanwhile.
    Raises LiveFileUnreadable for one that is never written over, LiveFileError, StoreError.
    """
    return rebuild(books, torn) is not None


def keep_unreadable(books: Books, reading: Reading, provider: str) -> None:
    """Keep the provider's entry before it goes, if it is one that nobody could save.

    Raises LiveFileError where there is no room for it: then it must not go.
    """
    entry = reading.entries.get(provider) if isinstance(reading, Whole) else None
    why = try_parse(provider, entry) if entry is not None else None
    if entry is None or not isinstance(why, str) or not says_something(entry):
        return
    kept = keep(books, entry.reveal().encode("utf-8"), why, provider)
    if kept.is_new:
        why = "its entry could not be read and made room"
        why = f"{why}; it is kept as unclaimed content {kept.number}: {LIST}"
        books.record([Event(books.clock(), EventKind.PROBLEM, clean(provider), why=why)])


def _keep_shadowed(books: Books, reading: Whole, known: Knowledge) -> None:
    """Keep entries whose name comes again in auth.json: opencode drops them when it writes."""
    last = {member.provider: member for member in reading.members}
    for member in reading.members:
        if member is last[member.provider]:
            continue
        entry = Secret(reading.content.decode("utf-8")[member.value_start : member.value_end])
        found = try_parse(member.provider, entry)
        saved = not isinstance(found, str) and is_saved(member.provider, found, known)
        if says_something(entry) and not saved:
            why = "another entry of the same name stood behind it"
            # Nobody has been asked to write over it yet.
            with contextlib.suppress(LiveFileError):
                keep(books, entry.reveal().encode("utf-8"), why, member.provider)


def _before(books: Books) -> Mapping[str, Secret]:
    content = books.store.live_content()
    return {} if content is None else Whole(content).entries


_NO_ENTRY = Secret("")


def _apply(
    books: Books, change: Change, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    """Carry a change out; return its event and the entry that auth.json should have instead.

    None leaves auth.json as it is, an empty secret takes the entry out. What else has happened
    to accounts by it is added to `also`.
    """
    match change:
        case Login():
            return _login(books, change, now, also)
        case Refresh():
            return _refresh(books, change, now, also)
        case Revert():
            return _revert(books, change, now, also)
        case Dropped():
            return _drop(books, change, now), None
        case Logout() | Gone():
            return _left(books, change, now), None
        case Wipe() | Revived() | Unreadable():
            return _mended(change, now)


def _left(books: Books, change: Logout | Gone, now: datetime) -> Event:
    books.store.set_active(change.provider, None, now)
    if isinstance(change, Gone):
        why = "its entry went from auth.json while no watcher ran; rotate puts it back"
        return _event(now, EventKind.PROBLEM, change.account, why)
    books.store.set_disabled(change.account.id, LOGGED_OUT)
    return _event(now, EventKind.LOGGED_OUT, change.account, LOGGED_OUT)


def _mended(change: Wipe | Revived | Unreadable, now: datetime) -> tuple[Event, Secret | None]:
    match change:
        case Wipe(provider=provider, entry=entry):
            why = "its entry was lost in a write about another one and was put back"
            return Event(now, EventKind.RESTORED, provider, why=why), entry
        case Revived(provider=provider, entry=active):
            why = "an old copy of auth.json brought back a removed account; it was taken out again"
            return Event(now, EventKind.RESTORED, provider, why=why), active or _NO_ENTRY
        case Unreadable(provider=provider, why=why):
            # Its id may be what is wrong with it.
            return Event(now, EventKind.PROBLEM, clean(provider), why=why), None


def _drop(books: Books, change: Dropped, now: datetime) -> Event:
    """Keep an entry that opencode has left out because nobody can read it."""
    why = "its entry in auth.json could not be read and is gone from there"
    # Without room for it nothing could be done about it: it is gone.
    with contextlib.suppress(LiveFileError):
        if says_something(change.entry):
            content = change.entry.reveal().encode("utf-8", "surrogatepass")
            kept = keep(books, content, change.why, change.provider)
            why = f"{why}; it is kept as unclaimed content {kept.number}: {LIST}"
    return Event(now, EventKind.PROBLEM, clean(change.provider), why=why)


def _login(
    books: Books, change: Login, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    store, account = books.store, change.account
    if account is None:
        return _add(books, change, now, activate=True), None
    before = store.state().active(change.provider)
    if change.fresh and not change.stale:
        also += _renew(books, account, change, now)
    store.set_disabled(account.id, None)
    store.set_rejected(account.id, None)
    store.set_active(change.provider, account.id, now)
    store.note_swap(change.provider, None)
    event = _event(now, EventKind.SWAPPED, account, "logged in in opencode")
    event = replace(event, from_alias=before.alias if before else None, to_alias=account.alias)
    if not change.stale:
        return event, None
    return replace(event, why=event.why + _keep_unknown(books, change)), account.credential.entry


def _doubt_replaced(books: Books, change: Login, added: AccountId) -> None:
    """Note which tokens a new account may come from that others took the place of just before."""
    state, came_as = books.store.state(), given_as(change.credential)
    for account in state.of(change.provider):
        doubts = [
            Doubt(added, came_as, given_as(one.credential))
            for one in state.replaced.get(account.id, ())
            if one in change.may_be_replaced
        ]
        if doubts:
            books.store.set_doubts(account.id, [*account.doubts, *doubts])


def _add(books: Books, change: Login | Refresh, now: datetime, *, activate: bool = False) -> Event:
    provider, who = change.provider, change.identity
    alias = free_alias(provider, who.label, books.store.aliases(provider))
    added = books.store.add_account(provider, alias, change.credential, who, now)
    may_be = change.may_be if isinstance(change, Login) else ()
    for one in may_be:
        came_as, line = given_as(change.credential), line_of(books.store.state(), one)
        doubts = [Doubt(added, came_as, given_as(tokens.credential)) for tokens in line]
        books.store.set_doubts(one.id, [*one.doubts, *doubts])
    if isinstance(change, Login):
        _doubt_replaced(books, change, added)
    if activate:
        books.store.set_active(provider, added, now)
    why = "a new login in auth.json was saved"
    if not activate:
        why = "a login that opencode wrote just when another one was put in was saved"
    if may_be:
        names = " or ".join(one.alias for one in may_be)
        why = f"{why}; it may be {names} with new tokens, which is not used until that is known"
    name, to = f"{provider}/{alias}", alias if activate else None
    return Event(now, EventKind.CAPTURED, provider, name, None, to, why)


def _refresh(
    books: Books, change: Refresh, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    if change.stale:
        why = "an older copy of this login came back into auth.json; the newest was written again"
        why += _keep_unknown(books, change)
        return _event(now, EventKind.RESTORED, change.account, why), change.account.credential.entry
    also += _renew(books, change.account, change, now)
    if change.of_replaced is not None:
        # Whoever took their place has left with an account of their own.
        books.store.set_active(change.provider, change.account.id, now)
    return _event(now, EventKind.REFRESHED, change.account, _refreshed(change)), None


def _refreshed(change: Login | Refresh) -> str:
    by = {Proof.NONE: "its times", Proof.SHARED: "a text that others may have as well"}
    if change.proof not in by:
        return "refreshed by opencode"
    kept = "its tokens before are kept until that is known"
    return f"refreshed by opencode, by {by[change.proof]}; {kept}"


def _keep_unknown(books: Books, change: Login | Refresh | Revert) -> str:
    """Keep tokens that make room for an account's newer ones, if it never had them.

    Nothing but the time speaks against them, and a clock may have been wrong. Returns what an
    event says of it.
    """
    credential = change.credential
    secret = credential.refresh or credential.secret
    if not secret or books.store.holder(change.provider, Digest(secret.digest())):
        return ""
    why = "tokens that ran out before those of their account"
    kept = keep(books, credential.entry.reveal().encode("utf-8"), why, change.provider)
    return f"; what stood there is unclaimed content {kept.number}: {LIST}"


def _revert(
    books: Books, change: Revert, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    store = books.store
    if change.fresh:
        also += _renew(books, change.account, change, now)
    mark = store.state().slot(change.provider).swap
    if change.give_up or mark is None:
        store.note_swap(change.provider, None)
        store.set_active(change.provider, change.account.id, now)
        why = f"something keeps bringing {change.account.alias} back; it was left in auth.json"
        # As it came, unless the account has newer tokens by now: only those can be used.
        if change.fresh or same_secrets(change.account.credential, change.credential):
            return _event(now, EventKind.PROBLEM, change.account, why), None
        why += " with its newest tokens" + _keep_unknown(books, change)
        return _event(now, EventKind.PROBLEM, change.account, why), change.account.credential.entry
    store.note_swap(change.provider, replace(mark, at=now, rounds=change.rounds))
    saved = "its refreshed tokens were saved" if change.fresh else "nothing was lost"
    left, put = change.account.alias, change.put.alias
    why = f"an opencode wrote {left} back; {saved} and {put} is live again"
    if not change.fresh:
        why += _keep_unknown(books, change)
    event = _event(now, EventKind.REVERTED, change.account, why)
    event = replace(event, from_alias=left, to_alias=put)
    return event, change.put.credential.entry


def _renew(
    books: Books, account: Account, change: Login | Refresh | Revert, now: datetime
) -> list[Event]:
    how = How(change.proof, change.of_replaced)
    return renew(books, account, change.credential, change.identity, how, now)


def _event(now: datetime, kind: EventKind, account: Account, why: str) -> Event:
    return Event(now, kind, account.provider, account.name, why=why)
