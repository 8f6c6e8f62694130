//! Which part of a list.

use alluvium_kernel::Problem;
use utoipa::IntoParams;

use super::Query;
use crate::queries::{LIST_LIMIT, LIST_LIMIT_MAX, Page};

/// How far a page may begin: beyond any list, and no overflow.
const OFFSET_MAX: i64 = 1_000_000_000;

/// Which part of a list, as documented.
#[derive(Clone, Copy, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what `page` reads")]
pub struct PageQuery {
    /// How many, 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: i64,
    /// How many to leave out first.
    #[param(default = 0, minimum = 0)]
    offset: i64,
}

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
