"""Amazon's signature of requests, version 4, as a vendor verifies it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

_FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/(?P<scope>\S+), "
    r"SignedHeaders=(?P<signed>\S+), Signature=(?P<signature>[0-9a-f]{64})"
)


def is_signed_with(
    secret: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Tell whether a request (without a query) arrived as it was signed with `secret`."""
    found = _FORM.fullmatch(headers.get("authorization", ""))
    if found is None:
        return False
    signed = found["signed"].split(";")
    lines = [
        method,
        quote(path, safe="/~"),
        "",
        *(f"{name}:{headers.get(name, '').strip()}" for name in signed),
        "",
        found["signed"],
        hashlib.sha256(body).hexdigest(),
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], found["scope"], digest])
    key = f"AWS4{secret}".encode()
    for part in found["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex() == found["signature"]
