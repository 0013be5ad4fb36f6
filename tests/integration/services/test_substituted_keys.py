"""A request that somebody else had in hand: whom it blames is told by what the opencode loads (B2).

Only a request that carried a credential from the home can blame an account. One of which a bridge
has not seen that blames nobody where a plug-in may have given it a key of its own (B3: where none
may, it fails over).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.core.failures.reported_failures import Note
from rotator.model import AccountState, EventKind
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.log import LoggedFailure
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.signals import SignalHandler
from rotator.watcher.usage_poller import UsagePoller
from tests.support.inbox import answered
from tests.support.live import Live, api, open_live

ONE, TWO = "acme/acme-1", "acme/acme-2"
LIMIT = '{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}'
POOL = "globalThis.fetch = (i, o) => { o.headers.authorization = key(); return kept(i, o); };"
NEUTRAL = "globalThis.fetch = (i, o) => { log(i); return kept(i, o); };"


class Watched:
    """A watcher's side of one bridge, whose session asks with acme-2, the live login."""

    def __init__(self, live: Live, home: Path) -> None:
        self.live = live
        self.exchange = Exchange(live.paths)
        self.project = home / "project"
        self._refreshes = RefreshQueue(live.context, lambda: None)
        self._readings = UsagePoller(live.context, lambda: None)
        self.handler = SignalHandler(live.context, self.exchange, self._refreshes, self._readings)
        self._count = 0
        self.serves("ses_1", self.project)

    def close(self) -> None:
        self._refreshes.close()
        self._readings.close()

    def serves(self, session: str, project: Path, pid: int | None = None) -> None:
        """Say that an opencode with the bridge serves that session there."""
        name = os.getpid() if pid is None else pid
        present = {
            "schema": 1,
            "pid": name,
            "bridge": "1",
            "opencode": "1.18.33",
            "auth_file": str(self.live.file),
            "directories": [str(project)],
            "started_at": to_iso(self.live.clock.now),
            "start_ticks": None,
            "kind": "serve",
        }
        folder = self.exchange.folder / "present"
        (folder / f"{name}.json").write_text(json.dumps(present))
        (folder / f"{name}.sessions").write_text(f"{session}\n")

    def loads(self, text: str, project: Path | None = None, folder: str = "plugin") -> Path:
        """Let the opencode there load a plug-in."""
        path = (project or self.project) / ".opencode" / folder / "other.js"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return path

    def tell(self, **changes: Any) -> dict[str, Any] | None:
        """Tell of a refused request; return the verdict on it."""
        digest = self.live.account(TWO).credential.digest
        self._count += 1
        refused = {"status": 429, "headers": {"retry-after": "3600"}, "body": LIMIT}
        said = refused | {"unproven": True} | changes
        now = self.live.clock.now
        return answered(self.exchange, self.handler, self._count, now, digest, **said)

    def notes(self, **changes: Any) -> None:
        """Let the bridge say whose request of the session's failed."""
        value = {
            "schema": 1,
            "id": "n-1",
            "kind": "failed",
            "at": to_iso(self.live.clock.now),
            "session": "ses_1",
            "provider": "acme",
            "model": "m1",
            "credential": self.live.account(TWO).credential.digest,
            "key": None,
        }
        path = self.exchange.inbox / "n-1.json"
        path.write_text(json.dumps(value | changes))
        note = self.exchange.take(path)
        assert isinstance(note, Note)
        self.handler.on_session_note(note)

    def logs(self) -> None:
        """Let opencode log the failure."""
        now = self.live.clock.now
        said = "Rate limit reached"
        line = LoggedFailure(now, "acme", "m1", "ses_1", small=False, message=said)
        self.handler.on_logged_failure(line)

    def said(self, kind: EventKind) -> list[str]:
        return [event.why for event in self.live.events() if event.kind is kind]

    @property
    def blamed(self) -> bool:
        """Whether anything became of it for the live account."""
        is_ready = self.live.state_of(TWO) is AccountState.READY
        return not is_ready or self.live.active("acme") != "acme-2"


