"""Edits of config.toml by the program.

The order is the safety: under one lock read the file, refuse a broken one, change its text,
see that it means what was asked for and nothing else, validate the whole, and put it in place
in one step. The user's comments, order and line ends stay (`rotator.settings.toml_edit`).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rotator.errors import ConfigError
from rotator.model.preferences import Priority
from rotator.opencode.auth.file import Whole
from rotator.opencode.auth.journal import finish_interrupted
from rotator.opencode.auth.placement import Neighbours, why_in_place
from rotator.opencode.auth.write_in_place import write_in_place
from rotator.settings.active import active_settings
from rotator.settings.catalog import find_setting
from rotator.settings.inline_values import rendered
from rotator.settings.sources import FILE_NAME, MEND, Values, read_config
from rotator.settings.toml_edit import add_entry, drop, drop_entry, is_one_value, put, reorder
from rotator.settings.toml_values import parse
from rotator.settings.validate import read_file
from rotator.system.extended_attributes import keeps_attributes
from rotator.system.file_owners import require_own_way, whose
from rotator.system.files import remove_leftovers, sync_folder, temporary_beside, write_new
from rotator.system.locks import LOOK_FOR_STOPPED, hold_all
from rotator.system.paths import FILE_MODE, Paths, make_folder

PRIORITY = "priority"
Change = Callable[[str], str]
Reordering = Callable[[tuple[Priority, ...]], tuple[Priority, ...]]

_PLACE = re.compile(r" \(line \d+, column \d+\)$")
_PATIENCE_SECONDS = 10.0
# Somebody saves the file in an editor just then; not for ever.
_MOST_ROUNDS = 20


# -- what can be changed -------------------------------------------------------------------------


def set_value(
    paths: Paths, key: str, value: Any, *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Set the setting of that name; raises ConfigError for a name or a value that is wrong."""
    path = path_of(key)
    if path == (PRIORITY,):
        message = f"{PRIORITY}: it is a list of tables, changed one by one"
        raise ConfigError(message, hint="rotator priority --help")
    edit(paths, lambda text: with_value(text, path, value), patience_seconds=patience_seconds)


def unset_value(paths: Paths, key: str) -> bool:
    """Let the setting have its default again; False if it had."""
    path = path_of(key)
    return edit(paths, lambda text: without_value(text, path))


def change_priorities(paths: Paths, change: Reordering) -> tuple[Priority, ...]:
    """Let the priorities be what `change` makes of them; return them."""
    made: list[tuple[Priority, ...]] = []

    def with_changed(text: str) -> str:
        made.append(change(priorities_in(parse(text))))
        return with_priorities(text, made[-1])

    edit(paths, with_changed)
    return made[-1]


def replace_text(paths: Paths, before: str | None, after: str) -> None:
    """Put a text that the user has edited in place of `before`, which may have been broken.

    Raises ConfigError if it is wrong, or if the file is another one by now.
    """
    read_file(after)
    with _locked(paths):
        if read_as_it_is(paths) != before or not _put(paths, before, after):
            message = f"{FILE_NAME}: somebody else has changed it meanwhile"
            raise ConfigError(message, hint="look at both, and edit it again")
        _remember(paths)


def read_as_it_is(paths: Paths) -> str | None:
    """Return the text of the file, broken or not, None where there is none; raises ConfigError."""
    return read_config(paths.config_file)


def path_of(key: str) -> tuple[str, ...]:
    """Return where the setting of that name stands in the file; raises ConfigError."""
    setting, member = find_setting(key)
    return setting.path if member is None else (*setting.path, member)


# -- changes of a text ---------------------------------------------------------------------------


