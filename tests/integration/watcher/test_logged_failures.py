"""Lines of opencode's log beside what bridges note of the same requests (B1, B2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.core.failures.reported_failures import Note, ReportedFailure
from rotator.model import Signal
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.session_notes import SWEPT_AFTER_SECONDS, parse_note
from rotator.opencode.log import LoggedFailure
from rotator.watcher.logged_failures import HELD_FOR, SAID_AGAIN_AFTER, LoggedFailures
from tests.support.live import NOON, Live, api, open_live, wellknown

SITE = "https://acme.example"


class Lines:
    """The log's side of a watcher, and whom it has blamed."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.exchange = Exchange(live.paths)
        # A watcher has run all the time.
        self.exchange.beat()
        self.blamed: list[Signal] = []
        self.lines = LoggedFailures(live.context, self.exchange, self.blamed.append)

    def serves(self, *sessions: str, pid: int | None = None) -> Path:
        """Say that an opencode with the bridge has sent requests of those sessions."""
        path = self.exchange.folder / "present" / f"{pid or os.getpid()}.sessions"
        path.write_text("".join(f"{one}\n" for one in sessions))
        return path

    def note(self, name: str = "n-1", **changes: object) -> None:
        """Tell what a bridge tells of a request that failed."""
        value = {
            "schema": 1,
            "id": name,
            "kind": "failed",
            "at": to_iso(self.live.clock.now),
            "session": "ses_1",
            "provider": "acme",
            "model": "m1",
            "credential": None,
            "key": None,
        }
        path = self.exchange.inbox / f"{name}.json"
        path.write_text(json.dumps(value | changes))
        taken = self.exchange.take(path)
        assert not path.exists()
        if isinstance(taken, Note):
            self.lines.note(taken)

    def fails(
        self, session: str | None = "ses_1", *, provider: str = "acme", at: datetime | None = None
    ) -> None:
        """Log a failure."""
        when = at or self.live.clock.now
        said = "Rate limit reached"
        line = LoggedFailure(when, provider, "m1", session, small=False, message=said)
        self.lines.hear(replace(line, began_at=when))

    def digest(self, name: str) -> str:
        return self.live.account(name).credential.digest

    def said(self) -> list[str]:
        return [event.why for event in self.live.events() if event.kind == "problem"]


