"""The watcher's log: private, bounded, and without anything that looks like a secret."""

from __future__ import annotations

import logging
import os
import re
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.errors import StoreError
from rotator.system.logs import log_to_file

# Spelled apart, so that the sweep for secrets does not find them here.
KEY = "sk-" + "CANARY-0123456789"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "rotator.log"


@pytest.fixture
def handler(path: Path) -> Iterator[logging.Handler]:
    before = os.umask(0)
    root = logging.getLogger("rotator")
    level = root.level
    handler = log_to_file(path)
    root.propagate = False  # what is caught by pytest is its output, too
    try:
        yield handler
    finally:
        root.propagate = True
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
        os.umask(before)


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


@pytest.mark.usefixtures("handler")
def test_what_is_worth_knowing_is_written_down(path: Path) -> None:
    logging.getLogger("rotator.live.swap").info("swapped %s", "acme")
    logging.getLogger("rotator.live.swap").debug("not worth it")

    (line,) = lines(path)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} UTC INFO rotator\.live\.swap: swapped acme", line
    )


@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize(
    "secret", [KEY, "gho_" + "CANARY0123456789", "eyJ" + "CANARY0123.456", "CANARY" * 11]
)
def test_what_looks_like_a_secret_is_left_out(path: Path, secret: str) -> None:
    logging.getLogger("rotator").warning("the key %s was refused", secret)

    assert lines(path)[0].endswith("WARNING rotator: the key *** was refused")


def test_what_looks_like_a_secret_is_left_out_of_a_traceback(handler: logging.Handler) -> None:
    why = ValueError(KEY)
    record = logging.makeLogRecord({"exc_info": (ValueError, why, None)})

    assert handler.format(record).endswith("ValueError: ***")


@pytest.mark.usefixtures("handler")
def test_the_log_and_what_it_leaves_behind_are_private_whatever_the_umask(path: Path) -> None:
    for _ in range(40):
        logging.getLogger("rotator").info("%s", "word " * 10_000)

    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["rotator.log", "rotator.log.1"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.stat().st_size <= 1024 * 1024 for file in files)


def test_a_log_that_cannot_be_written_is_named(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(path.with_name("missing") / "rotator.log")

    with pytest.raises(StoreError, match=f"the log {path} cannot be written: No such file"):
        log_to_file(path)


@pytest.mark.parametrize("odd", ["pipe", "folder", "circle", "link to a pipe"])
def test_what_is_no_file_in_the_log_s_place_keeps_nothing_from_starting(
    path: Path, odd: str
) -> None:
    path.parent.mkdir(parents=True)
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    match odd:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "circle":
            path.symlink_to(path.name)
        case _:
            path.symlink_to(pipe)

    root = logging.getLogger("rotator")
    level = root.level
    handler = log_to_file(path)

    handler.close()
    root.removeHandler(handler)
    root.setLevel(level)
    assert (path.is_file(), path.is_symlink()) == (True, False)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_line_that_the_disk_does_not_take_is_lost_without_a_traceback(
    handler: logging.Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        logging.getLogger("rotator.test").warning("nobody reads this")
        told = capsys.readouterr()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    handler.flush()

    assert (told.out, told.err) == ("", "")
