"""Which other plug-ins may take a login out of a request that is under way, by their text.

The bridge says where somebody's fetch has had a request in hand and it did not see what became of
it. Most of those only look, or send it another way; so this asks for more than
`other_plugins.may_send_own`: a text that puts a fetch of its own in place of the one there is, and
writes a credential into a request or makes an answer itself. What cannot be read or followed may.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rotator.opencode.config_files import LARGEST_BYTES
from rotator.opencode.other_plugins import is_ours
from rotator.opencode.plugin_files import READABLE, Loaded, imported
from rotator.system.regular_files import head

_MOST_FILES = 300
_REPLACES = re.compile(
    r"""
      (?<!const\s)(?<!let\s)(?<!var\s)\bfetch\b["'`\]]*\s*(?:\?\?|\|\||&&)?=(?![=>])
    | \b(?:assign|definePropert(?:y|ies)|set|spyOn|stubGlobal|method)\s*\([^;]{0,200}?\bfetch\b
    | \b(?:globalThis|global|window|self)\s*\[(?!\s*["'`])
    | \\u(?:00[2-7][0-9a-fA-F]|\{) | \\x[2-7][0-9a-fA-F]
    | \beval\s*\(|\bFunction\s*\(
    """,
    re.VERBOSE,
)
_NAME = r"(?:proxy-)?authorization|(?:x-(?:goog-)?)?api-key|cookie"
# What only reads a header, compares its name or leaves it out.
_READS = re.compile(
    rf"""
      \.\s*(?:get|has|delete|includes|startsWith|indexOf)\s*\(\s*["'`](?:{_NAME})["'`]\s*\)
    | [=!]==?\s*["'`](?:{_NAME})["'`] | ["'`](?:{_NAME})["'`]\s*[=!]==?
    | \bcase\s+["'`](?:{_NAME})["'`]
    | \[\s{{0,99}}(?:["'`][\w-]{{1,99}}["'`]\s{{0,99}}(?:,\s{{0,99}})?){{1,40}}\]
      \s*\)?\s*\.\s*(?:includes|has|indexOf)\b
    | \bdelete\s+[\w$.?]{{1,100}}\s*(?:\[\s*["'`](?:{_NAME})["'`]\s*\]|\.(?:{_NAME})\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WRITES = re.compile(
    rf"""
      ["'`](?:{_NAME})["'`]
    | (?<![\w.-])(?:{_NAME})\s*:
    | \.(?:{_NAME})\s*(?:\?\?|\|\||&&)?=(?![=>])
    | \bBearer\s+\$\{{ | ["'`]Bearer\s*["'`]\s*[+,)]
    | \bsearchParams\s*\.\s*(?:set|append)\s*\(\s*["'`](?:key|access[-_]token)["'`]
    | [?&](?:key|api[-_]?key|access[-_]token)=(?:["'`]|\$\{{)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ANSWERS = re.compile(r"\bnew\s+(?:\w+\s*\.\s*)?Response\b|\bResponse\s*\.\s*(?:json|error)\s*\(")
# An answer that is handed on, with the status that it came with.
_HANDS_ON = re.compile(
    r"""
      \bnew\s+Response\s*\([^;{}]{0,200}?,\s*
      (?: [A-Za-z_$][\w$.]{0,100}\s*\) | \{[^{}]{0,200}?\bstatus\s*:\s*[\w$]{1,100}\.status\b )
    """,
    re.VERBOSE,
)
_COMMENTS = re.compile(r"/\*.*?(?:\*/|\Z)|(?<![:\w\"'`\\/])//[^\n]*", re.DOTALL)
_TYPES_ONLY = re.compile(r"""\b(?:im|ex)port\s+type\b[^;"'=()]{0,400}\bfrom\s*["'][^"'\n]*["']""")
_IMPORTS = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(["'])((?:(?!\1)[^\n\\])+)\1"""
)
_FOLLOWS_NONE = re.compile(r"\b(?:import|require)\s*\(\s*(?!\s|[\"'][^\"']*[\"']\s*[,)])")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file does, and what it imports."""

    replaces: bool
    gives: bool
    imports: tuple[str, ...]


def may_substitute(loaded: Loaded) -> bool:
    """Tell whether a fetch of what is loaded there may send a request with another credential."""
    if is_ours(loaded):
        return False
    waiting = list(loaded.files)
    if not waiting:
        return True
    parts: dict[Path, _Part] = {}
    while waiting:
        path = waiting.pop()
        if path in parts:
            continue
        part = _part(path)
        if part is None or len(parts) >= _MOST_FILES:
            return True
        parts[path] = part
        for spec in part.imports:
            paths = imported(spec, path)
            if paths is None:
                return True
            waiting += paths
    return any(part.replaces for part in parts.values()) and any(
        part.gives for part in parts.values()
    )


def _part(path: Path) -> _Part | None:
    """Return what a file does, or None where it cannot be read whole or be followed."""
    try:
        facts = path.stat()
        return _read(path, facts.st_mtime_ns, facts.st_size)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _read(path: Path, _time: int, size: int) -> _Part | None:
    content = head(path, LARGEST_BYTES)
    if content is None or size > LARGEST_BYTES or path.suffix not in READABLE:
        return None
    text = _TYPES_ONLY.sub("", _COMMENTS.sub(" ", content.decode("utf-8", "replace")))
    if _FOLLOWS_NONE.search(text):
        return None
    answers = "Response" in text and _ANSWERS.search(_HANDS_ON.sub("", text))
    return _Part(
        replaces=_REPLACES.search(text) is not None,
        gives=bool(answers or _WRITES.search(_READS.sub("", text))),
        imports=tuple(dict.fromkeys(groups[1] for groups in _IMPORTS.findall(text))),
    )
