//! Checkpoints: a table's file copied as it is at one moment, and made the table's file again where rows are gone from the log.
//!
//! A copy is never the live file's bytes: it is written anew from one snapshot of the table, closed, opened again and compared,
//! so a damaged live file cannot hand its damage down.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use duckdb::params;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, store_error};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::instance::{Attached, Session};
use crate::meta;
use crate::quote::ident;
use crate::verify::Checksum;
use crate::wal;
use crate::{stamp, steps, weighted};

/// Bytes copied at once.
const CHUNK_BYTES: usize = 1 << 20;

/// A copy of a table's file, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// How far the table had been folded.
    pub mark: Mark,
    /// What it holds.
    pub checksum: Checksum,
    /// Version of the engine that made the checksum.
    pub engine: String,
}

/// What a checkpoint must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// How far it is folded.
    pub mark: Mark,
    /// What it holds.
    pub checksum: Checksum,
    /// Version of the engine that made the checksum; another one may hash otherwise, then rows are counted only.
    pub engine: String,
    /// Hex SHA-256 of its bytes.
    pub sha256: String,
}

impl Hub {
    /// Writes the table as it is now into the file of `to`, which is nobody else's. Readers and writers of the table go on; the
    /// copy is of one moment. `to` is detached afterwards, whole and without a log of its own.
    pub fn copy(&self, from: &TableFile, to: &TableFile) -> Result<Copied> {
        self.drop(to)?;
        let path = self.path(to)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::io(parent, source))?;
        }
        let (mark, checksum) = self.write_copy(from, to, &path)?;
        self.instance()?.detach(&path)?;
        let (found, again) = (self.mark(to)?, self.checksum(to)?);
        self.instance()?.detach(&path)?;
        let wrong = |reason: &str| Err(Error::Unavailable(format!("the copy of table {from} is wrong: {reason}")));
        if found.as_ref() != Some(&mark) || again != checksum {
            return wrong("it does not hold what the table held");
        }
        if wal::bytes(&path) > 0 {
            return wrong("it is not written out");
        }
        let file = File::open(&path).map_err(|source| Error::io(&path, source))?;
        file.sync_all().map_err(|source| Error::io(&path, source))?;
        Ok(Copied { path, mark, checksum, engine: self.engine()? })
    }

    fn write_copy(&self, from: &TableFile, to: &TableFile, path: &Path) -> Result<(Mark, Checksum)> {
        let source = self.attach(from)?;
        let target = source.instance.attach(path, &to.to_string())?;
        let session = source.instance.session()?;
        let transaction = session.begin()?;
        // The first look at the table decides of which moment the rest is.
        let held = meta::read(&session, &source)?;
        let failed = |error: duckdb::Error| store_error(&error);
        meta::create(&session, &target, &held.schema, &held.mark, from.generation, held.steps).map_err(failed)?;
        let mut rows = format!("{}, {}", stamp::VISIBLE, stamp::of("d", held.is_stamped));
        if held.steps.is_some() {
            rows = format!("{rows}, {}", ident(weighted::COLUMN));
        }
        let journal = held.steps.and_then(|steps| steps.kept_from).map(|_| (steps::JOURNAL, "*"));
        for (table, columns) in [("data", rows.as_str()), ("_settlements", "*")].into_iter().chain(journal) {
            let (to, from) = (target.relation(table), source.relation(table));
            session.run(&format!("INSERT INTO {to} SELECT {columns} FROM {from} AS d")).map_err(failed)?;
        }
        let rows = format!("UPDATE {} SET row_count = ?", target.relation("_meta"));
        session.run_with(&rows, params![held.rows as i64]).map_err(failed)?;
        let checksum = checksum(&session, &source)?;
        transaction.commit().map_err(failed)?;
        session.run(&format!("CHECKPOINT {}", target.alias)).map_err(failed)?;
        Ok((held.mark, checksum))
    }

    /// Makes a checkpoint the file of a table, in the place of what is there. [`Error::NotFound`] and [`Error::Corrupt`] are
    /// about the checkpoint: there is none at `from`, or it is not what it must be; then the table has no file.
    pub fn adopt(&self, file: &TableFile, from: &Path, original: &Original) -> Result<()> {
        let path = self.path(file)?;
        let incoming = path.with_extension("restoring");
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::io(parent, source))?;
        }
        let sha256 = match copy_file(from, &incoming) {
            Ok(sha256) => sha256,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NotFound(format!("{file} in the checkpoint {}", original.sha256)));
            }
            Err(error) => return Err(Error::io(incoming, error)),
        };
        let corrupt = |reason: &str| Error::Corrupt { table: file.to_string(), reason: reason.to_owned() };
        if sha256 != original.sha256 {
            // What is wrong is named; whatever becomes of this copy, the next one replaces it.
            let _ = fs::remove_file(&incoming);
            return Err(corrupt("the checkpoint's bytes do not have its hash"));
        }
        self.drop(file)?;
        fs::rename(&incoming, &path).map_err(|source| Error::io(&path, source))?;
        match self.is_original(file, original) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.drop(file)?;
                Err(corrupt("the checkpoint does not hold what was noted of it"))
            }
            Err(error) => {
                self.drop(file)?;
                Err(error)
            }
        }
    }

    fn is_original(&self, file: &TableFile, original: &Original) -> Result<bool> {
        if self.mark(file)?.as_ref() != Some(&original.mark) {
            return Ok(false);
        }
        let found = self.checksum(file)?;
        let same_hash = self.engine()? != original.engine || found.hash == original.checksum.hash;
        Ok(same_hash && found.rows == original.checksum.rows)
    }

    /// Version of the engine.
    pub fn engine(&self) -> Result<String> {
        let session = self.instance()?.session()?;
        session.row("SELECT version()", |row| row.get(0)).map_err(|error| store_error(&error))
    }
}

