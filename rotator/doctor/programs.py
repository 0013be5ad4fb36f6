"""Looks at opencode itself and at the provider modules."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.doctor.own_keys import look_for_own_keys, look_for_wellknown
from rotator.doctor.registry_wait import look_for_registry_waits
from rotator.doctor.running import running_versions
from rotator.doctor.setup import DoctorContext
from rotator.plugins.loader import GROUP, announced
from rotator.plugins.registry import load_registry
from rotator.system.file_owners import owner_below_root
from rotator.system.interrupts import counting_at_once
from rotator.text import sanitize

OLDEST, SECOND, FIRST_UNSUPPORTED = (1, 17, 0), (2, 0, 0), (3, 0, 0)
_SUPPORTED = "1.17 and newer, and 2"
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?![\d.])")
_IN_CELLAR = re.compile(r"/Cellar/opencode/([^/]+)/")
_PACKAGES = re.compile(r"opencode-ai|opencode-\w+-[\w-]+|@opencode/cli")
_MOST_BYTES = 64 * 1024
# It starts a whole runtime for it.
_PATIENCE_SECONDS = 10.0


def look_at_opencode(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say which opencode is there and whether its logins are where we look."""
    program = shutil.which("opencode", path=setup.environ.get("PATH", ""))
    if program is None:
        says = "no opencode is on the PATH"
        yield note(Check.OPENCODE, says, "install it, or put it on the PATH")
    else:
        yield _remark_on(f"{program} is", version_of(Path(program)))
    for bridge in running_versions(setup):
        if _parsed(bridge.opencode) is None or not _is_supported(bridge.opencode):
            yield _remark_on(f"the running opencode {bridge.who} is", bridge.opencode)
    yield from look_for_own_keys(setup)
    yield from look_for_registry_waits(setup)
    yield from look_for_wellknown(setup)


def _remark_on(which: str, version: str | None) -> CheckResult:
    if version is None or _parsed(version) is None:
        says = f"{which} an opencode whose version cannot be told"
        return note(Check.OPENCODE, says, f"supported are {_SUPPORTED}")
    if not _is_supported(version):
        says = f"{which} opencode {version}, which is not supported"
        return problem(Check.OPENCODE, says, f"supported are {_SUPPORTED}")
    if (_parsed(version) or OLDEST) >= SECOND:
        says = f"{which} OpenCode {version}: its logins are kept and rotated"
        return note(Check.OPENCODE, says, "2.0.15 was tried")
    return ok(Check.OPENCODE, f"{which} opencode {version}")


def _is_supported(version: str) -> bool:
    numbers = _parsed(version)
    return numbers is not None and OLDEST <= numbers < FIRST_UNSUPPORTED


def _parsed(version: str) -> tuple[int, int, int] | None:
    match = _VERSION.match(version.removeprefix("v"))
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def version_of(program: Path) -> str | None:
    """Return the version of an opencode, without starting it where its package tells."""
    real = program.resolve()
    cellar = _IN_CELLAR.search(real.as_posix())
    return cellar[1] if cellar else _packaged(real) or _told_by(program)


def _packaged(real: Path) -> str | None:
    for folder in list(real.parents)[:3]:
        package = _package(folder / "package.json")
        if _PACKAGES.fullmatch(str(package.get("name"))):
            return sanitize(package.get("version") or "") or None
    return None


def _package(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _told_by(program: Path) -> str | None:
    """Ask the program itself, in a HOME of its own: it makes folders wherever it runs."""
    if owner_below_root(program) is not None:
        return None  # it would have root's rights
    with tempfile.TemporaryDirectory(prefix="rotator-doctor-") as home:
        quiet = {"HOME": home, "PATH": "/usr/bin:/bin", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
        try:
            # A group of its own, so that what it starts ends with it.
            process = subprocess.Popen(  # noqa: S603  # the opencode on the user's own PATH
                [program, "--version"],
                env=quiet,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return None
        said = _heard(process)
    words = said.decode("utf-8", "replace").split()
    return sanitize(words[-1]) if words and process.returncode == 0 else None


def _heard(process: subprocess.Popen[bytes]) -> bytes:
    """Return what a program says, or nothing if it does not end in time."""
    with process:
        try:
            with counting_at_once():
                return process.communicate(timeout=_PATIENCE_SECONDS)[0]
        except subprocess.TimeoutExpired:
            return b""
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def look_at_providers(setup: DoctorContext) -> Iterator[CheckResult]:  # noqa: ARG001  # every check gets it
    """Say which provider modules are broken, and which come from packages of others."""
    registry = load_registry()
    problems = registry.all_problems()
    for sentence in problems:
        yield problem(Check.PROVIDERS, sentence, "install the program or that package anew")
    for point in announced(GROUP):
        what = f"{sanitize(point.name)} of the package {sanitize(point.package)}"
        yield note(Check.PROVIDERS, f"{what} adds provider modules of somebody else's")
    if not problems:
        yield ok(Check.PROVIDERS, f"{len(registry.providers)} providers are known")
