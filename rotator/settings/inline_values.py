"""Values of TOML as text: written, and inline tables written anew with a key more or less.

The only importer of tomlkit. What stays in a table keeps its own spelling; what is between its
members is set anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import Array, InlineTable


def rendered(value: Any) -> str:
    """Return a value as it is written in the file, on one line."""
    return _text(tomlkit.item(_inline(value)))


def _inline(value: Any) -> Any:
    if isinstance(value, Mapping):
        table: InlineTable = tomlkit.inline_table()
        for name, member in value.items():
            table.append(name, _inline(member))
        return table
    # What has been read keeps its spelling.
    if isinstance(value, list | tuple) and not isinstance(value, Array):
        array = tomlkit.array()
        array.extend(_inline(member) for member in value)
        return array
    return value


def _text(item: Any) -> str:
    text: str = item.as_string()
    return text


def with_key(table: str, path: Sequence[str], value: str) -> str:
    """Return an inline table in which `path` has the value, which is text of TOML as well."""
    whole = tomlkit.value(table)
    inner: Any = whole
    for name in path[:-1]:
        inner = inner.setdefault(name, tomlkit.inline_table())
    inner[path[-1]] = tomlkit.value(value)
    return _anew(whole, table)


def without_key(table: str, path: Sequence[str]) -> str:
    """Return an inline table without what stands at `path`."""
    whole = tomlkit.value(table)
    inner: Any = whole
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return _anew(whole, table)


def _anew(whole: Any, before: str) -> str:
    text = _text(_inline(whole))
    is_roomy = before[1:-1].startswith(" ") or not before[1:-1]
    return f"{{ {text[1:-1]} }}" if is_roomy and text != "{}" else text
