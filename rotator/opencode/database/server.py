"""One running server of OpenCode 2, asked over HTTP: who it is, switch, log out.

It is asked on the loopback interface alone: its password goes nowhere else.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from rotator.secret import Secret

USER = "opencode"
# What was tried; of every other version it is asked what it can do.
PROVED = "2.0.15"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PATIENCE_SECONDS = 3.0
_MOST_BYTES = 1024 * 1024
_OK, _MULTIPLE, _UNAUTHORIZED = 200, 300, 401


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and the password that it wants; None: we do not have it."""

    host: str
    port: int
    password: Secret | None = None

    @classmethod
    def of(cls, url: object, password: object) -> Address | None:
        """Return the address that a URL names, if that is on the loopback interface."""
        try:
            parts = urlsplit(url if isinstance(url, str) else "")
            port = parts.port
        except ValueError:
            return None
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK or port is None:
            return None
        return cls(parts.hostname, port, Secret(password) if isinstance(password, str) else None)


@dataclass(frozen=True, slots=True)
class Info:
    """What a server says of itself; `is_locked`: it is one, and does not take our password."""

    version: str | None = None
    pid: int | None = None
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server lets itself be told about logins; one that says nothing is left alone."""

    activates: bool = False
    removes: bool = False
    # A login with its value, inactive: later versions alone, of which others tell.
    puts: bool = False


NONE = Abilities()


def abilities_of(address: Address, version: str | None) -> Abilities:
    """Return what a server of that version can do, by its own description where it is not known."""
    if version is None:
        return NONE
    if version == PROVED:
        return Abilities(activates=True, removes=True)
    answer = _ask(address, "GET", "/openapi.json")
    try:
        paths: Any = json.loads(answer[1])["paths"] if answer and answer[0] == _OK else {}
    except (ValueError, RecursionError, KeyError, TypeError):
        return NONE
    if not isinstance(paths, dict):
        return NONE
    # What a part of a path is called says nothing.
    verbs = {(_unnamed(path), verb) for path, verbs in paths.items() for verb in _keys(verbs)}
    return Abilities(
        activates=("/api/credential/{}/activate", "post") in verbs,
        removes=("/api/credential/{}", "delete") in verbs,
        puts=("/api/credential", "post") in verbs,
    )


def _unnamed(path: object) -> str:
    parts = str(path).split("/")
    return "/".join("{}" if part.startswith("{") else part for part in parts)


def _keys(value: object) -> list[str]:
    return [str(key).lower() for key in value] if isinstance(value, dict) else []


def info_of(address: Address) -> Info | None:
    """Ask a server who it is; None if nobody answers there as OpenCode 2 does."""
    answer = _ask(address, "GET", "/api/info")
    if answer is None:
        return None
    status, content = answer
    if status == _UNAUTHORIZED:
        return Info(is_locked=True)
    try:
        said: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if status != _OK or not isinstance(said, dict):
        return None
    version, pid = said.get("version"), said.get("pid")
    if not isinstance(version, str) or not isinstance(pid, int):
        return None
    return Info(version, pid)


def activate(address: Address, slot: str) -> bool:
    """Tell a server to use the login in a slot; its yes proves nothing: look afterwards."""
    return _do(address, "POST", f"/api/credential/{_part(slot)}/activate")


def remove(address: Address, slot: str) -> bool:
    """Tell a server to log out."""
    return _do(address, "DELETE", f"/api/credential/{_part(slot)}")


def put(address: Address, slot: str, provider: str, label: str, value: Secret) -> bool:
    """Tell a server of a later version to keep a login, and not to use it by that."""
    said = {"id": slot, "integrationID": provider, "label": label, "activate": False}
    body = json.dumps({**said, "value": json.loads(value.reveal())})
    answer = _ask(address, "POST", "/api/credential", Secret(body))
    return answer is not None and _OK <= answer[0] < _MULTIPLE


def _part(slot: str) -> str:
    return quote(slot, safe="")


def _do(address: Address, method: str, path: str) -> bool:
    answer = _ask(address, method, path)
    return answer is not None and _OK <= answer[0] < _MULTIPLE


def _ask(
    address: Address, method: str, path: str, body: Secret | None = None
) -> tuple[int, bytes] | None:
    """Return status and content of an answer, or None if there was none."""
    import http.client  # noqa: PLC0415  # 10 ms that a command without OpenCode 2 must not pay

    headers = {"accept": "application/json"}
    if address.password is not None:
        login = f"{USER}:{address.password.reveal()}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(login).decode('ascii')}"
    content = None if body is None else body.reveal().encode()
    if content is not None:
        headers["content-type"] = "application/json"
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
