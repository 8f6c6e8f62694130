//! What the first words of a statement say about it.

use crate::Column;
use crate::settings::Settings;

/// Whether it begins or ends a transaction.
pub(crate) fn is_about_transactions(words: &[String]) -> bool {
    let first = words.first().map_or("", String::as_str);
    matches!(first, "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release")
}

/// What a statement answers that is about the session itself; `None` for those that the engine answers.
pub(crate) fn shown(settings: &Settings, words: &[String]) -> Option<(Column, String)> {
    let name = match words {
        [show, transaction, isolation, level]
            if show == "show" && transaction == "transaction" && isolation == "isolation" && level == "level" =>
        {
            "transaction_isolation"
        }
        [show, time, zone] if show == "show" && time == "time" && zone == "zone" => "timezone",
        [show, name] if show == "show" => name,
        _ => return None,
    };
    let column = Column { name: name.to_owned(), kind: "VARCHAR".to_owned() };
    settings.show(name).map(|value| (column, value))
}

/// How PostgreSQL says what was done.
pub(crate) fn tag(words: &[String], changed: Option<u64>, rows: u64) -> String {
    let first = words.first().map_or("", String::as_str);
    let objects = ["table", "view", "schema", "index", "sequence", "macro", "function", "type"];
    match (first, changed) {
        ("insert" | "with", Some(changed)) => format!("INSERT 0 {changed}"),
        ("insert", None) => format!("INSERT 0 {rows}"),
        ("update" | "delete" | "merge", changed) => {
            format!("{} {}", first.to_ascii_uppercase(), changed.unwrap_or(rows))
        }
        ("create", Some(changed)) => format!("SELECT {changed}"),
        ("create" | "drop" | "alter", None) => {
            let object = words.iter().find(|word| objects.contains(&word.as_str()));
            let object = object.map(|word| format!(" {}", word.to_ascii_uppercase())).unwrap_or_default();
            format!("{}{object}", first.to_ascii_uppercase())
        }
        ("comment" | "truncate", _) => first.to_ascii_uppercase(),
        _ => format!("SELECT {rows}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::first_words;

    #[test]
    fn tags_are_those_of_postgres() {
        let tag = |sql: &str, changed, rows| tag(&first_words(sql), changed, rows);
        assert_eq!(tag("SELECT 1", None, 3), "SELECT 3");
        assert_eq!(tag("INSERT INTO t VALUES (1)", Some(1), 0), "INSERT 0 1");
        assert_eq!(tag("INSERT INTO t VALUES (1) RETURNING a", None, 1), "INSERT 0 1");
        assert_eq!(tag("DELETE FROM t", Some(2), 0), "DELETE 2");
        assert_eq!(tag("CREATE OR REPLACE TEMP TABLE t (a INT)", None, 0), "CREATE TABLE");
        assert_eq!(tag("CREATE TABLE t AS SELECT 1", Some(1), 0), "SELECT 1");
        assert_eq!(tag("DROP VIEW v", None, 0), "DROP VIEW");
    }
}
