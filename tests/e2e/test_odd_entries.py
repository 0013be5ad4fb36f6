"""Entries of auth.json that look odd, beside one server of the real opencode.

What it reads of them, what it writes, and what becomes of the logins. Each test has providers of
its own, all of them one loopback provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.one_server import Scene, key, one_server, two_keys
from tests.e2e.scenes import Entry, api, of, of_kind, states
from tests.support.rotator_process import rotator
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}
BROKE = {"error": {"message": "Insufficient balance", "type": "billing_error"}}
BOM = b"\xef\xbb\xbf"
MARKED = ("marked", "marked-before")
PADDINGS = {"newline": "\n", "blanks": "  ", "windows": "\r\n"}
OCEANS = ("digitalocean", "lake", "river")
CLEARED: dict[str, Entry] = {
    "emptied": {"type": "oauth", "refresh": "", "access": "", "expires": 0},
    "keyless": {"type": "api", "key": ""},
    "blank": {"type": "api", "key": " \n"},
}
GATEWAY = "gateway"
# Two addresses, and one that is written in two ways.
ADDRESSED, SPELT = "addressed", "spelt"
ADDRESSES = {
    ADDRESSED: {"1": "https://one.acme.example/v1", "2": "https://two.acme.example/v1"},
    SPELT: {"1": "https://llm.acme.example/v1", "2": "https://LLM.acme.example/v1/"},
}
WORDS = {"wordy": "undefined", "templated": "YOUR_API_KEY"}
WRONG = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
BROKEN, NO_HEADER = "broken", "KEY-CANARY-broken\n1"
ON_PURPOSE, LEADING = "local", "leading"


def with_routers(provider: str, name: str) -> Entry:
    """Return what the login of digitalocean leaves in auth.json."""
    token = key(provider, name)
    # As text, and in a distant future.
    told = {"oauth_expires": f"410000000000{name}", "oauth_scopes": "genai:read"}
    routers = {"oauth_access": token, "routers": f"[{name!r}]"}
    return {**api(token), "metadata": {**told, **routers}}


def behind(place: str) -> Entry:
    """Return a key that is good at one gateway alone."""
    return {**api(key(GATEWAY, place)), "metadata": {"accountId": place}}


def at_address(provider: str, name: str) -> Entry:
    """Return a key whose metadata has an address in it, whatever that is called."""
    return {**api(key(provider, name)), "metadata": {"apiUrl": ADDRESSES[provider][name]}}


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return what the tests of this file share, with two logins of each provider captured."""
    logins = {
        **two_keys((*MARKED, *CLEARED)),
        **{
            one: (api(key(one, "2") + padding), api(key(one, "1") + padding))
            for one, padding in PADDINGS.items()
        },
        **{one: (with_routers(one, "2"), with_routers(one, "1")) for one in OCEANS},
        GATEWAY: (behind("2"), behind("1")),
        **{one: (at_address(one, "2"), at_address(one, "1")) for one in ADDRESSES},
        **{one: (api(key(one, "2")), api(text)) for one, text in WORDS.items()},
        BROKEN: (api(key(BROKEN, "2")), api(NO_HEADER)),
        ON_PURPOSE: (api("lm-studio"),),
        LEADING: (api(key(LEADING, "1")),),
    }
    with one_server(tmp_path_factory.mktemp("home"), logins) as scene:
        yield scene


@pytest.fixture
def scene(household: Scene) -> Iterator[Scene]:
    """Return a household in which the first key of every provider is limited."""
    for one in (*OCEANS, *PADDINGS, *MARKED):
        household.provider.limit(key(one, "1"), headers=HOUR)
    yield household
    household.provider.begin_anew()
    file = household.house.auth_file
    file.write_bytes(file.read_bytes().removeprefix(BOM))


@pytest.mark.parametrize("provider", OCEANS)
def test_a10_what_a_login_says_of_itself_keeps_nobody_from_taking_over(
    scene: Scene, provider: str
) -> None:
    said = scene.ask(provider)
    explained = rotator(scene.house, "explain", provider).stdout
    failovers = [one for one in of_kind(scene.house, "failover") if one["provider"] == provider]

    assert said == "Hello from the loopback provider."
    assert scene.keys_of(provider)[-1] == key(provider, "2")
    assert states(scene.house, provider) == ["ready", "cooling"]
    assert "goes to another place" not in explained
    assert "goes to another place" not in str(failovers)


