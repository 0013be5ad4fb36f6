"""`rotator demo` with the clients that need no opencode, and what it leaves behind: nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rotator.cli.main import run as rotator
from rotator.demo import keeper, stand_in
from rotator.demo.clients import Client, best_without_opencode
from rotator.demo.provider import MadeUpProvider
from rotator.demo.scene import ONE, TWO, made_up_keys, play
from rotator.demo.screen import DemoScreen
from rotator.demo.stage import DemoFailed, Stage, environment, open_stage
from rotator.model import Digest, Verdict, VerdictKind
from rotator.opencode.bridge.exchange import Exchange
from rotator.secret import Secret
from rotator.system.paths import find_paths
from rotator.system.processes import is_running
from tests.support.inbox import waiting_in
from tests.support.namespaces import in_namespace
from tests.support.rotator_process import PROGRAM
from tests.support.tool import run
from tests.support.waiting import wait_until

KEYS = {ONE: Secret("KEY-CANARY-ONE"), TWO: Secret("KEY-CANARY-TWO")}
STEPS = [
    *("home", "provider", "watcher", "login", "login", "rotate", "client"),
    *("request", "limited", "failover", "again", "answer", "accounts"),
]


def program(folder: Path, name: str, script: str) -> Path:
    """Write an executable shell script."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder on PATH, which is empty."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files of the programs that a test starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Yield a stage whose steps may take half a minute."""
    with open_stage(30, os.environ) as opened:
        yield opened


def add_real_node(programs: Path) -> None:
    found = shutil.which("node", path=os.defpath)
    if found is None:
        pytest.fail("node is not installed; it comes with npm", pytrace=False)
    (programs / "node").symlink_to(found)


def steps_on(screen: str) -> list[str]:
    return re.findall(r"^ *\d+ ms  (\w+)", screen, re.MULTILINE)


def everything_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


@pytest.mark.usefixtures("programs")
def test_without_node_a_stand_in_is_carried_over_and_every_step_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = rotator(["demo"])

    said = capsys.readouterr().out
    assert code == 0
    assert steps_on(said) == STEPS
    words = " ".join(said.split())
    assert "a stand-in in Python plays the bridge's part: no Node was found for it" in words
    assert said.split("\n\n")[-1].startswith("Next: ")


@pytest.mark.usefixtures("programs")
def test_the_last_words_say_what_was_proven(capsys: pytest.CaptureFixture[str]) -> None:
    rotator(["demo"])

    words = " ".join(capsys.readouterr().out.split())
    assert re.search(
        rf"Proven: {ONE} was refused, {TWO} answered the same request [\d.]+ ms later,"
        " and the client saw no error",
        words,
    )
    assert re.search(rf"acme/{ONE} api cooling until .* \* acme/{TWO} api ready", words)


def test_with_node_the_bridge_s_own_file_is_carried_over(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_real_node(programs)

    code = rotator(["demo"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert steps_on(said) == [*STEPS[:7], "bridge", *STEPS[7:]]
    assert "the bridge's own file, run by Node" in said


def test_a_node_that_is_too_old_is_not_used(programs: Path) -> None:
    program(programs, "node", "echo v17.9.1")

    client = best_without_opencode(os.environ)

    assert client.kind == "stand-in"
    assert "Node 17 is too old" in client.about


@pytest.mark.parametrize("script", ["exit 3", "echo no version"])
def test_a_node_that_does_not_run_is_not_used(programs: Path, script: str) -> None:
    program(programs, "node", script)

    assert best_without_opencode(os.environ).kind == "stand-in"


@pytest.mark.usefixtures("programs")
def test_the_json_holds_the_steps_the_times_and_the_accounts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = rotator(["demo", "--json"])

    shown = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [step["what"] for step in shown["steps"]] == STEPS
    assert (shown["schema"], shown["client"]) == (1, "stand-in")
    assert [(a["alias"], a["state"], a["active"]) for a in shown["accounts"]] == [
        (ONE, "cooling", False),
        (TWO, "ready", True),
    ]
    assert 0 < shown["failover_ms"] < shown["took_ms"]


@pytest.mark.usefixtures("programs")
def test_a_missing_opencode_is_named_and_nothing_is_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = rotator(["demo", "--with-opencode"])

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert "opencode was not found on PATH" in said.err


def test_an_opencode_at_a_wrong_path_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code = rotator(["demo", "--opencode", "/nowhere/opencode", "--json"])

    said = capsys.readouterr().out
    assert code == 2
    assert json.loads(said)["error"]["message"] == "opencode was not found as /nowhere/opencode"


def demo() -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "rotator", "demo", seconds=60)


@pytest.mark.usefixtures("programs")
def test_it_leaves_nothing_behind(temporary: Path, home: Path) -> None:
    ended = demo()

    watcher = re.search(r"pid (\d+)", ended.stdout)
    assert ended.returncode == 0, ended.stderr
    assert watcher is not None
    assert not is_running(int(watcher[1]))
    assert everything_in(temporary) == []
    assert everything_in(home) == []


@pytest.mark.usefixtures("programs")
def test_it_needs_no_home_no_words_beyond_ascii_and_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"HOME": "", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}.items():
        monkeypatch.setenv(name, value)

    ended = demo()

    assert ended.returncode == 0, ended.stderr
    assert steps_on(ended.stdout) == STEPS


@pytest.mark.usefixtures("programs")
def test_it_prints_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    ended = demo()

    assert "\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_and_everything_that_it_started(
    tmp_path: Path, programs: Path, temporary: Path, number: signal.Signals, code: int
) -> None:
    pid_file = tmp_path / "client.pid"
    hanging = f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; sleep 60"
    script = f'PATH={os.defpath}; [ "$1" = --version ] && echo v22.1.0 || {{ {hanging}; }}'
    program(programs, "node", script)
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", "demo"], stdout=subprocess.PIPE, text=True
    ) as running:
        wait_until(
            lambda: pid_file.exists() or running.poll() is not None, 30, "the client's start"
        )

        running.send_signal(number)

        said, _ = running.communicate(timeout=30)

    watcher = re.search(r"pid (\d+)", said)
    assert running.returncode == code
    assert watcher is not None
    assert not is_running(int(watcher[1]))
    assert not is_running(int(pid_file.read_text()))
    assert everything_in(temporary) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT, signal.SIGSEGV])
def test_one_that_is_killed_leaves_nothing_that_it_started(
    tmp_path: Path, programs: Path, temporary: Path, number: signal.Signals
) -> None:
    pid_file = tmp_path / "client.pid"
    hanging = f"trap '' TERM; echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; sleep 600"
    script = f'PATH={os.defpath}; [ "$1" = --version ] && echo v22.1.0 || {{ {hanging}; }}'
    program(programs, "node", script)
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", "demo"], stdout=subprocess.PIPE, text=True
    ) as running:
        wait_until(
            lambda: pid_file.exists() or running.poll() is not None, 30, "the client's start"
        )

        running.send_signal(number)

        said, _ = running.communicate(timeout=30)

    watcher = re.search(r"pid (\d+)", said)
    assert running.returncode == -number
    assert watcher is not None
    wait_until(lambda: not is_running(int(watcher[1])), 30, "the watcher's end")
    wait_until(lambda: not is_running(int(pid_file.read_text())), 30, "the client's end")
    wait_until(lambda: not any(temporary.iterdir()), 30, "the folder's end")


def test_what_has_ended_by_itself_is_ended_no_more(tmp_path: Path) -> None:
    ended = subprocess.Popen(["/bin/true"], start_new_session=True)
    ended.wait()
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as other:
        # Whoever has ended is one of its group until somebody has heard of it.
        threading.Thread(target=other.wait).start()

        keeper.keep(f"{ended.pid}\n{other.pid}\n", tmp_path)

    assert other.returncode == -signal.SIGTERM
    assert not tmp_path.exists()


def test_a_client_that_never_asks_is_given_up_at_the_deadline(programs: Path) -> None:
    waiting = program(programs, "wait", "exec /bin/sleep 60")
    client = Client("stand-in", "a client that waits", str(waiting))

    with open_stage(2, os.environ) as opened, pytest.raises(DemoFailed) as failed:
        play(opened, client, DemoScreen(lambda _: None), KEYS)

    assert failed.value.message == (
        "this step did not happen within 2 s: acme refuses the request of acme-1"
    )
    assert not opened.home.exists()
    assert all(child.process.poll() is not None for child in opened.children)


def test_a_client_that_ends_before_it_asked_is_not_waited_for(programs: Path) -> None:
    giving_up = program(programs, "give-up", "echo out of order >&2; exit 9")
    client = Client("stand-in", "a client that gives up", str(giving_up))

    with open_stage(30, os.environ) as opened, pytest.raises(DemoFailed) as failed:
        play(opened, client, DemoScreen(lambda _: None), KEYS)

    assert failed.value.message == (
        "this step did not happen: acme refuses the request of acme-1;"
        " the stand-in ended with 9: out of order"
    )


def test_an_answer_that_the_client_does_not_show_is_a_failure(programs: Path) -> None:
    silent = program(programs, "silent", f'exec {sys.executable} "$@" >/dev/null')
    client = Client("stand-in", "a client that says nothing", str(silent))

    with open_stage(30, os.environ) as opened, pytest.raises(DemoFailed) as failed:
        play(opened, client, DemoScreen(lambda _: None), KEYS)

    assert failed.value.message == (
        "this step did not happen: the client gets the answer of acme-2;"
        " the stand-in ended with 0: without a word"
    )


def test_a_request_without_the_live_key_is_a_failure(programs: Path) -> None:
    post = "import urllib.request as u, sys; u.urlopen(u.Request(sys.argv[-1], b'{}'))"
    stranger = program(programs, "stranger", f'exec {sys.executable} -c "{post}" "$@"')
    client = Client("stand-in", "a client without a key", str(stranger))

    with open_stage(30, os.environ) as opened, pytest.raises(DemoFailed) as failed:
        play(opened, client, DemoScreen(lambda _: None), KEYS)

    assert failed.value.message == (
        "this step did not happen: acme-1 asks and gets 429; an unknown key asked and got 401"
    )


def test_a_failure_ends_the_command_with_1_and_names_the_step(
    programs: Path, temporary: Path
) -> None:
    program(programs, "node", f'PATH={os.defpath}; [ "$1" = --version ] && echo v22.1.0')

    ended = demo()

    assert ended.returncode == 1
    assert "rotator: this step did not happen: acme refuses the request of acme-1" in ended.stderr
    assert steps_on(ended.stdout)[-1] == "request"
    assert everything_in(temporary) == []


@pytest.mark.no_cover
@pytest.mark.parametrize("room", ["16k", "64k", "200k", "400k", "nr_inodes=8"])
def test_a_full_disk_is_named_with_what_helps_and_nothing_is_left(
    temporary: Path, room: str
) -> None:
    options = room if "=" in room else f"size={room}"
    setup = [shlex.join(["mount", "-t", "tmpfs", "-o", options, "none", str(temporary)])]
    look = 'code=0; "$@" || code=$?; ls -A "$TMPDIR" | sed "s/^/left: /"; exit $code'

    ended = run(*in_namespace(setup, "/bin/sh", "-c", look, "sh", *PROGRAM, "demo"))

    assert ended.returncode == 1
    said, to_do = ended.stderr.splitlines()
    assert said.startswith("rotator: the demo could not go on ")
    assert said.endswith(f": the disk is full where temporary files lie ({temporary})")
    assert to_do == "  make room there, or set TMPDIR to a folder that has some"
    assert "left: " not in ended.stdout


def test_a_machine_without_a_place_for_temporary_files_is_a_failure_with_a_reason() -> None:
    limited = "import resource as r, runpy, sys; r.setrlimit(r.RLIMIT_FSIZE, (0, 0));"
    limited += " sys.argv[1:] = ['demo']; runpy.run_module('rotator', run_name='__main__')"

    ended = run(sys.executable, "-B", "-c", limited)

    assert ended.returncode == 1
    assert ended.stderr.startswith("rotator: the demo could not go on at its start: No usable")


def test_a_child_knows_nothing_of_the_user(tmp_path: Path) -> None:
    user = {
        "PATH": "/bin",
        "LC_ALL": "de_DE.UTF-8",
        "HOME": "/home-of-the-user",
        "ACME_API_KEY": "KEY-CANARY-A",
        "HTTPS_PROXY": "http://elsewhere",
        "OPENCODE_AUTH_CONTENT": "{}",
        "ROTATOR_STATE_DIR": "/elsewhere",
        "XDG_DATA_HOME": "/elsewhere",
    }

    env = environment(user, tmp_path)

    places = {name for name, value in env.items() if value.startswith(str(tmp_path))}
    assert {name: env[name] for name in env if name not in places | {"PYTHONPATH"}} == {
        "PATH": "/bin",
        "LC_ALL": "de_DE.UTF-8",
        "NO_COLOR": "1",
    }
    assert {"HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"} <= places


def test_a_child_gets_the_environment_of_the_stage(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "KEY-CANARY-A")
    print_it = "import json, os; print(json.dumps(dict(os.environ)))"

    said = stage.finish(stage.start("python", [sys.executable, "-c", print_it]))

    got: Mapping[str, str] = json.loads(said)
    assert "ACME_API_KEY" not in got
    assert got["HOME"] == str(stage.home)


def test_a_program_that_cannot_be_started_is_named(stage: Stage) -> None:
    with pytest.raises(DemoFailed, match="the client could not be started: No such file"):
        stage.start("the client", ["/nowhere/client"])


def test_what_a_program_left_running_ends_with_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    wrapper = f"sleep 60 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait"

    with open_stage(30, os.environ) as opened:
        opened.start("a wrapper", ["/bin/sh", "-c", wrapper])
        wait_until(pid_file.exists, 30, "the wrapper's child")

    wait_until(lambda: not is_running(int(pid_file.read_text())), 10, "the end of its child")


def test_the_stand_in_fits_on_a_screen() -> None:
    source = Path(stand_in.__file__).read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 80


@pytest.fixture
def provider() -> Iterator[MadeUpProvider]:
    """Yield the made-up provider with account one limited."""
    with MadeUpProvider(KEYS, limited=ONE) as running:
        yield running


def log_in(home: Path, key: Secret) -> None:
    auth_file = find_paths().auth_file
    assert auth_file.is_relative_to(home)
    auth_file.parent.mkdir(parents=True, exist_ok=True)
    auth_file.write_text(json.dumps({"acme": {"type": "api", "key": key.reveal()}}))


@contextlib.contextmanager
def watcher_that_says(verdict: Verdict) -> Iterator[None]:
    """Answer one signal with `verdict` while the block runs."""
    exchange = Exchange(find_paths())

    def answer() -> None:
        path = wait_until(lambda: waiting_in(exchange), 10, "a signal")[0]
        exchange.answer(path.stem, verdict)

    watcher = threading.Thread(target=answer)
    watcher.start()
    try:
        yield
    finally:
        watcher.join()


def ask(provider: MadeUpProvider) -> int:
    return stand_in.main("acme", f"{provider.base_url}/chat/completions")


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(VerdictKind.PASS),
        # A credential that it has tried already is no reason to ask again.
        Verdict(VerdictKind.RETRY, Digest(KEYS[ONE].digest())),
    ],
    ids=["pass", "the same again"],
)
def test_the_stand_in_passes_a_failure_on(
    home: Path,
    provider: MadeUpProvider,
    verdict: Verdict,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_in(home, KEYS[ONE])

    with watcher_that_says(verdict):
        code = ask(provider)

    assert code == 1
    assert capsys.readouterr().err == "the provider answered 429\n"
    assert [one.account for one in provider.answered] == [ONE]


def test_the_stand_in_reports_no_answer_that_did_not_fail(
    home: Path, provider: MadeUpProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(home, KEYS[TWO])

    code = ask(provider)

    assert code == 0
    assert capsys.readouterr().out == f"Hello, this is {TWO}.\n"
    assert not find_paths().state.exists()


def test_a_key_that_is_nobody_s_is_refused(
    home: Path, provider: MadeUpProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(home, Secret("KEY-CANARY-OTHER"))

    with watcher_that_says(Verdict(VerdictKind.PASS)):
        ask(provider)

    assert capsys.readouterr().err == "the provider answered 401\n"


def test_keys_are_new_every_time() -> None:
    first, second = made_up_keys(), made_up_keys()

    assert first.keys() == second.keys() == {ONE, TWO}
    assert len({key.digest() for keys in (first, second) for key in keys.values()}) == 4
