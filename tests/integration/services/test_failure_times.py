"""Whom a line of opencode's log blames where no bridge tells what the request carried (B)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.core.selection.failover import account_of
from rotator.live.swap import SwapRequest, swap
from rotator.model import Signal, Source
from rotator.opencode.log import LoggedFailure
from rotator.opencode.run_lines import Run, Runs, runs_in
from rotator.services.failure_times import UNDER_WAY, OtherOpencode, Surroundings, attribution_time
from rotator.storage.tables.slots import TENURES_KEPT
from rotator.system.processes import Opencode
from tests.support.live import Live, api, oauth, open_live, opencode_running

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FOLDER, OTHER = Path("/project"), Path("/other")


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Three keys of acme and three logins of x, hours ago; the third of each is live."""
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC) - 3 * HOUR
        for name in ("a", "b", "c"):
            live.sees({"acme": api(name), "x": oauth(name)})
            live.clock.pass_time(minutes=20)
        yield live


def swap_in(live: Live, name: str, at: datetime) -> None:
    """Swap that account in at a time."""
    live.clock.now = at
    swap(live.context, SwapRequest(live.account(name).id, "for the test"))


def failed(provider: str, at: datetime, **more: object) -> LoggedFailure:
    line = LoggedFailure(at, provider, "m1", "ses_1", small=False, message="limited")
    return replace(line, **more)  # type: ignore[arg-type]  # a test's own words


def used(*built: tuple[Path, datetime], asked_at: datetime | None = None) -> Run:
    """Return a process that has used those folders at those times."""
    return Run(built[0][1] - SECOND, dict(built), asked_at)


def whose(
    live: Live,
    failure: LoggedFailure,
    *runs: Run,
    since: datetime | None = None,
    running: Sequence[Opencode] | None = None,
    beside: Sequence[OtherOpencode] = (),
) -> str:
    """Return the alias of whom the failure blames, or nobody; the first run has written it."""
    named = {f"r{number}": run for number, run in enumerate(runs)}
    line = replace(failure, run="r0") if runs else failure
    at = attribution_time(live.context, [], line, Runs(named, since), Surroundings(running, beside))
    if at is None:
        return "nobody"
    signal = Signal("s", at, failure.provider, Source.LOG, None, error="limited")
    account = account_of(live.state, signal, live.clock.now)
    return account.alias if account else "nobody"


# -- logins: by when the request began --------------------------------------------------------


def test_b_a_plain_failure_of_a_login_blames_who_is_live(live: Live) -> None:
    now = live.clock.now

    assert whose(live, failed("x", now, began_at=now - SECOND)) == "x-3"
    # Nobody knows when it began, and nothing has been swapped for long.
    assert whose(live, failed("x", now)) == "x-3"


def test_b_requests_that_were_under_way_at_a_swap_blame_the_login_before_it(live: Live) -> None:
    began, swapped = live.clock.now, live.clock.now + MINUTE
    swap_in(live, "x/x-1", swapped)

    for seconds in (1, 20, 400):
        at = swapped + seconds * SECOND
        assert whose(live, failed("x", at, began_at=began)) == "x-3"
        # Of the attempts of a title any may have failed.
        assert whose(live, failed("x", at, began_at=began, small=True)) == "nobody"
    after = swapped + SECOND
    assert whose(live, failed("x", after + SECOND, began_at=after)) == "x-1"


def test_b_each_attempt_after_a_swap_blames_the_login_of_that_time(live: Live) -> None:
    first = live.clock.now
    swap_in(live, "x/x-1", first + MINUTE)
    swap_in(live, "x/x-2", first + 2 * MINUTE)
    at = first + 3 * MINUTE

    began = [first, first + 1.5 * MINUTE, first + 2.5 * MINUTE]
    assert [whose(live, failed("x", at, began_at=one)) for one in began] == ["x-3", "x-1", "x-2"]


@pytest.mark.parametrize("before", [0.0, 0.5, 3.0, 4.5])
def test_b_a_request_that_began_just_before_a_swap_blames_nobody(live: Live, before: float) -> None:
    """It reads the login a while after its line in the log."""
    swapped = live.clock.now + MINUTE
    swap_in(live, "x/x-1", swapped)

    began = swapped - timedelta(seconds=before, milliseconds=1)
    assert whose(live, failed("x", swapped + MINUTE, began_at=began)) == "nobody"


