//! Writing projects.

use sqlx::PgConnection;

use super::super::op::Op;

const PUT_PROJECTS: &str = "
    WITH new AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
        AS new (tenant, id, uid, name, settings, organization, time)),
      back AS (DELETE FROM deleted_projects AS d USING new WHERE d.tenant = new.tenant AND d.id = new.id)
    INSERT INTO projects (tenant, id, uid, name, settings, organization, created_at, updated_at)
    SELECT tenant, id, uid, name, settings, organization, time, time FROM new
    ON CONFLICT (tenant, id) DO UPDATE SET uid = EXCLUDED.uid, name = EXCLUDED.name, settings = EXCLUDED.settings,
      organization = EXCLUDED.organization, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at, snapshot_settings = NULL";
const UPDATE_PROJECTS: &str = "
    UPDATE projects SET name = new.name, settings = new.settings, organization = new.organization, updated_at = new.time
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
      AS new (tenant, id, name, settings, organization, time)
    WHERE projects.tenant = new.tenant AND projects.id = new.id";
/// Only what is the project's own is counted: what links show depends on what else is deleted with the same statement.
const NOTE_DELETED: &str = "
    INSERT INTO deleted_projects (tenant, id, uid, name, settings, organization, created_at, deleted_at, bucket_count,
      table_count)
    SELECT p.tenant, p.id, p.uid, p.name, p.settings, p.organization, p.created_at, gone.time,
      (SELECT count(*) FROM buckets AS b WHERE b.tenant = p.tenant AND b.project = p.id),
      (SELECT count(*) FROM tables AS t WHERE t.tenant = p.tenant AND t.project = p.id AND t.branch = 'default')
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS gone (tenant, id, time)
    JOIN projects AS p ON p.tenant = gone.tenant AND p.id = gone.id
    ON CONFLICT (tenant, id) DO UPDATE SET uid = EXCLUDED.uid, name = EXCLUDED.name, settings = EXCLUDED.settings,
      organization = EXCLUDED.organization, created_at = EXCLUDED.created_at, deleted_at = EXCLUDED.deleted_at, bucket_count = EXCLUDED.bucket_count,
      table_count = EXCLUDED.table_count";
const DELETE_PROJECTS: [&str; 17] = [
    "DELETE FROM aliases AS a USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE a.tenant = gone.tenant AND a.project = gone.id",
    "DELETE FROM metadata AS m USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE m.tenant = gone.tenant AND m.project = gone.id",
    "DELETE FROM jobs USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE jobs.tenant = gone.tenant AND jobs.project = gone.id",
    "DELETE FROM hidden_tables AS h USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE h.tenant = gone.tenant AND h.project = gone.id",
    "DELETE FROM links USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE links.tenant = gone.tenant AND links.project = gone.id",
    "DELETE FROM shares USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE shares.tenant = gone.tenant AND gone.id IN (shares.project, shares.target_project)",
    "DELETE FROM pinned_buckets AS b USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE b.tenant = gone.tenant AND b.project = gone.id",
    "DELETE FROM branches USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE branches.tenant = gone.tenant AND branches.project = gone.id",
    "DELETE FROM snapshots USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE snapshots.tenant = gone.tenant AND snapshots.project = gone.id",
    "DELETE FROM workspaces USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE workspaces.tenant = gone.tenant AND workspaces.project = gone.id",
    "DELETE FROM files USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE files.tenant = gone.tenant AND files.project = gone.id",
    "DELETE FROM multipart_parts AS p USING multiparts AS m, unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE m.tenant = gone.tenant AND m.project = gone.id AND p.tenant = m.tenant AND p.upload = m.upload",
    "DELETE FROM multiparts AS m USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE m.tenant = gone.tenant AND m.project = gone.id",
    "DELETE FROM awaited_tables AS t USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE t.tenant = gone.tenant AND t.project = gone.id",
    "DELETE FROM tables USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE tables.tenant = gone.tenant AND tables.project = gone.id",
    "DELETE FROM buckets USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE buckets.tenant = gone.tenant AND buckets.project = gone.id",
    "DELETE FROM projects USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE projects.tenant = gone.tenant AND projects.id = gone.id",
];

pub(super) async fn projects(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    match &step[0] {
        Op::PutProject { .. } => {
            sqlx::query(PUT_PROJECTS)
                .bind(column!(step, Op::PutProject { tenant, .. } => tenant))
                .bind(column!(step, Op::PutProject { event, .. } => event.project))
                .bind(column!(step, Op::PutProject { event, .. } => event.uid))
                .bind(column!(step, Op::PutProject { event, .. } => event.name))
                .bind(column!(step, Op::PutProject { event, .. } => event.settings))
                .bind(column!(step, Op::PutProject { event, .. } => event.organization))
                .bind(column!(step, Op::PutProject { time, .. } => time))
                .execute(tx)
                .await?;
        }
        Op::UpdateProject { .. } => {
            sqlx::query(UPDATE_PROJECTS)
                .bind(column!(step, Op::UpdateProject { tenant, .. } => tenant))
                .bind(column!(step, Op::UpdateProject { event, .. } => event.project))
                .bind(column!(step, Op::UpdateProject { event, .. } => event.name))
                .bind(column!(step, Op::UpdateProject { event, .. } => event.settings))
                .bind(column!(step, Op::UpdateProject { event, .. } => event.organization))
                .bind(column!(step, Op::UpdateProject { time, .. } => time))
                .execute(tx)
                .await?;
        }
        _ => {
            sqlx::query(NOTE_DELETED)
                .bind(column!(step, Op::DeleteProject { tenant, .. } => tenant))
                .bind(column!(step, Op::DeleteProject { id, .. } => id))
                .bind(column!(step, Op::DeleteProject { time, .. } => time))
                .execute(&mut *tx)
                .await?;
            for statement in DELETE_PROJECTS {
                sqlx::query(statement)
                    .bind(column!(step, Op::DeleteProject { tenant, .. } => tenant))
                    .bind(column!(step, Op::DeleteProject { id, .. } => id))
                    .execute(&mut *tx)
                    .await?;
            }
        }
    }
    Ok(())
}
