"""A client that plays the bridge's part of the exchange, for a machine without opencode and Node.

It asks the provider, reports a failed answer as the bridge does, and does what the verdict
says. Run as `python -m rotator.demo.stand_in PROVIDER URL`; it prints the answer.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from rotator.clock import to_iso
from rotator.secret import digest_of
from rotator.system.files import publish
from rotator.system.paths import Paths, find_paths

_PATIENCE_SECONDS = 5.0
_QUESTION = {"model": "m1", "messages": [{"role": "user", "content": "Say hello"}]}


def main(provider: str, url: str) -> int:
    """Ask until an answer comes or the verdict says to pass the failure on."""
    paths, request, tried = find_paths(), uuid.uuid4().hex, list[str]()
    while True:
        key = json.loads(paths.auth_file.read_bytes())[provider]["key"]
        status, headers, body = _ask(url, key)
        if status < 400:  # noqa: PLR2004  # the first status that is a failure
            print(json.loads(body)["choices"][0]["message"]["content"])  # noqa: T201
            return 0
        tried.append(digest_of(key))
        signal = {
            "request": request,
            "attempt": len(tried),
            "provider": provider,
            "model": _QUESTION["model"],
            "credential": tried[-1],
            "tried": tried,
            "status": status,
            "headers": headers,
            "body": body,
        }
        verdict = _report(paths, signal)
        if verdict["verdict"] != "retry" or verdict["credential"] in tried:
            print(f"the provider answered {status}", file=sys.stderr)  # noqa: T201
            return 1


def _ask(url: str, key: str) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", urlsplit(url).path, json.dumps(_QUESTION), headers)
    answer = connection.getresponse()
    told = {"retry-after": answer.headers.get("Retry-After", "")}
    return answer.status, told, answer.read().decode()


def _report(paths: Paths, signal: dict[str, Any]) -> dict[str, Any]:
    name = str(uuid.uuid4())
    told = {"schema": 1, "id": name, "at": to_iso(datetime.now(UTC)), **signal}
    publish(paths.bridge / "inbox" / f"{name}.json", json.dumps(told).encode())
    verdict, since = paths.bridge / "outbox" / f"{name}.json", time.monotonic()
    while not verdict.exists():
        if time.monotonic() - since > _PATIENCE_SECONDS:
            return {"verdict": "pass", "credential": None}
        time.sleep(0.001)
    answer: dict[str, Any] = json.loads(verdict.read_bytes())
    verdict.unlink()
    return answer


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
