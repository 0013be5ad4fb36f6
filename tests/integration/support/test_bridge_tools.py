"""The tools that make and check the bridge are those of the named versions; npm is played here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.bridge_tools import SOURCES, install_tools

VERSIONS: dict[str, str] = json.loads((SOURCES / "package.json").read_text())["devDependencies"]
# It installs what it is asked for; another version where a file says so.
NPM = """\
#!/bin/sh
echo "$@" >> "$0.calls"
while [ "$1" != --prefix ]; do shift; done
folder="$2"; shift 2
for package in "$@"; do
  name="${package%@*}"; version="${package##*@}"
  mkdir -p "$folder/node_modules/$name"
  echo "{\\"version\\": \\"$(cat "$0.version" 2>/dev/null || echo "$version")\\"}" \
    > "$folder/node_modules/$name/package.json"
done
"""


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(NPM)
    npm.chmod(0o755)
    return npm


def environment(npm: Path) -> dict[str, str]:
    return {"PATH": f"{npm.parent}:/usr/bin:/bin"}


def test_each_tool_is_installed_once_in_the_version_that_the_sources_name(
    tmp_path: Path, npm: Path
) -> None:
    cache = tmp_path / "cache"

    first = install_tools(cache, environment(npm))
    second = install_tools(cache, environment(npm))

    assert first == second
    assert {path.parent.name for path in first.rglob("package.json")} >= {"esbuild", "typescript"}
    (call,) = npm.with_name("npm.calls").read_text().splitlines()
    assert set(call.split()) >= {f"{name}@{version}" for name, version in VERSIONS.items()}


def test_nothing_that_npm_fetches_runs_at_its_install(tmp_path: Path, npm: Path) -> None:
    install_tools(tmp_path / "cache", environment(npm))

    assert "--ignore-scripts" in npm.with_name("npm.calls").read_text().split()


def test_a_tool_of_another_version_is_not_taken(tmp_path: Path, npm: Path) -> None:
    npm.with_name("npm.version").write_text("0.0.1")

    with pytest.raises(pytest.fail.Exception, match=r"^npm installed .+ 0\.0\.1, not "):
        install_tools(tmp_path / "cache", environment(npm))

    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["install.lock"]


def test_a_version_is_a_version_and_no_range() -> None:
    ranges = [version for version in VERSIONS.values() if not version.replace(".", "").isdigit()]

    assert ranges == []


def test_without_npm_the_failure_names_it_and_what_it_brings(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"^npm is not installed; it brings esbuild"):
        install_tools(tmp_path / "cache", {"PATH": str(tmp_path)})
