"""On which ports a process listens."""

from __future__ import annotations

import os
import socket

from rotator.system.listening import ports_of
from tests.support.opencode2_process import free_port


def test_a_port_is_named_while_somebody_listens_there() -> None:
    with socket.socket() as listening, socket.socket() as idle:
        listening.bind(("127.0.0.1", 0))
        idle.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        ports = ports_of(os.getpid())

    assert port in ports
    assert idle.fileno() == -1
    assert port not in ports_of(os.getpid())


def test_of_a_process_that_is_not_there_nothing_is_found() -> None:
    assert free_port()
    assert ports_of(2**22 + 1) == []
