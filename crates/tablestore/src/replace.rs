//! Giving a table the content of another file: columns, key and rows at once.

use crate::apply::{ChangeReport, Work};
use crate::error::{ApplyError, Error, store_error};
use crate::instance::Attached;
use crate::meta::{self, create_data_sql};

/// The rows keep their order. Only the table's own file is written; the other one is read, as it is at one moment.
pub(crate) fn replace(work: &mut Work<'_>, from: &Attached, up_to: Option<u64>) -> Result<ChangeReport, ApplyError> {
    // The first look at it decides of which moment the rest is.
    let held = meta::read(work.session, from)?;
    if up_to.is_some_and(|up_to| held.mark.seq > up_to) {
        return Err(Error::Unavailable("the table whose content is wanted has gone on meanwhile".into()).into());
    }
    let (data, fresh) = (work.data(), work.file.relation("data_next"));
    let run = |sql: &str| work.session.run(sql).map_err(|error| store_error(&error));
    run(&create_data_sql(&fresh, &held.schema))?;
    let inserted = run(&format!("INSERT INTO {fresh} SELECT * FROM {} AS d ORDER BY d.rowid", from.relation("data")))?;
    if inserted as u64 != held.rows {
        let reason = format!("it says {} rows and has {inserted}", held.rows);
        return Err(Error::Corrupt { table: from.alias.clone(), reason }.into());
    }
    run(&format!("DROP TABLE {data}"))?;
    run(&format!("ALTER TABLE {fresh} RENAME TO data"))?;
    let deleted = work.rows.max(0) as u64;
    work.schema = held.schema;
    Ok(ChangeReport { inserted: held.rows, deleted, ..ChangeReport::default() })
}