def test_b_a_request_of_unknown_beginning_blames_nobody_for_a_while_after_a_swap(
    live: Live,
) -> None:
    swapped = live.clock.now + MINUTE
    swap_in(live, "x/x-1", swapped)

    assert whose(live, failed("x", swapped + UNDER_WAY - SECOND)) == "nobody"
    assert whose(live, failed("x", swapped + UNDER_WAY + SECOND)) == "x-1"
    # Unless the process itself began after it.
    new = used((FOLDER, swapped + 5 * SECOND))
    assert whose(live, failed("x", swapped + MINUTE), new) == "x-1"


def test_a10_a_login_for_another_place_is_not_blamed_for_what_the_old_place_says(
    live: Live,
) -> None:
    """Opencode reads tokens anew for each request, and the place of its requests when it begins."""
    for number, place in enumerate(("corp.example", "other.example", None)):
        live.clock.pass_time(minutes=20)
        more = {"enterpriseUrl": place} if place else {}
        live.sees({"y": oauth(f"y{number}") | more})
    live.clock.pass_time(minutes=20)
    began = live.clock.now
    old = used((FOLDER, began), asked_at=began + SECOND)
    before = began + MINUTE
    assert whose(live, failed("y", before, began_at=before - SECOND), old) == "y-3"

    swap_in(live, "y/y-1", began + 2 * MINUTE)

    after = began + 3 * MINUTE
    new = used((FOLDER, after), asked_at=after + SECOND)
    asked = failed("y", after + 3 * SECOND, began_at=after + 2 * SECOND)
    assert whose(live, asked, old) == "nobody"
    assert whose(live, asked, new, old, since=began - MINUTE) == "y-1"
    # The process of an older opencode has no name, and may have begun at any time.
    assert whose(live, replace(asked, began_at=None)) == "nobody"


@pytest.mark.parametrize("provider", ["poe", "gitlab", "azure"])
def test_b1_a_login_that_is_handed_on_at_the_start_is_blamed_as_a_key_is(
    live: Live, provider: str
) -> None:
    for name in ("a", "b", "c"):
        live.clock.pass_time(minutes=20)
        live.sees({provider: oauth(name) | {"accountId": name}})
    live.clock.pass_time(minutes=20)
    began = live.clock.now
    old = used((FOLDER, began), asked_at=began + SECOND)

    swap_in(live, f"{provider}/{provider}-1", began + 2 * MINUTE)
    swap_in(live, f"{provider}/{provider}-2", began + 3 * MINUTE)

    at = began + 4 * MINUTE
    asked = failed(provider, at + SECOND, began_at=at)
    assert whose(live, asked, old) == f"{provider}-3"
    assert whose(live, asked, used((FOLDER, at))) == f"{provider}-2"


# -- keys: by the process that wrote the line ---------------------------------------------------


def test_b_the_key_of_an_old_process_blames_the_account_it_began_with(live: Live) -> None:
    began = live.clock.now
    old = used((FOLDER, began), asked_at=began + SECOND)
    swap_in(live, "acme/acme-1", began + MINUTE)
    swap_in(live, "acme/acme-2", began + 2 * MINUTE)
    at = began + 3 * MINUTE

    assert whose(live, failed("acme", at, began_at=at), old) == "acme-3"


def test_b_a_new_process_blames_who_is_live_though_an_older_one_runs(
    live: Live, tmp_path: Path
) -> None:
    with opencode_running(live.paths, tmp_path):
        swapped = datetime.now(UTC) + MINUTE
        swap_in(live, "acme/acme-1", swapped)
        new = used((FOLDER, swapped + SECOND), asked_at=swapped + 2 * SECOND)
        old = used((FOLDER, datetime.now(UTC) + SECOND))
        at = swapped + 3 * SECOND

        assert whose(live, failed("acme", at, began_at=at), new, old) == "acme-1"
        # The beginning of the old one is missing in the log: then the line may be its own.
        assert whose(live, failed("acme", at, began_at=at), new) == "nobody"
        # Only a part of the log was read: then the old one is as likely.
        assert whose(live, failed("acme", at, began_at=at), new, since=swapped) == "nobody"


