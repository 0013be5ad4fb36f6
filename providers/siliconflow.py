"""SiliconFlow: API keys on an account with a balance, of its two sites.

Source, certainty H: https://docs.siliconflow.com/en/api-reference/userinfo/get-user-info
(November 2026). In China the address is gone since August 2026 (https://docs.siliconflow.cn/docs/release-notes/overview,
as steipete/CodexBar, docs/siliconflow.md, has it): older gateways still answer. A key of one site
is none at the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Credential, Identity, Snapshot
from rotator.provider import Reading

_GONE = {404, 410}
_GOOD = 20_000


@dataclass(frozen=True, slots=True)
class SiliconFlow(ApiKeys):
    """One site: its id, the address of the balance, and the currency that is meant there."""

    ids: tuple[str, ...]
    url: str
    currency: str

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what was given and what was paid together, and whose limits they are."""
        answer = yield get(self.url, credential)
        if answer.status in _GONE:
            raise UnexpectedAnswer("SiliconFlow does not tell a key of this site what is left")
        body = document(answer, now)
        data = body.part("data")
        if data is None or Pieces().read(body.number, "code") not in {None, _GOOD}:
            raise body.unusable("code" if data is not None else "data")
        left = data.number("totalBalance")
        if left is None:
            raise data.unusable("totalBalance")
        who = Identity(group=data.text("id"))
        money = Balance(left, self.currency)
        return Snapshot(now, balance=money, identity=who, spent=left <= 0, complete=True)


PROVIDERS = (
    SiliconFlow(("siliconflow",), "https://api.siliconflow.com/v1/user/info", "USD"),
    SiliconFlow(("siliconflow-cn",), "https://api.siliconflow.cn/v1/user/info", "CNY"),
)
