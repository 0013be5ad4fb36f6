"""Whether OPENCODE_AUTH_CONTENT holds logins is judged alike by rotator and by the bridge."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from rotator.system.auth_content import AUTH_CONTENT, has_own_logins
from tests.support.bridge_tools import node

ROOT = Path(__file__).parents[3]
MODULE = ROOT / "rotator/opencode/bridge/src/core/environment.js"
LOGINS = [
    *("{}", "[]", "null", "1", '"auth.json"', ' {"a": {"type": "api", "key": "K"}}\n', "true"),
    *('{"a":1,"a":2}', '"\\ud800"', "1e999", "-0", "1" * 5_000, "[" * 50 + "]" * 50, "\t0"),
]
NONE = [
    *("", " ", "{", "/srv/auth.json", "{'a': 1}", "{}x", "{a:1}", "[1,]", "NaN", "Infinity"),
    *("-Infinity", "01", "1.", "+1", "\ufeff{}", "\u00a0{}", '"\t"', "undefined", "# {}", "{} {}"),
    *("\u0661", "-", "[" * 50),
]


@pytest.mark.parametrize(("texts", "are"), [(LOGINS, True), (NONE, False)], ids=["logins", "none"])
def test_any_json_is_logins_and_nothing_else(texts: list[str], *, are: bool) -> None:
    assert [one for one in texts if has_own_logins({AUTH_CONTENT: one}) is not are] == []
    assert not has_own_logins({})


def test_json_that_is_deeper_than_python_goes_is_json_all_the_same() -> None:
    assert has_own_logins({AUTH_CONTENT: "[" * 100_000 + "]" * 100_000})


def test_the_bridge_judges_alike() -> None:
    texts = [*LOGINS, *NONE]
    script = (
        f"import {{ asideFor }} from {json.dumps(MODULE.as_uri())};"
        f"const texts = {json.dumps(texts)};"
        f"console.log(JSON.stringify(texts.map((text) => asideFor({{ {AUTH_CONTENT}: text }}))));"
    )

    done = subprocess.run(
        [node(), "--input-type=module", "-e", script], capture_output=True, check=True, text=True
    )

    judged = [one == AUTH_CONTENT for one in json.loads(done.stdout)]
    assert judged == [has_own_logins({AUTH_CONTENT: one}) for one in texts]
