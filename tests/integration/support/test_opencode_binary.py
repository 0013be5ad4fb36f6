"""The real opencode is installed whole or not at all; npm is played by a script here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.opencode_binary import OPENCODE_VERSION, install_opencode
from tests.support.tool_cache import cache_folder

# Longer than a megabyte, as everything is that is taken for the program.
PROGRAM = f"#!/bin/sh\necho {OPENCODE_VERSION}\nexit\n" + "#" * 1_000_001
NPM = """\
#!/bin/sh
echo install >> "$0.calls"
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/opencode-ai/bin"
cp "$0.program" "$2/node_modules/opencode-ai/bin/opencode.exe"
chmod +x "$2/node_modules/opencode-ai/bin/opencode.exe"
exit $(cat "$0.code")
"""


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """Return an npm that installs a small program."""
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(NPM)
    npm.chmod(0o755)
    npm.with_name("npm.program").write_text(PROGRAM)
    npm.with_name("npm.code").write_text("0")
    return npm


def environment(npm: Path) -> dict[str, str]:
    return {"PATH": f"{npm.parent}:/usr/bin:/bin"}


def test_a_second_look_finds_what_the_first_installed(tmp_path: Path, npm: Path) -> None:
    cache = tmp_path / "cache"

    first = install_opencode(cache, environment(npm))
    second = install_opencode(cache, environment(npm))

    assert first == second
    assert first.is_relative_to(cache)
    assert npm.with_name("npm.calls").read_text() == "install\n"


def test_an_interrupted_install_is_begun_again_and_swept(tmp_path: Path, npm: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "installing-half" / "node_modules").mkdir(parents=True)
    npm.with_name("npm.code").write_text("1")
    with pytest.raises(pytest.fail.Exception, match=r"npm install opencode-ai@.*failed"):
        install_opencode(cache, environment(npm))
    npm.with_name("npm.code").write_text("0")

    install_opencode(cache, environment(npm))

    assert sorted(path.name for path in cache.iterdir()) == [
        "install.lock",
        f"opencode-{OPENCODE_VERSION}",
    ]


def test_a_program_of_another_version_is_not_taken(tmp_path: Path, npm: Path) -> None:
    npm.with_name("npm.program").write_text(PROGRAM.replace(OPENCODE_VERSION, "1.0.0"))

    with pytest.raises(pytest.fail.Exception, match=f"no opencode {re.escape(OPENCODE_VERSION)}"):
        install_opencode(tmp_path / "cache", environment(npm))


def test_without_npm_the_failure_names_it(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"^npm is not installed"):
        install_opencode(tmp_path / "cache", {"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        pytest.param({"ROTATOR_TEST_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a", id="ours"),
        pytest.param({"XDG_CACHE_HOME": "/b"}, "/b/opencode-rotator-tests", id="XDG"),
        pytest.param({"HOME": "/c"}, "/c/.cache/opencode-rotator-tests", id="HOME"),
    ],
)
def test_the_cache_lies_where_the_environment_says(variables: dict[str, str], folder: str) -> None:
    assert cache_folder(variables) == Path(folder)
