-- The sys views: https://learn.microsoft.com/sql/relational-databases/system-catalog-views. Each has the hidden column
-- "$database", by which the translation picks the rows of the database that the query names.
CREATE SCHEMA sandbox_sys;

CREATE TABLE sandbox.types (
  name citext PRIMARY KEY, system_type_id int NOT NULL, user_type_id int NOT NULL, max_length int NOT NULL, precision int NOT NULL,
  scale int NOT NULL, collated bool NOT NULL DEFAULT false);
INSERT INTO sandbox.types (name, system_type_id, user_type_id, max_length, precision, scale) VALUES
  ('image', 34, 34, 16, 0, 0), ('text', 35, 35, 16, 0, 0), ('uniqueidentifier', 36, 36, 16, 0, 0), ('date', 40, 40, 3, 10, 0),
  ('time', 41, 41, 5, 16, 7), ('datetime2', 42, 42, 8, 27, 7), ('datetimeoffset', 43, 43, 10, 34, 7), ('tinyint', 48, 48, 1, 3, 0),
  ('smallint', 52, 52, 2, 5, 0), ('int', 56, 56, 4, 10, 0), ('smalldatetime', 58, 58, 4, 16, 0), ('real', 59, 59, 4, 24, 0),
  ('money', 60, 60, 8, 19, 4), ('datetime', 61, 61, 8, 23, 3), ('float', 62, 62, 8, 53, 0), ('ntext', 99, 99, 16, 0, 0),
  ('bit', 104, 104, 1, 1, 0), ('decimal', 106, 106, 17, 38, 38), ('numeric', 108, 108, 17, 38, 38), ('smallmoney', 122, 122, 4, 10, 4),
  ('bigint', 127, 127, 8, 19, 0), ('varbinary', 165, 165, 8000, 0, 0), ('varchar', 167, 167, 8000, 0, 0), ('binary', 173, 173, 8000, 0, 0),
  ('char', 175, 175, 8000, 0, 0), ('timestamp', 189, 189, 8, 0, 0), ('nvarchar', 231, 231, 8000, 0, 0),
  ('sysname', 231, 256, 256, 0, 0), ('nchar', 239, 239, 8000, 0, 0), ('xml', 241, 241, -1, 0, 0);
UPDATE sandbox.types SET collated = true WHERE name IN ('text', 'ntext', 'char', 'varchar', 'nchar', 'nvarchar', 'sysname');
-- The name by which a catalog column's type stands in sandbox.types.
CREATE FUNCTION sandbox.shown_type(name text) RETURNS citext LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE name WHEN 'rowversion' THEN 'timestamp' ELSE name END::sandbox.citext;

-- What the session's login may know of: see sandbox.seen_objects.
CREATE VIEW sandbox_sys.place AS
SELECT o.*, d.name::text AS "$database", d.database_id, s.name AS schema_name, sandbox.schema_number(o.schema_id) AS shown_schema
FROM sandbox.objects o JOIN sandbox.schemas s USING (schema_id) JOIN sandbox.databases d USING (database_id) WHERE o.session = 0
  AND ((SELECT sandbox.unrestricted()) OR CASE o.parent_object_id WHEN 0 THEN o.object_id ELSE o.parent_object_id END IN (SELECT sandbox.seen_objects()));

CREATE FUNCTION sandbox.type_desc(type citext) RETURNS citext LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE type::text WHEN 'U' THEN 'USER_TABLE' WHEN 'V' THEN 'VIEW' WHEN 'PK' THEN 'PRIMARY_KEY_CONSTRAINT' WHEN 'UQ' THEN 'UNIQUE_CONSTRAINT'
    WHEN 'F' THEN 'FOREIGN_KEY_CONSTRAINT' WHEN 'C' THEN 'CHECK_CONSTRAINT' WHEN 'D' THEN 'DEFAULT_CONSTRAINT' WHEN 'TR' THEN 'SQL_TRIGGER' END::sandbox.citext;