def with_value(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return the text with that setting set."""
    wanted = parse(text)
    table = wanted
    for name in path[:-1]:
        table = table.setdefault(name, {})
    if path[-1] in table and _same(table[path[-1]], value):
        return text
    if isinstance(table.get(path[-1]), dict) and not is_one_value(text, path):
        # It is spread over tables and lines: it is made anew as one.
        text = drop(text, path)
    table[path[-1]] = value
    return _meaning(put(text, path, rendered(value)), wanted, path)


def _same(value: object, other: object) -> bool:
    # True == 1, but the file may hold only one of them.
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def without_value(text: str, path: tuple[str, ...]) -> str:
    """Return the text without that setting."""
    wanted = parse(text)
    table: Any = wanted
    for name in path[:-1]:
        table = table.get(name, {})
    if path[-1] not in table:
        return text
    del table[path[-1]]
    return _meaning(drop(text, path), wanted, path)


def with_priorities(text: str, wanted: Sequence[Priority]) -> str:
    """Return the text with these priorities in this order; each keeps its comments."""
    values = parse(text)
    there = [priority.provider for priority in priorities_in(values)]
    names = [priority.provider for priority in wanted]
    for index in reversed(range(len(there))):
        if there[index] not in names:
            text = drop_entry(text, PRIORITY, index)
            del there[index]
    for priority in wanted:
        if priority.provider not in there:
            text = add_entry(text, PRIORITY, _pairs(priority))
            there.append(priority.provider)
    text = reorder(text, PRIORITY, [there.index(name) for name in names])
    for index, priority in enumerate(wanted):
        text = _with_fields(text, index, priority)
    if names or PRIORITY in values:
        values[PRIORITY] = [*parse(text).get(PRIORITY, [])]
    if priorities_in(values) != tuple(wanted):
        raise _elsewhere((PRIORITY,))
    return _meaning(text, values, (PRIORITY,))


def _with_fields(text: str, index: int, wanted: Priority) -> str:
    priority = priorities_in(parse(text))[index]
    if priority.model != wanted.model:
        path = (PRIORITY, index, "model")
        text = drop(text, path) if wanted.model is None else put(text, path, rendered(wanted.model))
    if priority.enabled != wanted.enabled:
        text = put(text, (PRIORITY, index, "enabled"), rendered(wanted.enabled))
    return text


def _pairs(priority: Priority) -> list[tuple[str, str]]:
    values = {"provider": priority.provider, "model": priority.model}
    pairs = [(name, rendered(value)) for name, value in values.items() if value is not None]
    return pairs if priority.enabled else [*pairs, ("enabled", rendered(priority.enabled))]


def priorities_in(values: Values) -> tuple[Priority, ...]:
    """Return the priorities in values that are valid."""
    return tuple(Priority(**table) for table in values.get(PRIORITY, ()))


def _meaning(text: str, wanted: Values, path: tuple[str, ...]) -> str:
    """Return the text if it means that and nothing else; else nothing is written."""
    try:
        values = parse(text)
    except ConfigError as exc:
        raise _elsewhere(path) from exc
    if _without_empty(values) != _without_empty(wanted):
        raise _elsewhere(path)
    return text


def _without_empty(values: Values) -> Values:
    # A section whose last line went says nothing, whether its header stands or not.
    kept = {k: _without_empty(v) if isinstance(v, dict) else v for k, v in values.items()}
    return {name: value for name, value in kept.items() if value not in ({}, [])}


def _elsewhere(path: tuple[str, ...]) -> ConfigError:
    message = f"{FILE_NAME}: {'.'.join(path)}: cannot be changed without changing more than that"
    return ConfigError(message, hint=f"change it by hand: {MEND}")


# -- the file ------------------------------------------------------------------------------------


def edit(paths: Paths, change: Change, *, patience_seconds: float = _PATIENCE_SECONDS) -> bool:
    """Change the text of the file; False if it is as it was. A broken file is refused."""
    with _locked(paths, patience_seconds):
        for _ in range(_MOST_ROUNDS):
            before = read_as_it_is(paths)
            read_file(before or "")
            after = change(before or "")
            if after == (before or ""):
                return False
            _require_good(after)
            if _put(paths, before, after):
                _remember(paths)
                return True
    raise ConfigError(f"{FILE_NAME}: another program keeps changing it", hint="try again")


def _require_good(text: str) -> None:
    try:
        read_file(text)
    except ConfigError as exc:
        # Nobody ever sees this text: its lines say nothing to the one who gave the value.
        message = _PLACE.sub("", exc.message.removeprefix(f"{FILE_NAME}: "))
        raise ConfigError(message, hint="rotator config show") from exc


def _remember(paths: Paths) -> None:
    """Look at the new file once here, where pydantic is loaded: the watcher need not then."""
    active_settings(paths, {})


@contextlib.contextmanager
def _locked(paths: Paths, patience_seconds: float = _PATIENCE_SECONDS) -> Iterator[None]:
    held = hold_all([paths.settings_lock], patience_seconds=patience_seconds)
    if held is None:
        message = f"another rotator has held {paths.settings_lock.name} for {patience_seconds:g} s"
        raise ConfigError(message, hint=LOOK_FOR_STOPPED)
    try:
        finish_interrupted(paths.settings_journal)
        yield
    finally:
        held.release()


def _put(paths: Paths, before: str | None, after: str) -> bool:
    """Put the new text in place in one step; False if the file is not `before` any more.

    One that is mounted by itself, or has another name, is written in place; so is one with marks
    of other programs that a new file cannot be given.
    """
    file = paths.config_file
    # Behind links: whoever keeps the file elsewhere goes on doing so.
    target = Path(os.path.realpath(file))
    try:
        require_own_way(file)
        if before is not None and why_in_place(target, Neighbours()) is not None:
            return _put_in_place(paths, target, before, after)
        make_folder(target.parent)
        remove_leftovers(target.parent, name=target.name)
        temporary = temporary_beside(target)
        write_new(temporary, after.encode(), durable=True, like=whose(target))
        try:
            temporary.chmod(_mode(target))
            if before is not None and not keeps_attributes(target, temporary):
                return _put_in_place(paths, target, before, after)
            if read_config(file) != before:
                return False
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(target.parent)
    except OSError as exc:
        message = f"{FILE_NAME}: it cannot be written: {exc.strerror}"
        raise ConfigError(message, hint=str(target)) from exc
    return True


def _put_in_place(paths: Paths, target: Path, before: str, after: str) -> bool:
    held, new = Whole(before.encode()), after.encode()
    return write_in_place(target, held, new, paths.settings_journal, keep_mode=True)


def _mode(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return FILE_MODE
