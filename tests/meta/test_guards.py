"""The guards of tests/support/ turn a run red when they should; each run here is a real one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import leaks, long_first, slow_files, waiting_files
from tests.support.canary import sweep
from tests.support.network import is_local
from tests.support.repository import ROOT
from tests.support.waiting_files import WAITING

SECRET = "KEY-CANARY-A"
# How an inner test spells it, so that its own source does not hold it.
SPELLED = "'KEY-CANA' + 'RY-A'"


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a place for a session of its own, with one guard and without measuring."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Compiled, a test has its secret in one piece.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return pytester


def run_with(guard: str, inner: pytest.Pytester, test: str, *more: str) -> pytest.RunResult:
    inner.makepyfile(test)
    options = ("-p", f"tests.support.{guard}", "-p", "no:randomly", "-p", "no:cacheprovider")
    return inner.runpytest_subprocess(*options, *more)


def test_a_skipped_test_is_a_failure_that_names_what_is_missing(inner: pytest.Pytester) -> None:
    test = "import pytest\ndef test_it(): pytest.skip('tmux is not installed')"

    result = run_with("skips", inner, test)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*left out*tmux is not installed*", "*1 failed*"])


def test_an_expected_failure_is_a_failure(inner: pytest.Pytester) -> None:
    test = "import pytest\n@pytest.mark.xfail(reason='later')\ndef test_it(): assert False"

    result = run_with("skips", inner, test)

    result.assert_outcomes(failed=1)


def test_a_file_that_is_skipped_as_a_whole_is_an_error(inner: pytest.Pytester) -> None:
    result = run_with("skips", inner, "import pytest\npytest.importorskip('no_such_tool')")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*left out*no_such_tool*"])


def test_a_thread_that_outlives_its_test_is_an_error_that_names_it(inner: pytest.Pytester) -> None:
    test = """
        import threading, time
        def test_it():
            threading.Thread(target=time.sleep, args=(3,), name="forgotten", daemon=True).start()
    """

    result = run_with("leaks", inner, test)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*left running: forgotten*"])


def test_a_thread_of_what_several_tests_share_may_begin_in_any_of_them(
    inner: pytest.Pytester,
) -> None:
    test = f"""
        import threading, time
        def test_it():
            name = "{leaks.LASTING}loopback connection"
            threading.Thread(target=time.sleep, args=(3,), name=name, daemon=True).start()
    """

    run_with("leaks", inner, test).assert_outcomes(passed=1)


def test_a_child_that_outlives_the_session_is_an_error(inner: pytest.Pytester) -> None:
    test = """
        import subprocess
        children = []
        def test_it():
            children.append(subprocess.Popen(["sleep", "4"]))
    """

    result = run_with("leaks", inner, test)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*still running after the last test*", "* sleep", "*1 error*"])


def test_a_connection_to_another_machine_is_refused(inner: pytest.Pytester) -> None:
    test = """
        import socket
        def test_by_address():
            with socket.socket() as it: it.connect(("192.0.2.1", 80))
        def test_by_name():
            socket.create_connection(("example.org", 80))
        def test_at_home():
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname()).close()
    """

    result = run_with("network", inner, test)

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*tried to reach 192.0.2.1*", "*tried to reach example.org*"])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", None])
def test_the_loopback_interface_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "192.0.2.1", "::", "example.org", "localhost.example"]
)
def test_everything_else_is_not_local(host: object) -> None:
    assert not is_local(host)


def test_a_secret_in_a_file_is_an_error_that_does_not_show_it(inner: pytest.Pytester) -> None:
    test = f"def test_it(tmp_path): (tmp_path / 'log.txt').write_text({SPELLED})"

    result = run_with("canary", inner, test)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*ERROR*canary sweep*", "  test_it0/log.txt", "*1 passed, 1 error*"]
    )
    result.stdout.no_fnmatch_line(f"*{SECRET}*")

    for file in inner.path.rglob("log.txt"):
        file.unlink()


def test_a_secret_that_is_printed_is_a_failure_that_does_not_show_it(
    inner: pytest.Pytester,
) -> None:
    result = run_with("canary", inner, f"def test_it(): print({SPELLED})")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*secret stands in: Captured stdout call*"])
    result.stdout.no_fnmatch_line(f"*{SECRET}*")


@pytest.mark.parametrize(
    "name",
    [
        "data/rotator.sqlite",
        "data/rotator.sqlite-wal",
        "data/rotator.sqlite.damaged-2026-11-22T120000.000Z-wal",
        "data/.rotator.sqlite.rebuilt-2026-11-22T120000.000Z.17-ab.rotator-tmp",
        "data/backups/accounts-2026-11-22T120000.000Z-ab12.sqlite",
        "share/opencode/auth.json",
        "share/opencode/log/opencode.log",
        "elsewhere/.auth.json.17-ab.rotator-tmp",
        "config/opencode/opencode.json",
        "requests.canary.json",
    ],
)
def test_a_place_for_secrets_may_hold_one(tmp_path: Path, name: str) -> None:
    write(tmp_path / "root" / name)

    assert sweep(tmp_path / "root") == []


@pytest.mark.parametrize(
    "name",
    [
        "data/history.sqlite",
        "data/history.sqlite-wal",
        "data/rotator.sqlite-shm",
        "data/rotator.sqlite.damaged-2026-11-22T120000.000Z-shm",
        "data/backups/anything",
        "data/accounts-2026-11-22T120000.000Z-ab12.sqlite",
        "share/opencode-rotator/anything",
        "state/bridge/inbox/1.json",
        "state/watch.log",
        "screen.txt",
    ],
)
def test_another_place_may_not(tmp_path: Path, name: str) -> None:
    write(tmp_path / "canary-root" / name)

    assert sweep(tmp_path / "canary-root") == [name]

    (tmp_path / "canary-root" / name).unlink()


def test_a_secret_across_two_chunks_is_found(tmp_path: Path) -> None:
    file = tmp_path / "long.log"
    file.write_bytes(b"." * ((1 << 20) - 3) + SECRET.encode())

    assert sweep(tmp_path) == ["long.log"]

    file.unlink()


def write(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(SECRET)


def test_every_test_has_an_empty_home_of_its_own(inner: pytest.Pytester) -> None:
    test = """
        import os, pathlib
        seen = set()
        def look():
            assert not [n for n in os.environ if n.startswith(("ROTATOR_", "OPENCODE"))]
            home = pathlib.Path(os.environ["HOME"])
            assert os.environ["XDG_DATA_HOME"] == str(home / ".local" / "share")
            assert not list(home.iterdir())
            assert home not in seen
            seen.add(home)
            (home / "mine").touch()
        def test_one(): look()
        def test_two(): look()
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROTATOR_STATE_DIR", "/nonexistent")
        patch.setenv("OPENCODE_CONFIG_DIR", "/nonexistent")

        result = run_with("home", inner, test)

    result.assert_outcomes(passed=2)


