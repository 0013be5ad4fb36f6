"""Who sends the request: the real opencode, the bridge's file under Node, or a stand-in.

Each is a program that is started with the made-up provider's address and prints the answer.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from rotator.demo.homes import AuthFile, DemoHome, SecondServer, start_second
from rotator.demo.provider import MODEL
from rotator.demo.stage import Child, Stage
from rotator.errors import UsageError
from rotator.opencode.bridge.install import bridge_file
from rotator.system.interrupts import counting_at_once

PROVIDER = "acme"
OLDEST_NODE = 18
PROMPT = "Say hello"
_VERSION_SECONDS = 2.0
# It starts a whole runtime for it.
_OPENCODE_SECONDS = 10.0
# opencode fetches none of this when it is told not to; the demo needs no network.
_QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
}

Kind = Literal["opencode", "opencode 2", "node", "stand-in"]
_SECOND, _FIRST_UNKNOWN = 2, 3


@dataclass(frozen=True, slots=True)
class Client:
    """A client that was chosen; `about` says on the screen what it is."""

    kind: Kind
    about: str
    program: str

    @property
    def needs_bridge(self) -> bool:
        """Whether it loads the bridge's file, which then has to be installed."""
        return self.kind != "stand-in"

    def open_home(self, stage: Stage, base_url: str) -> DemoHome:
        """Return where the logins of the demo are made."""
        if self.kind != "opencode 2":
            return AuthFile()
        _write_config(stage, base_url)
        return start_second(stage, self.program, _QUIET)

    def send(self, stage: Stage, base_url: str, home: DemoHome) -> Child:
        """Start the one request of the demo."""
        url = f"{base_url}/chat/completions"
        match self.kind:
            case "opencode 2" if isinstance(home, SecondServer):
                words = [self.program, "run", "--server", home.url, "--title", "demo", PROMPT]
                return stage.start("opencode run", words, {**_QUIET, **home.env})
            case "opencode 2":
                raise TypeError(home)
            case "opencode":
                _write_config(stage, base_url)
                words = [self.program, "run", "--title", "demo", PROMPT]
                return stage.start("opencode run", words, _QUIET)
            case "node":
                driver = stage.work / "driver.mjs"
                source = resources.files("rotator.demo") / "driver.mjs"
                driver.write_bytes(source.read_bytes())
                bridge = str(bridge_file(stage.paths).path)
                words = [self.program, str(driver), bridge, PROVIDER, url, PROMPT]
                return stage.start("node", words)
            case "stand-in":
                words = ["-P", "-m", "rotator.demo.stand_in", PROVIDER, url]
                return stage.start("the stand-in", [self.program, *words])


def real_opencode(env: Mapping[str, str], path: str | None) -> Client:
    """Return the opencode at `path`, else the one on PATH; raises UsageError if it is not there."""
    program = shutil.which(path or "opencode", path=env.get("PATH", ""))
    if program is None:
        where = f"as {path}" if path else "on PATH"
        message = f"opencode was not found {where}"
        hint = "name it with --opencode, or leave --with-opencode away: the demo needs no opencode"
        raise UsageError(message, hint=hint)
    program = str(Path(program).absolute())
    major = _major(program, env, _OPENCODE_SECONDS)
    if major is not None and _SECOND <= major < _FIRST_UNKNOWN:
        return Client("opencode 2", f"the real OpenCode 2 ({program}) with the bridge", program)
    return Client("opencode", f"the real opencode ({program}) with the bridge", program)


def best_without_opencode(env: Mapping[str, str]) -> Client:
    """Return the bridge's file under Node where a Node from 18 on runs, else the stand-in."""
    node = shutil.which("node", path=env.get("PATH", ""))
    version = _major(node, env, _VERSION_SECONDS) if node else None
    if node and version and version >= OLDEST_NODE:
        return Client("node", f"the bridge's own file, run by Node {version}", node)
    why = f"Node {version} is too old for it" if version else "no Node was found for it"
    about = f"a stand-in in Python plays the bridge's part: {why}"
    return Client("stand-in", about, sys.executable)


def _major(program: str, env: Mapping[str, str], seconds: float) -> int | None:
    """Return a program's major version, or None if it does not run in the demo's environment."""
    try:
        with counting_at_once():
            said = subprocess.run(  # noqa: S603  # a program that was found on PATH
                [program, "--version"],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    # Node says v24.1.0, opencode 1.18.33, and OpenCode 2 `opencode v2.0.15`.
    match = re.match(rb"(?:opencode )?v?(\d+)\.", said)
    return int(match[1]) if match else None


def _write_config(stage: Stage, base_url: str) -> None:
    model = f"{PROVIDER}/{MODEL}"
    provider: Mapping[str, object] = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Acme",
        "options": {"baseURL": base_url},
        "models": {MODEL: {"name": "the made-up model"}},
    }
    config = {"model": model, "small_model": model, "provider": {PROVIDER: provider}}
    folder = stage.paths.opencode_config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "opencode.json").write_text(json.dumps(config, indent=2))
    # opencode fetches types for plugins from the network before it loads one, unless they seem
    # to be there (1.18.33: a lock file that names them, beside a folder node_modules). Nothing
    # here needs them.
    (folder / "node_modules").mkdir(exist_ok=True)
    locked = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
    (folder / "package-lock.json").write_text(json.dumps(locked))
