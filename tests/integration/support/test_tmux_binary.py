"""tmux is the system's, or fetched whole or not at all; apt-get is played by a script here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.tmux_binary import find_tmux

GET = """\
#!/bin/sh
PATH=/usr/bin:/bin
echo "$*" >> "$0.calls"
for word in "$@"; do
  case $word in Dir::Cache::archives=*) archives=${word#*=};; esac
done
case $* in *install*) echo "$0" > "$archives/tmux.deb";; esac
exit $(cat "$0.code")
"""
UNPACK = """\
#!/bin/sh
PATH=/usr/bin:/bin
mkdir -p "$3/usr/bin" "$3/usr/lib/here"
touch "$3/usr/lib/here/libevent.so.7"
cp "$0" "$3/usr/bin/tmux"
"""


def put(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with all that is there: what fetches and what unpacks packages."""
    folder = tmp_path / "bin"
    put(folder / "apt-get", GET)
    put(folder / "dpkg-deb", UNPACK)
    (folder / "apt-get.code").write_text("0")
    return folder


def test_the_system_s_own_is_taken(tmp_path: Path, programs: Path) -> None:
    put(programs / "tmux", "#!/bin/sh\n")

    found = find_tmux(tmp_path / "cache", {"PATH": str(programs)})

    assert (found.path, found.env) == (programs / "tmux", {})
    assert not (programs / "apt-get.calls").exists()


def test_it_is_fetched_once_with_its_libraries_into_the_cache_alone(
    tmp_path: Path, programs: Path
) -> None:
    cache = tmp_path / "cache"

    first, second = (find_tmux(cache, {"PATH": str(programs)}) for _ in range(2))

    assert first == second
    assert first.path == cache / "tmux" / "usr" / "bin" / "tmux"
    assert first.path.is_file()
    assert first.env == {"LD_LIBRARY_PATH": str(cache / "tmux" / "usr" / "lib" / "here")}
    calls = (programs / "apt-get.calls").read_text().splitlines()
    assert [re.search("update|install", call)[0] for call in calls] == ["update", "install"]  # type: ignore[index]
    places = re.findall(r"Dir::\S+=(/\S+)", " ".join(calls))
    assert {p for p in places if not Path(p).is_relative_to(cache)} == {"/var/lib/dpkg/status"}


def test_what_could_not_be_fetched_is_said_and_fetched_the_next_time(
    tmp_path: Path, programs: Path
) -> None:
    cache = tmp_path / "cache"
    (programs / "apt-get.code").write_text("100")
    with pytest.raises(pytest.fail.Exception, match="tmux could not be fetched"):
        find_tmux(cache, {"PATH": str(programs)})
    (cache / "fetching-half").mkdir()
    (programs / "apt-get.code").write_text("0")

    assert find_tmux(cache, {"PATH": str(programs)}).path.is_file()

    assert sorted(path.name for path in cache.iterdir()) == ["tmux", "tmux.lock"]


def test_without_any_way_to_fetch_it_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="no apt-get to fetch it with"):
        find_tmux(tmp_path / "cache", {"PATH": str(tmp_path)})
