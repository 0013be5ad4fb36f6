"""auth.json as a home of logins: one slot for a provider, and what stands there is active.

For looks, and for changes that may simply fail: a swap that saves what was there before, waits
for late writers and mends torn files is `rotator.live.swap`. Call what writes under the swap
lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rotator.errors import SwapConflict
from rotator.model import Credential, HomeName
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.opencode.auth.file import Missing, Torn, Whole, read_live, require_whole, with_entry
from rotator.opencode.auth.replaced import ReplacedFiles
from rotator.opencode.auth.writer import put_live
from rotator.opencode.home import Absent, Entries, HomeEntry, HomeReading, Unusable
from rotator.secret import Secret


class AuthFileHome:
    """The logins of opencode 1."""

    name = HomeName.AUTH_FILE

    def __init__(self, path: Path, replaced: ReplacedFiles) -> None:
        self._path = path
        self._replaced = replaced

    def where(self) -> Path:
        """Return auth.json."""
        return self._path

    def watched(self) -> Sequence[Path]:
        """Return auth.json."""
        return (self._path,)

    def read(self) -> HomeReading:
        """Return what stands in it now."""
        reading = read_live(self._path)
        match reading:
            case Missing():
                return Absent()
            case Torn():
                return Unusable(f"{self._path} is not whole: {reading.why}", not reading.lasting)
            case Whole():
                entries = reading.entries.items()
                return Entries(tuple(_entry(provider, text) for provider, text in entries))

    def put(self, provider: str, label: str, credential: Credential) -> str:  # noqa: ARG002  # no labels here
        """Let a login take the provider's slot; raises LiveFileError."""
        self._write(provider, None, credential.entry)
        return provider

    def update(self, slot: str, old: HomeEntry, new: Credential) -> bool:
        """Put newer tokens into a slot; False if it holds others by now."""
        return self._write(slot, old, new.entry)

    def activate(self, slot: str) -> bool:
        """Tell whether there is a login in the slot: it is active then."""
        reading = self.read()
        return isinstance(reading, Entries) and reading.at(slot) is not None

    def remove(self, slot: str, old: HomeEntry) -> bool:
        """Take a login out; False if the slot holds another one by now."""
        return self._write(slot, old, None)

    def _write(self, provider: str, old: HomeEntry | None, entry: Secret | None) -> bool:
        reading = read_live(self._path)
        whole = require_whole(reading, self._path)
        if old is not None and whole.entries.get(provider) != old.value:
            return False
        content = with_entry(whole, provider, entry)
        if content == whole.content or put_live(self._path, reading, content, self._replaced):
            return True
        message = f"{self._path} changed while it was to be written"
        raise SwapConflict(message, hint="try again in a moment; nothing was written")


def _entry(provider: str, text: Secret) -> HomeEntry:
    credential: Credential | str
    try:
        credential = parse_entry(provider, text)
    except BadEntry as exc:
        credential = exc.message
    return HomeEntry(provider, provider, "", credential, text, active=True)
