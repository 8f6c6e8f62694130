//! Writing a step: one statement over arrays.

/// Collects one field of every op of a step into an array to bind; the pattern names the kind.
macro_rules! column {
    ($step:expr, $pattern:pat => $value:expr) => {
        $step.iter().filter_map(|op| if let $pattern = op { Some($value.clone()) } else { None }).collect::<Vec<_>>()
    };
}

mod alias;
mod job;
mod metadata;
mod multipart;
mod project;
mod settings;
mod sharing;
mod snapshot;
mod table;
mod workspace;

use alluvium_projection::ApplyError;
use sqlx::PgConnection;

use super::op::Op;

/// A pinned one shows what there is now; its tables and aliases come with events of their own.
const PUT_BRANCHES: &str = "
    WITH new AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])
        AS new (tenant, project, id, name, description, created_at, created_by, mode)),
      pins AS (
        INSERT INTO pinned_buckets (tenant, project, branch, bucket)
        SELECT b.tenant, b.project, new.id, b.name FROM new
        JOIN buckets AS b ON b.tenant = new.tenant AND b.project = new.project
        WHERE new.mode = 'pinned' AND NOT EXISTS (SELECT 1 FROM links AS l
          WHERE l.tenant = b.tenant AND l.project = b.project AND l.bucket = b.name)
        ON CONFLICT DO NOTHING),
      said AS (
        INSERT INTO metadata (tenant, project, kind, object, column_name, id, branch, provider, key, value, changed_at, pinned)
        SELECT m.tenant, m.project, m.kind, m.object, m.column_name, m.id, new.id, m.provider, m.key, m.value, m.changed_at, true
        FROM new
        JOIN metadata AS m ON m.tenant = new.tenant AND m.project = new.project AND m.branch = 'default'
        WHERE new.mode = 'pinned' AND m.kind IN ('branch', 'bucket')
        ON CONFLICT DO NOTHING)
    INSERT INTO branches (tenant, project, id, name, description, created_at, created_by, mode)
    SELECT * FROM new
    ON CONFLICT (tenant, project, id) DO UPDATE SET name = EXCLUDED.name, description = EXCLUDED.description,
      created_at = EXCLUDED.created_at, created_by = EXCLUDED.created_by, mode = EXCLUDED.mode";
const DELETE_BRANCHES: &str = "
    WITH gone AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, project, id)),
      shown AS (DELETE FROM hidden_tables AS h USING gone
        WHERE h.tenant = gone.tenant AND h.project = gone.project AND h.branch = gone.id),
      taken AS (DELETE FROM snapshots USING gone
        WHERE snapshots.tenant = gone.tenant AND snapshots.project = gone.project AND snapshots.branch = gone.id),
      said AS (DELETE FROM metadata AS m USING gone
        WHERE m.tenant = gone.tenant AND m.project = gone.project AND m.branch = gone.id),
      pins AS (DELETE FROM pinned_buckets AS p USING gone
        WHERE p.tenant = gone.tenant AND p.project = gone.project AND p.branch = gone.id),
      aliased AS (DELETE FROM aliases AS a USING gone
        WHERE a.tenant = gone.tenant AND a.project = gone.project AND a.branch = gone.id),
      left_over AS (DELETE FROM workspaces USING gone
        WHERE workspaces.tenant = gone.tenant AND workspaces.project = gone.project AND workspaces.branch = gone.id)
    DELETE FROM branches USING gone
    WHERE branches.tenant = gone.tenant AND branches.project = gone.project AND branches.id = gone.id";
