"""How it is said that an account keeps a login that may be somebody else's."""

from __future__ import annotations

from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.line_parting import split_off
from rotator.core.logins.token_lines import kept_logins, line_of
from rotator.model import Account


def kept_words(kept: int) -> str:
    """Return how many logins an account keeps; nothing where there are none."""
    if kept == 1:
        return "an older login that may be somebody else's"
    return f"{kept} older logins that may be somebody else's" if kept else ""


def kept_and_cure(account: Account, kept: int, known: Knowledge) -> str:
    """Return what an account keeps, and what makes an account of it where something does."""
    if not kept:
        return ""
    can = split_off(line_of(known.state, account), kept_logins(account, known)) is not None
    cure = f"; rotator accounts split {account.name} makes an account of it" if can else ""
    return f"{kept_words(kept)}{cure}"
