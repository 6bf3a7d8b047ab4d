"""python-tds, whose TLS is pyOpenSSL's: the certificate checked, everything or the login alone encrypted."""

from __future__ import annotations

from typing import Any

import pytds
import pytest

from etl.sandbox.connection import Limits
from etl.sandbox.encryption import encryption_policy
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.sqltypes import SqlType
from tests.sandbox.scripted import ScriptedEngine, rows_of


@pytest.mark.parametrize(
    ("options", "encrypted"),
    [({"validate_host": True}, True), ({"validate_host": False, "enc_login_only": True}, False)],
)
def test_python_tds_checks_the_certificate(options: dict[str, Any], encrypted: bool) -> None:
    engine = ScriptedEngine()
    engine.answer("q", *rows_of(SqlType("nvarchar", 20), ["é😀"]))
    with (
        encryption_policy("optional", "127.0.0.1") as (policy, authority),
        TdsServer(engine, bind("127.0.0.1", 0), Limits(), policy) as server,
        pytds.connect(
            "localhost", "sandbox", "sa", "secret", port=server.port, cafile=str(authority), autocommit=True, **options
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("q")
        assert cursor.fetchall() == [("é😀",)]
    client = engine.sessions[0].client
    assert client is not None
    assert client.encrypted is encrypted
