"""What Prefect's server makes of the schema of the flow's parameters: it checks what is about to be stored."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError, validate

from etl.job import make
from flows.copy_table import copy_table

TABLES = {"source_table": "dbo.orders", "target_table": "stage.orders"}


def check(job: dict[str, Any]) -> None:
    """As the server does for a deployment and for a flow run of it. Raises ValidationError."""
    schema = parameter_schema(copy_table).model_dump_for_openapi()
    validate({"job": job}, schema, raise_on_error=True)


@pytest.mark.parametrize(
    "reference",
    [
        "mssql+pyodbc://reader:hunter2@sales:1433/sales",
        "mssql+pyodbc://reader:***@sales/sales",
        "mssql+pyodbc://reader@sales/sales?Password=hunter2",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS",
    ],
)
def test_a_password_is_refused_before_it_is_stored(reference: str) -> None:
    for side in ("source", "target"):
        with pytest.raises(ValidationError, match="a URL with a password: give env:NAME of a variable, or block:NAME"):
            check({**TABLES, side: reference})


@pytest.mark.parametrize(
    "reference",
    [
        "env:ETL_SOURCE_URL",
        "block:sales",
        "mssql+pyodbc://reader@sales:1433/sales?password_from=env:SALES_PASSWORD",
        "mssql+pyodbc://sales:1433/sales?ca_file=/etc/a:b@c",
        "sqlite:////srv/data.db",
    ],
)
def test_a_database_without_a_password_is_not_refused(reference: str) -> None:
    check({**TABLES, "source": reference, "target": reference})


def test_every_field_of_a_job_may_be_stored() -> None:
    check(make(**TABLES).model_dump(mode="json", by_alias=True))
    check({"query": "SELECT 1 AS one", "target_table": "b", "max_rejects": "0.1%", "column_types": {"one": "int"}})
    check({**TABLES, "executor": "dask", "cluster": {"ssh": ["a", "b"], "user": None}})


@pytest.mark.parametrize(
    "wrong", [{"mode": "upsert"}, {"workers": 0}, {"writers": 300}, {"chunk_rows": "many"}, {"nonsense": 1}]
)
def test_a_wrong_field_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check({**TABLES, **wrong})
