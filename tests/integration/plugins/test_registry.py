"""Provider modules are found by name; one that is broken costs itself."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import ProviderUnavailable, RateLimited, UnexpectedAnswer
from rotator.model import (
    Balance,
    Credential,
    Finding,
    Identity,
    Meaning,
    Signal,
    Snapshot,
    Source,
    Window,
)
from rotator.opencode.auth.entries import parse_entry
from rotator.plugins.registry import Registry, ask_vendor, load_registry
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, RefreshCall, Tokens
from rotator.secret import Secret
from tests.support.builders import NOW

GOOD = """
class One:
    ids = ("acme", "acme-eu")
    rotates_tokens = True
    def identify(self, credential):
        return None
PROVIDERS = (One(),)
"""


@pytest.fixture
def credential() -> Credential:
    return parse_entry("acme", Secret('{"type":"api","key":"KEY-CANARY-a"}'))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a package `vendors` that can be imported."""
    folder = tmp_path / "vendors"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "vendors"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


CALL = RefreshCall(HttpRequest("POST", "https://acme.example/token"), "client")
TOKENS = Tokens(Secret("ACC-CANARY-a-2"), NOW)
ANSWER = HttpAnswer(200, {}, Secret("BODY-CANARY"))
ASK = HttpRequest("GET", "https://acme.example/usage")
SNAPSHOT = Snapshot(
    NOW,
    (Window("5h", 0.5, NOW),),
    Balance(Decimal("1.50"), "USD"),
    "pro",
    Identity("key-of-ada", "ada"),
)
SIGNAL = Signal("1", NOW, "acme", Source.BRIDGE, status=429)
FINDING = Finding(Meaning.EXHAUSTED, "used up", NOW)
FAILED = "the provider module of acme failed; the log has more"


def changed(value: Any, **fields: object) -> object:
    """Return `value` with fields of types that it cannot have."""
    return replace(value, **fields)


class Lying:
    """A module that tells what it was made with, whatever that is."""

    ids = ("acme",)
    rotates_tokens = False

    def __init__(self, who: object) -> None:
        self._who = who

    def identify(self, credential: Credential) -> Any:  # noqa: ARG002  # the contract's shape
        """Return or raise it."""
        return self._told()

    def refresh_call(self, credential: Credential) -> Any:  # noqa: ARG002  # likewise
        """Return or raise it."""
        return self._told()

    def read_refresh(self, *_: object) -> Any:
        """Return or raise it."""
        return self._told()

    def usage_obstacle(self, *_: object) -> Any:
        """Return or raise it."""
        return self._told()

    def read_usage(self, *_: object) -> Any:
        """Ask twice, then return or raise it."""
        answer = yield ASK
        assert answer == ANSWER
        yield ASK
        return self._told()

    asks_only_in_doubt: Any = False

    def identity_obstacle(self, *_: object) -> Any:
        """Return or raise it."""
        return self._told()

    def read_identity(self, *_: object) -> Any:
        """Ask twice, then return or raise it."""
        yield ASK
        yield ASK
        return self._told()

    def read_headers(self, *_: object) -> Any:
        """Return or raise it."""
        return self._told()

    def classify(self, *_: object) -> Any:
        """Return or raise it."""
        return self._told()

    def _told(self) -> Any:
        if isinstance(self._who, Exception):
            raise self._who
        return self._who


