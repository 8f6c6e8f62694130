-- PostgreSQL's catalogue, as far as clients ask it, over what the engine knows of the workspace and of the project's tables. Made anew
-- for a statement that asks for it; statements find it in the place of the engine's own `pg_catalog`, which knows neither.
-- Columns are those of version 9.3, and later ones that clients ask for without looking.

-- Objects keep their ids from one process to the next. Ids up to 16383 are PostgreSQL's own.
CREATE MACRO _id_of(kind, schema_name, object_name) AS
    16384 + (hash(kind || chr(31) || schema_name || chr(31) || object_name) % 2147467263)::BIGINT;
CREATE MACRO _schema_id(schema_name) AS _id_of('schema', schema_name, '');

-- The types that the listener announces.
CREATE MACRO _type_id(kind) AS CASE
    WHEN kind LIKE '%]' THEN 114
    ELSE CASE split_part(kind, '(', 1)
        WHEN 'BOOLEAN' THEN 16
        WHEN 'BLOB' THEN 17
        WHEN 'TINYINT' THEN 21 WHEN 'UTINYINT' THEN 21 WHEN 'SMALLINT' THEN 21
        WHEN 'USMALLINT' THEN 23 WHEN 'INTEGER' THEN 23
        WHEN 'UINTEGER' THEN 20 WHEN 'BIGINT' THEN 20
        WHEN 'UBIGINT' THEN 1700 WHEN 'HUGEINT' THEN 1700 WHEN 'UHUGEINT' THEN 1700 WHEN 'DECIMAL' THEN 1700
        WHEN 'FLOAT' THEN 700
        WHEN 'DOUBLE' THEN 701
        WHEN 'DATE' THEN 1082
        WHEN 'TIME' THEN 1083
        WHEN 'TIMESTAMP' THEN 1114 WHEN 'TIMESTAMP_S' THEN 1114 WHEN 'TIMESTAMP_MS' THEN 1114 WHEN 'TIMESTAMP_NS' THEN 1114
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN 1184
        WHEN 'UUID' THEN 2950
        WHEN 'JSON' THEN 114 WHEN 'STRUCT' THEN 114 WHEN 'MAP' THEN 114 WHEN 'UNION' THEN 114
        ELSE 25
    END
END;
CREATE MACRO _type_modifier(kind) AS CASE WHEN kind LIKE 'DECIMAL(%)' THEN
    regexp_extract(kind, '(\d+),', 1)::INTEGER * 65536 + regexp_extract(kind, ',(\d+)', 1)::INTEGER + 4 ELSE -1 END;

CREATE VIEW pg_type AS
    SELECT "_oid"::BIGINT AS oid, typname, 11::BIGINT AS typnamespace, 10::BIGINT AS typowner, typlen::SMALLINT AS typlen,
        typlen BETWEEN 1 AND 8 AS typbyval, 'b' AS typtype, typcategory, typname IN ('text', 'float8', 'bool', 'timestamptz') AS typispreferred,
        true AS typisdefined, ',' AS typdelim, 0::BIGINT AS typrelid, 0::BIGINT AS typelem, 0::BIGINT AS typarray,
        typname || 'in' AS typinput, typname || 'out' AS typoutput, typname || 'recv' AS typreceive, typname || 'send' AS typsend,
        '-' AS typmodin, '-' AS typmodout, '-' AS typanalyze, 'i' AS typalign, 'p' AS typstorage, false AS typnotnull,
        0::BIGINT AS typbasetype, -1 AS typtypmod, 0 AS typndims, 0::BIGINT AS typcollation, NULL::VARCHAR AS typdefaultbin,
        NULL::VARCHAR AS typdefault, NULL::VARCHAR[] AS typacl, formatted AS "_formatted"
    FROM (VALUES
        (16, 'bool', 1, 'B', 'boolean'), (17, 'bytea', -1, 'U', 'bytea'), (18, 'char', 1, 'S', '"char"'), (19, 'name', 64, 'S', 'name'),
        (20, 'int8', 8, 'N', 'bigint'), (21, 'int2', 2, 'N', 'smallint'), (23, 'int4', 4, 'N', 'integer'), (25, 'text', -1, 'S', 'text'),
        (26, 'oid', 4, 'N', 'oid'), (114, 'json', -1, 'U', 'json'), (700, 'float4', 4, 'N', 'real'),
        (701, 'float8', 8, 'N', 'double precision'), (705, 'unknown', -2, 'X', 'unknown'), (1042, 'bpchar', -1, 'S', 'character'),
        (1043, 'varchar', -1, 'S', 'character varying'), (1082, 'date', 4, 'D', 'date'), (1083, 'time', 8, 'D', 'time without time zone'),
        (1114, 'timestamp', 8, 'D', 'timestamp without time zone'), (1184, 'timestamptz', 8, 'D', 'timestamp with time zone'),
        (1700, 'numeric', -1, 'N', 'numeric'), (2205, 'regclass', 4, 'N', 'regclass'), (2950, 'uuid', 16, 'U', 'uuid')
    ) AS known ("_oid", typname, typlen, typcategory, formatted);
