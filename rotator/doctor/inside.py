"""Looks at the dashboard inside opencode: its plugin, its entry, and where it is switched off."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.doctor.check_result import Check, CheckResult, note, ok, problem
from rotator.doctor.setup import DoctorContext
from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.tui.notes import tui_notes
from rotator.opencode.tui.plugin_file import TuiPlugin, plugin_source, plugin_version, tui_plugin
from rotator.opencode.tui.second_plugin import second_plugin

_INSTALL = "rotator bridge install"


def look_at_dashboard(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether opencode shows the dashboard, and which running opencodes do not."""
    plugin = tui_plugin(setup.paths)
    if not plugin.exists and not plugin.entered and bridge_file(setup.paths).version is None:
        # Nothing is installed, which is said of the bridge.
        return
    yield _installed(plugin)
    second = second_plugin(setup.paths)
    if second.version is not None and not second.current:
        says = f"{second.path} is not as this version has it"
        yield problem(Check.DASHBOARD, says, _INSTALL, mendable=True)
    newest = plugin_version(plugin_source())
    for report in tui_notes(setup.paths):
        who = report.who
        if not report.on:
            says = f"the dashboard has switched itself off in {who}: {report.why}"
            yield problem(Check.DASHBOARD, says, f"{_INSTALL}, then restart it, or use a terminal")
        elif report.plugin != newest:
            says = f"{who} runs with the dashboard plugin {report.plugin}"
            yield note(Check.DASHBOARD, says, f"restart it to use {newest}")


def _installed(plugin: TuiPlugin) -> CheckResult:
    if plugin.version is None and plugin.exists:
        says = f"{plugin.path} is not a file of ours"
        return problem(Check.DASHBOARD, says, f"move it away, then {_INSTALL}")
    if plugin.version is None and plugin.entered:
        says = f"{plugin.config} names {plugin.path}, which is not there"
        return problem(Check.DASHBOARD, says, _INSTALL)
    if plugin.version is None:
        return note(Check.DASHBOARD, "the dashboard is not installed inside opencode", _INSTALL)
    if not plugin.entered:
        says = f"{plugin.path} is not entered in {plugin.config}: opencode does not load it"
        return problem(Check.DASHBOARD, says, _INSTALL)
    if not plugin.current:
        says = f"{plugin.path} or its entry is not as this version has it"
        return problem(Check.DASHBOARD, says, _INSTALL, mendable=True)
    return ok(Check.DASHBOARD, f"{plugin.path} is in place, version {plugin.version}")
