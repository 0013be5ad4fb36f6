"""Whether an opencode takes its logins from its environment and none from auth.json.

opencode 1.x tries to read OPENCODE_AUTH_CONTENT as JSON and goes on with auth.json where it is
none. The bridge judges in the same way (`bridge/src/core/environment.js`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

AUTH_CONTENT = "OPENCODE_AUTH_CONTENT"


def has_own_logins(environ: Mapping[str, str]) -> bool:
    """Tell whether the variable holds what opencode takes for its logins: any JSON."""
    text = environ.get(AUTH_CONTENT)
    if not text:
        return False
    try:
        _DECODER.decode(text)
    except ValueError:
        return False
    except RecursionError:
        # JavaScript goes deeper.
        return True
    return True


def _refuse(_: str) -> NoReturn:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


# Python refuses to read an integer of thousands of digits, and JavaScript does not.
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=len)