CREATE MACRO format_type(type_oid, modifier) AS CASE
    WHEN type_oid::BIGINT = 1700 AND modifier >= 4
        THEN 'numeric(' || ((modifier - 4) >> 16) || ',' || ((modifier - 4) & 65535) || ')'
    ELSE (SELECT any_value("_formatted") FROM pg_type AS known WHERE known.oid = type_oid::BIGINT) END;

-- What there is, by where it comes from.
CREATE VIEW "_relations" AS
    SELECT _id_of('relation', schema_name, table_name) AS oid, schema_name, table_name AS name, 'r' AS kind, has_primary_key AS is_keyed, database_name = 'workspace' AS is_own,
        index_count > 0 OR has_primary_key AS is_indexed, column_count AS columns, check_constraint_count AS checks,
        CASE WHEN database_name = 'workspace' THEN estimated_size ELSE -1 END AS rows, comment, NULL AS definition
    FROM duckdb_tables() WHERE database_name IN ('workspace', 'project tables')
    UNION ALL
    SELECT _id_of('relation', schema_name, view_name), schema_name, view_name, 'v', false, true, false, column_count, 0, -1, comment, sql
    FROM duckdb_views() WHERE database_name = 'workspace' AND NOT internal
    UNION ALL
    SELECT _id_of('relation', schema_name, sequence_name), schema_name, sequence_name, 'S', false, true, false, 0, 0, 1, comment, NULL
    FROM duckdb_sequences() WHERE database_name = 'workspace';
CREATE VIEW "_columns" AS
    SELECT _id_of('relation', schema_name, table_name) AS relation, schema_name, table_name, column_name AS name, column_index AS number,
        data_type AS kind, _type_id(data_type) AS type, _type_modifier(data_type) AS modifier, is_nullable, column_default AS "default", comment,
        database_name = 'workspace' AS is_own
    FROM duckdb_columns()
    WHERE NOT internal AND database_name IN ('workspace', 'project tables');
CREATE VIEW "_constraints" AS
    SELECT _id_of('constraint', d.schema_name, d.table_name || chr(31) || d.constraint_name) AS oid, d.constraint_name AS name, d.schema_name,
        d.table_name, _id_of('relation', d.schema_name, d.table_name) AS relation, d.constraint_type AS type,
        d.constraint_column_names AS columns, list_transform(d.constraint_column_indexes, lambda place: place + 1) AS numbers,
        d.expression, d.referenced_table, d.referenced_column_names
    FROM duckdb_constraints() AS d
    WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'CHECK', 'FOREIGN KEY')
        AND database_name IN ('workspace', 'project tables');
-- What holds a key together counts as an index, as it would there.
CREATE VIEW "_indexes" AS
    SELECT _id_of('index', schema_name, name) AS oid, name, schema_name, table_name, relation, type = 'PRIMARY KEY' AS is_primary,
        true AS is_unique, columns, numbers, NULL AS comment
    FROM "_constraints" WHERE type IN ('PRIMARY KEY', 'UNIQUE')
    UNION ALL
    SELECT _id_of('index', i.schema_name, i.index_name), i.index_name, i.schema_name, i.table_name,
        _id_of('relation', i.schema_name, i.table_name), false, i.is_unique, string_split(trim(i.expressions, '[]'), ', '),
        (SELECT list(c.number ORDER BY list_position(string_split(trim(i.expressions, '[]'), ', '), c.name)) FROM "_columns" AS c
            WHERE c.relation = _id_of('relation', i.schema_name, i.table_name)
                AND list_contains(string_split(trim(i.expressions, '[]'), ', '), c.name)), i.comment
    FROM duckdb_indexes() AS i WHERE i.database_name = 'workspace' AND NOT i.is_primary;

CREATE VIEW pg_namespace AS
    SELECT _schema_id(name) AS oid, name AS nspname, 10::BIGINT AS nspowner, NULL::VARCHAR[] AS nspacl
    FROM (SELECT DISTINCT schema_name AS name FROM duckdb_schemas() WHERE database_name = 'workspace' AND NOT internal OR schema_name = 'main'
        UNION SELECT schema_name FROM "_relations")
    UNION ALL SELECT * FROM (VALUES (11, 'pg_catalog', 10, NULL), (12, 'information_schema', 10, NULL));

CREATE VIEW pg_class AS
    SELECT r.oid, r.name AS relname, _schema_id(r.schema_name) AS relnamespace, 0::BIGINT AS reltype, 0::BIGINT AS reloftype,
        10::BIGINT AS relowner, r.am AS relam, r.oid AS relfilenode, 0::BIGINT AS reltablespace, 0 AS relpages, r.rows::FLOAT AS reltuples,
        0 AS relallvisible, 0::BIGINT AS reltoastrelid, r.is_indexed AS relhasindex, false AS relisshared, 'p' AS relpersistence,
        r.kind AS relkind, r.columns::SMALLINT AS relnatts, r.checks::SMALLINT AS relchecks, false AS relhasoids, r.is_keyed AS relhaspkey,
        r.kind = 'v' AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity,
        false AS relforcerowsecurity, true AS relispopulated, 'd' AS relreplident, false AS relispartition, 0::BIGINT AS relfrozenxid,
        NULL::VARCHAR[] AS relacl, NULL::VARCHAR[] AS reloptions, NULL::VARCHAR AS relpartbound
    FROM (
        SELECT oid, name, schema_name, is_indexed, rows, kind, columns, checks, is_keyed, 0::BIGINT AS am FROM "_relations"
        UNION ALL SELECT oid, name, schema_name, false, 0, 'i', len(columns), 0, false, 403 FROM "_indexes"
    ) AS r;

