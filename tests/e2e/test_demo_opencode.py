"""`rotator demo` through the real opencode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rotator.cli.main import run as rotator
from tests.support.opencode_binary import OPENCODE_2_VERSION, OPENCODE_VERSION, opencode_binary

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("version", "client"), [(OPENCODE_VERSION, "opencode"), (OPENCODE_2_VERSION, "opencode 2")]
)
def test_the_real_opencode_is_carried_over_by_the_bridge(
    home: Path, capsys: pytest.CaptureFixture[str], version: str, client: str
) -> None:
    code = rotator(["demo", "--opencode", str(opencode_binary(version)), "--json"])

    shown = json.loads(capsys.readouterr().out)
    assert code == 0, shown
    assert shown["client"] == client
    assert [account["active"] for account in shown["accounts"]] == [False, True]
    assert [step["what"] for step in shown["steps"]][-6:] == [
        *("request", "limited", "failover", "again", "answer", "accounts")
    ]
    assert list(home.rglob("*")) == []


def test_the_opencode_on_path_is_the_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As a package manager installs it: a script that starts the program as its child.
    wrapper = tmp_path / "opencode"
    wrapper.write_text(f'#!/bin/sh\n"{opencode_binary()}" "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    code = rotator(["demo", "--with-opencode"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert str(wrapper) in "".join(said.split())
