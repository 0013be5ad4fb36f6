"""What a rebuilt store lacks of what the damaged one held, in words a person can act on."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.core.logins.store_merge import MergedStore, Row, is_same, name_of
from rotator.storage.repair_sources import RepairSource
from rotator.wording import moment_to_the_second

# What may be gone of a table without a trace, where its accounts are all known.
_UNNAMED = {
    "digest": "which older tokens were whose",
    "removed": "which logins were removed",
    "aside": "perhaps some of what was kept aside",
    "replaced": "perhaps replaced tokens",
    "refresh": "perhaps refreshes that were under way",
    "part_limit": "perhaps for how long some accounts rest for a model",
    "setting": "perhaps a setting",
}


def losses(
    copy: RepairSource, left: RepairSource, joined: MergedStore, recent: list[str]
) -> list[str]:
    """Return what is known to be lost, or may be, of what the damaged store held.

    `recent` are the accounts of which something was saved since the copy was made.
    """
    last = f" ({', '.join(recent)})" if recent else ""
    lost = [*joined.lost, *_rows_lost(copy, left, joined)]
    if not left.tables["account"].listed:
        lost.append(f"{'whatever was saved since' if copy.made_at else 'whatever it held'}{last}")
    else:
        lost += [
            words
            for table, words in _UNNAMED.items()
            if not left.is_whole(table) and not left.unread(table)
        ]
    if left.lacks_last:
        lost.append(f"perhaps what was saved last{last}")
    return list(dict.fromkeys(lost))


def _rows_lost(copy: RepairSource, left: RepairSource, joined: MergedStore) -> Iterator[str]:
    names = {row["id"]: name_of(row) for row in joined.accounts}

    def whose(row: Row) -> str:
        return names.get(row.get("account", ""), "an account")

    for row in left.restless:
        yield f"for how long {name_of(row)} rests"
    for row in left.unread("part_limit"):
        yield f"for how long {whose(row)} rests for a model"
    for row in left.unread("refresh"):
        yield f"a refresh of {whose(row)} that was under way"
    for row in _without(copy, left, "replaced"):
        yield f"replaced tokens of {whose(row)}"
    for row in left.unread("aside"):
        yield f"unclaimed content {row['number']}"
    for row in _without(copy, left, "setting"):
        yield "whether balancing is on" if row.get("name") == "balancing" else "a setting"


def _without(copy: RepairSource, left: RepairSource, table: str) -> Iterator[Row]:
    """Return what is not readable of a table and is not in the copy either."""
    kept = copy.tables[table].rows
    return (row for row in left.unread(table) if not any(is_same(saved, row) for saved in kept))


def sentence(
    copies: list[RepairSource], left: RepairSource, aside: str | None, lost: list[str]
) -> str:
    """Return what a person is told about a store that was rebuilt."""
    state = "another one's" if left.is_another else "damaged"
    what = f"{state} and set aside as {aside}" if aside else "gone"
    times = [copy.made_at for copy in copies if copy.made_at]
    sources = [f"the backup of {moment_to_the_second(at)}" for at in times]
    if any(table.rows for table in left.tables.values()):
        sources.append("what could be read of it")
    how = f"rebuilt from {' and '.join(sources)}" if sources else "begun anew"
    return f"the store was {what}; {how}; lost: {', '.join(lost) or 'nothing'}"
