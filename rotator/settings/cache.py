"""What was found valid, or wrong, of the settings: remembered in the state folder."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rotator.errors import StoreError
from rotator.model.preferences import preferences_of
from rotator.settings.sources import LARGEST_BYTES, Values, overlaid
from rotator.system.files import publish
from rotator.system.paths import private_folder
from rotator.system.regular_files import head

SCHEMA = 1
_MOST_VERDICTS = 4
_LARGEST_CACHE = 8 * LARGEST_BYTES


@dataclass(frozen=True, slots=True)
class Validation:
    """What close reading found: what the file sets, what the variables set, what is wrong.

    Without `of_file` the file cannot be used.
    """

    of_file: Values | None
    of_variables: Values
    problem: str | None


class SettingsCache:
    """What was found valid or wrong, by what was read; a file of ours that may be lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value: dict[str, Any] = {}
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(head(path, _LARGEST_CACHE) or b"null")
            if isinstance(value, dict) and value.get("schema") == SCHEMA:
                self._value = value

    def verdict(self, key: str) -> Validation | None:
        """Return what was found in what has that key, None if it is not known."""
        try:
            verdict = Validation(**self._value["verdicts"][key])
            preferences_of(overlaid(verdict.of_file or {}, verdict.of_variables))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return verdict

    def last_good(self) -> Values | None:
        """Return what the last file that was valid set, None if it is not known."""
        good = self._value.get("good")
        try:
            preferences_of(good or {})
        except ValueError:
            return None
        return good

    def remember(self, key: str, verdict: Validation) -> None:
        """Write down what was found; a failure costs time alone."""
        known = self._value.get("verdicts")
        older = list(known.items()) if isinstance(known, dict) else []
        kept = [entry for entry in older if entry[0] != key][1 - _MOST_VERDICTS :]
        self._value = {
            "schema": SCHEMA,
            # An empty file may be one that is being written just now.
            "good": verdict.of_file or self._value.get("good"),
            "verdicts": dict([*kept, (key, asdict(verdict))]),
        }
        with contextlib.suppress(OSError, StoreError):
            private_folder(self._path.parent)
            publish(self._path, json.dumps(self._value).encode())