CREATE VIEW sandbox_sys."sys.databases" AS
SELECT here.name::text AS "$database", d.name::sysname AS name, d.database_id, NULL::int AS source_database_id, (SELECT l.sid FROM sandbox.logins l WHERE l.login_id = d.owner_id)::varbinary85 AS owner_sid,
  stamp_of(d.create_date)::datetime AS create_date, 160::tinyint AS compatibility_level, 'SQL_Latin1_General_CP1_CI_AS'::sysname AS collation_name,
  0::tinyint AS user_access, 'MULTI_USER'::nvarchar60 AS user_access_desc, false AS is_read_only, 0::tinyint AS state, 'ONLINE'::nvarchar60 AS state_desc,
  1::tinyint AS snapshot_isolation_state, 'ON'::nvarchar60 AS snapshot_isolation_state_desc, true AS is_read_committed_snapshot_on,
  3::tinyint AS recovery_model, 'SIMPLE'::nvarchar60 AS recovery_model_desc, false AS is_broker_enabled, false AS is_cdc_enabled
FROM sandbox.databases d CROSS JOIN sandbox.databases here WHERE sandbox.sees_database(d.database_id);

CREATE VIEW sandbox_sys."sys.schemas" AS
SELECT "$database", name::sysname AS name, schema_id, principal_id FROM (
  SELECT d.name::text AS "$database", s.name, CASE WHEN s.name = 'dbo' THEN 1 ELSE s.schema_id END AS schema_id, s.owner_id AS principal_id
  FROM sandbox.schemas s JOIN sandbox.databases d USING (database_id)
  UNION ALL SELECT d.name::text, x.name, x.id, x.id FROM sandbox.databases d, (VALUES ('INFORMATION_SCHEMA'::citext, 3), ('sys', 4), ('guest', 2)) x (name, id)) s;

CREATE VIEW sandbox_sys."sys.objects" AS
SELECT "$database", name::sysname AS name, object_id, NULL::int AS principal_id, shown_schema AS schema_id, parent_object_id, type::char2 AS type,
  sandbox.type_desc(type)::nvarchar60 AS type_desc, stamp_of(create_date)::datetime AS create_date, stamp_of(modify_date)::datetime AS modify_date,
  false AS is_ms_shipped, false AS is_published, false AS is_schema_published
FROM sandbox_sys.place;
CREATE VIEW sandbox_sys."sys.all_objects" AS SELECT * FROM sandbox_sys."sys.objects";

CREATE VIEW sandbox_sys."sys.tables" AS
SELECT o.*, 0 AS lob_data_space_id, (SELECT max(column_id) FROM sandbox.columns c WHERE c.object_id = o.object_id) AS max_column_id_used,
  false AS is_memory_optimized, 0::tinyint AS temporal_type, 'NON_TEMPORAL_TABLE'::nvarchar60 AS temporal_type_desc, false AS is_external, false AS is_node, false AS is_edge
FROM sandbox_sys."sys.objects" o WHERE type = 'U';
CREATE VIEW sandbox_sys."sys.views" AS SELECT o.*, false AS with_check_option FROM sandbox_sys."sys.objects" o WHERE type = 'V';
CREATE VIEW sandbox_sys."sys.system_views" AS
SELECT d.name::text AS "$database", x.name::sysname AS name, x.id AS object_id, 4 AS schema_id, 'V'::char2 AS type, 'VIEW'::nvarchar60 AS type_desc
FROM sandbox.databases d, (VALUES ('dm_exec_sessions'::citext, -101), ('dm_exec_connections', -102), ('dm_db_partition_stats', -103), ('dm_exec_requests', -104)) x (name, id);

