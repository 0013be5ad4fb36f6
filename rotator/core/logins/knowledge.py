"""What is known of secrets, of where tokens came from, and of people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rotator.model import AccountId, Credential, Descent, Digest, Identity, State
from rotator.secret import Secret


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the interpretation needs beside the contents.

    `watched` says that no write between the two contents can have been missed; `written_at` is when
    the last one was made, None: that is not known. Of a vendor for
    which neither `rotates_tokens` nor `keeps_refresh_tokens` nobody knows what a refresh does.
    `recall` and `was_removed` are asked for secrets so old that `state` does not have them at
    hand; `descent` and `was_exchanged` for what bridges saw of tokens.
    """

    state: State
    parse: Callable[[str, Secret], Credential | str]
    identify: Callable[[str, Credential], Identity]
    rotates_tokens: Callable[[str], bool]
    now: datetime
    watched: bool
    written_at: datetime | None = None
    keeps_refresh_tokens: Callable[[str], bool] = lambda _: False
    recall: Callable[[str, Digest], AccountId | None] = lambda *_: None
    was_removed: Callable[[str, Digest], bool] = lambda *_: False
    descent: Callable[[Digest], Descent | None] = lambda _: None
    was_exchanged: Callable[[Digest], bool] = lambda _: False

    def holder(self, provider: str, digest: Digest) -> AccountId | None:
        """Return whose secret that is or once was, or None."""
        return self.state.digests.get((provider, digest)) or self.recall(provider, digest)

    def is_removed(self, provider: str, digest: Digest) -> bool:
        """Tell whether it is a secret of an account that the user removed."""
        return (provider, digest) in self.state.removed or self.was_removed(provider, digest)
