-- The sandbox's own types. Everything of ours lives in the schema "sandbox"; users' schemas are named "database.schema".
CREATE SCHEMA sandbox;
SET search_path = sandbox;
CREATE EXTENSION citext SCHEMA sandbox;

-- Names for result columns of the sys views: the Python side maps each domain to the SQL Server type it stands for.
CREATE DOMAIN sysname AS citext;
CREATE DOMAIN nvarchar60 AS citext;
CREATE DOMAIN nvarchar_max AS citext;
CREATE DOMAIN char1 AS citext;
CREATE DOMAIN char2 AS citext;
CREATE DOMAIN char4 AS citext;
CREATE DOMAIN tinyint AS int2;
CREATE DOMAIN varchar10 AS citext;
CREATE DOMAIN varchar48 AS citext;
CREATE DOMAIN varbinary85 AS bytea;

-- Dates with times, and times, count ticks of 100 ns: a stamp since 0001-01-01, a clock since midnight. They are int8 to PostgreSQL's
-- operators, indexes and aggregates, and types of their own to everything else.
CREATE TYPE stamp;
CREATE FUNCTION stamp_in(cstring) RETURNS stamp LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8in';
CREATE FUNCTION stamp_out(stamp) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8out';
CREATE FUNCTION stamp_recv(internal) RETURNS stamp LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8recv';
CREATE FUNCTION stamp_send(stamp) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8send';
CREATE TYPE stamp (INPUT = stamp_in, OUTPUT = stamp_out, RECEIVE = stamp_recv, SEND = stamp_send, LIKE = int8);
CREATE CAST (stamp AS int8) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (int8 AS stamp) WITHOUT FUNCTION;
CREATE TYPE clock;
CREATE FUNCTION clock_in(cstring) RETURNS clock LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8in';
CREATE FUNCTION clock_out(clock) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8out';
CREATE FUNCTION clock_recv(internal) RETURNS clock LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8recv';
CREATE FUNCTION clock_send(clock) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8send';
CREATE TYPE clock (INPUT = clock_in, OUTPUT = clock_out, RECEIVE = clock_recv, SEND = clock_send, LIKE = int8);
CREATE CAST (clock AS int8) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (int8 AS clock) WITHOUT FUNCTION;
CREATE DOMAIN datetime AS stamp;
-- PostgreSQL's own types count days and microseconds since 2000-01-01; a timestamp is an int8 inside.
CREATE FUNCTION microseconds(timestamp) RETURNS int8 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8up';
CREATE FUNCTION from_microseconds(int8) RETURNS timestamp LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8up';
CREATE FUNCTION stamp_of(timestamp) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ((microseconds($1) + 63082281600000000) * 10)::stamp;
CREATE FUNCTION stamp_of(date) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (($1 - date '0001-01-01')::int8 * 864000000000)::stamp;
-- On 1900-01-01.
CREATE FUNCTION stamp_of(clock) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (599266080000000000 + $1::int8)::stamp;
CREATE FUNCTION day_of(stamp) RETURNS date LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN date '0001-01-01' + ($1::int8 / 864000000000)::int4;
CREATE FUNCTION clock_of(stamp) RETURNS clock LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1::int8 % 864000000000)::clock;
-- Without the seventh digit.
CREATE FUNCTION timestamp_of(stamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN from_microseconds($1::int8 / 10 - 63082281600000000);

-- Raises SQL Server error `number`: SQLSTATE Z and four digits, or Y and the last four of one from 10000 to 19999. `sample` only gives the call its type.
CREATE FUNCTION fail(number int, message text, sample anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = CASE WHEN number < 10000 THEN 'Z' ELSE 'Y' END || lpad((number % 10000)::text, 4, '0'), MESSAGE = message;
END $$;

-- The refusal that names what is missing (see errors.not_supported).
CREATE FUNCTION refuse(what text, sample anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'Z9999', MESSAGE = what;
END $$;

-- datetimeoffset: two are equal when their instants are, whatever their offsets.
CREATE TYPE dto AS (utc int8, minutes int2);
CREATE FUNCTION dto_lt(dto, dto) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1).utc < ($2).utc;
CREATE FUNCTION dto_le(dto, dto) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1).utc <= ($2).utc;
CREATE FUNCTION dto_eq(dto, dto) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1).utc = ($2).utc;
CREATE FUNCTION dto_ne(dto, dto) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1).utc <> ($2).utc;
CREATE FUNCTION dto_ge(dto, dto) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1).utc >= ($2).utc;
CREATE FUNCTION dto_gt(dto, dto) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ($1).utc > ($2).utc;
CREATE FUNCTION dto_cmp(dto, dto) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN btint8cmp(($1).utc, ($2).utc);
CREATE OPERATOR < (LEFTARG = dto, RIGHTARG = dto, FUNCTION = dto_lt, COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel);
CREATE OPERATOR <= (LEFTARG = dto, RIGHTARG = dto, FUNCTION = dto_le, COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel);
CREATE OPERATOR = (LEFTARG = dto, RIGHTARG = dto, FUNCTION = dto_eq, COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, MERGES);
CREATE OPERATOR <> (LEFTARG = dto, RIGHTARG = dto, FUNCTION = dto_ne, COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel);
CREATE OPERATOR >= (LEFTARG = dto, RIGHTARG = dto, FUNCTION = dto_ge, COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel);
CREATE OPERATOR > (LEFTARG = dto, RIGHTARG = dto, FUNCTION = dto_gt, COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel);
CREATE OPERATOR CLASS dto_ops DEFAULT FOR TYPE dto USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 dto_cmp(dto, dto);
CREATE FUNCTION dto_smaller(dto, dto) RETURNS dto LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN $1 <= $2 THEN $1 ELSE $2 END;
CREATE FUNCTION dto_larger(dto, dto) RETURNS dto LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN $1 >= $2 THEN $1 ELSE $2 END;
CREATE AGGREGATE min(dto) (SFUNC = dto_smaller, STYPE = dto, SORTOP = <);
CREATE AGGREGATE max(dto) (SFUNC = dto_larger, STYPE = dto, SORTOP = >);

