"""A HOME for the real opencode and for us: its configuration, its auth.json, its places."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.home import places
from tests.support.opencode_offline import take_types_for_installed, write_models
from tests.support.reroute import install_reroute

PATIENCE = "ROTATOR_FAILOVER__PATIENCE_SECONDS"
# Nothing is fetched, nothing is indexed, nothing is updated: tests run without a network.
_QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    # Its file finder leaves a library of 5 MB in the temporary folder at every start.
    "OPENCODE_DISABLE_FFF": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_PRUNE": "1",
    # Its engine's last stages of compilation pay for themselves in hours: without them a start
    # takes a fifth less of the processor.
    "BUN_JSC_useFTLJIT": "0",
    "BUN_JSC_useDFGJIT": "0",
    # So does the collection of its garbage, by another quarter, for 0.3 GB while it runs; tests
    # of many requests, and those that measure, take this away with `COLLECTS`.
    "BUN_JSC_useGC": "0",
    # Nobody listens there: who asks a vendor, and was not sent elsewhere, fails at once.
    "HTTPS_PROXY": "http://127.0.0.1:9",
    # Tests state ends of milliseconds so that opencode's own retry is soon, and mean no wait of
    # ours; those that do take it away.
    PATIENCE: "0",
}
COLLECTS = {"BUN_JSC_useGC": "1"}
# The coverage of our own children is measured too, wherever they run.
_HANDED_ON = ("PATH", "LANG", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Household:
    """Everything below `home` belongs to one test."""

    home: Path

    @property
    def auth_file(self) -> Path:
        """Return opencode's auth.json."""
        return self.home / ".local" / "share" / "opencode" / "auth.json"

    @property
    def log_file(self) -> Path:
        """Return opencode's log."""
        return self.auth_file.parent / "log" / "opencode.log"

    @property
    def config_folder(self) -> Path:
        """Return opencode's configuration folder."""
        return self.home / ".config" / "opencode"

    @property
    def state_dir(self) -> Path:
        """Return our own state folder."""
        return self.home / ".local" / "state" / "opencode-rotator"

    @property
    def project(self) -> Path:
        """Return the folder in which opencode works."""
        folder = self.home / "project"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def models_file(self) -> Path:
        """Return the list of the models that opencode knows."""
        return self.home / "models.json"

    @property
    def temporary(self) -> Path:
        """Return the folder for what opencode leaves behind, such as the libraries of the TUI."""
        folder = self.home / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        kept = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        own = {"OPENCODE_MODELS_PATH": str(self.models_file), "TMPDIR": str(self.temporary)}
        return kept | places(self.home) | _QUIET | own

    def configure(self, url: str, **more: Any) -> None:
        """Write opencode.json with the provider `mock` at `url` and whatever else is given."""
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{url}/v1"},
            "models": {"m1": {}},
        }
        config: dict[str, Any] = {
            "model": "mock/m1",
            "small_model": "mock/m1",
            "snapshot": False,
            "permission": {"*": "allow"},
            "provider": {"mock": provider},
        }
        self.config_folder.mkdir(parents=True, exist_ok=True)
        take_types_for_installed(self.config_folder)
        write_models(self.models_file)
        (self.config_folder / "opencode.json").write_text(json.dumps(config | more))

    def install_reroute_plugin(self, url: str) -> None:
        """Send requests to vendors' hosts to `url`, below the bridge's own fetch."""
        install_reroute(self.config_folder / "opencode.json", url)

    def write_auth(self, entries: Mapping[str, Any]) -> None:
        """Write auth.json in opencode's manner: in place, truncated first, then its mode set."""
        self.auth_file.parent.mkdir(parents=True, exist_ok=True)
        self.auth_file.write_text(json.dumps(entries, indent=2))
        self.auth_file.chmod(0o600)

    def replace_auth(self, entries: Mapping[str, Any]) -> None:
        """Put another auth.json in its place in one step, as other programs do."""
        self.auth_file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.auth_file.with_name("auth.json.new")
        beside.write_text(json.dumps(entries, indent=2))
        beside.chmod(0o600)
        beside.replace(self.auth_file)

    def read_auth(self) -> dict[str, Any]:
        """Return what auth.json holds; an absent file holds nothing."""
        if not self.auth_file.exists():
            return {}
        entries: dict[str, Any] = json.loads(self.auth_file.read_text())
        return entries
