//! How often a project's operations were called over a time, how often in vain, and how long they took.

use alluvium_kernel::Problem;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::AuditQueries;
use crate::error::unreadable;

const COUNT: &str = include_str!("sql/count_calls.sql");
/// Operations that are told apart; commands are named by who sends them, so there is no end of names.
const OPERATIONS_MAX: i64 = 500;

/// The calls of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub operation: String,
    pub calls: i64,
    pub errors: i64,
    pub denied: i64,
    /// Mean, median, the time that 95 of 100 stay below, and the longest; none when no call of it says how long it took.
    pub took_us: Option<[i64; 4]>,
}

impl AuditQueries {
    /// The calls of a project that were answered from one moment on and before another, those of the operation that is called most
    /// often first. Times in microseconds since 1970.
    pub(crate) async fn counts(
        &self,
        tenant: &str,
        project: &str,
        (from, to): (i64, i64),
    ) -> Result<Vec<Counted>, Problem> {
        let schema = self.schema.current();
        let rows = sqlx::query(schema.sql(COUNT))
            .bind(tenant)
            .bind(project)
            .bind(from)
            .bind(to)
            .bind(OPERATIONS_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| unreadable(&error))?;
        rows.iter().map(Counted::of).collect::<Result<_, _>>().map_err(|error| unreadable(&error))
    }
}

impl Counted {
    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        let took = |name: &str| row.try_get::<Option<i64>, _>(name);
        let took = [took("mean_us")?, took("median_us")?, took("p95_us")?, took("max_us")?];
        Ok(Self {
            operation: row.try_get("operation")?,
            calls: row.try_get("calls")?,
            errors: row.try_get("errors")?,
            denied: row.try_get("denied")?,
            took_us: if let [Some(mean), Some(median), Some(p95), Some(max)] = took {
                Some([mean, median, p95, max])
            } else {
                None
            },
        })
    }
}
