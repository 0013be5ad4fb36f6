"""The tables of answers as files: read when one is needed, and a bad line costs itself."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from rotator.core.failures.vendor_tables import Table, TableLine
from rotator.model import Meaning
from rotator.plugins.registry import Registry, load_registry
from rotator.plugins.table_files import as_line, read_tables
from rotator.plugins.vendor_tables import EVERYBODY, VendorTables
from tests.support.failures import NOW, failure

GOOD = '{ code = "AcmeLimit", means = "exhausted", seen = "2026-11", source = "https://a.example" }'
ACME = Table(
    "acme",
    ids=("acme",),
    hosts=("acme.example",),
    lines=(TableLine(Meaning.EXHAUSTED, code="acme_limit"),),
)
ANYBODY = Table(EVERYBODY, lines=(TableLine(Meaning.BILLING, text="pay"),))
SIGNAL = failure(429, {"error": {"code": "AcmeLimit"}})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the answers of a package that can be imported."""
    folder = tmp_path / "vendors_of_a_test" / "answers"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_table_is_read_and_what_is_bad_in_it_costs_itself(
    package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = ['{ means = "exhausted" }', '{ code = "x", means = "odd" }', '{ code = "x", menas = "" }']
    lines = ", ".join([GOOD, *bad])
    text = f'ids = ["acme"]\nhosts = ["acme.example"]\nzone = "UTC+8"\nlines = [{lines}]\n'
    (package / "acme.toml").write_text(text)
    (package / "broken.toml").write_text("lines = [")
    (package / "notes.md").touch()

    with caplog.at_level(logging.WARNING):
        tables = read_tables("vendors_of_a_test")

    assert [(table.name, table.lines) for table in tables] == [("acme", ACME.lines)]
    assert tables[0].zone is not None
    assert len(caplog.records) == 4


def test_a_package_without_answers_has_no_tables() -> None:
    assert read_tables("tests.support") == ()


@pytest.mark.parametrize(
    ("provider", "host", "meaning"),
    [
        ("acme", None, Meaning.EXHAUSTED),
        ("mine", "api.acme.example", Meaning.EXHAUSTED),
        ("mine", "API.ACME.example.", Meaning.EXHAUSTED),
        ("mine", "acme.example.evil.example", None),
        ("mine", None, None),
    ],
)
def test_a_vendor_is_found_by_its_address_under_any_id(
    provider: str, host: str | None, meaning: Meaning | None
) -> None:
    registry = Registry(tables=VendorTables(given=(ANYBODY, ACME)))

    finding = registry.classify(replace(SIGNAL, provider=provider, host=host), NOW)

    assert (finding and finding.meaning) == meaning


def test_what_gateways_say_is_known_of_every_provider() -> None:
    registry = Registry(tables=VendorTables(given=(ANYBODY,)))

    finding = registry.classify(failure(429, "please pay"), NOW)

    assert finding is not None
    assert finding.meaning is Meaning.BILLING


def test_a_login_under_an_id_of_one_s_own_has_the_rules_of_its_vendor_s_module() -> None:
    registry = load_registry()
    headers = {"anthropic-ratelimit-unified-status": "rejected"}
    signal = replace(failure(429, headers=headers), provider="mine", host="api.anthropic.com")

    finding = registry.classify(signal, NOW)

    assert finding is not None
    assert finding.meaning is Meaning.EXHAUSTED


def test_a_line_may_name_one_status_or_several() -> None:
    line = {"text": "x", "means": "billing"}

    assert as_line(line | {"status": 403}).statuses == {403}
    assert as_line(line | {"status": [402, 403]}).statuses == {402, 403}
