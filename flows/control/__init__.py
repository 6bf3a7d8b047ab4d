"""What surrounds a run in Prefect: its credentials, its turn, its cluster, its end."""
