"""Reads the fields of a vendor's answer without guessing.

What is absent or null is None. What is there and is not what it should be raises
UnexpectedAnswer with the path of the field, never with what stood in it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

from rotator.errors import UnexpectedAnswer
from rotator.text import sanitize

Of = TypeVar("Of")

_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST = 10**15
# Numbers from here on are milliseconds since 1970; fewer are seconds.
_FIRST_MILLISECOND = 10**11
_START = datetime(1970, 1, 1, tzinfo=UTC)
# Before that no vendor of models existed, and after it nobody has set a limit.
_FIRST, _LAST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_FLAGS = {True: True, False: False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Part:
    """An object inside an answer, and the path that leads to it.

    With `faults` a truth value or a moment that cannot be read is noted there, and is as if it
    were absent: what it belongs to is told by other fields.
    """

    values: Mapping[str, Any] = field(repr=False)
    path: str = ""
    faults: list[UnexpectedAnswer] | None = field(default=None, repr=False, compare=False)

    def part(self, name: str) -> Part | None:
        """Return the object under that name."""
        return _part(self.values.get(name), self.path_of(name), self.faults)

    def parts(self, name: str) -> tuple[Part, ...]:
        """Return the objects of the list under that name; none if there is no list."""
        values, path = self.values.get(name), self.path_of(name)
        if values is None:
            return ()
        if not isinstance(values, list):
            raise unusable(path)
        parts = (
            _part(value, f"{path}[{place}]", self.faults) for place, value in enumerate(values)
        )
        return tuple(part for part in parts if part is not None)

    def named_parts(self) -> Iterator[tuple[str, Part]]:
        """Yield all objects in here with their names; what is no object is passed over."""
        for name, value in self.values.items():
            if isinstance(value, dict):
                yield name, Part(value, self.path_of(name), self.faults)

    def number(self, name: str) -> Decimal | None:
        """Return the number under that name; it may stand there as a text."""
        return number(self.values.get(name), self.path_of(name))

    def one_of_several(self, name: str) -> Decimal | None:
        """Return a number beside others that say the same: it may be odd."""
        return self._noted(self.number, name)

    def count(self, name: str) -> int | None:
        """Return the number under that name without its fraction."""
        amount = self.number(name)
        return None if amount is None else int(amount)

    def percent(self, name: str) -> float | None:
        """Return the percentage under that name as a fraction from 0 to 1."""
        return self.share(name, 100)

    def share(self, name: str, whole: int = 1) -> float | None:
        """Return what the number under that name is of `whole`, from 0 to 1.

        More than all is all; less than nothing says nothing, and is unusable.
        """
        amount = self.number(name)
        if amount is not None and amount < 0:
            raise self.unusable(name)
        return None if amount is None else fraction(amount, whole)

    def text(self, name: str) -> str | None:
        """Return the text under that name, made harmless; None where it is empty or no text."""
        value = self.values.get(name)
        return (sanitize(value) or None) if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        """Return the truth value under that name."""
        return self._noted(self._flag, name)

    def _flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is None:
            return None
        flag = value.strip().lower() if isinstance(value, str) else value
        if not isinstance(flag, bool | str) or flag not in _FLAGS:
            raise unusable(self.path_of(name))
        return _FLAGS[flag]

    def moment(self, name: str, zone: tzinfo = UTC) -> datetime | None:
        """Return the moment under that name; `zone` is meant where it names none."""
        return self._noted(
            lambda named: moment(self.values.get(named), self.path_of(named), zone), name
        )

    def note(self, name: str) -> None:
        """Note that this field is not what it should be; raises where nobody keeps notes."""
        if self.faults is None:
            raise self.unusable(name)
        self.faults.append(self.unusable(name))

    def _noted(self, how: Callable[[str], Of | None], name: str) -> Of | None:
        try:
            return how(name)
        except UnexpectedAnswer as exc:
            if self.faults is None:
                raise
            self.faults.append(exc)
            return None

    def path_of(self, name: str) -> str:
        """Return the path of a field in here, for a message."""
        # Names come from outside as well where an object is used as a table.
        return sanitize(f"{self.path}.{name}" if self.path else name, 100)

    def unusable(self, name: str) -> UnexpectedAnswer:
        """Return the error that this field is not what it should be."""
        return unusable(self.path_of(name))


def number(value: object, path: str) -> Decimal | None:
    """Return a number, or a text that is one; a truth value is none."""
    if value is None:
        return None
    amount = _decimal(value)
    # Compared as it is: arithmetic would refuse an exponent that is large enough.
    if amount is None or not -_LARGEST < amount < _LARGEST:
        raise unusable(path)
    return amount


def fraction(part: Decimal | float, whole: Decimal | float) -> float:
    """Return what `part` is of `whole`, which is more than 0; from 0 to 1, whatever it is."""
    return min(max(0.0, float(part) / float(whole)), 1.0)


def moment(value: object, path: str, zone: tzinfo = UTC) -> datetime | None:
    """Return a moment: ISO 8601, or a number (or such a text) of seconds or ms since 1970.

    An empty text, 0 and the first day of all stand for none.
    """
    if value == "":
        return None
    moment = _from_text(value, zone) if isinstance(value, str) else None
    if moment is None:
        count = number(value, path)
        if count is None:
            return None
        moment = _from_number(count, path)
    if moment in {_START, datetime.min.replace(tzinfo=UTC)}:
        return None
    if not _FIRST <= moment <= _LAST:
        raise unusable(path)
    return moment


def unusable(path: str) -> UnexpectedAnswer:
    """Return the error that the field at `path` is not what it should be."""
    return UnexpectedAnswer(f"the vendor's answer has no usable {path}")


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value.strip()) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, float):
        # As it is written, not as it is stored.
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _part(value: object, path: str, faults: list[UnexpectedAnswer] | None) -> Part | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise unusable(path)
    return Part(value, path, faults)


def _from_text(text: str, zone: tzinfo) -> datetime | None:
    if _NUMBER.fullmatch(text.strip()):
        return None
    try:
        # Digits of a second beyond the sixth are dropped.
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_number(value: Decimal, path: str) -> datetime:
    seconds = value / 1_000 if value >= _FIRST_MILLISECOND else value
    try:
        return _START + timedelta(seconds=float(seconds))
    except OverflowError as exc:
        raise unusable(path) from exc