CREATE VIEW sandbox_sys."sys.types" AS
SELECT d.name::text AS "$database", t.name::sysname AS name, t.system_type_id::tinyint AS system_type_id, t.user_type_id, 4 AS schema_id, NULL::int AS principal_id,
  t.max_length::int2 AS max_length, t.precision::tinyint AS precision, t.scale::tinyint AS scale,
  CASE WHEN t.collated THEN 'SQL_Latin1_General_CP1_CI_AS' END::sysname AS collation_name, t.name NOT IN ('timestamp', 'sysname') AS is_nullable, false AS is_user_defined,
  false AS is_assembly_type, 0 AS default_object_id, 0 AS rule_object_id, false AS is_table_type
FROM sandbox.types t CROSS JOIN sandbox.databases d;

CREATE VIEW sandbox_sys."sys.columns" AS
SELECT o."$database", c.object_id, c.name::sysname AS name, c.column_id, t.system_type_id::tinyint AS system_type_id, t.user_type_id,
  sandbox.max_length(c.type_name, c.length, c.precision, c.scale) AS max_length,
  sandbox.shown_precision(c.type_name, c.precision, c.scale)::tinyint AS precision, sandbox.shown_scale(c.type_name, c.scale)::tinyint AS scale,
  CASE WHEN t.collated THEN coalesce(c.collation_name, 'SQL_Latin1_General_CP1_CI_AS') END::sysname AS collation_name, c.nullable AS is_nullable, true AS is_ansi_padded,
  false AS is_rowguidcol, c.is_identity, c.computed IS NOT NULL AS is_computed, false AS is_filestream, false AS is_replicated, false AS is_xml_document,
  coalesce((SELECT x.object_id FROM sandbox.objects x WHERE x.parent_object_id = c.object_id AND x.parent_column_id = c.column_id AND x.type = 'D'), 0) AS default_object_id,
  0 AS rule_object_id, false AS is_sparse, false AS is_column_set, 0::tinyint AS generated_always_type, 'NOT_APPLICABLE'::nvarchar60 AS generated_always_type_desc,
  false AS is_hidden, false AS is_masked, NULL::int AS encryption_type
FROM sandbox.columns c JOIN sandbox_sys.place o USING (object_id) JOIN sandbox.types t ON t.name = sandbox.shown_type(c.type_name);
CREATE VIEW sandbox_sys."sys.all_columns" AS SELECT * FROM sandbox_sys."sys.columns";

CREATE VIEW sandbox_sys."sys.identity_columns" AS
SELECT c.*, i.seed AS seed_value, i.increment AS increment_value, NULLIF(sandbox.identity_value(i.sequence), -9223372036854775807) AS last_value, false AS is_not_for_replication
FROM sandbox_sys."sys.columns" c JOIN sandbox.columns i USING (object_id, column_id) WHERE i.is_identity;
CREATE VIEW sandbox_sys."sys.computed_columns" AS
SELECT c.*, i.computed::nvarchar_max AS definition, true AS uses_database_collation, true AS is_persisted
FROM sandbox_sys."sys.columns" c JOIN sandbox.columns i USING (object_id, column_id) WHERE i.computed IS NOT NULL;

CREATE VIEW sandbox_sys."sys.indexes" AS
SELECT x."$database", x.object_id, x.name::sysname AS name, x.index_id, (CASE x.index_id WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE 2 END)::tinyint AS type,
  (CASE x.index_id WHEN 0 THEN 'HEAP' WHEN 1 THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END)::nvarchar60 AS type_desc, x.is_unique, 1 AS data_space_id, false AS ignore_dup_key,
  x.is_primary_key, x.is_unique_constraint, 0::tinyint AS fill_factor, false AS is_padded, false AS is_disabled, false AS is_hypothetical,
  true AS allow_row_locks, true AS allow_page_locks, x.filter IS NOT NULL AS has_filter, x.filter::nvarchar_max AS filter_definition
