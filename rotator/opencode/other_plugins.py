"""Which other plug-ins may send a credential of their own for a provider, by their text.

A text does not prove what a plug-in does; it can prove that there is nothing in it by which a
request could get another key. So each may, for every provider, unless its text speaks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rotator.opencode.config_files import LARGEST_BYTES
from rotator.opencode.install import version_in
from rotator.opencode.plugin_files import READABLE, Loaded, imported
from rotator.opencode.regular import head

_MOST_FILES = 300
# Ways to give any provider a key: hooks that see every request or the configuration, the one
# fetch of the process, its environment, and whatever we cannot follow.
_GENERAL = re.compile(
    r"""
    \bchat\W{1,6}(?:headers|params)\b | \bconfig\b | \benv\b
    | \bglobalThis\b | \b(?:global|window|self)\b\s*(?:[.,;)\]\[}?|=]|$)
    | \b(?:Headers|Request|Response|URL)\s*=(?![=>])
    | \bfetch\b(?!\s*[(:]) | \bundici\b | [dD]ispatcher\b | \bprototype\b
    | \b(?:eval|Function)\s*\( | \bReflect\b | \bvm\b
    | \b(?:createRequire|Bun\s*\.\s*plugin|mock\s*\.\s*module)\b | ["'`](?:node:)?module["'`]
    | \bauth\W{1,3}set\b | \.\s*constructor\b
    | \\(?:u00|x)[2-7][0-9a-fA-F] | \\u\{
    | \b(?:import|require)\s*\(\s*(?!\s|["'][^"']*["']\s*[,)])
    """,
    re.VERBOSE,
)
# Words without which a text does nothing to a model request.
_SPEAKS_OF_KEYS = re.compile(
    r"\b(?:fetch|auth|loader|provider|authorization|bearer)\b|headers|api.?key", re.IGNORECASE
)
_IMPORTS = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(["'])((?:(?!\1)[^\n\\])+)\1"""
)
_TYPES_ONLY = re.compile(r"""\b(?:im|ex)port\s+type\b[^;"'=()]*\bfrom\s*["'][^"'\n]*["']""")
_QUOTED = re.compile(r"""["'`]([A-Za-z0-9][\w.:/-]{0,63})["'`]""")
_BINDS = re.compile(r"""\bprovider["']?\s*:\s*(["'`]?)([\w.:/$-]+)""")
_NAMED_TEXT = re.compile(r"""\b(?:const|let|var)\s+([\w$]+)\s*(?::[^=\n]*)?=\s*["'`]""")


@dataclass(frozen=True, slots=True)
class _Text:
    """What a file says, or that it cannot be read whole."""

    is_read: bool = True
    is_general: bool = False
    speaks_of_keys: bool = False
    is_bound: bool | None = None
    names: frozenset[str] = frozenset()
    imports: tuple[str, ...] = ()


_UNREAD = _Text(is_read=False)


def is_ours(loaded: Loaded) -> bool:
    """Tell whether it is a bridge of ours, of whichever version."""
    return any(version_in(head(path, 200) or b"") is not None for path in loaded.files[:1])


def may_send_own(loaded: Loaded, provider: str) -> bool:
    """Tell whether what opencode loads there may send a credential of its own for `provider`."""
    if is_ours(loaded):
        return False
    texts = _texts(loaded.files)
    if texts is None or any(one.is_general for one in texts):
        return True
    if loaded.is_tool or not any(one.speaks_of_keys for one in texts):
        # A tool has no hook and no login: what it asks itself is no request of a model.
        return False
    bound = [one.is_bound for one in texts if one.is_bound is not None]
    is_bound = bool(bound) and all(bound)
    return not is_bound or any(provider in one.names for one in texts)


def _texts(files: Iterable[Path]) -> list[_Text] | None:
    """Return what the files and all that they import say, or None where one is not read."""
    waiting = list(files)
    if not waiting:
        return None
    seen: dict[Path, _Text] = {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        text = _text(path)
        if not text.is_read or len(seen) >= _MOST_FILES:
            return None
        seen[path] = text
        if text.is_general:
            break
        for spec in text.imports:
            found = imported(spec, path)
            if found is None:
                return None
            waiting += found
    return list(seen.values())


def _text(path: Path) -> _Text:
    try:
        facts = path.stat()
        return _read(path, facts.st_mtime_ns, facts.st_size)
    except (OSError, ValueError):
        return _UNREAD


@lru_cache(maxsize=1024)
def _read(path: Path, _time: int, size: int) -> _Text:
    content = head(path, LARGEST_BYTES)
    if content is None or size > LARGEST_BYTES or path.suffix not in READABLE:
        return _UNREAD
    text = content.decode("utf-8", "replace")
    code = _TYPES_ONLY.sub("", text)
    return _Text(
        is_general=_GENERAL.search(code) is not None,
        speaks_of_keys=_SPEAKS_OF_KEYS.search(code) is not None,
        is_bound=_is_bound(code),
        names=frozenset(_QUOTED.findall(text)),
        imports=tuple(dict.fromkeys(found[1] for found in _IMPORTS.findall(code))),
    )


def _is_bound(text: str) -> bool | None:
    """Tell whether every login in the text is of a provider that it names in quotes, if any is."""
    named = set(_NAMED_TEXT.findall(text))
    bound = [bool(quote) or word in named for quote, word in _BINDS.findall(text)]
    return all(bound) if bound else None
