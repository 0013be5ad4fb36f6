"""Asks a provider module about an API key, with answers that a test makes up."""

from __future__ import annotations

import json

from rotator.model import Snapshot
from rotator.provider import HttpAnswer, UsageReader
from rotator.secret import Secret
from rotator.testing import Outcome, drive
from tests.support.builders import NOW, api


def asked(module: UsageReader, *answers: object) -> Outcome:
    """Return what comes of it; an answer is a document, or a status and a document."""
    whole = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]
    texts = [HttpAnswer(status, {}, Secret(json.dumps(body))) for status, body in whole]
    return drive(module.read_usage(api(), NOW), texts)


def told(module: UsageReader, *answers: object) -> Snapshot:
    """Return the snapshot that comes of it."""
    snapshot = asked(module, *answers).snapshot
    assert snapshot is not None
    return snapshot
