"""An opencode that is killed in the middle of everything: nothing it leaves is taken for news."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import signal
import threading

from rotator.opencode.auth.file import Whole, read_live
from tests.e2e.scenes import A, B, api, install_bridge, kinds, log_in, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import slow_text
from tests.support.rotator_process import accounts, rotator, status, watcher
from tests.support.waiting import wait_until

ENOUGH_LOGINS = 5


class Typist:
    """Logs in to one provider after the other until the server is gone."""

    def __init__(self, server: Server) -> None:
        self.done = 0
        self._server = server
        self._thread = threading.Thread(target=self._type)
        self._thread.start()

    def _type(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in itertools.count(1):
                self._server.set_auth(f"other-{number}", api(f"KEY-CANARY-other-{number}"))
                self.done = number

    def join(self) -> None:
        """Wait until the server is gone."""
        self._thread.join()


def captured(house: Household) -> set[str]:
    """Return the providers that have an account."""
    return {account["provider"] for account in accounts(house)}


def test_a_killed_opencode_leaves_its_logins_and_nothing_else(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    provider.answer(slow_text("never ", "ended", pause_seconds=60), title=False)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            server.prompt_async(server.create_session(), "hi")
            [request] = provider.wait_for(1, deadline_seconds=30)
            typist = Typist(server)
            wait_until(lambda: typist.done >= ENOUGH_LOGINS, 30, "some logins")

            os.kill(server.pid, signal.SIGKILL)

            typist.join()
            wait_until(lambda: request.client_left, 5, "the connection to be closed")

        logins = [f"other-{number}" for number in range(1, typist.done + 1)]
        # One that it was about to write may be there, too, or the file is torn and written anew.
        wait_until(lambda: isinstance(read_live(house.auth_file), Whole), 20, "a whole auth.json")
        wait_until(lambda: set(logins) <= captured(house), 20, "every login to be captured")
        seen, rotated = status(house), rotator(house, "rotate", "mock", "--json").json()

    live = house.read_auth()
    assert live["mock"] == api(B)
    assert set(logins) <= set(live)
    assert states(house) == ["ready", "ready"]
    assert set(kinds(house)) <= {"captured", "restored", "swapped"}
    assert (seen["opencodes"], seen["problems"], rotated["applies"]) == ([], [], "now")
