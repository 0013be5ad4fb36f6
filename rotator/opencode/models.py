"""Which models opencode knows, as it tells them itself: newest first, without deprecated ones.

opencode is the one to ask, because plug-ins and the user's configuration add models of their own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.errors import RotatorError
from rotator.opencode.program import find_opencode
from rotator.system.regular_files import head
from rotator.text import sanitize

_ASK_SECONDS = 60.0
_LARGEST = 32 * 1024 * 1024
# Before each model's facts stands its name, alone on its line.
_NAME = re.compile(r"^(\S+?)/(\S+)$", re.MULTILINE)
_DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a provider; `released` is a date as opencode writes it, or empty."""

    provider: str
    id: str
    name: str
    released: str = ""


def ask_models(provider: str, environ: Mapping[str, str] | None = None) -> list[Model]:
    """Ask opencode for a provider's models; takes seconds. Raises RotatorError."""
    env = dict(os.environ if environ is None else environ)
    command = [find_opencode(env), "models", provider, "--verbose"]
    try:
        ended = subprocess.run(  # noqa: S603  # the user's own opencode, with words of ours
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        message = "opencode did not tell its models"
        raise RotatorError(message, hint="opencode models --verbose shows why") from exc
    models = parse_models(ended.stdout[:_LARGEST].decode("utf-8", "replace"))
    if not models:
        said = sanitize(ended.stderr[:_LARGEST].decode("utf-8", "replace"), 100)
        message = f"opencode knows no model of {provider}" + (f": {said}" if said else "")
        raise RotatorError(message, hint="log in there first: opencode lists what it can use")
    return models


def parse_models(text: str) -> list[Model]:
    """Return the models in what `opencode models --verbose` prints, newest first."""
    models = {(model.provider, model.id): model for model in _models(text)}
    return sorted(
        sorted(models.values(), key=lambda m: m.id), key=lambda m: m.released, reverse=True
    )


def _models(text: str) -> Iterator[Model]:
    decoder = json.JSONDecoder()
    for name in _NAME.finditer(text):
        begin = text.find("{", name.end())
        if begin < 0 or text[name.end() : begin].strip():
            # Without its facts it is a name and nothing else.
            yield Model(sanitize(name[1]), sanitize(name[2]), sanitize(name[2]))
            continue
        try:
            facts, _ = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            facts = {}
        if isinstance(facts, dict) and facts.get("status") != _DEPRECATED:
            yield _model(name[1], name[2], facts)


def _model(provider: str, model: str, facts: Mapping[str, Any]) -> Model:
    title, released = facts.get("name"), facts.get("release_date")
    return Model(
        sanitize(provider),
        sanitize(model),
        sanitize(title) if isinstance(title, str) and title else sanitize(model),
        sanitize(released, 10) if isinstance(released, str) else "",
    )


def known_providers(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the providers in opencode's own list of all of them, with their names; or nothing.

    It is a file that opencode fetches now and then, and may be missing.
    """
    env = os.environ if environ is None else environ
    cache = env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or "/") / ".cache"
    path = Path(env.get("OPENCODE_MODELS_PATH") or Path(cache) / "opencode" / "models.json")
    try:
        listed = json.loads(head(path, _LARGEST) or b"{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(listed, dict):
        return {}
    names = {key: entry.get("name") for key, entry in listed.items() if isinstance(entry, dict)}
    return {
        sanitize(key): sanitize(name) if isinstance(name, str) and name else sanitize(key)
        for key, name in names.items()
    }
