"""Gives functions that are loaded already the code of a changed module."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType

# The body of a function, not that of a class or of a module.
_OPTIMIZED = 0x1


class LiveCode:
    """All functions that came from below `folder`, found once."""

    def __init__(self, folder: Path) -> None:
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        below = f"{folder}/"
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(below):
                self._functions[_place(thing.__code__)].append(thing)
            elif isinstance(thing, _lru_cache_wrapper):
                # What was remembered while tests were looked for would hide a change.
                thing.cache_clear()

    def exchange(self, path: Path, before: str, after: str) -> bool:
        """Let the functions of `path` run as `after` says; tell whether that can be done.

        It cannot where the difference is not in a function, or where that uses other variables
        of the functions around it.
        """
        pairs = list(_differing(_compiled(before, path), _compiled(after, path)))
        exchanged = [(found, new) for old, new in pairs for found in self._functions[_place(old)]]
        if any(len(found.__code__.co_freevars) != len(new.co_freevars) for found, new in exchanged):
            return False
        for found, new in exchanged:
            found.__code__ = new
        return bool(exchanged)


def _compiled(text: str, path: Path) -> CodeType:
    return compile(text, str(path), "exec", dont_inherit=True)


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _differing(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the outermost functions that differ, if only in their lines."""
    if old.co_flags & _OPTIMIZED:
        if old != new:
            yield old, new
        return
    for one, other in zip(_inner(old), _inner(new), strict=True):
        yield from _differing(one, other)


def _inner(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]
