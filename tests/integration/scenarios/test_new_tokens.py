"""A login of each vendor gets new tokens: from its module, over the network, and back to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rotator.errors import UnexpectedAnswer
from rotator.plugins.registry import load_registry
from rotator.provider import DeadLogin, RefreshCall, Tokens
from rotator.secret import Secret
from tests.support.builders import HOUR, NOW, oauth
from tests.support.provider_answers import refusal
from tests.support.token_endpoint import Grant, TokenEndpoint
from tests.support.vendor import Vendor

VENDORS = ["anthropic", "openai", "xai"]


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Return the vendors that this process finds through its environment."""
    with Vendor(tmp_path) as vendor:
        for name, value in vendor.environment.items():
            monkeypatch.setenv(name, value)
        yield vendor


class Login:
    """A login of one vendor, and where new tokens for it are asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._registry = load_registry()
        call = self._registry.refresh_call(name, oauth())
        assert isinstance(call, RefreshCall), call
        self._request = call.request
        address = urlsplit(call.request.url)
        self.place = (address.netloc, address.path)

    def refresh(self) -> Tokens | DeadLogin:
        """Ask for new tokens, and return what came."""
        answer = self._registry.send(self._request)
        return self._registry.read_refresh(self.name, oauth(), answer, NOW)


@pytest.mark.parametrize("name", VENDORS)
def test_a_refresh_token_is_exchanged_for_new_ones(vendor: Vendor, name: str) -> None:
    login, endpoint = Login(name), TokenEndpoint()
    endpoint.grant("REF-CANARY-a-1", Grant("ACC-CANARY-a-2", "REF-CANARY-a-2"))
    vendor.answer(*login.place, endpoint.answer)

    found = login.refresh()

    assert found == Tokens(Secret("ACC-CANARY-a-2"), NOW + HOUR, Secret("REF-CANARY-a-2"))
    assert vendor.hosts == [login.place[0]]


@pytest.mark.parametrize("name", VENDORS)
def test_a_spent_refresh_token_is_dead(vendor: Vendor, name: str) -> None:
    login = Login(name)
    vendor.answer(*login.place, refusal(400, {"error": "invalid_grant"}))

    found = login.refresh()

    assert found == DeadLogin("its refresh token is spent or revoked (invalid_grant)")


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_with_a_fault_of_its_own_says_nothing_of_the_login(
    vendor: Vendor, name: str
) -> None:
    login = Login(name)
    vendor.answer(*login.place, refusal(500))

    with pytest.raises(UnexpectedAnswer, match="status 500"):
        login.refresh()
