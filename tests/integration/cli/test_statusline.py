"""`rotator statusline` on a real store: what it says, that it is quick, and that it is quiet."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.context import Context, open_context
from rotator.core.selection.headroom import headroom_of
from rotator.model import AccountState, Identity, Limit, RestState, Snapshot, Window
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.statusline.quick_read import SlotStatus, read_status_line
from rotator.system.locks import watch_lock
from rotator.system.paths import find_paths, private_folder
from tests.support.tool import beside_python, expect_success

PROVIDERS = ("acme", "beta#1", "gamma")
LINE = (sys.executable, "-m", "rotator", "statusline")
HOUR = timedelta(hours=1)
RESTS: tuple[RestState, ...] = (AccountState.COOLING, AccountState.EXHAUSTED)
HEAVY = {"click", "dataclasses", "inspect", "json", "logging", "pathlib", "typing"}


@pytest.fixture
def context() -> Iterator[Context]:
    with open_context(find_paths()) as found:
        yield found


def add(context: Context, provider: str, alias: str, **identity: Any) -> Any:
    """Save an account, put it into the slot if that is empty, and return its id."""
    entry = Secret(json.dumps({"type": "api", "key": f"KEY-CANARY-{provider}-{alias}"}))
    credential, now = parse_entry(provider, entry), context.clock()
    with context.store.transaction():
        account = context.store.add_account(provider, alias, credential, Identity(**identity), now)
        context.store.set_active(provider, account, now)
    return account


def a_window(name: str, used: float, left: timedelta | None = HOUR, **more: Any) -> Window:
    return Window(name, used, datetime.now(UTC) + left if left else None, **more)


def shown(*words: str) -> str:
    return expect_success(*LINE, *words)


def test_the_line_says_account_tightest_window_and_what_is_amiss(context: Context) -> None:
    now = context.clock()
    work, _ = add(context, "acme", "work"), add(context, "beta#1", "main")
    context.history.keep_reading(
        work,
        Snapshot(now, (a_window("5h", 0.42), a_window("7d", 0.9, -HOUR), a_window("m", 0.1))),
        now,
    )
    with context.store.transaction():
        context.store.set_balancing(on=False)

    said = shown()

    assert said == "no watcher | balancing off | acme work 5h 42% | beta#1 main\n"
    assert shown("beta#1", "--tmux") == "no watcher | balancing off | beta##1 main\n"


def test_usage_that_cannot_be_read_costs_itself_alone(context: Context) -> None:
    now = context.clock()
    for provider in ("acme", "gamma"):
        account = add(context, provider, "main")
        context.history.keep_reading(account, Snapshot(now, (a_window("5h", 0.42),)), now)
    with contextlib.closing(sqlite3.connect(context.paths.history, isolation_level=None)) as other:
        other.execute(
            "UPDATE usage SET snapshot = replace(snapshot, '0.42', '\"half\"') WHERE rowid = 1"
        )

    assert shown() == "no watcher | acme main | gamma main 5h 42%\n"


def test_a_running_watcher_is_no_matter_to_speak_of(context: Context) -> None:
    add(context, "acme", "work")
    private_folder(context.paths.state)

    with watch_lock(context.paths.watch_lock):
        said = shown()

    assert said == "acme work\n"


def test_after_the_clock_was_set_back_a_rest_lasts_its_own_length(context: Context) -> None:
    now = context.clock()
    work = add(context, "acme", "work")
    begun = now + timedelta(days=365)
    limit = Limit(AccountState.COOLING, begun + timedelta(minutes=10), "429", since=begun)
    with context.store.transaction():
        context.store.set_limit(work, limit)

    assert "acme work cooling 10m" in shown()


def test_it_agrees_with_what_every_other_command_decides_from(context: Context) -> None:
    chance = random.Random(7)  # noqa: S311  # no secret
    for provider in PROVIDERS:
        for alias in "abc":
            group = {"group": chance.choice("gh")} if chance.random() < 0.7 else {}
            add(context, provider, alias, **group)

    for _ in range(80):
        for _ in range(4):
            disturb(context, chance)
        found = read_status_line(os.environ, context.clock())
        assert [as_told(seat) for seat in found.seats] == list(expected(context, found.now))


def disturb(context: Context, chance: random.Random) -> None:
    """Let one thing happen to one account."""
    now = context.clock()
    state = context.store.state()
    seated = [account for one in PROVIDERS if (account := state.active(one))]
    account = chance.choice(seated or state.accounts if chance.random() < 0.5 else state.accounts)
    until = now + chance.choice((-HOUR, HOUR, 2 * HOUR, 3 * HOUR))
    resting = chance.choice(RESTS)
    windows = [
        a_window(
            chance.choice(("5h", "7d", "day")),
            chance.choice((0.0, 0.5, 0.75, 1.0)),
            chance.choice((None, HOUR, -HOUR)),
            length_seconds=chance.choice((None, 18_000, 604_800)),
            model=chance.choice((None, None, "opus")),
            blocks=chance.random() < 0.8,
        )
        for _ in range(chance.randrange(5))
    ]
    told = Snapshot(now, tuple(windows), spent=chance.random() < 0.3)
    store = context.store
    with store.transaction():
        match chance.randrange(12):
            case 0:
                store.set_disabled(account.id, chance.choice((None, None, None, "by the user")))
            case 1:
                store.set_rejected(account.id, chance.choice((None, None, None, "401")))
            case 2 | 3 | 4 | 5:
                limit = Limit(resting, until, "429", is_own=chance.random() < 0.3)
                store.set_limit(account.id, chance.choice((None, limit, limit)))
            case 6 | 7:
                active = chance.choice((None, account.id, account.id))
                store.set_active(account.provider, active, now)
            case _:
                context.history.keep_reading(account.id, told, now)


def as_told(seat: SlotStatus) -> tuple[object, ...]:
    return (seat.provider, seat.alias, seat.state, seat.until, seat.window, seat.used)


def expected(context: Context, now: datetime) -> Iterator[tuple[object, ...]]:
    """Yield what `State` and `standing` say of each provider's slot."""
    state = context.decision_state()
    for provider in sorted({account.provider for account in state.accounts}):
        account = state.active(provider)
        if account is None:
            yield (provider, None, "ready", None, None, None)
            continue
        stands = headroom_of(account, state.usage.get(account.id), None, now)
        window = stands.binding.name if stands.binding else None
        at = (account.state_at(now).value, account.until_at(now))
        yield (provider, account.alias, *at, window, stands.used)


