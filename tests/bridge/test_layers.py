"""Our fetch is the outermost whatever others do with theirs, or the request is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.other_plugins import (
    ADDRESSED,
    ASKS_TWICE,
    DEFINED_FOR_GOOD,
    GUARDS,
    KEPT_AT_IMPORT,
    LIKENESS,
    ORDERS,
    OUTERMOST,
    POOL,
    POOLS,
    PUTS_BACK,
    REJECTS,
    SET_AT_EVERY_REQUEST,
    SET_AT_START,
    TAKES_MORE,
    THROWS,
    UNSEEN_POOLS,
    plugin,
    pool,
)
from tests.support.upstream import Upstream, model_request, reply

A, B, POOLED = "KEY-CANARY-A", "KEY-CANARY-B", "POOL-CANARY"
ASKED = '{"model":"m1","messages":[]}'
KEPT = "with a fetch from before"
MOST_LAYERS = 1000
Order = tuple[tuple[str, ...], tuple[int, ...]]
CASES = [(source, order) for source in OUTERMOST.values() for order in ORDERS]
ORDER_NAMES = [f"{files[0]} imported, {files[start[0]]} started first" for files, start in ORDERS]


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


@pytest.fixture
def early(home: Path, live: LiveFile, slowness: int) -> Iterator[BridgeProcess]:
    """Return a process in which no plug-in is loaded yet."""
    assert live.path.exists()
    with bridge_process(home, slowness=slowness) as process:
        yield process


def load(process: BridgeProcess, order: Order, *theirs: str) -> None:
    """Import ours and theirs, then start them, in that order."""
    files, start = order
    named = [name for one in files for name in (theirs if one == "theirs" else ("ours",))]
    count = len(theirs)
    places = {
        one: [i for i, n in enumerate(named) if (n == "ours") == (one == "ours")] for one in files
    }
    assert len(places["theirs"]) == count
    process.load(files=named, start=[place for one in start for place in places[files[one]]])


def seen_by_others(process: BridgeProcess) -> list[list[str]]:
    found: list[list[str]] = process.run("facts")["others"]
    return found


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{name}, {order}" for name in OUTERMOST for order in ORDER_NAMES]
)
def test_a_failover_works_under_whatever_another_plug_in_does(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    case: tuple[str, Order],
) -> None:
    """B3."""
    source, order = case
    load(early, order, plugin(live.path.parent, source))
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)
    answer = pending.result()

    assert (answer["status"], answer["sameResponse"], answer["hookHeaders"]) == (200, True, [])
    asked = [r.target for r in upstream.requests if r.target != "/v1/ready"]
    assert (len(asked), upstream.keys[-1]) == (2, B)
    assert len(seen_by_others(early)) >= 1
    assert not [name for names in seen_by_others(early) for name in names if "rotator" in name]


def test_what_a_fetch_is_given_beside_a_request_comes_to_it_each_time(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    load(early, ORDERS[0], plugin(live.path.parent, TAKES_MORE))
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream), more=["a wish"])
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert pending.result()["status"] == 200
    assert seen_by_others(early) == [["a wish"]] * 2


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
@pytest.mark.parametrize("source", GUARDS.values(), ids=GUARDS)
def test_who_puts_his_own_back_wherever_he_does_not_find_it_is_asked_once_a_request(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    source: str,
    order: Order,
) -> None:
    """B3: he finds ours over his own, and asks that one."""
    load(early, order, plugin(live.path.parent, source))
    said = [early.run("fetch", **model_request(upstream))["status"] for _ in range(3)]
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert (said, pending.result()["status"]) == ([200] * 3, 200)
    assert upstream.keys == [A] * 4 + [B]
    # One that was defined in our place stands before us, and does not see what we send again.
    assert len(seen_by_others(early)) in {len(upstream.keys), len(upstream.keys) - 1}


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
def test_a_failover_works_under_several_other_plug_ins(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    home: Path,
    order: Order,
) -> None:
    """B3."""
    files = [
        plugin(home, source, f"{number}-canary.mjs")
        for number, source in enumerate(OUTERMOST.values())
        if "defineProperty" not in source  # a plain assignment after it would fail
    ]
    load(early, order, *files)
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert pending.result()["status"] == 200
    assert (upstream.keys[-1], watcher.waiting()) == (B, [])


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
def test_where_fetch_is_defined_for_good_no_request_is_ours(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    home: Path,
    order: Order,
) -> None:
    """B3: nobody can stand before that one, so nothing is replaced and nobody blamed."""
    load(early, order, plugin(home, DEFINED_FOR_GOOD))
    upstream.limit(A)
    live.key(B)

    answer = early.run("fetch", **model_request(upstream))

    assert (answer["status"], upstream.keys) == (429, [A])
    assert watcher.waiting() == []


@pytest.mark.parametrize("source", [THROWS, REJECTS], ids=["throws", "rejects"])
@pytest.mark.parametrize("mark", [None, {"provider": "mock"}], ids=["another's", "ours"])
def test_what_another_fetch_throws_comes_out_as_it_is(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    home: Path,
    source: str,
    mark: object,
) -> None:
    load(early, ORDERS[0], plugin(home, source))

    answer = early.run("fetch", **model_request(upstream, mark=mark))

    assert answer["error"] == "thrown by another plug-in"
    assert watcher.waiting() == []


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
def test_the_limits_of_a_key_that_another_plug_in_puts_in_blame_nobody(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, home: Path, order: Order
) -> None:
    """B2: it kept our fetch at its start, and calls it with a key of its own."""
    load(early, order, plugin(home, POOL))
    upstream.limit(POOLED)

    answer = early.run("fetch", **model_request(upstream))

    assert (answer["status"], answer["sameResponse"], upstream.keys) == (429, True, [POOLED])
    assert watcher.heard_nothing(answer)


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
@pytest.mark.parametrize("send", POOLS.values(), ids=POOLS)
def test_a_key_of_another_plug_in_is_known_however_it_is_sent_through_ours(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    home: Path,
    send: str,
    order: Order,
) -> None:
    """B2: by another way, from a queue, or with our login where no vendor looks for it."""
    load(early, order, plugin(home, pool(send)))
    for key in (A, POOLED):
        upstream.limit(key)
    upstream.on("pool=POOL-CANARY", reply(429))

    answer = early.run("fetch", **model_request(upstream) | {"body": ASKED, "abortable": True})

    assert (answer["status"], len(upstream.requests)) == (429, 1)
    assert watcher.heard_nothing(answer)


@pytest.mark.parametrize(
    ("send", "order"),
    [
        pytest.param(send, order, id=f"{how}, {name}")
        for how, send in UNSEEN_POOLS.items()
        for order, name in zip(ORDERS, ORDER_NAMES, strict=True)
        # What it keeps at its import is ours, where we were imported before.
        if how != KEPT or order[0][0] == "theirs"
    ],
)
def test_where_nothing_was_seen_of_a_request_the_signal_says_so(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    home: Path,
    send: str,
    order: Order,
) -> None:
    """B2: what it did with the request is not known."""
    load(early, order, plugin(home, pool(send)))
    upstream.limit(POOLED)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")

    assert pending.result()["status"] == 429
    assert signal["unproven"] is True


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
@pytest.mark.parametrize(
    "send",
    [
        pytest.param(send.replace("FETCH", fetch), id=f"{how}, {fetch}")
        for how, send in ADDRESSED.items()
        for fetch in ("native", "found")
    ],
)
def test_an_answer_from_another_place_or_for_another_key_blames_nobody(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    home: Path,
    send: str,
    order: Order,
) -> None:
    """B2: seen by the answer's own address, whether its request was seen or not."""
    load(early, order, plugin(home, pool(send)))
    upstream.limit(A)

    answer = early.run("fetch", **model_request(upstream))

    assert (answer["status"], answer["sameResponse"], upstream.keys) == (429, True, [A])
    assert watcher.heard_nothing(answer)


