-- Triggers. A trigger's body is a plpgsql function for each of its events, written by translation/trigger_body.py and called by a
-- statement-level PostgreSQL trigger whose transition tables are "inserted" and "deleted". events: INSERT, UPDATE, DELETE with
-- commas between.
CREATE TABLE triggers (
  object_id int PRIMARY KEY REFERENCES objects ON DELETE CASCADE, events text NOT NULL, is_disabled bool NOT NULL DEFAULT false);

-- What the statement that fires says of its session (firing.py): NULL where nobody announced it.
CREATE FUNCTION fired_by(name text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('sandbox.fired_by', true), '')::json ->> name
$$;

-- Whether trigger `id` is to run: not when a trigger has fired itself (RECURSIVE_TRIGGERS is OFF), nor in a bulk load without
-- FIRE_TRIGGERS. Error 217 below 32 levels.
CREATE FUNCTION trigger_begins(id int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('sandbox.in_trigger', true) = id::text OR current_setting('sandbox.fire_triggers', true) = 'off' THEN RETURN false; END IF;
  IF current_setting('sandbox.bulk_load', true) = 'on' THEN PERFORM sandbox.bulk_load_ends(); END IF;
  IF pg_trigger_depth() > 32 THEN
    PERFORM sandbox.fail(217, 'Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).', 0);
  END IF;
  PERFORM set_config('sandbox.in_trigger', id::text, true);
  RETURN true;
END $$;

-- What a running trigger tells its client without ending: firing.py reads these notices.
CREATE FUNCTION trigger_says(procedure text, line int, number int, message text, severity int, state int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF severity > 18 THEN PERFORM sandbox.refuse('RAISERROR of a severity above 18 in a trigger', 0); END IF;
  RAISE NOTICE USING ERRCODE = 'ZT001', MESSAGE = coalesce(message, ''), DETAIL = json_build_object(
    'procedure', procedure, 'line', line, 'number', number, 'severity', severity, 'state', state);
END $$;
CREATE FUNCTION trigger_counts(command text, rows int8) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE USING ERRCODE = 'ZT003', MESSAGE = command, DETAIL = rows::text;
END $$;

-- An error of any number; `fail` takes those of four digits.
CREATE FUNCTION trigger_fails(number int, message text, severity int, state int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'ZT002', MESSAGE = message, DETAIL = json_build_object('number', number, 'severity', severity, 'state', state);
END $$;
