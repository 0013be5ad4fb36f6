"""Which process is an opencode, and of which generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from rotator.system import processes


@pytest.mark.parametrize(
    ("words", "program", "env", "is_second"),
    [
        (["opencode", "serve"], "/n/@opencode/cli-linux-x64-baseline/bin/opencode", {}, True),
        (["/n/@opencode/cli-linux-x64/bin/opencode"], "", {}, True),
        (["opencode", "serve", "--service"], "/usr/bin/opencode", {}, True),
        (["opencode", "serve", "--stdio", "--port", "0"], "/usr/bin/opencode", {}, True),
        (["opencode", "serve"], "/usr/bin/opencode", {"OPENCODE_PASSWORD": "x"}, True),
        (["opencode", "serve"], "/usr/bin/opencode", {"OPENCODE_SERVER_PASSWORD": "x"}, False),
        (["opencode", "serve"], "/usr/bin/opencode", {}, False),
        (["opencode"], "/usr/bin/opencode", {"OPENCODE_PASSWORD": "x"}, False),
    ],
)
def test_an_opencode_2_is_told_by_its_package_and_by_what_its_servers_are_told(
    words: Sequence[str], program: str, env: Mapping[str, str], *, is_second: bool
) -> None:
    assert processes._is_second(words, program, env) is is_second  # noqa: SLF001  # no process needed


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (["opencode", "run"], True),
        (["node", "/usr/lib/opencode"], True),
        (["/venvs/opencode-rotator/bin/python", "/venvs/opencode-rotator/bin/rotator"], False),
        (["/src/opencode-rotator/.venv/bin/python", "-m", "rotator", "watch"], False),
        (["/opt/opencode-tools/bin/rotator", "watch"], False),
    ],
)
def test_a_process_of_ours_is_no_opencode_whatever_its_folder_is_called(
    words: Sequence[str], *, is_one: bool
) -> None:
    assert processes._is_named_opencode("name", words) is is_one  # noqa: SLF001  # as above
