"""Prefect's entry points, and what they show there. Each stage of a flow is one call into `etl`, which does the work."""

from etl import extras

with extras.needed("prefect", "a flow", "prefect"):
    import prefect  # noqa: F401 - every module here imports it; what is missing is told once
