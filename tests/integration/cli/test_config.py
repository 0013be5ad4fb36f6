"""`rotator config` and `rotator priority` as a person and as a script meet them."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rotator.cli.main import run
from rotator.settings.catalog import SETTINGS
from rotator.settings.validate import read_file
from rotator.system.paths import Paths, find_paths
from tests.support.config_files import FILES, write_config

FILE = """\
# mine
[failover]
strategy = "drain"

[failover.order]
openai = ["work", "home"]

[[priority]]
provider = "openai"
model = "gpt-5"
"""
BROKEN = FILE + "oops\n"
SAID = "config.toml: line 11, column 5: expected '=' after a key in a key/value pair"
TYPO = "ROTATOR_FAILOVER__STRATGY"


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON value that was printed, and nothing beside it."""
        assert (self.err, self.out.count("\n")) == ("", 1)
        return json.loads(self.out)


@dataclass
class Person:
    """Somebody at a prompt."""

    paths: Paths
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Ended:
        """Run a command in this process."""
        code = run(list(words))
        captured = self.capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    @property
    def text(self) -> str:
        """What the settings' file holds."""
        return self.paths.config_file.read_text()


@pytest.fixture
def person(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Person:
    del home
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return Person(find_paths(), capsys)


@pytest.fixture
def somebody(person: Person) -> Person:
    """Somebody who has a file."""
    write_config(person.paths.config_file, FILE)
    return person


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    """Let the editor be a script that gets the file's name as `$1`."""
    script = tmp_path / "editor"
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))


# -- config --------------------------------------------------------------------------------------


def test_the_path_is_where_the_settings_would_be(person: Person) -> None:
    assert person("config", "path").out == f"{person.paths.config_file}\n"
    assert person("config", "path", "--json").json() == {
        "schema": 1,
        "path": str(person.paths.config_file),
        "exists": False,
    }


def test_every_setting_is_shown_as_the_file_would_have_it(somebody: Person) -> None:
    ended = somebody("config", "show")

    shown = "".join(f"{line}\n" for line in ended.out.splitlines() if line != "priority = []")
    assert (ended.code, ended.err) == (0, "")
    assert [line.partition(" = ")[0] for line in ended.out.splitlines()] == [
        one.key for one in SETTINGS
    ]
    assert read_file(shown)["failover"]["order"] == {"openai": ["work", "home"]}


def test_each_origin_is_named(somebody: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTATOR_FAILOVER__WALL_THRESHOLD", "0.5")
    somebody("config", "show")
    lines = somebody("config", "show", "--origin").out.splitlines()

    write_config(somebody.paths.config_file, BROKEN)
    kept = somebody("config", "show", "--origin").out.splitlines()

    origins = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert origins["failover.strategy"] == 'config.toml:3 "drain"'
    assert origins["failover.order"] == 'config.toml:5 {openai = ["work", "home"]}'
    assert origins["priority"] == 'config.toml:8 [{provider = "openai", model = "gpt-5"}]'
    assert origins["dashboard.key"] == 'default "ctrl+b"'
    assert origins["failover.wall_threshold"] == (
        "environment variable ROTATOR_FAILOVER__WALL_THRESHOLD 0.5"
    )
    assert [line.split()[:3] for line in kept[:1]] == [["failover.strategy", "cache", '"drain"']]


def test_what_is_shown_as_json_has_value_default_and_origin(somebody: Person) -> None:
    value = somebody("config", "show", "--json").json()

    assert (list(value), value["problem"]) == (["schema", "settings", "problem"], None)
    assert value["settings"][0] == {
        "key": "failover.strategy",
        "value": "drain",
        "default": "sticky",
        "origin": {"kind": "file", "where": "config.toml:3"},
    }


@pytest.mark.parametrize(
    ("key", "printed"),
    [
        ("failover.strategy", "drain\n"),
        ("failover.order", '{openai = ["work", "home"]}\n'),
        ("failover.order.openai", '["work", "home"]\n'),
        ("failover.order.xai", ""),
        ("failover.swap_before_wall", "false\n"),
        ("failover.min_swap_seconds", "300\n"),
    ],
)
def test_one_value_is_printed_alone(somebody: Person, key: str, printed: str) -> None:
    ended = somebody("config", "get", key)

    assert (ended.code, ended.out, ended.err) == (0, printed, "")


def test_one_value_as_json_says_where_it_comes_from(somebody: Person) -> None:
    assert somebody("config", "get", "failover.order.openai", "--json").json() == {
        "schema": 1,
        "key": "failover.order.openai",
        "value": ["work", "home"],
        "default": {},
        "origin": {"kind": "file", "where": "config.toml:5"},
        "problem": None,
    }


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("failover.strategy ordered", 'strategy = "ordered"'),
        ("failover.wall_threshold 0.5", "wall_threshold = 0.5"),
        ("failover.swap_before_wall true", "swap_before_wall = true"),
        ("failover.order.openai home", 'openai = ["home"]'),
        ("failover.order.openai home work", 'openai = ["home", "work"]'),
        ('failover.order.openai ["home"]', 'openai = ["home"]'),
        ("failover.order.xai a", 'xai = ["a"]'),
        ("failover.strategies.xai drain", 'strategies.xai = "drain"'),
        ('failover.strategies {"xai":"drain"}', 'strategies = {xai = "drain"}'),
        ('failover.strategies {xai="drain"}', 'strategies = {xai = "drain"}'),
        ("routing.models.big a/b c/d", 'models.big = ["a/b", "c/d"]'),
        ("hooks.command -- notify --loud", 'command = ["notify", "--loud"]'),
        ("dashboard.key 5", 'key = "5"'),
    ],
)
def test_a_value_is_set_as_it_is_said(somebody: Person, words: str, line: str) -> None:
    ended = somebody("config", "set", *words.split())

    assert (ended.code, ended.err) == (0, "")
    assert line in somebody.text.splitlines()
    assert ended.out.partition(" = ")[2].strip() == line.partition(" = ")[2]