CREATE VIEW pg_attribute AS
    SELECT a.relation AS attrelid, a.name AS attname, a.type::BIGINT AS atttypid, -1 AS attstattarget, t.typlen AS attlen,
        a.number::SMALLINT AS attnum, 0 AS attndims, -1 AS attcacheoff, a.modifier AS atttypmod, t.typbyval AS attbyval,
        t.typstorage AS attstorage, t.typalign AS attalign, NOT a.is_nullable AS attnotnull, a."default" IS NOT NULL AS atthasdef,
        false AS atthasmissing, '' AS attidentity, '' AS attgenerated, '' AS attcompression, false AS attisdropped, true AS attislocal,
        0 AS attinhcount, 0::BIGINT AS attcollation, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
        NULL::VARCHAR[] AS attfdwoptions
    FROM (
        SELECT relation, name, number, type, modifier, is_nullable, "default" FROM "_columns"
        UNION ALL
        SELECT i.oid, c.name, list_position(i.numbers, c.number), c.type, c.modifier, true, NULL
        FROM "_indexes" AS i JOIN "_columns" AS c ON c.relation = i.relation AND list_contains(i.numbers, c.number)
    ) AS a JOIN pg_type AS t ON t.oid = a.type;

CREATE VIEW pg_attrdef AS
    SELECT _id_of('default', schema_name, table_name || chr(31) || name) AS oid, relation AS adrelid, number::SMALLINT AS adnum,
        "default" AS adbin, "default" AS adsrc
    FROM "_columns" WHERE "default" IS NOT NULL;

CREATE VIEW pg_index AS
    SELECT oid AS indexrelid, relation AS indrelid, len(columns)::SMALLINT AS indnatts, len(columns)::SMALLINT AS indnkeyatts,
        is_unique AS indisunique, false AS indnullsnotdistinct, is_primary AS indisprimary, false AS indisexclusion, true AS indimmediate,
        false AS indisclustered, true AS indisvalid, false AS indcheckxmin, true AS indisready, true AS indislive,
        false AS indisreplident, numbers AS indkey, list_transform(columns, lambda c: 0::BIGINT) AS indcollation,
        list_transform(columns, lambda c: 0::BIGINT) AS indclass, list_transform(columns, lambda c: 0::BIGINT) AS indoption,
        NULL::VARCHAR AS indexprs, NULL::VARCHAR AS indpred
    FROM "_indexes";

CREATE VIEW pg_constraint AS
    SELECT c.oid, c.name AS conname, _schema_id(c.schema_name) AS connamespace,
        CASE c.type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'CHECK' THEN 'c' ELSE 'f' END AS contype,
        false AS condeferrable, false AS condeferred, true AS convalidated, c.relation AS conrelid, 0::BIGINT AS contypid,
        coalesce((SELECT min(_id_of('index', u.schema_name, u.name)) FROM "_constraints" AS u WHERE u.type IN ('PRIMARY KEY', 'UNIQUE')
            AND u.schema_name = c.schema_name AND (u.oid = c.oid OR (c.type = 'FOREIGN KEY' AND u.table_name = c.referenced_table
                AND u.columns = c.referenced_column_names))), 0) AS conindid,
        0::BIGINT AS conparentid, CASE WHEN c.type = 'FOREIGN KEY' THEN _id_of('relation', c.schema_name, c.referenced_table) ELSE 0 END AS confrelid,
        'a' AS confupdtype, 'a' AS confdeltype, 's' AS confmatchtype, true AS conislocal, 0 AS coninhcount, true AS connoinherit,
        c.numbers AS conkey,
        (SELECT list(f.number ORDER BY list_position(c.referenced_column_names, f.name)) FROM "_columns" AS f
            WHERE f.schema_name = c.schema_name AND f.table_name = c.referenced_table
                AND list_contains(c.referenced_column_names, f.name)) AS confkey,
        NULL::BIGINT[] AS conpfeqop, NULL::BIGINT[] AS conppeqop, NULL::BIGINT[] AS conffeqop, NULL::BIGINT[] AS conexclop,
        c.expression AS conbin, c.expression AS consrc
    FROM "_constraints" AS c;

CREATE VIEW pg_description AS
    SELECT oid AS objoid, 1259::BIGINT AS classoid, 0 AS objsubid, comment AS description FROM "_relations" WHERE comment IS NOT NULL
    UNION ALL SELECT oid, 1259, 0, comment FROM "_indexes" WHERE comment IS NOT NULL
    UNION ALL SELECT relation, 1259, number, comment FROM "_columns" WHERE comment IS NOT NULL;

