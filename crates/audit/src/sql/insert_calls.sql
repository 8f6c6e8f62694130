INSERT INTO call SELECT * FROM json_populate_recordset(NULL::call, $1::json) ON CONFLICT (seq) DO NOTHING
