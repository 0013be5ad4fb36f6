"""Damage real stores at random: `python -m tests.histories.damaged_stores --count 500 --seed 7`.

A bit flips, a file is cut, bytes are put into it, a page is zeroed or holds something else: in
the store, its -wal, one of its copies or the history. Then somebody runs a command, once. What
each row was is known, so that is told apart which rows are there, which are named as lost, and
which are gone unsaid. The same number of the same seed is the same damage.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from rotator.cli.main import run as run_command
from rotator.model import (
    AccountState,
    Digest,
    Doubt,
    Event,
    EventKind,
    Identity,
    Limit,
    PendingRefresh,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret, digest_of
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.interrupted import memory_folder
from tests.support.live import HandClock, Live, api, as_opencode, oauth, open_live, wellknown

PAGE = 4096
SITE = "https://acme.example"
_PASSING = ("rejected", "limit_", "last_used_at", "passing_seal", "seal")
UNNAMED = ("a refresh of", "perhaps refreshes", "perhaps replaced tokens")
VAGUE = ("whatever was saved since", "whatever it held", "perhaps what was saved last")


class Damage(NamedTuple):
    """What was done, to which file, and where."""

    kind: str
    file: str
    at: int


@dataclass(frozen=True)
class Template:
    """A home that is as it should be, and what its store holds."""

    home: Path
    # As they lie there, and after somebody has looked.
    before: Mapping[str, list[dict[str, Any]]]
    rows: Mapping[str, list[dict[str, Any]]]


@dataclass
class Outcome:
    """What one damage has led to; `faults` is what must not be."""

    damage: Damage
    told: str = ""
    lost: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


# -- what is damaged -------------------------------------------------------------------------


def furnish(home: Path, *, killed: bool) -> Template:
    """Make a home with all that a store can hold; `killed`: nobody tidied its -wal up."""
    clock = HandClock()
    with open_live(home, clock=clock) as live:
        live.sees({"named": oauth("ada"), "acme": api("a"), "rotating": oauth("eve")})
        live.sees({"named": oauth("bob"), "acme": api("b"), SITE: wellknown("w")})
        live.context.back_up_if_due()
        clock.pass_time(hours=2)
        _renew(live, "named/ada-acme.example", "ada", 2)
        live.sees(
            {"named": oauth("cyd"), "acme": api("c"), "zeta": api("z"), "rotating": oauth("u")}
        )
        live.context.back_up_if_due()
        clock.pass_time(days=1)
        _mark(live)
        live.context.back_up_if_due()
        if killed:
            clock.pass_time(hours=1)
            _renew(live, "named/ada-acme.example", "ada", 3)
            live.sees({**live.entries(), "acme": api("d")})
            for generation in range(4, 9):
                _renew(live, "named/ada-acme.example", "ada", generation)
            shutil.copytree(live.paths.data, home.with_name(f"{home.name}-data"))
    paths = find_paths(places(home))
    if killed:
        shutil.rmtree(paths.data)
        home.with_name(f"{home.name}-data").rename(paths.data)
    later = home.with_name(f"{home.name}-later")
    shutil.copytree(home, later)
    with _living_in(later):
        # What any command makes of it: an answer that waited is used.
        _command("accounts")
    return Template(home, _all_rows(paths.store), _all_rows(find_paths(places(later)).store))


def _all_rows(store: Path) -> dict[str, list[dict[str, Any]]]:
    tables = "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE TABLE%'"
    with _looked_into(store) as connection:
        return {name: _rows(connection, name) for (name,) in connection.execute(tables).fetchall()}


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['provider']}/{row['alias']}"


def _renew(live: Live, name: str, person: str, generation: int) -> None:
    entry = parse_entry("named", Secret(as_opencode(oauth(person, generation)).decode()))
    who = live.context.registry.identify("named", entry)
    with live.context.store.transaction():
        live.context.store.renew_credential(live.account(name), entry, who, live.clock())
    told = Event(live.clock(), EventKind.REFRESHED, "named", name, why="refreshed by opencode")
    live.context.record([told])


def _mark(live: Live) -> None:
    store, now = live.context.store, live.clock()
    until = now + timedelta(days=900)
    eve, ada = live.account("rotating/rotating-1"), live.account("named/ada-acme.example")
    others = parse_entry("rotating", Secret(as_opencode(oauth("fay", 5)).decode()))
    with store.transaction():
        store.replace_credential(eve, others, now, Identity())
        store.set_doubts(eve.id, [Doubt(live.account("rotating/rotating-2").id, "d" * 64)])
        store.set_limit(ada.id, Limit(AccountState.EXHAUSTED, until, "429", since=now))
        store.set_limit(ada.id, Limit(AccountState.COOLING, until, "429", since=now, model="m1"))
        store.set_disabled(live.account("acme/acme-1").id, "disabled by you")
        store.rename_account(live.account("acme/acme-2"), "work")
        store.keep_unclaimed(b'{"type":"CANARY', "half-written", now, "acme")
        spent = digest_of("REF-CANARY-ada-2")
        answer = Secret(as_opencode(oauth("ada", 9)).decode())
        store.answer_refresh(PendingRefresh(ada.id, Digest(spent), now), answer)
        store.set_balancing(on=False)
    why = "has new tokens that are not in use yet: somebody holds swap.lock"
    took = Event(now, EventKind.REFRESHED, "rotating", eve.name, why="probably refreshed")
    live.context.record([took, Event(now, EventKind.PROBLEM, "named", ada.name, why=why)])


@contextlib.contextmanager
def _looked_into(store: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a store, its -wal with it: looking must not tidy up."""
    with memory_folder() as folder:
        for ending in ("", "-wal"):
            if (file := store.with_name(store.name + ending)).exists():
                shutil.copy(file, folder / file.name)
        with contextlib.closing(sqlite3.connect(folder / store.name)) as connection:
            yield connection


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  # its own names
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor]


