//! The statement that finds changes. Its columns: what became of a row, the row, and how often that happened.

use crate::append::keys_equal;
use crate::column::{Column, ColumnType, TableSchema};
use crate::diff::{common_key, has};
use crate::quote::ident;
use crate::read::carried;

/// What there is of one state, under names that no user chose: `c0` and so on, as the later schema has its columns.
struct Side {
    relation: String,
    values: Vec<String>,
}

impl Side {
    /// Its rows, with `first` before their columns.
    fn rows(&self, first: &str) -> String {
        let named = self.values.iter().enumerate().map(|(n, value)| format!("{value} AS c{n}"));
        format!("SELECT {first}, {} FROM {} AS d", named.collect::<Vec<_>>().join(", "), self.relation)
    }
}

pub(super) fn changes(old: &TableSchema, old_relation: &str, new: &TableSchema, new_relation: &str) -> String {
    let before = Side {
        relation: old_relation.to_owned(),
        values: new.columns.iter().map(|column| earlier_value(old, column)).collect(),
    };
    let after = Side {
        relation: new_relation.to_owned(),
        values: new.columns.iter().map(|column| format!("d.{}", ident(&column.name))).collect(),
    };
    let common: Vec<&Column> = old.columns.iter().filter(|column| has(new, column)).collect();
    let key = common_key(old, new, &common).unwrap_or_default();
    let key: Vec<usize> = key.iter().filter_map(|name| new.position(name)).collect();
    if key.is_empty() { by_content(&before, &after, new) } else { by_key(&before, &after, new, &key) }
}

/// What a column held then: NULL where it was not there, or where its value is none of the type that it has now.
fn earlier_value(old: &TableSchema, column: &Column) -> String {
    let wanted = column.column_type.to_sql();
    match old.column(&column.name) {
        None => format!("CAST(NULL AS {wanted})"),
        Some(then) if then.column_type == column.column_type => format!("d.{}", ident(&then.name)),
        // Between some nested types the engine refuses even to try, unless by way of text.
        Some(then) if is_nested(&then.column_type) || is_nested(&column.column_type) => {
            format!("TRY_CAST(CAST(d.{} AS VARCHAR) AS {wanted})", ident(&then.name))
        }
        Some(then) => format!("TRY_CAST(d.{} AS {wanted})", ident(&then.name)),
    }
}

fn is_nested(column_type: &ColumnType) -> bool {
    use ColumnType::{Array, List, Map, Struct};
    matches!(column_type, List(_) | Array(..) | Struct(_) | Map(..))
}

fn by_key(before: &Side, after: &Side, new: &TableSchema, key: &[usize]) -> String {
    let names: Vec<String> = key.iter().map(|n| format!("c{n}")).collect();
    let other = (0..new.columns.len()).filter(|n| !key.contains(n));
    let differs: Vec<String> = ["a.is_there IS NULL".to_owned(), "b.is_there IS NULL".to_owned()]
        .into_iter()
        .chain(other.map(|n| format!("a.c{n} IS DISTINCT FROM b.c{n}")))
        .collect();
    let picked: Vec<String> =
        (0..new.columns.len()).map(|n| format!("CASE WHEN s.is_later THEN b.c{n} ELSE a.c{n} END AS c{n}")).collect();
    format!(
        "SELECT kind, {row}, CAST(1 AS BIGINT) AS times FROM (
           SELECT CASE WHEN a.is_there IS NULL THEN 'insert' WHEN b.is_there IS NULL THEN 'delete'
                       WHEN s.is_later THEN 'update_after' ELSE 'update_before' END AS kind, s.is_later, {picked}
           FROM ({before}) AS a FULL JOIN ({after}) AS b ON {same_key}
           CROSS JOIN (VALUES (false), (true)) AS s(is_later)
           WHERE ({differs}) AND CASE WHEN s.is_later THEN b.is_there ELSE a.is_there END
         ) ORDER BY {order}, is_later",
        row = row(new),
        picked = picked.join(", "),
        before = before.rows("true AS is_there"),
        after = after.rows("true AS is_there"),
        same_key = keys_equal(&names, "a", "b"),
        differs = differs.join(" OR "),
        order = names.join(", "),
    )
}

fn by_content(before: &Side, after: &Side, new: &TableSchema) -> String {
    let names: Vec<String> = (0..new.columns.len()).map(|n| format!("c{n}")).collect();
    let names = names.join(", ");
    format!(
        "SELECT CASE WHEN n < 0 THEN 'delete' ELSE 'insert' END AS kind, {row}, abs(n) AS times FROM (
           SELECT {names}, CAST(sum(n) AS BIGINT) AS n FROM ({before} UNION ALL {after}) GROUP BY {names}
         ) WHERE n <> 0",
        row = row(new),
        before = before.rows("-1 AS n"),
        after = after.rows("1 AS n"),
    )
}

/// The columns as one value, under their own names.
fn row(new: &TableSchema) -> String {
    let fields =
        new.columns.iter().enumerate().map(|(n, column)| {
            format!("{} := {}", ident(&column.name), carried(&format!("c{n}"), &column.column_type))
        });
    format!("struct_pack({}) AS \"row\"", fields.collect::<Vec<_>>().join(", "))
}
