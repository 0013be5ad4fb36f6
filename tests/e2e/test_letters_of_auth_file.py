"""An auth.json in all sorts of letters: what the real opencode reads of it, we read."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence

import pytest

from rotator.opencode.auth.file import Torn, Whole, parse_live
from tests.support.household import Household
from tests.support.live import api, open_live
from tests.support.opencode_binary import opencode_binary
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]

BOM = b"\xef\xbb\xbf"
TEXT = json.dumps({"acme": api("a"), "zeta": api("z")}, indent=2)
PLAIN = TEXT.encode()
READ = {
    "plain": PLAIN,
    "one mark": BOM + PLAIN,
    "Windows' ends of lines": TEXT.replace("\n", "\r\n").encode(),
    "a mark in a key": PLAIN.replace(b"KEY-", b"KEY-" + BOM),
    "Latin-1 in a key": PLAIN.replace(b"KEY-", b"KEY-\xe9"),
    "half a surrogate": PLAIN.replace(b'"type"', b'"note": "\xed\xa0\x80", "type"'),
}
NOT_READ = {
    "two marks": BOM * 2 + PLAIN,
    "a mark at the end": PLAIN + BOM,
    "a mark after a blank": b"\n" + BOM + PLAIN,
    "a mark within": PLAIN.replace(b'"zeta"', BOM + b'"zeta"'),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16, big first": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16, big first, without a mark": TEXT.encode("utf-16-be"),
    "two kinds of marks": BOM + TEXT.encode("utf-16"),
    "UTF-32": TEXT.encode("utf-32"),
}


def opencode(house: Household, *words: str) -> str:
    """Return what a command of opencode prints."""
    ended = subprocess.run(
        [opencode_binary(), *words],
        env=house.env(),
        cwd=house.project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout + ended.stderr


def write(house: Household, content: bytes) -> None:
    house.auth_file.parent.mkdir(parents=True, exist_ok=True)
    house.auth_file.write_bytes(content)


def listed(house: Household) -> Sequence[str]:
    """Return the logins that opencode finds."""
    said = opencode(house, "auth", "list")
    return [name for name in ("acme", "zeta") if re.search(rf"\b{name}\b", said)]


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_opencode_reads_is_read(house: Household, content: bytes) -> None:
    write(house, content)
    reading = parse_live(content)

    assert listed(house) == ["acme", "zeta"]
    assert isinstance(reading, Whole)
    assert list(reading.entries) == ["acme", "zeta"]


@pytest.mark.parametrize("content", NOT_READ.values(), ids=NOT_READ)
def test_what_it_takes_for_empty_is_said_and_not_written_over(
    house: Household, content: bytes
) -> None:
    write(house, content)
    reading = parse_live(content)

    assert listed(house) == []
    assert isinstance(reading, Torn)
    assert (reading.lasting, json.loads(reading.says or "")) == (True, json.loads(TEXT))


def test_a_login_that_only_such_a_file_has_is_kept_before_opencode_writes(
    house: Household,
) -> None:
    """It writes what it takes for everything: the one entry that it changes."""
    with open_live(house.home) as live:
        live.sees({"acme": api("a")})
    write(house, NOT_READ["UTF-16"])
    with watcher(house):
        said = rotator(house, "accounts").stderr
        wait_until(lambda: "may write over it" in rotator(house, "events").stdout, 30, "an event")
        assert house.auth_file.read_bytes() == NOT_READ["UTF-16"]
        adopted = rotator(house, "accounts", "adopt", "1")

    assert "it is UTF-16 text; opencode takes it for empty" in said
    assert "save it as UTF-8 without a byte order mark" in said
    assert "zeta/zeta-1 saved" in adopted.stdout
