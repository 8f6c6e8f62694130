//! The guard for queries: one SELECT over the relations in scope, rewritten.

use sqlparser::ast::Statement;

use super::writer::{Names, Writer};
use super::{SqlError, parse};

/// A query that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedQuery {
    /// The statement, with every relation replaced by its physical one.
    pub sql: String,
    /// The relations it reads, as the user named them, in the order of first mention.
    pub relations: Vec<Vec<String>>,
}

/// Checks a query and rewrites it.
///
/// `resolve` gets the parts of a relation's name as written, without quotes, and gives the physical relation, already quoted,
/// or nothing if there is none in scope. It is asked for no CTE.
///
/// Errors: `query_syntax` (with its place), `query_not_allowed`, `relation_not_found`, `function_not_allowed`.
///
/// ```
/// use alluvium_tablestore::sql::guard_query;
///
/// let resolve = |parts: &[String]| (parts == ["sales", "orders"]).then(|| r#""t1"."main"."data""#.to_owned());
/// let guarded = guard_query("select id from sales.orders", &resolve).unwrap();
/// assert_eq!(guarded.sql, r#"SELECT "id" FROM "t1"."main"."data" AS "orders""#);
/// assert_eq!(guard_query("select * from 'file.csv'", &resolve).unwrap_err().code, "query_not_allowed");
/// ```
pub fn guard_query(sql: &str, resolve: &dyn Fn(&[String]) -> Option<String>) -> Result<GuardedQuery, SqlError> {
    parse::on_large_stack(|| {
        let Statement::Query(query) = parse::statement(sql)? else {
            return Err(SqlError::new("query_not_allowed", "only a SELECT is allowed"));
        };
        let mut writer = Writer::new(Names::Query(resolve));
        let sql = writer.query(&query)?;
        Ok(GuardedQuery { sql, relations: writer.relations })
    })
}
