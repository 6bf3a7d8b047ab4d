"""T-SQL to PostgreSQL: batches are split, parsed by sqlglot and compiled by an allow-list of syntax nodes."""
