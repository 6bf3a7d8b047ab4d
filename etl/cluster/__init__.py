"""Tasks on a Dask cluster: a local one, one that is there already, or one that is started over ssh for the run."""