def test_b_a_line_without_a_process_blames_whom_every_opencode_began_with(
    live: Live, tmp_path: Path
) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
    with opencode_running(live.paths, folders[0]):
        swap_in(live, "acme/acme-1", datetime.now(UTC) + MINUTE)
        later = failed("acme", live.clock.now + 5 * SECOND)
        by_old = whose(live, later)
        live.clock.now = datetime.now(UTC)
    with opencode_running(live.paths, folders[1]):
        swap_in(live, "acme/acme-2", datetime.now(UTC) - MINUTE)
        by_new = whose(live, failed("acme", datetime.now(UTC)))

    assert (by_old, by_new) == ("acme-3", "acme-2")


def test_b_a_server_that_read_its_keys_before_or_after_a_swap_blames_nobody(live: Live) -> None:
    began = live.clock.now
    swap_in(live, "acme/acme-1", began + MINUTE)
    at = began + 3 * MINUTE
    line = failed("acme", at, began_at=at)

    idle = used((FOLDER, began), asked_at=began + 2 * MINUTE)
    two = used((FOLDER, began), (OTHER, began + 2 * MINUTE), asked_at=began + 2.5 * MINUTE)
    both = used((FOLDER, began), (OTHER, began + SECOND), asked_at=began + 2 * SECOND)
    assert [whose(live, line, one) for one in (idle, two, both)] == ["nobody"] * 3


def test_b_a_person_s_opencode_has_read_its_keys_when_it_has_begun(
    live: Live, tmp_path: Path
) -> None:
    with opencode_running(live.paths, tmp_path):
        began = datetime.now(UTC)
        swap_in(live, "acme/acme-1", began + MINUTE)
        mine = used((FOLDER, began + SECOND), asked_at=began + 2 * MINUTE)
        at = began + 2 * MINUTE

        assert whose(live, failed("acme", at, began_at=at), mine) == "acme-3"


def test_b_a_process_whose_beginning_is_not_in_the_log_blames_no_account_put_in_later(
    live: Live, tmp_path: Path
) -> None:
    """It logs errors alone, or the log was cut: its first line says nothing of its key."""
    for runs_still in (True, False):
        with opencode_running(live.paths, tmp_path) if runs_still else nullcontext():
            begun = datetime.now(UTC)
            live.clock.now = begun
            live.look()
            alone = Run(begun + MINUTE, is_whole=False)
            assert whose(live, failed("x", begun + MINUTE), alone) == "x-3"
            swap_in(live, "acme/acme-1", begun + 2 * MINUTE)
            swap_in(live, "x/x-1", begun + 2 * MINUTE)
            for first in (HOUR, 2 * MINUTE + SECOND, 4 * SECOND):
                at = begun + first + SECOND
                line = Run(begun + first, is_whole=False)
                fault = failed("acme", at) if first > MINUTE else failed("acme", at + 3 * MINUTE)
                assert whose(live, fault, line) == "nobody"
            # Of logins those count that the request may have read.
            assert whose(live, failed("x", begun + 5 * MINUTE), alone) == "nobody"
            assert whose(live, failed("x", begun + HOUR), alone) == "x-1"
            swap_in(live, "x/x-3", begun + 2 * HOUR)
            swap_in(live, "acme/acme-3", begun + 2 * HOUR)


def test_b_a_process_of_unknown_beginning_blames_the_account_that_was_live_all_the_time(
    live: Live, tmp_path: Path
) -> None:
    with opencode_running(live.paths, tmp_path):
        at = datetime.now(UTC)
        mine = Run(at + 2 * SECOND, is_whole=False)

        assert whose(live, failed("acme", at + MINUTE), mine) == "acme-3"
        # That one has ended, and may have run since yesterday.
        ended = Run(at + HOUR, is_whole=False)
        assert whose(live, failed("acme", at + HOUR), ended) == "nobody"


# -- keys: several processes, of which any may have written the line ----------------------------


def started(at: datetime, *, kind: str = "serve", pid: int = 1) -> Opencode:
    """Return an opencode that began then."""
    return Opencode(pid, kind, at, folder=FOLDER)


