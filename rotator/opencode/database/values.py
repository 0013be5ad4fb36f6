"""What a row of OpenCode 2's table says, as an entry of auth.json, and the other way round.

Everything of ours knows a login as an entry of auth.json. Fields that only one of the two knows
are kept in the other as they are. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rotator.model import Credential
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.opencode.auth.json_members import DECODER
from rotator.secret import Secret
from rotator.text import sanitize

# How OpenCode 2 itself names the way to log in when it takes a login over from auth.json.
_METHODS = {"openai": "chatgpt-browser", "github-copilot": "device"}
_OTHER_METHOD = "oauth"
_ACCOUNT, _ENTERPRISE = "accountID", "enterpriseUrl"
_OAUTH = ("type", "refresh", "access", "expires", "accountId", _ENTERPRISE, "methodID", "metadata")


def credential_of(provider: str, value: Secret) -> Credential | str:
    """Return the login that a row's value holds, or a sentence where it holds none."""
    try:
        said = DECODER.decode(value.reveal())
    except (ValueError, RecursionError):
        return _unreadable(provider, "it is not JSON")
    if not isinstance(said, dict):
        return _unreadable(provider, "it is not an object")
    match said.get("type"):
        case "key":
            entry = {**said, "type": "api"}
        case "oauth":
            entry = _oauth_entry(said)
        case _:
            return _unreadable(provider, "its type is none of key, oauth")
    try:
        return parse_entry(provider, Secret(json.dumps(entry, indent=2).replace("\n", "\n  ")))
    except BadEntry as exc:
        return _unreadable(provider, exc.message.rpartition(": ")[2])


def value_of(provider: str, credential: Credential) -> Secret:
    """Return the value of a new row for a login."""
    entry: dict[str, Any] = DECODER.decode(credential.entry.reveal())
    if credential.type == "oauth":
        return _text(_oauth_value(provider, entry))
    if credential.type == "wellknown":
        # That is what OpenCode 2 itself makes of one.
        return _text({"type": "key", "key": credential.secret.reveal()})
    return _text({**entry, "type": "key"})


def renewed_value(provider: str, old: Secret, new: Credential) -> Secret:
    """Return the value of a row with newer tokens in it; every other field stays as it was."""
    before = DECODER.decode(old.reveal())
    after = DECODER.decode(value_of(provider, new).reveal())
    if before.get("type") != "oauth":
        return _text({**before, "key": after["key"]})
    tokens = {name: after[name] for name in ("refresh", "access", "expires")}
    known = {k: v for k, v in (after.get("metadata") or {}).items() if k == _ACCOUNT}
    metadata = {**(before.get("metadata") or {}), **known}
    return _text({**before, **tokens, **({"metadata": metadata} if metadata else {})})


def _oauth_entry(said: Mapping[str, Any]) -> dict[str, Any]:
    metadata = said.get("metadata")
    entry = dict(said)
    if isinstance(metadata, dict):
        rest = {k: v for k, v in metadata.items() if k not in {_ACCOUNT, _ENTERPRISE}}
        entry.pop("metadata")
        entry |= {"metadata": rest} if rest else {}
        entry |= {"accountId": metadata[_ACCOUNT]} if _ACCOUNT in metadata else {}
        entry |= {_ENTERPRISE: metadata[_ENTERPRISE]} if _ENTERPRISE in metadata else {}
    return entry


def _oauth_value(provider: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    kept = entry.get("metadata")
    metadata = dict(kept) if isinstance(kept, dict) else {}
    metadata |= {_ACCOUNT: entry["accountId"]} if "accountId" in entry else {}
    metadata |= {_ENTERPRISE: entry[_ENTERPRISE]} if _ENTERPRISE in entry else {}
    rest = {name: value for name, value in entry.items() if name not in _OAUTH}
    return {
        "type": "oauth",
        "methodID": entry.get("methodID") or _METHODS.get(provider, _OTHER_METHOD),
        "refresh": entry["refresh"],
        "access": entry["access"],
        "expires": entry["expires"],
        **({"metadata": metadata} if metadata else {}),
        **rest,
    }


def _text(value: Mapping[str, Any]) -> Secret:
    return Secret(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def _unreadable(provider: str, why: str) -> str:
    return f"a login of {sanitize(provider)} in opencode.db is left out: {why}"
