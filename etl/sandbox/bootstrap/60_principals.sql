-- What T-SQL shows of logins, users, roles and permissions: catalog views and functions.
-- https://learn.microsoft.com/sql/relational-databases/system-catalog-views/security-catalog-views-transact-sql

-- A login sees itself and the fixed ones; more with VIEW ANY DEFINITION or ALTER ANY LOGIN.
CREATE VIEW sandbox_sys.seen_logins AS
SELECT l.* FROM sandbox.logins l
WHERE l.login_id <= 10 OR l.login_id = sandbox.login_id() OR (SELECT sandbox.unrestricted()
  OR sandbox.permitted(sandbox.login_id(), 'VIEW ANY DEFINITION', 100, NULL, NULL, NULL) OR sandbox.permitted(sandbox.login_id(), 'ALTER ANY LOGIN', 100, NULL, NULL, NULL));
CREATE VIEW sandbox_sys."sys.server_principals" AS
SELECT d.name::text AS "$database", l.name::sysname AS name, l.login_id AS principal_id, l.sid::varbinary85 AS sid, l.type::char1 AS type,
  (CASE l.type WHEN 'S' THEN 'SQL_LOGIN' ELSE 'SERVER_ROLE' END)::nvarchar60 AS type_desc, l.is_disabled, stamp_of(l.create_date)::datetime AS create_date, stamp_of(l.modify_date)::datetime AS modify_date,
  (CASE l.type WHEN 'S' THEN l.default_database END)::sysname AS default_database_name, (CASE l.type WHEN 'S' THEN 'us_english' END)::sysname AS default_language_name,
  NULL::int AS credential_id, CASE l.type WHEN 'R' THEN 1 END AS owning_principal_id, l.type = 'R' AND l.login_id BETWEEN 3 AND 10 AS is_fixed_role
FROM sandbox_sys.seen_logins l CROSS JOIN sandbox.databases d;
-- password_hash is NULL for everybody: the hash leaves the sandbox's catalog by no way.
CREATE VIEW sandbox_sys."sys.sql_logins" AS
SELECT p."$database", p.name, p.principal_id, p.sid, p.type, p.type_desc, p.is_disabled, p.create_date, p.modify_date, p.default_database_name, p.default_language_name, p.credential_id,
  l.policy_checked AS is_policy_checked, false AS is_expiration_checked, NULL::varbinary85 AS password_hash
FROM sandbox_sys."sys.server_principals" p JOIN sandbox.logins l ON l.login_id = p.principal_id WHERE l.type = 'S';
CREATE VIEW sandbox_sys."sys.server_role_members" AS
SELECT d.name::text AS "$database", m.role_id AS role_principal_id, m.member_id AS member_principal_id
FROM sandbox.server_role_members m JOIN sandbox_sys.seen_logins l ON l.login_id = m.member_id CROSS JOIN sandbox.databases d;
CREATE VIEW sandbox_sys."sys.server_permissions" AS
SELECT d.name::text AS "$database", 100::tinyint AS class, 'SERVER'::nvarchar60 AS class_desc, 0 AS major_id, 0 AS minor_id, x.grantee_id AS grantee_principal_id,
  x.grantor_id AS grantor_principal_id, x.type::char4 AS type, x.permission::nvarchar60 AS permission_name, x.state::char1 AS state, sandbox.state_desc(x.state) AS state_desc
FROM (
  SELECT p.grantee_id, p.grantor_id, t.type, p.permission, p.state FROM sandbox.permissions p JOIN sandbox.permission_types t ON t.class = 100 AND t.permission = p.permission
  WHERE p.database_id IS NULL
  UNION ALL SELECT l.login_id, 1, 'COSQ', 'CONNECT SQL', 'G' FROM sandbox.logins l WHERE l.type = 'S') x
JOIN sandbox_sys.seen_logins s ON s.login_id = x.grantee_id CROSS JOIN sandbox.databases d;

-- A user sees itself, the fixed principals, and its roles; more with VIEW DEFINITION on the database.
CREATE FUNCTION sandbox.sees_principals(place int) RETURNS bool LANGUAGE sql STABLE AS $$
  SELECT sandbox.permitted(sandbox.login_id(), 'VIEW DEFINITION', 0, place, NULL, NULL) OR sandbox.permitted(sandbox.login_id(), 'ALTER ANY USER', 0, place, NULL, NULL)