def damage(paths: Paths, draw: Random) -> Damage:
    """Damage one file of a store at random."""
    copies = sorted(paths.backups.iterdir())
    wal = paths.store.with_name("rotator.sqlite-wal")
    files = [paths.store] * 6 + [paths.history] + [draw.choice(copies)]
    files += [wal] * 3 if wal.exists() else []
    return _harm(draw.choice(files), draw)


def _harm(file: Path, draw: Random) -> Damage:
    content = bytearray(file.read_bytes())
    kind = draw.choice(["flip", "flip", "flip", "cut", "zeroed page", "random page", "shift"])
    at = draw.randrange(len(content))
    begin = at // PAGE * PAGE
    if kind == "flip":
        content[at] ^= 1 << draw.randrange(8)
    elif kind == "cut":
        del content[at:]
    elif kind == "shift":
        content[at:at] = draw.randbytes(draw.choice([1, 2, 16, 100, 1000, PAGE]))
    else:
        page = bytes(PAGE) if kind == "zeroed page" else draw.randbytes(PAGE)
        content[begin : begin + PAGE] = page[: len(content) - begin]
        at = begin
    file.write_bytes(content)
    return Damage(kind, file.name, at)


# -- what a person does then ---------------------------------------------------------------------


def _command(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(list(words))
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def _living_in(home: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(places(home))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def try_one(template: Template, home: Path, draw: Random) -> Outcome:
    """Damage a copy of the template in `home`, run a command there, and look at what is left."""
    shutil.copytree(template.home, home)
    paths = find_paths(places(home))
    outcome = Outcome(damage(paths, draw))
    another_copy = draw.random() < 0.3
    if outcome.damage.file.startswith("rotator.sqlite") and another_copy:
        _harm(draw.choice(sorted(paths.backups.iterdir())), draw)
    live = paths.auth_file.read_bytes()
    held = b"".join(
        f.read_bytes() for f in (*paths.data.glob("rotator*"), *paths.backups.iterdir())
    )
    with _living_in(home):
        code, _, outcome.told = _command("accounts")
        if code:
            outcome.faults.append(f"accounts ended with {code}: {outcome.told}")
        _judge(template, paths, outcome, held)
        code, _, err = _command("accounts", "rename", "zeta/zeta-1", "again")
        if code and "there is no" not in err:
            outcome.faults.append(f"not usable: {code} {err}")
        for words in (("events",), ("events", "--json"), ("usage", "--json")):
            code, _, err = _command(*words)
            if code:
                outcome.faults.append(f"no {' '.join(words)}: {code} {err}")
    if paths.auth_file.read_bytes() != live:
        outcome.faults.append("auth.json changed")
    return outcome


def _judge(template: Template, paths: Paths, outcome: Outcome, held: bytes) -> None:
    code, out, err = _command("accounts", "--json")
    if code or err:
        outcome.faults.append(f"the second time {code}: {err or out}")
        return
    found = _all_rows(paths.store)
    _judge_words(template, outcome, found, out)
    _judge_rows(template, outcome, found, held)


def _judge_words(
    template: Template, outcome: Outcome, found: Mapping[str, list[dict[str, Any]]], out: str
) -> None:
    told = outcome.told
    if "CANARY" in told + out:
        outcome.faults.append("a secret is shown")
    outcome.lost = list(_lost(template.rows, found))
    before = {row["id"]: row for row in template.before["account"]}
    rows = [row for table in ("refresh", "replaced") for row in template.before[table]]
    waiting = {_name(before[row["account"]]) for row in rows}
    is_vague = any(words in told for words in VAGUE)
    for name in outcome.lost:
        # Of tokens that were lost with their table nobody knows whose they were.
        is_said = name in told or (name == "balancing" and "a setting" in told)
        is_said = is_said or (name in waiting and any(one in told for one in UNNAMED))
        if not is_said:
            outcome.faults.append(f"{'named by no name' if is_vague else 'unsaid'}: {name}")
    if outcome.lost and "lost: nothing" in told:
        outcome.faults.append("'lost: nothing' is untrue")


def _judge_rows(
    template: Template, outcome: Outcome, found: Mapping[str, list[dict[str, Any]]], held: bytes
) -> None:
    before = {row["id"]: row for row in template.before["account"]}
    kept = {row["entry"] for row in found["account"]}
    # Of which page a frame was is lost with its head.
    is_cut = VAGUE[-1] in outcome.told
    for row in template.rows["account"]:
        name, entry = _name(row), row["entry"]
        was_there = before[row["id"]]["entry"] == entry and entry.encode() in held
        if was_there and entry not in kept and not is_cut:
            outcome.faults.append(f"readable and lost: {name}")
    if not {_value(entry) for entry in kept} <= _ever(template):
        outcome.faults.append("an account holds what it never held")


def _value(entry: str) -> str:
    return json.dumps(json.loads(entry))


def _ever(template: Template) -> set[str]:
    """Return every entry that an account of the template has had."""
    tables = [*_before(template), *(template.rows[name] for name in ("account", "replaced"))]
    entries = {_value(row["entry"]) for rows in tables for row in rows}
    return entries | {json.dumps(oauth("ada", number)) for number in range(1, 10)}


def _before(template: Template) -> Iterator[list[dict[str, Any]]]:
    yield template.before["account"]
    for copy in find_paths(places(template.home)).backups.iterdir():
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            yield _rows(connection, "account")


def _lost(
    truth: Mapping[str, list[dict[str, Any]]], found: Mapping[str, list[dict[str, Any]]]
) -> Iterator[str]:
    """Name what is not as it was of what nobody gets back by itself."""
    accounts = {row["id"]: row for row in found["account"]}
    names = {row["id"]: _name(row) for row in truth["account"]}
    for row in truth["account"]:
        kept = accounts.get(row["id"], {})
        if any(kept.get(k) != v for k, v in row.items() if not k.startswith(_PASSING)):
            yield names[row["id"]]
    for table in ("replaced", "refresh"):
        there = {_told(row) for row in found[table]}
        yield from (names[r["account"]] for r in truth[table] if _told(r) not in there)
    for row in truth["aside"]:
        if _told(row) not in {_told(one) for one in found["aside"]}:
            yield "aside"
    values = {row["name"]: row["value"] for row in found["setting"]}
    if values.get("balancing") != "off":
        yield "balancing"


def _told(row: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(row.get(name) for name in ("account", "entry", "spent", "answer", "content"))


# -- many ----------------------------------------------------------------------------------------


def outcomes(count: int, seed: int, *, only: int | None = None) -> Iterator[Outcome]:
    """Try so many damages; `only` one of them by its number."""
    with memory_folder() as folder:
        templates = [
            furnish(folder / name, killed=name == "killed") for name in ("ended", "killed")
        ]
        for number in range(count) if only is None else [only]:
            home = folder / f"home{number}"
            yield try_one(templates[number % 2], home, Random(f"{seed}/{number}"))  # noqa: S311  # no secret
            shutil.rmtree(home)


def main() -> int:
    """Try as many as the command line asks for, and count."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.damaged_stores")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one that is told alone")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    counted: Counter[str] = Counter()
    for number, one in enumerate(outcomes(given.count, given.seed, only=given.only)):
        counted["tried"] += 1
        counted["told"] += bool(one.told)
        counted["with a loss"] += bool(one.lost)
        for fault in one.faults:
            counted[fault.partition(":")[0]] += 1
        if one.faults or given.only is not None:
            sys.stdout.write(f"{number} {json.dumps(one.damage)}\n   {one.told}")
            sys.stdout.write("".join(f"   - {fault}\n" for fault in one.faults))
    sys.stdout.write(", ".join(f"{value} {name}" for name, value in counted.items()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
