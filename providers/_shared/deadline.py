"""One question to a vendor, in a thread of its own, so that a deadline holds whatever it waits for.

The HTTP library's timeouts are for each step: a server that drips, a name with many addresses or
a resolver that hangs could keep the caller for minutes. This module knows no library; it follows
an exchange through the names of its steps.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from rotator.provider import HttpAnswer

# The parts of the library that make a connection; their steps send nothing of the request.
_CONNECTING = ("connection", "proxy", "socks")
TOO_SLOW = "it took too long"
# A longer wait than twice this, for so short a time, was that of a process that was stopped.
_SLICE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer; `sent` says that the vendor may have seen the request."""

    why: str
    sent: bool


class Phase(Enum):
    """How far an exchange has come."""

    BUILDING = auto()
    # Handed to the library, which has told nothing of it yet.
    ASKED = auto()
    CONNECTING = auto()
    SENDING = auto()

    @property
    def may_be_sent(self) -> bool:
        """Whether the vendor may have seen the request; what is not known may be so."""
        return self in {Phase.ASKED, Phase.SENDING}


class GivenUp(Exception):
    """Nobody waits any more, so nothing may be sent."""


class PendingAnswer:
    """An exchange under way: a thread works on it, another one waits for its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._outcome: HttpAnswer | Trouble | None = None
        self._socket: socket.socket | None = None
        self.phase = Phase.BUILDING

    def run(self, work: Callable[[], HttpAnswer | Trouble], seconds: float) -> HttpAnswer | Trouble:
        """Let a thread do `work`, and return what came of it within `seconds`."""
        threading.Thread(
            target=self._work, args=(work,), name="vendor request", daemon=True
        ).start()
        self._wait(seconds)
        with self._lock:
            if self._outcome is None:
                # From now on `begin` and `follow` let nothing out, and nobody reads what comes:
                # hanging up makes a part of an answer look like its whole.
                self._outcome = Trouble(TOO_SLOW, self.phase.may_be_sent)
                _hang_up(self._socket)
            return self._outcome

    def _wait(self, seconds: float) -> None:
        """Wait for the end, for so long a time as this process could run.

        Whoever was stopped meanwhile has not read yet what came.
        """
        left_seconds = seconds
        while left_seconds > 0:
            began = time.monotonic()
            if self._ended.wait(min(left_seconds, _SLICE_SECONDS)):
                return
            left_seconds -= min(time.monotonic() - began, 2 * _SLICE_SECONDS)

    def _work(self, work: Callable[[], HttpAnswer | Trouble]) -> None:
        try:
            outcome = work()
            with self._lock:
                self._outcome = outcome
        finally:
            self._ended.set()

    def begin(self) -> None:
        """Note that the library is asked now; raises GivenUp after the deadline."""
        with self._lock:
            self._refuse_if_given_up()
            self.phase = Phase.ASKED

    def follow(self, step: str, facts: Mapping[str, Any]) -> None:
        """Note a step of the library, `part.name.started` and so on.

        Raises GivenUp after the deadline where the next step would send something.
        """
        with self._lock:
            if step.endswith(".send_request_headers.started"):
                self._refuse_if_given_up()
            if step == "connection.connect_tcp.started":
                self.phase = Phase.CONNECTING
            elif _is_of_the_request(step, facts):
                self.phase = Phase.SENDING
            # What a step of connecting returns knows its socket.
            find = getattr(facts.get("return_value"), "get_extra_info", None)
            if find is not None:
                self._socket = find("socket")

    def _refuse_if_given_up(self) -> None:
        if self._outcome is not None:
            raise GivenUp


def _is_of_the_request(step: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether a step works on the request itself; in doubt it does."""
    if step.startswith(_CONNECTING) or not step.endswith(".started"):
        return False
    if ".response_closed." in step:
        return False
    # A proxy is asked for a tunnel first, with a request of its own.
    return getattr(facts.get("request"), "method", None) != b"CONNECT"


def _hang_up(sock: socket.socket | None) -> None:
    if sock is not None:
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket: that one forgets first that it encrypts.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
