//! Which statements a session may run. What they can reach, the engine's process holds; this keeps out what only makes trouble there.

use alluvium_pgwire::{Failure, first_words};

/// What a statement may begin with.
const ALLOWED: [&str; 20] = [
    "select",
    "with",
    "from",
    "values",
    "table",
    "describe",
    "desc",
    "summarize",
    "explain",
    "show",
    "pivot",
    "unpivot",
    "insert",
    "update",
    "delete",
    "merge",
    "create",
    "drop",
    "alter",
    "truncate",
];
/// What may stand between `CREATE` or `DROP` and the kind of object.
const BETWEEN: [&str; 8] = ["or", "replace", "temp", "temporary", "persistent", "if", "not", "exists"];
/// Kinds of objects that are none of a workspace.
const FORBIDDEN: [&str; 2] = ["secret", "database"];

/// Refuses statements that are none of a session's.
pub(super) fn check(sql: &str) -> Result<(), Failure> {
    let words = first_words(sql);
    let Some(first) = words.first() else { return Err(Failure::error("42601", "this is no statement")) };
    let (refused, is_allowed) = match first.as_str() {
        "explain" => {
            let explained = words[1..].iter().find(|word| *word != "analyze").unwrap_or(first);
            (explained, explained != "explain" && ALLOWED.contains(&explained.as_str()))
        }
        "create" | "drop" | "alter" => {
            let kind = words[1..].iter().find(|word| !BETWEEN.contains(&word.as_str())).unwrap_or(first);
            (kind, !FORBIDDEN.contains(&kind.as_str()))
        }
        _ => (first, ALLOWED.contains(&first.as_str())),
    };
    if is_allowed {
        return Ok(());
    }
    Err(Failure::error("42501", format!("{} is not allowed here", refused.to_ascii_uppercase())))
}

/// Whether a statement may change the workspace.
pub(super) fn may_write(sql: &str) -> bool {
    const READS: [&str; 11] =
        ["select", "from", "values", "table", "describe", "desc", "summarize", "show", "pivot", "unpivot", "explain"];
    !first_words(sql).first().is_some_and(|first| READS.contains(&first.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queries_and_changes_of_the_workspace_are_allowed() {
        for sql in [
            "SELECT 1",
            "(SELECT 1)",
            "/**/ with a as (select 1) from a",
            "CREATE TABLE t (a INT)",
            "EXPLAIN ANALYZE SELECT 1",
            "SELECT copy FROM secret",
            "CREATE TABLE secret AS SELECT 1",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
        for sql in [
            "ATTACH 'x'",
            "COPY t TO 'x'",
            "EXPLAIN ANALYZE COPY t TO 'x'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "PRAGMA x",
            "SET a = 1",
            "CREATE SECRET s",
            "create or replace persistent secret s",
            "USE memory",
            "CHECKPOINT",
            "CALL x()",
            "EXECUTE p",
            "PREPARE p AS SELECT 1",
            "DETACH x",
            "EXPORT DATABASE 'x'",
            "",
            "VACUUM",
            "BEGIN",
            "EXPLAIN (ANALYZE) COPY t TO 'x'",
        ] {
            assert!(check(sql).is_err(), "{sql}");
        }
    }
}