fn checksum(session: &Session, file: &Attached) -> Result<Checksum> {
    crate::verify::checksum_of(session, &file.relation("data")).map_err(|error| store_error(&error))
}

/// Copies a file, durably; gives the hex SHA-256 of its bytes.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<String> {
    let (mut source, mut target) = (File::open(from)?, File::create(to)?);
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        let read = source.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
        target.write_all(&chunk[..read])?;
    }
    target.sync_all()?;
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::apply::{Change, Moment};
    use crate::column::{Column, TableSchema};
    use crate::hub::HubConfig;
    use crate::rows::RowsDecoder;

    struct Place {
        hub: Hub,
        schema: TableSchema,
        _dir: tempfile::TempDir,
    }

    fn mark(seq: u64) -> Mark {
        Mark { seq, hash: format!("h{seq}"), stream_created_micros: 7 }
    }

    fn file(generation: u32) -> TableFile {
        let word = |text: &str| text.to_owned();
        TableFile {
            generation,
            tenant: word("t"),
            project: word("p"),
            bucket: word("b"),
            table: word("x"),
            uid: word("u"),
        }
    }

    fn place() -> Place {
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
        let columns = vec![
            Column::new("id", "BIGINT", false, None).unwrap(),
            Column::new("name", "VARCHAR", true, Some("'none'")).unwrap(),
        ];
        let schema = TableSchema::new(columns, &["id".to_owned()]).unwrap();
        hub.create(&file(1), &schema, &mark(1)).unwrap();
        Place { hub, schema, _dir: dir }
    }

    fn add(place: &Place, generation: u32, from: u64, rows: &str) {
        let mut decoder = RowsDecoder::new(place.schema.clone(), HashMap::new());
        let batch = decoder.decode(rows.as_bytes()).unwrap().remove(0);
        let moment = Moment { event_time_micros: 0, seed: "s".into() };
        let changes =
            vec![Change::Append { batch, moment }, Change::Settle { request_seq: from, verdict_json: "{}".into() }];
        place.hub.apply(&file(generation), &mark(from), &mark(from + 1), changes).unwrap();
    }

    fn original(copied: &Copied) -> Original {
        let sha256 = hex::encode(Sha256::digest(fs::read(&copied.path).unwrap()));
        let Copied { mark, checksum, engine, .. } = copied.clone();
        Original { mark, checksum, engine, sha256 }
    }

    #[test]
    fn a_copy_becomes_the_tables_file_and_goes_on_from_there() {
        let place = place();
        add(&place, 1, 1, r#"{"id":1,"name":"a"}{"id":2,"name":null}"#);
        let copied = place.hub.copy(&file(1), &file(9)).unwrap();
        assert_eq!((copied.mark.clone(), copied.checksum.rows), (mark(2), 2));
        add(&place, 1, 2, r#"{"id":2,"name":"later"}"#);
        let original = original(&copied);
        place.hub.adopt(&file(2), &copied.path, &original).unwrap();
        assert_eq!(place.hub.settlements(&file(2)).unwrap().len(), 1, "verdicts come along");
        assert!(place.hub.first_difference(&file(1), &file(2)).unwrap().is_some());
        add(&place, 2, 2, r#"{"id":2,"name":"later"}"#);
        assert_eq!(place.hub.first_difference(&file(1), &file(2)).unwrap(), None);
        place.hub.adopt(&file(2), &copied.path, &original).unwrap();
        assert_eq!(place.hub.mark(&file(2)).unwrap(), Some(mark(2)), "in the place of what was there");
    }

    #[test]
    fn what_is_not_the_checkpoint_is_refused() {
        let place = place();
        add(&place, 1, 1, r#"{"id":1}"#);
        let copied = place.hub.copy(&file(1), &file(9)).unwrap();
        let original = original(&copied);
        let refused = |original: &Original, path: &Path| place.hub.adopt(&file(2), path, original).unwrap_err();
        assert!(matches!(refused(&original, Path::new("/nowhere")), Error::NotFound(_)));
        let other_rows = Checksum { rows: 2, ..original.checksum.clone() };
        let other_hash = Checksum { hash: "1".into(), ..original.checksum.clone() };
        for wrong in [
            Original { sha256: "00".into(), ..original.clone() },
            Original { mark: mark(3), ..original.clone() },
            Original { checksum: other_rows, ..original.clone() },
            Original { checksum: other_hash.clone(), ..original.clone() },
        ] {
            assert!(matches!(refused(&wrong, &copied.path), Error::Corrupt { .. }), "{wrong:?}");
            assert!(!place.hub.exists(&file(2)).unwrap());
        }
        let of_another_engine = Original { checksum: other_hash, engine: "v0".into(), ..original };
        place.hub.adopt(&file(2), &copied.path, &of_another_engine).unwrap();
    }

    #[test]
    fn a_copy_is_of_one_moment_while_others_write() {
        let place = place();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (1..40).for_each(|seq| add(&place, 1, seq, &format!(r#"{{"id":{seq}}}"#))));
            for generation in 10..15 {
                let copied = place.hub.copy(&file(1), &file(generation)).unwrap();
                assert_eq!(copied.checksum.rows, copied.mark.seq - 1);
            }
            writer.join().unwrap();
        });
    }
}
