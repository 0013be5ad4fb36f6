"""Looks at the dashboard inside opencode: its plugin, its entry, and where it is switched off."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.doctor.remark import Check, Remark, note, ok, problem
from rotator.doctor.setup import Setup
from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.tui.notes import tui_notes
from rotator.opencode.tui.plugin_file import TuiPlugin, plugin_source, plugin_version, tui_plugin

_INSTALL = "rotator bridge install"


def look_at_dashboard(setup: Setup) -> Iterator[Remark]:
    """Say whether opencode shows the dashboard, and which running opencodes do not."""
    found = tui_plugin(setup.paths)
    if not found.exists and not found.entered and bridge_file(setup.paths).version is None:
        # Nothing is installed, which is said of the bridge.
        return
    yield _installed(found)
    newest = plugin_version(plugin_source())
    for one in tui_notes(setup.paths):
        who = f"opencode {one.opencode} (pid {one.pid})"
        if not one.on:
            says = f"the dashboard has switched itself off in {who}: {one.why}"
            yield problem(Check.DASHBOARD, says, f"{_INSTALL}, then restart it, or use a terminal")
        elif one.plugin != newest:
            says = f"{who} runs with the dashboard plugin {one.plugin}"
            yield note(Check.DASHBOARD, says, f"restart it to use {newest}")


def _installed(found: TuiPlugin) -> Remark:
    if found.version is None and found.exists:
        says = f"{found.path} is not a file of ours"
        return problem(Check.DASHBOARD, says, f"move it away, then {_INSTALL}")
    if found.version is None and found.entered:
        says = f"{found.config} names {found.path}, which is not there"
        return problem(Check.DASHBOARD, says, _INSTALL)
    if found.version is None:
        return note(Check.DASHBOARD, "the dashboard is not installed inside opencode", _INSTALL)
    if not found.entered:
        says = f"{found.path} is not entered in {found.config}: opencode does not load it"
        return problem(Check.DASHBOARD, says, _INSTALL)
    if not found.current:
        says = f"{found.path} or its entry is not as this version has it"
        return problem(Check.DASHBOARD, says, _INSTALL, mendable=True)
    return ok(Check.DASHBOARD, f"{found.path} is in place, version {found.version}")
