-- The sys views as logins other than sysadmin read them. A condition of the client's may fail, and its error name the value that it
-- failed on: none is looked at before the view has chosen the rows that the login may see.
CREATE SCHEMA sandbox_seen;
DO $$
DECLARE one name;
BEGIN
  FOR one IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'sandbox_sys'::regnamespace AND c.relkind = 'v' AND c.relname LIKE '%.%' LOOP
    EXECUTE format('CREATE VIEW sandbox_seen.%I WITH (security_barrier) AS SELECT * FROM sandbox_sys.%I', one, one);
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA sandbox_seen TO sandbox;
GRANT SELECT ON ALL TABLES IN SCHEMA sandbox_seen TO sandbox;
