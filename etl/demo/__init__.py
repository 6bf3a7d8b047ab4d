"""The demo: every flight that left New York City in 2013, as tables of SQL Server and as a transform that cleans them."""