HALF = """
def half(yes):
    if yes:
        return 1
    return 0
"""


@pytest.mark.parametrize(("calls", "errors"), [("half(True)", 1), ("half(True), half(False)", 0)])
def test_a_branch_of_the_pure_core_that_no_test_took_is_an_error(
    inner: pytest.Pytester, calls: str, errors: int
) -> None:
    (inner.mkpydir("rotator") / "text.py").write_text(HALF)
    test = f"from rotator.text import half\ndef test_it(): {calls}"
    inner.makepyprojecttoml("[tool.coverage.run]\nbranch = true\n[tool.pytest]\npythonpath = ['.']")

    result = run_with("core_coverage", inner, test, "--cov=rotator")

    assert result.ret == (pytest.ExitCode.TESTS_FAILED if errors else pytest.ExitCode.OK)
    result.assert_outcomes(passed=1, errors=errors)
    assert "1 passed" in result.outlines[-1]


# -- where several processes share the tests ------------------------------------------------------

SHARED = ("-p", "tests.support.late", "-n", "2", "--dist", "loadfile")


def test_what_one_of_several_processes_leaves_behind_is_an_error_of_the_run(
    inner: pytest.Pytester,
) -> None:
    test = """
        import subprocess
        children = []
        def test_it():
            children.append(subprocess.Popen(["sleep", "4"]))
    """

    result = run_with("leaks", inner, test, *SHARED)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*child processes of gw*", "* sleep"])


