"""What ChatGPT says of a plan: the answer about usage, and the headers of good answers.

Certainty H: openai/codex (codex-rs/backend-client/src/client.rs and
codex-rs/codex-api/src/rate_limits.rs), with the fixtures of steipete/CodexBar
(CodexUsageFetcherFallbackTests, CodexOAuthCreditLimitTests, CodexAdditionalRateLimitsTests).

A window is named by its length alone: which one stands in which slot changes, and either may be
missing (https://github.com/openai/codex/issues/32707). What is missing is unknown, neither 0 %
nor 100 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers._shared.windows import distinct, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Identity, Snapshot, Window

_RESETS = ("reset_at", "reset_after_seconds")
_SLOTS = ("primary_window", "secondary_window")
_CREDITS = "credits"
_USER = "user-"
_LONGEST_SECONDS = 400 * 86_400
# x-codex-primary-used-percent, and x-codex-bengalfox-primary-used-percent for a model's own pool.
_USED = re.compile(
    r"x-codex(?P<pool>(?:-[a-z0-9_]{1,40}){0,3}?)-(?P<slot>primary|secondary)-used-percent"
)
_MOST_HEADERS = 200
_WORD = re.compile(r"[a-z_]{3,60}")


def read_usage_answer(
    body: Part, own: Identity, now: datetime, *, account: str | None = None
) -> Snapshot:
    """Return what the answer says; `own` and `account` are as `read_owner` has them."""
    if not body.values.keys() & {"rate_limit", "credits", "spend_control", "plan_type"}:
        raise body.unusable("rate_limit")
    pieces = Pieces()
    windows = distinct(_all_windows(body, pieces, now))
    full = any(window.used >= 1 and window.blocks and window.model is None for window in windows)
    # What may be spent in a month has no length: of the plan itself it says nothing.
    of_plan = [
        window
        for window in windows
        if window.blocks and window.model is None and window.length_seconds
    ]
    purse = pieces.part(body, _CREDITS)
    balance = pieces.read(_balance, purse) if purse else None
    spent = _is_reached(body, pieces) and not full
    return pieces.told(
        Snapshot(
            now,
            windows,
            balance,
            plan=body.text("plan_type"),
            identity=read_owner(body, own, account),
            spent=spent,
            complete=pieces.are_whole and bool(of_plan),
        )
    )


def read_plan_headers(headers: Mapping[str, str], now: datetime) -> Snapshot | None:
    """Return what the x-codex headers say; what is not understood is passed over."""
    fields = Part(headers)
    windows = distinct(_header_windows(fields, now))
    plan = fields.text("x-codex-plan-type")
    if not windows and plan is None:
        return None
    return Snapshot(now, windows, balance=_header_balance(fields), plan=plan)


def _all_windows(body: Part, pieces: Pieces, now: datetime) -> Iterator[Window]:
    yield from _windows(pieces.part(body, "rate_limit"), pieces, now)
    # Reviews of code have a limit of their own, which stops nothing else.
    reviews = pieces.part(body, "code_review_rate_limit")
    yield from _windows(reviews, pieces, now, about="reviews", blocks=False)
    for pool in pieces.parts(body, "additional_rate_limits"):
        model = pool.text("limit_name") or pool.text("metered_feature")
        if model is not None:
            yield from _windows(pieces.part(pool, "rate_limit"), pieces, now, model=model)
    control = pieces.part(body, "spend_control")
    limit = pieces.part(control, "individual_limit")
    yield from pieces.windows([limit], partial(_spending, now))


def _spending(now: datetime, limit: Part) -> Window:
    used = limit.percent("used_percent")
    if used is None:
        raise limit.unusable("used_percent")
    return month(used, _resets_at(limit, now), about="spending")


def _windows(
    limit: Part | None,
    pieces: Pieces,
    now: datetime,
    *,
    about: str = "",
    model: str | None = None,
    blocks: bool = True,
) -> list[Window]:
    slots = [pieces.part(limit, slot) for slot in _SLOTS]
    how = partial(_window, now=now, about=about, model=model, blocks=blocks)
    return pieces.windows(slots, how)


def _window(
    slot: Part, *, now: datetime, about: str, model: str | None, blocks: bool
) -> Window | None:
    used, length = slot.percent("used_percent"), slot.number("limit_window_seconds")
    if length == 0:
        # A slot without a window.
        return None
    if used is None:
        raise slot.unusable("used_percent")
    if length is None or not 0 < length <= _LONGEST_SECONDS:
        raise slot.unusable("limit_window_seconds")
    at = _resets_at(slot, now)
    return window(length, used, at, about=about, model=model, blocks=blocks)


def _resets_at(part: Part, now: datetime) -> datetime | None:
    at = part.moment("reset_at")
    seconds = None if at else part.one_of_several("reset_after_seconds")
    if seconds is None:
        return at
    if not 0 <= seconds <= _LONGEST_SECONDS:
        part.note("reset_after_seconds")
        return None
    return now + timedelta(seconds=float(seconds))


def _is_reached(body: Part, pieces: Pieces) -> bool:
    """Tell whether the answer says that nothing is left, whatever its windows say."""
    limit, control = pieces.part(body, "rate_limit"), pieces.part(body, "spend_control")
    flags = {
        name: _flag(part, name, pieces)
        for part, name in ((limit, "limit_reached"), (limit, "allowed"), (control, "reached"))
    }
    return (
        flags["limit_reached"] is True
        or flags["allowed"] is False
        or flags["reached"] is True
        or pieces.read(_why_reached, body) is not None
    )


def _flag(part: Part | None, name: str, pieces: Pieces) -> bool | None:
    return None if part is None else pieces.read(part.flag, name)


def _why_reached(body: Part) -> str | None:
    """Return the word that says which limit is reached: by itself, or in an object."""
    name = "rate_limit_reached_type"
    value = body.values.get(name)
    if value is None:
        return None
    word = value.get("type") if isinstance(value, dict) else value
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        raise body.unusable(name)
    return word


def _balance(credit: Part) -> Balance | None:
    """Return the credits beside the plan; without them nothing is wrong, so none are shown."""
    if not credit.flag("has_credits") or credit.flag("unlimited"):
        return None
    amount = credit.number("balance")
    return None if amount is None else Balance(amount, _CREDITS)


def read_owner(body: Part, own: Identity, account: str | None) -> Identity:
    """Return whose the plan is: `own` is what the token says, `account` what was asked about.

    The token's own word is what the login was captured by. Where the account should stand, the
    answer about a plan of one person's own repeats the user (seen in live answers that
    several programs have kept, certainty M); that is no account.
    """
    told, user = body.text("account_id"), body.text("user_id")
    if told is not None and (told == user or told.startswith(_USER)):
        told = None
    # Of two that differ nobody knows which one tells accounts apart.
    place = account or told if told is None or account in {None, told} else None
    key = own.key or (f"{place}/{user}" if place and user else None)
    return Identity(key, body.text("email") or own.label)


def _header_windows(fields: Part, now: datetime) -> Iterator[Window]:
    for name in sorted(fields.values)[:_MOST_HEADERS]:
        match = _USED.fullmatch(name)
        if match is None:
            continue
        pool = f"x-codex{match['pool']}"
        try:
            yield _header_window(fields, pool, f"{pool}-{match['slot']}", now)
        except UnexpectedAnswer:
            continue


def _header_window(fields: Part, pool: str, slot: str, now: datetime) -> Window:
    used = fields.share(f"{slot}-used-percent", 100)
    minutes = fields.number(f"{slot}-window-minutes")
    if used is None or minutes is None or not 0 < minutes * 60 <= _LONGEST_SECONDS:
        raise fields.unusable(f"{slot}-window-minutes")
    at = _header_reset(fields, slot, now)
    model = None if pool == "x-codex" else fields.text(f"{pool}-limit-name") or pool[8:]
    return window(minutes * 60, used, at, model=model)


def _header_reset(fields: Part, slot: str, now: datetime) -> datetime | None:
    named = {name: fields.values.get(f"{slot}-{name.replace('_', '-')}") for name in _RESETS}
    try:
        at = _resets_at(Part(named), now)
    except UnexpectedAnswer:
        return None
    return at if at and abs(at - now) <= timedelta(seconds=_LONGEST_SECONDS) else None


def _header_balance(fields: Part) -> Balance | None:
    names = ("has_credits", "unlimited", "balance")
    told = {n: fields.values.get(f"x-codex-credits-{n.replace('_', '-')}") for n in names}
    try:
        return _balance(Part(told))
    except UnexpectedAnswer:
        return None