def test_b_a_line_of_a_log_that_says_little_may_be_of_any_that_has_no_run_of_its_own(
    live: Live,
) -> None:
    old, swapped = live.clock.now, live.clock.now + MINUTE
    swap_in(live, "acme/acme-1", swapped)
    swap_in(live, "x/x-1", swapped)
    new = swapped + 10 * SECOND
    two = [started(old), started(new, pid=2)]
    line = Run(new + 3 * SECOND, is_whole=False)
    key, login = (failed(name, new + 4 * SECOND) for name in ("acme", "x"))
    whole = Run(old + SECOND)

    assert whose(live, key, line, running=two) == "nobody"
    assert whose(live, login, line, running=two) == "nobody"
    three = [*two, started(new + SECOND, kind="tui", pid=3)]
    assert whose(live, key, line, running=three) == "nobody"
    # The older one has a run of its own, or all began with the same.
    assert whose(live, key, line, whole, running=two) == "acme-1"
    assert whose(live, login, line, whole, running=two) == "x-1"
    assert whose(live, key, line, running=three[1:]) == "acme-1"
    # One whose logins are in a database, or that only shows what another does, sends nothing.
    others = [replace(two[0], is_second=True), started(old, kind="attach")]
    assert whose(live, key, line, running=[*others, two[1]]) == "acme-1"


def test_b_a_line_may_be_of_one_that_has_ended_or_of_one_that_got_its_bridge_later(
    live: Live,
) -> None:
    old, swapped = live.clock.now, live.clock.now + MINUTE
    swap_in(live, "acme/acme-1", swapped)
    new = swapped + 10 * SECOND
    line, fault = Run(new + 3 * SECOND, is_whole=False), failed("acme", new + 4 * SECOND)

    def told(*, sends: bool, more: Sequence[Run] = ()) -> str:
        beside = [OtherOpencode(started(old, pid=2), sends=sends)]
        return whose(live, fault, line, *more, running=[started(new)], beside=beside)

    assert told(sends=True) == "nobody"
    assert told(sends=False) == "acme-1"
    # It has a run of its own in the log.
    assert told(sends=True, more=[Run(old + SECOND)]) == "acme-1"
    # Where it began together with another one that run may be of either.
    several = [started(new), started(old + SECOND, pid=3)]
    bridged = [OtherOpencode(started(old, pid=2), sends=False)]
    assert whose(live, fault, line, Run(old + SECOND), running=several, beside=bridged) == "nobody"


def test_b_of_two_runs_that_one_process_may_have_begun_with_the_other_may_be_an_older_one_s(
    live: Live,
) -> None:
    old, swapped = live.clock.now, live.clock.now + MINUTE
    swap_in(live, "acme/acme-1", swapped)
    new = swapped + 10 * SECOND
    at = new + MINUTE
    fault = failed("acme", at, began_at=at - SECOND)
    opened = Run(new + 2 * SECOND, {OTHER: new + 2 * SECOND}, opened=OTHER)
    own = Run(new + SECOND, {FOLDER: new + 3 * SECOND})
    two = [started(old), started(new, pid=2)]

    # A server begins with the user's configuration; the older one may have a run as well.
    assert whose(live, fault, opened, own, running=two) == "nobody"
    assert whose(live, fault, own, opened, running=two) == "nobody"
    assert whose(live, fault, opened, running=two) == "nobody"
    older = Run(old + SECOND)
    assert whose(live, fault, own, opened, older, running=two) == "acme-1"
    # Of two alike either may be the older one's.
    alike = replace(own, first_at=new + 2 * SECOND)
    assert whose(live, fault, alike, own, running=two) == "nobody"
    # What a person looks at begins with its folder.
    person = [started(old), started(new, kind="tui", pid=2)]
    mine = replace(opened, opened=FOLDER)
    assert whose(live, fault, mine, older, running=person) == "acme-1"
    assert whose(live, fault, opened, running=person) == "nobody"
    agent = [started(old), replace(two[1], uses_at_once=True)]
    assert whose(live, fault, mine, older, running=agent) == "acme-1"
    # With nobody older any of them tells when it began.
    assert whose(live, fault, opened, running=person[1:]) == "acme-1"


