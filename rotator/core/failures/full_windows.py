"""Which of the windows that a sentence names are full: an end of another one is not meant.

Pure. `5-hour limit reached, resets 3pm; weekly resets Monday` is over at three o'clock.
"""

from __future__ import annotations

import re
from string import ascii_uppercase

from rotator.core.failures.chinese import SIMPLIFIED

# In small letters and simplified characters; each begins with what is quickly looked for.
_PLAIN = SIMPLIFIED | {ord(letter): letter.lower() for letter in ascii_uppercase}
_LENGTH = (
    r"[-_ ]?(?P<unit>[hdwm])"
    r"(?:(?:ours?|rs?|ays?|eeks?|onths?)?(?:[- ](?:rolling|usage|token))?"
    r"[- ](?:limit|quota|usage|window|cap\b|allowance|allocation|session|plan|block|(?=remaining:))"
    r"|(?:(?<=_[hdwm])(?:ours?|rs?|ays?|eeks?|onths?))?(?= ?[:(=]| \d{1,3} ?%))"
)
# The first word of a clause: "five hour limit" has another name.
_OF_A_CLAUSE = "|".join(
    rf"{word}(?<![\w-]{word})(?<![\w-] {word})"
    for word in ("minute", "hour", "day", "week", "month")
)
_WINDOWS = (
    re.compile(
        r"(?:hourly|session|daily|weekly|monthly|primary|secondary|[rt]pm)\b"
        r"(?<![a-z]hourly)(?<![a-z]weekly)(?<![a-z].pm)"
    ),
    re.compile(r"(?:per|this|current|each) (?P<one>minute|hour|day|week|month)\b"),
    re.compile(rf"(?P<one>{_OF_A_CLAUSE})(?= limit| quota| ?[:(])"),
    # No window, but another limit than the one that was told before.
    re.compile(r"(?P<one>(?:all|other) models)(?= ?[:(=])"),
    # No window, but what comes back then is no limit that is full.
    re.compile(
        r"(?P<plan>(?:plan|subscription|membership|billing|cycle)"
        r" (?:will )?(?:auto-?)?(?:renew|reset|expire|refresh|end)(?:e?s)?\b)"
    ),
    re.compile(r"(?P<plan>(?:套餐|会员|订阅)[^，。]{0,32}(?:续期|续费|到期|更新))"),
    re.compile(rf"(?P<count>one|five|seven){_LENGTH}"),
    re.compile(rf"\d(?<![\d.:]\d)(?P<more>\d{{0,2}}){_LENGTH}"),
    re.compile(
        r"\d(?<!\d\d)(?P<more>\d{0,2}) ?个?(?P<of>小时|天|日|周|月)[的内]?(?:使用|用量)?"
        r"(?:[额限配]额|额度|上限|限制|窗口)"
    ),
    re.compile(r"[每本当今](?P<each>[天日周月])"),
    re.compile(r"(?P<each>[周日月])(?<![\d年个一二三四五六每本当今].)(?:[限配]额|额度)"),
)
_NUMBERS = {"one": "1", "five": "5", "seven": "7"}
# Names of one window.
_SAME = {
    "session": "5h", "hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "30d", "24h": "1d",
    "1w": "7d", "1m": "30d", "rpm": "minute", "tpm": "minute", "hour": "1h", "day": "1d",
    "week": "7d", "month": "30d", "天": "1d", "日": "1d", "周": "7d", "月": "30d",
}  # fmt: skip
_UNITS = {"小时": "h", "天": "d", "日": "d", "周": "w", "月": "m"}
# Before a window's name, and behind it.
_REACHED = re.compile(
    r"(?:\b(?:reached|hit|exceeded|exhausted|used(?: up)?|100 ?% of)(?: all)?(?: (?:of|for|in|on))?"
    r"(?: (?:your|the|its|this))?(?: [\w-]+)? ?"
    r"|(?<![\d./])(?P<all>\d{1,9}) ?/ ?(?P=all)(?: [a-z]{1,12}){0,2} "
    r"|(?:达到|超[出过]|用[完尽]|触发)[了您你的]{0,3}当?前?)$",
    re.IGNORECASE,
)
_IS_FULL = re.compile(
    r"(?<!not )\b(?:reached|hit|exceeded|exhausted|used up|full|depleted|gone|spent)\b"
    r"|(?<![\d.])100(?:\.0+)? ?[%\uff05](?! (?:left|remaining|available))"
    r"|(?<![\d.])0(?:\.0+)? ?[%\uff05] (?:left|remaining|available)"
    r"|(?:left|remaining)[:=]? 0(?![.\d])|剩余[:：]? ?0(?![.\d])"
    r"|(?<![\d.])(?P<all>\d{1,9}) ?/ ?(?P=all)(?!\d)"
    r"|(?<![未没])(?:用[尽完]|耗尽|已满|达到|达上限|超限|超出)",
    re.IGNORECASE,
)
# Told of a window, whose end then keeps nobody off.
_IS_OPEN = re.compile(r"(?<![\d.])\d{1,2}(?:\.\d+)? ?[%\uff05]|\bnot (?:reached|hit|full)\b")
# Before an end, and behind it: it is said outright when to ask again.
_ASK_AGAIN = re.compile(
    r"(?:\b(?:try(?:ing)?(?: \w+){0,4} again|retry\w*|wait)\b[^.;(\d\n]{0,24}|(?:等待|等) ?)$"
)
_ASK_LATER = re.compile(r"[^，。]{0,14}?后[^，。]{0,4}(?:重试|再试)")
_PLAN = "plan"
_MOST_WINDOWS = 16
_BEFORE, _BEHIND = 40, 100


