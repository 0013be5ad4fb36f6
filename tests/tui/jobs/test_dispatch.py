"""What the dashboard does: each effect as a job on real files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import AccountNotFound, ConfigError, NothingToRotateTo, UsageError
from rotator.model import AccountId, AccountState, Limit
from rotator.settings.active import active_settings
from rotator.tui.jobs.dispatch import Dispatcher
from rotator.tui.model import effects as do
from rotator.tui.model.messages import ChoicesLoaded, Explained, JobFinished, Message, SettingsRead
from tests.support.live import NOON, Live, api, open_live
from tests.support.telling import TELLING, Teller


class Work:
    """Does one effect after the other, as the dashboard's worker would."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.duties = Dispatcher(live.context.paths)

    def __call__(self, effect: do.Effect) -> Message | None:
        return self.duties.job(effect)(self.live.context)

    def done(self, effect: do.Effect) -> JobFinished:
        """Do it, and expect that it has ended."""
        message = self(effect)
        assert isinstance(message, JobFinished)
        return message

    def id(self, name: str) -> AccountId:
        """Return the id of an account."""
        return self.live.account(name).id


@pytest.fixture
def work(home: Path) -> Iterator[Work]:
    with open_live(home) as live:
        for name in ("a", "b", "c"):
            live.sees({"acme": api(name)})
        yield Work(live)


def test_activating_puts_the_account_in_and_says_when_it_is_used(work: Work) -> None:
    ended = work.done(do.Activate(4, "acme", "acme-1"))

    assert work.live.active("acme") == "acme-1"
    assert ended.job == 4
    assert (
        ended.says == "acme/acme-1 is live; no running opencode uses auth.json; the next one does"
    )
    assert ended.select == work.id("acme/acme-1")


def test_rotating_puts_the_best_other_account_in(work: Work) -> None:
    work.done(do.RotateToBest(1, "acme"))

    assert work.live.active("acme") == "acme-1"


def test_what_cannot_be_done_raises_its_reason(work: Work) -> None:
    work.done(do.SetDisabled(1, work.id("acme/acme-1"), disabled=True))

    with pytest.raises(NothingToRotateTo, match="disabled"):
        work(do.Activate(1, "acme", "acme-1"))
    with pytest.raises(AccountNotFound, match="gone"):
        work(do.Rename(1, AccountId("gone"), "x"))


def test_a_login_made_meanwhile_is_saved_before_anything_is_changed(work: Work) -> None:
    work.live.write({"acme": api("d")})

    work.done(do.Rename(1, work.id("acme/acme-1"), "home"))

    assert work.live.account("acme/acme-4").credential.type == "api"


def test_a_swap_is_taken_back(work: Work) -> None:
    undo = work.done(do.Activate(1, "acme", "acme-1")).undo
    assert undo is not None

    ended = work.done(do.Undo(2, undo.token))

    assert undo.says == "acme went from acme-3 to acme-1"
    assert work.live.active("acme") == "acme-3"
    assert ended.says == "acme: acme-3 is live again"


def test_to_activate_what_is_live_changes_nothing_that_could_be_taken_back(work: Work) -> None:
    ended = work.done(do.Activate(1, "acme", "acme-3"))

    assert ended.undo is None
    assert ended.says == "acme/acme-3 is live already"


@pytest.mark.parametrize("alias", ["acme-1", "acme-3"])
def test_a_removed_account_comes_back_as_it_was(work: Work, alias: str) -> None:
    before = work.live.account(f"acme/{alias}")
    limit = Limit(AccountState.COOLING, NOON + timedelta(hours=1), "429")
    with work.live.context.store.transaction():
        work.live.context.store.set_limit(before.id, limit)
    undo = work.done(do.Remove(1, before.id)).undo
    assert undo is not None
    assert len(work.live.state.accounts) == 2

    ended = work.done(do.Undo(2, undo.token))

    after = work.live.account(f"acme/{alias}")
    assert (after.credential, after.limit) == (before.credential, limit)
    assert (work.live.active("acme") == alias) is (alias == "acme-3")
    assert ended.select == after.id


def test_a_removed_account_comes_back_beside_another_of_its_name(work: Work) -> None:
    undo = work.done(do.Remove(1, work.id("acme/acme-1"))).undo
    assert undo is not None
    work.done(do.Rename(2, work.id("acme/acme-2"), "acme-1"))

    work.done(do.Undo(3, undo.token))

    assert {a.alias for a in work.live.state.accounts} == {"acme-1", "acme-2", "acme-3"}


