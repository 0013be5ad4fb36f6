"""Our entry in the list of plugins of opencode's tui.json: put in, renewed, taken out.

Texts in, texts out. Only the bytes of the entry and one comma beside it change, so that what is
taken out again leaves the text as it was. How it is put in says what was there before:

- `"plugin": [E]` without a blank: the whole member is ours;
- `[ E]`: the list was there, and empty;
- a whole text as `new_text` makes it: there was no file;
- `{"plugin":[E]}` behind blanks alone: there was an empty file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from rotator.opencode.jsonc import Node, parse, skip

# opencode reads what begins so as a file beside tui.json.
_LIST, _SECTION = "plugin", "tui"
_BLANK_BEFORE = re.compile(r"[ \t\r\n]*\Z")
_END_OF_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/[ \t]*(?=\r|\n))")


class Unfit(ValueError):
    """The text is JSON, but no settings of opencode's TUI that a plugin can be entered in."""


def entry_in(text: str, file: PurePath) -> Any | None:
    """Return our entry, None where there is none; raises Broken and Unfit."""
    nodes = _ours(parse(text), file)
    return None if nodes is None else nodes[1].value


def options_of(entry: object) -> Mapping[str, Any]:
    """Return the options in an entry; an entry without any is a name alone."""
    match entry:
        case [_, dict() as options]:
            return options
        case _:
            return {}


def new_text(entry: object) -> str:
    """Return a text with nothing but that entry, for where there is no file."""
    return f'{{\n  "{_LIST}": [\n    {_rendered(entry)}\n  ]\n}}\n'


def with_entry(text: str, entry: object, file: PurePath) -> str:
    """Return the text with the entry in place of an older one of ours, or added."""
    if not text.strip():
        return text + _only(entry)
    root = parse(text)
    if (nodes := _ours(root, file)) is not None:
        old = nodes[1]
        after = text[: old.start] + _rendered(entry) + text[old.end :]
    elif (plugins := _plugins(root)) is not None:
        after = _added(text, plugins, _rendered(entry))
    else:
        after = _with_member(text, root, f'"{_LIST}": [{_rendered(entry)}]')
    if entry_in(after, file) != entry or _rest(after, file) != _rest(text, file):
        raise Unfit("it cannot be changed without changing what else it says")
    return after


def without_entry(text: str, file: PurePath) -> str | None:
    """Return the text without our entry, None where nothing but it was in the text."""
    before = text
    while (nodes := _ours(root := parse(text), file)) is not None:
        plugins, ours = nodes
        if text == new_text(ours.value):
            return None
        blank = text.removesuffix(_only(ours.value))
        if not blank.strip():
            return blank
        is_whole = text[plugins.value_start + 1 : plugins.end - 1] == text[ours.start : ours.end]
        group, part = (_holder(root, plugins), plugins) if is_whole else (plugins, ours)
        text = _cut(text, group, part)
    if _rest(text, file) != _rest(before, file):
        raise Unfit("it cannot be changed without changing what else it says")
    return text


def _ours(root: Node, file: PurePath) -> tuple[Node, Node] | None:
    """Return the list of plugins and our entry in it."""
    plugins = _plugins(root)
    inside = () if plugins is None else plugins.inside
    entry = next((node for node in inside if _is_ours(node.value, file)), None)
    return None if plugins is None or entry is None else (plugins, entry)


def _is_ours(entry: object, file: PurePath) -> bool:
    name = entry[0] if isinstance(entry, list) and entry else entry
    return name in (f"./{file.name}", str(file), f"file://{file}")


def _plugins(root: Node) -> Node | None:
    if not isinstance(root.value, dict):
        raise Unfit("it is not an object")
    plugins = root.part(_LIST)
    section = root.part(_SECTION)
    # opencode takes what stands in `tui` where the same does not stand outside.
    if plugins is None and section is not None and isinstance(section.value, dict):
        plugins = section.part(_LIST)
    if plugins is not None and not isinstance(plugins.value, list):
        raise Unfit(f'"{_LIST}" is not a list')
    return plugins


def _holder(root: Node, plugins: Node) -> Node:
    section = root.part(_SECTION)
    return section if section is not None and plugins in section.inside else root


def _added(text: str, group: Node, rendered: str) -> str:
    """Return the text with one more element behind the last one of a list."""
    if not group.inside:
        at = group.value_start + 1
        return f"{text[:at]} {rendered}{text[at:]}"
    last = group.inside[-1]
    return _behind(text, last, rendered)


def _with_member(text: str, root: Node, rendered: str) -> str:
    if not root.inside:
        at = root.value_start + 1
        return text[:at] + rendered + text[at:]
    return _behind(text, root.inside[-1], rendered)


def _behind(text: str, last: Node, rendered: str) -> str:
    """Return the text with something more behind `last`, laid out as that is.

    A comment on the line of `last` stays beside it. Where a comma closed the line, one closes
    the new line, too: that is how it is told when it is taken out.
    """
    blank = _BLANK_BEFORE.search(text, 0, last.start)
    before = blank[0] if blank else ""
    if "\n" not in before:
        before = " "
    comma = skip(text, last.end)
    is_closed = text.startswith(",", comma)
    end = comma + 1 if is_closed else last.end
    head = text[:end] + ("" if is_closed else ",")
    remark = _END_OF_LINE.match(text, end) if "\n" in before else None
    if remark is not None:
        head, end = head + remark[0], remark.end()
    return head + before + rendered + ("," if is_closed else "") + text[end:]


def _cut(text: str, group: Node, part: Node) -> str:
    """Return the text without one part of a group and the comma that came with it."""
    index = group.inside.index(part)
    blank = _BLANK_BEFORE.search(text, 0, part.start)
    start = blank.start() if blank else part.start
    comma = skip(text, part.end)
    if text.startswith(",", comma):
        if index == 0:
            # What follows takes its place.
            return text[: part.start] + text[comma + 1 :].lstrip(" \t\r\n")
        return text[:start] + text[part.end : comma] + text[comma + 1 :]
    if index == 0:
        return text[:start] + text[part.end :]
    comma = skip(text, group.inside[index - 1].end)
    return text[:comma] + text[comma + 1 : start] + text[part.end :]


def _rest(text: str, file: PurePath) -> Any:
    """Return what the text says beside our entry, however it is said."""
    root = parse(text)
    plugins = _plugins(root)
    if plugins is not None:
        plugins.value[:] = [entry for entry in plugins.value if not _is_ours(entry, file)]
    return {name: value for name, value in root.value.items() if name != _LIST or value}


def _only(entry: object) -> str:
    return f'{{"{_LIST}":[{_rendered(entry)}]}}'


def _rendered(entry: object) -> str:
    return json.dumps(entry, ensure_ascii=False)
