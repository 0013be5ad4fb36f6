"""The tokens that an account has had, as far as nobody knows whose they are: who keeps which.

Pure. An account's tokens are a line, oldest first, and the last of them are in use. What came
without a proof may be somebody else's: once somebody knows, the line is parted between two
accounts, or accounts that prove to be one person's are joined. Never on a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rotator.core.logins.ancestry import ancestry_of, ancestry_of_secrets
from rotator.core.logins.credential_secrets import (
    given_as,
    has_real_secret,
    random_secrets,
    refresh_digests,
    secrets_of,
)
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.line_parting import (
    MOST_UNKNOWN,
    Line,
    Parted,
    TokenPair,
    crowded,
    of_others,
    too_many,
    traced,
)
from rotator.model import NOBODY, Account, AccountId, Credential, Digest, Doubt, Identity, State

# Keys are bought one by one, and two of one person are two on purpose.
JOINED_TYPES = frozenset({"oauth"})


@dataclass(frozen=True, slots=True)
class PartLine:
    """The account's line is parted; `is_loss`: what goes is kept nowhere, and may be missed."""

    account: Account
    parted: Parted
    why: str
    is_loss: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """Two accounts are one person's: `keep` stays and gets the tokens of `best`, one of both.

    With `at` it is those tokens of the line of `best` that are of the same person as the other
    account's in use; None: those in use. `is_told`: it is the word of a vendor or a token, who may
    call several people the same, or one of the two was disabled. Then the other tokens are kept.
    """

    keep: Account
    other: Account
    best: Account
    why: str
    at: int | None = None
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class EndDoubt:
    """The account is not that newer one, which it might have been."""

    account: Account
    doubt: Doubt
    why: str


@dataclass(frozen=True, slots=True)
class Spend:
    """Tokens of an account were exchanged for those of that newer account."""

    account: Account
    spent: TokenPair
    newer: Account | None
    why: str


Step = PartLine | Join | EndDoubt | Spend


def owner_key(account: Account) -> str | None:
    """Return the key of whoever the account's tokens in use belong to, or None: nobody knows."""
    return None if account.unproven else account.identity_key


def identity_of(account: Account) -> Identity:
    """Return who an account is, as it is shown."""
    return Identity(account.identity_key, account.identity, account.plan, account.group)


def line_of(state: State, account: Account) -> Line:
    """Return an account's tokens, oldest first."""
    before = state.replaced.get(account.id, ())
    in_use = NOBODY if account.unproven else identity_of(account)
    return (
        *(
            TokenPair(tokens.number, tokens.credential, tokens.who, tokens.loose, tokens.at)
            for tokens in before
        ),
        TokenPair(None, account.credential, in_use),
    )


def maybe_others(account: Account, known: Knowledge) -> Line:
    """Return the tokens that an account keeps beside its own and that may be somebody else's."""
    if not known.state.replaced.get(account.id):
        return ()
    line = line_of(known.state, account)
    return of_others(line, [ancestry_of(tokens.credential, known) for tokens in line])


def kept_logins(account: Account, known: Knowledge) -> Line:
    """Return those of them that may still be used: nobody saw them exchanged."""
    return tuple(
        tokens
        for tokens in maybe_others(account, known)
        if not any(known.was_exchanged(digest) for digest in refresh_digests(tokens.credential))
    )


def about(doubts: Iterable[Doubt], credential: Credential) -> tuple[Doubt, ...]:
    """Return those of an account's doubts that are about its tokens in use, `credential`."""
    all_doubts = tuple(doubts)
    # Most accounts are in none, and there are many.
    own = secrets_of(credential) if all_doubts else ()
    return tuple(doubt for doubt in all_doubts if not doubt.of or doubt.of in own)


def doubts_of(doubts: Iterable[Doubt], line: Line) -> tuple[Doubt, ...]:
    """Return those of an account's doubts that are about that part of its line."""
    own = {digest for tokens in line for digest in secrets_of(tokens.credential)}
    has_tokens_in_use = line[-1:] != () and line[-1].number is None
    return tuple(doubt for doubt in doubts if (doubt.of in own if doubt.of else has_tokens_in_use))


def shown(line: Line) -> Identity:
    """Return who the account of that line is, as far as somebody knows of any of it."""
    known = [tokens.who for tokens in line if tokens.who.key is not None]
    named = [tokens.who for tokens in line if tokens.who != NOBODY]
    return (known or named or [NOBODY])[-1]


def is_unproven(line: Line) -> bool:
    """Tell whether the tokens in use took the place of others, and nobody knows whose they are."""
    return len(line) > 1 and line[-1].who.key is None


def next_step(provider: str, known: Knowledge) -> Step | None:
    """Return the first thing that is known by now of a provider's accounts; None: all is done."""
    return next(_steps(known.state.of(provider), known), None)