FROM (
  SELECT o."$database", i.object_id, i.name, i.index_id, i.is_unique, i.is_primary_key, i.is_unique_constraint, i.filter FROM sandbox.indexes i JOIN sandbox_sys.place o USING (object_id)
  UNION ALL SELECT o."$database", o.object_id, NULL, 0, false, false, false, NULL FROM sandbox_sys.place o
  WHERE o.type = 'U' AND NOT EXISTS (SELECT FROM sandbox.indexes i WHERE i.object_id = o.object_id AND i.index_id = 1)) x;

CREATE VIEW sandbox_sys."sys.index_columns" AS
SELECT o."$database", k.object_id, k.index_id, k.index_column_id, k.column_id, k.key_ordinal::tinyint AS key_ordinal, 0::tinyint AS partition_ordinal,
  k.is_descending AS is_descending_key, k.is_included AS is_included_column
FROM sandbox.index_columns k JOIN sandbox_sys.place o USING (object_id);

CREATE VIEW sandbox_sys."sys.key_constraints" AS
SELECT o."$database", o.name::sysname AS name, o.object_id, o.shown_schema AS schema_id, o.parent_object_id, o.type::char2 AS type, sandbox.type_desc(o.type)::nvarchar60 AS type_desc,
  stamp_of(o.create_date)::datetime AS create_date, stamp_of(o.modify_date)::datetime AS modify_date, false AS is_ms_shipped, i.index_id AS unique_index_id, o.system_named AS is_system_named, true AS is_enforced
FROM sandbox_sys.place o JOIN sandbox.indexes i ON i.constraint_object_id = o.object_id WHERE o.type IN ('PK', 'UQ');
CREATE VIEW sandbox_sys."sys.default_constraints" AS
SELECT o.*, p.parent_column_id, (CASE WHEN (SELECT sandbox.unrestricted()) THEN p.definition ELSE sandbox.shown_definition(p.object_id) END)::nvarchar_max AS definition, p.system_named AS is_system_named
FROM sandbox_sys."sys.objects" o JOIN sandbox.objects p USING (object_id) WHERE o.type = 'D';
CREATE VIEW sandbox_sys."sys.check_constraints" AS
SELECT o.*, (CASE WHEN (SELECT sandbox.unrestricted()) THEN p.definition ELSE sandbox.shown_definition(p.object_id) END)::nvarchar_max AS definition, p.parent_column_id, p.system_named AS is_system_named, false AS is_disabled, sandbox.is_untrusted(p.object_id) AS is_not_trusted, true AS uses_database_collation
FROM sandbox_sys."sys.objects" o JOIN sandbox.objects p USING (object_id) WHERE o.type = 'C';
CREATE VIEW sandbox_sys."sys.foreign_keys" AS
SELECT o.*, f.referenced_object_id, f.key_index_id, false AS is_disabled, false AS is_not_for_replication, sandbox.is_untrusted(p.object_id) AS is_not_trusted,
  f.delete_action::tinyint AS delete_referential_action, (ARRAY['NO_ACTION', 'CASCADE', 'SET_NULL', 'SET_DEFAULT'])[f.delete_action + 1]::nvarchar60 AS delete_referential_action_desc,
  f.update_action::tinyint AS update_referential_action, (ARRAY['NO_ACTION', 'CASCADE', 'SET_NULL', 'SET_DEFAULT'])[f.update_action + 1]::nvarchar60 AS update_referential_action_desc,
  p.system_named AS is_system_named
FROM sandbox_sys."sys.objects" o JOIN sandbox.foreign_keys f USING (object_id) JOIN sandbox.objects p USING (object_id);
CREATE VIEW sandbox_sys."sys.foreign_key_columns" AS
SELECT o."$database", k.object_id AS constraint_object_id, k.ordinal AS constraint_column_id, f.parent_object_id, k.parent_column_id, f.referenced_object_id, k.referenced_column_id
FROM sandbox.foreign_key_columns k JOIN sandbox.foreign_keys f USING (object_id) JOIN sandbox_sys.place o USING (object_id);

