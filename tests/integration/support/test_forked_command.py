"""A forked command has the rights that it is left, and so has whatever it starts."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.forked_command import run_command
from tests.support.household import Household
from tests.support.live import api
from tests.support.without_rights import READ_AND_WRITE_ANYTHING

UNREADABLE = "it cannot be opened (Permission denied)"


def test_the_rights_of_files_hold_for_a_command_that_is_to_do_without_root_s(home: Path) -> None:
    house = Household(home)
    house.write_auth({"acme": api("a")})
    house.auth_file.chmod(0)

    _, _, told = run_command(
        ["accounts"],
        env=house.env(),
        cwd=house.home,
        seconds=60,
        rights=READ_AND_WRITE_ANYTHING,
    )

    assert UNREADABLE in told


def test_they_hold_for_what_it_starts_too(home: Path) -> None:
    house = Household(home)
    closed = house.home / "closed"
    closed.write_text("closed")
    closed.chmod(0)
    # The demo starts opencode; doctor asks a program on PATH for its version.
    program = house.home / "bin" / "opencode"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat {closed} >{house.home}/told 2>&1\necho 1.18.33\n")
    program.chmod(0o755)

    run_command(
        ["doctor"],
        env=house.env() | {"PATH": f"{program.parent}:/usr/bin:/bin:{Path(sys.executable).parent}"},
        cwd=house.home,
        seconds=60,
        rights=READ_AND_WRITE_ANYTHING,
    )

    assert "Permission denied" in (house.home / "told").read_text()


def test_the_line_for_a_prompt_which_asks_its_stream_more_is_printed(home: Path) -> None:
    house = Household(home)

    code, told, _ = run_command(["statusline"], env=house.env(), cwd=house.home, seconds=60)

    assert (code, told) == (0, "no watcher | no accounts\n")