const PUT_BUCKETS: &str = "
    INSERT INTO buckets (tenant, project, name, uid, description, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    ON CONFLICT (tenant, project, name) DO UPDATE SET uid = EXCLUDED.uid, description = EXCLUDED.description,
      created_at = EXCLUDED.created_at, snapshot_settings = NULL, sharing = NULL";
const DELETE_BUCKETS: &str = "
    WITH gone AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, project, name)),
      shown AS (DELETE FROM hidden_tables AS h USING gone
        WHERE h.tenant = gone.tenant AND h.project = gone.project AND h.bucket = gone.name),
      said AS (DELETE FROM metadata AS m USING gone, buckets AS b
        WHERE b.tenant = gone.tenant AND b.project = gone.project AND b.name = gone.name
          AND m.tenant = b.tenant AND m.kind = 'bucket' AND m.object = b.uid),
      shared AS (DELETE FROM shares USING gone
        WHERE shares.tenant = gone.tenant AND shares.project = gone.project AND shares.bucket = gone.name)
    DELETE FROM buckets USING gone
    WHERE buckets.tenant = gone.tenant AND buckets.project = gone.project AND buckets.name = gone.name";
/// A pinned branch begins with what is said of the main line's tables as well; only then it gets copies of these.
const PUT_TABLES: &str = "
    WITH new AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::bigint[], $11::bigint[])
        AS new (tenant, project, branch, bucket, name, uid, copy_of, columns, primary_key, created_at, changed_seq)),
      shown AS (DELETE FROM hidden_tables AS h USING new
        WHERE h.tenant = new.tenant AND h.project = new.project AND h.branch = new.branch AND h.bucket = new.bucket
          AND lower(h.name) = lower(new.name)),
      said AS (
        INSERT INTO metadata (tenant, project, kind, object, column_name, id, branch, provider, key, value, changed_at, pinned)
        SELECT m.tenant, m.project, m.kind, m.object, m.column_name, m.id, b.id, m.provider, m.key, m.value, m.changed_at, true
        FROM new
        JOIN branches AS b ON b.tenant = new.tenant AND b.project = new.project AND b.id = new.branch AND b.mode = 'pinned'
        JOIN metadata AS m ON m.tenant = new.tenant AND m.kind = 'table' AND m.object = new.copy_of AND m.branch = 'default'
        ON CONFLICT DO NOTHING)
    INSERT INTO tables (tenant, project, branch, bucket, name, uid, copy_of, columns, primary_key, created_at, changed_seq)
    SELECT * FROM new
    ON CONFLICT (uid) DO NOTHING";
