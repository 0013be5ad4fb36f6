"""Times as a person reads them, in another zone than UTC, and as a script does."""

from __future__ import annotations

import re

import pytest

from tests.support.connected import Connected
from tests.support.household import Household
from tests.support.rotator_process import accounts, events, rotator

ZONE = "E[SD]T"
AT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\S*")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Return a household in New York, of whose two accounts one was limited for an hour."""
    house = Connected(tmp_path_factory.mktemp("home"), way={"TZ": "America/New_York"})
    for key in ("a", "b"):
        house.write_auth({"acme": {"type": "api", "key": f"KEY-CANARY-{key}"}})
        assert rotator(house, "accounts").code == 0
    ended = rotator(house, "signal", "acme", "--status", "429", "--retry-after", "3600")
    assert ended.code == 0, ended.stderr
    return house


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("events",), rf"(?m)^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {ZONE}  limited "),
        (("events",), rf"; rests until \d{{4}}-\d\d-\d\d \d\d:\d\d {ZONE}\b"),
        (("explain", "acme"), rf"rests until \d{{4}}-\d\d-\d\d \d\d:\d\d {ZONE}\b"),
        (("accounts",), rf"cooling until \d\d:\d\d {ZONE}\b"),
        (("doctor",), rf"it is \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {ZONE},"),
    ],
)
def test_times_that_people_read_are_local_and_name_their_zone(
    house: Household, words: tuple[str, ...], said: str
) -> None:
    told = rotator(house, *words).stdout

    assert re.search(said, told), told
    assert "UTC" not in told


def test_times_that_programs_read_are_in_utc(house: Household) -> None:
    told = [rotator(house, "events", "--json").stdout, rotator(house, "accounts", "--json").stdout]

    found = [at for text in told for at in AT.findall(text)]
    assert len(found) > 5
    assert all(at.strip('",}]').endswith("Z") for at in found)
    assert any(account["until"] for account in accounts(house))
    assert all(event["at"].endswith("Z") for event in events(house))
