"""Logging: one private file for the watcher, nothing by default for commands.

Messages are constants and extra fields are our own values; a filter and the formatter are the
second fence against text that looks like a credential.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import re
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

from rotator.errors import StoreError
from rotator.system.disk_errors import way_out_of
from rotator.system.file_owners import foreign_link, open_private
from rotator.system.paths import private_folder
from rotator.wording import local, zone_name

_LARGEST_BYTES = 1024 * 1024
_KEPT_FILES = 2
# Vendors' keys and tokens have a known beginning or are very long.
_LOOKS_SECRET = re.compile(r"\b(?:sk-|gho_|ghu_|xai-|eyJ)[\w.-]{8,}|[\w-]{60,}")


def without_secrets(text: str) -> str:
    """Return the text with `***` in place of what looks like a credential."""
    return _LOOKS_SECRET.sub("***", text)


class _Fence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = without_secrets(record.getMessage())
        record.args = ()
        return True


class _FencedFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # What an exception says stands in its traceback alone.
        return without_secrets(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # the base's name
        """Return the local time with its zone: it changes twice a year, and whoever looks may."""
        at = local(datetime.fromtimestamp(record.created, UTC))
        return f"{super().formatTime(record, datefmt)} {zone_name(at)}"


class _PrivateFile(logging.handlers.RotatingFileHandler):
    def _open(self):  # type: ignore[no-untyped-def]  # the stream type of the base
        _clear(Path(self.baseFilename))
        return open(  # the base wants the open stream, with our mode
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            opener=open_private,
        )

    def emit(self, record: logging.LogRecord) -> None:
        # What cannot be opened again goes on into the file that has lost its name.
        with contextlib.suppress(OSError, StoreError):
            self._follow()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the base's name
        """Lose a line that a full disk does not take; the base would show a traceback."""

    def _follow(self) -> None:
        """Make the file again if it, or its folder, was removed while we write."""
        path, before = Path(self.baseFilename), self.stream
        if before is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(before.fileno())):
                return
        private_folder(path.parent)
        self.stream = self._open()  # type: ignore[no-untyped-call]  # see there
        before.close()


def _clear(path: Path) -> None:
    """Put aside what is no file, and take away a link that leads to none of ours."""
    try:
        facts, is_link = path.stat(), path.is_symlink()
    except FileNotFoundError:
        return
    except OSError as exc:
        if exc.errno != errno.ELOOP:
            raise
        path.unlink()  # a link in a circle
        return
    if is_link and (not stat.S_ISREG(facts.st_mode) or foreign_link(path) is not None):
        path.unlink()
    elif not stat.S_ISREG(facts.st_mode):
        path.rename(path.with_name(f"{path.name}.odd-{time.time_ns()}"))


def log_to_file(path: Path) -> logging.Handler:
    """Send INFO and above of this program to `path` (0600, bounded); return the handler.

    Raises StoreError where nothing can be written.
    """
    private_folder(path.parent)
    try:
        handler = _PrivateFile(
            path, maxBytes=_LARGEST_BYTES, backupCount=_KEPT_FILES, encoding="utf-8"
        )
    except OSError as exc:
        message = f"the log {path} cannot be written: {exc.strerror}"
        to_do = way_out_of(exc, "check the rights of the file and its folder")
        raise StoreError(message, hint=to_do) from exc
    handler.setFormatter(_FencedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(_Fence())
    root = logging.getLogger("rotator")
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    return handler