def test_after_ten_minutes_nothing_is_taken_back_and_the_credential_is_let_go(
    work: Work,
) -> None:
    undo = work.done(do.Remove(1, work.id("acme/acme-1"))).undo
    assert undo is not None
    work.live.clock.pass_time(minutes=10)

    with pytest.raises(UsageError, match="cannot be taken back"):
        work(do.Undo(2, undo.token))

    assert "acme-1" not in repr(vars(work.duties))


def test_a_removed_credential_is_in_no_file(work: Work) -> None:
    work.done(do.Remove(1, work.id("acme/acme-1")))

    folder = work.live.context.paths.data
    found = [f for f in folder.rglob("*") if f.is_file() and b"KEY-CANARY-a" in f.read_bytes()]
    assert found == []


def test_an_account_is_renamed_disabled_and_enabled(work: Work) -> None:
    account = work.id("acme/acme-1")

    said = [
        work.done(do.Rename(1, account, "home")).says,
        work.done(do.SetDisabled(2, account, disabled=True)).says,
        work.done(do.SetDisabled(3, account, disabled=False)).says,
    ]

    assert said == [
        "renamed to acme/home",
        "acme/home is disabled",
        "acme/home is enabled",
    ]
    assert work.live.account("acme/home").disabled is None


def test_balancing_is_switched_and_told_once(work: Work) -> None:
    said = [work.done(do.SetBalancing(n, on=False)).says for n in (1, 2)]

    assert said == ["balancing is off"] * 2
    assert not work.live.state.balancing
    events = work.live.context.history.read()
    assert [one.event.why for one in events].count("balancing was switched off") == 1


def test_usage_that_nobody_tells_is_said(work: Work) -> None:
    ended = work.done(do.ReadUsage(1, (work.id("acme/acme-1"),)))

    assert ended.says.startswith("usage: acme does not tell the usage")


@pytest.mark.parametrize(
    ("refused", "says", "failed"),
    [
        pytest.param([], "usage of 2 of 2 accounts was read", False, id="both"),
        pytest.param(["a"], "usage: telling answers 503", True, id="one is refused"),
        pytest.param(["a", "b"], "usage: telling answers 503 (and 1 more)", True, id="both are"),
    ],
)
def test_usage_is_read_from_vendors_and_what_failed_is_told(
    home: Path,
    refused: list[str],
    says: str,
    failed: bool,  # noqa: FBT001
) -> None:
    teller = Teller()
    for name in "ab":
        teller.tells(f"KEY-CANARY-{name}", ["5h", 0.5, NOON.timestamp(), None])
    for name in refused:
        teller.refuses(f"KEY-CANARY-{name}", 503)
    with open_live(home, registry=teller.registry()) as live:
        live.sees({TELLING: api("a")})
        live.sees({TELLING: api("b")})
        accounts = tuple(account.id for account in live.state.accounts)

        ended = Work(live).done(do.ReadUsage(1, accounts))

    assert (ended.says, ended.failed) == (says, failed)


def test_why_an_account_serves_is_explained_for_all_of_its_provider(work: Work) -> None:
    work.done(do.SetDisabled(1, work.id("acme/acme-1"), disabled=True))

    message = work(do.Explain("acme"))

    assert isinstance(message, Explained)
    assert message.title == "why this account of acme"
    assert [line.split()[:2] for line in message.lines[1:4]] == [
        ["acme-1", "is"],
        ["acme-2", "is"],
        ["*", "acme-3"],
    ]
    assert "disabled by you" in message.lines[1]


# -- logins ----------------------------------------------------------------------------------------


def test_a_new_login_is_saved_and_can_be_named(work: Work) -> None:
    before = frozenset(a.id for a in work.live.state.accounts)
    work.live.write({"acme": api("d")})

    ended = work.done(do.Captured(1, "acme", before, work.live.context.history.newest()))

    assert ended.says == "acme/acme-4 was saved"
    assert ended.name_it == work.id("acme/acme-4")


def test_a_login_of_somebody_known_says_so(work: Work) -> None:
    before = frozenset(a.id for a in work.live.state.accounts)
    last = work.live.context.history.newest()
    work.live.write({"acme": api("a")})

    ended = work.done(do.Captured(1, "acme", before, last))

    assert ended.says.startswith("acme/acme-1: ")
    assert ended.name_it is None


