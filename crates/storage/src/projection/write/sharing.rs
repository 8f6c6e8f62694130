//! Writing shares and links.

use sqlx::PgConnection;

use crate::projection::op::{Op, SharingOp};

const SHARE: &str = "
    INSERT INTO shares (tenant, project, bucket, uid, target_project, target_uid)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    ON CONFLICT (tenant, project, bucket, target_project) DO UPDATE SET uid = EXCLUDED.uid,
      target_uid = EXCLUDED.target_uid";
const UNSHARE: &str = "
    DELETE FROM shares
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, project, bucket, target_project)
    WHERE shares.tenant = gone.tenant AND shares.project = gone.project AND shares.bucket = gone.bucket
      AND shares.target_project = gone.target_project";
const LINK: [&str; 2] = [
    "INSERT INTO buckets (tenant, project, name, uid, description, created_at)
     SELECT tenant, project, bucket, uid, description, time
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
       $9::text[]) AS new (tenant, project, bucket, uid, description, time, source_project, source_bucket, source_uid)
     ON CONFLICT (tenant, project, name) DO UPDATE SET uid = EXCLUDED.uid, description = EXCLUDED.description,
       created_at = EXCLUDED.created_at, snapshot_settings = NULL",
    "INSERT INTO links (tenant, project, bucket, source_project, source_bucket, source_uid)
     SELECT tenant, project, bucket, source_project, source_bucket, source_uid
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
       $9::text[]) AS new (tenant, project, bucket, uid, description, time, source_project, source_bucket, source_uid)
     ON CONFLICT (tenant, project, bucket) DO UPDATE SET source_project = EXCLUDED.source_project,
       source_bucket = EXCLUDED.source_bucket, source_uid = EXCLUDED.source_uid",
];
const UNLINK: [&str; 3] = [
    "DELETE FROM hidden_tables AS h USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, project, bucket)
     WHERE h.tenant = gone.tenant AND h.project = gone.project AND h.bucket = gone.bucket",
    "DELETE FROM links USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, project, bucket)
     WHERE links.tenant = gone.tenant AND links.project = gone.project AND links.bucket = gone.bucket",
    "DELETE FROM buckets USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, project, bucket)
     WHERE buckets.tenant = gone.tenant AND buckets.project = gone.project AND buckets.name = gone.bucket",
];

pub(super) async fn sharing(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    use SharingOp as S;
    match &step[0] {
        Op::Sharing(S::Share(_)) => {
            sqlx::query(SHARE)
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.tenant))
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.project))
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.bucket))
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.uid))
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.target_project))
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.target_uid))
                .execute(tx)
                .await?;
        }
        Op::Sharing(S::Unshare(_)) => {
            sqlx::query(UNSHARE)
                .bind(column!(step, Op::Sharing(S::Unshare(row)) => row.tenant))
                .bind(column!(step, Op::Sharing(S::Unshare(row)) => row.project))
                .bind(column!(step, Op::Sharing(S::Unshare(row)) => row.bucket))
                .bind(column!(step, Op::Sharing(S::Unshare(row)) => row.target_project))
                .execute(tx)
                .await?;
        }
        Op::Sharing(S::Link(_)) => {
            for statement in LINK {
                sqlx::query(statement)
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.tenant))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.project))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.bucket))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.uid))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.description))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.time))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.source_project))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.source_bucket))
                    .bind(column!(step, Op::Sharing(S::Link(row)) => row.event.source_uid))
                    .execute(&mut *tx)
                    .await?;
            }
        }
        _ => {
            for statement in UNLINK {
                sqlx::query(statement)
                    .bind(column!(step, Op::Sharing(S::Unlink { tenant, .. }) => tenant))
                    .bind(column!(step, Op::Sharing(S::Unlink { event, .. }) => event.project))
                    .bind(column!(step, Op::Sharing(S::Unlink { event, .. }) => event.bucket))
                    .execute(&mut *tx)
                    .await?;
            }
        }
    }
    Ok(())
}