CREATE VIEW sandbox_sys."sys.partitions" AS
SELECT i."$database", i.object_id::int8 AS partition_id, i.object_id, i.index_id, 1 AS partition_number, i.object_id::int8 AS hobt_id,
  sandbox.count_rows(i.object_id) AS rows, 0::tinyint AS data_compression, 'NONE'::nvarchar60 AS data_compression_desc
FROM sandbox_sys."sys.indexes" i;
CREATE VIEW sandbox_sys."sys.dm_db_partition_stats" AS
SELECT i."$database", i.object_id::int8 AS partition_id, i.object_id, i.index_id, 1 AS partition_number, sandbox.count_rows(i.object_id) AS row_count
FROM sandbox_sys."sys.indexes" i;

CREATE VIEW sandbox_sys."sys.extended_properties" AS
SELECT ''::text AS "$database", 0::tinyint AS class, ''::nvarchar60 AS class_desc, 0 AS major_id, 0 AS minor_id, ''::sysname AS name, ''::nvarchar_max AS value WHERE false;
CREATE VIEW sandbox_sys."sys.triggers" AS
SELECT o."$database", o.name, o.object_id, 1::tinyint AS parent_class, 'OBJECT_OR_COLUMN'::nvarchar60 AS parent_class_desc, o.parent_object_id AS parent_id, o.type, o.type_desc,
  o.create_date, o.modify_date, false AS is_ms_shipped, g.is_disabled, false AS is_not_for_replication, false AS is_instead_of_trigger
FROM sandbox_sys."sys.objects" o JOIN sandbox.triggers g USING (object_id);
CREATE VIEW sandbox_sys."sys.trigger_events" AS
SELECT o."$database", o.object_id, e.type, e.type_desc::nvarchar60 AS type_desc, true AS is_trigger_event, false AS is_first, false AS is_last, NULL::int AS event_group_type,
  NULL::nvarchar60 AS event_group_type_desc
FROM sandbox_sys.place o JOIN sandbox.triggers g USING (object_id)
JOIN (VALUES (1, 'INSERT'), (2, 'UPDATE'), (3, 'DELETE')) e (type, type_desc) ON e.type_desc = ANY (string_to_array(g.events, ','));
CREATE VIEW sandbox_sys."sys.sql_modules" AS
SELECT "$database", object_id, sandbox.shown_definition(object_id)::nvarchar_max AS definition, true AS uses_ansi_nulls, true AS uses_quoted_identifier, false AS is_schema_bound
FROM sandbox_sys.place WHERE type IN ('V', 'TR');
CREATE VIEW sandbox_sys."sys.synonyms" AS SELECT o.*, ''::nvarchar_max AS base_object_name FROM sandbox_sys."sys.objects" o WHERE false;
CREATE VIEW sandbox_sys."sys.sequences" AS SELECT o.* FROM sandbox_sys."sys.objects" o WHERE false;
CREATE VIEW sandbox_sys."sys.procedures" AS SELECT o.* FROM sandbox_sys."sys.objects" o WHERE false;

-- One row: the session that asks. Its own values are put there by the interpreter (set_config).
CREATE VIEW sandbox_sys."sys.dm_exec_sessions" AS
SELECT d.name::text AS "$database", current_setting('sandbox.session', true)::int2 AS session_id, current_setting('sandbox.login', true)::sysname AS login_name,
  current_setting('sandbox.login', true)::sysname AS original_login_name, current_setting('sandbox.host', true)::sysname AS host_name, current_setting('sandbox.application', true)::sysname AS program_name, 'running'::nvarchar60 AS status,
  current_setting('sandbox.isolation', true)::int2 AS transaction_isolation_level, d.database_id::int2 AS database_id, true AS is_user_process, 0 AS open_transaction_count