$$;
CREATE VIEW sandbox_sys.seen_principals AS
SELECT p.*, d.name::text AS "$database" FROM sandbox.databases d JOIN sandbox.all_principals p USING (database_id)
WHERE p.is_fixed OR sandbox.sees_principals(d.database_id) OR p.principal_id IN (SELECT sandbox.memberships(sandbox.login_id(), d.database_id));
CREATE VIEW sandbox_sys."sys.database_principals" AS
SELECT p."$database", p.name::sysname AS name, p.principal_id, p.type::char1 AS type, (CASE p.type WHEN 'S' THEN 'SQL_USER' ELSE 'DATABASE_ROLE' END)::nvarchar60 AS type_desc,
  p.default_schema::sysname AS default_schema_name, stamp_of(p.create_date)::datetime AS create_date, stamp_of(p.modify_date)::datetime AS modify_date,
  CASE p.type WHEN 'R' THEN p.owner_id END AS owning_principal_id, p.sid::varbinary85 AS sid, p.type = 'R' AND p.principal_id >= 16384 AS is_fixed_role,
  (CASE WHEN p.type = 'S' AND (NOT p.is_fixed OR p.principal_id = 1) AND p.sid IN (SELECT sid FROM sandbox.logins) THEN 1 ELSE 0 END)::int AS authentication_type,
  (CASE WHEN p.type = 'S' AND (NOT p.is_fixed OR p.principal_id = 1) AND p.sid IN (SELECT sid FROM sandbox.logins) THEN 'INSTANCE' ELSE 'NONE' END)::nvarchar60 AS authentication_type_desc,
  NULL::sysname AS default_language_name, NULL::int AS default_language_lcid
FROM sandbox_sys.seen_principals p;
CREATE VIEW sandbox_sys."sys.database_role_members" AS
SELECT d.name::text AS "$database", m.role_id AS role_principal_id, m.member_id AS member_principal_id
FROM sandbox.databases d JOIN sandbox.role_members m USING (database_id)
WHERE sandbox.sees_principals(d.database_id) OR m.member_id IN (SELECT sandbox.memberships(sandbox.login_id(), d.database_id));
CREATE VIEW sandbox_sys."sys.database_permissions" AS
SELECT d.name::text AS "$database", x.class::tinyint AS class, (CASE x.class WHEN 0 THEN 'DATABASE' WHEN 1 THEN 'OBJECT_OR_COLUMN' ELSE 'SCHEMA' END)::nvarchar60 AS class_desc,
  x.major_id, 0 AS minor_id, x.grantee_id AS grantee_principal_id, x.grantor_id AS grantor_principal_id, t.type::char4 AS type, x.permission::nvarchar60 AS permission_name,
  x.state::char1 AS state, sandbox.state_desc(x.state) AS state_desc
FROM (
  SELECT p.database_id, CASE WHEN p.object_id IS NOT NULL THEN 1 WHEN p.schema_id IS NOT NULL THEN 3 ELSE 0 END AS class,
    coalesce(p.object_id, sandbox.schema_number(p.schema_id), 0) AS major_id, p.grantee_id, p.grantor_id, p.permission, p.state
  FROM sandbox.permissions p WHERE p.database_id IS NOT NULL
  UNION ALL SELECT database_id, 0, 0, 1, 1, 'CONNECT', 'G' FROM sandbox.databases
  UNION ALL SELECT database_id, 0, 0, 2, 1, 'CONNECT', 'G' FROM sandbox.databases WHERE name IN ('master', 'tempdb')) x
JOIN sandbox.permission_types t ON t.class = x.class AND t.permission = x.permission JOIN sandbox.databases d USING (database_id)
WHERE sandbox.sees_principals(d.database_id) OR x.grantee_id IN (SELECT sandbox.memberships(sandbox.login_id(), d.database_id));

