"""What a sentence says of a moment or of a length: that a limit is over then, or something else.

Pure. English tells it before what is meant, Chinese before or behind it. How long something took,
or how long an offer holds, is no end: `timed out after 600 seconds`, `valid until December 1`.
"""

from __future__ import annotations

import re
from bisect import bisect_left

BEFORE, AFTER = 64, 48
_OF_THE_CUE, _NEAR = 24, 32

# The first letters of every cue.
FIRST_LETTERS = frozenset({
    "try", "tryi", "retr", "rese", "rene", "refr", "repl", "refi", "rest", "rega", "avai",
    "resu", "unlo", "unbl", "lift", "cool", "wait", "back", "agai", "reco", "rege", "reac",
    "unav", "limi", "paus", "next", "unti", "till", "afte", "bann", "bloc", "susp", "lock",
    "thro", "barr", "wind", "cycl", "peri", "ban", "pena", "can", "able", "roll", "will",
})  # fmt: skip
_CUE = (
    r"(?<![a-z])(?:try(?:ing)?(?: \w+){0,4}? again|retr(?:y|ies|ied|ying)\w*|resets?|resetting"
    r"|renew(?:s|ed|al)?|refresh(?:es|ed)?|replenish\w*|refills?|restor\w+|regains?|available"
    r"|resumes?|unlock\w*|unblock\w*|lift(?:s|ed)|cool[- ]?down|wait|back|again|recover\w*"
    r"|rolls over|rolling over|will roll over|regenerat\w+|reactivat\w+|unavailable|limited|paused"
    r"|next (?:request|attempt|window))"
    r"(?![a-z])"
)
# Of these only how long they last.
_HELD = (
    r"(?<![a-z])(?:banned|blocked|suspended|locked(?: out)?|throttled|restricted|barred|cooling"
    r"(?: down)?)(?: \w+){0,2}? (?P<held>for)"
    r"|(?<![a-z])(?:ban|block|lockout|suspension|penalty|throttling) (?P<length>duration|period"
    r"|length|remaining|left|time(?: left| remaining)?)(?: is| of)?"
)
_ENDS = (
    r"(?<![a-z])(?:window|cycle|period|ban|block(?:ing)?|lockout|suspension|cool[- ]?down|penalty"
    r"|restriction|throttling|limit(?:ation)?)(?: \w+)? (?:will )?"
    r"(?:ends?|expires?|closes?|lapses?|is over|ending)(?: (?P<ends>at|in|on|after|by))?"
)
# `You can send another message in 5 minutes`; but not what may be done `for 5 minutes`.
_ALLOWED = (
    r"(?<!not )(?<!not be )(?<!n't be )(?<![a-z])(?:able to|can)"
    r" (?:continue|resume|proceed|send|start|ask|chat)"
    r"(?: (?:another|an?|new|more|the|your|using|working|messages?|requests?|prompts?|questions?"
    r"|conversations?|sessions?|chats?)){0,4} (?P<allowed>in|at|after|on)"
    # Not when something is paid for again.
    r"|(?<![a-z])next (?:(?!billing|payment|invoice|subscription|plan)[\w-]+ ){0,2}"
    r"(?:window|cycle|period|session) (?:will )?"
    r"(?:starts?|begins?|opens?)(?: (?P<begins>at|in|on|after))?"
)
_NEARLY = (
    r"(?:(?:about|around|approximately|approx\.?|roughly|another|the next|at least|less than|up to)"
    r" ?|[~≈])?(?:the |this )?"
)
_JOIN = r"[ :=(~*_\"'`]{0,4}"
_IN_ENGLISH = re.compile(
    rf"(?:{_CUE}(?:[ _-]?(?P<near>time|date|at|in|after))?{_JOIN}"
    rf"|{_CUE}[^.\d\n]{{0,40}}? (?P<by>in|after|within|for|at|on|by|until|till|from|is|every|each)"
    rf"{_JOIN}|(?:{_HELD}|{_ENDS}|{_ALLOWED}){_JOIN}|\b(?P<until>until|till|after){_JOIN}|\breached\|)"
    rf"{_NEARLY}",
    re.IGNORECASE,
)
# A connection that was reset, what is over by now, how long others wait, what is counted. Each
# is looked for where a word begins with one of these letters.
TROUBLE = frozenset({
    "conn", "stre", "sock", "peer", "tcp", "http", "chan", "pipe", "serv", "disc", "aver", "avg",
    "mean", "medi", "typi", "max", "maxi", "was", "were", "been", "roll", "fall", "fell", "went",
    "came", "fail", "time", "cras", "clos", "drop", "refu", "afte", "desp", "limi", "tria", "grac",
    "subs", "prom", "noti", "cont", "rete", "gave", "givi", "abor", "retr", "atte", "trie", "unsu",
    "by",
})  # fmt: skip
_NO_END = re.compile(
    r"(?:connection|stream|socket|peer|tcp|http/?[23]?|channel|pipe|server|disconnect)"
    r"[s/]? ?(?:was |is |were |got |has been |have been )?reset"
    r"|(?:average|avg\.?|mean|median|typical|max(?:imum)?) (?:queue )?(?:wait|retry|cool)"
    r"|(?:was|were|been) (?:reset|unavailable|available|restored|refreshed|renewed|recovered)"
    r"|(?:roll|rolled|rolling|fall|fell|falling|went|came) back"
    r"|(?:failed|timed out|crashed|closed|dropped|refused) again"
    r"|(?:after|despite) retrying|limited to "
    r"|(?:trial|grace|subscription|promo\w*|notice|contract|retention) (?:period|window|cycle)",
    re.IGNORECASE,
)
# Between such a word and a length: what did not go well took so long.
_FAILED = re.compile(
    r"(?:failed|failing|timed[ -]out|time-?out|gave up|giving up|aborted|dropped|disconnected"
    r"|(?:retries|attempts|tries) (?:\w+ )?exhausted|unsuccessful\w*|by peer)\b",
    re.IGNORECASE,
)
# How long what a customer has holds: none of it is over then for the account.
_HOLDS = re.compile(
    r"(?<!not )(?<!not be )(?<!n't )(?<!n't be )(?<!n\u2019t be )"
    r"\b(?:(?:valid|active|available|good|supported|free|paid(?: up)?|open|accepted|runs|offered"
    r"|guaranteed|covered|extended|prepaid|discounted|subscribed|cached|kept|stored)(?: \w+)?"
    r" (?:until|till)|(?:expires?|expired|deprecated|retired|removed|discontinued|created"
    r"|released|dated|failed|closed|timed out) after) ?[(\"'`]?(?:the )?$",
    re.IGNORECASE,
)
# Behind a length: it is over, or it is how long something else lasted.
_LASTED = re.compile(
    r"[ -]?(?:time-?out|timed out|of (?:inactivity|silence|idl|use|usage|non)|ago\b|elapsed"
    r"|after (?:your |the |its )?(?:first|last|purchase|sign|regist|activat|creat)"
    r"|without (?:an? |any )?(?:response|answer|data|activity|progress|output)"
    r"|did not|didn't|(?:was|were|has|have|had) (?:passed|elapsed|been exceeded|exceeded)|exceeded"
    r"| ?(?:之|以)?[后後]?(?:仍|还|還|依然)?(?:未|没有|沒有|无|無|已|被)?"
    r"(?:超时|超時|断开|斷開|关闭|關閉|失败|失敗|中断|中斷|响应|響應|取消)"
    r"| ?[内內]| ?[的个個]?(?:使用)?(?:[额額限配]|窗口|上限))",
    re.IGNORECASE,
)
_UNTIL_RESET = re.compile(
    r" ?(?:left |remaining )?(?:until|till|before) (?:(?:the|your|you|it|next|quota|limit) )*"
    r"(?:resets?|retry|can|try|renew|refresh|next|request)",
    re.IGNORECASE,
)
_CHINESE = (
    "重置|重試|重试|再试|再試|再次|恢复|恢復|刷新|解封|解除|解禁|可用|继续|繼續|更新|续期|冷却|冷卻"
)
_BANNED = "封禁|封停|封锁|封鎖|冻结|凍結|锁定|鎖定"
_SHUT = f"{_BANNED}|禁用|限制|限流|暂停|暫停|停用|冷却|冷卻"
_IN_CHINESE = re.compile(
    rf"(?:(?:{_CHINESE}|(?<!已)(?:等待|等)|剩余)[^0-9。，,\n每周期隔]{{0,10}}"
    rf"|(?:{_SHUT})(?:[^0-9。，,\n]{{0,8}}(?:至|到)[^0-9。，,\n]{{0,3}}"
    r"|(?:时长|時長|时间|時間|期限|期)(?:为|為|是|还有|還有)?[:： ]{0,2})"
    rf"|(?:{_BANNED})[:： ]{{0,2}})$"
)
_LATER = re.compile(rf" ?(?:之|以)?(?:后|後)[^0-9。，,\n]{{0,10}}(?:{_CHINESE}|使用|访问|请求)")
_THEN = re.compile(rf" ?(?:之后|以后|后|後|时|起)?[^0-9。，,\n]{{0,8}}(?:{_CHINESE})")


