"""Provider modules are found by name; one that is broken costs itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rotator.model import Credential, Identity
from rotator.opencode.authfile import parse_entry
from rotator.registry import Registry, load_registry
from rotator.secret import Secret

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


class Lying:
    """A module that tells what it was made with, whatever that is."""

    ids = ("acme",)
    rotates_tokens = False

    def __init__(self, who: object) -> None:
        self._who = who

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return or raise it."""
        if isinstance(self._who, Exception):
            raise self._who
        return self._who  # type: ignore[return-value]  # a module may break its contract


def test_our_own_modules_are_all_loaded() -> None:
    registry = load_registry()

    assert registry.problems == ()
    assert {"openai", "anthropic"} <= set(registry.providers)


def test_every_id_of_every_module_is_known(package: Path) -> None:
    (package / "acme.py").write_text(GOOD)
    (package / "_shared.py").write_text("raise RuntimeError")

    registry = load_registry("vendors")

    assert (sorted(registry.providers), registry.problems) == (["acme", "acme-eu"], ())
    assert registry.rotates_tokens("acme-eu")
    assert not registry.rotates_tokens("zeta")


@pytest.mark.parametrize(
    "source",
    ["import nothing_of_that_name", "PROVIDERS = 5", "", "def", "raise SystemError('\\x1b[2J')"],
)
def test_a_module_that_cannot_be_loaded_costs_itself(package: Path, source: str) -> None:
    (package / "acme.py").write_text(GOOD)
    (package / "broken.py").write_text(source)

    registry = load_registry("vendors")

    assert sorted(registry.providers) == ["acme", "acme-eu"]
    assert [p.startswith("the provider module broken was not") for p in registry.problems] == [True]
    assert registry.problems[0].isprintable()


@pytest.mark.parametrize("answer", [RuntimeError("oops"), None, "ada", 5])
def test_a_module_that_fails_keeps_no_login_from_being_saved(
    credential: Credential, answer: object
) -> None:
    registry = Registry({"acme": Lying(answer)})

    assert registry.identify("acme", credential) == Identity()


def test_a_provider_that_nobody_knows_is_nobody_s(credential: Credential) -> None:
    assert Registry().identify("acme", credential) == Identity()


def test_what_a_module_tells_can_be_shown_and_saved(credential: Credential) -> None:
    told = Identity("key\ud800", "a\x1b[2Jda\u202e@x", "pl\nus")

    who = Registry({"acme": Lying(told)}).identify("acme", credential)

    assert (who.key, who.label, who.plan) == ("key\\ud800", "a [2Jda @x", "pl us")