-- What is asked of single objects.
CREATE MACRO quote_ident(word) AS CASE WHEN regexp_full_match(word, '[a-z_][a-z0-9_]*') AND NOT list_contains(
    (SELECT list(keyword_name) FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'), word)
    THEN word ELSE '"' || replace(word, '"', '""') || '"' END;
CREATE MACRO _listed(words) AS (SELECT string_agg(quote_ident(word), ', ') FROM (SELECT unnest(words) AS word));
CREATE MACRO pg_get_userbyid(role) AS _user();
CREATE MACRO pg_table_is_visible(table_oid) AS
    EXISTS (SELECT 1 FROM pg_class AS known WHERE known.oid = table_oid AND known.relnamespace = _schema_id('main'));
CREATE MACRO pg_type_is_visible(type_oid) AS true;
CREATE MACRO pg_function_is_visible(function_oid) AS true;
CREATE MACRO pg_collation_is_visible(collation_oid) AS true;
CREATE MACRO pg_opclass_is_visible(class_oid) AS true;
CREATE MACRO pg_get_expr(expression, table_oid) AS expression, (expression, table_oid, pretty) AS expression;
CREATE MACRO pg_get_viewdef(table_oid) AS
        (SELECT substr(definition, strpos(definition, ' AS ') + 4) FROM "_relations" AS known WHERE known.oid = table_oid::BIGINT AND kind = 'v'),
    (table_oid, pretty) AS
        (SELECT substr(definition, strpos(definition, ' AS ') + 4) FROM "_relations" AS known WHERE known.oid = table_oid::BIGINT AND kind = 'v');
CREATE MACRO _constraint_text(constraint_oid) AS (
    SELECT type || CASE type
        WHEN 'CHECK' THEN ' (' || expression || ')'
        WHEN 'FOREIGN KEY' THEN ' (' || _listed(columns) || ') REFERENCES ' || quote_ident(referenced_table)
            || '(' || _listed(referenced_column_names) || ')'
        ELSE ' (' || _listed(columns) || ')' END
    FROM "_constraints" AS known WHERE known.oid = constraint_oid);
CREATE MACRO pg_get_constraintdef(constraint_oid) AS _constraint_text(constraint_oid),
    (constraint_oid, pretty) AS _constraint_text(constraint_oid);
CREATE MACRO _index_text(index_oid) AS (
    SELECT 'CREATE ' || CASE WHEN is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || quote_ident(name) || ' ON ' || quote_ident(schema_name) || '.'
        || quote_ident(table_name) || ' USING btree (' || _listed(columns) || ')'
    FROM "_indexes" AS known WHERE known.oid = index_oid);
CREATE MACRO pg_get_indexdef(index_oid) AS _index_text(index_oid),
    (index_oid, column_number, pretty) AS CASE WHEN column_number = 0 THEN _index_text(index_oid)
        ELSE (SELECT quote_ident(columns[column_number]) FROM "_indexes" AS known WHERE known.oid = index_oid) END;
CREATE MACRO obj_description(object_oid) AS
        (SELECT any_value(description) FROM pg_description AS known WHERE known.objoid = object_oid AND known.objsubid = 0),
    (object_oid, kind) AS
        (SELECT any_value(description) FROM pg_description AS known WHERE known.objoid = object_oid AND known.objsubid = 0);
CREATE MACRO col_description(table_oid, column_number) AS
    (SELECT any_value(description) FROM pg_description AS known WHERE known.objoid = table_oid AND known.objsubid = column_number);
CREATE MACRO shobj_description(object_oid, kind) AS NULL::VARCHAR;
CREATE MACRO pg_encoding_to_char(encoding) AS 'UTF8';
CREATE MACRO pg_get_serial_sequence(table_oid, column_name) AS NULL::VARCHAR;
CREATE MACRO pg_get_function_result(function_oid) AS NULL::VARCHAR;
CREATE MACRO pg_get_function_arguments(function_oid) AS NULL::VARCHAR;
CREATE MACRO pg_get_function_identity_arguments(function_oid) AS NULL::VARCHAR;
CREATE MACRO pg_get_functiondef(function_oid) AS NULL::VARCHAR;
CREATE MACRO pg_get_triggerdef(trigger_oid) AS NULL::VARCHAR, (trigger_oid, pretty) AS NULL::VARCHAR;
CREATE MACRO pg_get_ruledef(rule_oid) AS NULL::VARCHAR, (rule_oid, pretty) AS NULL::VARCHAR;
CREATE MACRO pg_char_to_encoding(encoding) AS 6;
CREATE MACRO getdatabaseencoding() AS 'UTF8';
CREATE MACRO pg_get_partkeydef(table_oid) AS NULL::VARCHAR;
CREATE MACRO pg_relation_is_publishable(table_oid) AS false;
CREATE MACRO pg_is_in_recovery() AS false;
CREATE MACRO pg_backend_pid() AS 0;
CREATE MACRO pg_my_temp_schema() AS 0::BIGINT;
CREATE MACRO pg_is_other_temp_schema(schema_oid) AS false;
-- What size a table has by itself is not known here.
CREATE MACRO pg_relation_size(table_oid) AS NULL::BIGINT, (table_oid, fork) AS NULL::BIGINT;
CREATE MACRO pg_table_size(table_oid) AS NULL::BIGINT;
CREATE MACRO pg_indexes_size(table_oid) AS NULL::BIGINT;
CREATE MACRO pg_total_relation_size(table_oid) AS NULL::BIGINT;
CREATE MACRO pg_database_size(name) AS NULL::BIGINT;
CREATE MACRO pg_tablespace_size(name) AS NULL::BIGINT;
CREATE MACRO pg_size_pretty(bytes) AS format_bytes(bytes::BIGINT);
CREATE MACRO pg_tablespace_location(tablespace) AS '';
CREATE MACRO current_database() AS _database();
CREATE MACRO current_catalog() AS _database();
CREATE MACRO "current_user"() AS _user();
CREATE MACRO "session_user"() AS _user();
CREATE MACRO array_upper(elements, dimension) AS nullif(len(elements), 0);
CREATE MACRO array_lower(elements, dimension) AS CASE WHEN len(elements) > 0 THEN 1 END;
CREATE MACRO version() AS 'PostgreSQL 9.3.duckdb (DuckDB ' || system.main.version() || ')';
CREATE MACRO current_schemas(with_implicit) AS CASE WHEN with_implicit THEN ['pg_catalog', 'main'] ELSE ['main'] END;
CREATE MACRO quote_literal(value) AS chr(39) || replace(value::VARCHAR, chr(39), chr(39) || chr(39)) || chr(39);
CREATE MACRO _filled(pattern, value) AS regexp_extract(pattern, '^(.*?)%[sIL]', 1, 's')
    || CASE regexp_extract(pattern, '%([sIL])', 1) WHEN 'I' THEN quote_ident(value::VARCHAR) WHEN 'L' THEN quote_literal(value) ELSE value::VARCHAR END
    || regexp_replace(pattern, '^.*?%[sIL]', '', 's');
-- The engine's own wants `{}`.
CREATE MACRO format(pattern, a) AS CASE WHEN contains(pattern, '%') THEN _filled(pattern, a) ELSE system.main.format(pattern, a) END,
    (pattern, a, b) AS CASE WHEN contains(pattern, '%') THEN _filled(_filled(pattern, a), b) ELSE system.main.format(pattern, a, b) END;

CREATE MACRO json_build_object(k1, v1) AS json_object(k1::VARCHAR, v1),
    (k1, v1, k2, v2) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2),
    (k1, v1, k2, v2, k3, v3) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3),
    (k1, v1, k2, v2, k3, v3, k4, v4) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7, k8, v8) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7, k8::VARCHAR, v8),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7, k8, v8, k9, v9) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7, k8::VARCHAR, v8, k9::VARCHAR, v9),
    (k1, v1, k2, v2, k3, v3, k4, v4, k5, v5, k6, v6, k7, v7, k8, v8, k9, v9, k10, v10) AS json_object(k1::VARCHAR, v1, k2::VARCHAR, v2, k3::VARCHAR, v3, k4::VARCHAR, v4, k5::VARCHAR, v5, k6::VARCHAR, v6, k7::VARCHAR, v7, k8::VARCHAR, v8, k9::VARCHAR, v9, k10::VARCHAR, v10);
