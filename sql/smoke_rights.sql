-- Which of the rights that a smoke test needs the login has: to make its schema and tables, and to keep the ledger in its
-- default schema.
SELECT
    USER_NAME() AS user_name,
    SCHEMA_NAME() AS default_schema,
    HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'CREATE SCHEMA') AS create_schema,
    HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'CREATE TABLE') AS create_table,
    HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME()), 'SCHEMA', 'ALTER') AS alter_default,
    HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME()), 'SCHEMA', 'SELECT') AS select_default,
    HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME()), 'SCHEMA', 'INSERT') AS insert_default,
    HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME()), 'SCHEMA', 'UPDATE') AS update_default,
    HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME()), 'SCHEMA', 'DELETE') AS delete_default
