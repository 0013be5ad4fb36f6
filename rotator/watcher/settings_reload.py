"""Takes up changed settings while the watcher runs, and says so in an event."""

from __future__ import annotations

from rotator.context import Context
from rotator.model import Event, EventKind
from rotator.model.preferences import changed_settings
from rotator.settings.active import ActiveSettings, still_in_force
from rotator.settings.follow import SettingsFile


def reload_settings(context: Context, settings: SettingsFile) -> bool:
    """Look at the settings once more; tell whether other ones hold since the last look."""
    before, now = settings.now, settings.look()
    events = [Event(context.clock(), kind, why=why) for kind, why in _news(before, now)]
    if events:
        context.record(events)
        context.notify_changed()
    return before is None or before.preferences != now.preferences


def _news(before: ActiveSettings | None, now: ActiveSettings) -> list[tuple[EventKind, str]]:
    news = []
    # What holds when the watcher starts is no change.
    if before is not None and before.preferences != now.preferences:
        names = ", ".join(changed_settings(before.preferences, now.preferences))
        news.append((EventKind.CHANGED, f"settings were changed: {names}"))
    if now.problem is not None and (before is None or before.problem != now.problem):
        news.append((EventKind.PROBLEM, still_in_force(now.problem)))
    if now.not_run is not None and (before is None or before.not_run != now.not_run):
        news.append((EventKind.PROBLEM, now.not_run))
    return news
