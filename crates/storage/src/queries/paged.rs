//! Lists: one page of rows, and how many there are in all.

/// Rows of a page and the count of all, by two statements that begin with the same values; that of the page goes on with how many it
/// takes and how many it leaves out. Values are read twice, so they are borrowed or cheap. In an async function that answers with
/// a `Problem`, of [`Queries`](super::Queries).
macro_rules! paged {
    ($queries:expr, $page:expr, ($rows:expr, $count:expr), ($($value:expr),+ $(,)?)) => {{
        let rows = sqlx::query_as($queries.schema().sql($rows))
            $(.bind($value))+
            .bind($page.limit)
            .bind($page.offset)
            .fetch_all(&$queries.pool)
            .await
            .map_err(unavailable)?;
        let total = sqlx::query_scalar($queries.schema().sql($count))
            $(.bind($value))+
            .fetch_one(&$queries.pool)
            .await
            .map_err(unavailable)?;
        (rows, total)
    }};
}

pub(super) use paged;
