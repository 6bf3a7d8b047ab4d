"""The process whose memory `scale` looks at: it runs the copy in a pool. Settings are JSON on its input, so is its answer."""

from __future__ import annotations

import json
import os
import sys
import time

import etl
from tests.benchmarks.case import Place
from tests.benchmarks.processes import peak_mb


def main() -> None:
    settings = json.load(sys.stdin)
    place = Place(**settings["place"])
    job = etl.Job(
        source=place.url(),
        target=place.url(),
        source_table=f"dbo.{place.full_table}",
        target_table=f"dbo.{place.empty_table}",
        transform=place.dataset.transform,
        workers=settings["workers"],
        chunk_rows=settings["chunk_rows"],
    )
    begun = time.perf_counter()
    result = etl.run(job, new_run=True)
    seconds = time.perf_counter() - begun
    print(json.dumps({"rows": result.rows_written, "seconds": seconds, "parent_mb": peak_mb(os.getpid())}))


if __name__ == "__main__":
    main()