@pytest.fixture
def log(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Return the log of somebody with two keys of acme, whose session an opencode serves."""
    monkeypatch.setenv("HOME", str(home))
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        lines = Lines(live)
        lines.serves("ses_0", "ses_1")
        yield lines


def test_a_note_with_a_login_blames_that_login_with_the_line_s_words(log: Lines) -> None:
    """Whoever is active by now."""
    log.note(credential=log.digest("acme/acme-1"))
    log.fails()

    (blamed,) = log.blamed
    assert blamed.credential == log.digest("acme/acme-1")
    assert (blamed.source, blamed.error) == ("log", "Rate limit reached")
    assert not log.lines.is_holding


def test_a_note_that_comes_after_its_line_counts_as_well(log: Lines) -> None:
    log.fails()
    held, before = log.lines.is_holding, list(log.blamed)
    log.live.clock.pass_time(seconds=1)
    log.note(credential=log.digest("acme/acme-2"))

    assert (held, before) == (True, [])
    assert [one.credential for one in log.blamed] == [log.digest("acme/acme-2")]
    assert not log.lines.is_holding


def test_a_line_of_a_served_session_without_a_note_blames_nobody(log: Lines) -> None:
    log.fails()
    log.live.clock.now += HELD_FOR
    log.lines.work()

    assert not log.lines.is_holding
    assert (log.blamed, log.said()) == ([], [])
    log.note(credential=log.digest("acme/acme-2"))
    assert log.blamed == []


@pytest.mark.parametrize(
    ("key", "whose"),
    [
        ("configured", "a request failed with a key that opencode.json gives"),
        ("unknown", "a request failed with a key that auth.json did not give"),
        ("elsewhere", "a request failed that another plug-in sent to a place of its own"),
        ("unanswered", "another plug-in let a request fail, and no answer of a vendor was seen"),
        ("unseen", "a turn failed of which no request to the model came through the bridge"),
    ],
)
def test_b1_b2_a_note_without_a_login_blames_nobody_and_says_whose_it_was_once_an_hour(
    log: Lines, key: str, whose: str
) -> None:
    sentence = f"acme: {whose}: nobody is blamed"
    for number in range(3):
        log.note(f"n-{number}", key=key)
        log.fails()
    first = log.said()
    log.live.clock.now += SAID_AGAIN_AFTER
    log.note("n-9", key=key)
    log.fails()

    assert (log.blamed, first) == ([], [sentence])
    assert log.said() == [sentence, sentence]
    # Such a turn is what a refused refresh of opencode's own ends.
    assert (log.lines.unsent_at("acme") is not None) is (key == "unseen")


@pytest.mark.parametrize("provider", ["acme", "zeta"])
def test_b2_a_note_from_opencode_2_says_at_once_that_nobody_is_blamed(
    log: Lines, provider: str
) -> None:
    """No line of its log is about it; a provider without an account is no business of ours."""
    for number in range(2):
        log.note(f"n-{number}", key="unknown", home="opencode.db", provider=provider)
    said = log.said()
    log.fails(provider=provider)

    sentence = "acme: a request in OpenCode 2 failed with a key that its database does not hold"
    assert said == ([f"{sentence}: nobody is blamed"] if provider == "acme" else [])
    # It would settle the line if it were about one.
    assert (log.blamed, log.lines.is_holding) == ([], True)


def test_a_note_about_another_time_session_or_model_is_none_about_this_line(log: Lines) -> None:
    mine = log.digest("acme/acme-2")
    log.note("n-1", credential=mine, at=to_iso(NOON - timedelta(seconds=6)))
    log.note("n-2", credential=mine, session="ses_0")
    log.note("n-3", credential=mine, model="m2")
    log.note("n-4", credential=mine, provider="zeta")
    log.fails()

    assert log.blamed == []
    assert log.lines.is_holding


def test_a_failure_that_the_bridge_reported_is_one_also_where_its_line_was_held(log: Lines) -> None:
    log.fails()
    log.lines.expect(ReportedFailure("acme", "ses_1", log.live.clock.now))
    log.note(credential=log.digest("acme/acme-2"))

    assert log.blamed == []
    assert not log.lines.is_holding


def test_a_well_known_login_is_found_under_its_address(log: Lines) -> None:
    """Its token goes out under another provider's name (B5)."""
    log.live.sees({"acme": api("b"), SITE: wellknown("w")})
    (account,) = log.live.state.of(SITE)
    log.note(provider=SITE, credential=account.credential.digest)
    log.fails(provider="somebody")

    assert [(one.provider, one.credential) for one in log.blamed] == [
        (SITE, account.credential.digest)
    ]


def test_a_session_that_no_bridge_serves_is_the_log_s_alone(log: Lines) -> None:
    log.note(session="ses_2", key="configured")
    log.live.clock.pass_time(seconds=6)
    log.fails("ses_2")

    assert [one.credential for one in log.blamed] == [None]


def test_a_provider_without_an_account_is_no_business_of_ours(log: Lines) -> None:
    log.note(provider="zeta", key="configured")
    log.fails(provider="zeta")
    log.fails("ses_2", provider="zeta")

    assert (log.blamed, log.said()) == ([], [])


def test_a_line_that_names_no_session_is_held_where_a_bridge_may_have_served_it(log: Lines) -> None:
    present = {"schema": 1, "pid": os.getpid(), "auth_file": str(log.live.file), "kind": "serve"}
    file = log.exchange.folder / "present" / f"{os.getpid()}.json"
    file.write_text(json.dumps(present | {"bridge": "0.4.0"}))
    log.fails(None)
    held = log.lines.is_holding
    file.unlink()
    log.fails(None)

    assert held
    assert len(log.blamed) == 1


# -- the files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"id": "another"},
        {"kind": "seen"},
        {"at": "yesterday"},
        {"provider": "a\nb"},
        {"provider": 7},
        {"session": "../../etc"},
        {"session": None},
        {"credential": "short"},
        {"credential": None, "key": "mine"},
        {"credential": None},
        {"credential": ["x"], "key": {}},
    ],
)
def test_a_note_that_is_not_understood_costs_itself_alone(
    log: Lines, changes: dict[str, object]
) -> None:
    value: dict[str, Any] = {"credential": log.digest("acme/acme-2")} | changes
    log.note(**value)
    log.fails()

    assert log.blamed == []


def test_what_is_no_note_is_none() -> None:
    assert [parse_note("n", content) for content in (b"", b"[]", b"{", b"[" * 9999)] == [None] * 4


def test_odd_files_of_sessions_cost_themselves_alone(log: Lines) -> None:
    folder = log.exchange.folder / "present"
    os.mkfifo(folder / "1.sessions")
    (folder / "2.sessions").mkdir()
    (folder / "3.sessions").write_bytes(b"\xff\xfe\n" + b"x" * 300_000)
    (folder / "4.sessions").write_text("ses_4\na line with words\n")

    served = log.exchange.served_sessions()
    assert [n for n in range(9) if f"ses_{n}" in served] == [0, 1, 4]


def test_sessions_are_swept_a_while_after_their_process_and_not_before(log: Lines) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    mine, gone, just = log.serves("a"), log.serves("b", pid=ended.pid), log.serves("c", pid=2**22)
    odd = gone.with_name("odd.sessions")
    odd.touch()
    for path in (mine, gone, odd):
        facts = path.stat()
        os.utime(path, (facts.st_atime, facts.st_mtime - SWEPT_AFTER_SECONDS - 1))

    log.exchange.sweep()

    assert [path.exists() for path in (mine, gone, odd, just)] == [True, False, False, True]
