"""Who a client is and what it may do. The rules themselves are SQL: see `bootstrap/25_principals.sql`."""