def test_several_processes_know_the_environment_outside(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATOR_TEST_CACHE", "/as/it/was")
    test = """
        from tests.support.home import OUTSIDE
        def test_it(): assert OUTSIDE["ROTATOR_TEST_CACHE"] == "/as/it/was"
    """

    result = run_with("home", inner, test, *SHARED)

    result.assert_outcomes(passed=1)


def test_a_test_that_measures_time_runs_alone(inner: pytest.Pytester) -> None:
    test = """
        import pathlib, time, pytest
        MARK = pathlib.Path(__file__).with_name("running")
        def wait(is_alone):
            if is_alone:
                assert not MARK.exists()
            with MARK.open("a"):
                time.sleep(0.5)
                MARK.unlink(missing_ok=True)
    """
    one = test + "\n        def test_it(): wait(False)"
    two = test + "\n        @pytest.mark.alone\n        def test_it(): wait(True)"
    inner.makepyfile(test_one=one, test_two=two)
    options = ("-p", "tests.support.quiet", "-p", "no:randomly", *SHARED)

    inner.runpytest_subprocess(*options).assert_outcomes(passed=2)


def test_what_is_not_measured_has_children_that_are_not_either(inner: pytest.Pytester) -> None:
    test = """
        import os
        import pytest
        from hypothesis import given, strategies as st
        os.environ["COVERAGE_PROCESS_CONFIG"] = "{}"
        def is_measured():
            return "COVERAGE_PROCESS_CONFIG" in os.environ
        def test_first():
            assert is_measured()
        @pytest.mark.no_cover
        def test_loop():
            assert not is_measured()
        @given(st.integers())
        def test_drawn(number):
            assert not is_measured()
        def test_last():
            assert is_measured()
    """

    result = run_with("unmeasured_tests", inner, test)

    result.assert_outcomes(passed=4)


PARTS = """
def first(): return 1
def second(): return 2
def third(): return 3
def fourth(): return 4
"""


def test_the_tracer_works_for_tests_and_fixtures_and_rests_around_them(
    inner: pytest.Pytester,
) -> None:
    (inner.mkpydir("rotator") / "text.py").write_text(PARTS)
    inner.makepyprojecttoml("[tool.coverage.run]\nbranch = true\n[tool.pytest]\npythonpath = ['.']")
    inner.makeconftest(
        """
        import sys
        def pytest_runtest_logreport(report):
            print(f"{report.when}: {sys.gettrace() is not None}")
        """
    )
    test = """
        import sys
        import pytest
        from rotator.text import first, second, third, fourth
        assert sys.gettrace() is None
        @pytest.fixture(scope="module")
        def shared():
            yield
            assert fourth() == 4
        @pytest.fixture
        def made(shared):
            assert first() == 1
            yield
            assert second() == 2
        @pytest.mark.no_cover
        def test_loop():
            assert sys.gettrace() is None
        def test_it(made):
            assert third() == 3
        def test_last():
            assert sys.gettrace() is not None
    """

    options = ("--cov=rotator", "--cov-fail-under=100", "-s")
    result = run_with("traced_parts", inner, test, *options)

    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.OK
    told = [line.rpartition(": ")[2] for line in result.outlines if ": " in line]
    assert (told.count("True"), told.count("False")) == (0, 9)


def test_the_ten_slowest_files_are_named_and_then_the_sum_of_all() -> None:
    seconds = {f"test_{number}.py": float(number) for number in range(12)}
    tests = Counter(dict.fromkeys(seconds, 2))

    first, *_, tenth, together = slow_files.slowest(seconds, tests)

    assert first.split() == ["11.0", "s", "2", "test_11.py"]
    assert tenth.split()[-1] == "test_2.py"
    assert together.split() == ["66.0", "s", "24", "all", "12", "files"]


def test_what_takes_long_comes_first_and_else_the_order_stays(
    request: pytest.FixtureRequest, inner: pytest.Pytester
) -> None:
    names = ("unit/test_b.py", "e2e/test_b.py", "integration/test_a.py", "e2e/test_a.py", "x.py")
    items: list[pytest.Item] = []
    for name in names:
        item = pytest.Function.from_parent(request.node.parent, name=name, callobj=sweep)
        item.path = long_first.TESTS / name
        items.append(item)
    items.append(pytest.Function.from_parent(request.node.parent, name="alone", callobj=sweep))
    items[-1].path = long_first.TESTS / "property/test_a.py"
    items[-1].add_marker("alone")

    long_first.pytest_collection_modifyitems(items)

    order = ["alone"]
    order += ["e2e/test_b.py", "e2e/test_a.py", "integration/test_a.py", "unit/test_b.py", "x.py"]
    assert [item.name for item in items] == order
    # The processes are given the files in that order, too.
    config = inner.parseconfig("-n", "2", "--dist", "loadfile")
    long_first.pytest_configure(config)
    assert config.option.loadscopereorder is False


class Process:
    """A process that is given tests by their numbers, and does them when it is told to."""

    def __init__(self, number: int) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.given += numbers

    def shutdown(self) -> None:
        self.shutting_down = True


@pytest.mark.parametrize("processes", [2, 3])
def test_what_waits_has_the_last_of_three_processes_for_itself(
    inner: pytest.Pytester, processes: int
) -> None:
    files = [*(f"tests/unit/test_{number}.py" for number in range(8)), *WAITING]
    tests = [f"{file}::test_{number}" for file in files for number in range(3)]
    config = inner.parseconfig("-n", str(processes), "--dist", "loadfile")
    config.option.loadscopereorder = False
    config.option.tx = ["popen"] * processes
    scheduler = waiting_files.WaitingApart(config)
    nodes = [Process(number) for number in range(processes)]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)

    scheduler.schedule()
    done: list[list[int]] = [[] for _ in nodes]
    # The last one is quick at first.
    while scheduler.has_pending:
        for node, finished in reversed(list(zip(nodes, done, strict=True))):
            for number in node.given[len(finished) :][:1]:
                finished.append(number)
                scheduler.mark_test_complete(node, number)

    assert sorted(number for finished in done for number in finished) == list(range(len(tests)))
    assert all(node.shutting_down for node in nodes)
    waited = {tests[number].partition("::")[0] for number in done[-1]} & set(WAITING)
    if processes == 3:
        assert {tests[number].partition("::")[0] for number in done[-1]} == set(WAITING)
    else:
        assert waited != set(WAITING)


def test_files_that_wait_are_there() -> None:
    assert [file for file in WAITING if not (ROOT / file).is_file()] == []
