"""Prefect's entry points. They hold no logic: each stage is one call into `etl`."""