def test_an_answer_to_another_question_than_the_one_that_was_seen_is_not_proven(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, home: Path
) -> None:
    """B2: it asks with the login first, and then with a key of its own."""
    load(early, ORDERS[2], plugin(home, ASKS_TWICE))
    upstream.limit(POOLED)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")

    assert (pending.result()["status"], upstream.keys) == (429, [A, POOLED])
    assert signal["unproven"] is True


@pytest.mark.parametrize("has_body", ["true", "false"])
def test_a_refusal_that_only_looks_like_an_answer_fails_over(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    live: LiveFile,
    home: Path,
    has_body: str,
) -> None:
    load(early, ORDERS[0], plugin(home, LIKENESS.replace("HAS_BODY", has_body)))
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)

    assert (pending.result()["status"], upstream.keys) == (200, [A, B])
    assert (signal["body"], signal["headers"]["retry-after"]) == ("limited", "60")


@pytest.mark.parametrize("has_body", ["true", "false"])
def test_such_a_refusal_is_handed_on_whole_where_nobody_takes_over(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, home: Path, has_body: str
) -> None:
    load(early, ORDERS[0], plugin(home, LIKENESS.replace("HAS_BODY", has_body)))
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    answer = pending.result()
    assert (answer["status"], answer["body"]) == (429, "limited")


