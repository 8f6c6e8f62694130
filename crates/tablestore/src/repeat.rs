//! Rows of one batch that share a key: which of them change anything.

use crate::append::{STAGE, ident_list};
use crate::apply::{Work, refuse};
use crate::column::{Column, DefaultExpr};
use crate::error::{ApplyError, code, store_error};
use crate::quote::ident;

/// Whether a key is in the stage more than once.
pub(crate) fn is_there(work: &Work<'_>) -> Result<bool, ApplyError> {
    let keys = ident_list(&work.schema.primary_key);
    let sql =
        format!("SELECT count(*) FROM (SELECT 1 FROM {STAGE} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1) AS repeated");
    work.session.count(&sql).map(|found| found > 0).map_err(|error| store_error(&error).into())
}

/// Takes the rows out of the stage that say of their key what the one before says.
pub(crate) fn leave_out(work: &Work<'_>, given: &[Column]) -> Result<(), ApplyError> {
    let is_given = |column: &Column| given.iter().any(|other| other.name == column.name);
    // No two rows have the same id.
    if work.schema.columns.iter().any(|column| column.default == Some(DefaultExpr::Uuid) && !is_given(column)) {
        return Ok(());
    }
    let keys = &work.schema.primary_key;
    let others = given.iter().filter(|column| !keys.contains(&column.name));
    let same = others.map(|column| format!("{0} IS NOT DISTINCT FROM lag({0}) OVER key", ident(&column.name)));
    let same: Vec<String> = ["row_number() OVER key > 1".to_owned()].into_iter().chain(same).collect();
    let sql = format!(
        "DELETE FROM {STAGE} WHERE rowid IN (SELECT r FROM (SELECT rowid AS r, {} AS same FROM {STAGE} \
         WINDOW key AS (PARTITION BY {} ORDER BY rowid)) AS runs WHERE same)",
        same.join(" AND "),
        ident_list(keys)
    );
    work.session.run(&sql).map(drop).map_err(|error| refuse(&error, code::ROWS_SCHEMA_MISMATCH))
}
