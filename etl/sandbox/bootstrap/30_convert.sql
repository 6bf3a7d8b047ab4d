-- Conversions as SQL Server makes them. `strict` false is TRY_CAST: NULL instead of an error. `source` is the name of the
-- type converted from, for the message.

-- Not STRICT, so that it is inlined.
CREATE FUNCTION utf16_length(v text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN length(v) + CASE WHEN octet_length(v) - length(v) >= 3 AND v ~ '[\U00010000-\U0010ffff]' THEN length(regexp_replace(v, '[\u0001-\uffff]', '', 'g')) ELSE 0 END;

CREATE FUNCTION int_from_number(v numeric, target text, strict bool, source text) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE low numeric; high numeric;
BEGIN
  v := CASE WHEN source IN ('money', 'smallmoney') THEN round(v) ELSE trunc(v) END;
  SELECT l, h INTO low, high FROM (VALUES ('tinyint', 0, 255), ('smallint', -32768, 32767), ('int', -2147483648, 2147483647),
    ('bigint', -9223372036854775808, 9223372036854775807)) r (t, l, h) WHERE t = target;
  IF v BETWEEN low AND high THEN RETURN v::int8; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  IF target IN ('tinyint', 'smallint') AND source IN ('tinyint', 'smallint', 'int') THEN
    RETURN fail(220, format('Arithmetic overflow error for data type %s, value = %s.', target, v), NULL::int8);
  END IF;
  RETURN fail(8115, format('Arithmetic overflow error converting %s to data type %s.',
    CASE source WHEN 'decimal' THEN 'numeric' WHEN 'bigint' THEN 'expression' ELSE source END, target), NULL::int8);
END $$;

-- Without a way over numeric, which keeps 15 digits of a float8 and 6 of a float4.
CREATE FUNCTION int_from_float(v float8, target text, strict bool, source text) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE whole float8 := trunc(v); low int8; high int8;
BEGIN
  IF whole >= -9223372036854775808 AND whole < 9223372036854775808 THEN
    SELECT l, h INTO low, high FROM (VALUES ('tinyint', 0, 255), ('smallint', -32768, 32767), ('int', -2147483648, 2147483647),
      ('bigint', '-9223372036854775808'::int8, 9223372036854775807)) r (t, l, h) WHERE t = target;
    IF whole::int8 BETWEEN low AND high THEN RETURN whole::int8; END IF;
  END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  IF target = 'bigint' THEN RETURN fail(8115, format('Arithmetic overflow error converting %s to data type bigint.', source), NULL::int8); END IF;
  RETURN fail(232, format('Arithmetic overflow error for type %s, value = %s.', target, round(exact(v), 6)), NULL::int8);
END $$;

CREATE FUNCTION int_from_text(v text, target text, strict bool, source text) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE n numeric; word text := btrim(v, E' \t\r\n');
BEGIN
  IF word = '' THEN RETURN 0; END IF;
  IF word ~ '^[+-]?\s*[0-9]+$' THEN
    n := replace(word, ' ', '')::numeric;
    IF n BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
      IF target = 'bigint' OR (target = 'int' AND n BETWEEN -2147483648 AND 2147483647)
        OR (target = 'smallint' AND n BETWEEN -32768 AND 32767) OR (target = 'tinyint' AND n BETWEEN 0 AND 255) THEN
        RETURN n::int8;
      END IF;
    END IF;
    IF NOT strict THEN RETURN NULL; END IF;
    IF target = 'int' THEN
      RETURN fail(248, format('The conversion of the %s value ''%s'' overflowed an int column.', source, v), NULL::int8);
    ELSIF target IN ('smallint', 'tinyint') THEN
      RETURN fail(244, format('The conversion of the %s value ''%s'' overflowed an %s column. Use a larger integer column.', source, v,
        CASE target WHEN 'tinyint' THEN 'INT1' ELSE 'INT2' END), NULL::int8);
    END IF;
  END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  IF target = 'bigint' THEN RETURN fail(8114, format('Error converting data type %s to bigint.', source), NULL::int8); END IF;
  RETURN fail(245, format('Conversion failed when converting the %s value ''%s'' to data type %s.', source, v, target), NULL::int8);
END $$;

CREATE FUNCTION bit_from_text(v text, strict bool, source text) RETURNS bool LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE word text := lower(btrim(v));
BEGIN
  IF word = 'true' THEN RETURN true; END IF;
  IF word IN ('false', '') THEN RETURN false; END IF;
  IF word ~ '^[+-]?[0-9]+$' THEN RETURN word::numeric <> 0; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  RETURN fail(245, format('Conversion failed when converting the %s value ''%s'' to data type bit.', source, v), NULL::bool);
END $$;

CREATE FUNCTION decimal_fit(v numeric, digits int, scale int, strict bool, source text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE fitted numeric := round(v, scale);
BEGIN
  IF abs(fitted) < power(10::numeric, digits - scale) THEN RETURN fitted; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  RETURN fail(8115, format('Arithmetic overflow error converting %s to data type numeric.', source), NULL::numeric);
END $$;

CREATE FUNCTION decimal_from_text(v text, digits int, scale int, strict bool, source text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE word text := btrim(v);
BEGIN
  IF word ~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$' THEN RETURN decimal_fit(word::numeric, digits, scale, strict, source); END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  RETURN fail(8114, format('Error converting data type %s to numeric.', source), NULL::numeric);
END $$;

CREATE FUNCTION money_fit(v numeric, target text, strict bool, source text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE fitted numeric := round(v, 4);
BEGIN
  IF target = 'money' AND fitted BETWEEN -922337203685477.5808 AND 922337203685477.5807
    OR target = 'smallmoney' AND fitted BETWEEN -214748.3648 AND 214748.3647 THEN RETURN fitted; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  RETURN fail(8115, format('Arithmetic overflow error converting %s to data type %s.', source, target), NULL::numeric);
END $$;

CREATE FUNCTION money_from_text(v text, target text, strict bool, source text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE word text := replace(replace(btrim(v), ',', ''), '$', ''); fitted numeric;
BEGIN
  IF word = '' THEN RETURN 0::numeric(19, 4); END IF;
  IF word !~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$' THEN
    RETURN CASE WHEN NOT strict THEN NULL
      WHEN target = 'money' THEN fail(235, 'Cannot convert a char value to money. The char value has incorrect syntax.', NULL::numeric)
      ELSE fail(293, 'Cannot convert char value to smallmoney. The char value has incorrect syntax.', NULL::numeric) END;
  END IF;
  fitted := money_fit(word::numeric, target, false, source);
  IF fitted IS NOT NULL OR NOT strict THEN RETURN fitted; END IF;
  RETURN CASE target WHEN 'money' THEN fail(236, 'The conversion from char data type to money resulted in a money overflow error.', NULL::numeric)
    ELSE fail(294, 'The conversion from char data type to smallmoney data type resulted in a smallmoney overflow error.', NULL::numeric) END;
END $$;

CREATE FUNCTION float_from_text(v text, target text, strict bool, source text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE word text := btrim(v);
BEGIN
  IF word = '' THEN RETURN 0; END IF;
  IF word ~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?$' THEN RETURN translate(word, 'dD', 'ee')::float8; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  RETURN fail(8114, format('Error converting data type %s to %s.', source, target), NULL::float8);
END $$;

-- The nearest real: 0 below half of the smallest one.
CREATE FUNCTION real_fit(v float8, strict bool) RETURNS float4 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(v) <= 7.0064923216240854e-46 THEN RETURN 0; END IF;
  IF abs(v) < 3.4028235677973366e38 THEN RETURN v::float4; END IF;
  RETURN CASE WHEN strict THEN fail(8115, 'Arithmetic overflow error converting expression to data type real.', NULL::float4) END;
END $$;

-- The bodies name the schema: PostgreSQL makes indexes without a search path.
-- Dates and times. A text is taken apart into day, ticks of the day and offset.
CREATE TYPE moment AS (day date, ticks int8, minutes int, has_day bool, bad bool);
CREATE FUNCTION clock_ticks(v text) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE m text[]; h int;
BEGIN
  m := regexp_match(v, '^(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[.:](\d{1,9}))?)?)?\s*([aApP][mM])?$');
  IF m IS NULL OR (m[2] IS NULL AND m[5] IS NULL) THEN RETURN NULL; END IF;
  h := m[1]::int;
  IF m[5] IS NOT NULL THEN
    IF h NOT BETWEEN 1 AND 12 THEN RETURN NULL; END IF;
    h := h % 12 + CASE WHEN lower(m[5]) = 'pm' THEN 12 ELSE 0 END;
  END IF;
  IF h > 23 OR coalesce(m[2], '0')::int > 59 OR coalesce(m[3], '0')::int > 59 OR length(coalesce(m[4], '')) > 7 THEN RETURN NULL; END IF;
  RETURN ((h * 60 + coalesce(m[2], '0')::int) * 60 + coalesce(m[3], '0')::int) * 10000000::int8 + rpad(coalesce(m[4], ''), 7, '0')::int8;
END $$;

CREATE FUNCTION moment_from_text(v text) RETURNS moment LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE r sandbox.moment := (date '1900-01-01', 0, 0, false, false)::sandbox.moment; rest text := btrim(v); m text[]; y int; mo int; d int;
BEGIN
  m := regexp_match(rest, '^(\d{4})-(\d{1,2})-(\d{1,2})(.*)$');
  IF m IS NULL THEN m := regexp_match(rest, '^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)$'); END IF;
  IF m IS NULL THEN m := regexp_match(rest, '^(\d{4})(\d{2})(\d{2})((?:[ T].*)?)$'); END IF;
  IF m IS NOT NULL THEN y := m[1]::int; mo := m[2]::int; d := m[3]::int; rest := m[4]; END IF;
  IF m IS NULL THEN
    m := regexp_match(rest, '^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(.*)$');
    IF m IS NOT NULL THEN y := m[3]::int; mo := m[1]::int; d := m[2]::int; rest := m[4]; END IF;
  END IF;
  IF m IS NULL THEN
    m := regexp_match(rest, '^([A-Za-z]{3})[a-z]*\s+(\d{1,2}),?\s+(\d{4})(.*)$');
    IF m IS NOT NULL THEN y := m[3]::int; mo := (strpos('janfebmaraprmayjunjulaugsepoctnovdec', lower(m[1])) + 2) / 3; d := m[2]::int; rest := m[4]; END IF;
  END IF;
  IF m IS NOT NULL THEN
    r.has_day := true;
    IF y < 1 OR mo NOT BETWEEN 1 AND 12 OR d NOT BETWEEN 1 AND extract(day FROM make_date(y, mo, 1) + interval '1 month' - interval '1 day') THEN r.bad := true; RETURN r; END IF;
    r.day := make_date(y, mo, d);
    IF rest = '' THEN RETURN r; END IF;
    IF rest !~ '^[ T]' THEN r.bad := true; RETURN r; END IF;
    rest := btrim(substr(rest, 2));
  END IF;
  m := regexp_match(rest, '^(.*?)\s*([+-])(\d{2}):(\d{2})$');
  IF m IS NOT NULL THEN
    r.minutes := (m[3]::int * 60 + m[4]::int) * CASE m[2] WHEN '-' THEN -1 ELSE 1 END; rest := m[1];
    IF abs(r.minutes) > 840 OR m[4]::int > 59 THEN r.bad := true; END IF;
  ELSIF rest ~ '[zZ]$' THEN rest := btrim(left(rest, -1));
  END IF;
  IF rest <> '' THEN r.ticks := sandbox.clock_ticks(rest); ELSIF NOT r.has_day AND btrim(v) <> '' THEN r.bad := true; END IF;
  IF r.ticks IS NULL THEN r.bad := true; r.ticks := 0; END IF;
  RETURN r;
END $$;

-- Rounded to a unit of ticks, half of one going up. A time does not go on to the next day.
CREATE FUNCTION clock_round(v clock, unit int8) RETURNS clock LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ((v::int8 + unit / 2) / unit * unit % 864000000000)::clock;
CREATE FUNCTION stamp_round(v stamp, unit int8, target text, strict bool) RETURNS stamp LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE rounded int8 := (v + unit / 2) / unit * unit;
BEGIN
  IF rounded < 3155378976000000000 THEN RETURN rounded::sandbox.stamp; END IF;
  RETURN CASE WHEN strict THEN sandbox.fail(8115, format('Arithmetic overflow error converting expression to data type %s.', target), NULL::sandbox.stamp) END;
END $$;
-- Whether a text is written as everybody writes times, and is one: year-month-day, hours to 23, up to seven digits of a second.
CREATE FUNCTION is_iso_stamp(v text) RETURNS bool LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN v ~ '^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,7})?$' AND v >= '0001' AND substr(v, 12, 2) < '24' AND substr(v, 18, 2) < '60'
    AND pg_input_is_valid(left(v, 26), 'timestamp');
END $$;
-- The value of such a text: PostgreSQL reads six digits.
CREATE FUNCTION iso_stamp(v text) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (stamp_of(left(v, 26)::timestamp) + ('0' || substr(v, 27))::int8)::stamp;
CREATE FUNCTION out_of_range(target text, source text) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT sandbox.fail(242, format('The conversion of a %s data type to a %s data type resulted in an out-of-range value.', source, target), NULL::sandbox.stamp)
$$;
-- datetime counts 1/300 s; a value is held as SQL Server shows it, ending in 0, 3 or 7 milliseconds.
CREATE FUNCTION datetime_fit(v stamp, target text, strict bool, source text) RETURNS stamp LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE day int8 := v - v % 864000000000; count int8 := ((v - day) * 3 + 50000) / 100000; fitted int8;
BEGIN
  IF target = 'smalldatetime' THEN
    -- By 1/300 s first, as datetime: 29.998 seconds go down, 29.999 go up.
    fitted := day + (count + 9000) / 18000 * 600000000;
    IF fitted < sandbox.stamp_of(date '1900-01-01') OR fitted >= sandbox.stamp_of(date '2079-06-07') THEN
      RETURN CASE WHEN strict THEN sandbox.out_of_range(target, source) END;
    END IF;
    RETURN fitted::sandbox.stamp;
  END IF;
  fitted := day + (count * 10 + 1) / 3 * 10000;
  IF fitted < sandbox.stamp_of(date '1753-01-01') OR fitted >= 3155378976000000000 THEN RETURN CASE WHEN strict THEN sandbox.out_of_range(target, source) END; END IF;
  RETURN fitted::sandbox.stamp;
END $$;
-- A datetime's own thirds of a millisecond, with which it goes into other types and is counted.
CREATE FUNCTION datetime_exact(v stamp) RETURNS stamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (v::int8 + (CASE v::int8 / 10000 % 10 WHEN 3 THEN 3333 WHEN 7 THEN -3333 ELSE 0 END))::stamp;

CREATE FUNCTION bad_moment(strict bool, target text DEFAULT '') RETURNS void LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF strict AND target = 'smalldatetime' THEN
    PERFORM sandbox.fail(295, 'Conversion failed when converting character string to smalldatetime data type.', NULL::int);
  END IF;
  IF strict THEN PERFORM sandbox.fail(241, 'Conversion failed when converting date and/or time from character string.', NULL::int); END IF;
END $$;
CREATE FUNCTION date_from_text(v text, strict bool) RETURNS date LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE r sandbox.moment;
BEGIN
  IF v ~ '^\d{4}-\d\d-\d\d$' AND v >= '0001' AND pg_input_is_valid(v, 'date') THEN RETURN v::date; END IF;
  r := sandbox.moment_from_text(v);
  IF r.bad THEN PERFORM sandbox.bad_moment(strict); RETURN NULL; END IF;
  RETURN r.day;
END $$;
CREATE FUNCTION time_from_text(v text, unit int8, strict bool) RETURNS clock LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE r sandbox.moment := sandbox.moment_from_text(v);
BEGIN
  IF r.bad THEN PERFORM sandbox.bad_moment(strict); RETURN NULL; END IF;
  RETURN sandbox.clock_round(r.ticks::sandbox.clock, unit);
END $$;
CREATE FUNCTION stamp_of(r moment) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (stamp_of(r.day) + r.ticks)::stamp;
-- `unit` is datetime2's.
CREATE FUNCTION stamp_from_text(v text, target text, unit int8, strict bool, source text) RETURNS stamp LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE r sandbox.moment;
BEGIN
  IF sandbox.is_iso_stamp(v) THEN
    IF target = 'datetime2' THEN RETURN sandbox.stamp_round(sandbox.iso_stamp(v), unit, target, strict); END IF;
    IF length(v) <= 23 THEN RETURN sandbox.datetime_fit(sandbox.iso_stamp(v), target, strict, source); END IF;
  END IF;
  r := sandbox.moment_from_text(v);
  IF r.bad THEN
    IF strict AND r.has_day AND target <> 'datetime2' AND v ~ '^\s*\d{4}-\d{1,2}-\d{1,2}([ T]|\s*$)' AND NOT v ~ '\.\d{4,}' THEN RETURN sandbox.out_of_range(target, source); END IF;
    PERFORM sandbox.bad_moment(strict, target); RETURN NULL;
  END IF;
  IF target = 'datetime2' THEN RETURN sandbox.stamp_round(sandbox.stamp_of(r), unit, target, strict); END IF;
  IF v ~ '\.\d{4,}' THEN PERFORM sandbox.bad_moment(strict, target); RETURN NULL; END IF;  -- datetime reads three digits at most
  RETURN sandbox.datetime_fit(sandbox.stamp_of(r), target, strict, source);
END $$;
CREATE FUNCTION dto_from_text(v text, unit int8, strict bool) RETURNS dto LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE r sandbox.moment := sandbox.moment_from_text(v);
BEGIN
  IF r.bad THEN PERFORM sandbox.bad_moment(strict); RETURN NULL; END IF;
  RETURN sandbox.dto_make(sandbox.stamp_round(sandbox.stamp_of(r), unit, 'datetimeoffset', strict), r.minutes);
END $$;
CREATE FUNCTION dto_local(v dto) RETURNS stamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (v.utc + v.minutes::int8 * 600000000)::stamp;
CREATE FUNCTION dto_make(v stamp, minutes int) RETURNS dto LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ROW(v::int8 - minutes::int8 * 600000000, minutes)::dto;
CREATE FUNCTION dto_round(v dto, unit int8, strict bool) RETURNS dto LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN dto_make(stamp_round(dto_local(v), unit, 'datetimeoffset', strict), v.minutes);

-- Days since 1900-01-01, as numbers stand for a datetime.
CREATE FUNCTION stamp_from_days(v numeric, target text, strict bool, source text) RETURNS stamp LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(v) < 3000000 THEN RETURN sandbox.datetime_fit((599266080000000000 + round(v * 864000000000))::int8::sandbox.stamp, target, strict, source); END IF;
  RETURN CASE WHEN strict THEN sandbox.out_of_range(target, source) END;
END $$;
CREATE FUNCTION days_of(v stamp) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN v::int8 / 864000000000 - 693595 + ((v::int8 % 864000000000 * 3 + 50000) / 100000)::numeric / 25920000;

-- To text.
CREATE FUNCTION fraction_text(v stamp, scale int) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN scale = 0 THEN '' ELSE '.' || left(lpad((v % 10000000)::text, 7, '0'), scale) END
$$;
CREATE FUNCTION clock12(v timestamp) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT lpad(ltrim(to_char(v, 'HH12'), '0'), 2) || to_char(v, ':MIAM')
$$;
CREATE FUNCTION stamp_to_text(s stamp, type text, scale int, style int) RETURNS citext LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE v timestamp := timestamp_of(s); day text := to_char(v, 'YYYY-MM-DD'); clock text := to_char(v, 'HH24:MI:SS'); fraction text := fraction_text(s, scale);
BEGIN
  IF type = 'date' THEN clock := NULL; END IF;
  IF type = 'time' THEN day := NULL; END IF;
  IF style IN (13, 14, 113, 114) AND scale > 3 THEN RETURN refuse('CONVERT style ' || style || ' of ' || type || '(' || scale || ')', NULL::text); END IF;
  IF type = 'smalldatetime' AND style IN (126, 127) THEN fraction := ''; END IF;
  RETURN CASE
    WHEN style IN (20, 120) THEN concat_ws(' ', day, clock)
    WHEN style IN (21, 121, 25) THEN concat_ws(' ', day, CASE type WHEN 'smalldatetime' THEN clock || '.000' ELSE clock || fraction END)
    -- ISO 8601: datetime leaves out a fraction of zero, datetime2 shows all its digits.
    WHEN style IN (126, 127) THEN concat_ws('T', day, clock || CASE WHEN type = 'datetime' AND fraction = '.000' THEN '' ELSE fraction END)
    WHEN style = 23 THEN day
    WHEN style = 112 THEN to_char(v, 'YYYYMMDD')
    WHEN style = 12 THEN to_char(v, 'YYMMDD')
    WHEN style = 101 THEN to_char(v, 'MM/DD/YYYY')
    WHEN style = 1 THEN to_char(v, 'MM/DD/YY')
    WHEN style = 102 THEN to_char(v, 'YYYY.MM.DD')
    WHEN style = 103 THEN to_char(v, 'DD/MM/YYYY')
    WHEN style = 104 THEN to_char(v, 'DD.MM.YYYY')
    WHEN style = 105 THEN to_char(v, 'DD-MM-YYYY')
    WHEN style = 106 THEN to_char(v, 'DD Mon YYYY')
    WHEN style = 107 THEN to_char(v, 'Mon DD, YYYY')
    WHEN style = 110 THEN to_char(v, 'MM-DD-YYYY')
    WHEN style = 111 THEN to_char(v, 'YYYY/MM/DD')
    WHEN style IN (8, 24, 108) THEN clock
    WHEN style IN (14, 114) THEN to_char(v, 'HH24:MI:SS:MS')
    WHEN style IN (0, 100) THEN concat_ws(' ', CASE WHEN day IS NOT NULL THEN to_char(v, 'Mon ') || lpad(ltrim(to_char(v, 'DD'), '0'), 2) || to_char(v, ' YYYY') END,
      CASE WHEN clock IS NOT NULL THEN clock12(v) END)
    WHEN style = 113 THEN to_char(v, 'DD Mon YYYY HH24:MI:SS:MS')
    ELSE refuse('CONVERT style ' || style || ' of ' || type, NULL::text)
  END::citext;
END $$;
CREATE FUNCTION dto_to_text(v dto, scale int, style int) RETURNS citext LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN style = 127 THEN sandbox.stamp_to_text(v.utc::sandbox.stamp, 'datetimeoffset', scale, 126) || 'Z'
    ELSE sandbox.stamp_to_text(sandbox.dto_local(v), 'datetimeoffset', scale, style)
      || CASE style WHEN 126 THEN '' ELSE ' ' END || CASE WHEN v.minutes < 0 THEN '-' ELSE '+' END
      || to_char(abs(v.minutes) / 60, 'FM00') || ':' || to_char(abs(v.minutes) % 60, 'FM00') END::citext
$$;
CREATE FUNCTION float_to_text(v float8, style int) RETURNS citext LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE digits int := CASE style WHEN 0 THEN 6 WHEN 1 THEN 8 WHEN 2 THEN 16 WHEN 3 THEN 17 ELSE NULL END; mantissa text; exponent int; r numeric;
BEGIN
  IF digits IS NULL THEN RETURN refuse('CONVERT style ' || style || ' of float', NULL::citext); END IF;
  IF style = 0 THEN
    IF v = 0 THEN RETURN '0'; END IF;
    exponent := floor(log(abs(v)::numeric));
    r := round(v::numeric, 5 - exponent);
    exponent := floor(log(abs(r)));
    IF exponent BETWEEN -5 AND 5 THEN RETURN trim_scale(r)::text; END IF;
    mantissa := trim_scale(round(r / power(10::numeric, exponent), 5))::text;
  ELSE
    mantissa := to_char(v, '9.' || repeat('9', digits - 1) || 'EEEE');
    RETURN regexp_replace(btrim(mantissa), 'e([+-])(\d\d)$', 'e\10\2');
  END IF;
  RETURN mantissa || 'e' || CASE WHEN exponent < 0 THEN '-' ELSE '+' END || to_char(abs(exponent), 'FM000');
END $$;
CREATE FUNCTION number_text_fit(v text, length int, source text, target text, strict bool) RETURNS citext LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF length < 0 OR char_length(v) <= length THEN RETURN v; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  -- Integers that do not fit become a star in char and varchar, and an error in the n types.
  IF source IN ('tinyint', 'smallint', 'int') AND target IN ('char', 'varchar') THEN RETURN '*'; END IF;
  RETURN fail(8115, format('Arithmetic overflow error converting %s to data type %s.', CASE WHEN source IN ('tinyint', 'smallint', 'int', 'bigint', 'bit') THEN 'expression' WHEN source = 'decimal' THEN 'numeric' ELSE source END, target), NULL::citext);
END $$;
CREATE FUNCTION bytes_to_hex(v bytea, style int) RETURNS citext LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ((CASE style WHEN 1 THEN '0x' ELSE '' END) || upper(encode(v, 'hex')))::citext
$$;
CREATE FUNCTION bytes_from_hex(v text, style int, strict bool) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE digits text := CASE WHEN style = 1 THEN substr(v, 3) ELSE v END;
BEGIN
  IF (style = 1 AND v !~* '^0x') OR digits !~ '^([0-9a-fA-F]{2})*$' THEN
    IF NOT strict THEN RETURN NULL; END IF;
    RETURN fail(8114, 'Error converting data type varchar to varbinary.', NULL::bytea);
  END IF;
  RETURN decode(digits, 'hex');
END $$;
CREATE FUNCTION utf16_bytes(v text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE out bytea := ''; c int; i int;
BEGIN
  FOR i IN 1..length(v) LOOP
    c := ascii(substr(v, i, 1));
    IF c > 65535 THEN
      c := c - 65536;
      out := out || int2_le(55296 + c / 1024) || int2_le(56320 + c % 1024);
    ELSE
      out := out || int2_le(c);
    END IF;
  END LOOP;
  RETURN out;
END $$;
CREATE FUNCTION int2_le(v int) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN set_byte(set_byte('\x0000'::bytea, 0, v % 256), 1, v / 256);
CREATE FUNCTION ansi_bytes(v text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN convert_to(v, 'WIN1252');
EXCEPTION WHEN untranslatable_character THEN
  RETURN convert_to(ansi(v), 'WIN1252');
END $$;
-- A character outside of code page 1252 becomes a question mark in varchar.
CREATE FUNCTION ansi(v text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN CASE WHEN octet_length(v) = length(v) THEN v
  ELSE regexp_replace(regexp_replace(v, '[^\u0001-\uffff]', '??', 'g'), '[^\u0001-\u007f\u00a0-\u00ff\u0081\u008d\u008f\u0090\u009d€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]', '?', 'g') END;

-- What an INSERT or UPDATE stores: as it is, or an error; blanks past the end are cut silently (as ANSI_PADDING has it).
-- `unit` is what the width counts: char, utf16 or utf8.
CREATE FUNCTION text_width(v text, unit text) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE unit WHEN 'utf16' THEN sandbox.utf16_length(v) WHEN 'utf8' THEN octet_length(v) ELSE length(v) END;
CREATE FUNCTION text_fit(v citext, width int, unit text, tbl text, col text) RETURNS citext LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE trimmed text; wide int;
BEGIN
  IF text_width(v, unit) <= width THEN RETURN v; END IF;
  trimmed := rtrim(v::text, ' ');
  wide := text_width(trimmed, unit);
  IF wide <= width THEN RETURN (trimmed || repeat(' ', width - wide))::citext; END IF;
  RETURN fail(2628, format('String or binary data would be truncated in table ''%s'', column ''%s''. Truncated value: ''%s''.', tbl, col, left(v::text, width)), NULL::citext);
END $$;
CREATE FUNCTION bytes_fit(v bytea, width int, tbl text, col text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF length(v) <= width THEN RETURN v; END IF;
  RETURN fail(2628, format('String or binary data would be truncated in table ''%s'', column ''%s''. Truncated value: ''''.', tbl, col), NULL::bytea);
END $$;
CREATE FUNCTION bytes_pad(v bytea, width int) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN length(v) >= width THEN substr(v, 1, width) ELSE v || decode(repeat('00', width - length(v)), 'hex') END;
CREATE FUNCTION left_ansi(v text, width int) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN left(v, width);
CREATE FUNCTION left_utf8(v text, width int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE out text := left(v, width);
BEGIN
  WHILE octet_length(out) > width LOOP out := left(out, least(-1, -(octet_length(out) - width) / 4)); END LOOP;
  RETURN out;
END $$;
-- Blanks up to a width in units of UTF-16 or bytes of UTF-8.
CREATE FUNCTION pad_utf16(v text, width int) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN rpad(v, width - (sandbox.utf16_length(v) - length(v)));
CREATE FUNCTION pad_utf8(v text, width int) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN rpad(v, width - (octet_length(v) - length(v)));
CREATE FUNCTION left_utf16(v text, width int) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE out text := left(v, width);
BEGIN
  IF octet_length(out) = length(out) THEN RETURN out; END IF;
  WHILE utf16_length(out) > width LOOP out := left(out, -1); END LOOP;
  RETURN out;
END $$;
CREATE FUNCTION exact(v float8) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN v::text::numeric;
END $$;
CREATE FUNCTION int_from_bytes(v bytea, width int) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE digits text := right(encode(v, 'hex'), width * 2); n int8;
BEGIN
  IF digits = '' THEN RETURN 0; END IF;
  n := ('x' || lpad(digits, 16, '0'))::bit(64)::int8;
  IF width = 2 AND n >= 32768 THEN n := n - 65536; END IF;
  IF width = 4 AND n >= 2147483648 THEN n := n - 4294967296; END IF;
  RETURN n;
END $$;
CREATE FUNCTION bytes_right(v bytea, width int) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN length(v) >= width THEN substr(v, length(v) - width + 1) ELSE decode(repeat('00', width - length(v)), 'hex') || v END;
CREATE FUNCTION guid_bytes(v uuid) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT decode(substr(h, 25, 8) || substr(h, 21, 4) || substr(h, 17, 4) || substr(h, 13, 4) || substr(h, 1, 12), 'hex') FROM (SELECT replace(v::text, '-', '') h) x
$$;
CREATE FUNCTION guid_from_bytes(v bytea) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (substr(h, 21, 12) || substr(h, 17, 4) || substr(h, 13, 4) || substr(h, 9, 4) || substr(h, 1, 8))::uuid
  FROM (SELECT rpad(left(encode(v, 'hex'), 32), 32, '0') h) x
$$;
CREATE FUNCTION xml_from_text(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF v ~ '<' AND v !~ '>' THEN RETURN fail(9400, 'XML parsing: line 1, character ' || length(v) || ', unexpected end of input', NULL::text); END IF;
  RETURN v;
END $$;
-- What stands between the brackets of a LIKE pattern. A range whose ends are the wrong way round has no members.
CREATE FUNCTION like_set(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE out text := ''; i int := 1; low text; high text; negated bool := left(v, 1) = '^'; special text := '([\[\]\\^-])';
BEGIN
  IF negated THEN v := substr(v, 2); END IF;
  WHILE i <= length(v) LOOP
    low := substr(v, i, 1);
    IF substr(v, i + 1, 1) = '-' AND i + 2 <= length(v) THEN
      high := substr(v, i + 2, 1);
      IF low > high COLLATE "C" THEN low := lower(low); high := lower(high); END IF;
      IF low <= high COLLATE "C" THEN
        out := out || regexp_replace(low, special, '\\\1') || '-' || regexp_replace(high, special, '\\\1');
      END IF;
      i := i + 3;
    ELSE
      out := out || regexp_replace(low, special, '\\\1');
      i := i + 1;
    END IF;
  END LOOP;
  IF out = '' THEN RETURN CASE WHEN negated THEN '(.|\n)' ELSE '(?!)' END; END IF;
  RETURN '[' || CASE WHEN negated THEN '^' ELSE '' END || out || ']';
END $$;
-- A LIKE pattern as a regular expression: %, _, [a-z], [^a-z] and the escape character.
CREATE FUNCTION like_pattern(v text, escape text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE out text := '^'; i int := 1; c text; close int; inside text;
BEGIN
  WHILE i <= length(v) LOOP
    c := substr(v, i, 1);
    IF escape <> '' AND c = escape AND i < length(v) THEN
      i := i + 1; out := out || regexp_replace(substr(v, i, 1), '([^[:alnum:]])', '\\\1');
    ELSIF c = '%' THEN out := out || '(.|\n)*';
    ELSIF c = '_' THEN out := out || '(.|\n)';
    ELSIF c = '[' THEN
      close := strpos(substr(v, i + 2), ']');
      IF close = 0 THEN RETURN '(?!)'; END IF;
      inside := substr(v, i + 1, close);
      out := out || like_set(inside);
      i := i + close + 1;
    ELSIF c ~ '[[:alnum:][:space:]]' OR ascii(c) > 127 THEN out := out || c;
    ELSE out := out || '\' || c;
    END IF;
    i := i + 1;
  END LOOP;
  RETURN '(?s)' || out || '$';
END $$;
-- Bytes taken for text. A text here cannot hold U+0000.
CREATE FUNCTION text_from_ansi(v bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF position('\x00'::bytea IN v) > 0 THEN RETURN refuse('a text with the character U+0000', NULL::text); END IF;
  RETURN translate(convert_from(v, 'LATIN1'), U&'\0080\0082\0083\0084\0085\0086\0087\0088\0089\008a\008b\008c\008e\0091\0092\0093\0094\0095\0096\0097\0098\0099\009a\009b\009c\009e\009f',
    '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ');
END $$;
CREATE FUNCTION text_from_utf16(v bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE out text := ''; unit int; high int := 0; at int := 0;
BEGIN
  WHILE at < length(v) LOOP
    unit := get_byte(v, at) + CASE WHEN at + 1 < length(v) THEN get_byte(v, at + 1) * 256 ELSE 0 END;
    at := at + 2;
    IF high > 0 AND unit BETWEEN 56320 AND 57343 THEN
      out := out || chr(65536 + (high - 55296) * 1024 + unit - 56320); high := 0;
    ELSIF unit BETWEEN 55296 AND 56319 AND high = 0 THEN high := unit;
    ELSIF unit = 0 THEN RETURN refuse('a text with the character U+0000', NULL::text);
    ELSIF unit BETWEEN 55296 AND 57343 OR high > 0 THEN RETURN refuse('a text with half of a surrogate pair', NULL::text);
    ELSE out := out || chr(unit);
    END IF;
  END LOOP;
  IF high > 0 THEN RETURN refuse('a text with half of a surrogate pair', NULL::text); END IF;
  RETURN out;
END $$;
-- Two binaries are equal when they differ by trailing zeros only: this one as long as `width`, or as long as it must be.
CREATE FUNCTION bytes_compared(v bytea, width int) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN length(v) = width THEN v WHEN length(v) < width THEN v || decode(repeat('00', width - length(v)), 'hex')
    WHEN length(rtrim(v, '\x00'::bytea)) <= width THEN substr(v, 1, width) ELSE rtrim(v, '\x00'::bytea) END;
