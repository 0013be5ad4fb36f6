"""Which providers get a key from opencode's configuration, and (as a digest) which key.

opencode takes such a key before the login in auth.json. What is read here stays here: a key
leaves as its digest alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.opencode.config_files import Config
from rotator.opencode.regular import head
from rotator.secret import digest_of
from rotator.text import clean

# Headers that carry a credential; given in the configuration they stand for the login's own.
_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key"})
_PLACE = re.compile(r"\{(env|file):([^}]*)\}")
_LARGEST_KEY = 64 * 1024


@dataclass(frozen=True, slots=True)
class ConfiguredKey:
    """A key that a piece of configuration gives to a provider; `digest` is None for no text."""

    provider: str
    where: str
    digest: str | None


def keys_in(config: Config, environ: Mapping[str, str]) -> Iterator[ConfiguredKey]:
    """Yield the keys that `config` gives, for an opencode with that environment."""
    for provider, told in _object(_object(config.value).get("provider")).items():
        for given in _given(_object(told)):
            text = given if isinstance(given, str) else None
            digest = None if text is None else digest_of(_key(_filled(text, config, environ)))
            yield ConfiguredKey(clean(provider), config.where, digest)


def _given(provider: Mapping[str, Any]) -> Iterator[object]:
    options = _object(provider.get("options"))
    if options.get("apiKey") is not None:
        # An empty one, too: then the request goes out without any login.
        yield options["apiKey"]
    models = _object(provider.get("models")).values()
    for holder in (options, *(_object(model) for model in models)):
        headers = _object(holder.get("headers"))
        yield from (value for name, value in headers.items() if name.lower() in _HEADERS)


def _filled(text: str, config: Config, environ: Mapping[str, str]) -> str:
    """Return `text` with what it refers to in its place, as opencode fills it in."""

    def fill(found: re.Match[str]) -> str:
        if found[1] == "env":
            return environ.get(found[2], "")
        name = found[2].strip()
        if name.startswith("~/"):
            name = str(Path(environ.get("HOME") or "/") / name[2:])
        content = head(config.folder / name, _LARGEST_KEY)
        return (content or b"").decode("utf-8", "replace").strip()

    return _PLACE.sub(fill, text)


def _key(text: str) -> str:
    return re.sub(r"^bearer\s+", "", text.strip(), flags=re.IGNORECASE)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
