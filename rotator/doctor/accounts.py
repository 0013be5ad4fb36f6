"""Looks at the accounts: who needs a login, who is there twice, and what the clock did.

Pure: rows of the store and the time go in, remarks come out. No remark holds anything of a
credential.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from rotator.core.logins.credential_secrets import refresh_digests, why_useless
from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.model import SPENT_ELSEWHERE, HomeName
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret
from rotator.text import sanitize
from rotator.wording import counted, moment_to_the_second

Row = Mapping[str, Any]
# Two computers that share a home, or one that has just asked for the time, differ by less.
_AHEAD = timedelta(minutes=5)


def look_at_accounts(
    rows: Iterable[Row], exchanged: Collection[str] = frozenset()
) -> Iterator[CheckResult]:
    """Say which accounts cannot be used, and which are one and the same.

    `exchanged` are digests of refresh tokens that somebody else has exchanged.
    """
    accounts = sorted((_with_spent(row, exchanged) for row in rows), key=_name)
    results = [*_unreadable(accounts), *_rejected(accounts), *_twice(accounts), *_alone(accounts)]
    yield from results
    if not results:
        count = len(accounts)
        yield ok(Check.ACCOUNTS, f"{counted(count, 'account')}, none needs a login")


def _unreadable(accounts: Iterable[Row]) -> Iterator[CheckResult]:
    for row in accounts:
        try:
            parse_entry(row["provider"], Secret(row["entry"]))
        except BadEntry:
            says = f"the saved login of {_name(row)} cannot be read"
            yield problem(
                Check.ACCOUNTS, says, f"log in again, or rotator accounts remove {_name(row)}"
            )


def _with_spent(row: Row, exchanged: Collection[str]) -> Row:
    """Return the row as it stands once somebody has written down what is known already."""
    try:
        credential = parse_entry(row["provider"], Secret(row["entry"]))
    except BadEntry:
        return row
    if row["rejected"] is not None:
        return row
    is_spent = not set(refresh_digests(credential)).isdisjoint(exchanged)
    return {**row, "rejected": SPENT_ELSEWHERE if is_spent else why_useless(credential)}


def _rejected(accounts: Iterable[Row]) -> Iterator[CheckResult]:
    for row in accounts:
        if row["rejected"] is not None and row["disabled"] is None:
            says = f"{_name(row)} needs a new login: {sanitize(row['rejected'])}"
            to_do = "log in again in opencode; the account is kept"
            yield problem(Check.ACCOUNTS, says, to_do)


def _twice(accounts: Iterable[Row]) -> Iterator[CheckResult]:
    same = defaultdict(list)
    for row in accounts:
        if row["identity_key"]:
            same[row["provider"], row["identity_key"]].append(_name(row))
    for names in same.values():
        if len(names) > 1:
            says = f"{' and '.join(names)} are logins of one account"
            yield note(Check.ACCOUNTS, says, f"rotator accounts merge {names[0]} {names[1]}")


def _alone(accounts: Iterable[Row]) -> Iterator[CheckResult]:
    usable = [row["provider"] for row in accounts if row["disabled"] is None]
    if len(usable) == len(set(usable)):
        says = "no provider has a second account: a failover has nobody to go to"
        yield note(Check.ACCOUNTS, says, "log in with another account while rotator watch runs")


def look_at_both_homes(
    accounts: Iterable[Row], slots: Iterable[Row], standings: Iterable[Row], *, is_watched: bool
) -> Iterator[CheckResult]:
    """Say which accounts stand in auth.json and in OpenCode 2's database.

    Of tokens that work once either opencode may get new ones, and the other one needs them.
    """
    in_file = {row["active"] for row in slots if row["active"] is not None}
    in_both = in_file & {row["account"] for row in standings}
    for row in sorted((row for row in accounts if row["id"] in in_both), key=_name):
        homes = " and in ".join(home.value for home in HomeName)
        says = f"{_name(row)} stands in {homes}"
        if not _has_refresh_token(row):
            yield ok(Check.ACCOUNTS, says)
        elif is_watched:
            yield ok(Check.ACCOUNTS, f"{says}: what one of them refreshes goes into the other")
        else:
            says = f"{says}, and no watcher runs: who refreshes it in one ends it in the other"
            yield note(Check.ACCOUNTS, says, "run rotator watch")


def _has_refresh_token(row: Row) -> bool:
    try:
        return bool(parse_entry(row["provider"], Secret(row["entry"])).refresh)
    except BadEntry:
        return False


def look_at_clock(newest: datetime | None, now: datetime) -> Iterator[CheckResult]:
    """Say whether the store knows times that have not come yet."""
    told = moment_to_the_second(now)
    if newest is not None and newest - now > _AHEAD:
        says = (
            f"the clock says {told}, and the store has been used at {moment_to_the_second(newest)}"
        )
        to_do = "set the clock if it is wrong now; if it was wrong then, there is nothing to do"
        # Which of the two it is nobody can tell; rests follow the clock by themselves.
        yield note(Check.CLOCK, says, to_do)
    else:
        yield ok(Check.CLOCK, f"it is {told}, and nothing in the store is later")


def _name(row: Row) -> str:
    return sanitize(f"{row['provider']}/{row['alias']}")