FROM sandbox.databases d;
CREATE VIEW sandbox_sys."sys.dm_exec_connections" AS
SELECT d.name::text AS "$database", current_setting('sandbox.session', true)::int AS session_id, 'TCP'::nvarchar60 AS net_transport, 'TSQL'::nvarchar60 AS protocol_type,
  current_setting('sandbox.tds_version', true)::int AS protocol_version, current_setting('sandbox.encrypted', true)::nvarchar60 AS encrypt_option,
  'SQL'::nvarchar60 AS auth_scheme, current_setting('sandbox.packet_bytes', true)::int AS net_packet_size,
  current_setting('sandbox.address', true)::varchar48 AS client_net_address FROM sandbox.databases d;

-- The requests that are being worked on, and who waits for whom. PostgreSQL's connections are named for the sessions.
CREATE FUNCTION sandbox.session_of(pid int) RETURNS int2 LANGUAGE sql STABLE
  RETURN (SELECT substr(application_name, 9)::int2 FROM pg_stat_activity a WHERE a.pid = $1 AND application_name LIKE 'session %');
CREATE FUNCTION sandbox.wait_type(pid int) RETURNS text LANGUAGE sql STABLE
  RETURN (SELECT 'LCK_M_' || CASE l.mode WHEN 'AccessShareLock' THEN 'SCH_S' WHEN 'AccessExclusiveLock' THEN 'SCH_M' WHEN 'ShareLock' THEN
      CASE l.locktype WHEN 'relation' THEN 'S' ELSE 'X' END WHEN 'ShareRowExclusiveLock' THEN 'U' WHEN 'RowExclusiveLock' THEN 'IX' WHEN 'RowShareLock' THEN 'IS' ELSE 'X' END
    FROM pg_locks l WHERE l.pid = $1 AND NOT l.granted LIMIT 1);
CREATE VIEW sandbox_sys."sys.dm_exec_requests" AS
SELECT d.name::text AS "$database", r.session_id, 0 AS request_id, stamp_of(r.query_start AT TIME ZONE 'UTC')::datetime AS start_time,
  CASE WHEN r.blocker IS NULL THEN 'running' ELSE 'suspended' END::nvarchar60 AS status,
  CASE r.word WHEN 'LOCK' THEN 'SELECT' WHEN 'SAVEPOINT' THEN 'SELECT' ELSE r.word END::nvarchar60 AS command,
  coalesce(r.blocker, 0)::int2 AS blocking_session_id, sandbox.wait_type(r.pid)::nvarchar60 AS wait_type,
  CASE WHEN r.blocker IS NULL THEN 0 ELSE (extract(epoch FROM clock_timestamp() - r.query_start) * 1000)::int END AS wait_time
FROM (
  SELECT pid, sandbox.session_of(pid) AS session_id, query_start, upper(split_part(query, ' ', 1)) AS word,
    (SELECT min(sandbox.session_of(b)) FROM unnest(pg_blocking_pids(pid)) b) AS blocker
  FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'session %') r
CROSS JOIN sandbox.databases d
WHERE r.session_id = sandbox.own_session() OR (SELECT sandbox.permitted(sandbox.login_id(), 'VIEW SERVER PERFORMANCE STATE', 100, NULL, NULL, NULL));

-- INFORMATION_SCHEMA
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.SCHEMATA" AS
SELECT "$database", "$database"::sysname AS "CATALOG_NAME", name AS "SCHEMA_NAME",
  (SELECT p.name FROM sandbox.all_principals p JOIN sandbox.databases d USING (database_id) WHERE d.name = "$database"::citext AND p.principal_id = s.principal_id)::sysname AS "SCHEMA_OWNER"