-- What is not allowed is not shown at all, or refused when it is tried.
CREATE MACRO has_table_privilege(subject, privilege) AS true, (member, subject, privilege) AS true;
CREATE MACRO has_schema_privilege(subject, privilege) AS true, (member, subject, privilege) AS true;
CREATE MACRO has_database_privilege(subject, privilege) AS true, (member, subject, privilege) AS true;
CREATE MACRO has_any_column_privilege(subject, privilege) AS true, (member, subject, privilege) AS true;
CREATE MACRO has_sequence_privilege(subject, privilege) AS true, (member, subject, privilege) AS true;
CREATE MACRO has_function_privilege(subject, privilege) AS true, (member, subject, privilege) AS true;
CREATE MACRO has_column_privilege(subject, part, privilege) AS true, (member, subject, part, privilege) AS true;
CREATE MACRO pg_has_role(role, privilege) AS true, (member, role, privilege) AS true;

-- The catalogue's own relations, for those who ask which of them a description is about.
CREATE VIEW "_own_relations" AS SELECT oid::BIGINT AS oid, name FROM (VALUES
    (1247, 'pg_type'), (1249, 'pg_attribute'), (1255, 'pg_proc'), (1259, 'pg_class'), (1260, 'pg_authid'), (1262, 'pg_database'),
    (2604, 'pg_attrdef'), (2606, 'pg_constraint'), (2610, 'pg_index'), (2612, 'pg_language'), (2615, 'pg_namespace'), (2618, 'pg_rewrite'),
    (2620, 'pg_trigger'), (3079, 'pg_extension')) AS known (oid, name);
-- Casts to the types that stand for an object. A name leads to an id, an id to a name.
CREATE MACRO _regclass_id(word) AS coalesce(TRY_CAST(word AS BIGINT),
    (SELECT min(known.oid) FROM pg_class AS known JOIN pg_namespace AS n ON n.oid = known.relnamespace
        WHERE (n.nspname = 'main' AND known.relname = replace(word::VARCHAR, '"', ''))
            OR n.nspname || '.' || known.relname = replace(word::VARCHAR, '"', '')),
    (SELECT any_value(oid) FROM "_own_relations" AS known WHERE known.name = replace(word::VARCHAR, 'pg_catalog.', '')),
    error('relation "' || word::VARCHAR || '" does not exist')::VARCHAR::BIGINT);
