"""A failed request as the bridge wrote it down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from rotator.clock import from_iso
from rotator.model import EarlierFault, Fault, FaultKind, HomeName, Signal, Source
from rotator.opencode.auth.entries import is_provider_id
from rotator.opencode.bridge.fields import (
    LONGEST_BODY,
    SCHEMA,
    as_digest,
    as_headers,
    as_kind,
    as_list,
    as_number,
    as_status,
    as_words,
    is_provider,
)
from rotator.text import sanitize


def parse_signal(signal_id: str, content: bytes) -> Signal | None:
    """Return the signal that the bridge wrote, or None if it is not one of schema 1."""
    try:
        value = json.loads(content)
        # Only a signal names no kind.
        if not isinstance(value, dict) or value.get("schema") != SCHEMA or "kind" in value:
            return None
        if value.get("id") != signal_id or not is_provider_id(value["provider"]):
            return None
        return Signal(
            id=signal_id,
            at=from_iso(value["at"]),
            provider=value["provider"],
            source=Source.BRIDGE,
            credential=as_digest(value.get("credential")),
            request=sanitize(value.get("request") or ""),
            attempt=as_number(value.get("attempt")) or 1,
            model=as_words(value.get("model")),
            session=as_words(value.get("session")),
            tried=tuple(d for text in as_list(value.get("tried")) if (d := as_digest(text))),
            status=as_status(value.get("status")),
            error=as_words(value.get("error")),
            headers=as_headers(value.get("headers")),
            body=str(value.get("body") or "")[:LONGEST_BODY],
            left=tuple(name for name in as_list(value.get("left")) if is_provider(name)),
            aside=value.get("aside") is True,
            waited=value.get("waited") is True,
            opencode=as_kind(value.get("opencode")),
            host=as_words(value.get("host")),
            fault=_fault(value),
            answered=value.get("answered") is True,
            sent_at=from_iso(value["sent_at"]) if value.get("sent_at") else None,
            home=HomeName(value.get("home", HomeName.AUTH_FILE)),
            unproven=value.get("unproven") is True,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _fault(value: Mapping[str, object]) -> Fault | None:
    """Return how the answer was none; a kind that we do not know is an error of its file."""
    if value.get("fault") is None:
        return None
    earlier = tuple(
        EarlierFault(FaultKind(entry["kind"]), timedelta(milliseconds=ms))
        for entry in as_list(value.get("earlier"))
        if isinstance(entry, dict) and (ms := as_number(entry.get("ms"))) is not None and ms >= 0
    )
    return Fault(FaultKind(str(value["fault"])), earlier, is_held=value.get("held") is True)
