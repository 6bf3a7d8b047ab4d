"""Prefect's own server in this project's environment: `prefect server start`, whose schedules work beside SQLAlchemy 2.1.

    python -m flows.server [options of `prefect server start`]

Prefect 3.8's scheduler inserts its flow runs from mappings that have `state` beside the columns. SQLAlchemy 2.0 passes over
such a key. 2.1 looks for what the model's hybrid property of that name wants to do with it, finds nothing and refuses, so that
no deployment is ever scheduled (https://github.com/PrefectHQ/prefect/issues/23199). Here the property says: nothing. A
server that runs elsewhere, in an environment with SQLAlchemy 2.0 or at Prefect Cloud, needs none of this.
"""

import sys
from typing import Any

from etl.errors import JobError, told

OTHER_PROCESSES = ("--background", "-b", "--workers")
"""Options with which the server runs in processes that this one starts."""


def pass_over_state() -> None:
    """Have bulk inserts of flow runs pass over `state`, which is inserted by the statement after."""
    from prefect.server.database.orm_models import FlowRun

    @classmethod  # type: ignore[misc]  # SQLAlchemy calls it as one
    def nothing(_cls: type[FlowRun], _mapping: dict[str, Any], _value: object) -> None:
        return

    vars(FlowRun)["state"].inplace.bulk_dml(nothing)


def main(options: list[str]) -> None:
    """Run the server until it is stopped."""
    elsewhere = [option for option in options if option.partition("=")[0] in OTHER_PROCESSES]
    if elsewhere:
        raise JobError(
            f"{elsewhere[0]} starts the server in another process, where its schedules would not work",
            advice="Leave it out, and let the system's own services keep it in the background.",
        )
    pass_over_state()
    from prefect.cli import app

    sys.argv = ["prefect", "server", "start", *options]
    app()


if __name__ == "__main__":
    with told():
        main(sys.argv[1:])
