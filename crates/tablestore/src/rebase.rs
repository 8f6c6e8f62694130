//! What two tables have become since they were the same, brought together row by row, by their key.

use std::path::Path;

use serde_json::value::RawValue;

use crate::column::{Column, ColumnType, TableSchema};
use crate::error::{Result, store_error};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::instance::Session;
use crate::meta::{self, Meta};
use crate::parcel::exact;
use crate::query::row_json;
use crate::quote::ident;
use crate::quote_path::literal_path;
use crate::read::{each_batch, read_error};

/// Keys of conflicts that are named.
pub const CONFLICTS_SHOWN_MAX: usize = 20;
/// Marks a row that one of the three has. No column can be called so.
const THERE: &str = "\u{2}there";
/// The name under which [`exact`] finds the columns.
const ROWS: &str = "d";

/// Three files: what both were, and what each has become.
#[derive(Debug, Clone)]
pub struct RebaseSpec {
    /// What both were.
    pub base: TableFile,
    /// What one of them has become, under which the changes of the other are put.
    pub onto: TableFile,
    /// What the other has become.
    pub own: TableFile,
    /// Whose row counts where both have changed it: the own one if `true`, the other if `false`; nothing is written if nobody says.
    pub own_wins: Option<bool>,
}

/// What came of it.
#[derive(Debug)]
pub enum Rebased {
    /// They have not all the same primary key, or none.
    NoKey,
    /// They have not all the same columns.
    OtherColumns,
    /// Both have changed the same rows, and nobody says whose count. Nothing was written.
    Conflicts {
        /// How many rows.
        count: u64,
        /// The keys of the first of them, one JSON array a key.
        keys: Vec<Box<RawValue>>,
    },
    /// The rows of both together were written.
    Written {
        /// Rows that both have changed.
        conflicts: u64,
        /// How far the one under it had been folded.
        onto: Mark,
        /// How far the own one had been folded.
        own: Mark,
    },
}

impl Hub {
    /// Writes what `onto` holds, with the changes of `own` since `base` on top, to a Parquet file inside the hub's export directory that
    /// a table is loaded from; nothing is left there unless it was written. Each of the three is read as of one moment.
    pub fn rebase(&self, spec: &RebaseSpec, destination: &Path) -> Result<Rebased> {
        let outcome = self.write_rebased(spec, destination);
        if !matches!(outcome, Ok(Rebased::Written { .. })) {
            // Half a file may or may not be there.
            let _ = std::fs::remove_file(destination);
        }
        outcome
    }

    fn write_rebased(&self, spec: &RebaseSpec, destination: &Path) -> Result<Rebased> {
        let (base, onto, own) = (self.attach(&spec.base)?, self.attach(&spec.onto)?, self.attach(&spec.own)?);
        let session = own.instance.session()?;
        let transaction = session.begin()?;
        // The first look at each of them decides of which moment the rest is.
        let (then, other, held) =
            (meta::read(&session, &base)?, meta::read(&session, &onto)?, meta::read(&session, &own)?);
        if held.schema.primary_key.is_empty()
            || [&then, &other].iter().any(|meta| !meta.schema.has_key_of(&held.schema))
        {
            return Ok(Rebased::NoKey);
        }
        if [&then, &other].iter().any(|meta| !same_columns(&meta.schema, &held.schema)) {
            return Ok(Rebased::OtherColumns);
        }
        let relations = [base.relation("data"), onto.relation("data"), own.relation("data")];
        let rows = Rows::of(&held.schema, &relations);
        let conflicts = rows.conflicts(&session)?;
        let Some(own_wins) = spec.own_wins.or((conflicts == 0).then_some(true)) else {
            return Ok(Rebased::Conflicts { count: conflicts, keys: rows.conflicting(&session)? });
        };
        let sql = format!(
            "COPY ({}) TO {} (FORMAT parquet, COMPRESSION 'zstd')",
            rows.together(own_wins),
            literal_path(destination)?
        );
        session.run(&sql).map_err(|error| read_error(&error))?;
        transaction.commit().map_err(|error| store_error(&error))?;
        let (Meta { mark: onto, .. }, Meta { mark: own, .. }) = (other, held);
        Ok(Rebased::Written { conflicts, onto, own })
    }
}

/// Names and types; their order, defaults and whether NULL is allowed say nothing of a row.
fn same_columns(one: &TableSchema, other: &TableSchema) -> bool {
    let same =
        |column: &Column| other.column(&column.name).is_some_and(|known| known.column_type == column.column_type);
    one.columns.len() == other.columns.len() && one.columns.iter().all(same)
}

