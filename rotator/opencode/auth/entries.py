"""One entry of auth.json as the credential that it stands for, and with new tokens in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from rotator.errors import RotatorError
from rotator.model import NOTHING, Credential, Digest
from rotator.opencode.auth.json_members import DECODER
from rotator.provider import Tokens
from rotator.secret import Secret, digest_of
from rotator.text import one_line, sanitize

LONGEST_ID = 1000
# The fields that change where a request goes, by the names that opencode's loaders read, and those
# that name a place without being an address. An address is a place whatever its name.
DESTINATION_FIELDS = frozenset(
    {
        "accountId",
        "apiBase",
        "api_base",
        "baseURL",
        "baseUrl",
        "cluster",
        "deployment",
        "deploymentId",
        "deploymentName",
        "deployment_id",
        "domain",
        "domainName",
        "endpoint",
        "enterpriseUrl",
        "gateway",
        "gatewayId",
        "host",
        "hostname",
        "hostName",
        "instance",
        "instanceUrl",
        "location",
        "project",
        "projectId",
        "project_id",
        "region",
        "resource",
        "resourceName",
        "server",
        "serverName",
        "subdomain",
        "tenant",
        "tenantId",
        "tenant_id",
        "url",
    }
)
# Words in the name of an address that is for people, or says whose a token is.
PAGES = frozenset(
    {
        "aud",
        "audience",
        "avatar",
        "billing",
        "callback",
        "changelog",
        "console",
        "dashboard",
        "doc",
        "documentation",
        "docs",
        "feedback",
        "help",
        "homepage",
        "icon",
        "image",
        "iss",
        "issuer",
        "logo",
        "photo",
        "picture",
        "pricing",
        "privacy",
        "profile",
        "redirect",
        "referer",
        "referrer",
        "schema",
        "scope",
        "scopes",
        "signup",
        "support",
        "terms",
        "website",
    }
)
# What is called so, by its last word, and has dots in it is no host.
NO_HOSTS = frozenset(
    {
        "author",
        "email",
        "file",
        "label",
        "login",
        "mail",
        "model",
        "name",
        "nickname",
        "owner",
        "path",
        "plan",
        "role",
        "title",
        "user",
        "username",
        "version",
    }
)
# What names the place at one provider, of a key's metadata and of a login with tokens; elsewhere
# it says whose the login is, or nothing.
PLACES_OF_PROVIDER = {
    "azure": frozenset({"accountId"}),
    "snowflake-cortex": frozenset({"account", "accountId"}),
}
# Where a request goes without the field: opencode's loader writes it into an entry at its first
# use, so an account that was never used has none and goes to the same place.
DEFAULT_PLACES = {"instanceUrl": "https://gitlab.com"}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_ADDRESS = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_HOST = re.compile(
    r"(?:localhost|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[a-z0-9-]+\.)+[a-z]{2,})(?::[0-9]{1,5})?(?:/[!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
# The part of an address in which capitals are the same as small letters.
_HOST_PART = re.compile(r"(?:https?://)?[^/?#]*", re.IGNORECASE)
# What JavaScript can count without gaps; opencode takes no other time for one.
_LARGEST_NUMBER = 2**53 - 1
_MILLISECONDS = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


class BadEntry(RotatorError):
    """An entry of a shape that opencode itself would not take."""


def is_provider_id(name: object) -> bool:
    """Tell whether `name` can be the id of a provider: a text that a line can show."""
    return isinstance(name, str) and bool(name) and one_line(name, LONGEST_ID) == name


def parse_entry(provider: str, entry: Secret) -> Credential:
    """Return the credential that `entry` (its JSON text) holds, by opencode's own schema.

    Raises BadEntry, naming the field, for what opencode would not take either, and for an id
    that no line of text could name.
    """
    if not is_provider_id(provider):
        raise _bad(provider, "its id is empty or cannot be shown on a line")
    value = _value(provider, entry)
    match value.get("type"):
        case "api":
            return _api(provider, entry, value)
        case "wellknown":
            return _wellknown(provider, entry, value)
        case "oauth":
            return _oauth(provider, entry, value)
        case _:
            raise _bad(provider, "its type is none of api, oauth, wellknown")


def renewed_entry(credential: Credential, tokens: Tokens) -> Secret:
    """Return the entry of a login with new tokens in it; every other field stays.

    `expires` is a whole number of milliseconds, or opencode would not take the entry at all.
    """
    value = DECODER.decode(credential.entry.reveal())
    kept = tokens.refresh or credential.refresh or Secret("")
    new = {
        "access": tokens.access.reveal(),
        "refresh": kept.reveal(),
        "expires": int(tokens.expires_at.timestamp() * 1000),
    }
    return Secret(json.dumps(value | new, indent=2).replace("\n", "\n  "))


def _value(provider: str, entry: Secret) -> dict[str, Any]:
    text = entry.reveal()
    try:
        text.encode("utf-8")
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as exc:
        raise _bad(provider, "it is not JSON") from exc
    if not isinstance(value, dict):
        raise _bad(provider, "it is not an object")
    return value


def _api(provider: str, entry: Secret, value: dict[str, Any]) -> Credential:
    metadata, enterprise = value.get("metadata", {}), value.get("enterpriseUrl")
    if not _is_text_map(metadata):
        raise _bad(provider, "metadata is not an object of texts")
    return Credential(
        type="api",
        entry=entry,
        secret=Secret(_text(provider, value, "key")),
        destination=_destination(
            provider, "api", metadata, enterprise if isinstance(enterprise, str) else None
        ),
        ends_at=_end_of_key(value["key"], metadata),
        extra=_extra(provider, value, {"key"}),
    )


def _end_of_key(key: str, metadata: Mapping[str, str]) -> datetime | None:
    """Return when a key ends that is the token of a login, whose end opencode writes beside it.

    So does DigitalOcean's login; a key that was pasted has neither.
    """
    told = metadata.get("oauth_expires", "")
    is_token = metadata.get("oauth_access") == key and _MILLISECONDS.fullmatch(told)
    return _from_ms(int(told)) if is_token else None


def _wellknown(provider: str, entry: Secret, value: dict[str, Any]) -> Credential:
    _text(provider, value, "key")
    return Credential(
        type="wellknown",
        entry=entry,
        secret=Secret(_text(provider, value, "token")),
        destination=_destination(provider, "wellknown", {}, None),
        extra=_extra(provider, value, {"token"}),
    )


def _oauth(provider: str, entry: Secret, value: dict[str, Any]) -> Credential:
    expires: Any = value.get("expires")
    whole = isinstance(expires, int) or (isinstance(expires, float) and expires.is_integer())
    if isinstance(expires, bool) or not whole or not 0 <= expires <= _LARGEST_NUMBER:
        raise _bad(provider, "expires is not a whole number of milliseconds")
    enterprise = _optional_text(provider, value, "enterpriseUrl")
    account_id = _optional_text(provider, value, "accountId")
    is_place = "accountId" in _own_places(provider)
    named = {"accountId": account_id} if is_place and account_id else {}
    known = {"access", "refresh", "expires", "accountId", "enterpriseUrl"}
    return Credential(
        type="oauth",
        entry=entry,
        secret=Secret(_text(provider, value, "access")),
        destination=_destination(provider, "oauth", named, enterprise),
        refresh=Secret(_text(provider, value, "refresh")),
        expires_at=_from_ms(int(expires)) if expires else None,
        account_id=account_id,
        enterprise_url=enterprise,
        extra=_extra(provider, value, known),
    )


def _destination(
    provider: str, kind: str, described: Mapping[str, str], enterprise: str | None
) -> Digest:
    own = _own_places(provider)
    places = (
        (name, _plain(text))
        for name, text in sorted(described.items())
        if name in DESTINATION_FIELDS or name in own or _is_address(name, text)
    )
    counted = tuple((name, place) for name, place in places if place != DEFAULT_PLACES.get(name))
    site = None if enterprise is None else _plain(enterprise).removeprefix("https://")
    return _digest_of_destination(kind, site, counted)


def _is_address(name: str, text: str) -> bool:
    """Tell whether that is where requests go, and not a page, a person or a version."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not PAGES.isdisjoint(words):
        return False
    is_host = _HOST.fullmatch(text.strip()) is not None and NO_HOSTS.isdisjoint(words[-1:])
    return is_host or _ADDRESS.fullmatch(text.strip()) is not None