@pytest.fixture
def watched(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Return the watcher of somebody with two keys of acme."""
    monkeypatch.setenv("HOME", str(home))
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        watched = Watched(live, home)
        yield watched
        watched.close()


def sentence(plugin: Path) -> str:
    return (
        f"acme: the plug-in {plugin} (by its text) may have sent a request that failed with a key"
        " of its own: nobody is blamed"
    )


@pytest.mark.parametrize("status", [401, 402, 403, 429, 503])
def test_b2_where_a_plug_in_may_have_sent_its_own_key_nobody_is_blamed_and_it_is_said(
    watched: Watched, status: int
) -> None:
    plugin = watched.loads(POOL)

    verdicts = [watched.tell(status=status) for _ in range(2)]
    watched.logs()

    assert [verdict and verdict["verdict"] for verdict in verdicts] == ["pass"] * 2
    assert not watched.blamed
    assert watched.said(EventKind.PROBLEM) == [sentence(plugin)]


def test_b2_a_tool_may_have_done_so_when_its_file_was_loaded(watched: Watched) -> None:
    tool = watched.loads(POOL, folder="tool")

    watched.tell()

    assert not watched.blamed
    assert watched.said(EventKind.PROBLEM) == [sentence(tool).replace("plug-in", "tool")]


def test_b2_a_wait_that_is_over_goes_on_with_nobody_either(watched: Watched) -> None:
    watched.loads(POOL)

    verdict = watched.tell(waited=True, tried=[])

    assert verdict is not None
    assert verdict["verdict"] == "pass"
    assert watched.handler.waiting == []


def test_b3_where_none_may_it_fails_over(watched: Watched) -> None:
    watched.loads(NEUTRAL)
    watched.loads("export default { args: {}, execute: () => ask() };", folder="tool")

    verdict = watched.tell()

    assert verdict is not None
    assert verdict["verdict"] == "retry"
    assert watched.live.active("acme") == "acme-1"
    assert watched.said(EventKind.PROBLEM) == []


def test_what_was_seen_with_a_login_of_ours_is_about_that(watched: Watched) -> None:
    """Whatever else that opencode loads."""
    watched.loads(POOL)

    verdict = watched.tell(unproven=False)

    assert verdict is not None
    assert verdict["verdict"] == "retry"


@pytest.mark.parametrize(("session", "blames"), [("ses_1", True), ("ses_2", False), ("new", False)])
def test_it_is_asked_what_the_opencode_loads_that_sent_it(
    watched: Watched, home: Path, session: str, *, blames: bool
) -> None:
    """Where that is not known it may be any."""
    other = home / "elsewhere"
    watched.loads(POOL, other)
    watched.serves("ses_2", other, os.getppid())

    watched.tell(session=session)

    assert watched.blamed is blames


def test_b2_a_good_answer_lifts_no_limit_and_says_nothing(watched: Watched) -> None:
    watched.live.context.store.set_disabled(watched.live.account(ONE).id, "by you")
    watched.tell(unproven=False)
    limited = watched.live.state_of(TWO)
    plugin = watched.loads(POOL)
    watched.live.clock.pass_time(seconds=20)
    good = {"status": 200, "answered": True, "sent_at": to_iso(watched.live.clock.now)}

    verdict = watched.tell(**good, headers={}, body="")

    assert (limited, watched.live.state_of(TWO)) == (AccountState.COOLING, AccountState.COOLING)
    assert verdict is None
    assert watched.said(EventKind.PROBLEM) == []
    plugin.write_text(NEUTRAL)
    watched.tell(**good, headers={}, body="")
    assert watched.live.state_of(TWO) is AccountState.READY


def test_b2_an_answer_that_was_none_blames_nobody(watched: Watched) -> None:
    plugin = watched.loads(POOL)
    row: list[dict[str, Any]] = []
    verdicts = []
    for number in range(3):
        told = {"status": None, "fault": "instead", "earlier": list(row), "held": number != 1}
        verdicts.append(watched.tell(**told, headers={}))
        row = [{"kind": "instead", "ms": 500 * (1 + len(row) - i)} for i in range(len(row) + 1)]
        watched.live.clock.now += timedelta(seconds=0.5)

    assert [verdict and verdict["verdict"] for verdict in verdicts] == ["pass", None, "pass"]
    assert not watched.blamed
    assert watched.said(EventKind.PROBLEM) == [sentence(plugin)]


def test_b2_an_error_in_a_stream_that_opencode_logs_blames_nobody(watched: Watched) -> None:
    watched.loads(POOL)

    watched.tell(status=None, fault="error", earlier=[], held=False, headers={})
    watched.logs()

    assert not watched.handler.holds_lines
    assert not watched.blamed


@pytest.mark.parametrize("unproven", [True, False])
def test_b2_a_note_of_what_was_not_seen_blames_nobody_by_the_log(
    watched: Watched, *, unproven: bool
) -> None:
    """As when no watcher ran at the time of the request."""
    plugin = watched.loads(POOL)

    watched.notes(unproven=unproven)
    watched.logs()

    assert watched.blamed is not unproven
    assert (watched.said(EventKind.PROBLEM) == [sentence(plugin)]) is unproven
    assert not watched.handler.holds_lines
