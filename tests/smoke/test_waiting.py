"""A server that is coming up is waited for, where that is asked for."""

from __future__ import annotations

import socket

from etl.sandbox import serve
from tests.pipeline.command import ended, start
from tests.told_steps import told_steps

PASSWORD = "late"


def test_a_server_that_comes_up_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
        url = f"mssql+pyodbc://sa:{PASSWORD}@127.0.0.1:{port}/sandbox"
        # It is over before the first copy.
        waiting = start(["smoke", "--url", url, "--wait-sec", "100", "--text", "日本", "--json"])
        link, _ = closing.accept()
        link.close()
    with serve(port=port, password=PASSWORD):
        found = told_steps(ended(waiting, 110))
    assert found.statuses["server"] == "ok"
    assert found.failed == ["texts"]