const HIDE_TABLES: &str = "
    INSERT INTO hidden_tables (tenant, project, branch, bucket, name, hidden_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    ON CONFLICT DO NOTHING";
const SHOW_TABLES: &str = "
    DELETE FROM hidden_tables AS h
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS new (tenant, project, branch, bucket, name)
    WHERE h.tenant = new.tenant AND h.project = new.project AND h.branch = new.branch AND h.bucket = new.bucket
      AND lower(h.name) = lower(new.name)";
/// What a dev branch says of a table of the main line goes with the table, unless the branch has one of its own in its place.
const DELETE_TABLES: &str = "
    WITH gone AS (
      SELECT tenant, branch, CASE WHEN branch = 'default' THEN uid ELSE coalesce(copy_of, uid) END AS object
      FROM tables WHERE uid = ANY ($1::text[])),
      said AS (DELETE FROM metadata AS m USING gone
        WHERE m.tenant = gone.tenant AND m.kind = 'table' AND m.object = gone.object
          AND (m.branch = gone.branch OR (gone.branch = 'default' AND NOT EXISTS (
            SELECT 1 FROM tables AS o WHERE o.tenant = gone.tenant AND o.branch = m.branch AND o.copy_of = gone.object
              AND o.uid <> ALL ($1::text[]))))),
      never AS (DELETE FROM awaited_tables WHERE uid = ANY ($1::text[]))
    DELETE FROM tables WHERE uid = ANY ($1::text[])";
const PATCH_TABLES: &str = "
    UPDATE tables SET columns = coalesce(new.columns, tables.columns),
      primary_key = coalesce(new.primary_key, tables.primary_key), changed_seq = new.seq
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS new (uid, columns, primary_key, seq)
    WHERE tables.uid = new.uid";
const DROP_COLUMNS: &str = "
    UPDATE tables SET changed_seq = gone.seq, columns = (
      SELECT json_agg(kept.spec ORDER BY kept.place)::text
      FROM json_array_elements(tables.columns::json) WITH ORDINALITY AS kept (spec, place)
      WHERE kept.spec ->> 'name' <> gone.name)
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS gone (uid, name, seq)
    WHERE tables.uid = gone.uid";
/// `created_at` is when the file was registered, as its event says; while it is uploaded, when the upload was opened.
const PUT_FILES: &str = "
    INSERT INTO files (tenant, project, id, name, content_type, blob, size_bytes, tags, is_registered, created_at,
      expires_at, md5, key, run_id, branch, is_sliced)
    SELECT new.tenant, new.project, new.id, new.name, new.content_type, new.blob, new.size_bytes, new.tags,
      new.is_registered, new.time, new.expires_at, new.md5, new.key, new.run_id, new.branch, new.is_sliced
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
      $9::text[], $10::boolean[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[],
      $16::text[], $17::boolean[])
      AS new (tenant, project, project_uid, id, name, content_type, blob, size_bytes, tags, is_registered, time, expires_at,
        md5, key, run_id, branch, is_sliced)
    JOIN projects ON projects.tenant = new.tenant AND projects.id = new.project AND projects.uid = new.project_uid
    ON CONFLICT (tenant, id) DO UPDATE SET name = EXCLUDED.name, content_type = EXCLUDED.content_type,
      blob = EXCLUDED.blob, size_bytes = EXCLUDED.size_bytes, tags = EXCLUDED.tags,
      is_registered = EXCLUDED.is_registered, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at,
      md5 = EXCLUDED.md5, key = EXCLUDED.key, run_id = EXCLUDED.run_id, branch = EXCLUDED.branch,
      is_sliced = EXCLUDED.is_sliced";
const STAGE_FILES: &str = "
    UPDATE files SET blob = new.blob, size_bytes = new.size_bytes, md5 = new.md5
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) AS new (tenant, id, blob, size_bytes, md5)
    WHERE files.tenant = new.tenant AND files.id = new.id";
const TAG_FILES: &str = "
    UPDATE files SET tags = new.tags FROM unnest($1::text[], $2::text[], $3::text[]) AS new (tenant, id, tags)
    WHERE files.tenant = new.tenant AND files.id = new.id";
/// A file that expired can still be listed by who asks for such; of an upload nothing stays.
const EXPIRE_FILES: [&str; 2] = [
    "UPDATE files SET blob = NULL FROM unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE files.tenant = gone.tenant AND files.id = gone.id AND files.is_registered",
    "DELETE FROM files USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
     WHERE files.tenant = gone.tenant AND files.id = gone.id AND NOT files.is_registered",
];
const DELETE_FILES: &str = "
    DELETE FROM files USING unnest($1::text[], $2::text[]) AS gone (tenant, id)
    WHERE files.tenant = gone.tenant AND files.id = gone.id";

/// Writes one step: ops of one kind, each on a row of its own.
pub(super) async fn write(tx: &mut PgConnection, step: Vec<Op>) -> Result<(), ApplyError> {
    let Some(first) = step.first() else { return Ok(()) };
    match first {
        Op::PutProject { .. } | Op::UpdateProject { .. } | Op::DeleteProject { .. } => {
            project::projects(tx, &step).await
        }
        Op::PutBranch(_) | Op::DeleteBranch { .. } => branches(tx, &step).await,
        Op::PutBucket { .. } | Op::DeleteBucket { .. } => buckets(tx, &step).await,
        Op::PutTable(_) | Op::DeleteTable { .. } | Op::PatchTable { .. } | Op::DropColumn { .. } => {
            tables(tx, &step).await
        }
        Op::AwaitTable(_) | Op::FillTable { .. } => table::awaited(tx, &step).await,
        Op::HideTable(_) | Op::ShowTable(_) => hidden(tx, &step).await,
        Op::ExpireFile { .. } => expire_files(tx, &step).await,
        Op::PutFile(_) | Op::StageFile { .. } | Op::TagFile { .. } | Op::DeleteFile { .. } => files(tx, &step).await,
        Op::Alias(_) => alias::aliases(tx, &step).await,
        Op::Sharing(_) => sharing::sharing(tx, &step).await,
        Op::Snapshot(_) => snapshot::snapshots(tx, &step).await,
        Op::Settings(_) => settings::settings(tx, &step).await,
        Op::Workspace(_) => workspace::workspaces(tx, &step).await,
        Op::Multipart(_) => multipart::multiparts(tx, &step).await,
        Op::Job(_) => job::jobs(tx, &step).await,
        Op::Metadata(_) => metadata::metadata(tx, &step).await,
    }?;
    Ok(())
}

