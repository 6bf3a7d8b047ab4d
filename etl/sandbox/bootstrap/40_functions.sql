-- Functions that PostgreSQL has not, or has with other rules.

CREATE FUNCTION not_negative(v int, what text) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN v >= 0 THEN v
    ELSE sandbox.fail(537, 'Invalid length parameter passed to the ' || upper(what) || ' function.', NULL::int) END
$$;
CREATE FUNCTION charindex(needle text, hay text, start int) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN needle = '' THEN 0 WHEN start <= 1 THEN strpos(hay, needle)
    ELSE coalesce(nullif(strpos(substr(hay, start), needle), 0) + start - 1, 0) END
$$;
CREATE FUNCTION patindex(pattern text, hay text) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE i int; inner_pattern text := pattern;
BEGIN
  IF left(pattern, 1) <> '%' THEN RETURN CASE WHEN hay ~* like_pattern(pattern, '') THEN 1 ELSE 0 END; END IF;
  inner_pattern := substr(pattern, 2);
  FOR i IN 1..length(hay) LOOP
    IF substr(hay, i) ~* like_pattern(inner_pattern, '') THEN RETURN i; END IF;
  END LOOP;
  RETURN 0;
END $$;
CREATE FUNCTION stuff(v text, start int, count int, new text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN start < 1 OR count < 0 OR start > length(v) THEN NULL
    ELSE left(v, start - 1) || coalesce(new, '') || substr(v, start + count) END
$$;
-- CHAR and NCHAR. What a text of PostgreSQL cannot hold is refused.
CREATE FUNCTION char_of(code int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF code = 0 THEN RETURN refuse('a text with the character U+0000', NULL::text); END IF;
  RETURN CASE WHEN code BETWEEN 1 AND 255 THEN convert_from(set_byte('\x00'::bytea, 0, code), 'WIN1252') END;
END $$;
CREATE FUNCTION nchar_of(code int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF code = 0 THEN RETURN refuse('a text with the character U+0000', NULL::text); END IF;
  IF code BETWEEN 55296 AND 57343 THEN RETURN refuse('a text with half of a surrogate pair', NULL::text); END IF;
  RETURN CASE WHEN code BETWEEN 1 AND 65535 THEN chr(code) END;
END $$;
CREATE FUNCTION quotename(v text, mark text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN length(v) > 128 THEN NULL
    WHEN mark IN ('[', ']') THEN '[' || replace(v, ']', ']]') || ']'
    WHEN mark = '"' THEN '"' || replace(v, '"', '""') || '"'
    WHEN mark = '''' THEN '''' || replace(v, '''', '''''') || '''' END
$$;
CREATE FUNCTION name_parts(v text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE parts text[] := '{}'; word text := ''; c text; i int := 1; closer text := '';
BEGIN
  WHILE i <= length(v) LOOP
    c := substr(v, i, 1);
    IF closer <> '' THEN
      IF c = closer AND substr(v, i + 1, 1) = closer THEN word := word || c; i := i + 1;
      ELSIF c = closer THEN closer := '';
      ELSE word := word || c; END IF;
    ELSIF c = '[' THEN closer := ']';
    ELSIF c = '"' THEN closer := '"';
    ELSIF c = '.' THEN parts := parts || word; word := '';
    ELSE word := word || c; END IF;
    i := i + 1;
  END LOOP;
  RETURN parts || rtrim(word);
END $$;
CREATE FUNCTION parsename(v text, part int) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT nullif(p[cardinality(p) - part + 1], '') FROM (SELECT sandbox.name_parts(v) AS p) x WHERE cardinality(p) <= 4 AND part BETWEEN 1 AND cardinality(p)
$$;

-- https://www.rfc-editor.org/rfc/rfc3174
CREATE FUNCTION rotated(v int8, n int) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN ((v << n) | (v >> (32 - n))) & 4294967295;
CREATE FUNCTION sha1(v bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  h int8[] := ARRAY[1732584193, 4023233417, 2562383102, 271733878, 3285377520]; w int8[]; a int8; b int8; c int8; d int8; e int8; f int8; t int8;
  padded bytea := v || '\x80'::bytea || decode(repeat('00', (119 - length(v) % 64) % 64), 'hex') || int8send(length(v)::int8 * 8);
BEGIN
  FOR block IN 0..length(padded) / 64 - 1 LOOP
    FOR i IN 0..15 LOOP
      w[i] := ('x' || encode(substr(padded, block * 64 + i * 4 + 1, 4), 'hex'))::bit(32)::int8 & 4294967295;
    END LOOP;
    FOR i IN 16..79 LOOP w[i] := rotated(w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16], 1); END LOOP;
    a := h[1]; b := h[2]; c := h[3]; d := h[4]; e := h[5];
    FOR i IN 0..79 LOOP
      f := CASE WHEN i < 20 THEN ((b & c) | (~b & d & 4294967295)) + 1518500249 WHEN i < 40 THEN (b # c # d) + 1859775393
        WHEN i < 60 THEN ((b & c) | (b & d) | (c & d)) + 2400959708 ELSE (b # c # d) + 3395469782 END;
      t := (rotated(a, 5) + f + e + w[i]) & 4294967295;
      e := d; d := c; c := rotated(b, 30); b := a; a := t;
    END LOOP;
    h := ARRAY[(h[1] + a) & 4294967295, (h[2] + b) & 4294967295, (h[3] + c) & 4294967295, (h[4] + d) & 4294967295, (h[5] + e) & 4294967295];
  END LOOP;
  RETURN decode(lpad(to_hex(h[1]), 8, '0') || lpad(to_hex(h[2]), 8, '0') || lpad(to_hex(h[3]), 8, '0') || lpad(to_hex(h[4]), 8, '0') || lpad(to_hex(h[5]), 8, '0'), 'hex');
END $$;

-- WAITFOR.
CREATE FUNCTION wait_for(seconds float8) RETURNS int LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
  PERFORM pg_sleep(seconds);
  RETURN 1;
END $$;

-- Dates.
CREATE FUNCTION part_ticks(part text) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE part WHEN 'microsecond' THEN 10 WHEN 'millisecond' THEN 10000 WHEN 'second' THEN 10000000 WHEN 'minute' THEN 600000000
    WHEN 'hour' THEN 36000000000 WHEN 'week' THEN 6048000000000 WHEN 'day' THEN 864000000000 WHEN 'dayofyear' THEN 864000000000
    WHEN 'weekday' THEN 864000000000 END::int8
$$;
CREATE FUNCTION date_add(part text, n int8, v stamp, kind text) RETURNS stamp LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE unit int8 := part_ticks(part); months int8 := n * CASE part WHEN 'year' THEN 12 WHEN 'quarter' THEN 3 WHEN 'month' THEN 1 END; r numeric;
BEGIN
  IF abs(n) > 2147483647 THEN RETURN fail(8115, 'Arithmetic overflow error converting expression to data type int.', NULL::stamp); END IF;
  IF kind IN ('datetime', 'smalldatetime') AND part IN ('microsecond', 'nanosecond') OR (unit IS NULL AND months IS NULL AND part <> 'nanosecond') THEN
    RETURN fail(9810, format('The datepart %s is not supported by date function dateadd for data type %s.', part, kind), NULL::stamp);
  END IF;
  IF abs(months) < 120000 THEN
    r := (day_of(v) + make_interval(months => months::int))::date - date '0001-01-01';
    r := r * 864000000000 + clock_of(v)::int8;
  ELSIF part = 'nanosecond' THEN r := v::int8 + round(n / 100.0);
  ELSE r := v::int8 + n::numeric * unit; END IF;
  IF r >= 0 AND r < 3155378976000000000 THEN RETURN r::int8::stamp; END IF;
  RETURN fail(517, format('Adding a value to a ''%s'' column caused an overflow.', kind), NULL::stamp);
END $$;
-- Of a datetimeoffset the instants in UTC, which may lie a day before the year 1: counted from there.
CREATE FUNCTION date_diff_big(part text, a stamp, b stamp) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE unit int8 := CASE WHEN part <> 'week' THEN part_ticks(part) END; first int8 := a + 864000000000; last int8 := b + 864000000000; n numeric;
BEGIN
  IF unit IS NOT NULL THEN RETURN last / unit - first / unit; END IF;
  n := CASE part
    WHEN 'year' THEN extract(year FROM day_of(b)) - extract(year FROM day_of(a))
    WHEN 'quarter' THEN (extract(year FROM day_of(b)) - extract(year FROM day_of(a))) * 4 + extract(quarter FROM day_of(b)) - extract(quarter FROM day_of(a))
    WHEN 'month' THEN (extract(year FROM day_of(b)) - extract(year FROM day_of(a))) * 12 + extract(month FROM day_of(b)) - extract(month FROM day_of(a))
    WHEN 'week' THEN last / 864000000000 / 7 - first / 864000000000 / 7  -- the day before 0001-01-01 is a Sunday
    WHEN 'nanosecond' THEN (b::int8 - a::int8)::numeric * 100
    ELSE sandbox.fail(9806, format('The datepart %s is not supported by date function datediff.', part), NULL::int8) END;
  IF n BETWEEN -9223372036854775808 AND 9223372036854775807 THEN RETURN n; END IF;
  RETURN fail(535, 'The datediff_big function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff_big with a less precise datepart.', NULL::int8);
END $$;
-- Not STRICT, so that it is inlined; NULL is neither beyond. The message hangs on n, or the planner would call `fail` by itself.
CREATE FUNCTION date_diff_int(n int8) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN n > 2147483647 OR n < -2147483647 THEN sandbox.fail(535, 'The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.' || left(n::text, 0), NULL::int) ELSE n::int END;
CREATE FUNCTION date_diff(part text, a stamp, b stamp) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF part = 'nanosecond' AND abs(b::int8 - a::int8) > 2147483647 THEN RETURN date_diff_int(9223372036854775807); END IF;
  RETURN date_diff_int(date_diff_big(part, a, b));
END $$;
CREATE FUNCTION date_part(part text, s stamp) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE v timestamp := timestamp_of(s);
BEGIN
  RETURN CASE part
    WHEN 'dayofyear' THEN extract(doy FROM v) WHEN 'iso_week' THEN extract(week FROM v)
    WHEN 'weekday' THEN extract(dow FROM v) + 1
    WHEN 'week' THEN (extract(doy FROM v)::int + extract(dow FROM date_trunc('year', v))::int - 1) / 7 + 1
    WHEN 'second' THEN floor(extract(second FROM v))
    WHEN 'millisecond' THEN s % 10000000 / 10000
    WHEN 'microsecond' THEN s % 10000000 / 10
    WHEN 'nanosecond' THEN s % 10000000 * 100
    ELSE pg_catalog.date_part(part, v)::numeric END::int;
END $$;
CREATE FUNCTION date_from_parts(y int, m int, d int) RETURNS date LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF y NOT BETWEEN 1 AND 9999 OR m NOT BETWEEN 1 AND 12 OR d < 1 OR d > extract(day FROM make_date(y, m, 1) + interval '1 month' - interval '1 day') THEN
    RETURN fail(289, 'Cannot construct data type date, some of the arguments have values which are not valid.', NULL::date);
  END IF;
  RETURN make_date(y, m, d);
END $$;
CREATE FUNCTION stamp_from_parts(y int, m int, d int, h int, mi int, s int, fraction int, scale int) RETURNS stamp LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF h NOT BETWEEN 0 AND 23 OR mi NOT BETWEEN 0 AND 59 OR s NOT BETWEEN 0 AND 59 OR fraction NOT BETWEEN 0 AND power(10::numeric, scale) - 1 THEN
    RETURN fail(289, 'Cannot construct data type datetime2, some of the arguments have values which are not valid.', NULL::stamp);
  END IF;
  RETURN (stamp_of(date_from_parts(y, m, d)) + ((h * 60 + mi) * 60 + s) * 10000000::int8 + fraction * power(10::numeric, 7 - scale)::int8)::stamp;
END $$;
CREATE FUNCTION offset_minutes(v text) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE m text[] := regexp_match(v, '^([+-])(\d{2}):(\d{2})$');
BEGIN
  IF m IS NULL THEN RETURN fail(9812, 'The timezone provided to builtin function is invalid.', NULL::int); END IF;
  RETURN (m[2]::int * 60 + m[3]::int) * CASE m[1] WHEN '-' THEN -1 ELSE 1 END;
END $$;

-- Aggregates.
CREATE FUNCTION int_sum_fit(v numeric, target text) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF target = 'int' AND v BETWEEN -2147483648 AND 2147483647 OR target = 'bigint' AND v BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
    RETURN v::int8;
  END IF;
  RETURN fail(8115, format('Arithmetic overflow error converting expression to data type %s.', target), NULL::int8);
END $$;
CREATE FUNCTION xor_step(int, int) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN $1 # $2;
CREATE AGGREGATE checksum_agg(int) (SFUNC = xor_step, STYPE = int);

-- What the catalog knows.
CREATE FUNCTION find_object(v text, database text, session int) RETURNS int LANGUAGE sql STABLE STRICT AS $$
  WITH named AS MATERIALIZED (
    SELECT rtrim(p[n])::citext AS name, rtrim(nullif(p[n - 1], ''))::citext AS schema, CASE WHEN p[n] LIKE '#%' THEN 'tempdb' ELSE coalesce(nullif(p[n - 2], ''), database) END AS database
    FROM (SELECT p, cardinality(p) AS n FROM (SELECT sandbox.name_parts(v) AS p) y) x WHERE n <= 3),
  wanted AS MATERIALIZED (SELECT w.name, w.database::citext AS database, coalesce(w.schema, sandbox.default_schema(w.database)) AS schema, w.schema IS NULL AS bare FROM named w)
  SELECT f.object_id FROM (
    SELECT o.object_id FROM wanted w
    JOIN sandbox.objects o ON rtrim(o.name::text)::citext = w.name
    JOIN sandbox.schemas s ON s.schema_id = o.schema_id AND (rtrim(s.name::text)::citext = w.schema OR w.bare AND s.name = 'dbo')
    JOIN sandbox.databases d ON d.database_id = s.database_id AND d.name = w.database
    WHERE o.session IN (0, find_object.session)
    ORDER BY rtrim(s.name::text)::citext = w.schema DESC LIMIT 1) f
  WHERE sandbox.sees(f.object_id)
$$;
CREATE FUNCTION object_id(v text, kind text, database text, session int) RETURNS int LANGUAGE sql STABLE AS $$
  WITH f AS MATERIALIZED (SELECT sandbox.find_object(v, database, session) AS id)
  SELECT o.object_id FROM f JOIN sandbox.objects o ON o.object_id = f.id WHERE kind IS NULL OR o.type = upper(kind)::citext
$$;
CREATE FUNCTION object_name(id int) RETURNS citext LANGUAGE sql STABLE STRICT AS $$ SELECT name FROM sandbox.objects WHERE object_id = id AND sandbox.sees(id) $$;
CREATE FUNCTION schema_name(id int) RETURNS citext LANGUAGE sql STABLE STRICT AS $$
  SELECT CASE id WHEN 1 THEN 'dbo' WHEN 3 THEN 'INFORMATION_SCHEMA' WHEN 4 THEN 'sys' ELSE (SELECT name FROM sandbox.schemas WHERE schema_id = id) END::citext
$$;
CREATE FUNCTION schema_number(id int) RETURNS int LANGUAGE sql STABLE STRICT AS $$ SELECT CASE WHEN name = 'dbo' THEN 1 ELSE id END FROM sandbox.schemas WHERE schema_id = id $$;
CREATE FUNCTION schema_id(v text, database text) RETURNS int LANGUAGE sql STABLE STRICT AS $$
  SELECT CASE WHEN lower(v) = 'dbo' THEN 1 WHEN lower(v) = 'sys' THEN 4 WHEN lower(v) = 'information_schema' THEN 3
    ELSE (SELECT s.schema_id FROM sandbox.schemas s JOIN sandbox.databases d USING (database_id) WHERE s.name = v::citext AND d.name = database::citext) END
$$;
CREATE FUNCTION database_id(v text) RETURNS int2 LANGUAGE sql STABLE STRICT AS $$ SELECT database_id::int2 FROM sandbox.databases WHERE name = v::citext $$;
CREATE FUNCTION database_name(id int) RETURNS citext LANGUAGE sql STABLE STRICT AS $$ SELECT name FROM sandbox.databases WHERE database_id = id $$;

-- sys.columns.max_length
CREATE FUNCTION max_length(type_name text, length int, digits int, scale int) RETURNS int2 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN type_name IN ('nchar', 'nvarchar') THEN coalesce(length * 2, -1)
    WHEN type_name IN ('char', 'varchar', 'binary', 'varbinary') THEN coalesce(length, -1)
    WHEN type_name IN ('bit', 'tinyint') THEN 1 WHEN type_name = 'smallint' THEN 2 WHEN type_name IN ('int', 'real', 'smallmoney', 'smalldatetime') THEN 4
    WHEN type_name IN ('bigint', 'float', 'money', 'datetime', 'rowversion') THEN 8 WHEN type_name = 'date' THEN 3
    WHEN type_name = 'decimal' THEN CASE WHEN digits <= 9 THEN 5 WHEN digits <= 19 THEN 9 WHEN digits <= 28 THEN 13 ELSE 17 END
    WHEN type_name = 'time' THEN CASE WHEN scale <= 2 THEN 3 WHEN scale <= 4 THEN 4 ELSE 5 END
    WHEN type_name = 'datetime2' THEN CASE WHEN scale <= 2 THEN 6 WHEN scale <= 4 THEN 7 ELSE 8 END
    WHEN type_name = 'datetimeoffset' THEN CASE WHEN scale <= 2 THEN 8 WHEN scale <= 4 THEN 9 ELSE 10 END
    WHEN type_name IN ('uniqueidentifier', 'text', 'ntext', 'image') THEN 16 WHEN type_name = 'xml' THEN -1 END::int2
$$;
-- sys.columns.precision and scale
CREATE FUNCTION shown_precision(type_name text, digits int, scale int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE type_name WHEN 'bit' THEN 1 WHEN 'tinyint' THEN 3 WHEN 'smallint' THEN 5 WHEN 'int' THEN 10 WHEN 'bigint' THEN 19
    WHEN 'real' THEN 24 WHEN 'float' THEN 53 WHEN 'money' THEN 19 WHEN 'smallmoney' THEN 10 WHEN 'decimal' THEN digits
    WHEN 'date' THEN 10 WHEN 'smalldatetime' THEN 16 WHEN 'datetime' THEN 23
    WHEN 'time' THEN CASE scale WHEN 0 THEN 8 ELSE 9 + scale END
    WHEN 'datetime2' THEN CASE scale WHEN 0 THEN 19 ELSE 20 + scale END
    WHEN 'datetimeoffset' THEN CASE scale WHEN 0 THEN 26 ELSE 27 + scale END ELSE 0 END
$$;
CREATE FUNCTION shown_scale(type_name text, scale int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN type_name IN ('decimal', 'time', 'datetime2', 'datetimeoffset') THEN scale WHEN type_name IN ('money', 'smallmoney') THEN 4
    WHEN type_name = 'datetime' THEN 3 ELSE 0 END
$$;
CREATE FUNCTION sequence_value(name text) RETURNS numeric LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE n numeric;
BEGIN
  EXECUTE 'SELECT last_value FROM ' || name INTO n;
  RETURN n;
END $$;
CREATE FUNCTION identity_value(name text) RETURNS numeric LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE n numeric; used bool;
BEGIN
  EXECUTE 'SELECT last_value, is_called FROM ' || name INTO n, used;
  RETURN CASE WHEN used THEN n ELSE -9223372036854775807 END;
END $$;
CREATE FUNCTION count_rows(id int) RETURNS int8 LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE n int8; place text;
BEGIN
  SELECT format('%I.%I', s.physical, o.physical) INTO place FROM sandbox.objects o JOIN sandbox.schemas s USING (schema_id) WHERE o.object_id = id AND o.type = 'U';
  IF place IS NULL THEN RETURN 0; END IF;
  EXECUTE 'SELECT count(*) FROM ' || place INTO n;
  RETURN n;
END $$;
