"""How opencode's login is run, and which providers and models it tells of."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from rotator.errors import RotatorError, UsageError
from rotator.opencode.models import Model, ask_models, known_providers, parse_models
from rotator.opencode.program import find_opencode, login_command


def an_opencode(folder: Path, script: str) -> Path:
    """Put a program of that name into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "opencode"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(stat.S_IRWXU)
    return program


def facts(name: str, released: str, status: str = "active") -> str:
    return json.dumps({"name": name, "release_date": released, "status": status}, indent=2)


def test_opencode_is_found_by_path_or_where_it_installs_itself(tmp_path: Path) -> None:
    usual = an_opencode(tmp_path / ".opencode" / "bin", "")
    nearer = an_opencode(tmp_path / "bin", "")

    assert find_opencode({"PATH": str(nearer.parent), "HOME": str(tmp_path)}) == str(nearer)
    assert find_opencode({"PATH": "/nonexistent", "HOME": str(tmp_path)}) == str(usual)


def test_without_opencode_it_is_said_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="opencode was not found"):
        find_opencode({"PATH": "/nonexistent", "HOME": str(tmp_path)})


@pytest.mark.parametrize("name", ["HOME", "XDG_CONFIG_HOME"])
def test_root_starts_no_opencode_that_loads_a_user_s_plug_ins(tmp_path: Path, name: str) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can show what root does not start", pytrace=False)
    theirs, own = tmp_path / "theirs", tmp_path / "own"
    for folder in (theirs, own):
        folder.mkdir()
    os.chown(theirs, 54321, 54321)
    program = an_opencode(own, "echo acme/model")
    env = {"PATH": str(own), "HOME": str(own), "XDG_CONFIG_HOME": str(own)}
    assert login_command("", env)[0] == str(program)

    for start in (lambda: login_command("", env), lambda: ask_models("acme", env)):
        env[name] = str(theirs)
        with pytest.raises(UsageError) as failed:
            start()

        assert failed.value.message == (
            f"opencode is not started: {theirs} belongs to another user (uid 54321),"
            " and you are root"
        )


def test_a_login_names_its_provider_or_lets_opencode_ask(tmp_path: Path) -> None:
    program = str(an_opencode(tmp_path, ""))
    env = {"PATH": str(tmp_path)}

    assert login_command("acme", env) == [program, "auth", "login", "--provider", "acme"]
    assert login_command("", env) == [program, "auth", "login"]


def test_models_come_newest_first_without_deprecated_ones() -> None:
    text = "\n".join(
        [
            "acme/old",
            facts("Old", "2024-01-01"),
            "acme/gone",
            facts("Gone", "2026-01-01", "deprecated"),
            "acme/family/new",
            facts("New", "2026-05-01"),
        ]
    )

    assert parse_models(text) == [
        Model("acme", "family/new", "New", "2026-05-01"),
        Model("acme", "old", "Old", "2024-01-01"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("acme/m1\nacme/m2\n", id="names alone"),
        pytest.param("acme/m1\n{torn\nacme/m2\n[]\n", id="torn facts"),
        pytest.param('acme/m1\n{"name": 7}\nacme/m2\n{"name": ""}\n', id="odd facts"),
    ],
)
def test_a_model_without_facts_has_its_id_for_a_name(text: str) -> None:
    assert {one.name for one in parse_models(text)} == {"m1", "m2"}


def test_opencode_is_asked_for_the_models_of_one_provider(tmp_path: Path) -> None:
    an_opencode(tmp_path, 'test "$*" = "models acme --verbose" && echo acme/m1')

    assert ask_models("acme", {"PATH": f"{tmp_path}:/bin"}) == [Model("acme", "m1", "m1")]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo Error: Provider not found: acme >&2; exit 1", "Provider not found"),
        ("exit 0", "knows no model of acme"),
    ],
)
def test_without_models_opencode_s_words_are_repeated(
    tmp_path: Path, script: str, said: str
) -> None:
    an_opencode(tmp_path, script)

    with pytest.raises(RotatorError, match=said):
        ask_models("acme", {"PATH": f"{tmp_path}:/bin"})


def test_an_opencode_that_does_not_run_is_no_traceback(tmp_path: Path) -> None:
    program = an_opencode(tmp_path, "")
    program.write_text("")

    with pytest.raises(RotatorError, match="opencode did not tell its models"):
        ask_models("acme", {"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            '{"openai": {"name": "OpenAI"}, "odd": 7, "none": {}}',
            {"openai": "OpenAI", "none": "none"},
        ),
        ("{torn", {}),
        ("[]", {}),
    ],
)
def test_providers_are_named_as_opencode_s_own_list_has_them(
    tmp_path: Path, content: str, found: dict[str, str]
) -> None:
    file = tmp_path / "opencode" / "models.json"
    file.parent.mkdir()
    file.write_text(content)

    assert known_providers({"XDG_CACHE_HOME": str(tmp_path)}) == found


def test_without_that_list_nobody_is_named(tmp_path: Path) -> None:
    assert known_providers({"HOME": str(tmp_path)}) == {}
