"""Opencodes that nothing is heard of, and every sentence about a swap beside each (B6, B7).

The processes are small ones that are called opencode; tests/e2e has the real one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.doctor.check_result import CheckResult, Level
from rotator.doctor.running import look_at_bridge
from rotator.doctor.setup import DoctorContext
from rotator.model import Account
from rotator.opencode.bridge.install import install_bridge
from rotator.opencode.bridge.presence import Present, bridges_of
from rotator.opencode.log import LoggedFailure
from rotator.opencode.run_lines import Runs
from rotator.services.failure_times import attribution_time
from rotator.services.restarts import restart_note, takes_effect, unseen_turns
from rotator.services.status import read_status
from rotator.services.without_bridge import Lack, Unbridged, opencodes_without_bridge, unbridged
from rotator.system.processes import Opencode, find_elsewhere, kind_of
from tests.support.home import places
from tests.support.live import Live, api, oauth_until, open_live, wellknown
from tests.support.waiting import wait_until

SITE = "https://acme.example"


@pytest.fixture
def live(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """Two keys of acme and a login, with the bridge installed before all."""
    monkeypatch.setenv("HOME", str(home))
    login = oauth_until("o", 1, datetime.now(UTC) + timedelta(hours=1))
    with open_live(home) as live:
        live.clock.now = datetime.now(UTC)
        install_bridge(live.paths)
        live.sees({"acme": api("a"), "xai": login})
        live.sees({"acme": api("b"), "xai": login})
        yield live


def with_site(live: Live) -> Account:
    """Log in with a well-known token beside all else; return its account."""
    live.sees({**live.entries(), SITE: wellknown("w")})
    return live.state.of(SITE)[0]


@contextlib.contextmanager
def opencode(live: Live, *words: str, **environ: str) -> Iterator[int]:
    """Run a program called opencode with these words and this environment beside auth.json."""
    folder = live.paths.data / "programs"
    folder.mkdir(exist_ok=True)
    program = folder / "opencode"
    if not program.exists():
        # It goes on whatever other words it gets.
        shutil.copy(shutil.which("tail") or "tail", program)
    env = {"PATH": os.environ["PATH"]} | places(Path(os.environ["HOME"])) | environ
    named = environ.get("XDG_DATA_HOME")
    database = (Path(named) / "opencode" if named else live.file.parent) / "opencode.db"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.touch()
    command: list[str | Path] = [program, *words, "-f", "/dev/null"]
    with (
        database.open("rb") as file,
        subprocess.Popen(command, stdin=file, stderr=subprocess.DEVNULL, env=env) as process,
    ):
        comm = Path(f"/proc/{process.pid}/comm")
        wait_until(lambda: comm.read_text() == "opencode\n", 10, "the program to start")
        try:
            yield process.pid
        finally:
            process.kill()


def say_idle(live: Live) -> None:
    """Log what a server logs at its start and no more."""
    live.paths.opencode_logs.mkdir(parents=True, exist_ok=True)
    line = f"timestamp={datetime.now(UTC).isoformat()} level=INFO run=a1 message=loading\n"
    (live.paths.opencode_logs / "opencode.log").write_text(line)


def say_used(live: Live) -> None:
    """Log what a server logs once it has used a folder."""
    say_idle(live)
    log = live.paths.opencode_logs / "opencode.log"
    used = log.read_text().replace("loading", '"creating instance" directory=/x')
    log.write_text(used)


def doctor(live: Live) -> list[CheckResult]:
    """Return what the doctor says of opencodes of this HOME."""
    setup = DoctorContext(live.paths, live.clock.now, os.environ)
    found = [one for one in look_at_bridge(setup) if "(pid " in one.says]
    return [one for one in found if not one.says.endswith("of another HOME")]


@dataclass(frozen=True)
class Case:
    """An opencode, and what is true of it."""

    words: tuple[str, ...]
    environ: dict[str, str]
    lack: Lack | None
    api: str
    token: str
    level: Level | None
    sees_turns: bool = False
    is_idle: bool | None = None


def moved(name: str) -> dict[str, str]:
    return {name: "{home}/elsewhere"}


CASES = {
    "an older TUI": Case((), {}, Lack.OLDER, "after-restart", "after-restart", Level.PROBLEM),
    "an older run": Case(("run",), {}, Lack.OLDER, "after-restart", "after-restart", Level.PROBLEM),
    "an older server": Case(
        ("serve",), {}, Lack.OLDER, "after-restart", "after-restart", Level.PROBLEM, is_idle=False
    ),
    "an idle server": Case(
        *(("serve",), {}, Lack.OLDER, "next-request", "next-request", Level.NOTE),
        sees_turns=True,
        is_idle=True,
    ),
    "an idle web": Case(
        *(("web",), {}, Lack.OLDER, "next-request", "next-request", Level.NOTE),
        sees_turns=True,
        is_idle=True,
    ),
    "a client": Case(("attach",), {}, Lack.CLIENT, "now", "now", Level.NOTE, sees_turns=True),
    "models": Case(("models",), {}, None, "now", "now", None, sees_turns=True),
    "a login": Case(("auth", "login"), {}, None, "now", "now", None, sees_turns=True),
    "pure": Case(
        *((), {"OPENCODE_PURE": "1"}, Lack.PURE, "after-restart", "after-restart", Level.NOTE)
    ),
    "another configuration": Case(
        *((), moved("XDG_CONFIG_HOME"), Lack.CONFIG, "after-restart", "after-restart", Level.NOTE)
    ),
    "another configuration beside": Case(
        *((), moved("OPENCODE_CONFIG_DIR"), Lack.OLDER, "after-restart", "after-restart"),
        Level.PROBLEM,
    ),
    "another state": Case(
        *((), moved("XDG_STATE_HOME"), Lack.STATE, "after-restart", "after-restart", Level.NOTE)
    ),
    "our state moved": Case(
        *((), moved("ROTATOR_STATE_DIR"), Lack.STATE, "after-restart", "after-restart", Level.NOTE)
    ),
    "logins of its own": Case(
        *((), {"OPENCODE_AUTH_CONTENT": "{}"}, Lack.OWN_LOGINS, "now", "now", Level.NOTE),
        sees_turns=True,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_b6_b7_every_sentence_about_a_swap_is_true_of_every_opencode(
    live: Live, home: Path, case: Case
) -> None:
    if case.is_idle is not None:
        (say_idle if case.is_idle else say_used)(live)
    environ = {name: value.replace("{home}", str(home)) for name, value in case.environ.items()}
    key, login = (live.state.of(name)[0] for name in ("acme", "xai"))
    with opencode(live, *case.words, **environ) as pid:
        found = unbridged(live.paths, [])
        told = {one.provider: takes_effect(live.context, [], one) for one in (key, login)}
        notes = [restart_note(live.context, [], one) for one in (key, login)]
        why, said, seen = unseen_turns(live.context, []), doctor(live), read_status(live.context)
        token = with_site(live)
        told[SITE] = takes_effect(live.context, [], token)
        notes.append(restart_note(live.context, [], token))

    assert [(one.opencode.pid, one.lack) for one in found] == (
        [(pid, case.lack)] if case.lack else []
    )
    assert (told["acme"], told[SITE]) == (case.api, case.token)
    assert told["xai"] == ("now" if case.api == "now" else "next-request")
    # Told to restart are those that need it, and no others.
    assert [note is not None for note in notes] == [
        *(case.api == "after-restart", False, case.token == "after-restart")
    ]
    assert (why is None) is case.sees_turns
    assert [one.level for one in said] == ([case.level] if case.level else [])
    # The doctor's advice to restart it is there only where that brings the bridge.
    assert [one.to_do == "restart it when it suits you" for one in said] == (
        [case.level is Level.PROBLEM] if case.level else []
    )
    assert any("only after a restart" in one for one in seen.problems) is (
        case.api == "after-restart"
    )
    assert [one.says for one in seen.opencodes] == [one.says for one in found]


def test_a_bridge_that_reports_elsewhere_follows_a_swap_all_the_same(
    live: Live, home: Path
) -> None:
    """It puts in what is in auth.json, watcher or not."""
    with opencode(live, ROTATOR_STATE_DIR=str(home / "moved")) as pid:
        folder = home / "moved" / "bridge" / "present"
        folder.mkdir(parents=True)
        (folder / f"{pid}.json").write_text("{}")
        when = takes_effect(live.context, [], live.account("acme/acme-1"))
        why, problems = unseen_turns(live.context, []), read_status(live.context).problems

    assert when == "next-request"
    assert why == (
        f"opencode tui (pid {pid}) has its state in {home / 'moved'}: its bridge is not heard"
        " here, and its turns cannot be seen"
    )
    assert problems == ()


def test_before_the_bridge_is_installed_the_advice_is_to_install_it(live: Live) -> None:
    (live.paths.opencode_config / "plugin" / "rotator.js").unlink()

    with opencode(live):
        why, (said,) = unseen_turns(live.context, []), doctor(live)

    assert said.to_do == "rotator bridge install, then restart it"
    assert why is not None
    assert why.endswith("cannot be seen: rotator bridge install, then restart it")


def test_an_opencode_with_logins_of_its_own_follows_no_swap_even_with_the_bridge(
    live: Live,
) -> None:
    with opencode(live, OPENCODE_AUTH_CONTENT=json.dumps({})) as pid:
        present = [Present(pid, "1", "tui", str(live.file), None)]
        token = with_site(live)
        when = [
            takes_effect(live.context, present, one) for one in (live.state.of("acme")[0], token)
        ]
        note = restart_note(live.context, present, token)

    assert (when, note) == (["now", "now"], None)


def test_a_client_s_start_does_not_date_a_failure_back(live: Live) -> None:
    with opencode(live, "attach"):
        live.clock.now += timedelta(minutes=1)
        live.sees({**live.entries(), "acme": api("c")})
        at = live.clock.now + timedelta(seconds=5)
        failure = LoggedFailure(
            at, "acme", "m1", "ses_1", small=False, message="limited", began_at=at
        )

        assert attribution_time(live.context, [], failure, Runs({})) == at


def test_an_agent_s_server_uses_its_folder_unasked_and_another_server_does_not(live: Live) -> None:
    found = []
    for words in (["acp"], ["serve"], ["serve", "acp"]):
        with opencode(live, *words) as pid:
            running = {one.pid: one for one in opencodes_without_bridge(live.paths, [])}
            found.append((running[pid].kind, running[pid].uses_at_once))

    assert found == [("serve", True), ("serve", False), ("serve", False)]


def test_b7_another_auth_json_is_named_and_no_problem(live: Live, home: Path) -> None:
    other = home / "other"
    with opencode(live, XDG_DATA_HOME=str(other)) as pid, opencode(live, "models"):
        seen, said = read_status(live.context), doctor(live)
        found = [one.pid for one in find_elsewhere(live.file.parent)]

    assert pid in found
    assert (seen.opencodes, seen.problems) == ((), ())
    assert [(one.pid, one.auth_file) for one in seen.elsewhere] == [
        (pid, str(other / "opencode" / "auth.json"))
    ]
    (remark,) = said
    assert (remark.level, str(other) in remark.says) == (Level.NOTE, True)


def test_b7_an_opencode_of_another_home_is_a_note_of_the_doctor_s_alone(
    live: Live, tmp_path: Path
) -> None:
    data = tmp_path / "share"
    with opencode(live, HOME=str(tmp_path), XDG_DATA_HOME=str(data)) as pid:
        seen = read_status(live.context)
        setup = DoctorContext(live.paths, live.clock.now, os.environ)
        said = [one for one in look_at_bridge(setup) if f"(pid {pid})" in one.says]

    assert (seen.opencodes, seen.elsewhere, seen.problems) == ((), (), ())
    assert [(one.level, one.to_do) for one in said] == [(Level.NOTE, None)]
    assert said[0].says.endswith("of another HOME")


def test_what_may_not_be_looked_into_is_taken_for_older() -> None:
    at = datetime.now(UTC)
    unknown = Unbridged(Opencode(1, "tui", at), Lack.CONFIG)

    assert unknown.says == "runs without the bridge"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["opencode", "--pure", "run", "hi"], "run"),
        (["opencode", "attach", "http://x"], "attach"),
        (["node", "opencode", "providers", "list"], "command"),
        (["opencode", "acp"], "serve"),
        (["opencode", "-c"], "tui"),
    ],
)
def test_what_an_opencode_does_is_in_its_words(words: list[str], kind: str) -> None:
    assert kind_of(words) == kind


@pytest.mark.parametrize(
    ("told", "aside"),
    [
        ("OPENCODE_AUTH_CONTENT", "OPENCODE_AUTH_CONTENT"),
        ("OPENCODE_EXPERIMENTAL_WEBSOCKETS", "OPENCODE_EXPERIMENTAL_WEBSOCKETS"),
        *((odd, "") for odd in (None, "OTHER", 1, True, ["OPENCODE_AUTH_CONTENT"])),
    ],
)
def test_a_bridge_that_stands_aside_says_for_what_in_another_container_too(
    live: Live, told: object, aside: str
) -> None:
    present = live.paths.bridge / "present"
    present.mkdir(parents=True, exist_ok=True)
    value = {"schema": 1, "pid": 7, "bridge": "1", "kind": "serve", "auth_file": str(live.file)}
    elsewhere = {"pid_namespace": "another", "aside": told}
    (present / "7.json").write_text(json.dumps(value | elsewhere))

    (one,) = bridges_of(live.paths)
    says = [r.says for r in look_at_bridge(DoctorContext(live.paths, live.clock.now, os.environ))]
    problems = read_status(live.context).problems
    when = takes_effect(live.context, [one], live.state.of("acme")[0])

    is_whole = aside == "OPENCODE_AUTH_CONTENT"
    assert one.aside == aside
    assert any("from OPENCODE_AUTH_CONTENT" in sentence for sentence in says) is is_whole
    assert when == ("now" if is_whole else "next-request")
    # Nobody has a login of the vendor whose requests a WebSocket takes.
    assert (problems, one.misses("openai")) == ((), aside.endswith("WEBSOCKETS"))
    assert not one.misses("acme")
