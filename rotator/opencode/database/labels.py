"""Names of logins that say a secret: somebody has pasted a key where its name was asked for.

Such a name is none: it would be an alias, and stand in events, files and on screens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rotator.opencode.home import HomeEntry

# A shorter text may stand in a name by chance.
_LEAST = 8
# So much of a secret is as good as one.
_LONG_PART = 16
_TEXTS = re.compile(rf'[^\s"\\]{{{_LEAST},}}')


def says_secret(label: str, secrets: Iterable[str]) -> bool:
    """Tell whether a name is one of these secrets, has one in it, or is a long part of one."""
    said = label.strip()
    return any(
        said == secret
        or (len(secret) >= _LEAST and secret in said)
        or (len(said) >= _LONG_PART and said in secret)
        for secret in secrets
    )


def secrets_of(entry: HomeEntry) -> Iterator[str]:
    """Yield what is secret of a login; of one that cannot be read all that may be."""
    credential = entry.credential
    if isinstance(credential, str):
        yield from _TEXTS.findall(entry.value.reveal())
        return
    for secret in (credential.secret, credential.refresh):
        if secret:
            yield secret.reveal()
