-- The views of the SQL standard over the same: every table by the names that PostgreSQL has for types.
CREATE SCHEMA information;
CREATE MACRO information._pg_expandarray(elements) AS 
    unnest(list_transform(range(1, len(elements) + 1), lambda place: {'x': elements[place], 'n': place}));
CREATE MACRO _limited(type_id, value) AS CASE WHEN type_id IN (20, 21, 23, 700, 701, 1700) THEN value END;

CREATE VIEW information.information_schema_catalog_name AS SELECT _database() AS catalog_name;
CREATE VIEW information.schemata AS
    SELECT _database() AS catalog_name, nspname AS schema_name, _user() AS schema_owner, NULL::VARCHAR AS default_character_set_catalog,
        NULL::VARCHAR AS default_character_set_schema, NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path
    FROM pg_namespace;
CREATE VIEW information.tables AS
    SELECT _database() AS table_catalog, schema_name AS table_schema, name AS table_name,
        CASE kind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type, NULL::VARCHAR AS self_referencing_column_name,
        NULL::VARCHAR AS reference_generation, NULL::VARCHAR AS user_defined_type_catalog, NULL::VARCHAR AS user_defined_type_schema,
        NULL::VARCHAR AS user_defined_type_name, CASE WHEN is_own AND kind = 'r' THEN 'YES' ELSE 'NO' END AS is_insertable_into,
        'NO' AS is_typed, NULL::VARCHAR AS commit_action, comment AS "TABLE_COMMENT"
    FROM "_relations" WHERE kind IN ('r', 'v');
CREATE VIEW information.columns AS
    SELECT _database() AS table_catalog, c.schema_name AS table_schema, c.table_name, c.name AS column_name, c.number AS ordinal_position,
        c."default" AS column_default, CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
        format_type(c.type, NULL) AS data_type, NULL::INTEGER AS character_maximum_length,
        CASE WHEN c.type = 25 THEN 1073741824 END AS character_octet_length,
        CASE c.type WHEN 1700 THEN CASE WHEN c.modifier >= 4 THEN (c.modifier - 4) >> 16 END
            ELSE _limited(c.type, CASE c.type WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 ELSE 53 END) END AS numeric_precision,
        _limited(c.type, CASE WHEN c.type = 1700 THEN 10 ELSE 2 END) AS numeric_precision_radix,
        CASE WHEN c.type IN (20, 21, 23) THEN 0 WHEN c.type = 1700 AND c.modifier >= 4 THEN (c.modifier - 4) & 65535 END AS numeric_scale,
        CASE WHEN c.type = 1082 THEN 0 WHEN c.type IN (1083, 1114, 1184) THEN 6 END AS datetime_precision,
        NULL::VARCHAR AS interval_type, NULL::INTEGER AS interval_precision,
        NULL::VARCHAR AS character_set_catalog, NULL::VARCHAR AS character_set_schema, NULL::VARCHAR AS character_set_name,
        NULL::VARCHAR AS collation_catalog, NULL::VARCHAR AS collation_schema, NULL::VARCHAR AS collation_name,
        NULL::VARCHAR AS domain_catalog, NULL::VARCHAR AS domain_schema, NULL::VARCHAR AS domain_name,
        _database() AS udt_catalog, 'pg_catalog' AS udt_schema, t.typname AS udt_name,
        NULL::VARCHAR AS scope_catalog, NULL::VARCHAR AS scope_schema, NULL::VARCHAR AS scope_name, NULL::INTEGER AS maximum_cardinality,
        c.number::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing, 'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
        NULL::VARCHAR AS identity_start, NULL::VARCHAR AS identity_increment, NULL::VARCHAR AS identity_maximum,
        NULL::VARCHAR AS identity_minimum, 'NO' AS identity_cycle, 'NEVER' AS is_generated, NULL::VARCHAR AS generation_expression,
        CASE WHEN c.is_own THEN 'YES' ELSE 'NO' END AS is_updatable, c.comment AS "COLUMN_COMMENT"
    FROM "_columns" AS c JOIN pg_type AS t ON t.oid = c.type;
CREATE VIEW information.views AS
    SELECT _database() AS table_catalog, schema_name AS table_schema, name AS table_name, pg_get_viewdef(oid) AS view_definition,
        'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into
    FROM "_relations" WHERE kind = 'v';
CREATE VIEW information.table_constraints AS
    SELECT _database() AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name, _database() AS table_catalog,
        schema_name AS table_schema, table_name, type AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced
    FROM "_constraints";
