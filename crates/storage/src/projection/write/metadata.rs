//! Writing metadata.

use sqlx::PgConnection;

use crate::projection::op::{MetadataOp, Op};

/// Of a column that went meanwhile nothing is said.
const PUT: &str = r#"
    INSERT INTO metadata (tenant, project, kind, object, branch, column_name, id, provider, key, value, changed_at)
    SELECT new.tenant, new.project, new.kind, new.object, new.branch, new.column_name, new.id, new.provider, new.key,
      new.value, new.time
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::text[], $11::text[], $12::bigint[])
      AS new (tenant, project, kind, object, branch, uid, column_name, id, provider, key, value, time)
    WHERE new.column_name = '' OR EXISTS (
      SELECT 1 FROM tables AS t, json_array_elements(t.columns::json) AS c (spec)
      WHERE t.uid = new.uid AND lower((c.spec ->> 'name') COLLATE "C") = new.column_name)
    ON CONFLICT (tenant, kind, object, column_name, id, branch) DO UPDATE SET provider = EXCLUDED.provider,
      key = EXCLUDED.key, value = EXCLUDED.value, changed_at = EXCLUDED.changed_at, pinned = false"#;
const DELETE: &str = "
    DELETE FROM metadata AS m
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      AS gone (tenant, kind, object, branch, column_name, id)
    WHERE m.tenant = gone.tenant AND m.kind = gone.kind AND m.object = gone.object AND m.branch = gone.branch
      AND m.column_name = gone.column_name AND m.id = gone.id";
const CLEAR: &str = "
    DELETE FROM metadata AS m USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, object, branch)
    WHERE m.tenant = gone.tenant AND m.kind = 'table' AND m.object = gone.object AND m.branch = gone.branch";
/// What dev branches say of a column of the main line's table goes with the column, unless they have a table of their own.
const COLUMNS: &str = "
    DELETE FROM metadata AS m
    USING unnest($1::text[], $2::text[], $3::text[]) AS new (uid, gone, kept), tables AS t
    WHERE t.uid = new.uid AND m.tenant = t.tenant AND m.kind = 'table'
      AND m.object = CASE WHEN t.branch = 'default' THEN t.uid ELSE coalesce(t.copy_of, t.uid) END
      AND (m.column_name = new.gone OR (m.column_name <> '' AND new.kept IS NOT NULL
        AND m.column_name NOT IN (SELECT json_array_elements_text(new.kept::json))))
      AND (m.branch = t.branch OR (t.branch = 'default' AND NOT EXISTS (
        SELECT 1 FROM tables AS o WHERE o.tenant = t.tenant AND o.branch = m.branch AND o.copy_of = t.uid)))";
const MERGE: [&str; 2] = [
    "DELETE FROM metadata AS m
     USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
       AS new (tenant, object, source, branch, time), metadata AS hidden
     WHERE hidden.tenant = new.tenant AND hidden.kind = 'table' AND hidden.object = new.source
       AND hidden.branch = new.branch AND hidden.value IS NULL
       AND m.tenant = new.tenant AND m.kind = 'table' AND m.object = new.object AND m.branch = 'default'
       AND m.column_name = hidden.column_name AND m.id = hidden.id",
    r#"INSERT INTO metadata (tenant, project, kind, object, branch, column_name, id, provider, key, value, changed_at)
     SELECT said.tenant, said.project, 'table', new.object, 'default', said.column_name, said.id, said.provider, said.key,
       said.value, new.time
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS new (tenant, object, source, branch, time)
     JOIN metadata AS said ON said.tenant = new.tenant AND said.kind = 'table' AND said.object = new.source
       AND said.branch = new.branch AND said.value IS NOT NULL AND NOT said.pinned
     WHERE said.column_name = '' OR EXISTS (
       SELECT 1 FROM tables AS t, json_array_elements(t.columns::json) AS c (spec)
       WHERE t.uid = new.object AND lower((c.spec ->> 'name') COLLATE "C") = said.column_name)
     ON CONFLICT (tenant, kind, object, column_name, id, branch) DO UPDATE SET provider = EXCLUDED.provider,
       key = EXCLUDED.key, value = EXCLUDED.value, changed_at = EXCLUDED.changed_at"#,
];