/// The rows of the three side by side: `b` what both were, `m` the one under it, `o` the own one.
struct Rows<'a> {
    schema: &'a TableSchema,
    /// The relation in SQL.
    from: String,
    own_changed: String,
    main_changed: String,
    differ: String,
}

impl<'a> Rows<'a> {
    fn of(schema: &'a TableSchema, [base, onto, own]: &[String; 3]) -> Self {
        let names: Vec<String> = schema.columns.iter().map(|column| ident(&column.name)).collect();
        let rows = |relation: &str| format!("(SELECT {}, TRUE AS {} FROM {relation})", names.join(", "), ident(THERE));
        let on = |this: &str, other: &dyn Fn(&str) -> String| {
            let keys = schema.primary_key.iter().map(|key| ident(key));
            keys.map(|key| format!("{this}.{key} = {}", other(&key))).collect::<Vec<_>>().join(" AND ")
        };
        let from = format!(
            "{} AS b FULL JOIN {} AS m ON {} FULL JOIN {} AS o ON {}",
            rows(base),
            rows(onto),
            on("m", &|key| format!("b.{key}")),
            rows(own),
            on("o", &|key| format!("coalesce(b.{key}, m.{key})")),
        );
        let there = ident(THERE);
        let other = |name: &&String| !schema.primary_key.iter().any(|key| ident(key) == **name);
        let compared: Vec<&String> = names.iter().filter(other).chain([&there]).collect();
        let differs = |one: &str, other: &str| {
            let parts: Vec<String> =
                compared.iter().map(|name| format!("{one}.{name} IS DISTINCT FROM {other}.{name}")).collect();
            format!("({})", parts.join(" OR "))
        };
        let (own_changed, main_changed, differ) = (differs("o", "b"), differs("m", "b"), differs("o", "m"));
        Self { schema, from, own_changed, main_changed, differ }
    }

    fn conflict(&self) -> String {
        format!("{} AND {} AND {}", self.own_changed, self.main_changed, self.differ)
    }

