//! Writing shares and links.

use sqlx::PgConnection;

use crate::projection::op::{Op, SharingOp};

const SHARE: &str = "
    INSERT INTO shares (tenant, project, bucket, uid, target_project, target_uid, by_level)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
    ON CONFLICT (tenant, project, bucket, target_project) DO UPDATE SET uid = EXCLUDED.uid,
      target_uid = EXCLUDED.target_uid, by_level = EXCLUDED.by_level";
const UNSHARE: &str = "
    DELETE FROM shares
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (tenant, project, bucket, target_project)
    WHERE shares.tenant = gone.tenant AND shares.project = gone.project AND shares.bucket = gone.bucket
      AND shares.target_project = gone.target_project";
const SET: &str = "
    UPDATE buckets SET sharing = new.sharing
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (tenant, project, bucket, sharing)
    WHERE buckets.tenant = new.tenant AND buckets.project = new.project AND buckets.name = new.bucket";
const CLOSE: &str = "
    UPDATE links SET is_closed = true
    FROM unnest($1::text[], $2::text[], $3::text[]) AS cut (tenant, project, bucket)
    WHERE links.tenant = cut.tenant AND links.project = cut.project AND links.bucket = cut.bucket";
const LINK: [&str; 2] = [
    "INSERT INTO buckets (tenant, project, name, uid, description, created_at)
     SELECT tenant, project, bucket, uid, description, time
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
       $9::text[]) AS new (tenant, project, bucket, uid, description, time, source_project, source_bucket, source_uid)
     ON CONFLICT (tenant, project, name) DO UPDATE SET uid = EXCLUDED.uid, description = EXCLUDED.description,
       created_at = EXCLUDED.created_at, snapshot_settings = NULL, sharing = NULL",
    "INSERT INTO links (tenant, project, bucket, source_project, source_bucket, source_uid)
     SELECT tenant, project, bucket, source_project, source_bucket, source_uid
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
       $9::text[]) AS new (tenant, project, bucket, uid, description, time, source_project, source_bucket, source_uid)
     ON CONFLICT (tenant, project, bucket) DO UPDATE SET source_project = EXCLUDED.source_project,
       source_bucket = EXCLUDED.source_bucket, source_uid = EXCLUDED.source_uid, is_closed = false",
];
const UNLINK: [&str; 4] = [
    "DELETE FROM metadata AS m USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, project, bucket), buckets AS b
     WHERE b.tenant = gone.tenant AND b.project = gone.project AND b.name = gone.bucket
       AND m.tenant = b.tenant AND m.kind = 'bucket' AND m.object = b.uid",
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
                .bind(column!(step, Op::Sharing(S::Share(row)) => row.by_level))
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
        Op::Sharing(S::Set(_) | S::Close { .. }) => levels(tx, step).await?,
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

/// How buckets are shared as a whole, and links that were cut.
async fn levels(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    use SharingOp as S;
    let query = if matches!(step[0], Op::Sharing(S::Set(_))) {
        sqlx::query(SET)
            .bind(column!(step, Op::Sharing(S::Set(row)) => row.tenant))
            .bind(column!(step, Op::Sharing(S::Set(row)) => row.project))
            .bind(column!(step, Op::Sharing(S::Set(row)) => row.bucket))
            .bind(column!(step, Op::Sharing(S::Set(row)) => row.sharing))
    } else {
        sqlx::query(CLOSE)
            .bind(column!(step, Op::Sharing(S::Close { tenant, .. }) => tenant))
            .bind(column!(step, Op::Sharing(S::Close { event, .. }) => event.project))
            .bind(column!(step, Op::Sharing(S::Close { event, .. }) => event.bucket))
    };
    query.execute(tx).await?;
    Ok(())
}
