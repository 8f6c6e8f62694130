//! Writing snapshots.

use sqlx::PgConnection;

use crate::projection::op::{Op, SnapshotOp};

const PUT: &str = "
    INSERT INTO snapshots (tenant, project, branch, bucket, table_name, table_uid, id, kind, description, created_by,
      created_at, expires_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::text[], $11::bigint[], $12::bigint[])
    ON CONFLICT (table_uid, id) DO NOTHING";
const SHAPE: &str = "
    UPDATE snapshots SET columns = new.columns, primary_key = new.primary_key
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (uid, id, columns, primary_key)
    WHERE snapshots.table_uid = new.uid AND snapshots.id = new.id";
const COUNT: &str = "
    UPDATE snapshots SET row_count = new.row_count, size_bytes = new.size_bytes
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS new (uid, id, row_count, size_bytes)
    WHERE snapshots.table_uid = new.uid AND snapshots.id = new.id";
const DELETE: &str = "
    DELETE FROM snapshots USING unnest($1::text[], $2::text[]) AS gone (uid, id)
    WHERE snapshots.table_uid = gone.uid AND snapshots.id = gone.id";

pub(super) async fn snapshots(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = match &step[0] {
        Op::Snapshot(SnapshotOp::Put(_)) => sqlx::query(PUT)
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.tenant))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.project))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.branch))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.bucket))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.table))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.uid))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.snapshot))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.kind))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.description))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.created_by))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.time))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Put(row)) => row.event.expires_at)),
        Op::Snapshot(SnapshotOp::Shape { .. }) => sqlx::query(SHAPE)
            .bind(column!(step, Op::Snapshot(SnapshotOp::Shape { uid, .. }) => uid))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Shape { id, .. }) => id))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Shape { columns, .. }) => columns))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Shape { primary_key, .. }) => primary_key)),
        Op::Snapshot(SnapshotOp::Count { .. }) => sqlx::query(COUNT)
            .bind(column!(step, Op::Snapshot(SnapshotOp::Count { uid, .. }) => uid))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Count { id, .. }) => id))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Count { row_count, .. }) => row_count))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Count { size_bytes, .. }) => size_bytes)),
        _ => sqlx::query(DELETE)
            .bind(column!(step, Op::Snapshot(SnapshotOp::Delete { uid, .. }) => uid))
            .bind(column!(step, Op::Snapshot(SnapshotOp::Delete { id, .. }) => id)),
    };
    query.execute(tx).await?;
    Ok(())
}
