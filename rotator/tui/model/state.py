"""What the dashboard is doing: which screen, what is chosen, what is being typed, what runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from rotator.model import AccountId
from rotator.tui.model.by_identity import ByIdentity
from rotator.tui.model.glyphs import UNICODE, Glyphs
from rotator.tui.model.messages import Undoable
from rotator.tui.model.world import EventRow, Item, Past, Row, SettingRow, World

NOTHING_READ: Past = MappingProxyType({})


class ScreenName(StrEnum):
    """A screen."""

    ACCOUNTS = "accounts"
    EVENTS = "events"
    PRIORITIES = "priorities"
    SETTINGS = "settings"


class PromptPurpose(StrEnum):
    """What a prompt or a picker is for."""

    RENAME = "rename"
    SETTING = "setting"
    CONNECT = "connect"
    MODEL = "model"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Help:
    """The keys of this screen, scrolled by `top` lines."""

    top: int = 0


@dataclass(frozen=True, slots=True)
class Confirm:
    """A question before something is taken away."""

    account: AccountId
    question: str
    says: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line that is being typed; `about` is what it is for: an account or a setting."""

    purpose: PromptPurpose
    title: str
    about: str
    text: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Picker:
    """A list to choose from, narrowed by what is typed; `items` is None until it has come."""

    purpose: PromptPurpose
    title: str
    about: str = ""
    items: tuple[Item, ...] | None = None
    query: str = ""
    row: int = 0

    @property
    def found(self) -> tuple[Item, ...]:
        """The items that fit every word of the query."""
        words = self.query.casefold().split()
        items = self.items or ()
        if not words:
            return items
        return tuple(i for i in items if all(w in _searched(i) for w in words))


def _searched(item: Item) -> str:
    return f"{item.key} {item.label} {item.note}".casefold()


@dataclass(frozen=True, slots=True)
class Page:
    """Sentences to read, scrolled by `top` lines."""

    title: str
    lines: tuple[str, ...]
    top: int = 0


Overlay = Help | Confirm | Prompt | Picker | Page


@dataclass(frozen=True, slots=True)
class Job:
    """Work that runs aside; `account` is whose row shows it.

    What it does `can_be_undone`: from its beginning nothing older is what would be taken back.
    """

    number: int
    says: str
    account: AccountId | None = None
    can_be_undone: bool = False


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """What to say for a while below the screen."""

    says: str
    failed: bool
    until: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """What narrows a list; `typing` while its line has the keyboard."""

    text: str = ""
    typing: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What has to be there."""
        return tuple(self.text.casefold().split())


NO_SEARCH = Search()


@dataclass(frozen=True, slots=True)
class DashboardState:
    """Everything that `view` draws from and `update` changes."""

    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    width: int = 80
    height: int = 24
    glyphs: Glyphs = UNICODE
    # Where times are shown; None is the system's own place.
    zone: tzinfo | None = None
    # None until the store was read for the first time.
    world: World | None = None
    broken: str | None = None
    past: Past = field(default_factory=lambda: NOTHING_READ)
    settings: tuple[SettingRow, ...] = ()
    place: ScreenName = ScreenName.ACCOUNTS
    account: AccountId | None = None
    # The chosen line of each other list, and the first line on screen of every list.
    rows: Mapping[ScreenName, int] = field(default_factory=lambda: MappingProxyType({}))
    tops: Mapping[ScreenName, int] = field(default_factory=lambda: MappingProxyType({}))
    searches: Mapping[ScreenName, Search] = field(default_factory=lambda: MappingProxyType({}))
    overlay: Overlay | None = None
    jobs: tuple[Job, ...] = ()
    jobs_begun: int = 0
    # The work that had begun last when the person did something last.
    touched_after: int = 0
    # Whom the work waits for, as long as any goes on.
    waits: str = ""
    # The work that writes the order last changed here.
    reordering: int = 0
    notice: StatusMessage | None = None
    undo: Undoable | None = None
    # A login that was just captured: it can be named as soon as it is on screen.
    to_name: AccountId | None = None

    @property
    def seen(self) -> World:
        """The world, an empty one before it was read."""
        return self.world or _EMPTY

    @property
    def undoable(self) -> Undoable | None:
        """What would be taken back now."""
        return None if any(job.can_be_undone for job in self.jobs) else self.undo

    @property
    def search(self) -> Search:
        """What narrows the list on screen."""
        return self.searches.get(self.place, NO_SEARCH)

    @property
    def rows_shown(self) -> tuple[Row, ...]:
        """The accounts that fit what is searched for."""
        words = self.searches.get(ScreenName.ACCOUNTS, NO_SEARCH).words
        rows = self.seen.rows
        return _narrowed(ByIdentity(rows), words, self.now) if words else rows

    @property
    def events_shown(self) -> tuple[EventRow, ...]:
        """The events that fit what is searched for, newest first."""
        words = self.searches.get(ScreenName.EVENTS, NO_SEARCH).words
        events = reversed(self.seen.events)
        return tuple(e for e in events if not words or all(w in e.words for w in words))

    @property
    def chosen(self) -> Row | None:
        """The account that the selection is on."""
        return self.seen.row(self.account)

    @property
    def row(self) -> int:
        """The chosen line of the list on screen, of those that are no accounts."""
        return self.rows.get(self.place, 0)

    def at_row(self, row: int) -> DashboardState:
        """Return the state with another line chosen."""
        return replace(self, rows={**self.rows, self.place: row})

    def at_top(self, top: int) -> DashboardState:
        """Return the state with another line first on the screen."""
        return replace(self, tops={**self.tops, self.place: top})

    def searching(self, search: Search) -> DashboardState:
        """Return the state with its list narrowed."""
        return replace(self, searches={**self.searches, self.place: search})


_EMPTY = World()


@lru_cache(maxsize=4)
def _narrowed(
    rows: ByIdentity[tuple[Row, ...]], words: tuple[str, ...], now: datetime
) -> tuple[Row, ...]:
    return tuple(row for row in rows.value if all(w in _account_words(row, now) for w in words))


def _account_words(row: Row, now: datetime) -> str:
    parts = (row.provider, row.alias, row.identity, row.type, row.plan, row.state_at(now).value)
    return " ".join(filter(None, parts)).casefold()
