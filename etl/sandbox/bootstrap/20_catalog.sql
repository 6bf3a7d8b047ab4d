-- What SQL Server knows of its objects. Written in the same transaction as the DDL it describes.
CREATE TABLE databases (
  database_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext NOT NULL UNIQUE, create_date timestamp NOT NULL DEFAULT date_trunc('second', now()),
  -- the login that made it; 1 is sa
  owner_id int NOT NULL DEFAULT coalesce(nullif(current_setting('sandbox.login_id', true), '')::int, 1));

CREATE TABLE schemas (
  schema_id int GENERATED ALWAYS AS IDENTITY (START 5) PRIMARY KEY, database_id int NOT NULL REFERENCES databases ON DELETE CASCADE,
  name citext NOT NULL, physical text NOT NULL UNIQUE, owner_id int NOT NULL DEFAULT 1, UNIQUE (database_id, name));

-- type: U table, V view, PK, UQ, F, C check, D default, SO. session: the owner of a #table, 0 for all else.
CREATE TABLE objects (
  object_id int GENERATED ALWAYS AS IDENTITY (START 901578250 INCREMENT 16) PRIMARY KEY,
  schema_id int NOT NULL REFERENCES schemas ON DELETE CASCADE, name citext NOT NULL, physical text NOT NULL, type char2 NOT NULL,
  parent_object_id int NOT NULL DEFAULT 0, parent_column_id int NOT NULL DEFAULT 0, definition citext, system_named bool NOT NULL DEFAULT false,
  session int NOT NULL DEFAULT 0, create_date timestamp NOT NULL DEFAULT date_trunc('second', clock_timestamp()), modify_date timestamp NOT NULL DEFAULT date_trunc('second', clock_timestamp()),
  UNIQUE (schema_id, name, session));
-- Blanks at the end of a name are kept and do not count.
CREATE UNIQUE INDEX ON objects (schema_id, (rtrim(name::text)::citext), session);
CREATE INDEX ON objects (parent_object_id);
CREATE INDEX ON objects (physical);

CREATE TABLE columns (
  object_id int NOT NULL REFERENCES objects ON DELETE CASCADE, column_id int NOT NULL, name citext NOT NULL, physical text NOT NULL,
  type_name text NOT NULL, length int, precision int, scale int, nullable bool NOT NULL, collation_name text,
  is_identity bool NOT NULL DEFAULT false, seed numeric, increment numeric, sequence text, computed citext,
  PRIMARY KEY (object_id, column_id), UNIQUE (object_id, name));

CREATE TABLE indexes (
  object_id int NOT NULL REFERENCES objects ON DELETE CASCADE, index_id int NOT NULL, name citext, physical text,
  is_unique bool NOT NULL, is_primary_key bool NOT NULL, is_unique_constraint bool NOT NULL, filter citext, constraint_object_id int,
  PRIMARY KEY (object_id, index_id), UNIQUE (object_id, name));
CREATE INDEX ON indexes (physical);

CREATE TABLE index_columns (
  object_id int NOT NULL, index_id int NOT NULL, index_column_id int NOT NULL, column_id int NOT NULL, key_ordinal int NOT NULL,
  is_descending bool NOT NULL, is_included bool NOT NULL, PRIMARY KEY (object_id, index_id, index_column_id),
  FOREIGN KEY (object_id, index_id) REFERENCES indexes ON DELETE CASCADE);

CREATE TABLE foreign_keys (
  object_id int PRIMARY KEY REFERENCES objects ON DELETE CASCADE, parent_object_id int NOT NULL, referenced_object_id int NOT NULL,
  key_index_id int NOT NULL, delete_action int NOT NULL, update_action int NOT NULL);

CREATE TABLE foreign_key_columns (
  object_id int NOT NULL REFERENCES foreign_keys ON DELETE CASCADE, ordinal int NOT NULL, parent_column_id int NOT NULL,
  referenced_column_id int NOT NULL, PRIMARY KEY (object_id, ordinal));

-- Gives a database its place: the row, and the schemas that every database has.
CREATE FUNCTION add_schema(database text, schema text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE place text := database || '.' || schema;
BEGIN
  -- PostgreSQL cuts names at 63 bytes and keeps "pg_" to itself; a dot inside of a name would make two places one.
  IF octet_length(place) > 60 OR place LIKE 'pg\_%' OR strpos(database || schema, '.') > 0 THEN
    place := 's_' || md5(length(database) || ':' || place);
  END IF;
  EXECUTE format('CREATE SCHEMA %I', place);
  INSERT INTO sandbox.schemas (database_id, name, physical)
    SELECT database_id, schema, place FROM sandbox.databases WHERE name = database::citext;
END $$;
CREATE FUNCTION add_database(database text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sandbox.databases (name) VALUES (database);
  PERFORM sandbox.add_schema(database, 'dbo');
END $$;
CREATE FUNCTION drop_database(database text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE place text;
BEGIN
  FOR place IN SELECT physical FROM sandbox.schemas s JOIN sandbox.databases d USING (database_id) WHERE d.name = database::citext LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', place);
  END LOOP;
  PERFORM sandbox.drop_bulk_locks(database);
  DELETE FROM sandbox.databases WHERE name = database::citext;
END $$;
