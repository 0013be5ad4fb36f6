"""What keys, clicks and news change, and what is asked to be done; no terminal, no disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.tui.model import effects as do
from rotator.tui.model.messages import (
    ChoicesLoaded,
    Clicked,
    Explained,
    JobFinished,
    LockAwaited,
    Message,
    Pasted,
    PastRead,
    Pressed,
    Resized,
    Scrolled,
    SettingsRead,
    StoreUnreadable,
    Ticked,
    Undoable,
    WorldRead,
)
from rotator.tui.model.state import (
    Confirm,
    DashboardState,
    Help,
    Page,
    Picker,
    Prompt,
    ScreenName,
    StatusMessage,
)
from rotator.tui.model.world import Item, Past
from rotator.tui.update.update import update
from tests.support.builders import MINUTE, NOW
from tests.support.dashboard import (
    KEY,
    MAIN,
    OLD_KEY,
    PRIVATE,
    ROWS,
    SPARE,
    WORK,
    WORLD,
    a_screen,
    an_event,
    with_world,
)
from tests.support.golden_screens import MODELS, PROVIDERS, after

WORK_IS_LIVE = a_screen(80, 24)
ON_PRIVATE = replace(WORK_IS_LIVE, account=PRIVATE.id)
UNDO = Undoable(7, "openai went from private to work", NOW + 10 * MINUTE)


def asked(state: DashboardState, *messages: Message | str) -> tuple[do.Effect, ...]:
    """Return what the last of the messages asks to be done."""
    *before, last = messages
    state = after(state, *before)
    message = Pressed(last, last if len(last) == 1 else "") if isinstance(last, str) else last
    return update(state, message)[1]


@pytest.mark.parametrize(
    ("state", "keys", "effect"),
    [
        pytest.param(ON_PRIVATE, ["enter"], do.Activate(1, "openai", "private"), id="enter"),
        pytest.param(ON_PRIVATE, ["r"], do.RotateToBest(1, "openai"), id="r"),
        pytest.param(ON_PRIVATE, ["d", "y"], do.Remove(1, PRIVATE.id), id="d y"),
        pytest.param(
            ON_PRIVATE, ["space"], do.SetDisabled(1, PRIVATE.id, disabled=True), id="space"
        ),
        pytest.param(
            replace(WORK_IS_LIVE, account=OLD_KEY.id),
            ["space"],
            do.SetDisabled(1, OLD_KEY.id, disabled=False),
            id="space on a disabled one",
        ),
        pytest.param(ON_PRIVATE, ["b"], do.SetBalancing(1, on=False), id="b"),
        pytest.param(
            with_world(ON_PRIVATE, balancing=False),
            ["b"],
            do.SetBalancing(1, on=True),
            id="b again",
        ),
        pytest.param(ON_PRIVATE, ["c"], do.OfferProviders(), id="c"),
        pytest.param(ON_PRIVATE, ["x"], do.Explain("openai"), id="x"),
        pytest.param(ON_PRIVATE, ["q"], do.Quit(), id="q"),
        pytest.param(ON_PRIVATE, ["ctrl+l"], do.Redraw(), id="ctrl+l"),
        pytest.param(replace(ON_PRIVATE, undo=UNDO), ["z"], do.Undo(1, 7), id="z"),
        pytest.param(with_world(ON_PRIVATE, watcher_pid=None), ["w"], do.StartWatcher(1), id="w"),
        pytest.param(
            ON_PRIVATE, ["n", *"-2", "enter"], do.Rename(1, PRIVATE.id, "private-2"), id="n"
        ),
        pytest.param(ON_PRIVATE, [","], do.ReadSettings(), id="comma"),
    ],
)
def test_a_key_asks_for_what_it_says(
    state: DashboardState, keys: list[str], effect: do.Effect
) -> None:
    assert asked(state, *keys) == (effect,)


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        pytest.param(WORK_IS_LIVE, ["enter"], id="activate what is live"),
        pytest.param(replace(WORK_IS_LIVE, account=None), ["d"], id="remove nobody"),
        pytest.param(WORK_IS_LIVE, ["z"], id="nothing to undo"),
        pytest.param(WORK_IS_LIVE, ["w"], id="a watcher runs"),
        pytest.param(ON_PRIVATE, ["d", "n"], id="removing is not confirmed"),
        pytest.param(ON_PRIVATE, ["d", "enter"], id="enter is no yes"),
        pytest.param(ON_PRIVATE, ["d", "escape"], id="removing is given up"),
        pytest.param(ON_PRIVATE, ["n", "enter"], id="the same name"),
        pytest.param(ON_PRIVATE, ["n", "ctrl+u", "enter"], id="no name"),
        pytest.param(ON_PRIVATE, ["n", *"x", "escape"], id="renaming is given up"),
        pytest.param(ON_PRIVATE, ["c", "enter"], id="nothing is offered yet"),
        pytest.param(ON_PRIVATE, ["%"], id="a key that means nothing"),
        pytest.param(with_world(ON_PRIVATE, rows=(PRIVATE,)), ["r"], id="nobody to rotate to"),
    ],
)
def test_a_key_that_does_not_fit_asks_for_nothing(state: DashboardState, keys: list[str]) -> None:
    assert asked(state, *keys) == ()


def test_work_under_way_is_shown_until_it_has_ended() -> None:
    begun = after(ON_PRIVATE, "enter", "b")

    ended = after(begun, JobFinished(1, "openai/private is live"))

    assert [job.says for job in begun.jobs] == [
        "activating openai/private",
        "switching balancing off",
    ]
    assert [job.number for job in ended.jobs] == [2]
    assert ended.notice is not None
    assert ended.notice.says == "openai/private is live"


def test_who_was_put_in_is_chosen_unless_somebody_has_gone_on_since() -> None:
    begun = after(ON_PRIVATE, "enter")
    answer = JobFinished(1, "openai/spare is live", select=SPARE.id)

    assert after(begun, answer).account == SPARE.id
    assert after(begun, "home", answer).account == after(begun, "home").account
    # What is done later begins anew.
    again = after(begun, "home", "enter")
    assert after(again, JobFinished(2, "is live", select=SPARE.id)).account == SPARE.id


def test_whom_work_waits_for_is_shown_as_long_as_any_goes_on() -> None:
    begun = after(ON_PRIVATE, "enter", "b", LockAwaited("pid 7 holds it"))
    one_left = after(begun, JobFinished(1, "done"))
    none_left = after(one_left, JobFinished(2, "done"))

    waits = [state.waits for state in (begun, one_left, none_left)]
    assert waits == ["pid 7 holds it", "pid 7 holds it", ""]
    assert after(ON_PRIVATE, LockAwaited("pid 7 holds it")).waits == ""


def test_a_notice_goes_after_a_while_and_a_failure_stays_longer() -> None:
    well = after(WORK_IS_LIVE, JobFinished(1, "done"), Ticked(NOW + MINUTE / 6))
    badly = after(WORK_IS_LIVE, JobFinished(1, "not done", failed=True), Ticked(NOW + MINUTE / 6))

    assert well.notice is None
    assert badly.notice == StatusMessage("not done", failed=True, until=NOW + MINUTE / 3)


def test_what_can_be_undone_can_be_for_ten_minutes() -> None:
    done = after(WORK_IS_LIVE, JobFinished(1, "done", undo=UNDO))

    assert after(done, Ticked(NOW + 9 * MINUTE)).undo == UNDO
    assert after(done, Ticked(NOW + 10 * MINUTE)).undo is None


def test_what_was_undone_is_not_undone_twice() -> None:
    assert asked(replace(WORK_IS_LIVE, undo=UNDO), "z", "z") == ()


@pytest.mark.parametrize("keys", [["enter"], ["r"], ["d", "y"]], ids=" ".join)
def test_what_is_being_done_is_not_mistaken_for_what_was_done_before(keys: list[str]) -> None:
    begun = after(replace(ON_PRIVATE, undo=UNDO), *keys)

    assert len(begun.jobs) == 1
    assert asked(begun, "z") == ()
    assert asked(after(begun, JobFinished(1, "it failed", failed=True)), "z") == (
        do.Undo(2, UNDO.token),
    )


def test_a_login_that_was_captured_can_be_named_at_once() -> None:
    named = after(WORK_IS_LIVE, JobFinished(1, "openai/spare was saved", name_it=SPARE.id))

    assert isinstance(named.overlay, Prompt)
    assert asked(named, *"-2", "enter") == (do.Rename(1, SPARE.id, "spare-2"),)


def test_a_login_is_named_when_it_is_on_screen_and_no_sooner() -> None:
    without = replace(WORLD, rows=(WORK,))
    captured = after(with_world(WORK_IS_LIVE, rows=(WORK,)), JobFinished(1, "", name_it=SPARE.id))

    assert captured.overlay is None
    assert after(captured, WorldRead(without)).overlay is None
    assert isinstance(after(captured, WorldRead(WORLD)).overlay, Prompt)


@pytest.mark.parametrize(
    ("keys", "account"),
    [
        pytest.param(["up"], SPARE, id="up"),
        pytest.param(["k", "k"], PRIVATE, id="k"),
        pytest.param(["down"], KEY, id="down"),
        pytest.param(["j", "j", "j", "j"], OLD_KEY, id="past the end"),
        pytest.param(["home"], MAIN, id="home"),
        pytest.param(["end"], OLD_KEY, id="end"),
        pytest.param(["pagedown"], OLD_KEY, id="page down"),
        pytest.param(["pageup"], MAIN, id="page up"),
    ],
)
def test_the_selection_moves_and_stays_in_the_list(keys: list[str], account: object) -> None:
    assert after(WORK_IS_LIVE, *keys).chosen == account


def test_the_selection_stays_on_its_account_when_others_come_and_go() -> None:
    fewer = replace(WORLD, rows=ROWS[3:])

    assert after(WORK_IS_LIVE, WorldRead(fewer)).chosen == WORK


def test_the_selection_goes_to_who_took_the_place_of_the_one_that_is_gone() -> None:
    without = replace(WORLD, rows=tuple(row for row in ROWS if row.id != WORK.id))

    assert after(WORK_IS_LIVE, WorldRead(without)).chosen == KEY


def test_the_first_reading_chooses_a_live_account() -> None:
    assert after(a_screen(80, 24, None, account=None), WorldRead(WORLD)).chosen == MAIN


def test_a_click_chooses_an_account_and_the_wheel_moves() -> None:
    clicked = after(WORK_IS_LIVE, Clicked(account=SPARE.id))

    assert clicked.chosen == SPARE
    assert after(clicked, Scrolled(-3)).chosen == MAIN


def test_a_filter_narrows_while_it_is_typed_and_escape_lets_all_back() -> None:
    typed = after(WORK_IS_LIVE, "/", *"openai ex")
    kept = after(typed, "enter", "down")

    assert [row.alias for row in typed.rows_shown] == ["private", "spare", "work"]
    assert kept.chosen in typed.rows_shown
    assert after(kept, "escape").rows_shown == ROWS


def test_keys_are_text_while_a_filter_is_typed() -> None:
    assert asked(WORK_IS_LIVE, "/", "q") == ()


def test_what_is_pasted_is_text_on_one_line_without_control_characters() -> None:
    pasted = after(ON_PRIVATE, "n", "ctrl+u", Pasted("two\nlines\x1b[31m\x07"))

    assert isinstance(pasted.overlay, Prompt)
    assert pasted.overlay.text == "two lines [31m"


def test_what_is_pasted_does_nothing_where_nothing_is_typed() -> None:
    assert asked(ON_PRIVATE, Pasted("dy")) == ()


@pytest.mark.parametrize(
    ("keys", "text", "at"),
    [
        pytest.param(["left", "left", "X"], "privaXte", 6, id="left"),
        pytest.param(["home", "X"], "Xprivate", 1, id="home"),
        pytest.param(["ctrl+a", "delete"], "rivate", 0, id="delete"),
        pytest.param(["backspace"], "privat", 6, id="backspace"),
        pytest.param(["home", "backspace", "right"], "private", 1, id="backspace at the start"),
        pytest.param(["space", *"b c", "ctrl+w"], "private b ", 10, id="a word"),
        pytest.param(["home", "ctrl+e", "X"], "privateX", 8, id="end"),
        pytest.param(["up"], "private", 7, id="a key that types nothing"),
    ],
)
def test_a_line_is_edited_as_everywhere(keys: list[str], text: str, at: int) -> None:
    overlay = after(ON_PRIVATE, "n", *keys).overlay

    assert isinstance(overlay, Prompt)
    assert (overlay.text, overlay.at) == (text, at)


def test_connecting_takes_a_provider_from_the_list_that_is_searched() -> None:
    searched = [ChoicesLoaded("providers", PROVIDERS), *"hub cop"]

    assert asked(ON_PRIVATE, "c", *searched, "enter") == (do.Connect(1, "github-copilot"),)


def test_a_click_on_an_item_chooses_it_and_a_second_one_takes_it() -> None:
    offered = after(ON_PRIVATE, "c", ChoicesLoaded("providers", PROVIDERS))

    first = after(offered, Clicked(row=2))

    assert isinstance(first.overlay, Picker)
    assert asked(first, Clicked(row=2)) == (do.Connect(1, "openai"),)


def test_an_offer_for_another_list_than_the_open_one_is_dropped() -> None:
    models = after(WORK_IS_LIVE, "p", "enter", ChoicesLoaded("anthropic", MODELS))

    assert isinstance(models.overlay, Picker)
    assert models.overlay.items is None


def test_a_list_that_cannot_be_had_closes_and_says_why() -> None:
    failed = after(
        WORK_IS_LIVE, "p", "enter", JobFinished(0, "opencode was not found", failed=True)
    )

    assert failed.overlay is None
    assert failed.notice is not None


def test_an_explanation_appears_only_while_it_is_waited_for() -> None:
    answer = Explained("why this account of openai", ("work is live",))

    waited = after(WORK_IS_LIVE, "x", answer)

    assert waited.overlay == Page(*astuple(answer))
    assert after(WORK_IS_LIVE, "x", "escape", answer).overlay is None


def astuple(answer: Explained) -> tuple[str, tuple[str, ...]]:
    return answer.title, answer.lines


@pytest.mark.parametrize("key", ["escape", "q", "?", "enter"])
def test_help_opens_and_closes(key: str) -> None:
    opened = after(WORK_IS_LIVE, "?")

    assert opened.overlay == Help()
    assert after(opened, key).overlay is None


def test_help_and_pages_scroll_no_further_than_they_are_long() -> None:
    assert after(WORK_IS_LIVE, "?", "down", "down", "up").overlay == Help(1)
    assert after(WORK_IS_LIVE, "?", "up").overlay == Help(0)
    assert after(WORK_IS_LIVE, "x", Scrolled(99)).overlay == Page(
        "why this account of openai", ("looking",)
    )


# -- priorities, settings, events ------------------------------------------------------------------

ORDER = after(WORK_IS_LIVE, "p")


@pytest.mark.parametrize("key", ["J", "shift+down"])
def test_a_priority_moves_on_screen_at_once_and_is_written(key: str) -> None:
    moved, effects = update(ORDER, Pressed(key))

    assert [one.provider for one in moved.seen.priorities][:2] == ["anthropic", "openai"]
    assert moved.row == 1
    assert effects == (do.MovePriority(1, "openai", 1),)


@pytest.mark.parametrize("key", ["K", "shift+up"])
def test_the_first_priority_moves_no_further_up(key: str) -> None:
    assert asked(ORDER, key) == ()


@pytest.mark.parametrize(
    ("keys", "effect"),
    [
        pytest.param(["space"], do.SetPriority(1, "openai", enabled=False), id="off"),
        pytest.param(["end", "space"], do.SetPriority(1, "openrouter", enabled=True), id="on"),
        pytest.param(["enter"], do.OfferModels("openai"), id="models"),
        pytest.param(["a"], do.OfferProviders(), id="add"),
        pytest.param(["B"], do.SetBalancing(1, on=False), id="balancing"),
    ],
)
def test_a_key_changes_a_priority(keys: list[str], effect: do.Effect) -> None:
    assert asked(ORDER, *keys) == (effect,)


def test_a_model_is_taken_from_the_list_that_is_searched() -> None:
    effects = asked(ORDER, "enter", ChoicesLoaded("openai", MODELS), *"mini", "enter")

    assert effects == (do.SetPriority(1, "openai", model="gpt-5.4-mini"),)


def test_adding_a_provider_goes_on_with_its_model() -> None:
    effects = asked(ORDER, "a", ChoicesLoaded("providers", (Item("xai", "xAI"),)), "enter")

    assert effects == (do.SetPriority(1, "xai", enabled=True), do.OfferModels("xai"))


def test_a_switch_is_turned_and_another_setting_is_typed() -> None:
    settings = after(WORK_IS_LIVE, ",")

    turned = asked(settings, "down", "enter")
    typed = asked(settings, "enter", "ctrl+u", *"drain", "enter")

    assert turned == (do.SetSetting(1, "failover.swap_before_wall", "false"),)
    assert typed == (do.SetSetting(1, "failover.strategy", "drain"),)


def test_settings_are_read_again_when_something_has_changed() -> None:
    settings = after(WORK_IS_LIVE, ",")

    assert asked(settings, WorldRead(WORLD)) == (do.ReadSettings(),)
    assert after(settings, SettingsRead(())).settings == ()


def test_the_selection_stays_on_its_event_when_new_ones_come() -> None:
    events = after(WORK_IS_LIVE, "e", "down")
    chosen = events.events_shown[events.row]
    newer = an_event(100, chosen.event.kind, "new")

    later = after(events, WorldRead(replace(WORLD, events=(*WORLD.events, newer))))

    assert later.events_shown[later.row] == chosen


@pytest.mark.parametrize(
    ("key", "place"),
    [("e", ScreenName.EVENTS), ("p", ScreenName.PRIORITIES), (",", ScreenName.SETTINGS)],
)
@pytest.mark.parametrize("back", ["escape", "q"])
def test_every_screen_leads_back_to_the_accounts(key: str, place: ScreenName, back: str) -> None:
    there = after(WORK_IS_LIVE, key)

    assert there.place is place
    assert after(there, back).place is ScreenName.ACCOUNTS


def test_another_size_keeps_the_selection_in_sight() -> None:
    small = after(replace(WORK_IS_LIVE, account=OLD_KEY.id), Resized(40, 4))

    assert small.tops[ScreenName.ACCOUNTS] == len(ROWS) - 2


def test_sparklines_are_read_for_what_is_on_a_wide_screen_alone() -> None:
    wide = asked(WORK_IS_LIVE, Resized(120, 40))
    narrow = asked(WORK_IS_LIVE, Resized(119, 40))

    assert wide[-1] == do.ReadPast(tuple(row.id for row in ROWS if row.gauges))
    assert narrow == (do.Redraw(),)


def test_removing_the_live_account_says_what_follows() -> None:
    overlay = after(WORK_IS_LIVE, "d").overlay

    assert isinstance(overlay, Confirm)
    assert overlay.says.startswith("It is live")


def test_a_list_to_choose_from_is_walked_through_with_keys_and_the_wheel() -> None:
    offered = after(ON_PRIVATE, "c", ChoicesLoaded("providers", PROVIDERS))

    assert picked(after(offered, "down", "down", "up")) == 1
    assert picked(after(offered, "end", "down")) == len(PROVIDERS) - 1
    assert picked(after(offered, "end", "home", "up")) == 0
    assert picked(after(offered, Scrolled(2))) == 2
    assert picked(after(offered, *"x", "backspace", "ctrl+w", "ctrl+u")) == 0


def test_opencode_s_own_question_is_offered_for_a_login_alone() -> None:
    offer = ChoicesLoaded("providers", (Item("xai", "xAI"), Item("", "another one")))

    assert asked(ON_PRIVATE, "c", offer, "down", "enter") == (do.Connect(1, ""),)
    assert asked(ORDER, "a", offer, "down", "enter")[0] == do.SetPriority(1, "xai", enabled=True)


def picked(state: DashboardState) -> int:
    assert isinstance(state.overlay, Picker)
    return state.overlay.row


def test_a_click_beside_a_list_chooses_nothing() -> None:
    offered = after(ON_PRIVATE, "c", ChoicesLoaded("providers", PROVIDERS))

    assert picked(after(offered, Clicked(account=WORK.id))) == 0
    assert after(after(ON_PRIVATE, "d"), Clicked(row=1)).overlay == after(ON_PRIVATE, "d").overlay


def test_a_question_about_an_account_that_has_gone_meanwhile_does_nothing() -> None:
    gone = replace(WORLD, rows=(WORK,))

    assert asked(ON_PRIVATE, "d", WorldRead(gone), "y") == ()
    assert asked(ON_PRIVATE, "n", *"x", WorldRead(gone), "enter") == ()


def test_a_filter_of_events_is_let_go_with_escape_before_the_screen_is_left() -> None:
    filtered = after(WORK_IS_LIVE, "e", "/", *"failover", "enter")

    assert len(filtered.events_shown) == 1
    assert len(after(filtered, "escape").events_shown) == len(WORLD.events)
    assert after(filtered, "escape").place is ScreenName.EVENTS
    assert after(filtered, "escape", "escape").place is ScreenName.ACCOUNTS


def test_where_there_is_nothing_to_choose_keys_do_nothing() -> None:
    nothing = with_world(WORK_IS_LIVE, events=(), priorities=(), rows=())

    for keys in (["e", "enter"], ["p", "space"], ["p", "enter"], ["p", "J"], ["down"], ["u"]):
        assert asked(nothing, *keys) == ()
    assert asked(replace(nothing, settings=()), ",", "enter") == ()


def test_an_event_is_shown_whole() -> None:
    overlay = after(WORK_IS_LIVE, "e", "enter").overlay

    assert isinstance(overlay, Page)
    assert "detail    invalid_grant" in overlay.lines


def test_a_store_that_cannot_be_read_is_said_and_what_was_known_stays() -> None:
    broken = after(WORK_IS_LIVE, StoreUnreadable("the store cannot be used"))

    assert (broken.broken, broken.world) == ("the store cannot be used", WORLD)
    assert after(broken, WorldRead(WORLD)).broken is None


def test_readings_are_kept_for_the_sparklines() -> None:
    past: Past = {WORK.id: {("5h", None): (0.1,)}}

    assert after(WORK_IS_LIVE, PastRead(past)).past == past


def test_usage_is_asked_for_what_is_on_screen() -> None:
    effects = asked(WORK_IS_LIVE, "u")

    assert effects == (do.ReadUsage(1, tuple(row.id for row in ROWS)),)
