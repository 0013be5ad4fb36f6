"""What each effect means as work: loaded by the first one, long after the first screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rotator.clock import system_clock
from rotator.context import Context
from rotator.system.paths import Paths
from rotator.tui.jobs.account_changes import AccountChanges
from rotator.tui.jobs.lookups import (
    Explainer,
    captured,
    explain_choice,
    explained,
    offer_models,
    offer_providers,
    read_usage,
)
from rotator.tui.jobs.settings_changes import (
    move_priority,
    read_settings,
    set_priority,
    set_setting,
)
from rotator.tui.jobs.start_watcher import Watcher
from rotator.tui.jobs.worker import Job
from rotator.tui.model import effects as do
from rotator.tui.model.messages import Message

_CHANGES: tuple[type, ...] = (
    do.Activate,
    do.RotateToBest,
    do.Rename,
    do.Remove,
    do.SetDisabled,
    do.SetBalancing,
    do.Undo,
)


class Dispatcher:
    """Makes jobs of effects; what can be taken back is kept here."""

    def __init__(self, paths: Paths, explain: Explainer | None = None) -> None:
        self._paths, self._explain = paths, explain or explain_choice
        self._hands, self._watcher = AccountChanges(), Watcher()
        self._makers = self._table()

    def job(self, effect: do.Effect) -> Job:
        """Return the job that an effect asks for."""
        return self._makers[type(effect)](effect)

    @property
    def kinds(self) -> frozenset[type]:
        """The effects that there are jobs for."""
        return frozenset(self._makers)

    def forget_old(self) -> None:
        """Let go of what cannot be taken back any more."""
        self._hands.undo.forget_old(system_clock())

    def _table(self) -> Mapping[type, Callable[[Any], Job]]:
        changes: dict[type, Callable[[Any], Job]] = dict.fromkeys(_CHANGES, self._hands.job)
        return changes | {
            do.Captured: captured,
            do.Explain: lambda effect: explained(self._explain, effect.provider),
            do.MovePriority: move_priority,
            do.OfferModels: lambda effect: offer_models(effect.provider),
            do.OfferProviders: lambda _: offer_providers,
            do.ReadSettings: lambda _: read_settings,
            do.ReadUsage: read_usage,
            do.SetPriority: set_priority,
            do.SetSetting: set_setting,
            do.StartWatcher: lambda effect: partial(self._start_watcher, effect.job),
        }

    def _start_watcher(self, job: int, _: Context) -> Message:
        return self._watcher.start(job, self._paths)
