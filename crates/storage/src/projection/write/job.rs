//! Writing jobs.

use sqlx::PgConnection;

use crate::projection::op::{JobOp, Op};

/// One of a project that was deleted meanwhile is not written.
const PUT: &str = "
    INSERT INTO jobs (id, tenant, project, branch, operation, table_id, method, target, body, run_id, node, created_by,
      created_at)
    SELECT new.id, new.tenant, new.project, new.branch, new.operation, new.table_id, new.method, new.target, new.body,
      new.run_id, new.node, new.created_by, new.time
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[])
      AS new (id, tenant, project, project_uid, branch, operation, table_id, method, target, body, run_id, node,
        created_by, time)
    JOIN projects ON projects.tenant = new.tenant AND projects.id = new.project AND projects.uid = new.project_uid
    ON CONFLICT (id) DO NOTHING";
const START: &str = "
    UPDATE jobs SET started_at = new.time FROM unnest($1::text[], $2::bigint[]) AS new (id, time)
    WHERE jobs.id = new.id AND jobs.started_at IS NULL";
const END: &str = "
    UPDATE jobs SET ended_at = new.time, is_success = new.is_success, answer = new.answer
    FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::text[]) AS new (id, time, is_success, answer)
    WHERE jobs.id = new.id";

pub(super) async fn jobs(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = match &step[0] {
        Op::Job(JobOp::Put(_)) => sqlx::query(PUT)
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.job))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.tenant))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.project))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.project_uid))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.branch))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.operation))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.table_id))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.method))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.target))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.body))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.run_id))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.node))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.event.created_by))
            .bind(column!(step, Op::Job(JobOp::Put(row)) => row.time)),
        Op::Job(JobOp::Start { .. }) => sqlx::query(START)
            .bind(column!(step, Op::Job(JobOp::Start { id, .. }) => id))
            .bind(column!(step, Op::Job(JobOp::Start { time, .. }) => time)),
        _ => sqlx::query(END)
            .bind(column!(step, Op::Job(JobOp::End { event, .. }) => event.job))
            .bind(column!(step, Op::Job(JobOp::End { time, .. }) => time))
            .bind(column!(step, Op::Job(JobOp::End { event, .. }) => event.is_success))
            .bind(column!(step, Op::Job(JobOp::End { event, .. }) => event.answer)),
    };
    query.execute(tx).await?;
    Ok(())
}