def _steps(accounts: Sequence[Account], known: Knowledge) -> Iterator[Step]:
    for account in accounts:
        if known.state.replaced.get(account.id):
            line = line_of(known.state, account)
            came_from = [ancestry_of(tokens.credential, known) for tokens in line]
            parted = traced(line, came_from)
            if parted is not None:
                yield PartLine(account, parted, "it was seen where its tokens came from")
            fewer = too_many(line, came_from)
            if fewer is not None:
                yield PartLine(account, fewer, "one person's tokens were refreshed often")
            left = crowded(line, came_from, [doubt.of for doubt in account.doubts])
            if left is not None:
                yield PartLine(
                    account, left, _dropped_words(len(line) - len(left.kept)), is_loss=True
                )
        for doubt in account.doubts:
            yield from _about_doubt(account, doubt, known)
    yield from _of_one_person(accounts, known.state)
    yield from _exchanged(accounts, known)
    yield from _refreshed(accounts, known)
    yield from _of_one_key(accounts)


def _dropped_words(gone: int) -> str:
    return (
        f"of more than {MOST_UNKNOWN} replaced logins of which nobody knows whose they are {gone}"
        f" {'was' if gone == 1 else 'were'} dropped, which most likely had been refreshed: its"
        " vendor has not said whose its tokens are"
    )


def _about_doubt(account: Account, doubt: Doubt, known: Knowledge) -> Iterator[Step]:
    newer = known.state.account(doubt.newer)
    came_from = ancestry_of_secrets((Digest(doubt.came_as),), known)
    name = newer.alias if newer else "what came later"
    line = line_of(known.state, account)
    tokens = next((pair for pair in reversed(line) if doubts_of((doubt,), (pair,))), None)
    if tokens is None:
        yield EndDoubt(account, doubt, "the tokens that it was about are gone")
    elif newer is not None and _is_another(tokens, doubt, newer, known):
        yield EndDoubt(account, doubt, f"{name} is another login")
    elif set(came_from.line) & set(secrets_of(tokens.credential)):
        if tokens.number is not None:
            why = f"the tokens of {name} came from some that it had before"
            yield Spend(account, tokens, newer, why)
        elif newer is not None:
            why = f"the tokens of {newer.alias} came from its own"
            at = _place_of(doubt.came_as, newer, known)
            yield Join(*_older_first(account, newer), newer, why, at)
    elif came_from.is_login:
        yield EndDoubt(account, doubt, f"{name} is another login")


def _is_another(tokens: TokenPair, doubt: Doubt, newer: Account, known: Knowledge) -> bool:
    """Tell whether tokens are of nobody who may have those that a newer account came as."""
    line, at = line_of(known.state, newer), _place_of(doubt.came_as, newer, known)
    if at is not None and line[at].who.key is not None:
        line = line[at : at + 1]
    # Else it is not known which of them it began with, where others have come into it.
    owners = {pair.who.key for pair in line}
    return None not in {*owners, tokens.who.key} and tokens.who.key not in owners


def _place_of(came_as: str, account: Account, known: Knowledge) -> int | None:
    """Return where in an account's line those tokens are, or what they were exchanged for."""
    line = line_of(known.state, account)
    for at, tokens in enumerate(line):
        before = ancestry_of(tokens.credential, known).line
        if came_as in {*secrets_of(tokens.credential), *before}:
            return at
    return None


def _of_one_person(accounts: Sequence[Account], state: State) -> Iterator[Step]:
    for n, account in enumerate(accounts):
        for other in accounts[n + 1 :]:
            if is_one_person(account, other):
                keep, joined = _older_first(account, other)
                active = state.slot(account.provider).active
                # What is in auth.json stays there, unless it is worse.
                best = max(
                    (keep, joined),
                    key=lambda login: liveliness(login, keep, joined, active=active),
                )
                why = "its vendor says that they are one person's"
                yield Join(keep, joined, best, why, is_told=True)


def _exchanged(accounts: Sequence[Account], known: Knowledge) -> Iterator[Step]:
    """Yield accounts whose tokens were exchanged for those of an account with another name.

    So they were that one's, and whoever was here before goes on with their own. A token that
    several may have, or that lives on, says nothing of them.
    """
    for account in accounts:
        if not known.state.replaced.get(account.id) or not known.rotates_tokens(account.provider):
            continue
        own = random_secrets(account.credential)
        for newer in accounts:
            is_another = None not in (keys := {owner_key(account), owner_key(newer)})
            is_spent = own & set(ancestry_of(newer.credential, known).line)
            if is_another and len(keys) > 1 and is_spent - set(secrets_of(newer.credential)):
                why = f"its tokens were exchanged for those of {newer.alias}"
                yield Spend(account, line_of(known.state, account)[-1], newer, why)