@pytest.mark.parametrize("source", [None, SET_AT_START], ids=["nobody", "one that hands on"])
def test_where_a_request_was_seen_with_its_login_nothing_is_said(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    home: Path,
    source: str | None,
) -> None:
    if source is None:
        early.load()
    else:
        load(early, ORDERS[0], plugin(home, source))
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")

    assert pending.result()["status"] == 429
    assert "unproven" not in signal


def test_a_plug_in_s_key_beside_one_that_only_hands_on_blames_nobody(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, home: Path
) -> None:
    """B2."""
    load(
        early,
        ORDERS[0],
        plugin(home, SET_AT_START, "one-canary.mjs"),
        plugin(home, POOL, "two-canary.mjs"),
        plugin(home, SET_AT_START, "three-canary.mjs"),
    )
    upstream.limit(POOLED)

    answer = early.run("fetch", **model_request(upstream))

    assert (answer["status"], upstream.keys) == (429, [POOLED])
    assert watcher.heard_nothing(answer)


@pytest.mark.parametrize("order", ORDERS, ids=ORDER_NAMES)
@pytest.mark.parametrize(
    "source", [SET_AT_START, KEPT_AT_IMPORT], ids=["set at start", "kept at import"]
)
def test_under_another_plug_in_an_unmarked_request_is_passed_on_as_it_is(
    early: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    home: Path,
    order: Order,
    source: str,
) -> None:
    load(early, order, plugin(home, source))
    upstream.limit(A)

    answer = early.run("fetch", **model_request(upstream, mark=None))

    assert (answer["status"], answer["sameInit"], answer["sameResponse"]) == (429, True, True)
    assert watcher.waiting() == []


def test_a_fetch_that_was_kept_before_we_came_takes_nothing_of_ours_along(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile, home: Path
) -> None:
    """B9: a login loader brings a fetch of its own, which opencode then uses instead."""
    load(early, ORDERS[3], plugin(home, KEPT_AT_IMPORT))
    upstream.limit(A)
    live.key(B)

    answer = early.run("fetch", **model_request(upstream, isKept=True))

    assert (answer["status"], upstream.keys, answer["hookHeaders"]) == (429, [A], [])
    assert not [name for name in upstream.requests[0].headers if "rotator" in name]
    assert watcher.waiting() == []


def test_who_puts_a_fetch_before_ours_without_end_is_left_alone(
    early: BridgeProcess, upstream: Upstream, live: LiveFile, home: Path
) -> None:
    load(early, ORDERS[0], plugin(home, SET_AT_EVERY_REQUEST))
    early.run("announce", times=MOST_LAYERS - 10, mark={"provider": "mock"})
    live.key(B)
    early.run("fetch", **model_request(upstream))
    early.run("announce", times=20, mark={"provider": "mock"})

    early.run("fetch", **model_request(upstream))

    assert upstream.keys == [B, A]


def test_who_puts_back_what_he_found_puts_nothing_before_ours(
    early: BridgeProcess, upstream: Upstream, live: LiveFile, home: Path
) -> None:
    load(early, ORDERS[0], plugin(home, PUTS_BACK))
    early.run("announce", times=MOST_LAYERS + 10, mark={"provider": "mock"})
    live.key(B)

    early.run("fetch", **model_request(upstream))

    assert (upstream.keys, seen_by_others(early)) == ([B], [])


def test_two_files_of_ours_put_one_fetch_before_the_others(
    early: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    loaded = early.load()
    again = early.load("/second", again="the same file under another name")
    upstream.limit(A)

    pending = early.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 429
    assert (loaded["own"], again["own"], len(upstream.requests)) == ("kept", "kept", 1)
    assert watcher.waiting() == []
