"""Hypothesis strategies for states, signals and contents of auth.json, likely and unlikely ones."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st

from rotator.core.logins.knowledge import Knowledge
from rotator.model import (
    Account,
    AccountState,
    Digest,
    Finding,
    Identity,
    Meaning,
    Signal,
    Snapshot,
    Source,
    State,
    SwapMark,
    Window,
)
from rotator.model.preferences import Failover, Strategy
from rotator.secret import Secret
from tests.support.builders import (
    ACME,
    MINUTE,
    NOW,
    a_limit,
    a_signal,
    a_state,
    an_account,
    an_entry,
    api,
    knowing,
    oauth,
    wellknown,
)

# The example database would be a file, and a busy machine is no error.
QUIET = settings(database=None, deadline=None)
LONGER = settings(QUIET, max_examples=150)

MOMENTS = st.sampled_from([NOW + n * MINUTE for n in (-600, -60, -1, 0, 1, 5, 60)])
NAMES = st.sampled_from("abc")
ALIASES = st.sampled_from("abcde")
# The halves of a login's tokens may be of different people and generations, or empty.
HALVES = st.just("") | st.sampled_from(
    [f"TOKEN-CANARY-{name}-{generation}" for name in "abc" for generation in range(3)]
)
API = st.builds(
    lambda name, host: api(name, **({"metadata": {"host": host}} if host else {})),
    NAMES,
    st.sampled_from([None, "one", "two"]),
)
OAUTH = st.builds(
    lambda access, refresh, expires_at, fields: oauth(
        expires_at=expires_at, **{"access": access, "refresh": refresh} | fields
    ),
    HALVES,
    HALVES,
    st.none() | MOMENTS,
    st.sampled_from([{}, {"accountId": "1"}, {"accountId": "2"}, {"enterpriseUrl": "https://e"}]),
)
WELLKNOWN = st.builds(wellknown, NAMES, st.sampled_from(["ONE", "TWO"]))
CREDENTIALS = API | OAUTH | WELLKNOWN
LIMITS = st.builds(
    a_limit,
    MOMENTS,
    st.sampled_from([AccountState.COOLING, AccountState.EXHAUSTED]),
    strikes=st.integers(1, 99),
)
FINDINGS = st.builds(Finding, st.sampled_from(Meaning), st.just("why"), st.none() | MOMENTS)
JUNK = st.sampled_from(
    [
        an_entry(type="api", key=7),
        an_entry(type="oauth", access="ACC-CANARY", refresh="REF-CANARY", expires=0.5),
        an_entry(type="none"),
        Secret("CANARY is no JSON"),
        Secret("[]"),
        Secret('"CANARY"'),
    ]
)
CONTENTS = st.dictionaries(
    st.sampled_from([ACME, "zeta", "https://w.example"]),
    CREDENTIALS.map(lambda credential: credential.entry) | JUNK,
)


@st.composite
def _accounts(draw: st.DrawFn) -> list[Account]:
    """Draw accounts in any state, whose credentials may be alike."""
    credentials = draw(st.sampled_from([API, OAUTH, CREDENTIALS]))
    return [
        an_account(
            alias,
            draw(credentials),
            disabled=draw(st.sampled_from([None, None, None, "by you"])),
            rejected=draw(st.sampled_from([None, None, None, "dead"])),
            limit=draw(st.none() | st.none() | LIMITS),
            identity_key=draw(st.none() | NAMES),
        )
        for alias in draw(st.lists(ALIASES, unique=True, max_size=5))
    ]


@st.composite
def _marks(draw: st.DrawFn, accounts: list[Account]) -> SwapMark | None:
    if not accounts:
        return None
    left, put = draw(st.none() | st.sampled_from(accounts)), draw(st.sampled_from(accounts))
    entry = draw(st.none() | CREDENTIALS.map(lambda c: Digest(c.entry.digest())))
    rounds = draw(st.integers(0, 4))
    moment = draw(MOMENTS)
    return SwapMark(left.id if left else None, put.id, moment, entry, draw(st.booleans()), rounds)


@st.composite
def states(draw: st.DrawFn) -> State:
    """Draw a state of one provider, consistent or not."""
    accounts = draw(_accounts())
    everyone: list[Account | None] = [None, *accounts]
    anyone = st.sampled_from(everyone)
    older = st.lists(st.tuples(anyone, CREDENTIALS), max_size=3)
    return a_state(
        *accounts,
        active=draw(anyone),
        older=[(account, credential) for account, credential in draw(older) if account],
        removed=draw(st.lists(CREDENTIALS, max_size=2)),
        balancing=draw(st.booleans()),
        swap=draw(st.none() | _marks(accounts)),
        overload_swap_at=draw(st.none() | MOMENTS),
        rejected_at=draw(st.none() | MOMENTS),
        usage={a.id: draw(SNAPSHOTS) for a in accounts if draw(st.booleans())},
        failover=draw(_failovers(accounts)),
    )


WINDOWS = st.builds(
    Window,
    st.sampled_from(["5h", "7d"]),
    st.floats(0, 1),
    st.none() | MOMENTS,
    st.sampled_from([None, 5 * 3600, 7 * 86_400]),
    st.none() | st.sampled_from(["Opus", "GPT"]),
    st.booleans(),
)
SNAPSHOTS = st.builds(
    Snapshot, MOMENTS, st.lists(WINDOWS, max_size=3).map(tuple), spent=st.booleans()
)


def _failovers(accounts: Sequence[Account]) -> st.SearchStrategy[Failover]:
    aliases = sorted({a.alias for a in accounts})
    orders = st.permutations(aliases).map(lambda order: {ACME: tuple(order)})
    return st.builds(
        Failover,
        st.sampled_from(Strategy),
        order=orders,
        swap_before_wall=st.booleans(),
        wall_threshold=st.sampled_from([0.5, 0.95]),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[State, Signal]:
    """Draw a state and a signal about somebody in it, or about nobody."""
    state = draw(states())
    digests = sorted(digest for _, digest in state.digests) or [Digest("0" * 64)]
    active = state.active(ACME)
    usual = active.credential.digest if active else None
    credential = draw(st.just(usual) | st.none() | st.sampled_from(digests))
    before = draw(st.just([]) | st.lists(st.sampled_from(digests), max_size=3))
    signal = a_signal(
        None,
        at=draw(MOMENTS),
        provider=draw(st.sampled_from([ACME, ACME, ACME, "zeta"])),
        source=draw(st.sampled_from(Source)),
        credential=credential,
        tried=(*before, credential) if credential else (),
        attempt=draw(st.integers(0, 4)),
        status=draw(st.none() | st.integers()),
    )
    return state, signal


@st.composite
def knowledge(draw: st.DrawFn) -> Knowledge:
    """Draw what is known, of a vendor that names everybody, somebody or nobody."""
    keys = draw(st.dictionaries(HALVES, NAMES))
    rotates = draw(st.booleans())
    return knowing(
        draw(states()),
        identify=lambda _, credential: Identity(keys.get(credential.secret.reveal())),
        rotates_tokens=lambda _: rotates,
        now=draw(MOMENTS),
        watched=draw(st.booleans()),
    )
