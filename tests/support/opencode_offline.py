"""What keeps the real opencode from asking other machines, and makes it quick to start.

Two things are measured on opencode 1.18.33. It installs the package with the types of its
plug-in API into every configuration folder, in the background, at every start until it is there:
a lock file that names the package is taken for the package. And its built-in list of all
providers' models costs a second of CPU time a start: a short list of our own does not.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.opencode_binary import OPENCODE_VERSION

_VENDORS = {
    "anthropic": ("@ai-sdk/anthropic", ("claude-haiku-4-5", "claude-sonnet-5")),
    "github-copilot": ("@ai-sdk/github-copilot", ("gpt-5.4", "gpt-5.4-mini")),
    "openai": ("@ai-sdk/openai", ("gpt-5.4", "gpt-5.4-mini", "gpt-5.5")),
    "xai": ("@ai-sdk/xai", ("grok-4",)),
}


def take_types_for_installed(config_folder: Path, version: str = OPENCODE_VERSION) -> None:
    """Keep opencode of that version from installing packages into `config_folder`."""
    types = {"@opencode-ai/plugin": version}
    (config_folder / "node_modules").mkdir(parents=True, exist_ok=True)
    (config_folder / "package.json").write_text(json.dumps({"dependencies": types}))
    lock = {"packages": {"": {"dependencies": types}}}
    (config_folder / "package-lock.json").write_text(json.dumps(lock))


def write_models(path: Path) -> None:
    """Write the models that opencode shall know, for OPENCODE_MODELS_PATH."""
    path.write_text(json.dumps({name: _vendor(name) for name in _VENDORS}))


def _vendor(name: str) -> dict[str, object]:
    npm, models = _VENDORS[name]
    return {
        "id": name,
        "name": name,
        "npm": npm,
        "env": [],
        "models": {model: _model(model) for model in models},
    }


def _model(name: str) -> dict[str, object]:
    return {
        "id": name,
        "name": name,
        "attachment": True,
        "reasoning": True,
        "temperature": False,
        "tool_call": True,
        "release_date": "2026-01-01",
        "last_updated": "2026-01-01",
        "modalities": {"input": ["text"], "output": ["text"]},
        "open_weights": False,
        "cost": {"input": 1, "output": 1},
        "limit": {"context": 200000, "output": 32000},
    }
