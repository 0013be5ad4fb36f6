"""The permission rules of docs/security.md, as they stand there, in the real opencode.

A model asks for files by opencode's tools; what comes of it is in its next request.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.scenes import A, B, api
from tests.support.household import Household
from tests.support.leaks import LASTING
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import Answer, streamed, tool_call
from tests.support.repository import ROOT
from tests.support.rotator_process import rotator

pytestmark = pytest.mark.e2e

DOCUMENT = ROOT / "docs" / "security.md"
REFUSED = "The user has specified a rule which prevents you from using this specific tool call."
RESULT = "what an earlier tool has said"
OWN = "a file of the project"
BY_FOLDER = {
    "bash, in opencode's folder",
    "grep, our folder",
    "grep, opencode's folder",
    "grep, the folder above",
    "glob, our folder",
}
MARKS = (A, B, RESULT, OWN, "new content")


Served = tuple[Household, Server]


def furnish(house: Household) -> None:
    """Move somebody in with a login that is live, a parked one, and other files beside."""
    for key in (B, A):
        house.write_auth({"mock": api(key)})
        assert rotator(house, "accounts").code == 0
    (ours(house) / "auth.json.journal").write_text(f"{B}\n")
    # A file of such a name holds the logins of OpenCode 2 (OPENCODE_DB may give it another).
    house.auth_file.with_name("opencode-local.db").write_bytes(b"\0" + A.encode() + b"\0")
    results = house.auth_file.parent / "tool-output"
    results.mkdir()
    (results / "tool_1").write_text(RESULT)
    (house.project / "own.txt").write_text(OWN)


@pytest.fixture(scope="module")
def answering() -> Iterator[LoopbackProvider]:
    """Return the provider behind every server of this file."""
    with LoopbackProvider(f"{LASTING}loopback") as provider:
        yield provider


@pytest.fixture
def provider(answering: LoopbackProvider) -> Iterator[LoopbackProvider]:
    """Return it with nobody else's rules and requests."""
    yield answering
    answering.begin_anew()


@pytest.fixture(scope="module")
def ruled(
    tmp_path_factory: pytest.TempPathFactory, answering: LoopbackProvider
) -> Iterator[Served]:
    """Return a household with the rules, and its server."""
    house = Household(tmp_path_factory.mktemp("home"))
    house.configure(answering.url)
    furnish(house)
    paste(house)
    with serve(house) as server:
        yield house, server
    shutil.rmtree(house.temporary, ignore_errors=True)


def ours(house: Household) -> Path:
    return house.auth_file.parent.parent / "opencode-rotator"


