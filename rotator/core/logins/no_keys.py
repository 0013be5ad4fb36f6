"""Tells what stands in a key's place and can never be one: what a program or a template left.

Pure. Words that people give on purpose to a server that asks for no key (`none`, `dummy`,
`EMPTY`, `lm-studio`) and those of plug-ins (`opencode-oauth-dummy-key`) are keys here: they work.
"""

from __future__ import annotations

import re

# Whatever is longer was made by somebody.
_LONGEST = 200
_NO_KEY = re.compile(
    r"""
    # What a program prints of nothing.
    undefined | null | NaN | \[object\ [A-Za-z]+\]
    # What a program, or a person, was to put something in the place of; a prefix may be before it.
    | (?:[A-Za-z0-9]{1,8}[-_])*+ (?:
        < [^<>]* > | \$ \{ [^{}]* \} | \{\{ [^{}]* \}\} | \{ (?:env|file) : [^{}]* \}
      )
    | \$ [A-Z][A-Z0-9_]+ | % [A-Z][A-Z0-9_]+ % | process\.env\.\w+
    # What a person was to replace in an example.
    | (?:[A-Za-z0-9]{1,8}[-_])*? (?i:your) (?:[-_ ]?[A-Za-z0-9]{1,20}){0,4}?
      [-_ ]? (?i:key|token|secret) (?:[-_ ](?i:goes))? (?:[-_ ](?i:here))?
    # What is shown of a key, so that nobody can copy it.
    | [^.*]* (?: \.{3} | \*{3} ) .*
    """,
    re.VERBOSE | re.ASCII,
)


def is_no_key(text: str) -> bool:
    """Tell whether a text, without what is around it, can never be a key or a token."""
    return len(text) <= _LONGEST and _NO_KEY.fullmatch(text) is not None
