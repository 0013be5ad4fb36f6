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
    r"[- ]?(?P<unit>[hdwm])"
    r"(?:(?:ours?|rs?|ays?|eeks?|onths?)?(?:[- ](?:rolling|usage|token))?"
    r"[- ](?:limit|quota|usage|window|cap\b|allowance|allocation|session|plan|block)"
    r"|(?= ?[:(=]| \d{1,3} ?%))"
)
_WINDOWS = (
    re.compile(r"(?:hourly|session|daily|weekly|monthly)\b(?<![a-z]hourly)(?<![a-z]weekly)"),
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
    "1w": "7d", "1m": "30d", "天": "1d", "日": "1d", "周": "7d", "月": "30d",
}  # fmt: skip
_UNITS = {"小时": "h", "天": "d", "日": "d", "周": "w", "月": "m"}
# Before a window's name, and behind it.
_REACHED = re.compile(
    r"(?:\b(?:reached|hit|exceeded|exhausted|used(?: up)?|100 ?% of)(?: all)?(?: of)?"
    r"(?: (?:your|the|its|this))?(?: [\w-]+)? ?"
    r"|(?:达到|超[出过]|用[完尽]|触发)[了您你的]{0,3}当?前?)$",
    re.IGNORECASE,
)
_IS_FULL = re.compile(
    r"(?<!not )\b(?:reached|hit|exceeded|exhausted|used up|full|depleted|gone|spent)\b"
    r"|(?<![\d.])100(?:\.0+)? ?[%\uff05]"
    r"|(?<![未没])(?:用[尽完]|耗尽|已满|达到|达上限|超限|超出)",
    re.IGNORECASE,
)
_MOST_WINDOWS = 16
_BEFORE, _BEHIND = 40, 100


def of_full_windows(text: str, ends: list[tuple[int, float]]) -> list[float]:
    """Return those ends, each with its place in `text`, that are of a full window; else all."""
    seconds = [end for _, end in ends]
    if not ends[1:]:
        return seconds
    plain = text.translate(_PLAIN)
    windows = _windows(plain)
    full = _full(plain, windows)
    return [end for place, end in ends if _window_of(place, windows) in full] or seconds


def full_in(text: str) -> set[str]:
    """Return the names of the windows that `text` says are full."""
    plain = text.translate(_PLAIN)
    return _full(plain, _windows(plain))


def name_of_window(told: str) -> str:
    """Return the one name of a window that has several: `weekly`, `1w` and `7d`."""
    return _SAME.get(told, told)


def _windows(plain: str) -> list[re.Match[str]]:
    found = (match for pattern in _WINDOWS for match in pattern.finditer(plain))
    return sorted(found, key=re.Match.start)[:_MOST_WINDOWS]


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
    return full


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
    else:
        name = told.get("each") or window[0]
    return name_of_window(name)