CREATE VIEW information.key_column_usage AS
    SELECT _database() AS constraint_catalog, k.schema_name AS constraint_schema, k.name AS constraint_name, _database() AS table_catalog,
        k.schema_name AS table_schema, k.table_name, k.columns[p.place] AS column_name, p.place AS ordinal_position,
        CASE WHEN k.type = 'FOREIGN KEY' THEN p.place END AS position_in_unique_constraint
    FROM "_constraints" AS k, LATERAL (SELECT unnest(range(1, len(k.columns) + 1))::INTEGER AS place) AS p
    WHERE k.type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY');
CREATE VIEW information.constraint_column_usage AS
    SELECT table_catalog, table_schema, table_name, column_name, constraint_catalog, constraint_schema, constraint_name
    FROM information.key_column_usage WHERE position_in_unique_constraint IS NULL
    UNION ALL
    SELECT _database(), schema_name, referenced_table, unnest(referenced_column_names), _database(), schema_name, name
    FROM "_constraints" WHERE type = 'FOREIGN KEY';
CREATE VIEW information.referential_constraints AS
    SELECT _database() AS constraint_catalog, f.schema_name AS constraint_schema, f.name AS constraint_name,
        _database() AS unique_constraint_catalog, u.schema_name AS unique_constraint_schema, u.name AS unique_constraint_name,
        'NONE' AS match_option, 'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
    FROM "_constraints" AS f JOIN "_constraints" AS u ON u.schema_name = f.schema_name AND u.table_name = f.referenced_table
        AND u.columns = f.referenced_column_names AND u.type IN ('PRIMARY KEY', 'UNIQUE')
    WHERE f.type = 'FOREIGN KEY';
CREATE VIEW information.check_constraints AS
    SELECT _database() AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name, expression AS check_clause
    FROM "_constraints" WHERE type = 'CHECK';
CREATE VIEW information.sequences AS
    SELECT _database() AS sequence_catalog, schemaname AS sequence_schema, sequencename AS sequence_name, data_type, 64 AS numeric_precision,
        2 AS numeric_precision_radix, 0 AS numeric_scale, start_value::VARCHAR AS start_value, min_value::VARCHAR AS minimum_value,
        max_value::VARCHAR AS maximum_value, increment_by::VARCHAR AS increment, CASE WHEN cycle THEN 'YES' ELSE 'NO' END AS cycle_option
    FROM pg_sequences;
CREATE VIEW information.table_privileges AS
    SELECT _user() AS grantor, _user() AS grantee, _database() AS table_catalog, r.schema_name AS table_schema, r.name AS table_name,
        p.name AS privilege_type, 'NO' AS is_grantable, CASE p.name WHEN 'SELECT' THEN 'YES' ELSE 'NO' END AS with_hierarchy
    FROM "_relations" AS r, (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS p (name)
    WHERE r.kind IN ('r', 'v') AND (p.name = 'SELECT' OR (r.is_own AND r.kind = 'r'));
CREATE VIEW information.role_table_grants AS SELECT * FROM information.table_privileges;
CREATE VIEW information.enabled_roles AS SELECT _user() AS role_name;
CREATE VIEW information.applicable_roles AS SELECT _user() AS grantee, _user() AS role_name, 'NO' AS is_grantable;
CREATE VIEW information.character_sets AS
    SELECT NULL::VARCHAR AS character_set_catalog, NULL::VARCHAR AS character_set_schema, 'UTF8' AS character_set_name, 'UCS' AS character_repertoire,
        'UTF8' AS form_of_use, _database() AS default_collate_catalog, 'pg_catalog' AS default_collate_schema, 'C' AS default_collate_name;

-- What there is none of.
CREATE TABLE information.routines (specific_catalog VARCHAR, specific_schema VARCHAR, specific_name VARCHAR, routine_catalog VARCHAR,
    routine_schema VARCHAR, routine_name VARCHAR, routine_type VARCHAR, data_type VARCHAR, routine_definition VARCHAR);
CREATE TABLE information.parameters (specific_catalog VARCHAR, specific_schema VARCHAR, specific_name VARCHAR, ordinal_position INTEGER,
    parameter_mode VARCHAR, parameter_name VARCHAR, data_type VARCHAR);
CREATE TABLE information.triggers (trigger_catalog VARCHAR, trigger_schema VARCHAR, trigger_name VARCHAR, event_manipulation VARCHAR,
    event_object_catalog VARCHAR, event_object_schema VARCHAR, event_object_table VARCHAR, action_statement VARCHAR);
CREATE TABLE information.domains (domain_catalog VARCHAR, domain_schema VARCHAR, domain_name VARCHAR, data_type VARCHAR);
CREATE TABLE information.element_types (object_catalog VARCHAR, object_schema VARCHAR, object_name VARCHAR, object_type VARCHAR,
    collection_type_identifier VARCHAR, data_type VARCHAR);
