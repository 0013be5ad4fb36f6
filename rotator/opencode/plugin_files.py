"""Which code of other people an opencode loads, and what that code imports: files, never run.

Measured on 1.18.33: plug-ins and tools in the configuration folders, what `plugin` names in its
configuration, and from there whatever is imported. What is named and not found has no text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rotator.opencode.config_files import Config

_FOLDERS = ("plugin", "plugins")
_TOOL_FOLDERS = ("tool", "tools")
_ENDINGS = (".js", ".ts")
_CODE = (".js", ".ts", ".mjs", ".cjs", ".mts", ".cts", ".jsx", ".tsx")
READABLE = frozenset({*_CODE, ".json"})
_PACKAGE = re.compile(r"((?:@[\w.-]+/)?[\w.-]+)(?:@.*)?")
_MOST_OF_A_PACKAGE = 40
_NOT_OF_A_PACKAGE = frozenset({"node_modules", ".git"})
_MOST_LEVELS = 40
# opencode passes these over: it does itself what they did (1.18.33).
_PASSED_OVER = ("opencode-openai-codex-auth", "opencode-copilot-auth")
# Its own packages: what a plug-in imports of them are types and helpers of opencode.
_OF_OPENCODE = ("@opencode-ai/plugin", "@opencode-ai/sdk")
_BUILT_IN = re.compile(
    r"(?:node|bun):.*|bun|assert|buffer|child_process|crypto|events|fs(?:/promises)?|os|path|"
    r"process|readline|stream(?:/promises)?|string_decoder|timers(?:/promises)?|tty|url|util|zlib|"
    r"async_hooks|dns|https?|http2|net|perf_hooks|tls|worker_threads"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Something that opencode loads: what it is called, and its files (none: not found)."""

    name: str
    files: tuple[Path, ...]
    is_tool: bool = False
    is_sdk: bool = False

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "SDK" if self.is_sdk else "tool" if self.is_tool else "plug-in"


def loaded_by(configs: Iterable[Config], folders: Iterable[Path], cache: Path) -> list[Loaded]:
    """Return what an opencode loads from `folders` and `configs`, each once.

    A package is looked for below `cache`, where opencode puts it.
    """
    folders = list(folders)
    plugins = [
        Loaded(str(path), (path,), is_tool=names is _TOOL_FOLDERS)
        for names in (_FOLDERS, _TOOL_FOLDERS)
        for folder in folders
        for name in names
        for path in _in(folder / name)
    ]
    for config in configs:
        named = (config.value or {}).get("plugin")
        for entry in named if isinstance(named, list) else []:
            spec = entry[0] if isinstance(entry, list) and entry else entry
            if isinstance(spec, str) and not any(name in spec for name in _PASSED_OVER):
                plugins.append(_named(spec, config.folder, cache))
    return list(dict.fromkeys(plugins))


def imported(spec: str, by: Path) -> tuple[Path, ...] | None:
    """Return the files that `spec` means in the file `by`, or None where they are not found."""
    if spec.startswith("file://"):
        return _module(Path(unquote(urlsplit(spec).path)))
    # Of a linked file it is the real place that counts.
    by = Path(os.path.realpath(by))
    if spec.startswith((".", "/")):
        return _module(Path(os.path.realpath(by.parent / spec)))
    name = spec.split("/")
    package = "/".join(name[: 2 if spec.startswith("@") else 1])
    if _BUILT_IN.fullmatch(spec) or package in _OF_OPENCODE:
        return ()
    for level in list(by.parents)[:_MOST_LEVELS]:
        folder = level / "node_modules" / package
        if folder.is_dir():
            return _files_of(folder) or None
    return None


def code_at(address: str, folder: Path) -> Loaded:
    """Return the SDK that a `file://` in the configuration of `folder` means."""
    return Loaded(address, _named(address, folder, folder).files, is_sdk=True)


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
    except OSError:
        return []


def _named(spec: str, folder: Path, cache: Path) -> Loaded:
    if spec.startswith("file://"):
        return _at(Path(unquote(urlsplit(spec).path)))
    if spec.startswith((".", "/")):
        return _at(folder / spec)
    name = _PACKAGE.fullmatch(spec)
    if name is None:
        return Loaded(spec, ())
    places = (
        cache / "packages" / spec / "node_modules" / name[1],
        cache / "packages" / f"{name[1]}@latest" / "node_modules" / name[1],
        cache / "node_modules" / name[1],
    )
    files = [path for place in dict.fromkeys(places) for path in _files_of(place)]
    return Loaded(spec, tuple(files))


def _at(path: Path) -> Loaded:
    files = _files_of(path) if path.is_dir() else (path,)
    return Loaded(str(path), files)


def _module(path: Path) -> tuple[Path, ...] | None:
    """Return the file that an import of this path means, as Bun finds it."""
    for file in _candidates(path):
        if file.is_file():
            return (file,)
    return _files_of(path) or None


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    for ending in _CODE:
        yield path.with_name(path.name + ending)
    # A file of TypeScript is imported under the name that it will have.
    for written, real in ((".js", ".ts"), (".js", ".tsx"), (".mjs", ".mts"), (".cjs", ".cts")):
        if path.suffix == written:
            yield path.with_suffix(real)


def _files_of(folder: Path) -> tuple[Path, ...]:
    """Return the code in a package's folder; where it is more than we read, one that is none."""
    code: list[Path] = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_OF_A_PACKAGE)
        paths = (Path(at, name) for name in sorted(names) if ".d." not in name)
        code += [path for path in paths if path.suffix in _CODE]
        if len(code) > _MOST_OF_A_PACKAGE:
            return (*code[:_MOST_OF_A_PACKAGE], folder)
    return tuple(code)