CREATE MACRO _regclass(word) AS coalesce(
    (SELECT CASE WHEN n.nspname = 'main' THEN quote_ident(known.relname) ELSE quote_ident(n.nspname) || '.' || quote_ident(known.relname) END
        FROM pg_class AS known JOIN pg_namespace AS n ON n.oid = known.relnamespace WHERE known.oid = _regclass_id(word)),
    (SELECT any_value(name) FROM "_own_relations" AS known WHERE known.oid = _regclass_id(word)),
    CASE _regclass_id(word) WHEN 0 THEN '-' ELSE word::VARCHAR END);
CREATE MACRO _regtype_id(word) AS (SELECT any_value(oid) FROM pg_type AS known
    WHERE replace(word::VARCHAR, 'pg_catalog.', '') IN (known.typname, known."_formatted"));
CREATE MACRO _regtype(type_oid) AS coalesce(format_type(type_oid, NULL), type_oid::VARCHAR);
CREATE MACRO _regnamespace_id(word) AS (SELECT any_value(oid) FROM pg_namespace AS known WHERE known.nspname = replace(word::VARCHAR, '"', ''));
CREATE MACRO _regnamespace(schema_oid) AS (SELECT any_value(quote_ident(nspname)) FROM pg_namespace AS known WHERE known.oid = schema_oid::BIGINT);
CREATE MACRO _regrole_id(word) AS 10::BIGINT;
CREATE MACRO _regrole(role_oid) AS _user();
CREATE MACRO _regproc_id(word) AS replace(word::VARCHAR, 'pg_catalog.', '');
CREATE MACRO _regproc(function_oid) AS function_oid::VARCHAR;
CREATE TYPE name AS VARCHAR;
CREATE TYPE xid AS BIGINT;

-- PostgreSQL finds a pattern anywhere in a text, the engine's own `~` wants all of it to match.
CREATE MACRO "@~"(value, pattern) AS regexp_matches(value, pattern);
CREATE MACRO "!@~"(value, pattern) AS NOT regexp_matches(value, pattern);
CREATE MACRO "~*"(value, pattern) AS regexp_matches(value, pattern, 'i');
CREATE MACRO "!~*"(value, pattern) AS NOT regexp_matches(value, pattern, 'i');

CREATE VIEW pg_tables AS
    SELECT schema_name AS schemaname, name AS tablename, _user() AS tableowner, NULL::VARCHAR AS tablespace,
        is_indexed AS hasindexes, false AS hasrules, false AS hastriggers, false AS rowsecurity
    FROM "_relations" WHERE kind = 'r';
CREATE VIEW pg_views AS
    SELECT schema_name AS schemaname, name AS viewname, _user() AS viewowner, pg_get_viewdef(oid) AS definition
    FROM "_relations" WHERE kind = 'v';
CREATE VIEW pg_indexes AS
    SELECT schema_name AS schemaname, table_name AS tablename, name AS indexname, NULL::VARCHAR AS tablespace,
        pg_get_indexdef(oid) AS indexdef
    FROM "_indexes";
CREATE VIEW pg_sequences AS
    SELECT schema_name AS schemaname, sequence_name AS sequencename, _user() AS sequenceowner, 'bigint' AS data_type, start_value, min_value,
        max_value, increment_by, cycle, 1::BIGINT AS cache_size, last_value
    FROM duckdb_sequences() WHERE database_name = 'workspace';
CREATE VIEW pg_sequence AS
    SELECT _id_of('relation', schema_name, sequence_name) AS seqrelid, 20::BIGINT AS seqtypid, start_value AS seqstart, increment_by AS seqincrement,
        max_value AS seqmax, min_value AS seqmin, 1::BIGINT AS seqcache, cycle AS seqcycle
    FROM duckdb_sequences() WHERE database_name = 'workspace';
CREATE VIEW pg_stat_user_tables AS
    SELECT oid AS relid, schema_name AS schemaname, name AS relname, 0::BIGINT AS seq_scan, 0::BIGINT AS idx_scan, nullif(rows, -1)::BIGINT AS n_live_tup
    FROM "_relations" WHERE kind = 'r';

CREATE VIEW pg_database AS
    SELECT 1::BIGINT AS oid, _database() AS datname, 10::BIGINT AS datdba, 6 AS encoding, 'c' AS datlocprovider, 'C' AS datcollate, 'C' AS datctype,
        NULL::VARCHAR AS daticulocale, false AS datistemplate, true AS datallowconn, -1 AS datconnlimit, 1663::BIGINT AS dattablespace,
        NULL::VARCHAR[] AS datacl;
CREATE VIEW pg_tablespace AS
    SELECT 1663::BIGINT AS oid, 'pg_default' AS spcname, 10::BIGINT AS spcowner, NULL::VARCHAR[] AS spcacl, NULL::VARCHAR[] AS spcoptions;
CREATE VIEW pg_roles AS
    SELECT 10::BIGINT AS oid, _user() AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole, false AS rolcreatedb,
        true AS rolcanlogin, false AS rolreplication, false AS rolbypassrls, -1 AS rolconnlimit, '********' AS rolpassword,
        NULL::TIMESTAMP AS rolvaliduntil, NULL::VARCHAR[] AS rolconfig, false AS rolcatupdate;
