"""The sample table has every type, and no difference between it and a copy goes unseen."""

from __future__ import annotations

import pytest

from etl import types
from etl.smoke import comparison, samples, tables
from etl.smoke.samples import TYPES, UTF8
from tests.databases import MssqlDatabase
from tests.smoke.smoking import with_samples

LATIN1 = "SQL_Latin1_General_CP1_CI_AS"


def test_every_type_with_a_rule_is_there() -> None:
    there = {types.base_name(sample.plain_type) for sample in samples.columns(LATIN1, 16)}
    assert there == set(types.MSSQL) - {"timestamp"}, "timestamp is rowversion's old name"


def test_a_server_without_utf8_collations_is_spared_them() -> None:
    older, newer = samples.columns(LATIN1, 14), samples.columns(LATIN1, 15)
    assert [sample.sql_type for sample in newer if sample not in older] == [f"varchar(21) {UTF8}"]


@pytest.mark.parametrize(
    ("collation", "held"),
    [
        (LATIN1, "€ŠÿÞ"),
        ("Polish_100_CI_AS", "Żółć€"),
        ("Cyrillic_General_BIN2", "Ж№я"),
        ("Greek_CS_AI", "Ωπ"),
        ("Japanese_XJIS_140_CI_AS", "日本語ソ"),
        ("Latin1_General_100_CI_AS_SC_UTF8", "漢字 العربية 🚀"),
        ("Chinese_PRC_CI_AS", "abc"),
    ],
)
def test_the_letters_of_a_code_page(collation: str, held: str) -> None:
    letters = samples.letters(collation)
    assert set(held) <= set(letters)
    assert len(letters) <= samples.TEXT_CHARS


def test_every_difference_is_seen_and_named(server_database: MssqlDatabase) -> None:
    with with_samples(server_database) as case:
        copy = case.table("copy")
        source_sql, copy_sql = case.source.quoted("mssql"), copy.quoted("mssql")
        with case.connected() as connection:
            tables.make(connection, copy, [sample.of_copy for sample in case.samples])
            connection.exec_driver_sql(f"INSERT INTO {copy_sql} SELECT * FROM {source_sql}")

            def found() -> list[str]:
                return comparison.differences(connection, case.source, copy, case.samples)

            assert found() == []
            subtle = {
                "varchar_20": "UPPER(varchar_20)",
                "nvarchar_20": "RTRIM(nvarchar_20)",
                "varbinary_20": "CASE WHEN id = 1 THEN 0x0000 ELSE varbinary_20 END",
                "datetimeoffset_0": "SWITCHOFFSET(datetimeoffset_0, '+00:00')",
                "char_5": "NULLIF(char_5, '')",
                "datetime2_7": "DATEADD(nanosecond, -100, datetime2_7)",
                "bigint": "CASE WHEN id = 3 THEN 9007199254740992 ELSE bigint END",
                "xml": "CASE WHEN id = 0 THEN NULL ELSE xml END",
            }
            for name, changed in subtle.items():
                where = "" if name != "datetime2_7" else " WHERE id = 1"
                connection.exec_driver_sql(
                    f"UPDATE {copy_sql} SET [{name}] = {changed.replace(name, f'[{name}]')}{where}"
                )
            assert [sample.partition(" ")[0] for sample in found()] == [
                name for name in TYPES_IN_ORDER if name in subtle
            ]
            connection.exec_driver_sql(f"DELETE FROM {copy_sql} WHERE id = 0")
            rows = case.sample_rows
            assert found() == [f"{rows} rows became {rows - 1}"]
            connection.exec_driver_sql(f"INSERT INTO {copy_sql} (id) VALUES (2)")
            assert found()


TYPES_IN_ORDER = [sample.name for sample in samples.columns(LATIN1, 16)]
assert set(TYPES) <= {sample.sql_type for sample in samples.columns(LATIN1, 16)}