def _plain(text: str) -> str:
    """Return a place as it is written where it is written in one way alone."""
    text = text.strip().rstrip("/")
    if not (_ADDRESS.fullmatch(text) or _HOST.fullmatch(text)):
        return text
    return _HOST_PART.sub(lambda host: host[0].lower(), text, count=1)


def _own_places(provider: str) -> frozenset[str]:
    return PLACES_OF_PROVIDER.get(provider.rstrip("/"), frozenset())


@lru_cache(maxsize=64)
def _digest_of_destination(
    kind: str, enterprise: str | None, metadata: tuple[tuple[str, str], ...]
) -> Digest:
    # Nearly all logins of one type go to the same place.
    return Digest(digest_of(json.dumps([kind, dict(metadata), enterprise], sort_keys=True)))


def _extra(provider: str, value: dict[str, Any], known: set[str]) -> Mapping[str, str]:
    try:
        rest = {k: v for k, v in value.items() if k not in {"type", *known}}
        return {k: json.dumps(v, sort_keys=True) for k, v in rest.items()} or NOTHING
    except RecursionError as exc:
        raise _bad(provider, "it is nested too deeply") from exc


def _from_ms(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # so far ahead that it never expires


def _text(provider: str, value: dict[str, Any], name: str) -> str:
    field = value.get(name)
    if not isinstance(field, str):
        raise _bad(provider, f"{name} is not a text")
    return field


def _optional_text(provider: str, value: dict[str, Any], name: str) -> str | None:
    return _text(provider, value, name) if name in value else None


def _is_text_map(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


def _bad(provider: str, why: str) -> BadEntry:
    return BadEntry(f"the entry of {sanitize(provider)} in auth.json is left out: {why}")
