"""A registry of npm on 127.0.0.1 with one package, the types of opencode's plug-in API.

The package is an empty one: nothing in the tests needs what is in the real one.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.household import Household
from tests.support.loopback_http import Connection, LoopbackServer, Received, head
from tests.support.opencode_binary import OPENCODE_VERSION

# Where no proxy is to be asked.
# Nobody listens there: who asks is refused at once, as without a network.
LOOPBACK = "127.0.0.1"
OUT_OF_REACH = "http://127.0.0.1:9/"
PACKAGE = "@opencode-ai/plugin"
_TARBALL = "/plugin.tgz"


@contextmanager
def npm_registry() -> Iterator[str]:
    """Serve the package while the block runs; the address is what npm takes for its registry."""
    tarball = _packed({"name": PACKAGE, "version": OPENCODE_VERSION})

    def serve(received: Received, connection: Connection) -> bool:
        status, kind, body = 404, "application/json", b"{}"
        if received.target == _TARBALL:
            status, kind, body = 200, "application/octet-stream", tarball
        elif received.method == "GET":
            url = f"http://{received.headers['host']}{_TARBALL}"
            status, body = 200, json.dumps(_about(url, tarball)).encode()
        headers = {"content-type": kind, "content-length": str(len(body))}
        connection.send(head(status, headers) + body)
        return True

    with LoopbackServer(serve) as server:
        yield f"http://127.0.0.1:{server.port}/"


@contextmanager
def silent_registry() -> Iterator[str]:
    """Take connections and say nothing, as some firewalls do."""

    def serve(_: Received, connection: Connection) -> bool:
        connection.pause(600)
        return False

    with LoopbackServer(serve) as server:
        yield f"http://127.0.0.1:{server.port}/"


def forget_packages(house: Household) -> None:
    """Let opencode install its package again, which a household keeps it from."""
    shutil.rmtree(house.config_folder / "node_modules")
    for name in ("package.json", "package-lock.json"):
        (house.config_folder / name).unlink()


def _about(url: str, tarball: bytes) -> dict[str, object]:
    digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    dist = {"tarball": url, "integrity": f"sha512-{digest}"}
    version = {"name": PACKAGE, "version": OPENCODE_VERSION, "dist": dist}
    latest = {"latest": OPENCODE_VERSION}
    return {"name": PACKAGE, "dist-tags": latest, "versions": {OPENCODE_VERSION: version}}


def _packed(package: dict[str, str]) -> bytes:
    content = json.dumps(package).encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()
