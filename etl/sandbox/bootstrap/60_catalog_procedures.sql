-- What the catalog procedures (system_procedures/*.sql) read and no documented view has. The names begin with sys.spt_, as
-- SQL Server's own internal ones do.

-- ODBC's number, display size and transfer length of each type; the columns ending in _28 are what drivers get that do not know
-- date, time, datetime2 and datetimeoffset. NULL where the column's own length or precision decides.
-- https://learn.microsoft.com/sql/relational-databases/native-client-odbc-date-time/metadata-catalog
-- ss_fixed and ss_nullable: the type's number in the old DB-Library, for NOT NULL and for nullable columns.
CREATE TABLE sandbox.odbc_types (
  name citext PRIMARY KEY, data_type int NOT NULL, data_type_28 int NOT NULL, precision int, length int, scale int, radix int,
  ss_fixed int NOT NULL, ss_nullable int NOT NULL);
INSERT INTO sandbox.odbc_types VALUES
  ('bit', -7, -7, 1, 1, NULL, NULL, 50, 50), ('tinyint', -6, -6, 3, 1, 0, 10, 48, 38), ('smallint', 5, 5, 5, 2, 0, 10, 52, 38),
  ('int', 4, 4, 10, 4, 0, 10, 56, 38), ('bigint', -5, -5, 19, 8, 0, 10, 63, 108), ('real', 7, 7, 24, 4, NULL, 2, 59, 109),
  ('float', 6, 6, 53, 8, NULL, 2, 62, 109), ('decimal', 3, 3, NULL, NULL, NULL, 10, 55, 106), ('money', 3, 3, 19, 21, 4, 10, 60, 110),
  ('smallmoney', 3, 3, 10, 12, 4, 10, 122, 110), ('date', 91, -9, 10, 6, 0, NULL, 0, 0), ('time', -154, -9, NULL, 10, NULL, NULL, 0, 0),
  ('smalldatetime', 93, 93, 16, 16, 0, NULL, 58, 111), ('datetime', 93, 93, 23, 16, 3, NULL, 61, 111),
  ('datetime2', 93, -9, NULL, 16, NULL, NULL, 0, 0), ('datetimeoffset', -155, -9, NULL, 20, NULL, NULL, 0, 0),
  ('char', 1, 1, NULL, NULL, NULL, NULL, 47, 39), ('varchar', 12, 12, NULL, NULL, NULL, NULL, 39, 39), ('nchar', -8, -8, NULL, NULL, NULL, NULL, 39, 39),
  ('nvarchar', -9, -9, NULL, NULL, NULL, NULL, 39, 39), ('binary', -2, -2, NULL, NULL, NULL, NULL, 45, 37), ('varbinary', -3, -3, NULL, NULL, NULL, NULL, 37, 37),
  ('text', -1, -1, 2147483647, 2147483647, NULL, NULL, 35, 35), ('ntext', -10, -10, 1073741823, 2147483646, NULL, NULL, 35, 35),
  ('image', -4, -4, 2147483647, 2147483647, NULL, NULL, 34, 34), ('uniqueidentifier', -11, -11, 36, 16, NULL, NULL, 37, 37),
  ('timestamp', -2, -2, 8, 8, NULL, NULL, 45, 37), ('xml', -152, -10, 0, 0, NULL, NULL, 0, 0);

CREATE VIEW sandbox_sys."sys.spt_columns_odbc_view" AS
SELECT "$database", object_id, column_id, kind::char2 AS kind, table_owner::sysname AS table_owner, table_name::sysname AS table_name, column_name::sysname AS column_name,
  -- varchar(max) and its like have no length for drivers that know them, and are told to older ones as text, ntext and image
  data_type, CASE WHEN unlimited THEN CASE t.name WHEN 'varchar' THEN -1 WHEN 'nvarchar' THEN -10 ELSE -4 END ELSE data_type_28 END AS data_type_28,
  (t.name || CASE WHEN is_identity THEN ' identity' ELSE '' END)::sysname AS type_name,
  CASE WHEN unlimited THEN 0 ELSE coalesce(t.precision, units, shown_precision) END AS precision,
  CASE WHEN t.name = 'nvarchar' AND unlimited OR t.name = 'xml' THEN 1073741823 WHEN unlimited THEN 2147483647 ELSE coalesce(t.precision, units, shown_precision) END AS precision_28,
  CASE WHEN unlimited THEN 0 WHEN t.name = 'decimal' THEN shown_precision + 2 ELSE coalesce(t.length, bytes) END AS length,
  CASE WHEN t.name = 'nvarchar' AND unlimited OR t.name = 'xml' THEN 2147483646 WHEN unlimited THEN 2147483647 WHEN t.name = 'decimal' THEN shown_precision + 2
    WHEN t.data_type <> t.data_type_28 THEN coalesce(t.precision, shown_precision) * 2 ELSE coalesce(t.length, bytes) END AS length_28,
  coalesce(t.scale, own_scale) AS scale, CASE WHEN t.data_type = t.data_type_28 THEN coalesce(t.scale, own_scale) END AS scale_28, radix,
  nullable::int AS nullable, column_default::nvarchar_max AS column_default,
  CASE WHEN unlimited THEN 0 WHEN textual THEN coalesce(t.length, bytes) END AS octets,
  CASE WHEN t.name = 'nvarchar' AND unlimited OR t.name = 'xml' THEN 2147483646 WHEN unlimited THEN 2147483647 WHEN textual THEN coalesce(t.length, bytes)
    WHEN t.data_type <> t.data_type_28 THEN coalesce(t.precision, shown_precision) * 2 END AS octets_28,
  CASE WHEN nullable THEN ss_nullable ELSE ss_fixed END AS ss_data_type, is_computed::int AS is_computed, is_identity::int AS is_identity
FROM (
  SELECT o."$database", c.object_id, c.column_id, o.type AS kind, o.schema_name AS table_owner, o.name AS table_name, c.name AS column_name, sandbox.shown_type(c.type_name) AS shown_type,
    c.type_name IN ('varchar', 'nvarchar', 'varbinary') AND c.length IS NULL AS unlimited, c.length AS units,
    c.type_name IN ('char', 'varchar', 'nchar', 'nvarchar', 'text', 'ntext', 'binary', 'varbinary', 'image', 'rowversion') AS textual,
    CASE WHEN c.type_name IN ('nchar', 'nvarchar') THEN c.length * 2 ELSE c.length END AS bytes, sandbox.shown_precision(c.type_name, c.precision, c.scale) AS shown_precision, c.scale AS own_scale,
    c.nullable, c.computed IS NOT NULL AS is_computed, c.is_identity,
    (SELECT CASE WHEN (SELECT sandbox.unrestricted()) THEN x.definition ELSE sandbox.shown_definition(x.object_id) END FROM sandbox.objects x
      WHERE x.parent_object_id = c.object_id AND x.parent_column_id = c.column_id AND x.type = 'D') AS column_default
  FROM sandbox.columns c JOIN sandbox_sys.place o USING (object_id) WHERE o.type IN ('U', 'V')) c
JOIN sandbox.odbc_types t ON t.name = c.shown_type;

-- Also those of #tables: their names have been resolved before.
CREATE VIEW sandbox_sys."sys.spt_table_collations" AS
SELECT d.name::text AS "$database", c.object_id, c.column_id, c.name::sysname AS name,
  (CASE WHEN NOT t.collated THEN '\x0000000000' WHEN c.collation_name ILIKE '%\_UTF8' THEN '\x0904d02400' ELSE '\x0904d00034' END)::varbinary85 AS tds_collation,
  CASE WHEN t.collated THEN coalesce(c.collation_name, 'SQL_Latin1_General_CP1_CI_AS') END::sysname AS collation_name
FROM sandbox.columns c JOIN sandbox.objects o USING (object_id) JOIN sandbox.schemas s USING (schema_id) JOIN sandbox.databases d USING (database_id)
JOIN sandbox.types t ON t.name = sandbox.shown_type(c.type_name)
WHERE CASE WHEN o.session <> 0 THEN o.session = sandbox.own_session() ELSE (SELECT sandbox.unrestricted()) OR o.object_id IN (SELECT sandbox.seen_objects()) END;

CREATE VIEW sandbox_sys."sys.spt_system_views" AS
SELECT d.name::text AS "$database", split_part(c.relname, '.', 1)::sysname AS owner, split_part(c.relname, '.', 2)::sysname AS name
FROM pg_class c CROSS JOIN sandbox.databases d
WHERE c.relnamespace = 'sandbox_sys'::regnamespace AND c.relkind = 'v' AND c.relname LIKE '%.%' AND c.relname NOT LIKE 'sys.spt\_%';

CREATE VIEW sandbox_sys."sys.spt_database_sizes" AS
SELECT here.name::text AS "$database", d.name::sysname AS name,
  (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) / 1024 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN sandbox.schemas s ON s.physical = n.nspname WHERE s.database_id = d.database_id AND c.relkind = 'r')::int8 AS kilobytes
FROM sandbox.databases d CROSS JOIN sandbox.databases here WHERE sandbox.user_in(sandbox.login_id(), d.database_id) IS NOT NULL;
