-- What the role of all sessions may do. It owns what clients make, and of the sandbox's own tables it may write those that say what
-- clients have made; the constant ones it may only read. Whoever adds a table decides here.
GRANT USAGE ON SCHEMA sandbox, sandbox_sys TO sandbox;
GRANT SELECT ON ALL TABLES IN SCHEMA sandbox, sandbox_sys TO sandbox;
GRANT INSERT, UPDATE, DELETE ON sandbox.databases, sandbox.schemas, sandbox.objects, sandbox.columns, sandbox.indexes, sandbox.index_columns,
  sandbox.foreign_keys, sandbox.foreign_key_columns, sandbox.triggers, sandbox.untrusted_constraints,
  sandbox.logins, sandbox.server_role_members, sandbox.principals, sandbox.role_members, sandbox.permissions TO sandbox;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA sandbox TO sandbox;

-- No translation calls these; should a client's text ever get so far, they are not for it either.
DO $$
DECLARE call regprocedure;
BEGIN
  FOR call IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname LIKE 'lo\_%' OR proname LIKE '%\_to\_xml%'
      OR proname IN ('loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_notify')) LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', call);
  END LOOP;
END $$;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, CREATE, TEMP ON DATABASE postgres TO sandbox;
