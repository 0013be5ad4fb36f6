"""Which other plug-ins may take a login out of a request that is under way, by their text.

The bridge says where somebody's fetch has had a request in hand and it did not see what became of
it. Most of those only look, or send it another way; so this asks for more than
`other_plugins.may_send_own`: a text that puts a fetch of its own in place of the one there is, and
writes a credential into a request, gives it headers of which the text does not show what they are
(`changed_headers`), or makes an answer itself. Two that meet in a name of the process or in a file
are taken for one. What cannot be read or followed may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from rotator.opencode.changed_headers import changes_headers
from rotator.opencode.config_files import LARGEST_BYTES
from rotator.opencode.other_plugins import is_ours
from rotator.opencode.plugin_files import READABLE, Loaded, imported
from rotator.system.regular_files import head

_MOST_FILES = 300
# What everybody finds on the global object.
_EVERYBODYS = frozenset(
    {"fetch", "process", "console", "Bun", "crypto", "performance", "navigator", "WebSocket"}
    | {"Response", "Request", "Headers", "URL", "AbortController", "structuredClone", "Buffer"}
    | {"setTimeout", "clearTimeout", "setInterval", "clearInterval", "atob", "btoa", "AbortSignal"}
)
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
_ANSWERS = re.compile(
    r"\bnew\s+(?:\w+\s*\.\s*)?Response\b|\bResponse\s*\.\s*(?:json|error)\s*\("
    r"|(?:\breturn|=>)\s*\(?\s*\{[^{}]{0,99}\bstatus[\"'`]?\s*:\s*[1-9]\d\d\b"
)
# An object in the likeness of one: its status, and what reads it.
_LIKE_ANSWERS = (
    re.compile(r"\bstatus[\"'`]?\s*:\s*[1-9]\d\d\b"),
    re.compile(
        r"\b(?:text|json|arrayBuffer)\s*(?:\(\s*\)\s*\{|:\s*(?:async\b\s*)?(?:\(|function\b))"
    ),
)
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
# What two of them may hand each other requests through: a word on the global object, or an event.
_MEETS = re.compile(
    r"""
      \b(?:globalThis|global|self|window)\s*(?:\?\.\s*)?
      (?: \.?\s*([A-Za-z_$][\w$]{0,99}) | \[\s*["'`]([^"'`\n]{1,99})["'`]\s*\] )
    | \bSymbol\s*\.\s*for\s*\(\s*["'`]([^"'`\n]{1,99})
    | \bprocess\s*\.\s*(?:emit|on|once|addListener)\s*\(\s*["'`]([^"'`\n]{1,99})
    """,
    re.VERBOSE,
)
# Whoever sends other hosts' requests as they came, says so like this.
_LEAVES_OTHERS = re.compile(
    r"""
      \bif\s*\(\s*
      (?: !\s*[^;{}!&|]{1,120}?\.\s*(?:includes|startsWith|endsWith)\s*\(\s*
          ["'`](?:https?://)?([\w-]{1,63}(?:\.[\w-]{1,63}){1,9})[^"'`]{0,99}["'`]\s*\)
        | [^;{}!&|]{1,120}?\.\s*host(?:name)?\s*!==?\s*
          ["'`]([\w-]{1,63}(?:\.[\w-]{1,63}){1,9})["'`] )
      \s*\)\s*(?:\{\s*)?return\s+[\w$.]{1,99}\s*\(\s*[\w$]{1,99}\s*,\s*[\w$]{1,99}\s*\)
    """,
    re.VERBOSE,
)
_FOLLOWS_NONE = re.compile(r"\b(?:import|require)\s*\(\s*(?!\s|[\"'][^\"']*[\"']\s*[,)])")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file does, and what it imports."""

    replaces: bool
    gives: bool
    imports: tuple[str, ...]
    meets: frozenset[str] = frozenset()
    # The hosts whose requests alone it takes, where it says so.
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Whole:
    """What is loaded does, with all that it imports; None: that cannot be read or followed."""

    loaded: Loaded
    parts: dict[Path, _Part] | None = field(repr=False)

    @property
    def gives(self) -> bool:
        return any(part.gives for part in (self.parts or {}).values())

    def replaces_for(self, host: str | None) -> bool:
        """Tell whether it has a fetch of its own for requests to that host, where it is known."""
        return any(
            part.replaces and (host is None or not part.hosts or host in part.hosts)
            for part in (self.parts or {}).values()
        )

    def meets(self, other: _Whole) -> bool:
        """Tell whether the two have a word of the process or a file in common."""
        mine, theirs = self.parts or {}, other.parts or {}
        words = (part.meets for part in theirs.values())
        return bool(mine.keys() & theirs.keys()) or any(
            part.meets & other_words for other_words in words for part in mine.values()
        )


def may_substitute(loaded: Loaded) -> bool:
    """Tell whether a fetch of what is loaded there may send a request with another credential."""
    return bool(find_substitutes([loaded]))


def find_substitutes(code: Sequence[Loaded], host: str | None = None) -> tuple[Loaded, ...]:
    """Return who of those may send a request to `host` with another credential; two: together."""
    wholes = [_Whole(loaded, _parts(loaded)) for loaded in code if not is_ours(loaded)]
    for whole in wholes:
        if whole.parts is None or (whole.replaces_for(host) and whole.gives):
            return (whole.loaded,)
    for whole in wholes:
        if whole.replaces_for(host):
            for other in _met_by(whole, wholes):
                if other.gives:
                    return (whole.loaded, other.loaded)
    return ()


def _met_by(whole: _Whole, wholes: Sequence[_Whole]) -> Iterator[_Whole]:
    """Yield those that one meets, and those that these meet."""
    left, waiting = [other for other in wholes if other is not whole], [whole]
    while waiting:
        at = waiting.pop()
        met = [other for other in left if at.meets(other)]
        left = [other for other in left if other not in met]
        waiting += met
        yield from met


def _parts(loaded: Loaded) -> dict[Path, _Part] | None:
    waiting = list(loaded.files)
    if not waiting:
        return None
    parts: dict[Path, _Part] = {}
    while waiting:
        path = waiting.pop()
        if path in parts:
            continue
        part = _part(path)
        if part is None or len(parts) >= _MOST_FILES:
            return None
        parts[path] = part
        for spec in part.imports:
            paths = imported(spec, path)
            if paths is None:
                return None
            waiting += paths
    return parts


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
    places = len(_REPLACES.findall(text))
    answers = _ANSWERS.search(_HANDS_ON.sub("", text)) is not None
    answers = answers or all(sign.search(text) for sign in _LIKE_ANSWERS)
    gives = answers or _WRITES.search(_READS.sub("", text))
    words = {word for groups in _MEETS.findall(text) for word in groups if word}
    named = [frozenset(filter(None, groups)) for groups in _LEAVES_OTHERS.findall(text)]
    return _Part(
        replaces=places > 0,
        gives=bool(gives or (places and changes_headers(text))),
        imports=tuple(dict.fromkeys(groups[1] for groups in _IMPORTS.findall(text))),
        meets=frozenset(words - _EVERYBODYS),
        hosts=named[0] if places == len(named) == 1 else frozenset(),
    )