def of_full_windows(text: str, ends: list[tuple[int, float]]) -> list[float]:
    """Return those ends, each with its place in `text`, that are of a full window; else all.

    Where no window is said to be full, an end of one counts for nothing beside a time at which
    to ask again, and neither does one of a window that is said to have some left.
    """
    seconds = [end for _, end in ends]
    if not ends[1:]:
        return seconds
    plain = text.translate(_PLAIN)
    windows = _windows(plain)
    full = _full(plain, windows)
    known = [end for place, end in ends if _window_of(place, windows) in full]
    if known or not windows:
        return known or seconds
    asked = [place for place, _ in ends if _is_asked(plain, place)]
    if asked:
        return [
            end
            for place, end in ends
            if place in asked or not _is_of_a_window(plain, place, windows)
        ]
    return [end for place, end in ends if not _is_open(plain, place, windows)] or seconds


def _is_asked(text: str, place: int) -> bool:
    return bool(_ASK_AGAIN.search(text[:place], place - _BEFORE) or _ASK_LATER.match(text, place))


def _is_of_a_window(text: str, place: int, windows: list[re.Match[str]]) -> bool:
    """Tell whether an end is of a window that its own sentence names before it."""
    sentence = max(text[:place].rfind(sign) for sign in (". ", "。", "; ", "("))
    return any(sentence < window.start() < place for window in windows)


def _is_open(text: str, place: int, windows: list[re.Match[str]]) -> bool:
    """Tell whether the window that an end is of is said to have some left."""
    before = [window for window in windows if window.start() < place]
    if not before:
        return False
    rest = windows[len(before) :]
    behind = rest[0].start() if rest else len(text)
    begin = before[-1].end()
    is_low = _IS_OPEN.search(text, begin, min(behind, begin + _BEHIND))
    return bool(is_low or before[-1].groupdict().get("plan"))


def full_in(text: str) -> set[str]:
    """Return the names of the windows that `text` says are full."""
    plain = text.translate(_PLAIN)
    return _full(plain, _windows(plain))


def name_of_window(told: str) -> str:
    """Return the one name of a window that has several: `weekly`, `1w` and `7d`."""
    return _SAME.get(told, told)


def _windows(plain: str) -> list[re.Match[str]]:
    matches = (match for pattern in _WINDOWS for match in pattern.finditer(plain))
    return sorted(matches, key=re.Match.start)[:_MOST_WINDOWS]


def _full(text: str, windows: list[re.Match[str]]) -> set[str]:
    full = set[str]()
    behind = len(text)
    for window in reversed(windows):
        if _IS_FULL.search(text, window.end(), min(behind, window.end() + _BEHIND)):
            full.add(_name(window))
        behind = window.start()
        reached = _REACHED.search(text[max(0, behind - _BEFORE) : behind])
        if reached is not None:
            full.add(_name(window))
            # What stands there is not said of the window before.
            behind -= len(reached[0])
    return full - {_PLAN}


def _window_of(place: int, windows: list[re.Match[str]]) -> str:
    """Return the window that an end is of: the last that is named before it, else the first."""
    before = [window for window in windows if window.start() < place] or windows[:1]
    return _name(before[-1]) if before else ""


def _name(window: re.Match[str]) -> str:
    told = window.groupdict()
    if "more" in told:
        unit = told.get("unit") or _UNITS[told["of"]]
        name = window[0][0] + told["more"] + unit
    elif "count" in told:
        name = _NUMBERS[told["count"]] + told["unit"]
    elif "plan" in told:
        name = _PLAN
    else:
        name = told.get("each") or told.get("one") or window[0]
    return name_of_window(name)
