//! What is done in the file of a workspace.

use std::path::Path;

use alluvium_tablestore::mend_log;
use alluvium_tablestore::quote::{ident, literal};
use duckdb::Connection;

use crate::Error;
use crate::request::{Loaded, Object};

/// The name under which the file is attached.
const WORKSPACE: &str = "workspace";
/// The name under which a copy of a table is attached while it is brought in.
pub(crate) const SOURCE: &str = "incoming";
/// Block size of the files, in bytes, as of table files: most of what people load is small.
pub(crate) const BLOCK_BYTES: u64 = 16_384;

/// What an engine may put on disk of what it works on, times its memory.
const SPILL_PER_MEMORY: u64 = 4;

/// Objects that people see: their own, but what begins with `_`.
const OBJECTS: &str = "
    SELECT schema_name, table_name, 'table' FROM duckdb_tables()
    WHERE database_name = 'workspace' AND NOT internal AND NOT starts_with(table_name, '_')
    UNION ALL
    SELECT schema_name, view_name, 'view' FROM duckdb_views()
    WHERE database_name = 'workspace' AND NOT internal AND NOT starts_with(view_name, '_')
    ORDER BY ALL";
const VIEWS: &str =
    "SELECT view_name, sql FROM duckdb_views() WHERE database_name = 'workspace' AND NOT internal ORDER BY ALL";
const USED: &str = "SELECT (used_blocks * block_size)::UBIGINT FROM pragma_database_size() WHERE database_name = ?";

/// An open workspace.
pub(crate) struct Engine(pub(crate) Connection);

/// An object, by the parts of its name.
pub(crate) struct Found {
    schema: String,
    name: String,
    kind: String,
}

