"""Which other plug-ins may send a credential of their own for a provider, by their text.

A text does not prove what a plug-in does; it can prove that there is nothing in it by which a
request could get another key. So each may, for every provider, unless its text speaks for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rotator.opencode.bridge.install import version_in
from rotator.opencode.config_files import LARGEST_BYTES
from rotator.opencode.plugin_files import READABLE, Loaded, imported
from rotator.system.regular_files import head

_MOST_FILES = 300
_MOST_BYTES = 8 * 1024 * 1024
# Ways to give any provider a key: hooks that see every request or the configuration, the one
# fetch of the process, its environment, and whatever we cannot follow. A word that has to be in
# the text stands before each: to look for a word costs a hundredth of what its rule does.
_GENERAL = tuple(
    (word, re.compile(rule))
    for word, rule in (
        ("chat", r"\bchat\W{1,6}(?:headers|params)\b"),
        ("config", r"\bconfig\b"),
        ("env", r"\benv\b"),
        ("loadEnvFile", r"\bloadEnvFile\b"),
        ("globalThis", r"\bglobalThis\b"),
        ("global", r"\bglobal\b\s*(?:[.,;)\]\[}?|=]|$)"),
        ("window", r"\bwindow\b\s*(?:[.,;)\]\[}?|=]|$)"),
        ("self", r"\bself\b\s*(?:[.,;)\]\[}?|=]|$)"),
        ("fetch", r"\bfetch\b(?!\s*[(:])"),
        ("Headers", r"\bHeaders\s*=(?![=>])"),
        ("Request", r"\bRequest\s*=(?![=>])"),
        ("Response", r"\bResponse\s*=(?![=>])"),
        ("URL", r"\bURL\s*=(?![=>])"),
        ("undici", r"\bundici\b"),
        ("ispatcher", r"[dD]ispatcher\b"),
        ("prototype", r"\bprototype\b"),
        ("constructor", r"\.\s*constructor\b"),
        ("eval", r"\beval\s*\("),
        ("Function", r"\bFunction\s*\("),
        ("Reflect", r"\bReflect\b"),
        ("vm", r"\bvm\b"),
        ("createRequire", r"\bcreateRequire\b"),
        ("plugin", r"\bBun\s*\.\s*plugin\b"),
        ("module", r"\bmock\s*\.\s*module\b|[\"'`](?:node:)?module[\"'`]"),
        ("auth", r"\bauth\W{1,3}set\b"),
        ("import", r"\bimport\s*\(\s*(?!\s|[\"'][^\"']*[\"']\s*[,)])"),
        ("require", r"\brequire\s*\(\s*(?!\s|[\"'][^\"']*[\"']\s*[,)])"),
        # A letter that is written as a number.
        ("\\u", r"\\u(?:00[2-7][0-9a-fA-F]|\{)"),
        ("\\x", r"\\x[2-7][0-9a-fA-F]"),
    )
)
# Forms of two of those words that give no key to anybody: what is left when they are taken out
# counts. The names of files, sentences, and what only reads.
_HARMLESS = {
    "env": re.compile(
        r"""
          ["'`/*]\.env\b
        | (?<=\w)[ ]\.env\b(?![\w$.\[])
        | ["'`]shell\.env["'`]
        | \benv[ ](?:files?|vars?|variables?)\b
        | \benv\s*:\s*(?=\{)
        | (?:\.\.\.\s*|\benv\s*:\s*)(?:process|Bun)\??\.env\b(?!\s*[.\[=])
        | (?<!delete[ ])(?:\bprocess|\bBun|\bimport\.meta)\??\.env
          (?:\??\.[A-Za-z_$][\w$]*+|(?:\?\.)?\[\s*["'][\w-]+["']\s*\])
          (?!\s*(?:[-+*/%&|^?]{0,3}=(?!=)|\+\+|--))
        """,
        re.VERBOSE,
    ),
    "config": re.compile(
        r"""
          (?<!\.)\bconfig\s*\??\.(?=\w)
        | (?<=[\w./-])[./-]config\b(?!\s*=(?!=)|\s*["'`\]]\s*[\]:=]|\s*\.\s*update\b)
        | ["'`][/.~]{1,3}config[/"'`]
        | \bconfig[/-](?=\w)
        | \b(?:const|let|var)\s+config\s*(?==)
        | \bconfig[ ](?:dir|directory|file|files|folder|value|values)\b
        """,
        re.VERBOSE,
    ),
}
_SHELL_HOOK = re.compile(r"""["'`]shell\.env["'`]""")
_SHELL_ENVIRONMENT = re.compile(r"\b(?:output|out|o)\.env\b")
# Words without which a text does nothing to a model request.
_OF_KEYS = (
    "fetch",
    "auth",
    "loader",
    "provider",
    "bearer",
    "header",
    "apikey",
    "api-key",
    "api_key",
)
# Without any of these nothing is sent past whoever has replaced the one fetch.
_SENDS = re.compile(r"fetch|undici|ispatcher|\bimport\b|\brequire\b|\beval\b|\bFunction\b|\\[ux]")
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
    size: int = 0
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
    if texts is None or any(text.is_general for text in texts):
        return True
    if loaded.is_tool or not any(text.speaks_of_keys for text in texts):
        # A tool has no hook and no login: what it asks itself is no request of a model.
        return False
    bound = [text.is_bound for text in texts if text.is_bound is not None]
    is_bound = bool(bound) and all(bound)
    return not is_bound or any(provider in text.names for text in texts)


def may_send_itself(loaded: Loaded) -> bool:
    """Tell whether it may send requests, or let others send them, in a way of its own."""
    texts = [head(path, LARGEST_BYTES) for path in loaded.files] or [None]
    return any(
        text is None or _SENDS.search(_TYPES_ONLY.sub("", text.decode("utf-8", "replace")))
        for text in texts
    )


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
        seen[path] = text
        if not text.is_read or _is_too_much(seen.values()):
            return None
        if text.is_general:
            break
        for spec in text.imports:
            paths = imported(spec, path)
            if paths is None:
                return None
            waiting += paths
    return list(seen.values())


def _is_too_much(texts: Collection[_Text]) -> bool:
    return len(texts) > _MOST_FILES or sum(text.size for text in texts) > _MOST_BYTES


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
    if "type" in text:
        text = _TYPES_ONLY.sub("", text)
    if any(word in text and rule.search(_without_harmless(text, word)) for word, rule in _GENERAL):
        return _Text(size=size, is_general=True)
    lowered = text.lower()
    return _Text(
        size=size,
        speaks_of_keys=any(word in lowered for word in _OF_KEYS),
        is_bound=_is_bound(text) if "provider" in text else None,
        names=frozenset(_QUOTED.findall(text)),
        imports=tuple(dict.fromkeys(groups[1] for groups in _IMPORTS.findall(text))),
    )


def _without_harmless(text: str, word: str) -> str:
    """Return the text without the forms of the word that give no key to anybody."""
    harmless = _HARMLESS.get(word)
    if harmless is None:
        return text
    if word == "env" and _SHELL_HOOK.search(text):
        # What that hook fills is the environment of commands.
        text = _SHELL_ENVIRONMENT.sub("", text)
    return harmless.sub("", text)


def _is_bound(text: str) -> bool | None:
    """Tell whether every login in the text is of a provider that it names in quotes, if any is."""
    matches = _BINDS.findall(text)
    named = set(_NAMED_TEXT.findall(text)) if matches else set()
    return all(quote or word in named for quote, word in matches) if matches else None
