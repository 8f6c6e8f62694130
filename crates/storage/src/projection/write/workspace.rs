//! Writing workspaces.

use sqlx::PgConnection;

use crate::projection::op::{Op, WorkspaceOp};

/// One of a project that was deleted meanwhile is not written.
const PUT: &str = "
    INSERT INTO workspaces (uid, tenant, project, branch, id, name, created_at, expires_at, size_limit_bytes, username,
      password_hash, is_let_go, holder)
    SELECT new.uid, new.tenant, new.project, new.branch, new.id, new.name, new.time, new.expires_at, new.size_limit_bytes,
      new.username, new.password_hash, false, new.holder
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
      $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[])
      AS new (uid, tenant, project, project_uid, branch, id, name, time, expires_at, size_limit_bytes, username,
        password_hash, holder)
    JOIN projects ON projects.tenant = new.tenant AND projects.id = new.project AND projects.uid = new.project_uid
    ON CONFLICT (uid) DO NOTHING";
const SET_PASSWORD: &str = "
    UPDATE workspaces SET password_hash = new.hash FROM unnest($1::text[], $2::text[]) AS new (uid, hash)
    WHERE workspaces.uid = new.uid";
/// Of a workspace that was deleted meanwhile there are none.
const ADMIT: &str = "
    INSERT INTO workspace_credentials (uid, id, name, username, password_hash, created_at)
    SELECT new.uid, new.id, new.name, new.username, new.hash, new.time
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
      AS new (uid, id, name, username, hash, time)
    JOIN workspaces ON workspaces.uid = new.uid
    ON CONFLICT (uid, id) DO NOTHING";
const DISMISS: &str = "
    DELETE FROM workspace_credentials AS c USING unnest($1::text[], $2::text[]) AS gone (uid, id)
    WHERE c.uid = gone.uid AND c.id = gone.id";
const LET_GO: &str = "UPDATE workspaces SET is_let_go = true WHERE uid = ANY ($1::text[])";
const DELETE: &str = "DELETE FROM workspaces WHERE uid = ANY ($1::text[])";

pub(super) async fn workspaces(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = match &step[0] {
        Op::Workspace(WorkspaceOp::Put(_)) => sqlx::query(PUT)
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.uid))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.tenant))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.project))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.project_uid))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.branch))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.workspace))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.name))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.time))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.expires_at))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.size_limit_bytes))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.username))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.password_hash))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Put(row)) => row.event.holder)),
        Op::Workspace(WorkspaceOp::SetPassword { .. }) => sqlx::query(SET_PASSWORD)
            .bind(column!(step, Op::Workspace(WorkspaceOp::SetPassword { uid, .. }) => uid))
            .bind(column!(step, Op::Workspace(WorkspaceOp::SetPassword { hash, .. }) => hash)),
        Op::Workspace(WorkspaceOp::Admit(_)) => sqlx::query(ADMIT)
            .bind(column!(step, Op::Workspace(WorkspaceOp::Admit(row)) => row.uid))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Admit(row)) => row.event.credential))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Admit(row)) => row.event.name))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Admit(row)) => row.event.username))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Admit(row)) => row.event.password_hash))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Admit(row)) => row.time)),
        Op::Workspace(WorkspaceOp::Dismiss { .. }) => sqlx::query(DISMISS)
            .bind(column!(step, Op::Workspace(WorkspaceOp::Dismiss { uid, .. }) => uid))
            .bind(column!(step, Op::Workspace(WorkspaceOp::Dismiss { id, .. }) => id)),
        Op::Workspace(WorkspaceOp::LetGo { .. }) => {
            sqlx::query(LET_GO).bind(column!(step, Op::Workspace(WorkspaceOp::LetGo { uid }) => uid))
        }
        _ => sqlx::query(DELETE).bind(column!(step, Op::Workspace(WorkspaceOp::Delete { uid }) => uid)),
    };
    query.execute(tx).await?;
    Ok(())
}
