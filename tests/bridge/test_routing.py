"""New messages go to the first provider in the user's order that is ready, and stay there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.bridge_process import BridgeProcess, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile

FIRST, SECOND = {"provider": "zeta", "model": "big"}, {"provider": "mock", "model": "m1"}
DEFAULT = "mock/m1"
OFFERED = {"mock": ["m1", "m2"], "zeta": ["big", "small"], "theta": ["t1"], "local": ["l1"]}


def model(name: str) -> dict[str, str]:
    provider, _, own = name.partition("/")
    return {"providerID": provider, "modelID": own}


def ready(**providers: bool) -> dict[str, dict[str, object]]:
    return {
        name: {"active": None, "known": [], "ready": is_so} for name, is_so in providers.items()
    }


def tell(watcher: FakeWatcher, /, *routing: object, **changes: object) -> None:
    """Publish an order of providers, all of them ready unless it is said otherwise."""
    told = {"providers": ready(mock=True, zeta=True, theta=True), "routing": routing}
    watcher.publish([], **(told | changes))  # type: ignore[arg-type]  # fields of the contract


def say(bridge: BridgeProcess, given: str | None = DEFAULT, **more: Any) -> str:
    """Write a message for which opencode would take `given`; return the model that it got."""
    wanted = {"given": model(given)} if given else {}
    found = bridge.run("say", **(wanted | more))["model"]
    return f"{found['providerID']}/{found['modelID']}"


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


@pytest.fixture
def bridge(bridge: BridgeProcess) -> BridgeProcess:
    """Return a bridge in an opencode whose default is mock/m1."""
    bridge.run("world", changes={"model": DEFAULT, "offered": OFFERED})
    return bridge


@pytest.fixture
def told(watcher: FakeWatcher) -> FakeWatcher:
    """Return a watcher that puts zeta first and mock second."""
    tell(watcher, FIRST, SECOND)
    return watcher


def test_a_new_message_goes_to_the_first_provider_that_is_ready(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    first = say(bridge)
    tell(told, FIRST, SECOND, providers=ready(mock=True, zeta=False))
    other = say(bridge, session="ses_2")

    assert (first, other) == ("zeta/big", "mock/m1")


def test_a_message_without_a_model_is_routed_too(bridge: BridgeProcess, told: FakeWatcher) -> None:
    assert told.folder.exists()
    assert say(bridge, None, resolved=model(DEFAULT)) == "zeta/big"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"balancing": False}, id="balancing off"),
        pytest.param({"routing": [FIRST]}, id="one provider"),
        pytest.param({"routing": []}, id="no order"),
        pytest.param({"routing": "zeta"}, id="an order of another shape"),
        pytest.param({"routing": [FIRST, {"provider": "mock"}]}, id="one without a model"),
        pytest.param({"routing": [FIRST, None]}, id="one of another shape"),
        pytest.param({"providers": ready(mock=False, zeta=False)}, id="nobody ready"),
        pytest.param({"providers": {}}, id="nobody known"),
        pytest.param({"watcher": {"pid": 1, "start_ticks": "1"}}, id="a watcher that is gone"),
        pytest.param({"schema": 2}, id="an unknown schema"),
    ],
)
def test_otherwise_opencodes_choice_stands(
    bridge: BridgeProcess, told: FakeWatcher, changes: dict[str, object]
) -> None:
    tell(told, FIRST, SECOND, **changes)

    assert say(bridge) == DEFAULT


def test_a_session_stays_with_its_provider_while_that_is_ready(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, FIRST, SECOND, providers=ready(mock=True, zeta=False))
    began = say(bridge)
    tell(told, FIRST, SECOND)
    later = say(bridge)
    tell(told, FIRST, SECOND, providers=ready(mock=False, zeta=True))
    moved = say(bridge)
    tell(told, FIRST, SECOND)
    stayed = say(bridge)

    assert (began, later, moved, stayed) == ("mock/m1", "mock/m1", "zeta/big", "zeta/big")


def test_a_session_of_an_earlier_process_stays_with_who_answered_last(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    assert told.folder.exists()
    bridge.run("answered", finish="stop", **model("theta/t1"))
    bridge.run("answered", error={"name": "APIError"}, **model("mock/m1"))

    assert say(bridge) == "theta/t1"


def test_a_model_that_nobody_can_answer_for_is_not_ready(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, FIRST, SECOND, routing_spent=["zeta/big"])

    assert say(bridge) == "mock/m1"


def test_a_model_that_opencode_does_not_offer_is_passed_over(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, {"provider": "zeta", "model": "gone"}, SECOND)

    assert say(bridge, "theta/t1", resolved=None) == "theta/t1"
    assert say(bridge, session="ses_2") == "mock/m1"


PLANNER = {"name": "plan", "model": model("theta/t1")}


def test_a_model_that_the_user_picked_stays(bridge: BridgeProcess, told: FakeWatcher) -> None:
    picked = say(bridge, "mock/m2")
    tell(told, FIRST, SECOND, providers=ready(mock=False, zeta=True))
    later = say(bridge, "mock/m2")
    resolved = say(bridge, None, resolved=model("mock/m2"))

    assert (picked, later, resolved) == ("mock/m2", "mock/m2", "mock/m2")


def test_a_setting_lets_the_order_win_over_what_the_user_picked(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, FIRST, SECOND, routing_overrides_explicit=True)

    assert say(bridge, "mock/m2") == "zeta/big"


def test_a_model_that_we_set_is_no_choice_of_the_user(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    """The TUI sends what the session, or the one before it, had last."""
    say(bridge)
    tell(told, FIRST, SECOND, providers=ready(mock=True, zeta=False))

    same, new = say(bridge, "zeta/big"), say(bridge, "zeta/big", session="ses_2")

    assert (same, new) == ("mock/m1", "mock/m1")


def test_a_model_that_we_set_in_one_session_can_be_picked_in_another(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, SECOND, FIRST, providers=ready(mock=False, zeta=True))
    say(bridge)
    tell(told, SECOND, FIRST)
    bridge.run("answered", session="ses_2", finish="stop", **model("mock/m1"))
    own = say(bridge, session="ses_2")

    picked = say(bridge, "zeta/big", session="ses_2")
    kept = say(bridge, "zeta/big", session="ses_2")

    assert (own, picked, kept) == ("mock/m1", "zeta/big", "zeta/big")


def test_what_was_picked_in_one_session_stays_ours_in_another(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, SECOND, FIRST, providers=ready(mock=False, zeta=True))
    first = say(bridge)
    tell(told, SECOND, FIRST)
    bridge.run("answered", session="ses_2", finish="stop", **model("mock/m1"))
    say(bridge, "zeta/big", session="ses_2")
    tell(told, SECOND, FIRST, providers=ready(mock=True, zeta=False))

    assert (first, say(bridge, "zeta/big")) == ("zeta/big", "mock/m1")


def test_a_new_session_after_one_that_the_person_moved_has_a_picked_model(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, SECOND, FIRST, providers=ready(mock=False, zeta=True))
    say(bridge)
    tell(told, SECOND, FIRST)
    moved = say(bridge, "theta/t1")

    picked = say(bridge, "zeta/big", session="ses_2")

    assert (moved, picked) == ("theta/t1", "zeta/big")


@pytest.mark.parametrize(
    ("words", "goes_to"),
    [
        (("serve",), "zeta/big"),
        (("web",), "zeta/big"),
        (("run", "hi"), "zeta/big"),
        (("acp",), "zeta/big"),
        ((), "mock/m1"),
        (("--continue",), "mock/m1"),
    ],
)
def test_c10_only_the_tui_names_the_model_of_the_session_before_without_meaning_it(
    home: Path, live: LiveFile, told: FakeWatcher, words: tuple[str, ...], goes_to: str
) -> None:
    assert live.path.exists()
    tell(told, SECOND, FIRST, providers=ready(mock=False, zeta=True))
    with bridge_process(home, slowness=20, words=words) as bridge:
        bridge.load()
        bridge.run("world", changes={"model": DEFAULT, "offered": OFFERED})
        moved = say(bridge)
        tell(told, SECOND, FIRST)

        named = say(bridge, "zeta/big", session="ses_2")
        unnamed = say(bridge, None, session="ses_3", resolved=model(DEFAULT))
        same = say(bridge, "zeta/big")

    assert (moved, named, unnamed) == ("zeta/big", goes_to, "mock/m1")
    # In the session itself it stays what we set.
    assert same == "zeta/big"


def test_a_sub_agent_between_two_sessions_takes_nothing_away(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    """The new session has the model of the person's last one, which we set."""
    tell(told, SECOND, FIRST, providers=ready(mock=False, zeta=True))
    say(bridge)
    bridge.run("world", changes={"sessions": {"ses_sub": {"parentID": "ses_1"}}})
    say(bridge, "theta/t1", session="ses_sub")
    tell(told, SECOND, FIRST)

    assert say(bridge, "zeta/big", session="ses_2") == "mock/m1"


