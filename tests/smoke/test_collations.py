"""Databases of collations that are not the server's: other code pages, other cases, other letters for I."""

from __future__ import annotations

import secrets

import pytest
import sqlalchemy as sa

from etl.smoke.steps import CLEANUP, STEPS
from tests.databases import MssqlDatabase, drop_database
from tests.smoke.smoking import smoke

COLLATIONS = {
    "Polish_100_CI_AS": "Żółć",
    # Here I and i are no pair, and names of tables and columns that differ in them are others.
    "Turkish_100_CI_AS": "İstanbul ıI",
    "Latin1_General_100_CS_AS_KS_WS": "Größe",
    "Latin1_General_BIN2": "Größe",
    "Japanese_XJIS_100_CI_AS": "表示",
    "Hebrew_100_CI_AI": "שלום",
    "Latin1_General_100_CI_AS_SC_UTF8": "漢字 🚀",
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("collation", COLLATIONS)
def test_a_database_of_another_collation(server_url: str, collation: str) -> None:
    name = f"etl_test_{secrets.token_hex(4)}"
    admin = MssqlDatabase(server_url)
    with admin.connection:
        admin.query(f"CREATE DATABASE {name} COLLATE {collation}")
        try:
            url = sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
            found = smoke(url, "--collation", collation, "--text", COLLATIONS[collation])
        finally:
            drop_database(admin.query, name)
    assert found.statuses == {step.name: "ok" for step in (*STEPS, CLEANUP)}, found.ended.said
