"""Z.AI and Zhipu (BigModel): the GLM Coding Plan, and keys that pay as they go.

Sources, certainty H: https://github.com/robinebers/openusage/issues/1104 and
https://github.com/getpaseo/paseo/issues/5057 (answers), https://github.com/lidge-jun/opencodex/pull/2976
(the Chinese host takes the bare key). The codes are in `providers/zai/codes.py`.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys, UnaskedKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import (
    DAY,
    HOUR,
    MONTH,
    WEEK,
    distinct,
    month,
    window,
)
from providers.zai import codes
from rotator.errors import LoginRejected, RateLimited, UnexpectedAnswer
from rotator.model import Credential, Meaning, Snapshot, Window
from rotator.provider import HttpRequest, LoginCheck, Reading

_PATH = "/api/monitor/usage/quota/limit"
_GOOD = 200
# Calls of the plan's tools (web search and the like): the models go on without them.
_TOOLS = "TIME_LIMIT"
_LIMITS = {"TOKENS_LIMIT", "CREDIT_LIMIT", _TOOLS}
_UNITS = {1: DAY, 3: HOUR, 4: DAY, 5: MONTH, 6: WEEK}
_MOST = 1_000
# A percentage is rounded down, so that the exact fraction is less than two hundredths off.
_ROUNDED = 0.02


class _Glm(ApiKeys):
    """What holds for a key of either kind, at one of the two hosts."""

    def __init__(self, provider: str, host: str, *, bare_key: bool) -> None:
        self.ids = (provider,)
        self._url = f"https://{host}{_PATH}"
        self._bare_key = bare_key

    def _request(self, credential: Credential) -> HttpRequest:
        if self._bare_key:
            return HttpRequest("GET", self._url, {"authorization": credential.secret})
        return get(self._url, credential)


class CodingPlan(_Glm):
    """A plan with windows."""

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the windows of the models and the one of the tools."""
        body, pieces = document((yield self._request(credential)), now), Pieces()
        _refuse(body, pieces)
        data = body.part("data")
        if data is None or data.values.get("limits") is None:
            raise body.unusable("data.limits")
        limits = [part for part in pieces.parts(data, "limits") if _kind(part) in _LIMITS]
        windows = distinct(pieces.windows(limits, _window))
        complete = pieces.are_whole and bool(windows)
        plan = data.text("level")
        return pieces.told(Snapshot(now, windows, plan=plan, complete=complete))


class PayAsYouGo(_Glm, UnaskedKeys):
    """Keys without a plan."""

    why = "a key that pays as it goes is not told what is left"

    def check_login(self, credential: Credential, now: datetime) -> LoginCheck | None:
        """Ask as for a plan: a key without one is known and told so."""
        if credential.type != "api":
            return None
        return _ask_for_plan(self._request(credential), now)


def _ask_for_plan(request: HttpRequest, now: datetime) -> LoginCheck:
    body = document((yield request), now)
    pieces = Pieces()
    if _is_without_plan(body, pieces):
        return
    _refuse(body, pieces)
    if body.part("data") is None:
        raise body.unusable("data")


def _refuse(body: Part, pieces: Pieces) -> None:
    """Raise what a refusal means, which comes with the status of a good answer."""
    code, is_good = pieces.read(body.count, "code"), pieces.read(body.flag, "success")
    if is_good is not False and code in {None, 0, _GOOD}:
        return
    meaning, _ = codes.CODES.get(str(code), (None, ""))
    if meaning is Meaning.LOGIN_DEAD:
        raise LoginRejected(f"the vendor does not accept the key: code {code}")
    if meaning in {Meaning.SHORT_LIMIT, Meaning.OVERLOAD}:
        raise RateLimited(f"the vendor does not want to be asked so often: code {code}")
    if _is_without_plan(body, pieces):
        raise UnexpectedAnswer("the vendor finds no coding plan behind this key")
    raise UnexpectedAnswer(f"the vendor refused to tell: code {code}")


def _is_without_plan(body: Part, pieces: Pieces) -> bool:
    """Tell whether a key is known, and has no plan."""
    meaning, _ = codes.CODES.get(str(pieces.read(body.count, "code")), (None, ""))
    return meaning is not Meaning.LOGIN_DEAD and "coding plan" in (body.text("msg") or "").lower()


def _window(limit: Part) -> Window:
    unit, count = limit.count("unit"), limit.count("number")
    if unit not in _UNITS:
        raise limit.unusable("unit")
    if count is None or not 1 <= count <= _MOST:
        raise limit.unusable("number")
    used, resets_at = _used(limit), limit.moment("nextResetTime")
    about, blocks = ("tools", False) if _kind(limit) == _TOOLS else ("", True)
    if _UNITS[unit] == MONTH and count == 1:
        return month(used, resets_at, about=about, blocks=blocks)
    return window(_UNITS[unit] * count, used, resets_at, about=about, blocks=blocks)


def _kind(limit: Part) -> str | None:
    return limit.text("type") or limit.text("name")


def _used(limit: Part) -> float:
    """Return the fraction that is used: from the counts, where they agree with the percentage.

    All of it is used where the percentage says so, for that is what the vendor goes by.
    """
    told = limit.percent("percentage")
    if told is None:
        raise limit.unusable("percentage")
    current, most = limit.one_of_several("currentValue"), limit.one_of_several("usage")
    exact = fraction(current, most) if current is not None and most else told
    return exact if told < 1 and abs(exact - told) < _ROUNDED else told


PROVIDERS = (
    CodingPlan("zai-coding-plan", "api.z.ai", bare_key=False),
    CodingPlan("zhipuai-coding-plan", "open.bigmodel.cn", bare_key=True),
    PayAsYouGo("zai", "api.z.ai", bare_key=False),
    PayAsYouGo("zhipuai", "open.bigmodel.cn", bare_key=True),
)
