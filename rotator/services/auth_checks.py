"""What is wrong with auth.json: can it be read and written, by whom, with which entries."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rotator.core.logins.credential_secrets import is_sent_padded
from rotator.live.knowledge import try_parse
from rotator.opencode.auth.file import Missing, Torn, Whole, read_live, way_out
from rotator.opencode.auth.placement_sentences import placement_problems
from rotator.text import sanitize


def live_problems(auth_file: Path) -> list[str]:
    """Return what is wrong with auth.json: what stands in its place, in it, and who may write it.

    A symlink is judged by what it leads to.
    """
    problems = _rights(auth_file)
    match read_live(auth_file):
        case Torn(lasting=True) as torn:
            problems.append(f"{auth_file} cannot be used: {torn.why}; {way_out(torn)}")
        case Torn() as torn:
            problems.append(f"auth.json is not whole: {torn.why}; {way_out(torn)}")
        case Missing():
            if auth_file.is_symlink():
                target = sanitize(auth_file.readlink())
                problems.append(
                    f"auth.json is a link to nothing: {target} is made at the next login"
                )
        case Whole() as whole:
            problems += _entry_problems(whole)
    return problems


def _entry_problems(whole: Whole) -> list[str]:
    parsed = [try_parse(provider, entry) for provider, entry in whole.entries.items()]
    names = [member.provider for member in whole.members]
    return [
        *(problem for problem in parsed if isinstance(problem, str)),
        *(
            f"the key of {sanitize(provider)} in auth.json has what nobody sees around it, which"
            f" opencode sends along or cannot send: rotator rotate {sanitize(provider)} ALIAS puts"
            " in the one that was saved without it, else log in with the key alone"
            for provider, held in zip(whole.entries, parsed, strict=True)
            if not isinstance(held, str) and is_sent_padded(held)
        ),
        *(
            f"auth.json has more than one entry of {sanitize(name)}: opencode takes the last one"
            " and drops the others when it writes"
            for name in sorted({name for name in names if names.count(name) > 1})
        ),
    ]


def _rights(auth_file: Path) -> list[str]:
    """Return who else may change auth.json, and whether opencode and we may."""
    target = Path(os.path.realpath(auth_file))
    # Whoever may put another link in place decides what auth.json is, too.
    folders = sorted({auth_file.parent, target.parent})
    problems = [
        f"anybody may replace auth.json: chmod o-w {folder}"
        for folder in folders
        if _is_open(folder)
    ]
    problems += placement_problems(auth_file)
    facts = _facts(target)
    if facts is None or not stat.S_ISREG(facts.st_mode):
        return problems
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problems.append(f"others may change auth.json: chmod 600 {target}")
    elif not facts.st_mode & stat.S_IWUSR:
        problems.append(f"opencode cannot save new tokens in auth.json: chmod 600 {target}")
    return problems


def _is_open(folder: Path) -> bool:
    facts = _facts(folder)
    mode = facts.st_mode if facts else 0
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