-- Functions. `database` is the name of the current one.
CREATE FUNCTION sandbox.own_user(database text) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT sandbox.mapped_user(sandbox.login_id(), d.database_id) FROM sandbox.databases d WHERE d.name = database::citext
$$;
CREATE FUNCTION sandbox.user_name(id int, database text) RETURNS citext LANGUAGE sql STABLE AS $$
  SELECT p.name FROM sandbox_sys.seen_principals p WHERE p.principal_id = id AND p."$database"::citext = database::citext
$$;
CREATE FUNCTION sandbox.principal_id(name text, database text) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT p.principal_id FROM sandbox_sys.seen_principals p WHERE p.name = $1::citext AND p."$database"::citext = database::citext
$$;
CREATE FUNCTION sandbox.login_name(id int) RETURNS citext LANGUAGE sql STABLE AS $$ SELECT l.name FROM sandbox_sys.seen_logins l WHERE l.login_id = id $$;
CREATE FUNCTION sandbox.login_number(name text) RETURNS int LANGUAGE sql STABLE AS $$ SELECT l.login_id FROM sandbox_sys.seen_logins l WHERE l.name = $1::citext $$;

-- IS_ROLEMEMBER and IS_MEMBER: NULL for a role or a principal that is not there.
CREATE FUNCTION sandbox.is_rolemember(role text, member text, database text) RETURNS int LANGUAGE sql STABLE AS $$
  WITH RECURSIVE place AS (SELECT d.database_id FROM sandbox.databases d WHERE d.name = database::citext),
  wanted AS (SELECT p.principal_id AS id FROM sandbox_sys.seen_principals p JOIN place USING (database_id) WHERE p.type = 'R' AND p.name = role::citext),
  asked (id) AS (SELECT p.principal_id FROM sandbox_sys.seen_principals p JOIN place USING (database_id) WHERE p.name = member::citext),
  held (id) AS (SELECT id FROM asked UNION SELECT m.role_id FROM sandbox.role_members m JOIN held h ON m.member_id = h.id JOIN place USING (database_id))
  SELECT CASE WHEN w.id = 0 OR w.id = 16384 AND a.id = 1 OR w.id IN (SELECT id FROM held) THEN 1 ELSE 0 END FROM wanted w CROSS JOIN asked a
$$;
CREATE FUNCTION sandbox.is_srvrolemember(role text, member text) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN r.login_id = 2 OR EXISTS (SELECT FROM sandbox.server_role_members m WHERE m.role_id = r.login_id AND m.member_id = l.login_id) THEN 1 ELSE 0 END
  FROM sandbox.logins r CROSS JOIN sandbox_sys.seen_logins l
  WHERE r.type = 'R' AND r.name = role::citext AND (l.name = member::citext OR member IS NULL AND l.login_id = sandbox.login_id())
$$;

-- HAS_PERMS_BY_NAME: 1, 0, or NULL for a class, permission or securable that is not there.
CREATE FUNCTION sandbox.has_permission(securable text, class text, wanted text, part text, part_class text, database text, session int) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE kind int; place int; schema int; object int; parts text[];
BEGIN
  kind := CASE upper(class) WHEN 'OBJECT' THEN 1 WHEN 'SCHEMA' THEN 3 WHEN 'DATABASE' THEN 0 WHEN 'SERVER' THEN 100 END;
  IF class IS NULL AND securable IS NULL THEN kind := 100; END IF;
  IF kind IS NULL OR part IS NOT NULL AND (kind <> 1 OR upper(coalesce(part_class, '')) <> 'COLUMN') THEN RETURN NULL; END IF;
  IF upper(wanted) <> 'ANY' AND NOT EXISTS (SELECT FROM sandbox.permission_types t WHERE t.class = kind AND t.permission = upper(wanted)) THEN RETURN NULL; END IF;
  IF kind <> 100 THEN
    parts := coalesce(sandbox.name_parts(securable), '{}');
    SELECT d.database_id INTO place FROM sandbox.databases d
    WHERE d.name = (CASE kind WHEN 0 THEN coalesce(parts[1], database) WHEN 1 THEN coalesce(nullif(parts[cardinality(parts) - 2], ''), database) ELSE database END)::citext;
    IF place IS NULL OR kind = 0 AND cardinality(parts) > 1 OR kind = 3 AND cardinality(parts) <> 1 THEN RETURN NULL; END IF;
  END IF;
  IF kind = 3 THEN
    SELECT s.schema_id INTO schema FROM sandbox.schemas s WHERE s.database_id = place AND s.name = parts[1]::citext;
    IF schema IS NULL THEN RETURN NULL; END IF;
  ELSIF kind = 1 THEN
    object := sandbox.find_object(securable, database, session);
    IF object IS NULL OR part IS NOT NULL AND NOT EXISTS (SELECT FROM sandbox.columns c WHERE c.object_id = object AND c.name = part::citext) THEN RETURN NULL; END IF;
    SELECT o.schema_id INTO schema FROM sandbox.objects o WHERE o.object_id = object;
    IF EXISTS (SELECT FROM sandbox.objects o WHERE o.object_id = object AND o.session <> 0) THEN RETURN 1; END IF;
  END IF;
  IF kind <> 100 AND sandbox.user_in(sandbox.login_id(), place) IS NULL THEN RETURN 0; END IF;
  RETURN (SELECT coalesce(bool_or(sandbox.permitted(sandbox.login_id(), t.permission, kind, place, schema, object)), false)::int
    FROM sandbox.permission_types t WHERE t.class = kind AND upper(wanted) IN ('ANY', t.permission));
