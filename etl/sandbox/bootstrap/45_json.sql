-- JSON as SQL Server reads it. json, not jsonb: it keeps numbers, blanks and the order of keys as they are written.

CREATE FUNCTION is_json(v text) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN v IS JSON ARRAY OR v IS JSON OBJECT THEN 1 ELSE 0 END;
-- An object or array. SQL Server names the character that it cannot go on from; the engine names the token.
CREATE FUNCTION json_document(v text) RETURNS json LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE why text; token text; place int;
BEGIN
  IF v IS JSON ARRAY OR v IS JSON OBJECT THEN RETURN v::json; END IF;
  IF v IS JSON THEN
    place := length(v) - length(ltrim(v, E' \t\r\n'));
  ELSE
    BEGIN
      PERFORM v::json;
    EXCEPTION WHEN invalid_text_representation THEN
      GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
      token := coalesce((regexp_match(why, 'found "(.+)"\.'))[1], (regexp_match(why, 'Token "(.+)" is invalid'))[1]);
      place := greatest(coalesce(strpos(v, token), 0) - 1, 0);
    END;
  END IF;
  RETURN fail(13609, format('JSON text is not properly formatted. Unexpected character ''%s'' is found at position %s.',
    coalesce(nullif(substr(v, place + 1, 1), ''), '.'), place), NULL::json);
END $$;
-- What a path of OPENJSON leads to: a scalar cannot be opened.
CREATE FUNCTION json_opened(v json, strict bool) RETURNS json LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF json_typeof(v) IN ('object', 'array') THEN RETURN v; END IF;
  IF NOT strict THEN RETURN NULL; END IF;
  IF v IS NULL THEN RETURN fail(13608, 'Property cannot be found on the specified JSON path.', NULL::json); END IF;
  RETURN fail(13611, 'Value referenced by JSON path is not an array or object and cannot be opened with OPENJSON.', NULL::json);
END $$;
CREATE FUNCTION json_rows(v json) RETURNS SETOF json LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000 AS $$
  SELECT value FROM json_array_elements(CASE json_typeof(v) WHEN 'array' THEN v ELSE json_build_array(v) END)
$$;
CREATE FUNCTION json_object_of(v json) RETURNS json LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN json_typeof(v) = 'object' THEN v ELSE '{}'::json END;
CREATE FUNCTION json_items(v json) RETURNS TABLE (key citext, value citext, type int2) LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000 AS $$
  SELECT k::sandbox.citext, CASE WHEN json_typeof(item) = 'null' THEN NULL ELSE item #>> '{}' END::sandbox.citext,
    CASE json_typeof(item) WHEN 'null' THEN 0 WHEN 'string' THEN 1 WHEN 'number' THEN 2 WHEN 'boolean' THEN 3 WHEN 'array' THEN 4 ELSE 5 END::int2
  FROM (
    SELECT * FROM json_each(sandbox.json_object_of(v)) o (k, item)
    UNION ALL SELECT (n - 1)::text, item FROM json_array_elements(CASE json_typeof(v) WHEN 'array' THEN v ELSE '[]' END) WITH ORDINALITY a (item, n)) x
$$;
-- A string, number or boolean as text; NULL for null, and in lax mode for an object, an array and nothing.
CREATE FUNCTION json_plain(v json) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN json_typeof(v) IN ('object', 'array') THEN NULL ELSE v #>> '{}' END;
CREATE FUNCTION json_plain_strict(v json) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF v IS NULL THEN RETURN fail(13608, 'Property cannot be found on the specified JSON path.', NULL::text); END IF;
  IF json_typeof(v) IN ('object', 'array') THEN RETURN fail(13623, 'Scalar value cannot be found in the specified JSON path.', NULL::text); END IF;
  RETURN v #>> '{}';
END $$;
CREATE FUNCTION json_short_scalar(v json, strict bool) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE found text := CASE WHEN strict THEN json_plain_strict(v) ELSE json_plain(v) END;
BEGIN
  IF utf16_length(found) <= 4000 THEN RETURN found; END IF;
  IF strict AND found IS NOT NULL THEN RETURN fail(13625, 'String value in the specified JSON path would be truncated.', NULL::text); END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION json_fragment(v json) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN json_typeof(v) IN ('object', 'array') THEN v::text END;
CREATE FUNCTION json_fragment_strict(v json) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF v IS NULL THEN RETURN fail(13608, 'Property cannot be found on the specified JSON path.', NULL::text); END IF;
  IF json_typeof(v) IN ('object', 'array') THEN RETURN v::text; END IF;
  RETURN fail(13624, 'Object or array cannot be found in the specified JSON path.', NULL::text);
END $$;
CREATE FUNCTION json_text_fit(v text, width int, wide bool) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF octet_length(v) <= width OR (CASE WHEN wide THEN utf16_length(v) ELSE length(v) END) <= width THEN RETURN v; END IF;
  RETURN refuse('a text in OPENJSON that is longer than its column', NULL::text);
END $$;
-- Bytes stand in JSON as base64.
CREATE FUNCTION json_bytes(v text, width int) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE found bytea;
BEGIN
  BEGIN
    found := decode(v, 'base64');
  EXCEPTION WHEN invalid_parameter_value THEN
    RETURN refuse('a binary value in OPENJSON that is not base64', NULL::bytea);
  END;
  IF width >= 0 AND length(found) > width THEN RETURN refuse('a binary value in OPENJSON that is longer than its column', NULL::bytea); END IF;
  RETURN found;
END $$;

CREATE FUNCTION string_split(v text, separator text) RETURNS TABLE (value citext, ordinal int8) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF length(separator) IS DISTINCT FROM 1 THEN
    PERFORM fail(214, 'Procedure expects parameter ''separator'' of type ''nchar(1)/nvarchar(1)''.', NULL::int);
  END IF;
  RETURN QUERY SELECT x.part::citext, x.n FROM unnest(CASE v WHEN '' THEN ARRAY[''] ELSE string_to_array(v, separator) END) WITH ORDINALITY x (part, n)
    WHERE v IS NOT NULL;
END $$;
