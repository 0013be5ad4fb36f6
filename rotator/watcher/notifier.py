"""Tells the desktop and the user's hook of what the watcher writes down, as far as they want it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from rotator.context import Context
from rotator.core.notifications import OF_INTEREST, Notice, is_used_up, notice_of
from rotator.errors import RotatorError
from rotator.model import Event
from rotator.system.background import BackgroundRunner
from rotator.watcher.notify_commands import hook_errand, notification, notifier, notifier_name

log = logging.getLogger(__name__)


class Notifier:
    """Hears of every event in the watcher's one thread, and keeps nobody waiting."""

    def __init__(self, context: Context, environ: Mapping[str, str] | None = None) -> None:
        """Take the state and the user's wishes from `context`; nothing runs yet."""
        self._context = context
        self._environ = os.environ if environ is None else environ
        self._desktop = BackgroundRunner("the desktop's notifier", self._environ)
        self._hook = BackgroundRunner("the hook", self._environ)
        # Of whom it was told that nobody is left.
        self._told: frozenset[str] = frozenset()
        self._is_missed = False

    def on_event(self, event: Event) -> None:
        """Tell of an event, if it is one to tell of; never raises for what goes wrong with it."""
        if event.provider is None:
            return
        try:
            notice = self._notice(event)
        except RotatorError as exc:
            log.warning("an event could not be told: %s", exc.message)
            return
        if notice is None:
            return
        wanted = self._context.preferences()
        if wanted.hook_command:
            self._hook.start(hook_errand(wanted.hook_command, event))
        if wanted.desktop_notifications and notice.title is not None:
            self._show(notice.title, notice.text)

    def close(self) -> None:
        """End what still runs."""
        self._desktop.close()
        self._hook.close()

    def _notice(self, event: Event) -> Notice | None:
        if event.kind not in OF_INTEREST and not self._told:
            return None
        state, now = self._context.store.state(), self._context.clock()
        self._told = frozenset(
            provider for provider in self._told if is_used_up(state, provider, now)
        )
        notice = notice_of(event, state, now, self._told)
        if notice is not None and event.provider and is_used_up(state, event.provider, now):
            self._told |= {event.provider}
        return notice

    def _show(self, title: str, text: str) -> None:
        program = notifier(self._environ)
        if program is not None:
            self._is_missed = False
            self._desktop.start(notification(program, title, text))
        elif not self._is_missed:
            self._is_missed = True
            log.warning("nothing is shown on the desktop: there is no %s", notifier_name())
