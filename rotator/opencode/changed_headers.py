"""Whether a text gives requests headers of which it does not show what they are.

What is shown is taken out: headers that are handed on, a copy of them, one that gets more by their
names. What is left may hold another credential, however it came there.
"""

from __future__ import annotations

import re

_NAME = r"[A-Za-z_$][\w$]{0,99}"
_PATH = rf"{_NAME}(?:\s{{0,9}}\??\.\s{{0,9}}{_NAME}){{0,9}}"
# `input instanceof Request ? input.headers : undefined`, and what TypeScript calls it.
_OF_REQUEST = (
    rf"\(?\s{{0,9}}{_NAME}\s{{1,9}}instanceof\s{{1,9}}Request\s{{0,9}}\?\s{{0,9}}{_PATH}"
    rf"\s{{0,9}}:\s{{0,9}}(?:{_PATH}|\{{\s{{0,9}}\}})\s{{0,9}}\)?"
)
_CAST = r"(?:\s{1,9}as\s{1,9}[\w$]{1,40}(?:<[\w\s,|]{1,60}>)?)?"
_ELSE = (
    rf"{_CAST}(?:\s{{0,9}}(?:\?\?|\|\|)\s{{0,9}}"
    rf"(?:{_OF_REQUEST}|{_PATH}|\{{\s{{0,9}}\}}|\[\s{{0,9}}\]))?"
)
_COPY = rf"new\s{{1,9}}Headers\s{{0,9}}\(\s{{0,9}}(?:{_PATH}{_ELSE})?\s{{0,9}}\)"
_ENTRIES = rf"Object\s{{0,9}}\.\s{{0,9}}fromEntries\s{{0,9}}\(\s{{0,9}}(?:{_COPY}|{_PATH})"
# An object of others' headers and of some by their names.
_MEMBER = (
    rf"(?:\.\.\.\s{{0,9}}{_ENTRIES}(?:\.entries\(\))?\s{{0,9}}\)"
    rf"|\.\.\.\s{{0,9}}\(?\s{{0,9}}(?:{_PATH}){_ELSE}\s{{0,9}}\)?"
    rf"|(?:{_NAME}|[\"'`][\w-]{{1,99}}[\"'`])\s{{0,9}}:\s{{0,9}}+[^,{{}}\[\]]{{1,200}}+)"
)
_COMMA = r"\s{0,99},\s{0,99}"
# What was taken once is not taken in another way: a long text would be tried in all of them.
_MADE = rf"(?>\{{\s{{0,99}}(?:{_MEMBER}(?:{_COMMA}{_MEMBER}){{0,40}})?\s{{0,99}},?\s{{0,99}}\}})"
_WRITTEN = re.compile(r"\bheaders[\"'`]?\s{0,9}\]?\s{0,9}(?::|(?:\?\?|\|\||&&)?=(?![=>]))\s{0,99}")
_SHOWN = re.compile(rf"(?:{_COPY}|{_MADE}|(?P<path>{_PATH}){_ELSE})\s{{0,99}}(?=[,;)}}\]\n]|$)")
_TYPES = frozenset({"Headers", "HeadersInit", "any", "unknown", "object", "undefined", "null"})
_TYPED = re.compile(
    r"\bheaders\s{0,9}:\s{0,9}(?:Headers|HeadersInit|any|unknown|Record<[^<>]{1,99}>)\s{0,9}(?==)"
)
_COPIES = re.compile(
    rf"\b({_NAME})\s{{0,9}}=\s{{0,9}}(?:new\s{{1,9}}Headers\b|\{{\s{{0,99}}\.\.\.[\w$.?\s]{{0,99}}headers\b)"
)
_ASSIGNS = re.compile(r"\bassign\s*\(\s*[\w$.?]{0,100}headers\b")
# What a fetch calls the second thing that it is given.
_INITS = ("init", "options", "opts")
# What sends nothing.
_LOGGERS = r"(?!(?:console|log\w*|debug|info|warn|error|trace|record|track|print)\b)"
_CALLED = r"(?:[\w$]{1,60}\s{0,9}\.\s{0,9}){0,5}[\w$]{1,60}\s{0,9}\("
# What gives back what it was given, or no request at all.
_HARMLESS = (
    r"(?!(?:JSON\.stringify|String|structuredClone|Object\.(?:keys|entries|values))\s{0,9}\()"
)
_GIVEN = re.compile(
    rf"\bfetch\s{{0,9}}=\s{{0,9}}(?:async\b\s{{0,9}})?(?:function\b\s{{0,9}}(?:{_NAME})?\s{{0,9}})?"
    rf"\(\s{{0,9}}{_NAME}\s{{0,9}}(?::[^,()]{{1,99}})?,\s{{0,9}}({_NAME})"
)


def changes_headers(text: str) -> bool:
    """Tell whether the text, which has a fetch of its own, may give a request other headers."""
    text = _TYPED.sub("headers ", text)
    inits = {*_INITS, *_GIVEN.findall(text)}
    if _ASSIGNS.search(text) or any(re.search(_handed_to(name), text) for name in inits):
        return True
    copies = {"headers", *_COPIES.findall(text)}
    return any(
        _is_hidden(text, written.end(), copies) for written in _WRITTEN.finditer(text)
    ) or any(re.search(_by_any_name(name), text) for name in copies)


def _is_hidden(text: str, at: int, copies: set[str]) -> bool:
    """Tell whether the text does not show what is written to headers there."""
    shown = _SHOWN.match(text, at)
    if shown is None:
        return True
    path = shown["path"]
    if path is None or path in _TYPES:
        return False
    # Somebody's headers, or what is a copy of such.
    return not (path in copies or re.search(r"\.\s*headers$", path))


def _by_any_name(name: str) -> str:
    """Return the rule by which a text puts something into these headers under any name."""
    own = rf"(?<![\w$]){re.escape(name)}\s{{0,9}}"
    return (
        rf"{own}\.\s{{0,9}}(?:set|append)\s{{0,9}}\(\s{{0,9}}(?![\s\"'`])"
        rf"|{own}\[\s{{0,9}}(?![\s\"'`])[^\]\n]{{1,99}}\]\s{{0,9}}(?:\?\?|\|\||&&)?=(?![=>])"
    )


def _handed_to(name: str) -> str:
    """Return the rule by which a whole request is what some function makes of it."""
    own = rf"(?<![\w$.]){re.escape(name)}"
    call = rf"(?:await\s{{1,9}})?{_HARMLESS}{_CALLED}"
    declared = "".join(f"(?<!{word} )" for word in ("const", "let", "var"))
    word = r"(?<![\w$.])" + _LOGGERS + r"[\w$][\w$.]{0,60}"
    sent = rf"{word}\s{{0,9}}\(\s{{0,9}}{_NAME}\s{{0,9}},\s{{0,9}}{call}"
    return (
        rf"{declared}{own}\s{{0,9}}=\s{{0,9}}{call}|{sent}\s{{0,9}}{re.escape(name)}\s{{0,9}}[,)]"
    )