def test_a10_what_goes_to_another_place_is_swapped_and_every_sentence_says_when_it_is_used(
    scene: Scene,
) -> None:
    scene.provider.limit(key(GATEWAY, "1"), status=402, body=BROKE)
    first, second = scene.ask(GATEWAY), scene.ask(GATEWAY)
    again = rotator(scene.house, "rotate", GATEWAY, f"{GATEWAY}-1", "--json").json()
    explained = rotator(scene.house, "explain", GATEWAY, "--json").json()
    told = [one["why"] for one in of_kind(scene.house, "problem") if one["provider"] == GATEWAY]

    # Its requests go on to the place, and with the key, that they were built for.
    assert (first, second, set(scene.keys_of(GATEWAY))) == ("", "", {key(GATEWAY, "1")})
    assert scene.house.read_auth()[GATEWAY] == behind("2")
    assert states(scene.house, GATEWAY) == ["ready", "exhausted"]
    sentence = (
        "it goes to another place: an opencode that is started now uses it, the request that failed"
        " does not"
    )
    (why,) = [o["why"] for o in of_kind(scene.house, "failover") if o["provider"] == GATEWAY]
    assert sentence in why
    assert sentence not in str(explained)
    assert again["applies"] == "after-restart"
    (told,) = told
    assert told == (
        f"restart opencode serve (pid {scene.server.pid}) to use {GATEWAY}-1: it goes to another"
        " place than the login they began with"
    )


def test_a10_a_key_for_another_address_does_not_take_over_in_the_turn(scene: Scene) -> None:
    scene.provider.limit(key(ADDRESSED, "1"), status=402, body=BROKE)
    said = scene.ask(ADDRESSED)

    assert (said, set(scene.keys_of(ADDRESSED))) == ("", {key(ADDRESSED, "1")})
    assert "it goes to another place" in str(scene.events_of(ADDRESSED, "failover"))
    assert states(scene.house, ADDRESSED) == ["ready", "exhausted"]


def test_a10_an_address_that_is_written_in_another_way_is_the_same(scene: Scene) -> None:
    scene.provider.limit(key(SPELT, "1"), headers=HOUR)
    said = scene.ask(SPELT)

    assert said == "Hello from the loopback provider."
    assert scene.keys_of(SPELT)[-1] == key(SPELT, "2")
    assert states(scene.house, SPELT) == ["ready", "cooling"]
    assert "another place" not in str(scene.events_of(SPELT, "failover"))


@pytest.mark.parametrize("provider", WORDS)
def test_what_is_no_key_is_left_alone_and_makes_way_once_it_is_refused(
    scene: Scene, provider: str
) -> None:
    word = WORDS[provider]
    scene.provider.limit(word, status=401, body=WRONG)
    before, shown = scene.house.read_auth()[provider], rotator(scene.house, "accounts").stdout
    said = scene.ask(provider)
    after = scene.house.read_auth()[provider]

    line = next(line for line in shown.splitlines() if f"{provider}/{provider}-2" in line)
    assert "its key is none, but what a program or a template" in line
    assert (before, said) == (api(word), "Hello from the loopback provider.")
    assert (scene.keys_of(provider)[-1], after) == (key(provider, "2"), api(key(provider, "2")))
    assert states(scene.house, provider) == ["ready", "rejected"]


def test_a9_a_key_with_a_line_break_in_it_sends_nothing_and_blames_nobody(scene: Scene) -> None:
    said, errors = scene.turn(BROKEN)
    before = scene.house.read_auth()[BROKEN]
    rotator(scene.house, "rotate", BROKEN, f"{BROKEN}-1")

    assert (said, scene.keys_of(BROKEN)) == ("", [])
    assert "invalid value" in str(errors)
    assert (before, scene.house.read_auth()[BROKEN]) == (api(NO_HEADER), api(key(BROKEN, "2")))
    assert states(scene.house, BROKEN) == ["ready", "rejected"]
    assert not scene.events_of(BROKEN, "limited")
    shown = rotator(scene.house, "accounts").stdout
    line = next(line for line in shown.splitlines() if f"{BROKEN}/{BROKEN}-2" in line)
    assert "no request can carry its key" in line


def test_a_word_that_is_given_on_purpose_is_a_key(scene: Scene) -> None:
    before = len(scene.provider.requests)
    said = scene.ask(ON_PURPOSE)

    assert said == "Hello from the loopback provider."
    assert {one.credential for one in scene.provider.requests[before:]} == {"lm-studio"}
    assert states(scene.house, ON_PURPOSE) == ["ready"]