def _refreshed(accounts: Sequence[Account], known: Knowledge) -> Iterator[Step]:
    """Yield accounts whose tokens are of another one's, as a bridge told once they had come.

    Neither has another name or place. A token that several may have says nothing of them.
    """
    for account in (login for login in accounts if login.spent_from is not None):
        own = random_secrets(account.credential)
        for newer in accounts:
            came_from = set(ancestry_of(newer.credential, known).line)
            is_next = (own & came_from) - set(secrets_of(newer.credential))
            names = {owner_key(account), owner_key(newer)} - {None}
            places = {account.credential.enterprise_url, newer.credential.enterprise_url}
            if is_next and len(names) <= 1 and len(places) == 1:
                why = f"the tokens of {newer.alias} came from its own"
                yield Join(*_older_first(account, newer), newer, why)


def is_one_person(account: Account, other: Account) -> bool:
    """Tell whether a vendor has named one owner for the tokens of both accounts."""
    mine, theirs = account.credential, other.credential
    return (
        mine.type == theirs.type
        and mine.type in JOINED_TYPES
        and mine.enterprise_url == theirs.enterprise_url
        and owner_key(account) is not None
        and owner_key(account) == owner_key(other)
    )


def _of_one_key(accounts: Sequence[Account]) -> Iterator[Step]:
    """Yield what joins keys that an older version took for two: white space is none of them."""
    holders: dict[tuple[Digest, str], Account] = {}
    for account in sorted(accounts, key=lambda login: (login.captured_at, login.id)):
        credential = account.credential
        if credential.type == "api" and has_real_secret(credential):
            place = (given_as(credential), credential.destination)
            first = holders.setdefault(place, account)
            if first is not account:
                yield Join(first, account, first, "they have the same key")


def joined_identity(keep: Account, other: Account, best: Account) -> Identity:
    """Return who two accounts are that are one: whoever is known to have tokens in use of one."""
    both = [best, other if best.id == keep.id else keep]
    known = [account for account in both if owner_key(account) is not None]
    named = [account for account in (keep, other) if identity_of(account) != NOBODY]
    who = identity_of((known or named or [keep])[0])
    same = [identity_of(account) for account in both if account.identity_key in {None, who.key}]
    return Identity(
        who.key,
        who.label or next((identity.label for identity in same if identity.label), None),
        who.plan or next((identity.plan for identity in same if identity.plan), None),
        who.group or next((identity.group for identity in same if identity.group), None),
    )


def _older_first(account: Account, other: Account) -> tuple[Account, Account]:
    first, second = sorted((account, other), key=lambda a: (a.captured_at, a.id))
    return first, second


def joined_disabled(best: Account, dropped: Account) -> str | None:
    """Return why an account of two is disabled; None: it is not, for one of the two is wanted.

    What may be the other one, refreshed, is not used anyway: that it is enabled says nothing.
    """
    is_wanted = any(login.disabled is None and login.maybe is None for login in (best, dropped))
    return None if is_wanted else best.disabled


def liveliness(
    account: Account, *others: Account, active: AccountId | None = None
) -> tuple[bool, bool, bool, bool, bool, float, float]:
    """Return what is larger for the credential that more likely lives: the newest one does.

    What is known to be dead comes last, whatever else is in doubt. One that is in no doubt lives:
    whoever may have spent it would have put it in doubt. What the user has put aside gives way to
    what is in use.
    """
    expires_at = account.credential.expires_at
    return (
        account.rejected is None and account.spent_from is None,
        # Its tokens may have been exchanged for those of the other.
        not {doubt.newer for doubt in about(account.doubts, account.credential)}
        & {other.id for other in others},
        account.maybe is None,
        account.disabled is None,
        account.id == active,
        # The one that runs out last was made last, and that spent the others' refresh token.
        expires_at.timestamp() if expires_at else 0.0,
        account.captured_at.timestamp(),
    )


def with_doubts(accounts: Sequence[Account]) -> tuple[Account, ...]:
    """Return the accounts, each that may be another one with the sentence that says so.

    That the other one was removed does not give it its tokens back.
    """
    by_id = {account.id: account for account in accounts}
    return tuple(_with_doubt(account, by_id) if account.maybe else account for account in accounts)


def _with_doubt(account: Account, by_id: Mapping[AccountId, Account]) -> Account:
    doubts = reversed(about(account.doubts, account.credential))
    newer = next((by_id[claim.newer] for claim in doubts if claim.newer in by_id), None)
    if newer is None:
        doubt = (
            "it may be the same login as one that was removed: log in again, or rotator accounts"
            f" enable {account.name} if it is not"
        )
        return replace(account, doubt=doubt)
    doubt = (
        f"it may be the same login as {newer.alias}: rotator accounts merge {account.name}"
        f" {newer.name} if both are one person's, rotator accounts enable {account.name} if not"
    )
    return replace(account, doubt=doubt)
