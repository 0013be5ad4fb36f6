"""What one process has open: the paths, the store, the history, the providers and the clock."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from rotator.clock import Clock, system_clock
from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.model import AccountId, Event, EventKind, Snapshot, State
from rotator.model.preferences import Preferences
from rotator.opencode.auth.replaced import ReplacedFiles
from rotator.plugins.registry import Registry, load_registry
from rotator.settings.active import active_settings
from rotator.settings.interrupted import finish_interrupted_settings
from rotator.storage.account_copy import Copied
from rotator.storage.backups import Backups
from rotator.storage.database import Connection
from rotator.storage.history import History
from rotator.storage.history_file import BUSY_SECONDS, BUSY_WATCHING_SECONDS
from rotator.storage.schema_upgrade import forget_request, without_watcher
from rotator.storage.soundness import require_intact
from rotator.storage.store import Store
from rotator.storage.transactions import BUSY_SECONDS as STORE_SECONDS
from rotator.storage.write_ahead_log import require_whole_wal
from rotator.system.files import touch
from rotator.system.locks import LOOK_SECONDS, is_held
from rotator.system.paths import Paths, private_folder
from rotator.wording import moment_to_the_second

log = logging.getLogger(__name__)


class Purpose(Enum):
    """What a context is opened for."""

    CHANGE = "change"
    LOOK = "look"
    WATCH = "watch"


@dataclass(frozen=True)
class Context:
    """What one process has open; pass it on, do not open it twice."""

    paths: Paths
    store: Store
    history: History
    registry: Registry
    clock: Clock
    replaced: ReplacedFiles
    backups: Backups
    # What a person has to hear at once, beside the events.
    on_notice: Callable[[str], None] = field(default=lambda _: None)
    # The user's settings as of now.
    preferences: Callable[[], Preferences] = Preferences
    # Who is told of each event at once; the watcher has somebody.
    on_event: Callable[[Event], None] = field(default=lambda _: None)
    # They are copies of what nobody here can write: no vendor is asked, no file swept.
    are_copies: bool = False

    def decision_state(self, provider: str | None = None) -> State:
        """Return what is decided from: the state, the user's wishes, and the usage of accounts.

        That is of one provider's, or (None) of all.

        Usage that cannot be read is unknown. Raises StoreError for the store alone.
        """
        state = self.store.state()
        usage: dict[AccountId, Snapshot] = {}
        try:
            asked = self.history.all_asked()
            for account in state.accounts if provider is None else state.of(provider):
                record = asked.get(account.id)
                if record is not None and record.snapshot is not None:
                    usage[account.id] = record.snapshot
        except StoreError as exc:
            log.warning("usage could not be read: %s", exc.message)
        return replace(state, usage=usage, preferences=self.preferences())

    def back_up_if_due(self, *, regular: bool = True) -> bool:
        """Copy the accounts if they have changed since the newest copy; see `Backups`.

        Costs next to nothing otherwise; call it when nobody waits. Not `regular`, it is done only
        where an account has been captured.
        """
        if not regular:
            return self.backups.back_up_captured(self.store, self.clock())
        return self.backups.back_up_if_due(self.store, self.clock())

    def purge(self) -> bool:
        """Erase what was removed from everything that is kept; False: it is done later.

        Call it outside of a transaction, after one that removed a credential (`note_purge`).
        """
        return self.backups.purge(self.store, self.clock())

    def mend(self) -> bool:
        """Rebuild the store if it is damaged and tell what was lost; False if it is sound.

        For whoever has met StoreDamaged; call it without any lock. The store that is open
        follows by itself.
        """
        mended = _mend(self.paths, self.backups, self.clock)
        self.report_losses()
        return mended

    def report_losses(self) -> None:
        """Tell what a rebuilding has lost, if nobody has told it yet."""

        def note(why: str) -> None:
            self.record([Event(self.clock(), EventKind.PROBLEM, why=why)])

        notice = self.store.hand_over_notice(note)
        if notice is not None:
            self.notify_changed()
            self.on_notice(notice)
        self._tell_of_history()

    def _tell_of_history(self) -> None:
        notice = self.history.take_notice()
        if notice is not None:
            self.on_notice(notice)

    def record(self, events: Iterable[Event]) -> None:
        """Write `events` down; a history that cannot be written costs only itself."""
        kept = list(events)
        for event in kept:
            who = event.account or event.provider or "-"
            log.info("%s %s: %s", event.kind.value, who, event.why)
        try:
            self.history.record(kept)
        except StoreError:
            log.exception("events could not be recorded")
        self._tell_of_history()
        for event in kept:
            self.on_event(event)

    def notify_changed(self) -> None:
        """Tell watcher and dashboards that the store has changed."""
        # They look by themselves from time to time; what was done is done.
        with contextlib.suppress(OSError, StoreError):
            private_folder(self.paths.state)
            touch(self.paths.changed)


@contextlib.contextmanager
def open_context(
    paths: Paths,
    *,
    clock: Clock = system_clock,
    registry: Registry | None = None,
    purpose: Purpose = Purpose.CHANGE,
    tell: Callable[[str], None] = lambda _: None,
    preferences: Callable[[], Preferences] | None = None,
) -> Iterator[Context]:
    """Open everything below `paths`; a damaged store is rebuilt first, and `tell` hears of it.

    The watcher, which holds its lock, looks at the whole store, and changes the schema without
    asking anybody; whoever only looks does not wait long for others. Raises StoreError,
    NewerSchema.
    """
    is_watcher = purpose is Purpose.WATCH
    backups, moment = Backups(paths), BUSY_WATCHING_SECONDS if is_watcher else BUSY_SECONDS
    with (
        _open_store(paths, backups, clock, purpose) as store,
        contextlib.closing(History(paths.history, patience_seconds=moment)) as history,
        contextlib.closing(ReplacedFiles(paths.journal)) as replaced,
    ):
        finish_interrupted_settings(paths)
        known = registry or load_registry()
        wanted = preferences or (lambda: active_settings(paths).preferences)
        context = Context(paths, store, history, known, clock, replaced, backups, tell, wanted)
        context.report_losses()
        yield context


@contextlib.contextmanager
def open_copied_context(
    paths: Paths, why: str, *, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Context]:
    """Open copies of everything below `paths`, of which `why` says that it cannot be written.

    Nothing is made, changed or mended. Raises StoreError, StoreDamaged, NewerSchema.
    """
    # Hardly anybody needs it.
    from rotator.storage.store_copy import HistoryCopy  # noqa: PLC0415  # see above

    with (
        _copied_store(paths, why, tell) as store,
        contextlib.closing(HistoryCopy(paths.history)) as history,
        contextlib.closing(ReplacedFiles(paths.journal)) as replaced,
    ):
        context = Context(
            paths,
            store,
            history,
            load_registry(),
            system_clock,
            replaced,
            Backups(paths),
            tell,
            lambda: active_settings(paths).preferences,
            are_copies=True,
        )
        context.report_losses()
        yield context


def _copied_store(paths: Paths, why: str, tell: Callable[[str], None]) -> Store:
    """Return the store as it is, or, where it is damaged, its newest sound backup, and say so."""
    from rotator.storage.store_copy import StoreCopy, newest_backup  # noqa: PLC0415  # hardly anybody needs it

    try:
        return StoreCopy(paths.store, why)
    except StoreDamaged as exc:
        newest = newest_backup(Backups(paths), why)
        if newest is None:
            raise
        store, made_at = newest
        shown = f"what is shown is its backup of {moment_to_the_second(made_at)}"
        tell(f"{exc.message}; it cannot be rebuilt as long as nothing can be written, and {shown}")
        return store


def _open_store(paths: Paths, backups: Backups, clock: Clock, purpose: Purpose) -> Store:
    watching = purpose is Purpose.WATCH
    patience_seconds = LOOK_SECONDS if purpose is Purpose.LOOK else STORE_SECONDS

    def opened() -> Store:
        return Store(paths.store, gate=gate, patience_seconds=patience_seconds)

    @contextlib.contextmanager
    def gate(connection: Connection) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if not watching:
                stack.enter_context(without_watcher(paths, connection))
            # A new schema would seal a row anew that is not as it was written.
            require_intact(connection, paths.store)
            backups.back_up_before(Copied(connection, paths.store), clock())
            yield
        forget_request(paths)

    try:
        if watching or not is_held(paths.watch_lock):
            # With a watcher it is being written; and what SQLite tidies up is gone.
            require_whole_wal(paths.store)
        store = opened()
    except StoreDamaged:
        _mend(paths, backups, clock)
        store = opened()
    with contextlib.ExitStack() as closing:
        closing.push(store)
        try:
            store.require_sound()
            backups.require_copied(store)
        except StoreDamaged:
            # It is still open: nobody tidies up the damaged file, and it goes on with the new one.
            _mend_rows(store, lambda: _mend(paths, backups, clock))
        closing.pop_all()
    return store


def _mend(paths: Paths, backups: Backups, clock: Clock) -> bool:
    # A sound store does without it.
    from rotator.storage.repair import mend  # noqa: PLC0415  # 3 ms that short commands must not pay

    return mend(paths, backups, clock())


def _mend_rows(store: Store, mend: Callable[[], object]) -> None:
    """Rebuild the store; where the disk does not let us, a row that is damaged costs itself."""
    try:
        mend()
    except NewerSchema:
        raise
    except StoreError as exc:
        store.state()
        log.warning("the store is damaged and could not be rebuilt: %s", exc.message)
        return
    store.state()
