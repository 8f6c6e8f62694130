//! Tables that are made with rows: kept apart until these are in.

use sqlx::PgConnection;

use super::Op;

const AWAIT_TABLES: &str = "
    INSERT INTO awaited_tables (tenant, project, branch, bucket, name, uid, copy_of, columns, primary_key, created_at, changed_seq)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::bigint[], $11::bigint[])
    ON CONFLICT (uid) DO NOTHING";
/// Only now does the table stand in the place of what its branch did not show.
const FILL_TABLES: &str = "
    WITH filled AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS filled (uid, seq)),
      new AS (DELETE FROM awaited_tables AS a USING filled WHERE a.uid = filled.uid
        RETURNING a.tenant, a.project, a.branch, a.bucket, a.name, a.uid, a.copy_of, a.columns, a.primary_key, a.created_at,
          filled.seq),
      shown AS (DELETE FROM hidden_tables AS h USING new
        WHERE h.tenant = new.tenant AND h.project = new.project AND h.branch = new.branch AND h.bucket = new.bucket
          AND lower(h.name) = lower(new.name))
    INSERT INTO tables (tenant, project, branch, bucket, name, uid, copy_of, columns, primary_key, created_at, changed_seq)
    SELECT * FROM new
    ON CONFLICT (uid) DO NOTHING";

pub(super) async fn awaited(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = if matches!(step[0], Op::AwaitTable(_)) {
        sqlx::query(AWAIT_TABLES)
            .bind(column!(step, Op::AwaitTable(row) => row.tenant))
            .bind(column!(step, Op::AwaitTable(row) => row.project))
            .bind(column!(step, Op::AwaitTable(row) => row.branch))
            .bind(column!(step, Op::AwaitTable(row) => row.bucket))
            .bind(column!(step, Op::AwaitTable(row) => row.name))
            .bind(column!(step, Op::AwaitTable(row) => row.uid))
            .bind(column!(step, Op::AwaitTable(row) => row.copy_of))
            .bind(column!(step, Op::AwaitTable(row) => row.columns))
            .bind(column!(step, Op::AwaitTable(row) => row.primary_key))
            .bind(column!(step, Op::AwaitTable(row) => row.time))
            .bind(column!(step, Op::AwaitTable(row) => row.seq))
    } else {
        sqlx::query(FILL_TABLES)
            .bind(column!(step, Op::FillTable { uid, .. } => uid))
            .bind(column!(step, Op::FillTable { seq, .. } => seq))
    };
    query.execute(tx).await?;
    Ok(())
}
