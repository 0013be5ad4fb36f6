"""The two files that opencode loads are what their sources make; these keep to their rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rotator.opencode.bridge.install import version_in
from rotator.opencode.tui.plugin_file import plugin_version
from tests.support.bridge_tools import SOURCES
from tests.support.build_bridge import BRIDGE_FOLDER, ENTRIES, build

MOST_LINES = 400
MODULES = sorted(SOURCES.rglob("*.js"))
IMPORT = re.compile(r'^(?:import|\} from|export .* from) ?.*"([^"]+)";$', re.MULTILINE)
COMMENT = re.compile(r"/\*(?s:.*?)\*/|//.*")
# What a decision may not ask for: the time, the process, the network, chance.
IMPURE = re.compile(
    r"\b(?:process|globalThis|performance|setTimeout|setInterval|fetch)\b(?=[.(])"
    r"|\bDate\.now\b|\bnew Date\b|\bMath\.random\b"
)


def is_core(module: Path) -> bool:
    return "core" in module.relative_to(SOURCES).parts


def imports_of(module: Path) -> list[str]:
    return IMPORT.findall(module.read_text(encoding="utf-8"))


def reach(module: Path, above: tuple[Path, ...] = ()) -> set[Path]:
    """Return every module that one needs; fails where it needs itself."""
    names = [re.sub(r"^.*?/src/", "", str(path)) for path in (*above, module)]
    assert module not in above, f"they import each other: {' -> '.join(names)}"
    ours = [(module.parent / name).resolve() for name in imports_of(module) if name[0] == "."]
    return {module}.union(*(reach(path, (*above, module)) for path in ours))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_file_that_opencode_loads_is_what_its_sources_make(name: str) -> None:
    kept, made = (BRIDGE_FOLDER / name).read_bytes(), build(name)

    assert kept == made, f"{name} is not up to date: run `python -m tests.support.build_bridge`"


@pytest.mark.parametrize("name", ENTRIES)
def test_its_second_line_says_from_what_it_is_made(name: str) -> None:
    second = (BRIDGE_FOLDER / name).read_text(encoding="utf-8").splitlines()[1]

    assert second.startswith(f"// Made from src/{ENTRIES[name]} by ")


@pytest.mark.parametrize("name", ENTRIES)
def test_the_version_in_its_first_line_is_the_one_that_it_tells(name: str) -> None:
    content = (BRIDGE_FOLDER / name).read_bytes()
    version = version_in(content) or plugin_version(content)

    told = re.findall(r'^var VERSION = "(.+)";$', content.decode("utf-8"), re.MULTILINE)

    assert told == [version]


def test_no_file_of_the_bridge_evaluates_text() -> None:
    for name in ENTRIES:
        assert not re.search(rb"\beval\b|new Function", (BRIDGE_FOLDER / name).read_bytes())


def test_each_module_is_short_and_says_what_it_is_for() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES}

    long = [path for path, text in texts.items() if len(text.splitlines()) >= MOST_LINES]
    silent = [path for path, text in texts.items() if not text.startswith("// ")]

    assert (long, silent) == ([], [])


def test_each_module_is_part_of_a_file_that_opencode_loads() -> None:
    needed = set[Path]().union(*(reach(SOURCES / entry) for entry in ENTRIES.values()))

    assert set(MODULES) == needed


def test_decisions_import_decisions_alone() -> None:
    for module in filter(is_core, MODULES):
        for name in imports_of(module):
            inside = name[0] == "." and is_core((module.parent / name).resolve())
            assert inside or name == "node:crypto", f"{module} imports {name}"


def test_decisions_ask_for_no_time_and_no_process() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES if is_core(path)}
    asked = {path: IMPURE.search(COMMENT.sub("", text)) for path, text in texts.items()}

    assert {path: part for path, part in asked.items() if part} == {}