END $$;

CREATE FUNCTION sandbox.seen_database_id(v text) RETURNS int2 LANGUAGE sql STABLE STRICT AS $$
  SELECT d.database_id::int2 FROM sandbox.databases d WHERE d.name = v::citext AND sandbox.sees_database(d.database_id)
$$;
CREATE FUNCTION sandbox.seen_database_name(id int) RETURNS citext LANGUAGE sql STABLE STRICT AS $$
  SELECT d.name FROM sandbox.databases d WHERE d.database_id = id AND sandbox.sees_database(id)
$$;

-- Error 916 or 229 in a trigger, when whoever fired it lacks a permission on what its table's owner does not own.
CREATE FUNCTION sandbox.demand(wanted text, id int) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE o record; who int := sandbox.login_id();
BEGIN
  IF who IS NULL OR sandbox.is_sysadmin(who) THEN RETURN; END IF;
  SELECT x.name, x.schema_id, s.name AS schema, s.database_id, d.name AS database, l.name AS login INTO o FROM sandbox.objects x JOIN sandbox.schemas s USING (schema_id)
  JOIN sandbox.databases d USING (database_id), sandbox.logins l WHERE x.object_id = id AND l.login_id = who;
  IF NOT FOUND THEN RETURN; END IF;  -- a system view, whose rows are the visible ones
  IF sandbox.user_in(who, o.database_id) IS NULL THEN
    PERFORM sandbox.trigger_fails(916, format('The server principal "%s" is not able to access the database "%s" under the current security context.', o.login, o.database), 14, 1);
  END IF;
  IF NOT sandbox.permitted(who, wanted, 1, o.database_id, o.schema_id, id) THEN
    PERFORM sandbox.trigger_fails(229, format('The %s permission was denied on the object ''%s'', database ''%s'', schema ''%s''.', wanted, o.name, o.database, o.schema), 14, 5);
  END IF;
END $$;

CREATE FUNCTION sandbox.my_permissions(securable text, kind text, database text, session int)
RETURNS TABLE (entity_name citext, subentity_name citext, permission_name citext) LANGUAGE sql STABLE AS $$
  SELECT CASE upper(kind) WHEN 'SERVER' THEN 'server' WHEN 'DATABASE' THEN 'database' ELSE securable END::citext, ''::citext, t.permission::citext
  FROM sandbox.permission_types t
  WHERE t.class = CASE upper(kind) WHEN 'OBJECT' THEN 1 WHEN 'SCHEMA' THEN 3 WHEN 'DATABASE' THEN 0 WHEN 'SERVER' THEN 100 END
    AND sandbox.has_permission(CASE upper(kind) WHEN 'SERVER' THEN NULL ELSE securable END, kind, t.permission, NULL, NULL, database, session) = 1
$$;