def test_b_what_suits_one_that_may_log_errors_alone_may_be_an_older_one_s_whose_log_was_cut(
    live: Live,
) -> None:
    old, swapped = live.clock.now, live.clock.now + MINUTE
    swap_in(live, "acme/acme-1", swapped)
    new = swapped + 10 * SECOND
    at = new + MINUTE
    fault = failed("acme", at, began_at=at - SECOND)
    opened = Run(new + 3 * SECOND, {FOLDER: new + 3 * SECOND}, opened=FOLDER)
    loading = Run(new + 3 * SECOND, {FOLDER: new + 4 * SECOND})
    server, began = started(old), Run(old + SECOND)
    agent = replace(started(new, pid=2), uses_at_once=True)
    suited = [
        *((opened, [started(new, kind=kind, pid=2)]) for kind in ("run", "tui")),
        (opened, [agent]),
        (loading, [started(new, pid=2)]),
        # A second server has a run of its own.
        (opened, [agent, started(new + SECOND, pid=3)]),
        (loading, [started(new, pid=2), replace(agent, pid=3, folder=OTHER)]),
    ]
    others = Run(new + 2 * SECOND), Run(new + 2 * SECOND, {OTHER: new}, opened=OTHER)

    for mine, younger in suited:
        more = [others[mine is loading]] if len(younger) > 1 else []
        for since in (None, swapped):
            told = whose(live, fault, mine, *more, running=[server, *younger], since=since)
            assert told == "nobody"
        # The older one has a run of its own, or has used the same account.
        assert whose(live, fault, mine, began, *more, running=[server, *younger]) == "acme-1"
        same = started(swapped + 3 * SECOND)
        assert whose(live, fault, mine, *more, running=[same, *younger]) == "acme-1"


def test_b_a_server_that_began_just_before_is_not_left_out_for_one_that_suits_better(
    live: Live,
) -> None:
    """It has no run of its own: its log was cut, and this may be it, in a folder of both."""
    old, swapped = live.clock.now, live.clock.now + 3 * SECOND
    swap_in(live, "acme/acme-1", swapped)
    at = swapped + MINUTE
    fault = failed("acme", at, began_at=at - SECOND)
    opened = Run(swapped + 5 * SECOND, {FOLDER: swapped + 5 * SECOND}, opened=FOLDER)
    younger = started(swapped + 3 * SECOND, kind="run", pid=2)

    assert whose(live, fault, opened, running=[started(old), younger]) == "nobody"
    assert whose(live, fault, opened, running=[younger]) == "acme-1"


def test_b_a_server_alone_whose_log_was_cut_may_have_read_its_key_before_its_first_line(
    live: Live,
) -> None:
    began = live.clock.now
    swap_in(live, "acme/acme-1", began + 4 * SECOND)
    first = began + 8 * SECOND
    opened = Run(first, {OTHER: first}, opened=OTHER)
    fault = failed("acme", first + MINUTE, began_at=first + MINUTE)

    assert whose(live, fault, opened, running=[started(began)]) == "nobody"
    assert whose(live, fault, opened, running=[]) == "acme-1"


def test_b_a_run_that_is_not_in_the_log_that_is_read_may_be_anybody_s(
    live: Live,
) -> None:
    old, swapped = live.clock.now, live.clock.now + MINUTE
    swap_in(live, "acme/acme-1", swapped)
    new = swapped + 10 * SECOND
    line = failed("acme", new + 4 * SECOND, run="elsewhere")

    assert whose(live, line, running=[started(new)]) == "nobody"
    live.clock.now = old + 30 * HOUR
    later = failed("acme", live.clock.now, run="elsewhere")
    assert whose(live, later, running=[started(new)]) == "acme-1"
    assert whose(live, later, running=[started(new), started(old, pid=2)]) == "nobody"


def test_b_an_unnamed_server_or_a_fresh_start_may_have_read_its_key_after_a_swap(
    live: Live,
) -> None:
    began = live.clock.now
    swap_in(live, "acme/acme-1", began + 5 * SECOND)
    fault = failed("acme", began + MINUTE)
    ended = OtherOpencode(started(began - 10 * MINUTE, kind="tui", pid=2), sends=True)

    for kind in ("serve", "tui"):
        assert whose(live, fault, running=[started(began, kind=kind)]) == "nobody"
    assert whose(live, fault, running=[started(began - MINUTE, kind="tui")]) == "acme-3"
    new = started(began + 7 * SECOND)
    assert whose(live, fault, running=[new]) == "acme-1"
    assert whose(live, fault, running=[new], beside=[ended]) == "nobody"


def test_b_who_was_live_before_more_swaps_than_are_kept_is_not_known(live: Live) -> None:
    began = live.clock.now
    old = used((FOLDER, began), asked_at=began + SECOND)
    for number in range(TENURES_KEPT):
        name = "1" if number % 2 else "2"
        for provider in ("acme", "x"):
            swap_in(live, f"{provider}/{provider}-{name}", began + (number + 1) * MINUTE)
    at = live.clock.now + MINUTE

    assert whose(live, failed("acme", at, began_at=at), old) == "nobody"
    # A login is read anew.
    assert whose(live, failed("x", at, began_at=at), old) == "x-1"