/// One field of every entry of every op, or of its object as often as there are entries.
macro_rules! entries {
    ($step:expr, $said:ident => $value:expr) => {
        entries!($step, $said, _entry => $value)
    };
    ($step:expr, $said:ident, $entry:pat => $value:expr) => {{
        let said = $step.iter().filter_map(|op| if let Op::Metadata(MetadataOp::Put(said)) = op { Some(said) } else { None });
        said.flat_map(|$said| $said.entries.iter().map(move |$entry| $value.clone())).collect::<Vec<_>>()
    }};
}

pub(super) async fn metadata(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    use MetadataOp as M;
    match &step[0] {
        Op::Metadata(M::Put(_)) => put(tx, step).await,
        Op::Metadata(M::Delete(_)) => delete(tx, step).await,
        Op::Metadata(M::Clear { .. }) => {
            sqlx::query(CLEAR)
                .bind(column!(step, Op::Metadata(M::Clear { tenant, .. }) => tenant))
                .bind(column!(step, Op::Metadata(M::Clear { object, .. }) => object))
                .bind(column!(step, Op::Metadata(M::Clear { branch, .. }) => branch))
                .execute(tx)
                .await?;
            Ok(())
        }
        Op::Metadata(M::Columns { .. }) => {
            sqlx::query(COLUMNS)
                .bind(column!(step, Op::Metadata(M::Columns { uid, .. }) => uid))
                .bind(column!(step, Op::Metadata(M::Columns { gone, .. }) => gone))
                .bind(column!(step, Op::Metadata(M::Columns { kept, .. }) => kept))
                .execute(tx)
                .await?;
            Ok(())
        }
        _ => {
            for statement in MERGE {
                sqlx::query(statement)
                    .bind(column!(step, Op::Metadata(M::Merge(row)) => row.tenant))
                    .bind(column!(step, Op::Metadata(M::Merge(row)) => row.event.object))
                    .bind(column!(step, Op::Metadata(M::Merge(row)) => row.event.source))
                    .bind(column!(step, Op::Metadata(M::Merge(row)) => row.event.branch))
                    .bind(column!(step, Op::Metadata(M::Merge(row)) => row.time))
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(())
        }
    }
}

async fn put(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    sqlx::query(PUT)
        .bind(entries!(step, said => said.tenant))
        .bind(entries!(step, said => said.project))
        .bind(entries!(step, said => said.kind))
        .bind(entries!(step, said => said.object))
        .bind(entries!(step, said => said.branch))
        .bind(entries!(step, said => said.uid))
        .bind(entries!(step, said, (column, ..) => column))
        .bind(entries!(step, said, (_, id, ..) => id))
        .bind(entries!(step, said => said.provider))
        .bind(entries!(step, said, (_, _, key, _) => key))
        .bind(entries!(step, said, (.., value) => value))
        .bind(entries!(step, said => said.time))
        .execute(tx)
        .await?;
    Ok(())
}

async fn delete(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    sqlx::query(DELETE)
        .bind(column!(step, Op::Metadata(MetadataOp::Delete(entry)) => entry.tenant))
        .bind(column!(step, Op::Metadata(MetadataOp::Delete(entry)) => entry.kind))
        .bind(column!(step, Op::Metadata(MetadataOp::Delete(entry)) => entry.object))
        .bind(column!(step, Op::Metadata(MetadataOp::Delete(entry)) => entry.branch))
        .bind(column!(step, Op::Metadata(MetadataOp::Delete(entry)) => entry.column))
        .bind(column!(step, Op::Metadata(MetadataOp::Delete(entry)) => entry.id))
        .execute(tx)
        .await?;
    Ok(())
}
