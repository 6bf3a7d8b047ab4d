"""Ctrl-C while a connection is being made."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from etl.connect import Endpoint
from etl.sandbox import serve
from etl.sandbox.faults import LOGIN, Faults, Stall

LATEST_SEC = 20.0


def test_an_interrupt_during_the_login_is_one() -> None:
    """pyodbc's connect goes on over the handler's exception, and Python tells of it as a SystemError."""
    faults = Faults()
    with serve(faults=faults) as server:
        stall = faults.add(Stall(at=LOGIN))

        def strike() -> None:
            stall.wait_until_met(LATEST_SEC)
            os.kill(os.getpid(), signal.SIGINT)
            stall.release()

        striking = threading.Thread(target=strike)
        striking.start()
        try:
            with pytest.raises(KeyboardInterrupt), Endpoint.of(server.url(), "writer").connect():
                # Where the signal comes after the connection.
                time.sleep(LATEST_SEC)
        finally:
            striking.join()
