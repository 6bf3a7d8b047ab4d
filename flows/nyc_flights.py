"""The demo: the flights of 2013 from SQL Server through pandas and back, over FreeTDS, as a Prefect flow.

python -m flows.nyc_flights
"""

from __future__ import annotations

import os

# The demo tells nobody about itself; Prefect reads this when it is imported.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from etl.demo import stage
from etl.errors import told
from flows.copy_table import copy_table


def main() -> None:
    """Serve the flights from a sandbox, run the flow over them, and ask the server what came of it."""
    with stage.sandbox_with_flights() as server:
        copy_table(stage.flights_job(server))
        stage.print_summary(server)


if __name__ == "__main__":
    with told():
        main()
