"""docs/settings.md says what there is: tables, example and messages are the program's."""

from __future__ import annotations

import re

import pytest

from rotator.errors import ConfigError
from rotator.settings.catalog import SETTINGS
from rotator.settings.validate import read_file, read_variables
from tests.support.settings_table import DOCUMENT, TABLES, made

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_tables_are_what_the_model_is() -> None:
    assert made(TEXT) == TEXT, "run python -m tests.support.settings_table"
    assert sorted(re.findall(r"<!-- settings: (\w+) -->", TEXT)) == sorted(TABLES)
    assert all(f"| `{one.key}` |" in TEXT for one in SETTINGS)


def test_the_example_is_right() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)

    assert set(read_file(example)) == {"failover", "priority", "routing"}


def test_the_messages_are_the_program_s_own() -> None:
    (block,) = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    said = []

    for text in ("\n" * 10 + "[failover]\nwall_threshold = 7", "[failover]\nstratgy = 1"):
        with pytest.raises(ConfigError) as caught:
            read_file(text)
        said.append(caught.value.message)
    with pytest.raises(ConfigError) as caught:
        read_variables({"ROTATOR_FAILOVR__STRATEGY": "drain"})

    assert block.splitlines() == [*said, caught.value.message]
