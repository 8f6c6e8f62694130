//! Writing aliases.

use sqlx::PgConnection;

use super::super::op::{AliasOp, Op};

const PUT_ALIASES: &str = "
    INSERT INTO aliases (tenant, project, branch, bucket, name, uid, source_bucket, source_table, columns, filter, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::text[], $11::bigint[])
    ON CONFLICT (uid) DO NOTHING";
const DROP_ALIASES: &str = "DELETE FROM aliases WHERE uid = ANY ($1::text[])";

pub(super) async fn aliases(tx: &mut PgConnection, step: &[Op]) -> sqlx::Result<()> {
    let query = if matches!(step[0], Op::Alias(AliasOp::Put(_))) {
        sqlx::query(PUT_ALIASES)
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.tenant))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.project))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.branch))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.bucket))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.name))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.uid))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.source_bucket))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.source_table))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.columns))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.filter))
            .bind(column!(step, Op::Alias(AliasOp::Put(row)) => row.time))
    } else {
        sqlx::query(DROP_ALIASES).bind(column!(step, Op::Alias(AliasOp::Drop { uid, .. }) => uid))
    };
    query.execute(tx).await?;
    Ok(())
}