async fn branches(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = if matches!(step[0], Op::PutBranch(_)) {
        sqlx::query(PUT_BRANCHES)
            .bind(column!(step, Op::PutBranch(row) => row.tenant))
            .bind(column!(step, Op::PutBranch(row) => row.project))
            .bind(column!(step, Op::PutBranch(row) => row.id))
            .bind(column!(step, Op::PutBranch(row) => row.name))
            .bind(column!(step, Op::PutBranch(row) => row.description))
            .bind(column!(step, Op::PutBranch(row) => row.time))
            .bind(column!(step, Op::PutBranch(row) => row.created_by))
            .bind(column!(step, Op::PutBranch(row) => row.mode))
    } else {
        sqlx::query(DELETE_BRANCHES)
            .bind(column!(step, Op::DeleteBranch { tenant, .. } => tenant))
            .bind(column!(step, Op::DeleteBranch { project, .. } => project))
            .bind(column!(step, Op::DeleteBranch { id, .. } => id))
    };
    query.execute(tx).await?;
    Ok(())
}

async fn buckets(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    if matches!(step[0], Op::PutBucket { .. }) {
        sqlx::query(PUT_BUCKETS)
            .bind(column!(step, Op::PutBucket { tenant, .. } => tenant))
            .bind(column!(step, Op::PutBucket { project, .. } => project))
            .bind(column!(step, Op::PutBucket { name, .. } => name))
            .bind(column!(step, Op::PutBucket { uid, .. } => uid))
            .bind(column!(step, Op::PutBucket { description, .. } => description))
            .bind(column!(step, Op::PutBucket { time, .. } => time))
            .execute(tx)
            .await?;
        return Ok(());
    }
    sqlx::query(DELETE_BUCKETS)
        .bind(column!(step, Op::DeleteBucket { tenant, .. } => tenant))
        .bind(column!(step, Op::DeleteBucket { project, .. } => project))
        .bind(column!(step, Op::DeleteBucket { name, .. } => name))
        .execute(tx)
        .await?;
    Ok(())
}

async fn tables(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = match &step[0] {
        Op::PutTable(_) => sqlx::query(PUT_TABLES)
            .bind(column!(step, Op::PutTable(row) => row.tenant))
            .bind(column!(step, Op::PutTable(row) => row.project))
            .bind(column!(step, Op::PutTable(row) => row.branch))
            .bind(column!(step, Op::PutTable(row) => row.bucket))
            .bind(column!(step, Op::PutTable(row) => row.name))
            .bind(column!(step, Op::PutTable(row) => row.uid))
            .bind(column!(step, Op::PutTable(row) => row.copy_of))
            .bind(column!(step, Op::PutTable(row) => row.columns))
            .bind(column!(step, Op::PutTable(row) => row.primary_key))
            .bind(column!(step, Op::PutTable(row) => row.time))
            .bind(column!(step, Op::PutTable(row) => row.seq)),
        Op::DeleteTable { .. } => sqlx::query(DELETE_TABLES).bind(column!(step, Op::DeleteTable { uid, .. } => uid)),
        Op::PatchTable { .. } => sqlx::query(PATCH_TABLES)
            .bind(column!(step, Op::PatchTable { uid, .. } => uid))
            .bind(column!(step, Op::PatchTable { columns, .. } => columns))
            .bind(column!(step, Op::PatchTable { primary_key, .. } => primary_key))
            .bind(column!(step, Op::PatchTable { seq, .. } => seq)),
        _ => sqlx::query(DROP_COLUMNS)
            .bind(column!(step, Op::DropColumn { uid, .. } => uid))
            .bind(column!(step, Op::DropColumn { column, .. } => column))
            .bind(column!(step, Op::DropColumn { seq, .. } => seq)),
    };
    query.execute(tx).await?;
    Ok(())
}

