"""Runs a program as a reader at a terminal would, and fails with what it said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT


def beside_python(name: str) -> str:
    """Return the program `name` of the environment that runs the tests; fail if it is not there."""
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        pytest.fail(f"{name} is not installed beside {Path(sys.executable).name}", pytrace=False)
    return str(program)


def run(
    *command: str, cwd: Path = ROOT, seconds: float = 100, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `command` without standard input, unmeasured, and return how it ended."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment | {"COLUMNS": "100"} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def expect_success(*command: str, cwd: Path = ROOT, seconds: float = 100, **variables: str) -> str:
    """Run `command` and return its output; fail with all it said if it does not end with 0."""
    ended = run(*command, cwd=cwd, seconds=seconds, **variables)
    if ended.returncode != 0:
        name = " ".join([Path(command[0]).name, *command[1:]])
        told = f"`{name}` ended with {ended.returncode}\n{ended.stdout}{ended.stderr}"
        pytest.fail(told, pytrace=False)
    return ended.stdout