def test_a_login_that_was_given_up_says_so(work: Work) -> None:
    before = frozenset(a.id for a in work.live.state.accounts)

    ended = work.done(do.Captured(1, "acme", before, work.live.context.history.newest()))

    assert (ended.says, ended.failed) == ("no login was made", False)


def test_a_login_that_failed_says_so_and_what_was_saved_all_the_same(work: Work) -> None:
    before = frozenset(a.id for a in work.live.state.accounts)
    last = work.live.context.history.newest()

    nothing = work.done(do.Captured(1, "acme", before, last, code=3))
    work.live.write({"acme": api("new")})
    saved = work.done(do.Captured(1, "acme", before, last, code=3))

    says = "opencode's login ended with 3, and no login was made"
    assert (nothing.says, nothing.failed) == (says, True)
    assert saved.says == "acme/acme-4 was saved"


def test_providers_in_use_are_offered_first_and_opencode_s_own_question_last(
    work: Work, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = tmp_path / "models.json"
    models.write_text(json.dumps({"openai": {"name": "OpenAI"}, "zeta": {"name": "Zeta AI"}}))
    monkeypatch.setenv("OPENCODE_MODELS_PATH", str(models))

    message = work(do.OfferProviders())

    assert isinstance(message, ChoicesLoaded)
    assert (message.items[0].key, message.items[0].note) == ("acme", "3 accounts")
    assert ("zeta", "Zeta AI") in {(item.key, item.label) for item in message.items}
    assert message.items[-1].key == ""


# -- priorities and settings -----------------------------------------------------------------------


def order(work: Work) -> list[tuple[str, str | None, bool]]:
    found = active_settings(work.live.context.paths, {}).preferences.priorities
    return [(one.provider, one.model, one.enabled) for one in found]


def test_priorities_are_added_set_switched_and_moved(work: Work) -> None:
    for effect in (
        do.SetPriority(1, "acme", enabled=True),
        do.SetPriority(2, "zeta", model="z1"),
        do.SetPriority(3, "acme", model="m1"),
        do.SetPriority(4, "acme", enabled=False),
        do.MovePriority(5, "acme", 1),
    ):
        work.done(effect)

    assert order(work) == [("zeta", "z1", True), ("acme", "m1", False)]


def test_a_priority_that_is_gone_is_not_moved(work: Work) -> None:
    work.done(do.SetPriority(1, "acme", model="m1"))

    work.done(do.MovePriority(2, "gone", 1))

    assert order(work) == [("acme", "m1", True)]


def test_a_setting_is_written_and_shown_with_its_origin(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATOR_DASHBOARD__KEY", "ctrl+g")
    for name, value in (("failover.strategy", "drain"), ("failover.wait_for_reset", "true")):
        work.done(do.SetSetting(1, name, value))

    message = work(do.ReadSettings())

    assert isinstance(message, SettingsRead)
    found = {one.name: one for one in message.settings}
    assert (found["failover.strategy"].value, found["failover.strategy"].origin) == (
        "drain",
        "config.toml:2",
    )
    assert found["failover.wait_for_reset"].is_switch
    assert found["dashboard.key"].origin.endswith("ROTATOR_DASHBOARD__KEY")
    assert found["failover.min_swap_seconds"].origin == "default"


def test_an_empty_value_gives_a_setting_its_default_again(work: Work) -> None:
    work.done(do.SetSetting(1, "failover.min_swap_seconds", "9"))

    ended = work.done(do.SetSetting(2, "failover.min_swap_seconds", ""))

    assert ended.says == "failover.min_swap_seconds has its default again"
    assert active_settings(work.live.context.paths, {}).preferences.failover.min_swap_seconds == 300


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("failover.wall_threshold", "7", ConfigError),
        ("failover.min_swap_seconds", "soon", ConfigError),
        ("failover.nothing", "1", ConfigError),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_words(
    work: Work, name: str, value: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=name):
        work(do.SetSetting(1, name, value))

    assert not work.live.context.paths.config_file.exists()


def test_every_effect_is_somebody_s_duty(work: Work) -> None:
    of_the_terminal = {do.Quit, do.Redraw, do.Suspend, do.Connect, do.ReadPast}

    assert set(work.duties.kinds) | of_the_terminal == set(do.Effect.__args__)
