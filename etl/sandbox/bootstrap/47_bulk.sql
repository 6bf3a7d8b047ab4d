-- Bulk load: which rules hold while it runs, who may write beside it, and which constraints it has left unchecked.

-- Constraints that rows were loaded past. Rows are added and never changed, so that loads into one table do not wait for each other.
CREATE TABLE untrusted_constraints (object_id int NOT NULL REFERENCES objects ON DELETE CASCADE);
CREATE INDEX ON untrusted_constraints (object_id);
CREATE FUNCTION is_untrusted(id int) RETURNS bool LANGUAGE sql STABLE
  RETURN EXISTS (SELECT FROM sandbox.untrusted_constraints u WHERE u.object_id = id);

-- Foreign keys are PostgreSQL's own triggers, which the role "replica" does not run. CHECK constraints look at sandbox.unchecked.
GRANT SET ON PARAMETER session_replication_role TO sandbox;
CREATE FUNCTION bulk_load_begins(checks bool, triggers bool, shares bool) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('sandbox.bulk_load', 'on', true), set_config('sandbox.bulk_lock', CASE WHEN shares THEN 'on' ELSE 'off' END, true),
    set_config('sandbox.unchecked', CASE WHEN checks THEN 'off' ELSE 'on' END, true),
    set_config('sandbox.fire_triggers', CASE WHEN triggers THEN 'on' ELSE 'off' END, true);
  IF NOT checks THEN PERFORM set_config('session_replication_role', 'replica', true); END IF;
END $$;
-- Called at the load's end, and by a trigger that it fires: what a trigger does is checked.
CREATE FUNCTION bulk_load_ends() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('sandbox.bulk_load', 'off', true), set_config('sandbox.bulk_lock', 'off', true),
    set_config('sandbox.unchecked', 'off', true), set_config('sandbox.fire_triggers', 'on', true),
    set_config('session_replication_role', 'origin', true);
END $$;

-- SQL Server's BU lock (see bulk_lock.py): beside a heap that was loaded with TABLOCK stands an empty view. Loads hold SHARE on it,
-- all other writers ROW EXCLUSIVE.
CREATE SCHEMA sandbox_locks;
GRANT USAGE, CREATE ON SCHEMA sandbox_locks TO sandbox;
CREATE FUNCTION keep_out_of_bulk_load() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('sandbox.bulk_lock', true) IS DISTINCT FROM 'on' THEN
    EXECUTE 'LOCK TABLE ' || TG_ARGV[0] || ' IN ROW EXCLUSIVE MODE';
  END IF;
  RETURN NULL;
END $$;
-- The views of a database that goes away.
CREATE FUNCTION drop_bulk_locks(database text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE beside text;
BEGIN
  FOR beside IN SELECT v.viewname FROM pg_views v JOIN sandbox.objects o ON v.viewname = 't' || o.object_id
      JOIN sandbox.schemas s USING (schema_id) JOIN sandbox.databases d USING (database_id)
      WHERE v.schemaname = 'sandbox_locks' AND d.name = database::sandbox.citext LOOP
    EXECUTE format('DROP VIEW sandbox_locks.%I', beside);
  END LOOP;
END $$;

-- Explicit identity values between low and high are in the table: the next value comes after them. Loads that end together take
-- turns, or the lower of two could win.
CREATE FUNCTION advance_identity(seq regclass, low int8, high int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE at int8; used bool; step int8; target int8;
BEGIN
  PERFORM pg_advisory_lock(1, seq::oid::int);
  EXECUTE format('SELECT last_value, is_called FROM %s', seq) INTO at, used;
  SELECT seqincrement INTO step FROM pg_sequence WHERE seqrelid = seq;
  target := CASE WHEN step > 0 THEN high ELSE low END;
  IF (target - at) * sign(step) > 0 OR (target = at AND NOT used) THEN PERFORM setval(seq, target); END IF;
  PERFORM pg_advisory_unlock(1, seq::oid::int);
END $$;
