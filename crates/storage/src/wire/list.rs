//! Which part of a list.

use alluvium_kernel::Problem;

use super::Query;
use crate::queries::{LIST_LIMIT, LIST_LIMIT_MAX, Page};

/// How far a page may begin: beyond any list, and no overflow.
const OFFSET_MAX: i64 = 1_000_000_000;

/// Reads `limit` and `offset`.
pub fn page(query: Option<&str>) -> Result<Page, Problem> {
    let mut query = Query::of(query);
    let page = Page {
        limit: query.int("limit", LIST_LIMIT, (1, LIST_LIMIT_MAX)),
        offset: query.int("offset", 0, (0, OFFSET_MAX)),
    };
    query.finish()?;
    Ok(page)
}
