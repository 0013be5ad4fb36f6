"""Which opencodes may have written the lines of a run in opencode's log.

The log names no process. A run belongs to one process, and a process has one run, or none where
it logs warnings or errors alone or the log was cut. So as many processes as can be are given a
run that begins as and when they did; a process that has one in any case wrote no other. What a
run begins with may be written later, too: of a run that no process needs it proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.opencode.run_lines import Run, Runs
from rotator.system.processes import ATTACH, Opencode

# By so much a process may seem to begin after its first line.
_EARLIER = timedelta(seconds=0.5)

# Which runs each process may have: the processes by their place in a list.
_Edges = Mapping[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Writers:
    """The processes that may have written a line.

    `beginners` may have begun with the first line of its run; `older` began before it, and the
    line may be theirs all the same. With `begins` the process is one that began with the run's
    first line, or one of `older`; else it may be one that has ended as well. `run` is None where
    its times say nothing.
    """

    run: Run | None
    beginners: tuple[Opencode, ...] = ()
    older: tuple[Opencode, ...] = ()
    begins: bool = False


def find_writers(name: str, at: datetime, runs: Runs, processes: Sequence[Opencode]) -> Writers:
    """Return who may have written a line of that run at that time, of all that run or ran."""
    run, edges = runs.runs.get(name), _edges(runs, processes)
    spare = [processes[number] for number in _spare(edges)]
    # A first line that is ahead was written before the clock was set back.
    if run is None or run.first_at > at:
        return Writers(None, older=_begun_by(at, spare))
    older = _begun_by(run.first_at, spare)
    if not run.is_whole:
        return Writers(run, older=older)
    holders = [processes[number] for number, names in edges.items() if name in names]
    is_theirs = _is_needed(name, edges) and any(_suits(holder, run) for holder in holders)
    # A server that begins with a folder has begun before that.
    is_late = run.opened is not None and not is_theirs
    late = [holder for holder in holders if is_late and not _opens_folder(holder)]
    beginners = tuple(holder for holder in holders if holder not in late)
    # Whoever logs errors alone needs no run: then this may be an older one's whose log was cut.
    others = (process for process in older if process not in holders)
    return Writers(run, beginners, (*others, *late), begins=True)


def _begun_by(at: datetime, processes: Sequence[Opencode]) -> tuple[Opencode, ...]:
    return tuple(process for process in processes if process.started_at - _EARLIER <= at)


def _edges(runs: Runs, processes: Sequence[Opencode]) -> dict[int, list[str]]:
    """Return which runs may be each process's, those that suit it best alone."""
    edges: dict[int, list[str]] = {}
    for number, process in enumerate(processes):
        # A client logs nothing; of what was not read nothing is known.
        if process.kind == ATTACH or (runs.since is not None and process.started_at < runs.since):
            edges[number] = []
            continue
        named = [n for n, r in runs.runs.items() if r.is_whole and r.is_of(process.started_at)]
        suited = [name for name in named if _suits(process, runs.runs[name])]
        edges[number] = suited or named
    return edges


def _suits(process: Opencode, run: Run) -> bool:
    """Tell whether such a process begins its log as this run does (1.17.0 to 1.18.33)."""
    if not _opens_folder(process):
        return run.opened is None
    return run.opened is not None and run.opened == process.folder


def _opens_folder(process: Opencode) -> bool:
    """Tell whether it uses its folder first; a server reads the user's configuration first."""
    return process.kind != "serve" or process.uses_at_once


def _spare(edges: _Edges) -> list[int]:
    """Return the processes that need not have any run: as many others may have one."""
    most = _pairs(edges)
    return [
        number
        for number in edges
        if _pairs({k: v for k, v in edges.items() if k != number}) == most
    ]


def _is_needed(name: str, edges: _Edges) -> bool:
    """Tell whether some process has no run without this one."""
    left = {number: [n for n in names if n != name] for number, names in edges.items()}
    return _pairs(left) < _pairs(edges)


def _pairs(edges: _Edges) -> int:
    """Return how many processes can have a run of their own at once (Kuhn's algorithm)."""
    taken: dict[str, int] = {}

    def find(number: int, tried: set[str]) -> bool:
        for name in edges[number]:
            if name in tried:
                continue
            tried.add(name)
            if name not in taken or find(taken[name], tried):
                taken[name] = number
                return True
        return False

    return sum(find(number, set()) for number in edges)
