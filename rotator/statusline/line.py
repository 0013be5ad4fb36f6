"""`rotator statusline` without its command line: one short line for tmux or a shell prompt.

It is a face that has to be there at once, so that it stands beside the other commands and loads
nothing that they need (see `rotator.statusline.quick_read`). Whatever goes wrong, a prompt stays a
prompt: then the line is `rotator ?`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rotator.statusline.quick_read import (
    SlotStatus,
    StatusLineData,
    StatusUnreadable,
    read_status_line,
)
from rotator.text import sanitize
from rotator.wording import percent, short_span, short_state_words

TMUX = "--tmux"
UNREADABLE = "rotator ?"
_BETWEEN = " | "
_LONGEST_NAME = 24


def is_simple(words: Sequence[str]) -> bool:
    """Tell whether these words are understood here, without the library for command lines."""
    return all(word == TMUX or not word.startswith("-") for word in words)


def show(words: Sequence[str]) -> int:
    """Print the line that these words ask for; return 0, whatever happens."""
    wanted = [word for word in words if word != TMUX]
    text = asked_line(wanted, is_tmux=TMUX in words)
    try:
        # A name with letters that the terminal's encoding does not have is no fault of ours.
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a real stream
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # Python must not complain about the closed pipe when it flushes at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def asked_line(wanted: Sequence[str], *, is_tmux: bool) -> str:
    """Look, and return the line."""
    try:
        text = line(read_status_line(os.environ, datetime.now(UTC)), wanted)
    except StatusUnreadable:
        text = UNREADABLE
    # tmux takes a single one for the beginning of a format.
    return text.replace("#", "##") if is_tmux else text


def line(peek: StatusLineData, wanted: Sequence[str] = ()) -> str:
    """Return the line: what is amiss, then each provider in use, or the `wanted` ones.

    A provider is in use when an account is in its slot.
    """
    parts = [] if peek.watched else ["no watcher"]
    if not peek.balancing:
        parts.append("balancing off")
    seats = {seat.provider: seat for seat in peek.seats}
    names = [name.rstrip("/") or name for name in wanted]
    if names:
        shown = [seats.get(name) or SlotStatus(name) for name in dict.fromkeys(names)]
    else:
        shown = [seat for seat in peek.seats if seat.alias is not None]
    parts += [_said(seat, peek.now) for seat in shown]
    if not shown:
        parts.append("no login in use" if peek.seats else "no accounts")
    return _BETWEEN.join(parts)


def _said(seat: SlotStatus, now: datetime) -> str:
    name = sanitize(seat.provider, _LONGEST_NAME)
    if seat.alias is None:
        return f"{name} -"
    words = [name, sanitize(seat.alias, _LONGEST_NAME), *_standing(seat, now)]
    return " ".join(words)


def _standing(seat: SlotStatus, now: datetime) -> list[str]:
    if seat.state in {"rejected", "disabled"}:
        return [short_state_words(seat.state)]
    if seat.until is not None:
        left = short_span((seat.until - now).total_seconds())
        return [short_state_words(seat.state, left)]
    if seat.used is None:
        return []
    share = percent(seat.used)
    return [sanitize(seat.window, _LONGEST_NAME), share] if seat.window else [share]
