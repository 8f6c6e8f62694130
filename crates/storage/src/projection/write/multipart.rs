//! Writing uploads in parts.

use sqlx::PgConnection;

use crate::projection::op::{MultipartOp, Op};

/// One of a project that was deleted meanwhile is not written.
const START: &str = "
    INSERT INTO multiparts (tenant, upload, project, branch, key, content_type, started_at, expires_at)
    SELECT new.tenant, new.upload, new.project, new.branch, new.key, new.content_type, new.time, new.expires_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
      $9::bigint[])
      AS new (tenant, upload, project, project_uid, branch, key, content_type, time, expires_at)
    JOIN projects ON projects.tenant = new.tenant AND projects.id = new.project AND projects.uid = new.project_uid
    ON CONFLICT (tenant, upload) DO NOTHING";
const STAGE: &str = "
    INSERT INTO multipart_parts (tenant, upload, number, blob, size_bytes, md5, staged_at)
    SELECT new.tenant, new.upload, new.number, new.blob, new.size_bytes, new.md5, new.time
    FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])
      AS new (tenant, upload, number, blob, size_bytes, md5, time)
    JOIN multiparts AS m ON m.tenant = new.tenant AND m.upload = new.upload
    ON CONFLICT (tenant, upload, number) DO UPDATE SET blob = EXCLUDED.blob, size_bytes = EXCLUDED.size_bytes,
      md5 = EXCLUDED.md5, staged_at = EXCLUDED.staged_at";
const COMPLETE: [&str; 2] = [
    "UPDATE multiparts AS m SET md5 = new.md5 FROM unnest($1::text[], $2::text[], $3::text[]) AS new (tenant, upload, md5)
     WHERE m.tenant = new.tenant AND m.upload = new.upload",
    "DELETE FROM multipart_parts AS p USING unnest($1::text[], $2::text[], $3::text[]) AS done (tenant, upload, md5)
     WHERE p.tenant = done.tenant AND p.upload = done.upload",
];
const END: [&str; 2] = [
    "DELETE FROM multipart_parts AS p USING unnest($1::text[], $2::text[]) AS gone (tenant, upload)
     WHERE p.tenant = gone.tenant AND p.upload = gone.upload",
    "DELETE FROM multiparts AS m USING unnest($1::text[], $2::text[]) AS gone (tenant, upload)
     WHERE m.tenant = gone.tenant AND m.upload = gone.upload",
];

pub(super) async fn multiparts(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    match &step[0] {
        Op::Multipart(MultipartOp::Start(_)) => start(tx, step).await,
        Op::Multipart(MultipartOp::Stage(_)) => stage(tx, step).await,
        Op::Multipart(MultipartOp::Complete { .. }) => {
            for statement in COMPLETE {
                sqlx::query(statement)
                    .bind(column!(step, Op::Multipart(MultipartOp::Complete { tenant, .. }) => tenant))
                    .bind(column!(step, Op::Multipart(MultipartOp::Complete { upload, .. }) => upload))
                    .bind(column!(step, Op::Multipart(MultipartOp::Complete { md5, .. }) => md5))
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(())
        }
        _ => {
            for statement in END {
                sqlx::query(statement)
                    .bind(column!(step, Op::Multipart(MultipartOp::End { tenant, .. }) => tenant))
                    .bind(column!(step, Op::Multipart(MultipartOp::End { upload, .. }) => upload))
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(())
        }
    }
}

async fn start(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    sqlx::query(START)
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.tenant))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.upload))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.project))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.project_uid))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.branch))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.key))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.content_type))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.time))
        .bind(column!(step, Op::Multipart(MultipartOp::Start(row)) => row.event.expires_at))
        .execute(tx)
        .await?;
    Ok(())
}

async fn stage(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    sqlx::query(STAGE)
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.tenant))
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.event.upload))
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.event.number))
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.event.blob))
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.event.size_bytes))
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.event.md5))
        .bind(column!(step, Op::Multipart(MultipartOp::Stage(row)) => row.time))
        .execute(tx)
        .await?;
    Ok(())
}
