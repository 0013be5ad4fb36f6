"""Which other plug-ins may send a credential of their own for a provider.

It is read off their text, so it is a guess: it names what may be, and never what is sure. A
plug-in that only hands auth.json's login on (the usual one for a login with a vendor) is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rotator.opencode.config_files import LARGEST_BYTES, Config
from rotator.opencode.install import version_in
from rotator.opencode.regular import head

_FOLDERS = ("plugin", "plugins")
_ENDINGS = (".js", ".ts")
_MOST_FILES = 200
_MOST_OF_A_PACKAGE = 40
_NAMED = re.compile(r"""["'`]([A-Za-z0-9][\w.:/-]{0,63})["'`]""")
_REPLACES_FETCH = re.compile(
    r"""\b(?:globalThis|global|window|self)\s*(?:\.\s*fetch|\[\s*["'`]fetch["'`]\s*\])\s*=(?!=)"""
    r"""|defineProperty\(\s*globalThis\s*,\s*["'`]fetch"""
)
_CREDENTIAL = re.compile(r"authorization|x-api-key|api-?key|x-goog-api-key", re.IGNORECASE)
_LOGIN_OF_AUTH_JSON = re.compile(r"\bgetAuth\b")
# Where a pool of keys comes from, if it is not auth.json.
_STOCK = re.compile(
    r"""\breadFile|\bBun\.file\b|["'`](?:node:)?(?:fs|fs/promises|sqlite)["'`]|bun:sqlite"""
    r"""|process\.env\W{1,3}\w*(?:KEY|TOKEN|SECRET)""",
    re.IGNORECASE,
)
_PACKAGE = re.compile(r"((?:@[\w.-]+/)?[\w.-]+)(?:@.*)?")


@dataclass(frozen=True, slots=True)
class _Text:
    names: frozenset[str]
    replaces_fetch: bool
    has_keys: bool


_NOTHING = _Text(frozenset(), replaces_fetch=False, has_keys=False)


def plugin_files(configs: Iterable[Config], folders: Iterable[Path], cache: Path) -> Iterator[Path]:
    """Yield the files of other plug-ins that an opencode loads from `folders` and `configs`.

    A package is looked for below `cache`, where opencode puts it.
    """
    found = [path for folder in folders for name in _FOLDERS for path in _in(folder / name)]
    for config in configs:
        named = (config.value or {}).get("plugin")
        for one in named if isinstance(named, list) else []:
            spec = one[0] if isinstance(one, list) and one else one
            if isinstance(spec, str):
                found += _named(spec, config.folder, cache)
    yield from list(dict.fromkeys(found))[:_MOST_FILES]


def may_send_own(path: Path, provider: str) -> bool:
    """Tell whether the plug-in in that file may send a credential of its own for `provider`."""
    try:
        facts = path.stat()
        text = _read(path, facts.st_mtime_ns, facts.st_size)
    except (OSError, ValueError):
        return False
    return text.has_keys and (text.replaces_fetch or provider in text.names)


@lru_cache(maxsize=256)
def _read(path: Path, _time: int, _size: int) -> _Text:
    content = head(path, LARGEST_BYTES)
    if content is None or version_in(content) is not None:
        return _NOTHING
    text = content.decode("utf-8", "replace")
    replaces = _REPLACES_FETCH.search(text) is not None
    hands_on = _LOGIN_OF_AUTH_JSON.search(text) is not None and _STOCK.search(text) is None
    return _Text(
        names=frozenset(_NAMED.findall(text)),
        replaces_fetch=replaces,
        has_keys=_CREDENTIAL.search(text) is not None and (replaces or not hands_on),
    )


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
    except OSError:
        return []


def _named(spec: str, folder: Path, cache: Path) -> list[Path]:
    if spec.startswith("file://"):
        return _files_of(Path(unquote(urlsplit(spec).path)))
    if spec.startswith(("./", "../", "/")):
        return _files_of(folder / spec)
    name = _PACKAGE.fullmatch(spec)
    if name is None:
        return []
    places: Mapping[Path, None] = dict.fromkeys(
        [
            cache / "packages" / spec / "node_modules" / name[1],
            cache / "packages" / f"{name[1]}@latest" / "node_modules" / name[1],
            cache / "node_modules" / name[1],
        ]
    )
    return [path for place in places for path in _files_of(place)]


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [one for pattern in ("*", "dist/*", "src/*", "lib/*") for one in path.glob(pattern)]
    return sorted(one for one in found if one.suffix in {*_ENDINGS, ".mjs"})[:_MOST_OF_A_PACKAGE]
