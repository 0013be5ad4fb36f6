"""Vendors that verify signatures: Amazon Bedrock, and one whose plug-in signs every header.

Each records what came, and refuses what is not what was signed. They run on 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Self

from tests.support.event_stream import text_answer
from tests.support.household import Household
from tests.support.loopback_http import Connection, LoopbackServer, Received, head
from tests.support.signature_v4 import fault_of

MODEL = "amazon-bedrock/acme.claude-x"
SIGNER = "signer/m1"
# A vendor's own words for what it takes for too many requests, and the time to wait.
_THROTTLED = b'{"message":"Too many requests, please wait before trying again."}'
_REFUSED = b'{"message":"The request signature we calculated does not match."}'
_KEY_ID, _SECRET = "AKIDCANARY", "AWS-CANARY-SECRET"
_SIGNER_SECRET = "HMAC-CANARY-SECRET"
AWS = {
    "AWS_ACCESS_KEY_ID": _KEY_ID,
    "AWS_SECRET_ACCESS_KEY": _SECRET,
    "AWS_REGION": "us-east-1",
    # Nobody is asked for other credentials.
    "AWS_EC2_METADATA_DISABLED": "true",
}
SIGNER_KEY = {"SIGNER_KEY": _SIGNER_SECRET}

Fault = Callable[[Received], str | None]


class SigningVendor:
    """Answers what is rightly signed, or carries one of `keys`; use it as a context manager."""

    def __init__(self, fault: Fault, answer: tuple[str, bytes], *keys: str) -> None:
        self._fault = fault
        self._answer = answer
        self._keys = keys
        self._lock = threading.Lock()
        self._limited: dict[str | None, int] = {}
        self.requests: list[Received] = []
        self.faults: list[str] = []
        self._server = LoopbackServer(self._serve)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.port}"

    def limit(self, key: str | None, times: int) -> None:
        """Refuse the next requests of a key, or signed ones, as too many."""
        with self._lock:
            self._limited[key] = times

    @property
    def keys(self) -> list[str | None]:
        """What each request but those for a title carried: a key, or None for a signature."""
        return [_key(one) for one in self.requests if not _is_title(one)]

    def _serve(self, received: Received, connection: Connection) -> bool:
        key = _key(received)
        with self._lock:
            self.requests.append(received)
            fault = None if key in self._keys else self._fault(received)
            left = 0 if _is_title(received) else self._limited.pop(key, 0)
            if left > 1:
                self._limited[key] = left - 1
        if fault is not None:
            self.faults.append(fault)
            connection.send(_answer(403, "application/json", _REFUSED))
        elif left:
            connection.send(_answer(429, "application/json", _THROTTLED, _again(key)))
        else:
            connection.send(_answer(200, *self._answer))
        return True


def bedrock(*keys: str) -> SigningVendor:
    """Return Amazon Bedrock, which takes API keys too."""

    def fault(received: Received) -> str | None:
        return fault_of(received, _KEY_ID, _SECRET)

    answer = "application/vnd.amazon.eventstream", text_answer("Hello from Bedrock.")
    return SigningVendor(fault, answer, *keys)


def ask_bedrock(house: Household, vendor: SigningVendor) -> None:
    """Let opencode ask Bedrock by Amazon's SDK, at the vendor's address."""
    block = {
        "npm": "@ai-sdk/amazon-bedrock",
        "options": {"endpoint": vendor.url, "region": "us-east-1"},
        "models": {"acme.claude-x": {}},
    }
    _ask(house, "amazon-bedrock", block, MODEL)


def signer() -> SigningVendor:
    """Return the vendor whose every header is signed."""
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m1"}
    delta = {"role": "assistant", "content": "Hello, signed."}
    said = chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    lines = [f"data: {json.dumps(one)}\n\n" for one in (said, end)]
    body = "".join([*lines, "data: [DONE]\n\n"]).encode()
    return SigningVendor(_fault_of_hmac, ("text/event-stream", body))


def ask_signer(house: Household, vendor: SigningVendor) -> None:
    """Let opencode ask that vendor, by a plug-in that signs."""
    script = house.home / "signer.js"
    script.write_text(_SIGNER_SCRIPT)
    block = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{vendor.url}/v1"},
        "models": {"m1": {}},
    }
    _ask(house, "signer", block, SIGNER, plugin=[script.as_uri()])


def as_signed(received: Received) -> tuple[str, ...]:
    """Return the request's bytes, without what differs between two runs: times and ids."""
    head_lines = "\n".join(received.head_lines)
    text = head_lines + "\n\n" + received.body.decode()
    for pattern, word in _DIFFERS:
        text = re.sub(pattern, word, text)
    return tuple(text.splitlines())


# Sixty-four hex digits are a signature; the length changes with what the model is told of time.
_DIFFERS = (
    (r"\b(ses|msg|prt)_[0-9A-Za-z]+", r"\1_ID"),
    (r"\b\d{8}T\d{6}Z\b", "DATE"),
    (r"(?m)^(x-signed-at: )\d+$", r"\1TIME"),
    (r"\b[0-9a-f]{64}\b", "SIGNATURE"),
)


def _ask(
    house: Household, provider: str, block: Mapping[str, object], model: str, **more: object
) -> None:
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    config["provider"] |= {provider: block}
    config |= {"model": model, "small_model": model} | more
    file.write_text(json.dumps(config))


def _answer(
    status: int, content_type: str, body: bytes, more: dict[str, str] | None = None
) -> bytes:
    usual = {"content-type": content_type, "content-length": str(len(body))}
    return head(status, usual | (more or {})) + body


def _again(key: str | None) -> dict[str, str]:
    # What is signed with the one key of the environment is asked again by opencode itself.
    return {"retry-after": "3600"} if key else {"retry-after-ms": "50"}


def _key(received: Received) -> str | None:
    scheme, _, rest = received.headers.get("authorization", "").partition(" ")
    return rest if scheme == "Bearer" else None


def _is_title(received: Received) -> bool:
    return b"You are a title generator" in received.body


# What the transport adds, which nobody can sign before.
_SIGNER_SCRIPT = """\
import { createHmac } from "node:crypto"
const sign = (text) => createHmac("sha256", process.env.SIGNER_KEY).update(text).digest("hex")
const signed = async (input, init) => {
  const headers = new Headers(init.headers)
  headers.delete("authorization")
  headers.set("x-signed-at", String(Date.now()))
  const pairs = [...headers].sort(([a], [b]) => (a < b ? -1 : 1))
  headers.set("x-signed-headers", pairs.map(([name]) => name).join(";"))
  const text = pairs.map(([name, value]) => `${name}:${value}\\n`).join("") + init.body
  headers.set("authorization", "HMAC " + sign(text))
  return fetch(input, { ...init, headers })
}
export const Signer = async () => ({
  config: async (config) => {
    Object.assign(config.provider.signer.options, { apiKey: "unused", fetch: signed })
  },
})
"""


def _fault_of_hmac(received: Received) -> str | None:
    names = received.headers.get("x-signed-headers", "").split(";")
    missing = [name for name in names if name not in received.headers]
    if missing:
        return f"it was signed with {', '.join(missing)}, which did not arrive"
    text = "".join(f"{name}:{received.headers[name]}\n" for name in names).encode()
    right = hmac.new(_SIGNER_SECRET.encode(), text + received.body, hashlib.sha256).hexdigest()
    given = received.headers.get("authorization", "").removeprefix("HMAC ")
    return None if hmac.compare_digest(right, given) else "it is not what was signed"
