"""The dashboard's plugin in a process of its own, under opencode's runtime, without opencode.

`tests/bridge/tui_driver.mjs` plays opencode's TUI there, and made-up modules its library.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.bridge_process import BridgeProcess
from tests.support.opencode_binary import opencode_binary
from tests.support.repository import ROOT
from tests.support.waiting import wait_until

PLUGIN = ROOT / "rotator" / "opencode" / "bridge" / "rotator-tui.js"
DRIVER = ROOT / "tests" / "bridge" / "tui_driver.mjs"
_SECONDS = 20.0
_SOLID = """
export const createElement = (kind) => ({ kind, props: {}, children: [] });
export const insert = (parent, child) => parent.children.push(child);
export const insertNode = (parent, child) => parent.children.push(child);
export const setProp = (element, name, value) => (element.props[name] = value);
"""
_REACTIVE = """
export function createSignal(value) {
  return [() => value, (next) => (value = next)];
}
"""


@dataclass(frozen=True)
class TuiProcess:
    """A running driver, and where the plugin has its files."""

    driver: BridgeProcess
    home: Path

    @property
    def state(self) -> Path:
        """Return our state folder."""
        return self.home / ".local" / "state" / "opencode-rotator"

    @property
    def note(self) -> dict[str, Any]:
        """Return the note that the plugin has left of itself."""
        path = self.state / "bridge" / "tui" / f"{self.driver.pid}.json"
        value: dict[str, Any] = json.loads(path.read_text())
        return value

    def load(
        self, *, lacks: tuple[str, ...] = (), broken: tuple[str, ...] = (), **options: Any
    ) -> None:
        """Load the plugin, as opencode does, with those options in its entry."""
        told = self.driver.run("load", options=options, lacks=lacks, broken=broken)
        assert (told["id_of_plugin"], told["exports"]) == ("opencode-rotator", ["default"])

    def seen(self) -> dict[str, Any]:
        """Return what the plugin has registered, said and called."""
        return self.driver.run("seen")

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the sidebar."""
        found: list[dict[str, Any]] = self.driver.run("lines")["lines"]
        return found

    def words(self) -> list[str]:
        """Return the words of each line of the sidebar."""
        return ["|".join(line["parts"]) for line in self.lines()]

    def publish(self, **value: Any) -> None:
        """Publish a glance, as the watcher does."""
        self.state.mkdir(parents=True, exist_ok=True)
        whole = {"schema": 1, "balancing": True, "providers": [], "events": []} | value
        beside = self.state / ".glance"
        beside.write_text(json.dumps(whole))
        beside.replace(self.state / "glance.json")

    def wait_for_words(self, text: str) -> list[str]:
        """Wait until a line of the sidebar has that text; return all of them."""
        found = [""]

        def is_there() -> bool:
            found[:] = self.words()
            return any(text in line for line in found)

        wait_until(is_there, _SECONDS, lambda: f"{text!r} in the sidebar: {found}")
        return found

    def wait_for_toasts(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many toasts were shown; return them."""
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            found[:] = self.seen()["toasts"]
            return len(found) >= count

        wait_until(are_there, _SECONDS, lambda: f"{count} toasts: {found}")
        return found


@contextlib.contextmanager
def tui_process(home: Path, *, has_library: bool = True) -> Iterator[TuiProcess]:
    """Run the plugin in `home`; at the end it has to end well and to have said nothing."""
    copy = home / "conf" / PLUGIN.name
    copy.parent.mkdir()
    shutil.copyfile(PLUGIN, copy)
    # Where this folder is missing the runtime asks the network for a module.
    (copy.parent / "node_modules").mkdir()
    if has_library:
        for name, text in (("@opentui/solid", _SOLID), ("solid-js", _REACTIVE)):
            folder = copy.parent / "node_modules" / name
            folder.mkdir(parents=True)
            (folder / "package.json").write_text(json.dumps({"name": name, "main": "index.mjs"}))
            (folder / "index.mjs").write_text(text)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    process = subprocess.Popen(
        [opencode_binary(), DRIVER, copy],
        cwd=home,
        env=environment | {"BUN_BE_BUN": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    driver = BridgeProcess(process)
    try:
        yield TuiProcess(driver, home)
        code, told = driver.end()
        assert (code, told) == (0, "")
    finally:
        process.kill()
        process.communicate()
