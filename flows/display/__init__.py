"""What Prefect shows of a run: names, progress, artifacts."""
