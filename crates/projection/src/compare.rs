//! Whether two generations hold the same: every table, every column, whatever the order of rows.

use serde::Serialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};

use crate::{Error, Schema, quote};

/// A table that differs between two generations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The table; `(parked)` for the parked events.
    pub table: String,
    /// Rows that only the live generation has.
    pub only_live: i64,
    /// Rows that only the replayed one has.
    pub only_replayed: i64,
    /// The first row that differs, by key.
    pub first: Option<RowDifference>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowDifference {
    /// The values of its primary key; the whole row in a table without one.
    pub key: Value,
    /// The columns that differ; all of them when one side has no such row.
    pub columns: Vec<String>,
    /// The row in the live generation, if there.
    pub live: Option<Value>,
    /// The row in the replayed one, if there.
    pub replayed: Option<Value>,
}

/// The database as it is at one moment: what both generations hold then can be compared while the live one goes on.
pub(crate) struct Snapshot(sqlx::Transaction<'static, sqlx::Postgres>);

impl Snapshot {
    /// The moment is now.
    pub async fn take(pool: &PgPool) -> Result<Self, Error> {
        let mut tx = pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
        // The first statement that reads is what takes it.
        sqlx::query("SELECT txid_current_snapshot()").execute(&mut *tx).await?;
        Ok(Self(tx))
    }

    /// Every table that differs; none when the generations are equal.
    pub async fn compare(self, projection: &str, live: &Schema, replayed: &Schema) -> Result<Vec<Difference>, Error> {
        let mut tx = self.0;
        let mut differences = Vec::new();
        let mut tables = tables(&mut tx, live).await?;
        let others = self::tables(&mut tx, replayed).await?;
        for (name, columns) in &others {
            if !tables.iter().any(|(table, known)| table == name && known == columns) {
                differences.push(shape(name, "columns"));
                tables.retain(|(table, _)| table != name);
            }
        }
        for (name, _) in tables {
            if !others.iter().any(|(table, _)| *table == name) {
                differences.push(shape(&name, "table"));
            } else if let Some(difference) = table(&mut tx, live, replayed, &name).await? {
                differences.push(difference);
            }
        }
        differences.extend(parked(&mut tx, projection, live, replayed).await?);
        Ok(differences)
    }
}

/// A table that only one side has, or has otherwise.
fn shape(table: &str, what: &str) -> Difference {
    let first = RowDifference { key: Value::Null, columns: vec![what.to_owned()], live: None, replayed: None };
    Difference { table: table.to_owned(), only_live: 0, only_replayed: 0, first: Some(first) }
}

type Table = (String, Vec<String>);

/// Tables with columns and their types. The migrator's own table is no content: it holds when each migration ran.
async fn tables(db: &mut PgConnection, schema: &Schema) -> Result<Vec<Table>, Error> {
    let rows = sqlx::query(
        "SELECT c.relname::text, array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 \
           AND NOT a.attisdropped AND c.relname <> '_sqlx_migrations' GROUP BY 1 ORDER BY 1",
    )
    .bind(schema.name())
    .fetch_all(db)
    .await?;
    Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
}

async fn table(
    db: &mut PgConnection,
    live: &Schema,
    replayed: &Schema,
    name: &str,
) -> Result<Option<Difference>, Error> {
    let table = quote(name);
    let (a, b) = (format!("{}.{table}", live.quoted()), format!("{}.{table}", replayed.quoted()));
    let key_columns = key_columns(db, &a).await?;
    if !key_columns.is_empty() && are_identical(db, &a, &b, &key_columns).await? {
        return Ok(None);
    }
    // Rows are compared as text: exact for every type, also those without an equality (json).
    let only =
        |one: &str, other: &str| format!("(SELECT t::text FROM {one} t EXCEPT ALL SELECT t::text FROM {other} t)");
    let counts = format!("SELECT (SELECT count(*) FROM {} x), (SELECT count(*) FROM {} x)", only(&a, &b), only(&b, &a));
    let row = sqlx::query(AssertSqlSafe(counts)).fetch_one(&mut *db).await?;
    let (only_live, only_replayed): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if only_live == 0 && only_replayed == 0 {
        return Ok(None);
    }
    let key = if key_columns.is_empty() {
        "to_jsonb(t)".to_owned()
    } else {
        let parts: Vec<String> =
            key_columns.iter().map(|c| format!("'{}', t.{}", c.replace('\'', "''"), quote(c))).collect();
        format!("jsonb_build_object({})", parts.join(", "))
    };
    let (from, other) = if only_live > 0 { (&a, &b) } else { (&b, &a) };
    let first = format!("SELECT {key} FROM {from} t WHERE t::text IN {} ORDER BY 1 LIMIT 1", only(from, other));
    let first: Value = sqlx::query_scalar(AssertSqlSafe(first)).fetch_one(&mut *db).await?;
    let mut sides = Vec::new();
    for side in [&a, &b] {
        let row = format!("SELECT to_jsonb(t) FROM {side} t WHERE {key} = $1 LIMIT 1");
        let row: Option<Value> = sqlx::query_scalar(AssertSqlSafe(row)).bind(&first).fetch_optional(&mut *db).await?;
        sides.push(row);
    }
    let (replayed, live) = (sides.pop().flatten(), sides.pop().flatten());
    let first =
        Some(RowDifference { key: first, columns: differing(live.as_ref(), replayed.as_ref()), live, replayed });
    Ok(Some(Difference { table: name.to_owned(), only_live, only_replayed, first }))
}

/// The columns of a table's primary key, in its order.
async fn key_columns(db: &mut PgConnection, table: &str) -> Result<Vec<String>, Error> {
    let columns = sqlx::query_scalar(
        "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) \
         WHERE i.indisprimary AND i.indrelid = $1::regclass ORDER BY array_position(i.indkey::int2[], a.attnum)",
    )
    .bind(table)
    .fetch_all(db)
    .await?;
    Ok(columns)
}

/// Whether two tables hold the same bytes under the same keys. Tells in one pass, and in a fraction of the time, what is almost
/// always so. Rows that are not identical may be equal still.
async fn are_identical(db: &mut PgConnection, a: &str, b: &str, key_columns: &[String]) -> Result<bool, Error> {
    let key = key_columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
    let differs = format!(
        "SELECT EXISTS (SELECT 1 FROM {a} x FULL JOIN {b} y USING ({key}) \
         WHERE (x.* OPERATOR(pg_catalog.*=) y.*) IS NOT TRUE)"
    );
    let differs: bool = sqlx::query_scalar(AssertSqlSafe(differs)).fetch_one(db).await?;
    Ok(!differs)
}

fn differing(live: Option<&Value>, replayed: Option<&Value>) -> Vec<String> {
    let columns = live.or(replayed).and_then(Value::as_object).into_iter().flat_map(|row| row.keys());
    columns
        .filter(|column| {
            live.and_then(|row| row.get(column.as_str())) != replayed.and_then(|row| row.get(column.as_str()))
        })
        .cloned()
        .collect()
}

async fn parked(
    db: &mut PgConnection,
    projection: &str,
    live: &Schema,
    replayed: &Schema,
) -> Result<Option<Difference>, Error> {
    let row = sqlx::query(
        "WITH a AS (SELECT key, seq FROM projection.parked WHERE projection = $1 AND generation = $2), \
              b AS (SELECT key, seq FROM projection.parked WHERE projection = $1 AND generation = $3) \
         SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b) x), \
                (SELECT count(*) FROM (SELECT * FROM b EXCEPT SELECT * FROM a) x)",
    )
    .bind(projection)
    .bind(live.generation())
    .bind(replayed.generation())
    .fetch_one(db)
    .await?;
    let (only_live, only_replayed): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let differs = only_live > 0 || only_replayed > 0;
    Ok(differs.then(|| Difference { table: "(parked)".to_owned(), only_live, only_replayed, first: None }))
}