def test_a9_what_stands_before_a_key_goes_along_until_a_swap_puts_the_bare_one_in(
    scene: Scene,
) -> None:
    padded = api(f" {key(LEADING, '1')}\n")
    scene.server.set_auth(LEADING, padded)
    wait_until(lambda: scene.house.read_auth()[LEADING] == padded, 10, "the padded key")
    told = rotator(scene.house, "accounts").stderr
    rotator(scene.house, "rotate", LEADING, f"{LEADING}-1")
    after = rotator(scene.house, "accounts").stderr

    assert "the key of leading in auth.json has what nobody sees around it" in told
    assert "the key of leading" not in after
    assert scene.house.read_auth()[LEADING] == api(key(LEADING, "1"))
    assert scene.ask(LEADING) == "Hello from the loopback provider."
    assert states(scene.house, LEADING) == ["ready"]


@pytest.mark.parametrize("provider", PADDINGS)
def test_a9_a_key_with_white_space_at_its_end_fails_over_and_is_one_account(
    scene: Scene, provider: str
) -> None:
    said = scene.ask(provider)
    scene.server.set_auth(provider, api(key(provider, "2")))
    scene.server.set_auth(provider, api(f"{key(provider, '2')}\n"))
    live = of(scene.house, provider)[0]

    assert said == "Hello from the loopback provider."
    assert scene.keys_of(provider)[-1] == key(provider, "2")
    assert states(scene.house, provider) == ["ready", "cooling"]
    assert live["active"]


@pytest.mark.parametrize("provider", MARKED)
def test_b4_a_byte_order_mark_changes_nothing(scene: Scene, provider: str) -> None:
    content = scene.house.auth_file.read_bytes()
    if provider == MARKED[0]:
        scene.house.auth_file.write_bytes(BOM + content)
    said = scene.ask(provider)
    after = scene.house.auth_file.read_bytes()
    scene.house.auth_file.write_bytes(BOM + after.removeprefix(BOM))
    rotator(scene.house, "rotate", provider, f"{provider}-2")
    scene.provider.lift(key(provider, "1"))
    scene.ask(provider)

    assert said == "Hello from the loopback provider."
    assert after.startswith(BOM) is (provider == MARKED[0])
    assert key(provider, "2") in scene.keys_of(provider)
    assert scene.keys_of(provider)[-1] == key(provider, "1")
    # Whoever rotates by name lifts what rested it.
    assert states(scene.house, provider) == ["ready", "ready"]


@pytest.mark.parametrize("provider", CLEARED)
def test_a8_an_entry_that_is_cleared_is_a_logout_and_never_an_account(
    scene: Scene, provider: str
) -> None:
    scene.server.set_auth(provider, CLEARED[provider])
    wait_until(lambda: states(scene.house, provider) == ["ready", "disabled"], 10, "the logout")
    failure = rotator(scene.house, "explain", provider).stdout
    rotator(scene.house, "rotate", provider, f"{provider}-1")

    assert of(scene.house, provider)[1]["reason"] == "logged out in opencode"
    assert "if the live one is refused: " in failure
    assert scene.house.read_auth()[provider] == api(key(provider, "2"))
    assert len(of(scene.house, provider)) == 2


def test_a11_what_opencode_drops_with_its_next_write_is_kept_and_shown(scene: Scene) -> None:
    odd = {
        "nothing": None,
        "text": "x-CANARY",
        "list": ["x-CANARY"],
        "device": {"type": "device", "code": "x-CANARY"},
    }
    content = scene.house.auth_file.read_text("utf-8-sig")
    scene.house.write_auth(json.loads(content) | odd)
    wait_until(
        lambda: {o["provider"] for o in of_kind(scene.house, "problem")} >= odd.keys(), 10, "a word"
    )
    scene.server.set_auth("new", api(key("new", "1")))
    wait_until(lambda: of(scene.house, "new"), 10, "the login")

    shown = rotator(scene.house, "accounts").stdout
    told = [o["why"] for o in of_kind(scene.house, "problem") if o["provider"] in odd]

    assert not scene.house.read_auth().keys() & odd.keys()
    for name in ("text", "list", "device"):
        assert f"the entry of {name} in auth.json is left out" in shown
        assert len([why for why in told if why.startswith(f"{name}: its entry")]) <= 1
    assert "CANARY" not in shown