def test_a_model_that_an_earlier_process_may_have_set_is_no_choice_either(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    tell(told, FIRST, SECOND, providers=ready(mock=True, zeta=False))
    bridge.run("answered", finish="stop", **model("zeta/big"))

    assert say(bridge, "zeta/big") == "mock/m1"


def test_the_model_of_an_agent_is_no_choice_of_the_user(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    assert told.folder.exists()
    bridge.run("world", changes={"agents": [{"name": "build"}, PLANNER]})

    assert say(bridge, "theta/t1", agent="plan") == "zeta/big"


def test_inside_one_provider_an_agent_keeps_its_model(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    assert told.folder.exists()
    planner = {"name": "plan", "model": model("zeta/small")}
    bridge.run("world", changes={"agents": [{"name": "build"}, planner]})

    planned = say(bridge, "zeta/small", agent="plan")

    assert planned == "zeta/small"


def test_without_a_default_the_model_used_last_before_the_start_is_the_default(
    home: Path, live: LiveFile, told: FakeWatcher
) -> None:
    assert (live.path.exists(), told.folder.exists()) == (True, True)
    folder = home / ".local" / "state" / "opencode"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text('{"recent":[{"providerID":"mock","modelID":"m2"}]}')
    with bridge_process(home, slowness=20) as bridge:
        bridge.load()
        bridge.run("world", changes={"offered": OFFERED})

        recent, picked = say(bridge, "mock/m2"), say(bridge, "mock/m1", session="ses_2")

    assert (recent, picked) == ("zeta/big", "mock/m1")


def test_without_both_a_provider_s_own_default_is_no_choice(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    assert told.folder.exists()
    bridge.run("world", changes={"model": None})

    usual, picked = say(bridge, "mock/m1"), say(bridge, "mock/m2", session="ses_2")

    assert (usual, picked) == ("zeta/big", "mock/m2")


def test_a_sub_agent_keeps_its_model_unless_nobody_is_left_for_it(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    bridge.run("world", changes={"sessions": {"ses_1": {"parentID": "ses_0"}}})

    kept = say(bridge, "mock/m2")
    unknown = say(bridge, "local/l1")
    tell(told, FIRST, SECOND, providers=ready(mock=False, zeta=True))
    moved = say(bridge, "mock/m2")

    assert (kept, unknown, moved) == ("mock/m2", "local/l1", "zeta/big")


def test_a_session_moves_to_a_model_of_equal_standing_or_not_at_all(
    bridge: BridgeProcess, told: FakeWatcher
) -> None:
    zeta = FIRST | {"instead": {"theta/t1": "small", "mock/m1": None}}
    tell(told, zeta, SECOND, providers=ready(zeta=True))
    bridge.run("answered", finish="stop", **model("theta/t1"))
    bridge.run("answered", finish="stop", session="ses_2", **model("mock/m1"))

    moved, kept = say(bridge), say(bridge, session="ses_2")

    assert (moved, kept) == ("zeta/small", "mock/m1")


@pytest.mark.parametrize("call", ["get", "messages", "agents", "config", "providers"])
def test_where_opencode_does_not_answer_its_choice_stands(
    bridge: BridgeProcess, told: FakeWatcher, call: str
) -> None:
    assert told.folder.exists()
    bridge.run("world", changes={"refused": [call]})

    assert say(bridge) == DEFAULT


def test_where_opencode_never_answers_the_message_is_held_up_for_two_seconds(
    home: Path, live: LiveFile, told: FakeWatcher
) -> None:
    assert (live.path.exists(), told.folder.exists()) == (True, True)
    with bridge_process(home) as bridge:
        bridge.load()
        bridge.run("world", changes={"refused": ["get for ever"]})

        answer = bridge.run("say", given=model(DEFAULT))

    assert (answer["model"], 1900 < answer["ms"] < 10_000) == (model(DEFAULT), True)


@pytest.mark.parametrize(
    "given",
    [[], [None, None], [{}, {}], [{}, {"message": {"sessionID": "s"}, "parts": None}]],
)
def test_a_hook_that_is_called_in_another_way_does_nothing(
    bridge: BridgeProcess, told: FakeWatcher, given: list[object]
) -> None:
    assert told.folder.exists()
    bridge.run("hook", name="chat.message", arguments=given)

    assert say(bridge) == "zeta/big"