class Unrefreshable:
    """A module that only knows who a login is."""

    ids = ("acme",)
    rotates_tokens = False

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing."""
        return Identity()


def test_our_own_modules_are_all_loaded() -> None:
    registry = load_registry()

    assert registry.all_problems() == ()
    assert {"openai", "anthropic"} <= set(registry.providers)


def test_every_id_of_every_module_is_known(package: Path) -> None:
    (package / "acme.py").write_text(GOOD)
    (package / "_shared.py").write_text("raise RuntimeError")

    registry = load_registry("vendors")

    assert (sorted(registry.providers), registry.all_problems()) == (["acme", "acme-eu"], ())
    assert registry.rotates_tokens("acme-eu")
    assert not registry.rotates_tokens("zeta")


@pytest.mark.parametrize(
    "source",
    [
        "import nothing_of_that_name",
        "PROVIDERS = 5",
        "raise SystemExit(2)",
        "",
        "def",
        "raise SystemError('\\x1b[2J')",
    ],
)
def test_a_module_that_cannot_be_loaded_costs_itself(package: Path, source: str) -> None:
    (package / "acme.py").write_text(GOOD)
    (package / "broken.py").write_text(source)

    registry = load_registry("vendors")

    assert sorted(registry.providers) == ["acme", "acme-eu"]
    assert [p.startswith("the provider module broken was not") for p in registry.problems] == [True]
    assert registry.all_problems()[0].isprintable()


@pytest.mark.parametrize("answer", [RuntimeError("oops"), None, "ada", 5])
def test_a_module_that_fails_keeps_no_login_from_being_saved(
    credential: Credential, answer: object
) -> None:
    registry = Registry({"acme": Lying(answer)})

    assert registry.identify("acme", credential) == Identity()


def test_nothing_is_loaded_before_it_is_asked_for(package: Path) -> None:
    (package / "acme.py").write_text(GOOD)
    (package / "broken.py").write_text("raise RuntimeError")

    registry = load_registry("vendors")
    before = registry.problems, "vendors.acme" in sys.modules
    found = sorted(registry.providers)

    assert before == ((), False)
    assert (found, len(registry.problems)) == (["acme", "acme-eu"], 1)


def test_a_registry_of_given_modules_has_no_problems() -> None:
    registry = Registry({"acme": Lying(None)})

    assert (registry.problems, registry.all_problems()) == ((), ())


def test_a_provider_that_nobody_knows_is_nobody_s(credential: Credential) -> None:
    assert Registry().identify("acme", credential) == Identity()


def test_what_a_module_tells_can_be_shown_and_saved(credential: Credential) -> None:
    told = Identity("ada\ud800", "a\x1b[2Jda\u202e@x", "pl\nus")

    who = Registry({"acme": Lying(told)}).identify("acme", credential)

    assert (who.key, who.label, who.plan) == ("ada\\ud800", "a [2Jda @x", "pl us")


def test_how_a_login_is_refreshed_is_the_module_s_word(credential: Credential) -> None:
    told = [CALL, "not by us\x1b[2J"]

    calls = [Registry({"acme": Lying(one)}).refresh_call("acme", credential) for one in told]

    assert calls == [CALL, "not by us [2J"]


def test_what_a_refresh_gave_is_the_module_s_word(credential: Credential) -> None:
    told = [TOKENS, DeadLogin("spent\x1b[2J")]

    found = [
        Registry({"acme": Lying(one)}).read_refresh("acme", credential, ANSWER, NOW) for one in told
    ]

    assert found == [TOKENS, DeadLogin("spent [2J")]


@pytest.mark.parametrize("answer", [RuntimeError("KEY-CANARY"), None, 5, b"", TOKENS])
def test_a_module_that_fails_refreshes_nothing(credential: Credential, answer: object) -> None:
    assert Registry({"acme": Lying(answer)}).refresh_call("acme", credential) == FAILED


@pytest.mark.parametrize("answer", [RuntimeError("KEY-CANARY"), None, 5, "", CALL])
def test_a_module_that_fails_has_not_read_the_answer(
    credential: Credential, answer: object
) -> None:
    registry = Registry({"acme": Lying(answer)})

    with pytest.raises(UnexpectedAnswer, match=FAILED) as caught:
        registry.read_refresh("acme", credential, ANSWER, NOW)

    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_what_a_module_cannot_read_is_said_in_its_own_words(credential: Credential) -> None:
    registry = Registry({"acme": Lying(UnexpectedAnswer("status 500"))})

    with pytest.raises(UnexpectedAnswer, match=r"^status 500$"):
        registry.read_refresh("acme", credential, ANSWER, NOW)


def test_the_log_names_what_a_module_raised_and_where_and_not_what_it_said(
    credential: Credential, caplog: pytest.LogCaptureFixture
) -> None:
    Registry({"acme": Lying(ValueError("KEY-CANARY"))}).identify("acme", credential)

    assert "Lying raised ValueError at " in caplog.text
    assert "test_registry.py:" in caplog.text
    assert "CANARY" not in caplog.text


def test_without_the_http_library_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "providers._shared.http", raising=False)
    monkeypatch.setitem(sys.modules, "httpx2", None)

    with pytest.raises(ProviderUnavailable, match="httpx2 cannot be loaded") as caught:
        ask_vendor(CALL.request)

    assert not caught.value.sent


def test_a_provider_that_nobody_knows_is_not_refreshed(credential: Credential) -> None:
    registry = Registry({"acme": Unrefreshable()})

    for name in ("acme", "zeta"):
        why = f"nothing here knows how a login of {name} is refreshed"
        assert registry.refresh_call(name, credential) == why
        with pytest.raises(UnexpectedAnswer, match="nothing here reads"):
            registry.read_refresh(name, credential, ANSWER, NOW)


def registry_of(answer: object, provider: str = "acme") -> Registry:
    """Return a registry whose one module tells `answer`, and whose vendor always answers."""
    return Registry({provider: Lying(answer)}, send=lambda _: ANSWER)


def test_the_usage_is_read_with_the_answers_to_what_the_module_asks(credential: Credential) -> None:
    assert registry_of(SNAPSHOT).read_usage("acme", credential, NOW) == SNAPSHOT


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("KEY-CANARY"),
        None,
        "ada",
        replace(SNAPSHOT, read_at=NOW.replace(tzinfo=None)),
        replace(SNAPSHOT, windows=(Window("5h", 1.5),)),
        replace(SNAPSHOT, windows=(Window("5h", float("nan")),)),
        replace(SNAPSHOT, windows=(Window("5h", 0.5, NOW.replace(tzinfo=None)),)),
        replace(SNAPSHOT, balance=Balance(Decimal("NaN"), "USD")),
        changed(SNAPSHOT, balance=5),
        changed(SNAPSHOT, spent="yes"),
        changed(SNAPSHOT, plan=5),
        changed(SNAPSHOT, identity=None),
    ],
)
def test_a_reading_that_cannot_be_true_is_none(credential: Credential, answer: object) -> None:
    with pytest.raises(UnexpectedAnswer, match=FAILED) as caught:
        registry_of(answer).read_usage("acme", credential, NOW)

    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_what_a_reading_tells_can_be_shown_and_saved(credential: Credential) -> None:
    told = Snapshot(
        NOW.astimezone(timezone(timedelta(hours=2))),
        tuple(Window("5h\x1b[2J", 1, model="m\u202e1") for _ in range(99)),
        Balance(Decimal(1), "points\n"),
        "pl\nus",
        Identity("ada\ud800", "a\x1bda", group="g\ud800"),
    )

    read = registry_of(told).read_usage("acme", credential, NOW)

    assert read == Snapshot(
        NOW,
        (Window("5h [2J", 1.0, model="m 1"),) * 64,
        Balance(Decimal(1), "points"),
        "pl us",
        Identity("ada\\ud800", "a da", group="g\\ud800"),
    )
    assert read.read_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("told", "group"),
    [
        *((Identity(group=name), name) for name in ("slack", "Ghost", "void", "test", "acme")),
        *((Identity("ada", group=name), name) for name in ("slack", "default", "ada")),
        # Nothing, and what a person has in that place.
        *((Identity("ada", group=name), None) for name in ("null", "{{org}}", "n/a", "0", "")),
        *((Identity(name, group=name), None) for name in ("guest", "test", "unknown", "")),
    ],
)
def test_accounts_of_a_company_are_limited_together_whatever_it_is_called(
    credential: Credential, told: Identity, group: str | None
) -> None:
    read = registry_of(Snapshot(NOW, (), identity=told)).read_usage("acme", credential, NOW)

    assert read.identity.group == group


def test_what_a_vendor_refuses_is_said_in_the_module_s_own_words(credential: Credential) -> None:
    with pytest.raises(RateLimited, match=r"^too often$"):
        registry_of(RateLimited("too often")).read_usage("acme", credential, NOW)


def test_a_vendor_that_cannot_be_reached_ends_a_reading(credential: Credential) -> None:
    def send(_: HttpRequest) -> HttpAnswer:
        raise ProviderUnavailable("no network", sent=False)

    module = Asking(ASK)

    with pytest.raises(ProviderUnavailable, match="no network") as caught:
        Registry({"acme": module}, send=send).read_usage("acme", credential, NOW)

    # The traceback still holds it.
    assert (module.ended, caught.value.sent) == (True, False)


class Asking(Unrefreshable):
    """A module that asks without an end."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self.asked = 0
        self.ended = False

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return nothing."""

    def read_usage(self, *_: object) -> Generator[HttpRequest, HttpAnswer, Snapshot]:
        """Ask, and ask."""
        try:
            while True:
                self.asked += 1
                yield self.request
        finally:
            self.ended = True


@pytest.mark.parametrize(("request_", "asked"), [(ASK, 7), ("https://acme.example", 1), (None, 1)])
def test_a_module_that_asks_too_much_or_for_nothing_is_stopped(
    credential: Credential, request_: object, asked: int
) -> None:
    module = Asking(request_)
    sent: list[HttpRequest] = []

    def send(request: HttpRequest) -> HttpAnswer:
        sent.append(request)
        return ANSWER

    with pytest.raises(UnexpectedAnswer, match=FAILED):
        Registry({"acme": module}, send=send).read_usage("acme", credential, NOW)

    assert (module.asked, len(sent)) == (asked, asked - 1)


@pytest.mark.parametrize(
    ("answer", "why"),
    [(None, None), ("no key\x1b[2J", "no key [2J"), (5, FAILED), (RuntimeError("x"), FAILED)],
)
def test_why_the_usage_cannot_be_asked_for_is_the_module_s_word(
    credential: Credential, answer: object, why: str | None
) -> None:
    assert registry_of(answer).usage_obstacle("acme", credential) == why


def test_nobody_s_usage_is_not_asked_for(credential: Credential) -> None:
    registry = Registry({"acme": Unrefreshable()})

    assert "does not tell the usage" in str(registry.usage_obstacle("acme", credential))
    with pytest.raises(UnexpectedAnswer, match="nothing here reads the usage of zeta"):
        registry.read_usage("zeta", credential, NOW)


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (SNAPSHOT, SNAPSHOT),
        (None, None),
        (5, None),
        (RuntimeError("x"), None),
        (replace(SNAPSHOT, windows=(Window("5h", -1),)), None),
    ],
)
def test_headers_say_what_the_module_reads_in_them(answer: object, read: Snapshot | None) -> None:
    assert registry_of(answer).read_headers("acme", {}, NOW) == read


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (FINDING, FINDING),
        (replace(FINDING, reason="used\x1b[2J up"), replace(FINDING, reason="used [2J up")),
        (None, None),
        (5, None),
        (RuntimeError("x"), None),
        (changed(FINDING, meaning="exhausted"), None),
        (replace(FINDING, until=NOW.replace(tzinfo=None)), None),
    ],
)
def test_a_failure_means_what_the_module_says(answer: object, finding: Finding | None) -> None:
    assert registry_of(answer).classify(SIGNAL, NOW) == finding


def test_what_a_module_does_not_know_is_read_by_the_one_for_everybody() -> None:
    registry = Registry({"acme": Unrefreshable(), "*": Lying(SNAPSHOT), "zeta": Lying(None)})

    read = {name: registry.read_headers(name, {}, NOW) for name in ("acme", "beta", "zeta")}

    assert read == {"acme": SNAPSHOT, "beta": SNAPSHOT, "zeta": None}
    assert Registry({"*": Lying(FINDING)}).classify(SIGNAL, NOW) == FINDING
    assert Registry().read_headers("acme", {}, NOW) is None
    assert Registry().classify(SIGNAL, NOW) is None


# -- whose a login is ----------------------------------------------------------------------------

OWNER = Identity("ws/ada", "ada")


def test_whose_a_login_is_is_the_module_s_word(credential: Credential) -> None:
    told = Identity("ws/ada\ud800", "a\x1b[2Jda")

    found = registry_of(told).read_identity("acme", credential, NOW)

    assert registry_of(OWNER).read_identity("acme", credential, NOW) == OWNER
    assert found == Identity("ws/ada\\ud800", "a [2Jda")


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("KEY-CANARY"),
        None,
        "ada",
        SNAPSHOT,
        changed(OWNER, key=5),
        changed(OWNER, label=5),
    ],
)
def test_a_module_that_fails_names_nobody(credential: Credential, answer: object) -> None:
    with pytest.raises(UnexpectedAnswer, match=FAILED) as caught:
        registry_of(answer).read_identity("acme", credential, NOW)

    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_an_owner_without_a_key_is_nobody(credential: Credential) -> None:
    with pytest.raises(UnexpectedAnswer, match="names nobody"):
        registry_of(Identity(label="ada")).read_identity("acme", credential, NOW)


def test_what_a_vendor_refuses_to_say_is_said_in_the_module_s_words(
    credential: Credential,
) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"^status 500$"):
        registry_of(UnexpectedAnswer("status 500")).read_identity("acme", credential, NOW)


def test_whose_a_login_is_takes_no_third_request(credential: Credential) -> None:
    class Endless(Lying):
        def read_identity(self, *_: object) -> Any:
            while True:
                asked.append((yield ASK))

    asked: list[HttpAnswer] = []

    with pytest.raises(UnexpectedAnswer, match=FAILED):
        Registry({"acme": Endless(None)}, send=lambda _: ANSWER).read_identity(
            "acme", credential, NOW
        )

    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, None),
        ("no\x1b[2J", "no [2J"),
        (5, FAILED),
        (RuntimeError("KEY-CANARY"), FAILED),
    ],
)
def test_why_nobody_can_be_asked_is_the_module_s_word(
    credential: Credential, answer: object, why: str | None
) -> None:
    assert registry_of(answer).identity_obstacle("acme", credential) == why


@pytest.mark.parametrize(("told", "only"), [(False, False), (True, True), (None, True), (0, True)])
def test_a_vendor_is_asked_in_doubt_alone_unless_its_module_says_otherwise(
    told: object, *, only: bool
) -> None:
    module = Lying(None)
    module.asks_only_in_doubt = told

    assert Registry({"acme": module}).asks_only_in_doubt("acme") is only


def test_a_provider_that_names_nobody_is_not_asked(credential: Credential) -> None:
    registry = Registry({"acme": Unrefreshable()})

    for name in ("acme", "zeta"):
        why = f"{name} does not tell whose a login is, as far as is known here"
        assert registry.identity_obstacle(name, credential) == why
        assert registry.asks_only_in_doubt(name)
        with pytest.raises(UnexpectedAnswer, match="nothing here asks"):
            registry.read_identity(name, credential, NOW)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(True, True), (False, False), ("yes", False), (ValueError("CANARY"), False)],
)
def test_a_module_says_which_keys_an_older_version_gave(answer: object, *, told: bool) -> None:
    class Changer:
        ids = ("acme",)
        rotates_tokens = False

        def identify(self, credential: Credential) -> Identity:
            raise AssertionError(credential)

        def is_key_before(self, key: str) -> object:
            assert key == "ada"
            if isinstance(answer, Exception):
                raise answer
            return answer

    assert Registry({"acme": Changer()}).is_key_before("acme", "ada") is told
    assert not Registry().is_key_before("acme", "ada")