def test_b_the_key_of_one_that_began_before_the_clock_was_set_back_blames_nobody(
    live: Live,
) -> None:
    began = live.clock.now
    old = used((FOLDER, began), asked_at=began + SECOND)
    swap_in(live, "acme/acme-1", began + HOUR)
    swap_in(live, "x/x-1", began + HOUR)
    live.clock.now = began - HOUR
    now = live.clock.now
    fault = failed("acme", now, began_at=now)

    assert whose(live, fault, old, running=[started(now - HOUR)]) == "nobody"
    assert whose(live, fault, Run(now, is_whole=False), running=[started(now)]) == "nobody"
    swap_in(live, "acme/acme-2", now + MINUTE)
    swap_in(live, "x/x-2", now + MINUTE)
    new = used((FOLDER, now + 2 * MINUTE), asked_at=now + 2 * MINUTE)
    later = now + 3 * MINUTE
    live.clock.now = later
    assert whose(live, failed("acme", later, began_at=later), new) == "acme-2"
    assert whose(live, failed("x", later, began_at=later), new) == "x-2"
    # A request that was under way at the swap carried the login before it.
    under_way = failed("x", later, began_at=now + 30 * SECOND)
    assert whose(live, under_way) == "x-1"


def test_b_what_began_with_a_key_never_blames_a_login_that_was_swapped_in(live: Live) -> None:
    live.sees({**live.entries(), "both": api("k")})
    live.clock.pass_time(minutes=1)
    old = used((FOLDER, live.clock.now), asked_at=live.clock.now + SECOND)
    live.clock.pass_time(minutes=1)
    live.sees({**live.entries(), "both": oauth("o")})
    live.clock.pass_time(minutes=1)
    at = live.clock.now
    new = used((FOLDER, at), asked_at=at)
    swap_in(live, "both/both-1", at + MINUTE)

    assert whose(live, failed("both", at, began_at=at), old) == "both-1"
    # It was built for a login: nobody knows what it sends by now.
    later = at + 2 * MINUTE
    assert whose(live, failed("both", later, began_at=later), new) == "nobody"


def test_b_a_clock_that_was_set_back_leaves_a_swap_in_the_past(live: Live) -> None:
    swap_in(live, "x/x-1", live.clock.now + HOUR)
    live.clock.now -= 2 * HOUR
    now = live.clock.now

    assert whose(live, failed("x", now, began_at=now)) == "x-1"


def test_a_provider_that_nobody_was_ever_live_in_blames_nobody(live: Live) -> None:
    assert whose(live, failed("none", live.clock.now)) == "nobody"


def test_the_log_tells_when_a_process_has_built_its_folders_and_asked_first(
    tmp_path: Path,
) -> None:
    def line(second: int, message: str) -> str:
        return f"timestamp=2026-11-29T12:30:{second:02}.000Z level=INFO run=af78c9df {message}\n"

    (tmp_path / "opencode.log").write_text(
        line(1, "message=loading path=/c/opencode.json")
        + line(2, 'message="creating instance" directory=/project')
        + line(3, "message=stream providerID=mock modelID=m1 session.id=ses_1 small=true")
        + line(5, 'message="creating instance" directory=/project')
        + line(6, "message=stream providerID=mock modelID=m1 session.id=ses_1 small=false")
        + line(7, "message=stream providerID=mock modelID=m1 session.id=ses_1 small=false")
    )

    run = runs_in(tmp_path).runs["af78c9df"]

    assert (run.first_at.second, run.opened) == (1, None)
    assert {path: at.second for path, at in run.folders.items()} == {FOLDER: 5}
    assert run.asked_at is not None
    assert run.asked_at.second == 6


def test_the_log_tells_with_which_folder_a_process_has_begun(tmp_path: Path) -> None:
    (tmp_path / "opencode.log").write_text(
        "timestamp=2026-11-29T12:30:02.000Z level=INFO run=af78c9df"
        ' message="creating instance" directory=/project\n'
    )

    run = runs_in(tmp_path).runs["af78c9df"]

    assert (run.is_whole, run.opened) == (True, FOLDER)
