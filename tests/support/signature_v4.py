"""AWS's Signature Version 4, checked as Amazon checks it: who changes what was signed is refused.

The algorithm is public: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote

from tests.support.loopback_http import Received

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), "
    r"SignedHeaders=(?P<signed>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def fault_of(received: Received, key_id: str, secret: str) -> str | None:
    """Return why Amazon would refuse the request, or None when its signature is right."""
    found = _AUTHORIZATION.fullmatch(received.headers.get("authorization", ""))
    if found is None:
        return "it is not signed"
    if found["key"] != key_id:
        return "another key has signed it"
    names = found["signed"].split(";")
    missing = [name for name in names if name not in received.headers]
    if missing:
        return f"it was signed with {', '.join(missing)}, which did not arrive"
    if _signature(received, names, found["scope"], secret) != found["signature"]:
        return "it is not what was signed"
    return None


def _signature(received: Received, names: list[str], scope: str, secret: str) -> str:
    request = _canonical(received, names)
    at = received.headers["x-amz-date"]
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashed}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _canonical(received: Received, names: list[str]) -> str:
    path, _, query = received.target.partition("?")
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query))
    headers = [f"{name}:{' '.join(received.headers[name].split())}\n" for name in names]
    return "\n".join(
        [
            received.method,
            # The path is encoded once on the wire and once more in what is signed.
            quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(headers),
            ";".join(names),
            hashlib.sha256(received.body).hexdigest(),
        ]
    )
