"""The places where text from outside comes in, each as one function that takes any bytes.

Each does with them what the program does and asserts what has to hold whatever they are:
nothing raises, what comes out is clean, nobody is blamed by mistake, and what is bad costs
only itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from rotator.clock import to_iso
from rotator.core.failures.classify import classify
from rotator.core.failures.reported_failures import Note, StoppedWait
from rotator.core.logins.changes import Login, Unreadable, interpret
from rotator.core.logins.credential_secrets import is_blank
from rotator.core.selection.failover import account_of, decide
from rotator.core.selection.fallback import PASS
from rotator.errors import UnexpectedAnswer
from rotator.model import NOTHING, Credential, Signal, Source, State, VerdictKind
from rotator.opencode.auth.entries import parse_entry
from rotator.opencode.auth.file import Torn, Whole, parse_live, read_live, with_entry
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.fields import LONGEST_BODY
from rotator.opencode.log import LONGEST_MESSAGE, LogTail, parse_line
from rotator.plugins.registry import Registry, load_registry
from rotator.provider import DeadLogin, HttpAnswer, Tokens
from rotator.secret import Secret
from rotator.system.paths import Paths
from rotator.text import LONGEST, sanitize
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    a_state,
    an_account,
    an_entry,
    api,
    knowing,
    oauth,
    try_parse,
)
from tests.support.token_answers import refreshers

# A sentence of ours around two cleaned texts.
LONGEST_SENTENCE = 2 * LONGEST + 200
KEYS = [an_account(name) for name in "ab"]
LOGINS = [
    an_account(name, oauth(name, expires_at=NOW + MINUTE), identity_key=name) for name in "cd"
]
STATES = (
    a_state(),
    a_state(*KEYS, active=KEYS[0], removed=[api("gone")]),
    a_state(*LOGINS, active=LOGINS[0], older=[(LOGINS[0], oauth("c", 0))]),
)
GOOD_LINE = (
    'timestamp=2026-11-22T11:59:58.931Z level=ERROR run=9e2e0430 message="stream error"'
    " providerID=good modelID=m1 session.id=ses_good small=false agent=build mode=primary"
    ' error.error="AI_APICallError: Overloaded"'
)


STATUSES = (200, 401, 403)
LOGIN = oauth()


def assert_clean(text: str | None, longest: int = LONGEST) -> None:
    """Check that `text` may be shown: one line, bounded, without control characters."""
    assert text is None or (text.isprintable() and len(text) <= longest), len(text)


def assert_tells_nothing(text: str | None) -> None:
    """Check that a sentence of ours may be shown and quotes no secret."""
    assert_clean(text, LONGEST_SENTENCE)
    assert text is None or "CANARY" not in text


class Boundaries:
    """Every boundary, with the folders of one person for those that read files."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.exchange = Exchange(paths)
        self.registry: Registry = load_registry()
        paths.opencode_logs.mkdir(parents=True)

    # -- auth.json -------------------------------------------------------------------------

    def auth_file(self, content: bytes) -> None:
        """Read `content` as auth.json, interpret the step to and from it, and write over it."""
        self.paths.auth_file.write_bytes(content)
        reading = read_live(self.paths.auth_file)
        assert reading == parse_live(content)
        if not isinstance(reading, Whole):
            assert isinstance(reading, Torn)
            assert_tells_nothing(reading.why)
            return
        self._interpret(reading.entries)
        _write_over(reading)

    def _interpret(self, entries: Mapping[str, Secret]) -> None:
        good = {p for p, entry in entries.items() if self._parses(p, entry)}
        before = {ACME: KEYS[0].credential.entry, "zeta": api("z").entry}
        for state in STATES:
            for watched in (True, False):
                known = knowing(
                    state,
                    identify=self.registry.identify,
                    rotates_tokens=self.registry.rotates_tokens,
                    watched=watched,
                )
                interpret(before, entries, known)
                interpret(entries, before, known)
                interpret(entries, entries, known)
        # Where nothing is known, each entry is a login, or said to be none.
        new = interpret({}, entries, knowing(a_state(), identify=self.registry.identify))
        # What a plug-in has cleared is no login.
        cleared = {p for p in good if is_blank(parse_entry(p, entries[p]))}
        assert {c.provider for c in new if isinstance(c, Login)} == good - cleared
        assert {c.provider for c in new if isinstance(c, Unreadable)} == set(entries) - good

    def _parses(self, provider: str, entry: Secret) -> bool:
        parsed = try_parse(provider, entry)
        if not isinstance(parsed, Credential):
            # An id is no secret, whatever stands in it.
            assert_tells_nothing(parsed.replace(sanitize(provider), ""))
            return False
        assert_clean(provider, 1000)
        who = self.registry.identify(provider, parsed)
        assert_clean(who.label)
        assert_clean(who.plan)
        assert parsed.entry == entry
        assert len(parsed.digest) == 64
        return True

    def entry(self, text: str) -> None:
        """Parse `text` as the entry of some providers."""
        for provider in (ACME, "openai", "anthropic", "xai", "github-copilot"):
            self._parses(provider, Secret(text))

    # -- the bridge's files ------------------------------------------------------------------

    def signal(self, content: bytes) -> None:
        """Take `content` from the inbox, ask what it means and what it leads to."""
        path = self.exchange.inbox / "s-1.json"
        path.write_bytes(content)
        signal = self.exchange.take(path)
        assert not path.exists()
        if signal is None:
            return
        if isinstance(signal, StoppedWait):
            assert_clean(signal.request)
            return
        assert_clean(signal.provider, 1000)
        if isinstance(signal, Note):
            assert_clean(signal.session)
            assert_clean(signal.model)
            return
        for text in (signal.request, signal.model, signal.session, signal.error):
            assert_clean(text)
        for name, value in signal.headers.items():
            assert_clean(name)
            assert_clean(value)
        assert len(signal.body) <= LONGEST_BODY
        assert signal.status is None or 100 <= signal.status <= 999
        for state in STATES:
            _lead_on(state, signal)

    def present(self, content: bytes, stem: str = "1") -> None:
        """Read `content` beside the file of a good bridge."""
        folder = self.exchange.folder / "present"
        good = folder / f"{os.getpid()}.json"
        good.write_text(
            json.dumps(
                {
                    "schema": 1,
                    "pid": os.getpid(),
                    "bridge": "0",
                    "opencode": "1",
                    "auth_file": str(self.paths.auth_file),
                    "started_at": to_iso(NOW),
                    "kind": "run",
                }
            )
        )
        odd = folder / f"{stem}.json"
        odd.write_bytes(content.replace(b"AUTH_FILE", str(self.paths.auth_file).encode()))
        found = self.exchange.present()
        odd.unlink(missing_ok=True)
        assert [one.kind for one in found if one.pid == os.getpid()] == ["run"]
        for one in found:
            assert one.kind in {"tui", "serve", "run"}
            assert one.pid > 0
            assert_clean(one.bridge)

    def watcher_file(self, content: bytes) -> None:
        """Read `content` as what a watcher tells `status`."""
        (self.paths.state / "watcher.json").write_bytes(content)
        for name in (*self.exchange.polled(os.getpid()), *self.exchange.polled(1)):
            assert_clean(name)

    # -- opencode's log ----------------------------------------------------------------------

    def log_line(self, content: bytes) -> None:
        """Read `content` as a line of the log, with a good line after it."""
        self._logged(content)
        tail = LogTail(self.paths.opencode_logs)
        (self.paths.opencode_logs / "opencode.log").write_bytes(
            content + b"\n" + GOOD_LINE.encode() + b"\n"
        )
        assert "ses_good" in [failure.session for failure in tail.read_new()]

    def _logged(self, content: bytes) -> None:
        failure = parse_line(content.decode("utf-8", "replace"))
        if failure is None:
            return
        assert_clean(failure.message, LONGEST_MESSAGE)
        for text in (failure.provider, failure.model, failure.session):
            assert_clean(text)
        assert failure.provider
        signal = Signal(
            id=f"log-{failure.at.timestamp():.3f}",
            at=failure.at,
            provider=failure.provider,
            source=Source.LOG,
            model=failure.model,
            session=failure.session,
            error=failure.message,
        )
        for state in STATES:
            _lead_on(state, signal)

    # -- what vendors answer -------------------------------------------------------------------

    def vendor_answer(
        self,
        content: bytes,
        statuses: Sequence[int] = STATUSES,
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        """Read `content` as what every vendor answers to a refresh, with each of the statuses."""
        text = Secret(content.decode("utf-8", "replace"))
        for vendor, module in refreshers().items():
            for status in statuses:
                answer = HttpAnswer(status, headers, text)
                try:
                    found = module.read_refresh(LOGIN, answer, NOW)
                except UnexpectedAnswer as exc:
                    assert_tells_nothing(exc.message)
                    # Whoever shows it with all that led to it shows no more.
                    led_to = (exc.__cause__, exc.__context__)
                    assert led_to == (None, None)
                else:
                    self._refreshed(vendor, status, found)

    def _refreshed(self, vendor: str, status: int, found: Tokens | DeadLogin) -> None:
        if isinstance(found, DeadLogin):
            assert status in {400, 401, 403}
            assert_tells_nothing(found.reason)
            return
        assert 200 <= status < 300
        assert found.expires_at > NOW
        refresh = found.refresh or LOGIN.refresh
        assert refresh is not None
        # opencode takes the entry that they make, and every letter of them can be sent.
        tokens = {"access": found.access.reveal(), "refresh": refresh.reveal()}
        assert all(token.isascii() and token.isprintable() and token for token in tokens.values())
        expires = int(found.expires_at.timestamp() * 1000)
        assert self._parses(vendor, an_entry(type="oauth", expires=expires, **tokens))


def _write_over(reading: Whole) -> None:
    """Check that one entry can be replaced, added and taken out of any whole content."""
    new = an_entry(type="api", key="KEY-CANARY-new")
    for provider in [*reading.entries, "a new one"]:
        others = {p: entry for p, entry in reading.entries.items() if p != provider}
        for entry, expected in ((new, others | {provider: new}), (None, others)):
            written = parse_live(with_entry(reading, provider, entry))
            assert isinstance(written, Whole)
            assert written.entries == expected


def _lead_on(state: State, signal: Signal) -> None:
    finding = classify(signal, NOW)
    assert_tells_nothing(finding.reason)
    assert finding.until is None or NOW < finding.until <= NOW + 401 * 24 * HOUR
    outcome = decide(state, signal, finding, NOW)
    known = (signal.provider, signal.credential) in state.digests
    if signal.source is Source.BRIDGE and not known:
        assert account_of(state, signal) is None
        assert (outcome.updates, outcome.events, outcome.order) == ((), (), None)
        assert outcome.verdict == PASS
    if outcome.verdict.kind is VerdictKind.RETRY:
        assert outcome.verdict.credential in {digest for _, digest in state.digests}
    for event in outcome.events:
        assert_tells_nothing(event.why)
        assert_clean(event.detail, LONGEST_SENTENCE)