impl Found {
    /// As people see it.
    fn shown(&self) -> String {
        if self.schema == "main" { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    pub(crate) fn is_table(&self) -> bool {
        self.kind == "table"
    }

    pub(crate) fn quoted(&self) -> String {
        format!("{WORKSPACE}.{}.{}", ident(&self.schema), ident(&self.name))
    }
}

impl Engine {
    /// Opens the file, made if it is not there, and others to read, by the names they are given, in an engine that can open nothing else
    /// from then on.
    pub(crate) fn open(
        file: &str,
        temp: &str,
        memory_bytes: u64,
        threads: usize,
        others: &[(String, String)],
    ) -> Result<Self, Error> {
        let connection = Connection::open_in_memory().map_err(|error| Error::engine(&error))?;
        let engine = Self(connection);
        engine.run(&format!(
            "SET threads = {threads};
             SET memory_limit = '{memory_bytes}B';
             SET temp_directory = {temp};
             SET max_temp_directory_size = '{spill_bytes}B';
             SET GLOBAL TimeZone = 'UTC';
             SET autoinstall_known_extensions = false;
             SET autoload_known_extensions = false;
             SET allow_community_extensions = false;",
            threads = threads.max(1),
            temp = literal(temp),
            spill_bytes = memory_bytes.saturating_mul(SPILL_PER_MEMORY),
        ))?;
        let broken = |error: Error| match error {
            Error::Unavailable { reason } => Error::Broken { reason },
            other => other,
        };
        mend_log(Path::new(file), memory_bytes).map_err(|error| broken(Error::engine(&error)))?;
        let attach = format!("ATTACH {} AS {WORKSPACE} (BLOCK_SIZE {BLOCK_BYTES}); USE {WORKSPACE}", literal(file));
        engine.run(&attach).map_err(broken)?;
        for (path, name) in others {
            engine.run(&format!("ATTACH {} AS {} (READ_ONLY)", literal(path), ident(name)))?;
        }
        Ok(engine)
    }

    /// From here on nothing can be opened but what is, and nothing set.
    pub(crate) fn locked(self) -> Result<Self, Error> {
        self.run("SET enable_external_access = false; SET lock_configuration = true;")?;
        Ok(self)
    }

    /// The same, but for copies of tables that come later: what lies in a directory can be attached.
    pub(crate) fn locked_but_for(self, copies: &str) -> Result<Self, Error> {
        self.run(&format!("SET allowed_directories = [{}]", literal(copies)))?;
        self.locked()
    }

    /// Tables and views, by name.
    pub(crate) fn list(&self) -> Result<Vec<Object>, Error> {
        let with_rows = |found: Found| {
            let rows = if found.kind == "table" { self.count(&found)? } else { 0 };
            Ok(Object { name: found.shown(), kind: found.kind, rows })
        };
        self.found()?.into_iter().map(with_rows).collect()
    }

    /// How views are made, by name.
    pub(crate) fn views(&self) -> Result<Vec<(String, String)>, Error> {
        let read = || -> duckdb::Result<Vec<(String, String)>> {
            self.0.prepare(VIEWS)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(|error| Error::engine(&error))
    }

    /// Makes the rows of the file that is open as [`SOURCE`] an object, unless that would be too much. What had the name before is gone in the same
    /// transaction.
    pub(crate) fn load(&self, destination: &str, limit_bytes: u64) -> Result<Loaded, Error> {
        let incoming = self.used(SOURCE)?;
        let replaced = self.named(destination)?;
        let freed = replaced.as_ref().map_or(Ok(0), |found| self.taken(found))?;
        let wanted_bytes = (self.used(WORKSPACE)? + incoming).saturating_sub(freed);
        if wanted_bytes > limit_bytes {
            return Err(Error::SizeExceeded { limit_bytes });
        }
        self.run("BEGIN TRANSACTION")?;
        if let Some(found) = replaced {
            self.drop_found(&found)?;
        }
        self.run(&format!("CREATE TABLE {WORKSPACE}.main.{} AS SELECT * FROM {SOURCE}.main.data", ident(destination)))?;
        self.run("COMMIT")?;
        self.run(&format!("CHECKPOINT {WORKSPACE}"))?;
        Ok(Loaded { size_bytes: incoming })
    }

    /// Drops an object; whether there was one.
    pub(crate) fn drop(&self, name: &str) -> Result<bool, Error> {
        let Some(found) = self.named(name)? else { return Ok(false) };
        self.drop_found(&found)?;
        self.run(&format!("CHECKPOINT {WORKSPACE}"))?;
        Ok(true)
    }

    fn drop_found(&self, found: &Found) -> Result<(), Error> {
        let kind = if found.kind == "view" { "VIEW" } else { "TABLE" };
        self.run(&format!("DROP {kind} {}", found.quoted()))
    }

    /// The object that people see under a name, which the engine compares without case.
    pub(crate) fn named(&self, name: &str) -> Result<Option<Found>, Error> {
        Ok(self.found()?.into_iter().find(|found| found.shown().eq_ignore_ascii_case(name)))
    }

    fn found(&self) -> Result<Vec<Found>, Error> {
        let read = || -> duckdb::Result<Vec<Found>> {
            let mut statement = self.0.prepare(OBJECTS)?;
            let rows = statement
                .query_map([], |row| Ok(Found { schema: row.get(0)?, name: row.get(1)?, kind: row.get(2)? }))?;
            rows.collect()
        };
        read().map_err(|error| Error::engine(&error))
    }

    fn count(&self, found: &Found) -> Result<u64, Error> {
        self.number(&format!("SELECT count(*)::UBIGINT FROM {}", found.quoted()), [])
    }

    /// What a file's content takes, in bytes.
    fn used(&self, database: &str) -> Result<u64, Error> {
        self.number(USED, [database])
    }

    /// What would be free without an object, in bytes.
    fn taken(&self, found: &Found) -> Result<u64, Error> {
        if found.kind != "table" {
            return Ok(0);
        }
        let sql = format!(
            "SELECT (count(DISTINCT block_id) * {BLOCK_BYTES})::UBIGINT FROM pragma_storage_info({})
             WHERE persistent AND block_id >= 0",
            literal(&found.quoted())
        );
        self.number(&sql, [])
    }

    fn number<P: duckdb::Params>(&self, sql: &str, params: P) -> Result<u64, Error> {
        self.0.query_row(sql, params, |row| row.get(0)).map_err(|error| Error::engine(&error))
    }

    pub(crate) fn run(&self, sql: &str) -> Result<(), Error> {
        self.0.execute_batch(sql).map_err(|error| Error::engine(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY_BYTES: u64 = 256 << 20;
    const LIMIT_BYTES: u64 = 64 << 20;

    fn opened(directory: &Path, others: &[(String, String)]) -> Engine {
        let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        Engine::open(&path("workspace.duckdb"), &path("tmp"), MEMORY_BYTES, 1, others).unwrap().locked().unwrap()
    }

    /// A file as tables come in, with so many rows that do not compress.
    fn incoming(directory: &Path, name: &str, rows: u32) -> String {
        let path = directory.join(name).to_str().unwrap().to_owned();
        let made = Connection::open_in_memory().unwrap();
        made.execute_batch(&format!(
            "ATTACH '{path}' AS f (BLOCK_SIZE {BLOCK_BYTES});
             CREATE TABLE f.main.data AS SELECT range AS id, sha256(range::VARCHAR) AS text FROM range({rows})"
        ))
        .unwrap();
        path
    }

    fn load(directory: &Path, from: String, destination: &str, limit: u64) -> Result<Loaded, Error> {
        opened(directory, &[(from, SOURCE.to_owned())]).load(destination, limit)
    }

    fn object(name: &str, kind: &str, rows: u64) -> Object {
        Object { name: name.into(), kind: kind.into(), rows }
    }

    #[test]
    fn a_commit_that_lacks_its_end_never_was() {
        let (lived, died) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let engine = opened(lived.path(), &[]);
        engine.run("CREATE TABLE t (id BIGINT)").unwrap();
        engine.run("INSERT INTO t FROM range(400000)").unwrap();
        let wal = died.path().join("workspace.duckdb.wal");
        // What a killed process leaves: nothing is written out while the other engine stays open.
        for lacking in 0..32 {
            for name in ["workspace.duckdb", "workspace.duckdb.wal"] {
                std::fs::copy(lived.path().join(name), died.path().join(name)).unwrap();
            }
            let log = std::fs::File::options().write(true).open(&wal).unwrap();
            log.set_len(log.metadata().unwrap().len() - lacking).unwrap();
            let rows = if lacking == 0 { 400_000 } else { 0 };
            assert_eq!(opened(died.path(), &[]).list().unwrap(), [object("t", "table", rows)], "{lacking} bytes");
        }
    }

    #[test]
    fn tables_come_in_replace_each_other_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        assert_eq!(opened(directory, &[]).list().unwrap(), []);
        let loaded = load(directory, incoming(directory, "a", 1_000), "Orders", LIMIT_BYTES).unwrap();
        assert!(loaded.size_bytes >= BLOCK_BYTES, "{loaded:?}");
        load(directory, incoming(directory, "b", 7), "orders", LIMIT_BYTES).unwrap();
        let engine = opened(directory, &[]);
        engine.run("CREATE VIEW few AS SELECT * FROM orders; CREATE TABLE _hidden (a INTEGER)").unwrap();
        engine.run("CREATE SCHEMA s; CREATE TABLE s.x (a INTEGER)").unwrap();
        let all = [object("few", "view", 0), object("orders", "table", 7), object("s.x", "table", 0)];
        let by_name = |engine: &Engine| {
            let mut found = engine.list().unwrap();
            found.sort_by(|one, other| one.name.cmp(&other.name));
            found
        };
        assert_eq!(by_name(&engine), all);
        drop(engine);
        let engine = opened(directory, &[]);
        assert_eq!(by_name(&engine), all, "it is in the file");
        assert_eq!(engine.views().unwrap().len(), 1);
        assert!(engine.drop("FEW").unwrap() && engine.drop("s.x").unwrap());
        assert!(!engine.drop("few").unwrap() && !engine.drop("_hidden").unwrap() && !engine.drop("x' OR 1").unwrap());
        assert_eq!(engine.list().unwrap(), [object("orders", "table", 7)]);
    }

    #[test]
    fn what_would_be_too_large_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let size = load(directory, incoming(directory, "a", 20_000), "a", LIMIT_BYTES).unwrap().size_bytes;
        let limit = size + size / 2;
        let again = load(directory, incoming(directory, "b", 20_000), "b", limit).unwrap_err();
        assert_eq!(again, Error::SizeExceeded { limit_bytes: limit });
        assert_eq!(opened(directory, &[]).list().unwrap(), [object("a", "table", 20_000)]);
        load(directory, incoming(directory, "c", 20_000), "a", limit).expect("what it replaces does not count");
        assert_eq!(opened(directory, &[]).list().unwrap(), [object("a", "table", 20_000)]);
    }

    #[test]
    fn the_engine_opens_what_it_is_given_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x.csv"), "a\n1\n").unwrap();
        let foreign = incoming(other.path(), "y", 1);
        let engine = opened(directory.path(), &[(incoming(directory.path(), "given", 3), "given".into())]);
        assert_eq!(engine.number("SELECT count(*)::UBIGINT FROM given.main.data", []).unwrap(), 3);
        let (here, temp) = (directory.path().display(), directory.path().join("tmp"));
        for sql in [
            format!("CREATE TABLE x AS SELECT * FROM read_csv('{here}/x.csv')"),
            format!("CREATE TABLE x AS SELECT * FROM '{here}/x.csv'"),
            format!("ATTACH '{foreign}' AS foreign_file"),
            format!("ATTACH '{here}/new.duckdb' AS fresh"),
            format!("COPY (SELECT 1) TO '{here}/z.csv'"),
            format!("EXPORT DATABASE '{here}/all'"),
            "CREATE TABLE x AS SELECT * FROM read_text('/etc/passwd')".to_owned(),
            "CREATE TABLE x AS SELECT * FROM glob('/*')".to_owned(),
            "INSERT INTO given.main.data VALUES (9, '')".to_owned(),
            "SET memory_limit = '100GB'".to_owned(),
            "SET threads = 64".to_owned(),
            "SET enable_external_access = true".to_owned(),
            "RESET memory_limit".to_owned(),
            "INSTALL httpfs".to_owned(),
            "LOAD httpfs".to_owned(),
        ] {
            assert!(engine.run(&sql).is_err(), "{sql}");
        }
        assert!(!temp.join("z.csv").exists());
        assert_eq!(engine.list().unwrap(), []);
    }

    #[test]
    fn what_does_not_fit_in_memory_goes_to_its_own_place_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let engine = Engine::open(&path("workspace.duckdb"), &path("tmp"), 64 << 20, 1, &[]).unwrap().locked().unwrap();
        let sql = "CREATE TABLE x AS SELECT range AS a, repeat(range::VARCHAR, 20) AS b FROM range(1_000_000) ORDER BY hash(range)";
        engine.run(sql).unwrap();
        assert_eq!(engine.list().unwrap(), [object("x", "table", 1_000_000)]);
    }
}
