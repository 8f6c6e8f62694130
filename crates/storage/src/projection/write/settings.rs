//! Writing settings of snapshots.

use sqlx::PgConnection;

use crate::projection::op::{Level, Op};

const PROJECTS: &str = "
    UPDATE projects SET snapshot_settings = new.settings
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (tenant, project, name, settings)
    WHERE projects.tenant = new.tenant AND projects.id = new.project";
const BUCKETS: &str = "
    UPDATE buckets SET snapshot_settings = new.settings
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (tenant, project, name, settings)
    WHERE buckets.tenant = new.tenant AND buckets.project = new.project AND buckets.name = new.name";
const TABLES: &str = "
    UPDATE tables SET snapshot_settings = new.settings
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (tenant, project, name, settings)
    WHERE tables.uid = new.name";

pub(super) async fn settings(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let Some(Op::Settings(first)) = step.first() else { return Ok(()) };
    let statement = match first.level {
        Level::Project => PROJECTS,
        Level::Bucket(_) => BUCKETS,
        Level::Table(_) => TABLES,
    };
    sqlx::query(statement)
        .bind(column!(step, Op::Settings(op) => op.tenant))
        .bind(column!(step, Op::Settings(op) => op.project))
        .bind(column!(step, Op::Settings(op) => op.name()))
        .bind(column!(step, Op::Settings(op) => op.settings))
        .execute(tx)
        .await?;
    Ok(())
}
