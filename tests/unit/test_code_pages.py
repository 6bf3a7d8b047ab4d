"""Collations and the characters that their code pages hold."""

from __future__ import annotations

import pyarrow as pa
import pytest

from etl import code_pages
from etl.bulk import records, staging
from etl.errors import SchemaError
from etl.types import Column


@pytest.mark.parametrize(
    ("collation", "codec"),
    [
        ("SQL_Latin1_General_CP1_CI_AS", "cp1252"),
        ("SQL_Latin1_General_CP850_BIN2", "cp850"),
        ("SQL_Croatian_CP1250_CI_AS", "cp1250"),
        ("Latin1_General_100_CI_AS_SC", "cp1252"),
        ("latin1_general_bin", "cp1252"),
        ("Cyrillic_General_CI_AS", "cp1251"),
        ("Serbian_Latin_100_CI_AS", "cp1250"),
        ("Japanese_XJIS_140_CI_AS", "cp932"),
        ("Latin1_General_100_CI_AS_SC_UTF8", None),
        ("Chinese_PRC_CI_AS", None),
        ("Indic_General_100_CI_AS", None),
        (None, None),
    ],
)
def test_a_collation_implies_a_code_page(collation: str | None, codec: str | None) -> None:
    assert code_pages.codec(collation) == codec


@pytest.mark.parametrize(
    ("sql_type", "collation", "value", "lacking"),
    [
        ("varchar(9)", "Latin1_General_CI_AS", "naïve €", None),
        ("varchar(9)", "Latin1_General_CI_AS", "Жук", "Ж"),
        ("varchar(9)", "Cyrillic_General_CI_AS", "Жук", None),
        ("char(9)", "Cyrillic_General_CI_AS", "naïve", "ï"),
        ("text", "Greek_CI_AS", "Ωμέγα 😀", "😀"),
        ("nvarchar(9)", "Latin1_General_CI_AS", "Жук", None),
        ("varchar(9)", "Latin1_General_100_CI_AS_SC_UTF8", "Жук 😀", None),
    ],
)
def test_a_character_beyond_the_code_page_is_named(
    sql_type: str, collation: str, value: str, lacking: str | None
) -> None:
    column = Column("c", sql_type, collation=collation)
    chunks = pa.chunked_array([["plain", None], [None, value, "x"]]).slice(1)
    rows = pa.table({"c": chunks})
    if lacking is None:
        code_pages.refuse_foreign(rows, [column])
        return
    with pytest.raises(SchemaError, match=rf"column c \(.*, code page \d+\), row 2: .* has '{lacking}'"):
        code_pages.refuse_foreign(rows, [column])


@pytest.mark.parametrize(
    ("sql_type", "collation", "differs"),
    [
        ("varchar(9)", "SQL_Latin1_General_CP1_CI_AS", False),
        ("varchar(9)", "Danish_Norwegian_CI_AS", False),
        ("varchar(9)", "Greek_CI_AS", True),
        ("varchar(9)", "Latin1_General_100_CI_AS_SC_UTF8", True),
        ("varchar(9)", "Chinese_PRC_CI_AS", True),
        ("varchar(9)", None, False),
        ("nvarchar(9)", "Greek_CI_AS", False),
    ],
)
def test_a_column_in_another_code_page_than_the_database(sql_type: str, collation: str | None, differs: bool) -> None:
    column = Column("c", sql_type, collation=collation)
    assert code_pages.differ(column, "SQL_Latin1_General_CP1_CI_AS") is differs


def test_of_two_that_are_not_known_here_nothing_is_assumed() -> None:
    chinese = Column("c", "varchar(9)", collation="Chinese_PRC_CI_AS")
    assert not code_pages.differ(chinese, "Chinese_PRC_CI_AS")
    assert code_pages.differ(chinese, "Chinese_Taiwan_Stroke_CI_AS")


def test_text_of_another_code_page_waits_in_utf_16() -> None:
    greek = Column("c", "varchar(9)", nullable=False, collation="Greek_CI_AS", foreign_page=True)
    assert records.kind(greek) is None
    waiting = staging.staged(greek)
    assert (waiting.sql_type, waiting.collation, waiting.foreign_page) == ("nvarchar(max)", None, False)
    assert records.kind(waiting) is not None
