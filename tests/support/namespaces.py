"""Mount namespaces for tests: what a container sees, without a container.

A test that needs one on a machine that has none fails and names what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.forked_command import is_loaded_alike, run_command
from tests.support.household import Household
from tests.support.rotator_process import Ended

_SECONDS = 60.0


def needed(program: str) -> str:
    """Return where a program of the system lies, or fail naming it."""
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is not installed", pytrace=False)
    return found


def in_namespace(setup: Sequence[str], *command: str) -> list[str]:
    """Return what runs `command` in a mount namespace of its own, after `setup` was done there.

    Each line of `setup` is one of a shell. Whoever is not root becomes root of a user namespace.
    """
    needed("mount")
    unshare = [needed("unshare"), "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.fail(f"no mount namespace can be made: {probe.stderr}", pytrace=False)
    script = "\n".join(["set -e", *setup, 'exec "$@"'])
    return [*unshare, "/bin/sh", "-c", script, "sh", *command]


def bind(source: Path, target: Path, *options: str) -> str:
    """Return the line that mounts a file by itself over another one."""
    line = shlex.join(["mount", "--bind", str(source), str(target)])
    if options:
        more = ",".join(["remount", "bind", *options])
        line = f"{line}\n{shlex.join(['mount', '-o', more, str(target)])}"
    return line


def rotator_inside(house: Household, setup: Sequence[str], *words: str) -> Ended:
    """Run a command of ours to its end in a namespace where `setup` was done."""
    inside = in_namespace(setup, sys.executable, "-m", "rotator", *words)
    env = house.env()
    # A line for a prompt is made by what loads next to nothing, and by nothing else.
    if words[0] != "statusline" and is_loaded_alike(env):
        return Ended(*run_command(words, env=env, cwd=house.home, seconds=_SECONDS, setup=setup))
    ended = subprocess.run(
        inside,
        env=env,
        cwd=house.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class Container:
    """A shell that runs in a namespace of its own and does what it is told."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        """Return its process."""
        return self.process.pid

    def does(self, *lines: str) -> str:
        """Let it do something, and return what it says."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n".join([*lines, "echo; echo done"]) + "\n")
        self.process.stdin.flush()
        said = ""
        while not said.endswith("\ndone\n"):
            line = self.process.stdout.readline()
            assert line, said
            said += line
        return said.removesuffix("\ndone\n")


@contextlib.contextmanager
def container(*setup: str) -> Iterator[Container]:
    """Run something that has a mount namespace of its own until the block ends."""
    command = in_namespace([*setup, "echo ready"], "/bin/sh")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield Container(process)
        finally:
            process.stdin.close()
            process.kill()