async fn hidden(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let hides = matches!(step[0], Op::HideTable(_));
    let query = sqlx::query(if hides { HIDE_TABLES } else { SHOW_TABLES })
        .bind(column!(step, Op::HideTable(row) | Op::ShowTable(row) => row.tenant))
        .bind(column!(step, Op::HideTable(row) | Op::ShowTable(row) => row.project))
        .bind(column!(step, Op::HideTable(row) | Op::ShowTable(row) => row.branch))
        .bind(column!(step, Op::HideTable(row) | Op::ShowTable(row) => row.bucket))
        .bind(column!(step, Op::HideTable(row) | Op::ShowTable(row) => row.name));
    let query = if hides { query.bind(column!(step, Op::HideTable(row) => row.time)) } else { query };
    query.execute(tx).await?;
    Ok(())
}

async fn files(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = match &step[0] {
        Op::PutFile(_) => sqlx::query(PUT_FILES)
            .bind(column!(step, Op::PutFile(row) => row.tenant))
            .bind(column!(step, Op::PutFile(row) => row.project))
            .bind(column!(step, Op::PutFile(row) => row.project_uid))
            .bind(column!(step, Op::PutFile(row) => row.id))
            .bind(column!(step, Op::PutFile(row) => row.name))
            .bind(column!(step, Op::PutFile(row) => row.content_type))
            .bind(column!(step, Op::PutFile(row) => row.blob))
            .bind(column!(step, Op::PutFile(row) => row.size_bytes))
            .bind(column!(step, Op::PutFile(row) => row.tags))
            .bind(column!(step, Op::PutFile(row) => row.is_registered))
            .bind(column!(step, Op::PutFile(row) => row.time))
            .bind(column!(step, Op::PutFile(row) => row.expires_at))
            .bind(column!(step, Op::PutFile(row) => row.md5))
            .bind(column!(step, Op::PutFile(row) => row.key))
            .bind(column!(step, Op::PutFile(row) => row.run_id))
            .bind(column!(step, Op::PutFile(row) => row.branch))
            .bind(column!(step, Op::PutFile(row) => row.is_sliced)),
        Op::StageFile { .. } => sqlx::query(STAGE_FILES)
            .bind(column!(step, Op::StageFile { tenant, .. } => tenant))
            .bind(column!(step, Op::StageFile { id, .. } => id))
            .bind(column!(step, Op::StageFile { blob, .. } => blob))
            .bind(column!(step, Op::StageFile { size_bytes, .. } => size_bytes))
            .bind(column!(step, Op::StageFile { md5, .. } => md5)),
        Op::TagFile { .. } => sqlx::query(TAG_FILES)
            .bind(column!(step, Op::TagFile { tenant, .. } => tenant))
            .bind(column!(step, Op::TagFile { id, .. } => id))
            .bind(column!(step, Op::TagFile { tags, .. } => tags)),
        _ => sqlx::query(DELETE_FILES)
            .bind(column!(step, Op::DeleteFile { tenant, .. } => tenant))
            .bind(column!(step, Op::DeleteFile { id, .. } => id)),
    };
    query.execute(tx).await?;
    Ok(())
}

async fn expire_files(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    for statement in EXPIRE_FILES {
        sqlx::query(statement)
            .bind(column!(step, Op::ExpireFile { tenant, .. } => tenant))
            .bind(column!(step, Op::ExpireFile { id, .. } => id))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
