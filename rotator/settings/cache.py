"""What was found valid, or wrong, of the settings: remembered in the state folder."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rotator.errors import StoreError
from rotator.model.preferences import preferences_of
from rotator.settings.sources import LARGEST_BYTES, Values, overlaid
from rotator.system.file_owners import other_owner
from rotator.system.files import publish
from rotator.system.paths import private_folder
from rotator.system.regular_files import open_regular

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
        # Whose the file is, if it is neither ours nor root's: they may have put anything into it.
        self.other_owner: int | None = None
        with contextlib.suppress(OSError, ValueError, RecursionError):
            with open_regular(path) as file:
                self.other_owner = other_owner(os.fstat(file.fileno()))
                value = json.loads(file.read(_LARGEST_CACHE))
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

    def remember(self, key: str, verdict: Validation, good: Values | None) -> None:
        """Write down what was found, and what is to hold where a file is wrong.

        A failure costs time alone.
        """
        if self.other_owner is not None:
            # The file may be ours from now on; what is in it was not.
            self._value = {"good": without_programs(self.last_good())}
        known = self._value.get("verdicts")
        older = list(known.items()) if isinstance(known, dict) else []
        kept = [entry for entry in older if entry[0] != key][1 - _MOST_VERDICTS :]
        self._value = {
            "schema": SCHEMA,
            # An empty file may be one that is being written just now.
            "good": good or self._value.get("good"),
            "verdicts": dict([*kept, (key, asdict(verdict))]),
        }
        with contextlib.suppress(OSError, StoreError):
            private_folder(self._path.parent)
            publish(self._path, json.dumps(self._value).encode())


def without_programs(values: Values | None) -> Values | None:
    """Return what settings say without what they want to have run."""
    return values and {name: value for name, value in values.items() if name != "hooks"}