@pytest.mark.parametrize(
    "moved",
    [
        {},
        {"XDG_DATA_HOME": "elsewhere", "XDG_STATE_HOME": "states"},
        {"ROTATOR_STATE_DIR": "its own", "XDG_STATE_HOME": "states"},
        {"HOME": "another", "XDG_DATA_HOME": "", "XDG_STATE_HOME": ""},
    ],
    ids=repr,
)
def test_it_looks_where_everybody_else_looks(tmp_path: Path, moved: Mapping[str, str]) -> None:
    environ = dict(os.environ) | {
        name: str(tmp_path / value) if value else "" for name, value in moved.items()
    }
    paths = find_paths(environ)
    with open_context(paths) as context:
        add(context, "acme", "work")

    with watch_lock(private_folder(paths.state) / paths.watch_lock.name):
        found = read_status_line(environ, datetime.now(UTC))

    assert [seat.alias for seat in found.seats] == ["work"]
    assert found.watched


def listing(home: Path) -> dict[str, tuple[int, ...]]:
    """Return what lies there; a folder's time tells of what came and went meanwhile."""
    found = {str(path.relative_to(home)): path.stat() for path in home.rglob("*")}
    return {
        name: (one.st_ino, one.st_size, one.st_mode, stat.S_ISDIR(one.st_mode) * one.st_mtime_ns)
        for name, one in found.items()
    }


