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
from urllib.parse import parse_qsl, urlsplit

from rotator.opencode.config_files import Config
from rotator.secret import digest_of, unpadded
from rotator.system.regular_files import head
from rotator.text import sanitize

# What is named so carries a credential, in a header or an option. The bridge has the same words.
CREDENTIAL_NAMES = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)
# What makes the name of an option none of those: promptCacheKey, tokenizer, max_tokens, author.
_NO_CREDENTIAL = re.compile(
    r".*cache.*|tokeni[sz](?:er|ation)|author(?:s|ity)?(?![a-z])|key(?:board|words?)"
    r"|(?:max|min|budget|input|output|completion|reasoning|thinking|context)[\w-]*tokens(?![a-z])",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"headers$", re.IGNORECASE)
_PLACE = re.compile(r"\{(env|file):([^}]*)\}")
_LARGEST_KEY = 64 * 1024
# The SDKs that opencode brings along; any other one is code of somebody else.
_SDKS_OF_OPENCODE = re.compile(
    r"@ai-sdk/[\w./-]+|@openrouter/ai-sdk-provider|gitlab-ai-provider|venice-ai-sdk-provider"
)


@dataclass(frozen=True, slots=True)
class ConfiguredKey:
    """A key that a piece of configuration gives to a provider; `digest` is None for no text."""

    provider: str
    where: str
    digest: str | None


def keys_in(config: Config, environ: Mapping[str, str]) -> Iterator[ConfiguredKey]:
    """Yield the keys that `config` gives, for an opencode with that environment."""
    for provider, told in _providers(config):
        for given in _given(told, config, environ):
            digest = key_digest(given) if isinstance(given, str) else None
            yield ConfiguredKey(provider, config.where, digest)


def files_in(config: Config, environ: Mapping[str, str], provider: str) -> list[Path]:
    """Return the files whose texts `config` puts into what it says of the provider."""
    files: list[Path] = []
    waiting: list[object] = [told for name, told in _providers(config) if name == provider]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            names = (match[2] for match in _PLACE.finditer(value) if match[1] == "file")
            files += [_named(name, config, environ) for name in names]
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return files


def variables_in(config: Config, provider: str) -> list[str]:
    """Return the variables from which `config` lets the provider take its key."""
    names = [told.get("env") for name, told in _providers(config) if name == provider]
    return [name for env in names if isinstance(env, list) for name in env if isinstance(name, str)]


def foreign_sdks_in(config: Config, provider: str) -> list[str]:
    """Return the SDKs that `config` gives to the provider and opencode does not bring along."""
    return _foreign([told for name, told in _providers(config) if name == provider])


def foreign_sdks(config: Config) -> list[str]:
    """Return the SDKs that `config` gives to any provider and opencode does not bring along."""
    return _foreign([told for _, told in _providers(config)])


def _foreign(blocks: list[Mapping[str, Any]]) -> list[str]:
    models = [_object(model) for told in blocks for model in _object(told.get("models")).values()]
    named = [block.get("npm") for block in (*blocks, *(_object(m.get("provider")) for m in models))]
    return [sdk for sdk in named if isinstance(sdk, str) and not _SDKS_OF_OPENCODE.fullmatch(sdk)]


def key_digest(text: str) -> str:
    """Return the digest of the key in a text that may be a header's value."""
    return digest_of(re.sub(r"^bearer\s+", "", unpadded(text), flags=re.IGNORECASE))


def _providers(config: Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for provider, told in _object(_object(config.value).get("provider")).items():
        # As auth.json has it: opencode cuts what follows the id there.
        yield sanitize(provider.rstrip("/")), _object(told)


def _given(
    provider: Mapping[str, Any], config: Config, environ: Mapping[str, str]
) -> Iterator[object]:
    """Yield what is a key by its name, or stands as one in an address, at any depth."""
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", provider)]
    while waiting:
        inside, told = waiting.pop()
        for name, value in told.items():
            given = _filled(value, config, environ) if isinstance(value, str) else value
            if isinstance(value, dict):
                waiting.append((name, value))
            elif isinstance(value, list):
                waiting += [(name, part) for part in value if isinstance(part, dict)]
            elif _is_key(inside, name, value):
                yield given
            elif isinstance(given, str) and "://" in given:
                yield from _keys_in_address(given)


def _is_key(inside: str, name: str, value: object) -> bool:
    if value is None or CREDENTIAL_NAMES.search(name) is None:
        return False
    if name == "apiKey" or _HEADERS.search(inside):
        # An empty one, too: then the request goes out without any login.
        return True
    named = _NO_CREDENTIAL.sub("", name)
    return isinstance(value, str) and CREDENTIAL_NAMES.search(named) is not None


def _keys_in_address(address: str) -> Iterator[str | None]:
    try:
        parts = urlsplit(address)
    except ValueError:
        yield None
        return
    if "@" in parts.netloc:
        yield parts.password or parts.username
    for name, value in parse_qsl(parts.query):
        if CREDENTIAL_NAMES.search(name):
            yield value


def _filled(text: str, config: Config, environ: Mapping[str, str]) -> str:
    """Return `text` with what it refers to in its place, as opencode fills it in."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "env":
            return environ.get(match[2], "")
        content = head(_named(match[2], config, environ), _LARGEST_KEY)
        return (content or b"").decode("utf-8", "replace").strip()

    return _PLACE.sub(fill, text)


def _named(name: str, config: Config, environ: Mapping[str, str]) -> Path:
    """Return the file that a piece of configuration refers to."""
    name = name.strip()
    if name.startswith("~/"):
        return Path(environ.get("HOME") or "/") / name[2:]
    return config.folder / name


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
