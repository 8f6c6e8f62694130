//! What one table has that another has not, in counts.

use crate::append::{ident_list, keys_equal};
use crate::column::{Column, TableSchema};
use crate::error::{Result, store_error};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::quote::ident;

/// How many rows differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowsDiffer {
    /// Rows that only the later table has; without a common key, counted as whole rows.
    pub added: u64,
    /// Rows of the same key that hold something else in a column that both have; none can be told without a common key.
    pub changed: Option<u64>,
    /// Rows that only the earlier table has.
    pub removed: u64,
}

impl Hub {
    /// How the rows of `later` differ from those of `earlier`, by their key where both have the same, and by the columns that
    /// both have with the same type.
    pub fn rows_differ(&self, earlier: &TableFile, later: &TableFile) -> Result<RowsDiffer> {
        let unopened = TableSchema { columns: Vec::new(), primary_key: Vec::new() };
        let schema = |file| Ok::<_, crate::Error>(self.schema(file)?.unwrap_or_else(|| unopened.clone()));
        let (before, after) = (schema(earlier)?, schema(later)?);
        let pair = self.pair(earlier, later)?;
        let [Some(old), Some(new)] = pair.relations() else { return Ok(RowsDiffer::default()) };
        let count = |sql: &str| pair.session().count(sql).map_err(|error| store_error(&error));
        let common: Vec<&Column> = before.columns.iter().filter(|column| has(&after, column)).collect();
        let Some(key) = common_key(&before, &after, &common) else {
            let only = |this: &str, other: &str| {
                if common.is_empty() {
                    return format!("SELECT count(*) FROM {this}");
                }
                let columns = ident_list(common.iter().map(|column| &column.name));
                format!("SELECT count(*) FROM (SELECT {columns} FROM {this} EXCEPT ALL SELECT {columns} FROM {other})")
            };
            return Ok(RowsDiffer {
                added: count(&only(&new, &old))?,
                changed: None,
                removed: count(&only(&old, &new))?,
            });
        };
        let same = keys_equal(key, "a", "b");
        let only = |this: &str, other: &str| {
            format!("SELECT count(*) FROM {this} AS a WHERE NOT EXISTS (SELECT 1 FROM {other} AS b WHERE {same})")
        };
        let other = |column: &&&Column| !key.contains(&column.name);
        let differs = |column: &&Column| format!("a.{0} IS DISTINCT FROM b.{0}", ident(&column.name));
        let differ: Vec<String> = common.iter().filter(other).map(differs).collect();
        let changed = if differ.is_empty() {
            0
        } else {
            let differ = differ.join(" OR ");
            count(&format!("SELECT count(*) FROM {new} AS a JOIN {old} AS b ON {same} WHERE {differ}"))?
        };
        Ok(RowsDiffer { added: count(&only(&new, &old))?, changed: Some(changed), removed: count(&only(&old, &new))? })
    }
}

pub(crate) fn has(schema: &TableSchema, column: &Column) -> bool {
    let same =
        |other: &Column| other.name.eq_ignore_ascii_case(&column.name) && other.column_type == column.column_type;
    schema.columns.iter().any(same)
}

/// The key, when it is the same in both and of columns that compare.
pub(crate) fn common_key<'a>(before: &'a TableSchema, after: &TableSchema, common: &[&Column]) -> Option<&'a [String]> {
    let key = &before.primary_key;
    let compares = key.iter().all(|name| common.iter().any(|column| column.name == *name));
    (!key.is_empty() && before.has_key_of(after) && compares).then_some(key.as_slice())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::apply::{Change, Moment};
    use crate::file::Mark;
    use crate::hub::HubConfig;
    use crate::rows::RowsDecoder;

    fn file(uid: &str) -> TableFile {
        let word = |text: &str| text.to_owned();
        TableFile {
            generation: 1,
            tenant: word("t"),
            project: word("p"),
            bucket: word("b"),
            table: word("x"),
            uid: word(uid),
        }
    }

    fn mark(seq: u64) -> Mark {
        Mark { seq, hash: format!("h{seq}"), stream_created_micros: 7 }
    }

    fn make(hub: &Hub, uid: &str, columns: &[(&str, &str)], key: &[&str], rows: &str) {
        let columns = columns.iter().map(|(name, kind)| Column::new(name, kind, true, None).unwrap()).collect();
        let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
        let schema = TableSchema::new(columns, &key).unwrap();
        hub.create(&file(uid), &schema, &mark(1)).unwrap();
        let batch = RowsDecoder::new(schema, HashMap::new()).decode(rows.as_bytes()).unwrap().remove(0);
        let moment = Moment { event_time_micros: 0, seed: "s".into() };
        hub.apply(&file(uid), &mark(1), &mark(2), vec![Change::Append { batch, moment }]).unwrap();
    }

    #[test]
    fn rows_are_compared_by_key_and_whole_without_one() {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(HubConfig {
            data_dir: dir.path().join("data"),
            blob_dir: dir.path().join("blobs"),
            export_dir: dir.path().join("exports"),
            memory_limit_bytes: 256 << 20,
            threads: 2,
            attached_max: 10,
            probe_command: None,
        })
        .unwrap();
        let (id, name, more) = (("id", "BIGINT"), ("na\"me", "VARCHAR"), ("more", "DATE"));
        make(
            &hub,
            "old",
            &[id, name],
            &["id"],
            r#"[{"id":1,"na\"me":"a"},{"id":2,"na\"me":null},{"id":3,"na\"me":"c"}]"#,
        );
        make(
            &hub,
            "new",
            &[id, name, more],
            &["id"],
            r#"[{"id":2,"na\"me":"b"},{"id":3,"na\"me":"c"},{"id":4,"na\"me":"d"}]"#,
        );
        let differ = |old: &str, new: &str| hub.rows_differ(&file(old), &file(new)).unwrap();
        assert_eq!(differ("old", "new"), RowsDiffer { added: 1, changed: Some(1), removed: 1 });
        assert_eq!(differ("old", "old"), RowsDiffer { added: 0, changed: Some(0), removed: 0 });
        make(&hub, "keyless", &[id, name], &[], r#"[{"id":3,"na\"me":"c"},{"id":3,"na\"me":"c"}]"#);
        assert_eq!(differ("old", "keyless"), RowsDiffer { added: 1, changed: None, removed: 2 });
        make(&hub, "strange", &[("x", "DATE")], &[], r#"[{"x":"2026-01-01"}]"#);
        assert_eq!(differ("old", "strange"), RowsDiffer { added: 1, changed: None, removed: 3 });
    }
}