def test_it_writes_nothing_with_and_without_anybody_who_has_the_store_open(home: Path) -> None:
    before = listing(home)
    assert shown() == "no watcher | no accounts\n"
    assert listing(home) == before

    with open_context(find_paths()) as context:
        add(context, "acme", "work")
        before = listing(home)
        said = shown()
        assert listing(home) == before
    before = listing(home)

    assert shown() == said == "no watcher | acme work\n"
    assert listing(home) == before


def test_a_store_that_cannot_be_read_leaves_the_prompt_a_prompt(context: Context) -> None:
    add(context, "acme", "work#CANARY")
    path = context.paths.store.with_name("other.sqlite")
    path.write_bytes(b"nothing of the kind" * 500)
    path.replace(context.paths.store)
    for ending in ("-wal", "-shm"):
        context.paths.store.with_name(f"{context.paths.store.name}{ending}").unlink(missing_ok=True)

    ended = subprocess.run(LINE, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "rotator ?\n", "")
    assert json.loads(shown("--json"))["readable"] is False


def test_usage_that_cannot_be_read_is_unknown(context: Context) -> None:
    now, account = context.clock(), add(context, "acme", "work")
    context.history.keep_reading(account, Snapshot(now, (a_window("5h", 0.5),)), now)
    assert shown("acme").endswith("acme work 5h 50%\n")

    for ending in ("-wal", "-shm", ""):
        context.paths.history.with_name(f"{context.paths.history.name}{ending}").unlink()
    context.paths.history.write_bytes(b"nothing of the kind" * 500)

    assert shown("acme").endswith("| acme work\n")


def test_json_has_the_same_as_values(context: Context) -> None:
    now, account = context.clock(), add(context, "acme", "work")
    add(context, "gamma", "main")
    context.history.keep_reading(account, Snapshot(now, (a_window("5h", 0.5),)), now)

    told = json.loads(shown("--json", "acme"))

    assert told == {
        "schema": 1,
        "readable": True,
        "watcher": {"running": False},
        "balancing": True,
        "providers": [
            {
                "id": "acme",
                "active": "work",
                "state": "ready",
                "until": None,
                "window": "5h",
                "used": 0.5,
            }
        ],
    }
    assert "CANARY" not in str(told)


def test_a_closed_pipe_is_no_fault(context: Context) -> None:
    add(context, "acme", "work")
    read, write = os.pipe()
    os.close(read)

    with contextlib.closing(os.fdopen(write, "w")) as pipe:
        ended = subprocess.run(LINE, stdout=pipe, stderr=subprocess.PIPE, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_installed_command_loads_nothing_that_takes_long(context: Context) -> None:
    add(context, "acme", "work")
    asked = "import sys; sys.argv[1:] = ['statusline']; from rotator.__main__ import main\n"
    asked += "try: main()\nfinally: print(*sys.modules)"

    said, loaded = expect_success(sys.executable, "-c", asked).splitlines()

    assert (
        said == shown().rstrip("\n") == expect_success(beside_python("rotator"), "statusline")[:-1]
    )
    assert "sqlite3" in loaded.split()
    assert set(loaded.split()) & HEAVY == set()


def test_a_store_that_is_a_link_is_read_with_what_lies_beside_its_file(tmp_path: Path) -> None:
    """Somebody has it open: the swap stands in the log beside the file."""
    path, real = find_paths().store, tmp_path / "vault.db"
    with open_context(find_paths()) as context:
        first = add(context, "acme", "first")
        add(context, "acme", "second")
    path.rename(real)
    path.symlink_to(real)
    with open_context(find_paths()) as context:
        context.store.set_active("acme", first, context.clock())

        told = shown("acme")

    for file in tmp_path.glob("vault.db*"):
        file.unlink()
    assert "acme first" in told