def documented() -> dict[str, Any]:
    """Return the rules that a reader is told to paste."""
    (block,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    rules: dict[str, Any] = json.loads(block)
    return rules


def paste(house: Household) -> None:
    """Put the rules behind those that are there, as a reader would."""
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    config["permission"] |= documented()["permission"]
    file.write_text(json.dumps(config))


def bash(command: str) -> Answer:
    return tool_call("bash", command=command, description="look")


def asks_for_logins(house: Household) -> Mapping[str, Answer]:
    """Return what a model may ask for to see a login, or to change one."""
    store, home, live = ours(house), house.home, house.auth_file
    name = store.name
    # The store is no text: what is shown of it is what is looked for in it.
    keys = "grep -ao 'KEY-[A-Z-]*'"
    short = {folder: f"~/{folder.relative_to(home)}" for folder in (store, house.auth_file.parent)}
    return {
        "read, the journal": tool_call("read", filePath=str(store / "auth.json.journal")),
        "read, auth.json": tool_call("read", filePath=str(house.auth_file)),
        "bash, cat of the store": bash(f"cat {store}/rotator.sqlite | {keys}"),
        "bash, cat from above": bash(
            f"cd {store.parent}; cat opencode-rotator/rotator.sqlite | {keys}"
        ),
        "bash, with a tilde": bash(f"cat {short[store]}/rotator.sqlite | {keys}"),
        "bash, a whole folder": bash(f"cat $(find {short[store]} -type f) | {keys}"),
        "bash, cat of auth.json": bash(f"cat {short[house.auth_file.parent]}/auth.json"),
        "bash, in opencode's folder": bash(f"cd {house.auth_file.parent}; cat auth*"),
        "bash, step by step": bash(f"cd {store.parent} && cd opencode && cat auth.json"),
        "bash, told where": tool_call(
            "bash", command="cat auth.json", description="look", workdir=str(live.parent)
        ),
        "bash, a folder from above": bash(f"cd {store.parent} && grep -rao 'KEY-[A-Z-]*' {name}"),
        "bash, an archive": bash(f"cd {store.parent} && tar cf - {name} | {keys}"),
        "bash, from where it was told": tool_call(
            "bash",
            command=f"grep -rao 'KEY-[A-Z-]*' {name}",
            description="look",
            workdir=str(store.parent),
        ),
        "bash, OpenCode 2's database": bash(f"{keys} {live.with_name('opencode.db')}"),
    }


def asks_for_more(house: Household) -> Mapping[str, Answer]:
    """Return calls that would show or change something without showing a login."""
    store, live = ours(house), house.auth_file
    return {
        "read, the folder": tool_call("read", filePath=str(store)),
        "read, the store": tool_call("read", filePath=str(store / "rotator.sqlite")),
        "write, a file": tool_call("write", filePath=str(store / "new"), content="new content"),
        "edit, the journal": tool_call(
            "edit", filePath=str(store / "auth.json.journal"), oldString=B, newString="x"
        ),
        "edit, auth.json": tool_call("edit", filePath=str(live), oldString=A, newString="x"),
        "grep, our folder": tool_call("grep", pattern="KEY", path=str(store)),
        "grep, opencode's folder": tool_call("grep", pattern="KEY", path=str(live.parent)),
        "grep, the folder above": tool_call("grep", pattern="KEY", path=str(store.parent)),
        "glob, our folder": tool_call("glob", pattern="*", path=str(store)),
        "read, OpenCode 2's database": tool_call(
            "read", filePath=str(live.with_name("opencode-local.db"))
        ),
        "bash, away with the store": bash(f"cd {store.parent}; mv {store.name} {house.home}/away"),
    }


def asks_for_others(house: Household) -> Mapping[str, tuple[Answer, str]]:
    """Return what a model has to be able to do all the same, and what it sees then."""
    result = house.auth_file.parent / "tool-output" / "tool_1"
    return {
        "read, a result": (tool_call("read", filePath=str(result)), RESULT),
        "read, the project": (tool_call("read", filePath=str(house.project / "own.txt")), OWN),
        "bash, the project": (bash("cat own.txt"), OWN),
        "bash, a result": (bash(f"cat {result}"), RESULT),
        "write, the project": (
            tool_call("write", filePath=str(house.project / "new"), content="new content"),
            "Wrote file",
        ),
    }


def outcome(
    server: Server, provider: LoopbackProvider, call: Answer, project: Path | None = None
) -> str:
    """Let the model make that call, and return what it is told of it."""
    provider.script(call, streamed("I see."))

    session = server.create_session(directory=project)
    said = server.prompt(session, "look", directory=project)

    told = [m for m in json.loads(provider.asked()[-1].raw_body)["messages"] if m["role"] == "tool"]
    assert said == "I see."
    return str(told[-1]["content"])


def test_with_the_documented_rules_no_tool_shows_a_model_a_login(
    ruled: Served, provider: LoopbackProvider
) -> None:
    house, server = ruled
    calls = dict(asks_for_logins(house)) | dict(asks_for_more(house))
    before = house.auth_file.read_bytes()

    told = {name: outcome(server, provider, call) for name, call in calls.items()}

    assert [name for name, text in told.items() if not text.startswith(REFUSED)] == []
    assert [name for name, text in told.items() if any(mark in text for mark in MARKS)] == []
    assert house.auth_file.read_bytes() == before
    assert not (ours(house) / "new").exists()


def test_where_the_home_is_the_project_the_rules_keep_what_is_named_from_a_model(
    ruled: Served, provider: LoopbackProvider
) -> None:
    """Nothing in it is outside then: a search, and a command in the folder, are not asked for."""
    house, server = ruled
    calls = dict(asks_for_logins(house)) | dict(asks_for_more(house))
    named = {name: call for name, call in calls.items() if name not in BY_FOLDER}

    told = {name: outcome(server, provider, one, house.home) for name, one in named.items()}
    beside = outcome(server, provider, calls["bash, in opencode's folder"], house.home)

    assert [name for name, text in told.items() if not text.startswith(REFUSED)] == []
    assert A in beside


def test_the_documented_rules_leave_everything_else_to_the_model(
    ruled: Served, provider: LoopbackProvider
) -> None:
    house, server = ruled
    calls = asks_for_others(house)

    told = {name: outcome(server, provider, call) for name, (call, _) in calls.items()}

    assert [name for name, (_, seen) in calls.items() if seen not in told[name]] == []


def test_what_the_document_says_the_rules_do_not_stop_they_do_not_stop(
    ruled: Served, provider: LoopbackProvider
) -> None:
    house, server = ruled
    loose = house.home / "loose"
    loose.mkdir()
    (loose / "opencode.json").write_text('{"permission": {"bash": "allow"}}')
    journal = bash(f"head -c 99999 {ours(house)}/auth.json.journal")

    found = f"grep -rhao {A} {ours(house).parent} | sort -u"
    above = outcome(server, provider, bash(found))
    stopped, let = (outcome(server, provider, journal, folder) for folder in (None, loose))

    assert A in above
    assert (stopped.startswith(REFUSED), B in let) == (True, True)


def test_without_the_rules_each_of_these_calls_shows_a_login(
    house: Household, provider: LoopbackProvider
) -> None:
    furnish(house)
    calls = asks_for_logins(house)

    with serve(house) as server:
        told = {name: outcome(server, provider, call) for name, call in calls.items()}

    assert [name for name, text in told.items() if A not in text and B not in text] == []