CREATE VIEW pg_authid AS SELECT * FROM pg_roles;
CREATE VIEW pg_user AS
    SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolreplication AS userepl,
        rolbypassrls AS usebypassrls, rolpassword AS passwd, rolvaliduntil AS valuntil, rolconfig AS useconfig
    FROM pg_roles;
CREATE VIEW pg_am AS SELECT 403::BIGINT AS oid, 'btree' AS amname, 'bthandler' AS amhandler, 'i' AS amtype;
CREATE VIEW pg_settings AS
    SELECT name, setting, NULL::VARCHAR AS unit, '' AS category, '' AS short_desc, NULL::VARCHAR AS extra_desc, 'internal' AS context,
        'string' AS vartype, 'default' AS source, NULL::VARCHAR AS min_val, NULL::VARCHAR AS max_val, NULL::VARCHAR[] AS enumvals,
        setting AS boot_val, setting AS reset_val, NULL::VARCHAR AS sourcefile, NULL::INTEGER AS sourceline, false AS pending_restart
    FROM (VALUES ('server_version', '9.3.duckdb'), ('server_version_num', '90300'), ('server_encoding', 'UTF8'), ('client_encoding', 'UTF8'),
        ('max_index_keys', '32'), ('max_identifier_length', '63'), ('search_path', 'main'), ('standard_conforming_strings', 'on'),
        ('TimeZone', 'UTC'), ('DateStyle', 'ISO'), ('lc_collate', 'C'), ('lc_ctype', 'C'),
        ('default_table_access_method', 'heap')) AS known (name, setting);

CREATE MACRO current_setting(setting_name) AS (SELECT any_value(setting) FROM pg_settings AS known WHERE lower(known.name) = lower(setting_name)),
    (setting_name, is_missing_fine) AS (SELECT any_value(setting) FROM pg_settings AS known WHERE lower(known.name) = lower(setting_name));

-- What there is none of.
CREATE TABLE pg_inherits (inhrelid BIGINT, inhparent BIGINT, inhseqno INTEGER, inhdetachpending BOOLEAN);
CREATE TABLE pg_auth_members (roleid BIGINT, member BIGINT, grantor BIGINT, admin_option BOOLEAN);
CREATE TABLE pg_shdescription (objoid BIGINT, classoid BIGINT, description VARCHAR);
CREATE TABLE pg_depend (classid BIGINT, objid BIGINT, objsubid INTEGER, refclassid BIGINT, refobjid BIGINT, refobjsubid INTEGER, deptype
    VARCHAR);
CREATE TABLE pg_trigger (oid BIGINT, tgrelid BIGINT, tgname VARCHAR, tgfoid BIGINT, tgtype SMALLINT, tgenabled VARCHAR, tgisinternal
    BOOLEAN, tgconstrrelid BIGINT, tgconstrindid BIGINT, tgconstraint BIGINT, tgdeferrable BOOLEAN, tginitdeferred BOOLEAN, tgparentid
    BIGINT);
CREATE TABLE pg_rewrite (oid BIGINT, rulename VARCHAR, ev_class BIGINT, ev_type VARCHAR, ev_enabled VARCHAR, is_instead BOOLEAN);
CREATE TABLE pg_rules (schemaname VARCHAR, tablename VARCHAR, rulename VARCHAR, definition VARCHAR);
CREATE TABLE pg_policy (oid BIGINT, polname VARCHAR, polrelid BIGINT, polcmd VARCHAR, polpermissive BOOLEAN, polroles BIGINT[], polqual
    VARCHAR, polwithcheck VARCHAR);
CREATE TABLE pg_proc (oid BIGINT, proname VARCHAR, pronamespace BIGINT, proowner BIGINT, prolang BIGINT, procost FLOAT, prorows FLOAT,
    provariadic BIGINT, proisagg BOOLEAN, proiswindow BOOLEAN, prosecdef BOOLEAN, proleakproof BOOLEAN, proisstrict BOOLEAN, proretset
    BOOLEAN, provolatile VARCHAR, prokind VARCHAR, pronargs SMALLINT, pronargdefaults SMALLINT, prorettype BIGINT, proargtypes BIGINT[],
    proallargtypes BIGINT[], proargmodes VARCHAR[], proargnames VARCHAR[], prosrc VARCHAR, proacl VARCHAR[]);
CREATE TABLE pg_language (oid BIGINT, lanname VARCHAR, lanowner BIGINT, lanispl BOOLEAN, lanpltrusted BOOLEAN, lanacl VARCHAR[]);
CREATE TABLE pg_aggregate (aggfnoid BIGINT, aggkind VARCHAR, aggtranstype BIGINT);
CREATE TABLE pg_operator (oid BIGINT, oprname VARCHAR, oprnamespace BIGINT, oprowner BIGINT, oprkind VARCHAR, oprleft BIGINT, oprright
    BIGINT, oprresult BIGINT, oprcode BIGINT);
CREATE TABLE pg_opclass (oid BIGINT, opcmethod BIGINT, opcname VARCHAR, opcnamespace BIGINT, opcowner BIGINT, opcintype BIGINT, opcdefault
    BOOLEAN, opckeytype BIGINT);
