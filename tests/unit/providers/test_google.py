"""Google's traps; every documented answer is in fixtures/google."""

from __future__ import annotations

import json

import pytest

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers.google.provider import Google
from providers.google.usage import read_buckets, read_models
from rotator.model import Credential
from rotator.provider import HttpAnswer
from rotator.secret import Secret
from tests.support.builders import NOW, api, oauth


def project_asked_for(credential: Credential) -> object:
    reading = Google().read_usage(credential, NOW)
    next(reading)
    request = reading.send(HttpAnswer(200, {}, Secret("{}")))
    assert request.url.startswith("https://daily-cloudcode-pa.googleapis.com/")
    assert request.body is not None
    return json.loads(request.body.reveal())


@pytest.mark.parametrize(
    ("refresh", "project"),
    [
        ("REF-CANARY|own|managed", {"project": "managed"}),
        ("REF-CANARY|own|", {"project": "own"}),
        ("REF-CANARY|own", {"project": "own"}),
        ("REF-CANARY", {}),
    ],
)
def test_a_plug_in_packs_the_project_beside_the_token(refresh: str, project: object) -> None:
    assert project_asked_for(oauth(refresh=refresh)) == project


def test_a_model_without_a_number_is_unknown_and_all_left_of_all_is_no_number() -> None:
    left = [{"modelId": "a", "remainingFraction": 0.5}, {"modelId": "b"}, {"remainingFraction": 0}]

    assert [w.model for w in read_buckets(Part({"buckets": left}), Pieces())] == ["a"]
    assert (
        read_models(Part({"models": {"a": {"quotaInfo": {"remainingFraction": 1}}}}), Pieces())
        == ()
    )


def test_only_a_login_can_be_asked_for() -> None:
    assert Google().usage_obstacle(oauth()) is None
    assert "API key" in str(Google().usage_obstacle(api()))