-- uniqueidentifier is a uuid whose bytes stand in the order in which SQL Server compares them (last group first), so that
-- PostgreSQL's own comparison and index are right.
CREATE FUNCTION guid_smaller(uuid, uuid) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN $1 <= $2 THEN $1 ELSE $2 END;
CREATE FUNCTION guid_larger(uuid, uuid) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT RETURN CASE WHEN $1 >= $2 THEN $1 ELSE $2 END;
CREATE AGGREGATE min(uuid) (SFUNC = guid_smaller, STYPE = uuid, SORTOP = <);
CREATE AGGREGATE max(uuid) (SFUNC = guid_larger, STYPE = uuid, SORTOP = >);
CREATE FUNCTION guid_shuffle(h text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (substr(h, 21, 12) || substr(h, 17, 4) || substr(h, 15, 2) || substr(h, 13, 2) || substr(h, 11, 2) || substr(h, 9, 2)
    || substr(h, 7, 2) || substr(h, 5, 2) || substr(h, 3, 2) || substr(h, 1, 2))::uuid
$$;
CREATE FUNCTION guid_to_text(v uuid) RETURNS citext LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT upper(substr(h, 31, 2) || substr(h, 29, 2) || substr(h, 27, 2) || substr(h, 25, 2) || '-' || substr(h, 23, 2)
    || substr(h, 21, 2) || '-' || substr(h, 19, 2) || substr(h, 17, 2) || '-' || substr(h, 13, 4) || '-' || substr(h, 1, 12))::citext
  FROM (SELECT replace(v::text, '-', '') AS h) x
$$;
CREATE FUNCTION guid_from_text(v text, strict bool) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE m text[];
BEGIN
  m := regexp_match(v, '^\{?([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{12})');
  IF m IS NULL THEN
    IF NOT strict THEN RETURN NULL; END IF;
    RETURN fail(8169, 'Conversion failed when converting from a character string to uniqueidentifier.', NULL::uuid);
  END IF;
  RETURN guid_shuffle(m[1] || m[2] || m[3] || m[4] || m[5]);
END $$;
CREATE FUNCTION newid() RETURNS uuid LANGUAGE sql VOLATILE AS $$ SELECT sandbox.guid_shuffle(replace(gen_random_uuid()::text, '-', '')) $$;
-- rowversion counts for the whole server; a new database's @@DBTS is 2000 in SQL Server.
CREATE SEQUENCE rowversion_seq START 2000;
SELECT nextval('rowversion_seq');
-- A transaction that draws values says so before: a shared lock on the lowest value it may get, which its end takes away, however
-- it ends. 21078 only marks these locks; see min_active_rowversion.
CREATE FUNCTION next_rowversion() RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF coalesce(current_setting('sandbox.rowversion', true), '') = '' THEN
    PERFORM pg_advisory_xact_lock_shared(21078, (SELECT (last_value + 1)::bit(32)::int4 FROM sandbox.rowversion_seq));
    PERFORM set_config('sandbox.rowversion', 'drawn', true);
  END IF;
  RETURN int8send(nextval('sandbox.rowversion_seq'));
END $$;
CREATE FUNCTION last_rowversion() RETURNS bytea LANGUAGE sql VOLATILE AS $$ SELECT int8send(last_value) FROM sandbox.rowversion_seq $$;
-- MIN_ACTIVE_ROWVERSION(): every value below it is committed or will never be. The last value is read before the locks: whoever
-- draws later gets a higher one, and whoever drew before holds a lock or has ended.
CREATE FUNCTION min_active_rowversion() RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
DECLARE free int8; drawn int8;
BEGIN
  SELECT last_value + 1 INTO free FROM sandbox.rowversion_seq;
  SELECT min(objid::int8) INTO drawn FROM pg_locks WHERE locktype = 'advisory' AND classid = 21078 AND objsubid = 2;
  RETURN int8send(least(free, drawn));
END $$;
