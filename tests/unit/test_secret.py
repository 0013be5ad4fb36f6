"""A secret cannot be shown by accident."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
import pickle
import pkgutil
import re
from collections.abc import Callable
from pprint import pformat

import pytest

import providers
import rotator
from rotator.model import Credential
from rotator.secret import Secret, blanked, digest_of, is_placeholder
from tests.support.builders import an_account, oauth

TEXT = "KEY-CANARY-A"


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param("{}".format, id="format"),
        pytest.param("{!r}".format, id="format with repr"),
        pytest.param("%s".__mod__, id="per cent"),
        pytest.param(pformat, id="pprint"),
        pytest.param(lambda secret: repr([secret]), id="within a list"),
    ],
)
def test_a_secret_shows_stars(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(TEXT))

    assert shown.strip("[]") == "***"


def test_a_width_is_kept() -> None:
    assert f"{Secret(TEXT):>5}|" == "  ***|"


@pytest.mark.parametrize("value", [oauth(), an_account()], ids=["credential", "account"])
def test_what_holds_a_secret_does_not_show_it_either(value: object) -> None:
    assert "CANARY" not in repr(value) + str(value) + pformat(value)


@pytest.mark.parametrize(
    "take_along",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(copy.deepcopy, id="a deep copy"),
        pytest.param(json.dumps, id="JSON"),
        pytest.param(vars, id="vars"),
    ],
)
def test_a_secret_cannot_be_taken_along_by_accident(
    take_along: Callable[[object], object],
) -> None:
    with pytest.raises(TypeError):
        take_along(Secret(TEXT))


@pytest.mark.parametrize("unfold", [dataclasses.asdict, dataclasses.astuple])
def test_what_holds_a_secret_cannot_be_unfolded_into_plain_data(
    unfold: Callable[[Credential], object],
) -> None:
    credential = dataclasses.replace(oauth(), extra={})

    with pytest.raises(TypeError, match="a secret is not pickled"):
        unfold(credential)


def test_a_secret_does_not_change() -> None:
    secret = Secret(TEXT)

    with pytest.raises(AttributeError):
        secret._text = "KEY-CANARY-B"  # noqa: SLF001  # that is the point

    assert secret.reveal() == TEXT


def test_equal_texts_are_equal_secrets() -> None:
    assert len({Secret(TEXT), Secret(TEXT), Secret("KEY-CANARY-B")}) == 2


def test_a_secret_equals_no_text() -> None:
    assert Secret(TEXT) != TEXT


def test_an_empty_secret_is_false() -> None:
    assert [bool(Secret("")), bool(Secret(TEXT))] == [False, True]


def test_the_digest_is_the_whole_sha_256() -> None:
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    assert Secret("abc").digest() == digest_of("abc") == abc


def test_the_fingerprint_is_eight_digits_of_it() -> None:
    assert Secret("abc").fingerprint() == "ba7816bf"


def test_half_a_character_is_digested_all_the_same() -> None:
    assert len(digest_of("CANARY \ud800")) == 64


@pytest.mark.parametrize(
    ("content", "left"),
    [
        pytest.param('{"key":"KEY-CANARY-A","n":1}', '{"key":"************","n":1}', id="whole"),
        pytest.param(
            '"KEY-CANARY-A KEY-CANARY-A', '"************ ************', id="more than once"
        ),
        pytest.param('{"key":"KEY-CANARY', '{"key":"**********', id="cut off at the end"),
        pytest.param('{"key":"KEY-CAN', '{"key":"KEY-CAN', id="too short to be told apart"),
        pytest.param('{"key":"KEY-CANARY-B"}', '{"key":"KEY-CANARY-B"}', id="another one"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_secret_is_blanked_out_of_a_whole_or_torn_text(content: str, left: str) -> None:
    assert blanked(content.encode(), [Secret(TEXT), Secret("")]) == left.encode()


@pytest.mark.parametrize("spelt", ['CANARY/\u00e9\\"', 'CANARY\\/\\u00e9\\"', 'CANARY/\\u00e9\\"'])
def test_a_secret_is_found_however_a_json_text_spells_it(spelt: str) -> None:
    secret = Secret('CANARY/\u00e9"')

    assert b"CANARY" not in blanked(f'{{"key":"{spelt}"}}'.encode(), [secret])


def test_a_short_secret_is_blanked_where_it_is_a_whole_value() -> None:
    assert blanked(b'{"oops":"oo"}', [Secret("oo")]) == b'{"oops":"**"}'


@pytest.mark.parametrize(
    "text",
    [
        *("none", "No-Refresh-Token", "-", "xxxx", "0", "n/a", "apiKey", "UNUSED"),
        *("no token needed", "opencode-oauth-dummy-key", "managed", "not-a-real-key", "gemini_cli"),
    ],
)
def test_a_word_in_a_secret_s_place_is_no_secret(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["r1", "1//t", "none1", "Tok", "x1", "a-Token", "x" * 41, "sk-ant-oat01-none"]
)
def test_whatever_may_be_a_secret_is_no_word(text: str) -> None:
    assert not is_placeholder(text)


def test_a_secret_that_lacks_its_last_letter_is_blanked_as_well() -> None:
    assert blanked(TEXT[:-1].encode(), [Secret(TEXT)]) == b"*" * (len(TEXT) - 1)


def test_a_secret_of_eight_signs_is_blanked_wherever_it_stands() -> None:
    assert blanked(b"xCANARY-Ax", [Secret("CANARY-A")]) == b"x********x"
    assert blanked(b"xCANARY-Bx", [Secret("CANARY-B more of it")])[1:9] == b"CANARY-B"
    assert blanked(b"xCANARY-B", [Secret("CANARY-B more of it")]) == b"x********"


def test_a_secret_is_blanked_whole_however_it_is_spelt() -> None:
    spelt = json.dumps("KÄY-CANARY")[1:-1].encode()

    assert blanked(spelt, [Secret("KÄY-CANARY")]) == b"*" * len(spelt)


def test_a_word_has_forty_letters_at_the_most() -> None:
    assert is_placeholder("a" * 40)
    assert not is_placeholder("a" * 41)


def test_a_secret_with_letters_of_its_own_language_is_blanked_whole() -> None:
    assert blanked("ÄKEY-CANARY".encode(), [Secret("ÄKEY-CANARY")]) == b"*" * 12


def test_of_a_secret_that_is_a_part_of_another_no_rest_is_left() -> None:
    secrets = [Secret(TEXT), Secret(f"{TEXT}-LONGER")]

    assert blanked(f"{TEXT}-LONGER".encode(), secrets) == b"*" * len(f"{TEXT}-LONGER")


# -- dataclasses -------------------------------------------------------------------------------

# Fields of these types hold what came from outside as it came: contents, rows, environments.
MAY_HOLD = re.compile(r"\bbytes\b|\bRow\b|\bAny\b|\bobject\b|\bTables\b|Mapping\[str, str\]")
# So do these, whose type does not tell; vendors repeat the key that they refuse.
TEXTS = {
    ("Answer", "codes"),
    ("Answer", "messages"),
    ("Failure", "message"),
    ("LoggedFailure", "message"),
    ("Signal", "body"),
    ("Signal", "error"),
}
HARMLESS = {
    ("Block", "row"): "a line of the dashboard",
    ("Child", "process"): "a process of the demo",
    ("SettingValue", "default"): "a setting",
    ("SettingValue", "value"): "a setting",
    ("HttpAnswer", "headers"): "what may be secret is left out of them",
    ("Setting", "default"): "a setting",
    ("Shown", "accounts"): "logins of the demo, which are made up",
    ("Stage", "env"): "the environment of the demo, which has nothing of the user's",
    ("TokenEndpoint", "dead"): "a vendor's codes, and what they mean",
    ("World", "rows"): "lines of the dashboard",
}


def all_dataclasses() -> list[type]:
    """Return those of the program; what `testing` holds is made up."""
    names = [
        module.name
        for package in (providers, rotator)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not re.search(r"\.testing\b|__main__", module.name)
    ]
    return [
        kind
        for name in names
        for kind in vars(importlib.import_module(name)).values()
        if isinstance(kind, type) and kind.__module__ == name and dataclasses.is_dataclass(kind)
    ]


def secret_fields(kind: type) -> set[str]:
    """Return the fields that may hold a secret which is no `Secret`."""
    names = {(kind.__name__, one.name): one.type for one in dataclasses.fields(kind)}
    found = {place for place, of in names.items() if place in TEXTS or MAY_HOLD.search(str(of))}
    return {name for _, name in found - HARMLESS.keys()}


def shown(kind: type) -> str:
    """Return how an instance shows itself whose fields all hold secrets where they may."""
    made: object = object.__new__(kind)
    secret = secret_fields(kind)
    for one in dataclasses.fields(kind):
        object.__setattr__(made, one.name, TEXT.encode() if one.name in secret else None)
    return repr(made)


def test_no_dataclass_shows_what_may_hold_a_secret() -> None:
    kinds = [kind for kind in all_dataclasses() if secret_fields(kind)]

    assert len(kinds) > 15
    assert [kind.__qualname__ for kind in kinds if "CANARY" in shown(kind)] == []


def test_a_dataclass_that_shows_what_may_hold_a_secret_is_found() -> None:
    @dataclasses.dataclass
    class Open:
        content: bytes

    @dataclasses.dataclass
    class Closed:
        content: bytes = dataclasses.field(repr=False)

    assert ["CANARY" in shown(kind) for kind in (Open, Closed)] == [True, False]