CREATE TABLE pg_opfamily (oid BIGINT, opfmethod BIGINT, opfname VARCHAR, opfnamespace BIGINT, opfowner BIGINT);
CREATE TABLE pg_cast (oid BIGINT, castsource BIGINT, casttarget BIGINT, castfunc BIGINT, castcontext VARCHAR, castmethod VARCHAR);
CREATE TABLE pg_conversion (oid BIGINT, conname VARCHAR, connamespace BIGINT, conowner BIGINT, conforencoding INTEGER, contoencoding
    INTEGER, condefault BOOLEAN);
CREATE TABLE pg_collation (oid BIGINT, collname VARCHAR, collnamespace BIGINT, collowner BIGINT, collprovider VARCHAR, collencoding INTEGER,
    collcollate VARCHAR, collctype VARCHAR);
CREATE TABLE pg_enum (oid BIGINT, enumtypid BIGINT, enumsortorder FLOAT, enumlabel VARCHAR);
CREATE TABLE pg_range (rngtypid BIGINT, rngsubtype BIGINT, rngmultitypid BIGINT);
CREATE TABLE pg_extension (oid BIGINT, extname VARCHAR, extowner BIGINT, extnamespace BIGINT, extrelocatable BOOLEAN, extversion VARCHAR);
CREATE TABLE pg_available_extensions (name VARCHAR, default_version VARCHAR, installed_version VARCHAR, comment VARCHAR);
CREATE TABLE pg_event_trigger (oid BIGINT, evtname VARCHAR, evtevent VARCHAR, evtowner BIGINT, evtfoid BIGINT, evtenabled VARCHAR, evttags
    VARCHAR[]);
CREATE TABLE pg_foreign_table (ftrelid BIGINT, ftserver BIGINT, ftoptions VARCHAR[]);
CREATE TABLE pg_foreign_server (oid BIGINT, srvname VARCHAR, srvowner BIGINT, srvfdw BIGINT, srvtype VARCHAR, srvversion VARCHAR, srvacl
    VARCHAR[], srvoptions VARCHAR[]);
CREATE TABLE pg_foreign_data_wrapper (oid BIGINT, fdwname VARCHAR, fdwowner BIGINT, fdwhandler BIGINT, fdwvalidator BIGINT, fdwacl
    VARCHAR[], fdwoptions VARCHAR[]);
CREATE TABLE pg_user_mappings (umid BIGINT, srvid BIGINT, srvname VARCHAR, umuser BIGINT, usename VARCHAR, umoptions VARCHAR[]);
CREATE TABLE pg_matviews (schemaname VARCHAR, matviewname VARCHAR, matviewowner VARCHAR, tablespace VARCHAR, hasindexes BOOLEAN, ispopulated
    BOOLEAN, definition VARCHAR);
CREATE TABLE pg_partitioned_table (partrelid BIGINT, partstrat VARCHAR, partnatts SMALLINT, partdefid BIGINT, partattrs BIGINT[]);
CREATE TABLE pg_publication (oid BIGINT, pubname VARCHAR, pubowner BIGINT, puballtables BOOLEAN);
CREATE TABLE pg_publication_rel (oid BIGINT, prpubid BIGINT, prrelid BIGINT);
CREATE TABLE pg_subscription (oid BIGINT, subname VARCHAR, subdbid BIGINT);
CREATE TABLE pg_statistic_ext (oid BIGINT, stxrelid BIGINT, stxname VARCHAR, stxnamespace BIGINT, stxkeys BIGINT[], stxkind VARCHAR[]);
CREATE TABLE pg_seclabel (objoid BIGINT, classoid BIGINT, objsubid INTEGER, provider VARCHAR, label VARCHAR);
CREATE TABLE pg_default_acl (oid BIGINT, defaclrole BIGINT, defaclnamespace BIGINT, defaclobjtype VARCHAR, defaclacl VARCHAR[]);
CREATE TABLE pg_db_role_setting (setdatabase BIGINT, setrole BIGINT, setconfig VARCHAR[]);
CREATE TABLE pg_largeobject_metadata (oid BIGINT, lomowner BIGINT, lomacl VARCHAR[]);
CREATE TABLE pg_ts_config (oid BIGINT, cfgname VARCHAR, cfgnamespace BIGINT, cfgowner BIGINT, cfgparser BIGINT);
CREATE TABLE pg_ts_dict (oid BIGINT, dictname VARCHAR, dictnamespace BIGINT, dictowner BIGINT, dicttemplate BIGINT, dictinitoption VARCHAR);
CREATE TABLE pg_ts_parser (oid BIGINT, prsname VARCHAR, prsnamespace BIGINT);
CREATE TABLE pg_ts_template (oid BIGINT, tmplname VARCHAR, tmplnamespace BIGINT);
CREATE TABLE pg_prepared_statements (name VARCHAR, statement VARCHAR);
CREATE TABLE pg_cursors (name VARCHAR, statement VARCHAR);
CREATE TABLE pg_locks (locktype VARCHAR, database BIGINT, relation BIGINT, pid INTEGER, mode VARCHAR, granted BOOLEAN);
CREATE TABLE pg_stat_activity (datid BIGINT, datname VARCHAR, pid INTEGER, usename VARCHAR, application_name VARCHAR, client_addr VARCHAR,
    state VARCHAR, query VARCHAR);
CREATE TABLE pg_timezone_names (name VARCHAR, abbrev VARCHAR, utc_offset INTERVAL, is_dst BOOLEAN);
