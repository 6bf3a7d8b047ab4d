"""Prefect's entry points. They hold no logic: each stage is one call into `etl`."""

from etl import extras

with extras.needed("prefect", "a flow", "prefect"):
    import prefect  # noqa: F401 - every module here imports it; what is missing is told once