    fn conflicts(&self, session: &Session) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {} WHERE {}", self.from, self.conflict());
        session.count(&sql).map_err(|error| store_error(&error))
    }

    fn conflicting(&self, session: &Session) -> Result<Vec<Box<RawValue>>> {
        let keys = &self.schema.primary_key;
        let values: Vec<String> = keys.iter().map(|key| format!("coalesce(b.{0}, m.{0}, o.{0})", ident(key))).collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE {} ORDER BY ALL LIMIT {CONFLICTS_SHOWN_MAX}",
            values.join(", "),
            self.from,
            self.conflict()
        );
        let kinds: Vec<Option<ColumnType>> =
            keys.iter().map(|key| self.schema.column(key).map(|column| column.column_type.clone())).collect();
        let mut found = Vec::new();
        each_batch(session, &sql, &[], |batch| {
            found.extend((0..batch.num_rows()).map(|row| row_json(batch, row, &kinds)));
        })
        .map_err(|error| store_error(&error))?;
        Ok(found)
    }

    /// The rows of the one under it, with the changes of the own one on top.
    fn together(&self, own_wins: bool) -> String {
        let Self { from, own_changed, main_changed, differ, .. } = self;
        let wins = if own_wins { "TRUE" } else { "FALSE" };
        let take_own = format!("({own_changed} AND ({wins} OR NOT {main_changed} OR NOT {differ}))");
        let picked = |name: &str| format!("CASE WHEN {take_own} THEN o.{name} ELSE m.{name} END");
        let columns = &self.schema.columns;
        let values: Vec<String> = columns
            .iter()
            .map(|column| {
                let name = ident(&column.name);
                format!("{} AS {name}", picked(&name))
            })
            .collect();
        let exact: Vec<String> = columns.iter().map(|column| exact(&column.name, Some(&column.column_type))).collect();
        format!(
            "SELECT {} FROM (SELECT {} FROM {from} WHERE {}) AS {ROWS}",
            exact.join(", "),
            values.join(", "),
            picked(&ident(THERE)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::apply::{Change, Moment};
    use crate::hub::HubConfig;
    use crate::quote::literal;
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

    fn make(hub: &Hub, uid: &str, columns: &[(&str, &str)], key: &[&str], rows: &str) {
        let columns = columns.iter().map(|(name, kind)| Column::new(name, kind, true, None).unwrap()).collect();
        let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
        let schema = TableSchema::new(columns, &key).unwrap();
        let mark = |seq: u64| Mark { seq, hash: format!("h{seq}"), stream_created_micros: 7 };
        hub.create(&file(uid), &schema, &mark(1)).unwrap();
        let batch = RowsDecoder::new(schema, HashMap::new()).decode(rows.as_bytes()).unwrap().remove(0);
        let moment = Moment { event_time_micros: 0, seed: "s".into() };
        hub.apply(&file(uid), &mark(1), &mark(2), vec![Change::Append { batch, moment }]).unwrap();
    }

    const COLUMNS: [(&str, &str); 3] = [("id", "BIGINT"), ("na\"me", "VARCHAR"), ("big", "HUGEINT")];

    fn rows(hub: &Hub, uid: &str, of: &[(u32, Option<&str>)]) {
        let row = |(id, name): &(u32, Option<&str>)| {
            format!(r#"{{"id":{id},"na\"me":{},"big":5}}"#, name.map_or("null".into(), |name| format!("{name:?}")))
        };
        let rows: Vec<String> = of.iter().map(row).collect();
        make(hub, uid, &COLUMNS, &["id"], &format!("[{}]", rows.join(",")));
    }

    #[test]
    fn changes_of_both_come_together_and_conflicts_are_told_or_decided() {
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
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        // 1 is left alone; 2, 3 and 4 are changed, deleted, changed by main; 5, 6 and 7 by the branch; 8 by both alike.
        rows(&hub, "base", &[(1, a), (2, a), (3, a), (4, None), (5, a), (6, a), (7, None), (8, a), (9, a)]);
        rows(&hub, "main", &[(1, a), (2, b), (4, b), (5, a), (6, a), (7, None), (8, c), (9, a), (10, b)]);
        rows(&hub, "own", &[(1, a), (2, a), (3, a), (4, None), (5, c), (7, c), (8, c), (11, c)]);
        let to = hub.config().export_dir.join("rebased");
        let spec =
            |own: &str, own_wins| RebaseSpec { base: file("base"), onto: file("main"), own: file(own), own_wins };
        let read = |to: &Path| -> String {
            let sql = format!(
                "SELECT string_agg(id || coalesce(\"na\"\"me\", '-'), ' ' ORDER BY id) FROM read_parquet({}) WHERE big = '5'",
                literal(to.to_str().unwrap())
            );
            duckdb::Connection::open_in_memory().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let Rebased::Written { conflicts, onto, own } = hub.rebase(&spec("own", None), &to).unwrap() else { panic!() };
        assert_eq!((conflicts, onto.seq, own.seq), (0, 2, 2));
        assert_eq!(read(&to), "1a 2b 4b 5c 7c 8c 10b 11c");

        // Changed by both in different ways, deleted by one and changed by the other, made by both.
        rows(&hub, "rival", &[(1, a), (2, c), (3, b), (5, a), (6, a), (7, None), (8, a), (9, a), (10, c)]);
        let Rebased::Conflicts { count, keys } = hub.rebase(&spec("rival", None), &to).unwrap() else { panic!() };
        let keys: Vec<&str> = keys.iter().map(|key| key.get()).collect();
        assert_eq!((count, keys, to.exists()), (4, vec!["[2]", "[3]", "[4]", "[10]"], false));
        for (own_wins, expected) in [(true, "1a 2c 3b 5a 6a 7- 8c 9a 10c"), (false, "1a 2b 4b 5a 6a 7- 8c 9a 10b")] {
            let Rebased::Written { conflicts, .. } = hub.rebase(&spec("rival", Some(own_wins)), &to).unwrap() else {
                panic!()
            };
            assert_eq!((conflicts, read(&to).as_str()), (4, expected));
        }

        make(&hub, "keyless", &COLUMNS, &[], r#"[{"id":1}]"#);
        assert!(matches!(hub.rebase(&spec("keyless", None), &to).unwrap(), Rebased::NoKey));
        make(&hub, "wide", &[COLUMNS[0], COLUMNS[1], COLUMNS[2], ("more", "DATE")], &["id"], r#"[{"id":1}]"#);
        assert!(matches!(hub.rebase(&spec("wide", Some(true)), &to).unwrap(), Rebased::OtherColumns));
        assert!(matches!(hub.rebase(&spec("absent", None), &to), Err(crate::Error::NotFound(_))));
    }
}
