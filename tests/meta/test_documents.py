"""The documents say what is so: the one command, the help texts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.support.repository import README, ROOT
from tests.support.tool import beside_python, expect_success, run

CHECK = re.compile(r"^<!-- check -->\n```sh\n(.+)\n```\n<!-- /check -->$", re.MULTILINE)
HELP = re.compile(
    r"^<!-- help: (rotator\b.*?) -->\n```\w*\n(.*?)^```\n<!-- /help -->$", re.MULTILINE | re.DOTALL
)
FILE = re.compile(r"(?<![\w./-])(?:rotator|providers|tests)/[\w/]+\.(?:py|js|mjs)\b")


def test_the_readme_gives_one_command_that_sets_up_and_checks_everything() -> None:
    commands = CHECK.findall(README.read_text())

    assert len(commands) == 1
    assert commands[0].split(" && ") == [
        "python3 -m venv .venv",
        ".venv/bin/pip install -q -e '.[dev]'",
        ".venv/bin/python -m pytest --cov -n 3 --dist loadfile",
    ]


def repository_with(readme: str, folder: Path) -> Path:
    """Return the build's script in a repository that has nothing but it and a README."""
    (folder / ".ci").mkdir()
    (folder / "README.md").write_text(readme)
    return Path(shutil.copy(ROOT / ".ci" / "run", folder / ".ci"))


def test_the_build_runs_what_the_readme_says(tmp_path: Path) -> None:
    readme = (
        "Words\n<!-- check -->\n```sh\necho one && pwd && cat\n```\n<!-- /check -->\nsh -c no\n"
    )
    script = repository_with(readme, tmp_path)

    told = expect_success(str(script), cwd=Path("/"))

    assert told == f"one\n{tmp_path}\n"


def test_the_build_fails_when_the_command_fails(tmp_path: Path) -> None:
    script = repository_with(
        "<!-- check -->\n```sh\ntrue && false\n```\n<!-- /check -->\n", tmp_path
    )

    assert run(str(script)).returncode == 1


def test_the_build_fails_when_the_readme_gives_no_command(tmp_path: Path) -> None:
    script = repository_with("Words\n", tmp_path)

    ended = run(str(script))

    assert ended.returncode == 2
    assert "README.md holds no command" in ended.stderr


def test_every_help_text_in_a_document_is_the_program_s_own() -> None:
    shown = [
        (command, text)
        for document in [README, *sorted((ROOT / "docs").rglob("*.md"))]
        for command, text in HELP.findall(document.read_text())
    ]

    told = [(command, help_of(command)) for command, _ in shown]

    assert shown == told


def test_every_file_of_ours_that_a_document_names_is_there() -> None:
    documents = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

    gone = {
        name
        for document in documents
        for name in FILE.findall(document.read_text())
        if not (ROOT / name).exists()
    }

    assert gone == set()


def help_of(command: str) -> str:
    return expect_success(beside_python("rotator"), *command.split()[1:], COLUMNS="80")
