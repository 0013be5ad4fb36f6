"""Every test has a HOME of its own; nobody's real one is read or written.

`OUTSIDE` is the environment as it was, for fetching the tools that a test needs (npm may need a
proxy or a configuration) and for nothing else.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.late import is_one_of_several

OUTSIDE = dict(os.environ)
_OUTSIDE = "outside"
_NUMBERS = itertools.count()
_OURS = ("OPENCODE", "ROTATOR_", "XDG_")
_PROXIES = {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}


def places(home: Path) -> dict[str, str]:
    """Return the variables that put every place of a program under `home`, and it into UTC."""
    return {
        "HOME": str(home),
        # Times are told in local time.
        "TZ": "UTC",
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_RUNTIME_DIR": str(home / ".run"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
    }


def move_in(environment: MutableMapping[str, str], home: Path) -> None:
    """Make `environment` that of a person who has nothing yet and lives in `home`."""
    for name in list(environment):
        if name.startswith(_OURS) or name.upper() in _PROXIES:
            del environment[name]
    environment.update(places(home))


def pytest_configure(config: pytest.Config) -> None:
    """Leave the real HOME before anything of ours is imported."""
    if is_one_of_several(config):
        # It was started by one that had moved out already.
        OUTSIDE.clear()
        OUTSIDE.update(vars(config)["workerinput"][_OUTSIDE])

    def move_out() -> None:
        os.environ.clear()
        os.environ.update(OUTSIDE)

    config.add_cleanup(move_out)
    # Collecting tests needs no HOME; whoever reads or writes one then shall fail.
    move_in(os.environ, Path("/nonexistent"))
    time.tzset()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell one of several processes what the environment was."""
    node.workerinput[_OUTSIDE] = dict(OUTSIDE)


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the HOME of fixtures that live longer than one test."""
    folder = tmp_path_factory.mktemp("session-home")
    move_in(os.environ, folder)
    return folder


@pytest.fixture(scope="session")
def all_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all HOMEs: where it numbers folders, pytest reads all beside them."""
    return tmp_path_factory.mktemp("homes", numbered=False)


@pytest.fixture(autouse=True)
def home(all_homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the fresh, empty HOME that this test and its children live in."""
    folder = all_homes / str(next(_NUMBERS))
    folder.mkdir(mode=0o700)
    for name, value in places(folder).items():
        monkeypatch.setenv(name, value)
    return folder
