"""`block:NAME` where no flow has read the block."""

from __future__ import annotations

import pytest

from etl.errors import JobError
from etl.kept import block_variable
from etl.references import is_redacted, redact, resolve

URL = "mssql+pyodbc://reader:secret@sales.example.com:1433/sales"


def test_a_block_is_for_flows_and_the_message_says_what_to_do_instead() -> None:
    with pytest.raises(JobError) as caught:
        resolve("block:sales", {})
    assert "block:sales is a block of Prefect's, and only flows read these" in caught.value.message
    assert "env:NAME or file:PATH" in caught.value.advice
    assert "ETL_BLOCK_SALES" in caught.value.advice


def test_what_a_flow_has_read_is_found_in_the_environment() -> None:
    assert resolve("block:sales", {block_variable("sales"): URL}).password == "secret"
    reference = "mssql+pyodbc://reader@sales.example.com:1433/sales?password_from=block:secret/sales-password"
    assert resolve(reference, {"ETL_BLOCK_SECRET__SALES_PASSWORD": "secret"}).password == "secret"


def test_a_block_may_be_shown_and_stored() -> None:
    assert redact("block:sales") == "block:sales"
    assert not is_redacted("block:sales")


def test_names_of_blocks_that_differ_have_variables_that_differ() -> None:
    names = ["sales", "secret/sales", "secret-sales", "sales-2"]
    assert len({block_variable(name) for name in names}) == len(names)
