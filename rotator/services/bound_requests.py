"""Which running opencodes have built their requests for another login than the one put in.

opencode builds them when it begins in a folder, and anew once it has laid that folder down, as
it does after a login of its own. A bridge puts no other kind of credential in, and adds none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from rotator.context import Context
from rotator.core.selection.policy import stands_in
from rotator.model import Account, State
from rotator.opencode.bridge.presence import Present
from rotator.opencode.run_lines import Run, runs_in
from rotator.services.without_bridge import Unbridged
from rotator.storage.tables.slots import TENURES_KEPT
from rotator.system.locks import watch_holder
from rotator.system.processes import started

# What is written in opencode is seen by us so much later at most.
_SEEN_WITHIN = timedelta(seconds=5)


class Bound(Enum):
    """What an opencode began with, where that is nothing that can be replaced by what is put in."""

    # A login of another kind or for another place.
    ELSEWHERE = auto()
    # No login of that provider, which had none before either.
    WITHOUT = auto()
    # The same, unless somebody logged in just before it began, while nobody of ours watched.
    MAYBE_WITHOUT = auto()
    # No login of that provider, which had one before: that was taken out, or logged out.
    EMPTIED = auto()


@dataclass(frozen=True, slots=True)
class _Running:
    """An opencode that runs: its process, since when, and the folders that it works in."""

    who: str
    at: datetime | None
    process_at: datetime | None
    folders: tuple[str, ...]


def bound_elsewhere(
    context: Context, without: Sequence[Unbridged], bridged: Sequence[Present], put: Account
) -> Iterator[tuple[str, Bound]]:
    """Yield the opencodes that began with nothing that `put` can replace, and what it was."""
    for process in (
        *map(_bridged, bridged),
        *(_silent(process) for process in without if process.hides_turns),
    ):
        state = context.store.state()
        run = _run_of(context, process.process_at) if process.process_at else None
        folders = _folders(process, run) if run else []
        again = _began_anew(context, run, folders) if run and process.at else None
        began_at = again + _SEEN_WITHIN if again else process.at
        # The log tells of everything that is built anew, if it tells when anything was built.
        is_told = run is not None and bool(folders) and all(f in run.folders for f in folders)
        bound = began_at and _bound(context, state, began_at, put, is_told=is_told)
        if bound:
            yield process.who, bound


def _bridged(presence: Present) -> _Running:
    process_at = started(presence.pid) if presence.is_here else None
    return _Running(presence.who, presence.started_at, process_at, presence.directories)


def _silent(process: Unbridged) -> _Running:
    at = process.opencode.started_at
    return _Running(process.who, at, at, ())


def _bound(
    context: Context, state: State, began_at: datetime, put: Account, *, is_told: bool
) -> Bound | None:
    tenures = state.slot(put.provider).tenures
    before = [tenure.account for tenure in tenures if tenure.since <= began_at]
    if not before:
        return _without(context, state, began_at) if len(tenures) < TENURES_KEPT else None
    if before[-1] is None:
        had_one = any(before) or len(tenures) >= TENURES_KEPT
        return Bound.EMPTIED if had_one else Bound.WITHOUT
    held = state.account(before[-1])
    if held is None or stands_in(put, held.credential):
        return None
    if is_told:
        return Bound.ELSEWHERE
    # A login of the same kind in between was most likely one in that opencode, which then builds
    # everything anew.
    later = [(state.account(t.account), t.since) for t in tenures if t.since > began_at]
    is_known = any(
        a and a.id != put.id and stands_in(put, a.credential) and _was_login(a, since)
        for a, since in later
    )
    return None if is_known else Bound.ELSEWHERE


def _was_login(account: Account, since: datetime) -> bool:
    """Tell whether an account came into its slot by a login, and by no swap of ours."""
    # While nobody watched it came in before it was seen.
    return since - account.captured_at <= _SEEN_WITHIN


def _without(context: Context, state: State, at: datetime) -> Bound | None:
    """Return what is known of an opencode that began before a provider's first login was seen."""
    holder = watch_holder(context.paths.watch_lock)
    since = started(holder.pid) if holder is not None and holder.is_here else None
    if since is not None and since <= at:
        return Bound.WITHOUT
    had_looked = any(tenure.since <= at for slot in state.slots.values() for tenure in slot.tenures)
    return Bound.MAYBE_WITHOUT if had_looked else None


def _run_of(context: Context, process_at: datetime) -> Run | None:
    return runs_in(context.paths.opencode_logs).of_process(process_at)


def _folders(process: _Running, run: Run) -> list[Path]:
    return list(map(Path, process.folders)) or list(run.folders)


def _began_anew(context: Context, run: Run, folders: Sequence[Path]) -> datetime | None:
    """Return since when all that an opencode does is built anew, where its log tells of that.

    A folder that it has laid down is built with the next request there, so with what is there now.
    """
    if not folders or any(folder not in run.laid_down for folder in folders):
        return None
    built = [(run.folders.get(folder), run.laid_down[folder]) for folder in folders]
    return min(at if at and at >= down else context.clock() for at, down in built)