FROM sandbox_sys."sys.schemas" s;
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.TABLES" AS
SELECT "$database", "$database"::sysname AS "TABLE_CATALOG", schema_name::sysname AS "TABLE_SCHEMA", name::sysname AS "TABLE_NAME",
  CASE WHEN type = 'U' THEN 'BASE TABLE' ELSE 'VIEW' END::varchar10 AS "TABLE_TYPE" FROM sandbox_sys.place WHERE type IN ('U', 'V');
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.VIEWS" AS
SELECT "$database", "$database"::sysname AS "TABLE_CATALOG", schema_name::sysname AS "TABLE_SCHEMA", name::sysname AS "TABLE_NAME", sandbox.shown_definition(object_id)::nvarchar_max AS "VIEW_DEFINITION",
  'NONE'::varchar10 AS "CHECK_OPTION", 'NO'::varchar10 AS "IS_UPDATABLE" FROM sandbox_sys.place WHERE type = 'V';
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.COLUMNS" AS
SELECT o."$database", o."$database"::sysname AS "TABLE_CATALOG", o.schema_name::sysname AS "TABLE_SCHEMA", o.name::sysname AS "TABLE_NAME", c.name::sysname AS "COLUMN_NAME",
  c.column_id AS "ORDINAL_POSITION",
  (SELECT (CASE WHEN (SELECT sandbox.unrestricted()) THEN x.definition ELSE sandbox.shown_definition(x.object_id) END)::nvarchar_max FROM sandbox.objects x
    WHERE x.parent_object_id = c.object_id AND x.parent_column_id = c.column_id AND x.type = 'D') AS "COLUMN_DEFAULT",
  CASE WHEN c.nullable THEN 'YES' ELSE 'NO' END::varchar10 AS "IS_NULLABLE", sandbox.shown_type(c.type_name)::sysname AS "DATA_TYPE",
  CASE WHEN t.collated OR c.type_name IN ('binary', 'varbinary') THEN CASE WHEN c.type_name IN ('text', 'ntext') THEN 2147483647 ELSE coalesce(c.length, -1) END END AS "CHARACTER_MAXIMUM_LENGTH",
  CASE WHEN t.collated OR c.type_name IN ('binary', 'varbinary') THEN sandbox.max_length(c.type_name, c.length, c.precision, c.scale)::int END AS "CHARACTER_OCTET_LENGTH",
  CASE WHEN c.type_name IN ('tinyint', 'smallint', 'int', 'bigint', 'real', 'float', 'decimal', 'money', 'smallmoney') THEN sandbox.shown_precision(c.type_name, c.precision, c.scale) END::tinyint AS "NUMERIC_PRECISION",
  CASE WHEN c.type_name IN ('real', 'float') THEN 2 WHEN c.type_name IN ('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'money', 'smallmoney') THEN 10 END::int2 AS "NUMERIC_PRECISION_RADIX",
  CASE WHEN c.type_name IN ('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'money', 'smallmoney') THEN sandbox.shown_scale(c.type_name, c.scale) END AS "NUMERIC_SCALE",
  CASE WHEN c.type_name IN ('time', 'datetime2', 'datetimeoffset') THEN c.scale WHEN c.type_name = 'datetime' THEN 3 WHEN c.type_name IN ('date', 'smalldatetime') THEN 0 END::int2 AS "DATETIME_PRECISION",
  CASE WHEN t.collated THEN CASE WHEN c.type_name LIKE 'n%' THEN 'UNICODE' ELSE 'iso_1' END END::sysname AS "CHARACTER_SET_NAME",
  CASE WHEN t.collated THEN coalesce(c.collation_name, 'SQL_Latin1_General_CP1_CI_AS') END::sysname AS "COLLATION_NAME"
FROM sandbox.columns c JOIN sandbox_sys.place o USING (object_id) JOIN sandbox.types t ON t.name = sandbox.shown_type(c.type_name);
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.TABLE_CONSTRAINTS" AS
SELECT c."$database", c."$database"::sysname AS "CONSTRAINT_CATALOG", c.schema_name::sysname AS "CONSTRAINT_SCHEMA", c.name::sysname AS "CONSTRAINT_NAME",
  c."$database"::sysname AS "TABLE_CATALOG", t.schema_name::sysname AS "TABLE_SCHEMA", t.name::sysname AS "TABLE_NAME",
  (CASE c.type::text WHEN 'PK' THEN 'PRIMARY KEY' WHEN 'UQ' THEN 'UNIQUE' WHEN 'F' THEN 'FOREIGN KEY' ELSE 'CHECK' END)::sysname AS "CONSTRAINT_TYPE",
  'NO'::varchar10 AS "IS_DEFERRABLE", 'NO'::varchar10 AS "INITIALLY_DEFERRED"
FROM sandbox_sys.place c JOIN sandbox_sys.place t ON t.object_id = c.parent_object_id WHERE c.type IN ('PK', 'UQ', 'F', 'C');
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.KEY_COLUMN_USAGE" AS
SELECT c."$database", c."$database"::sysname AS "CONSTRAINT_CATALOG", c.schema_name::sysname AS "CONSTRAINT_SCHEMA", c.name::sysname AS "CONSTRAINT_NAME",
  c."$database"::sysname AS "TABLE_CATALOG", t.schema_name::sysname AS "TABLE_SCHEMA", t.name::sysname AS "TABLE_NAME", k.name::sysname AS "COLUMN_NAME", x.ordinal AS "ORDINAL_POSITION"
FROM (SELECT i.constraint_object_id AS id, i.object_id, y.column_id, y.key_ordinal AS ordinal FROM sandbox.indexes i JOIN sandbox.index_columns y USING (object_id, index_id)
    WHERE i.constraint_object_id IS NOT NULL
  UNION ALL SELECT f.object_id, f.parent_object_id, y.parent_column_id, y.ordinal FROM sandbox.foreign_keys f JOIN sandbox.foreign_key_columns y USING (object_id)) x
JOIN sandbox_sys.place c ON c.object_id = x.id JOIN sandbox_sys.place t ON t.object_id = x.object_id JOIN sandbox.columns k ON k.object_id = x.object_id AND k.column_id = x.column_id;
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.CONSTRAINT_COLUMN_USAGE" AS
SELECT "$database", "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "CONSTRAINT_CATALOG", "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME" FROM sandbox_sys."INFORMATION_SCHEMA.KEY_COLUMN_USAGE";
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS" AS
SELECT c."$database", c."$database"::sysname AS "CONSTRAINT_CATALOG", c.schema_name::sysname AS "CONSTRAINT_SCHEMA", c.name::sysname AS "CONSTRAINT_NAME",
  c."$database"::sysname AS "UNIQUE_CONSTRAINT_CATALOG", t.schema_name::sysname AS "UNIQUE_CONSTRAINT_SCHEMA", i.name::sysname AS "UNIQUE_CONSTRAINT_NAME", 'SIMPLE'::varchar10 AS "MATCH_OPTION",
  (ARRAY['NO ACTION', 'CASCADE', 'SET NULL', 'SET DEFAULT'])[f.update_action + 1]::nvarchar60 AS "UPDATE_RULE",
  (ARRAY['NO ACTION', 'CASCADE', 'SET NULL', 'SET DEFAULT'])[f.delete_action + 1]::nvarchar60 AS "DELETE_RULE"
FROM sandbox.foreign_keys f JOIN sandbox_sys.place c USING (object_id) JOIN sandbox_sys.place t ON t.object_id = f.referenced_object_id
JOIN sandbox.indexes i ON i.object_id = f.referenced_object_id AND i.index_id = f.key_index_id;
CREATE VIEW sandbox_sys."INFORMATION_SCHEMA.SEQUENCES" AS
SELECT ''::text AS "$database", ''::sysname AS "SEQUENCE_CATALOG", ''::sysname AS "SEQUENCE_SCHEMA", ''::sysname AS "SEQUENCE_NAME" WHERE false;
