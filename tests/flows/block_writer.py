"""Saves Prefect blocks and reads them as a flow does, in its own process: what Prefect starts in one stays bound to a server.

`python -m tests.flows.block_writer` takes {"url": …, "password": …, "read": [reference, …]} as JSON on its input and prints
what was wrong with each reference, or null.
"""

from __future__ import annotations

import json
import sys

from prefect.blocks.system import Secret
from prefect_sqlalchemy import SqlAlchemyConnector  # type: ignore[import-untyped]  # has no py.typed
from pydantic import SecretStr

from etl.errors import JobError
from flows.control import blocks


def save(url: str, password: str) -> None:
    """`orders` holds the URL, `orders-password` the password, `with-arguments` what is not read."""
    SqlAlchemyConnector(connection_info=url).save("orders")
    SqlAlchemyConnector(connection_info="sqlite:///file.db", connect_args={"timeout": 5}).save("with-arguments")
    Secret(value=SecretStr(password)).save("orders-password")


def problem(reference: str) -> str | None:
    """What a flow says of the reference."""
    try:
        blocks.fetch_named(reference)
    except JobError as error:
        return error.message
    return None


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    save(asked["url"], asked["password"])
    print(json.dumps([problem(reference) for reference in asked["read"]]))