def test_what_was_set_is_said_as_json(somebody: Person) -> None:
    ended = somebody("config", "set", "failover.order.xai", "a", "b", "--json")

    assert ended.json() == {
        "schema": 1,
        "key": "failover.order.xai",
        "value": ["a", "b"],
        "overridden_by": None,
    }


def test_a_variable_that_holds_instead_is_named(
    somebody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATOR_FAILOVER__STRATEGY", "headroom")
    monkeypatch.setenv("ROTATOR_PRIORITY", "[]")

    strategy = somebody("config", "set", "failover.strategy", "ordered")
    priority = somebody("priority", "set", "xai", "grok-4")

    assert strategy.err == "! ROTATOR_FAILOVER__STRATEGY is set and holds instead\n"
    assert priority.err == "! ROTATOR_PRIORITY is set and holds instead\n"
    assert 'strategy = "ordered"' in somebody.text


def test_a_setting_that_is_unset_has_its_default(somebody: Person) -> None:
    ended = somebody("config", "unset", "failover.strategy")
    member = somebody("config", "unset", "failover.order.openai", "--json")

    assert ended.out == 'failover.strategy = "sticky"\n'
    assert member.json()["value"] is None
    assert somebody.text == FILE.replace('strategy = "drain"\n', "").replace(
        'openai = ["work", "home"]\n', ""
    )


FAILURES = [
    ("config get failover.stratgy", "did you mean failover.strategy?"),
    ("config set failover.stratgy drain", "did you mean failover.strategy?"),
    ("config unset strategy", "did you mean failover.strategy?"),
    ("config set failover.wall_threshold 7", "must be between 0 and 1, not 7"),
    ("config set failover.wall_threshold", "Missing argument 'VALUE...'."),
    ("config set failover.strategy a b", "failover.strategy takes one value"),
    ("config set failover.swap_before_wall maybe", "must be true or false, not 'maybe'"),
    ("config set priority []", "priority: it is a list of tables, changed one by one"),
    ("config set priority.model x", "priority.model: each provider has its own"),
    ("config nope", "No such command 'nope'."),
    ("priority move xai first", "xai is not in the priorities"),
    ("priority enable xai", "xai is not in the priorities"),
    ("priority remove xai", "xai is not in the priorities"),
    ("priority move openai middle", "'middle' is no place in the order"),
    ("priority move openai 0", "'0' is no place in the order"),
    ("priority set openai", "Missing argument 'MODEL'."),
    ("priority set 'a m", "must be the id of a provider"),
]


@pytest.mark.parametrize(("command", "said"), FAILURES)
def test_a_failure_is_one_sentence_and_ends_with_2(
    somebody: Person, command: str, said: str
) -> None:
    words = [word.replace("'a", "a b") for word in command.split()]

    plain, as_json = somebody(*words), somebody(*words, "--json")

    sentence, hint = plain.err.splitlines()
    assert (plain.code, as_json.code, plain.out) == (2, 2, "")
    assert said in sentence
    assert hint.startswith("  ")
    assert as_json.json()["error"]["message"] == sentence.removeprefix("rotator: ")
    assert somebody.text == FILE


@pytest.mark.parametrize("command", ["config show", "config get hooks.command", "priority list"])
def test_what_holds_is_shown_and_what_is_wrong_ends_with_2(somebody: Person, command: str) -> None:
    somebody("config", "show")
    write_config(somebody.paths.config_file, BROKEN)

    plain, as_json = somebody(*command.split()), somebody(*command.split(), "--json")

    assert (plain.code, plain.err) == (2, f"! {SAID}\n")
    assert plain.out
    assert (as_json.code, as_json.json()["problem"]) == (2, SAID)


def test_a_misspelt_variable_is_wrong_too(
    somebody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TYPO, "drain")

    ended = somebody("config", "show")

    assert (ended.code, ended.err) == (
        2,
        f"! {TYPO}: no setting has this variable; did you mean ROTATOR_FAILOVER__STRATEGY?\n",
    )


# -- config edit ---------------------------------------------------------------------------------


def test_a_file_is_edited_with_every_byte_as_it_was(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = FILES["windows"].encode()
    write_config(person.paths.config_file, before)
    editor(monkeypatch, tmp_path, "sed -i s/headroom/drain/ $1")

    ended = person("config", "edit")

    assert (ended.code, ended.out) == (0, f"{person.paths.config_file} was changed\n")
    assert person.paths.config_file.read_bytes() == before.replace(b'"headroom"', b'"drain"')


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EROFS, errno.ENOSPC])
def test_without_a_folder_for_temporary_files_no_editor_is_started_and_it_is_said(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    def none(*_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    editor(monkeypatch, tmp_path, "touch $0.ran")
    monkeypatch.setattr(tempfile, "mkstemp", none)

    ended = person("config", "edit")

    why = f"no temporary file can be made ({os.strerror(code)})"
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"rotator: the editor is not started: {why}\n")
    assert "TMPDIR" in ended.err
    assert not (tmp_path / "editor.ran").exists()


def test_root_starts_no_editor_in_a_user_s_home(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can show what root does not start", pytrace=False)
    editor(monkeypatch, tmp_path, "touch $0.ran; echo '[failover]' > $1")
    os.chown(os.environ["HOME"], 54321, 54321)

    ended = person("config", "edit")

    assert ended.code == 2
    assert "the editor is not started: " in ended.err
    assert "belongs to another user (uid 54321), and you are root" in ended.err
    assert not person.paths.config_file.exists()


def test_a_new_file_begins_with_everything_that_can_be_set(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(monkeypatch, tmp_path, r"sed -i 's/^# \(strategy = \).*/\1\"drain\"/' $1")

    ended = person("config", "edit")

    assert ended.code == 0
    assert read_file(person.text) == {
        "failover": {"strategy": "drain"},
        **{name: {} for name in ("routing", "notifications", "hooks", "dashboard", "accounts")},
    }
    assert all(f"# {one.path[-1]} = " in person.text for one in SETTINGS[1:] if "." in one.key)


def test_what_can_be_set_is_right_when_it_is_uncommented(person: Person) -> None:
    from rotator.cli.config import template  # noqa: PLC0415  # as the command loads it

    lines = [
        line.removeprefix("# ") if " = " in line and "`" not in line else line
        for line in template().splitlines()
    ]

    values = read_file("\n".join(lines).replace("# [[priority]]", "[[priority]]"))

    assert sum(len(one) for one in values.values()) >= len(SETTINGS)
    assert not person.paths.config_file.exists()


def test_a_broken_file_can_be_mended(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_config(person.paths.config_file, BROKEN)
    editor(monkeypatch, tmp_path, "sed -i /oops/d $1")

    ended = person("config", "edit")

    assert (ended.code, person.text) == (0, FILE)


def test_without_a_change_nothing_is_written(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(monkeypatch, tmp_path, "true")

    ended = person("config", "edit")

    assert (ended.code, ended.out) == (0, "nothing was changed\n")
    assert not person.paths.config_file.exists()


def test_what_was_written_in_vain_is_kept(
    somebody: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(monkeypatch, tmp_path, "sed -i s/drain/drani/ $1")

    ended = somebody("config", "edit")

    draft = somebody.paths.state / "config.draft.toml"
    assert (ended.code, somebody.text) == (2, FILE)
    assert draft.read_text() == FILE.replace("drain", "drani")
    assert ended.err.splitlines()[1] == f"  nothing was changed; your text is in {draft}"


@pytest.mark.parametrize(
    "program", [pytest.param("/nowhere/editor", id="missing"), pytest.param("false", id="failed")]
)
def test_an_editor_that_does_not_do_it_changes_nothing(
    somebody: Person, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setenv("VISUAL", program)

    ended = somebody("config", "edit")

    assert (ended.code, somebody.text) == (2, FILE)
    assert ended.err.startswith("rotator: the editor did not do it: ")


class Terminal(io.StringIO):
    """A terminal at which somebody has typed something already."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.mark.parametrize(
    ("typed", "code", "strategy"),
    [
        pytest.param("y\n", 0, "ordered", id="yes"),
        pytest.param("n\n", 2, "drain", id="no"),
    ],
)
def test_somebody_at_a_terminal_is_asked_whether_to_go_on(
    somebody: Person,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    typed: str,
    code: int,
    strategy: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    editor(monkeypatch, tmp_path, "sed -i -e s/drani/ordered/ -e s/drain/drani/ $1")

    ended = somebody("config", "edit")

    assert (ended.code, "not 'drani' (line 3, column 12)" in ended.err) == (code, True)
    assert f'strategy = "{strategy}"' in somebody.text


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(
    somebody: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = somebody.paths.config_file
    editor(monkeypatch, tmp_path, "sed -i s/drain/sticky/ $1", f"echo '# theirs' >> {file}")

    ended = somebody("config", "edit")

    assert (ended.code, somebody.text) == (2, f"{FILE}# theirs\n")
    assert "somebody else has changed it meanwhile" in ended.err


# -- priority ------------------------------------------------------------------------------------


def order(person: Person) -> list[str]:
    """Return the providers in their order, a hyphen before the disabled ones."""
    listed = person("priority", "list", "--json").json()["priorities"]
    return [f"{'' if one['enabled'] else '-'}{one['provider']}" for one in listed]


def test_without_priorities_it_is_said_that_nothing_is_routed(person: Person) -> None:
    assert person("priority").out == (
        "no message is routed: that needs two enabled providers with a model\n"
    )
    assert person("priority", "--json").json() == {
        "schema": 1,
        "priorities": [],
        "routes": False,
        "problem": None,
    }


def test_priorities_are_a_table_in_their_order(somebody: Person) -> None:
    somebody("priority", "set", "anthropic/", "claude-opus-4")
    somebody("priority", "set", "xai", "grok-4")

    ended = somebody("priority", "disable", "anthropic")

    assert ended.out == (
        "1  openai     gpt-5\n2  anthropic  claude-opus-4  disabled\n3  xai        grok-4\n"
    )
    assert somebody("priority", "--json").json()["routes"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("move c first", ["c", "a", "-b", "d"]),
        ("move a last", ["-b", "c", "d", "a"]),
        ("move c up", ["a", "c", "-b", "d"]),
        ("move a up", ["a", "-b", "c", "d"]),
        ("move c down", ["a", "-b", "d", "c"]),
        ("move d down", ["a", "-b", "c", "d"]),
        ("move d 2", ["a", "d", "-b", "c"]),
        ("move a 99", ["-b", "c", "d", "a"]),
        ("remove a", ["-b", "c", "d"]),
        ("enable b", ["a", "b", "c", "d"]),
        ("disable d", ["a", "-b", "c", "-d"]),
        ("set b other", ["a", "-b", "c", "d"]),
        ("set e m", ["a", "-b", "c", "d", "e"]),
    ],
)
def test_the_order_is_what_was_asked_for(person: Person, words: str, wanted: list[str]) -> None:
    blocks = [f'[[priority]] # {one}\nprovider = "{one}"\nmodel = "m"\n' for one in "abcd"]
    write_config(person.paths.config_file, "\n".join(blocks).replace('"b"', '"b"\nenabled=false'))

    ended = person("priority", *words.split())

    assert (ended.code, order(person)) == (0, wanted)
    assert all(f"[[priority]] # {one}\n" in person.text for one in "bcd")


def test_a_model_replaces_the_one_that_stood_there(somebody: Person) -> None:
    somebody("priority", "set", "openai", "gpt-5-mini")

    assert somebody.text == FILE.replace('"gpt-5"', '"gpt-5-mini"')