class Cues:
    """The places in a text where words for an end begin, and those for what is none."""

    def __init__(self, text: str, starts: list[int], troubles: list[int]) -> None:
        self._text = text
        self._starts = starts
        # Each with how far before the cue it may begin.
        self._troubles = [
            (match.start() + reach, match.end())
            for start in troubles
            for pattern, reach in ((_NO_END, _OF_THE_CUE), (_FAILED, 0))
            if (match := pattern.match(text, start))
        ]

    def before(self, begin: int, end: int) -> str | None:
        """Return by which word the end of `text[begin:end]` states one, or None if it does not."""
        starts = self._starts
        for start in starts[bisect_left(starts, begin) : bisect_left(starts, end)]:
            cue = _IN_ENGLISH.fullmatch(self._text, start, end)
            if cue is not None and not self._is_of_trouble(start, end):
                return _by(cue.groupdict())
        return None

    def _is_of_trouble(self, start: int, end: int) -> bool:
        # It ends behind where the cue begins: else it is said of something before.
        return any(reaches >= start < ends <= end for reaches, ends in self._troubles)


def _by(told: dict[str, str | None]) -> str:
    if told["until"]:
        # Without more, only what is a moment: what took so long is told by "after", too.
        return "until"
    if told["held"] or told["length"]:
        return "for"
    names = ("near", "by", "ends", "allowed", "begins")
    return next((word for name in names if (word := told[name])), "").lower()


def is_said_in_chinese(before: str) -> bool:
    """Tell whether the words before a place say in Chinese that an end stands there."""
    return not before.isascii() and _IN_CHINESE.search(before[-_NEAR:]) is not None


def is_a_length_s_end(by: str | None, rest: str, *, chinese: bool) -> bool:
    """Tell whether a length is until the end, by the words before and behind it."""
    if _LASTED.match(rest):
        return False
    is_meant = by is not None and by not in {"until", "till"}
    return is_meant or chinese or bool(_LATER.match(rest) or _UNTIL_RESET.match(rest))


def is_a_moment_s_end(by: str | None, before: str, rest: str, *, chinese: bool) -> bool:
    """Tell whether a moment is the end, by the words before and behind it."""
    if by is not None:
        return not (by in {"until", "till"} and _HOLDS.search(before))
    return chinese or _THEN.match(rest) is not None
