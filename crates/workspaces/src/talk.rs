//! A process that stays for several statements: one after another, in a transaction or not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read as _, Write};

use alluvium_tablestore::quote::{ident, literal};
use alluvium_tablestore::{ColumnType, row_json};
use arrow::record_batch::RecordBatch;
use duckdb::types::Value;
use duckdb::{Connection, params_from_iter};

use crate::Error;
use crate::catalogue::{self, Catalogue};
use crate::request::{Column, Param, Question, Reply, Say, Source};
use crate::run::{TAKEN, arrived};
use crate::sql::{BLOCK_BYTES, Engine};

/// One statement with its parameters, as JSON.
const SAY_BYTES_MAX: u64 = 128 << 20;
/// What cannot be described, and the columns of its answers.
const EXPLAIN: &str = "explain";
const EXPLAINED: [&str; 2] = ["explain_key", "explain_value"];

/// Does what is said line by line, until nobody says anything any more. Fails only where nobody listens.
pub(crate) fn talk(
    engine: &Engine,
    copies: &str,
    mut input: impl BufRead,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let mut tables = match engine.0.try_clone() {
        Ok(beside) => Tables::new(beside, copies.to_owned()),
        Err(error) => return reply(out, &Reply::Failed(Error::engine(&error))),
    };
    loop {
        let mut line = String::new();
        if (&mut input).take(SAY_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let done = match serde_json::from_str(&line) {
            Ok(Say::Views) => engine.views().map(Reply::Views),
            Ok(Say::Checkpoint) => engine.run("CHECKPOINT workspace").map(|()| Reply::Done { changed: None }),
            Ok(Say::Describe(question)) => {
                let question = catalogue::understood(question);
                tables.show(engine, &question).and_then(|()| describe(engine, &question)).map(Reply::Described)
            }
            Ok(Say::Run(question)) => {
                let question = catalogue::understood(question);
                match tables.show(engine, &question) {
                    Ok(()) => run(engine, &question, out)?.map(|changed| Reply::Done { changed }),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(Error::unavailable(error)),
        };
        reply(out, &done.unwrap_or_else(Reply::Failed))?;
    }
}

fn reply(out: &mut impl Write, reply: &Reply) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, reply)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The tables of the project that statements have come to so far.
struct Tables {
    /// Attaches what comes. In a transaction that has written, the other connection cannot.
    beside: Connection,
    /// The directory that they lie in.
    copies: String,
    /// Names of files that are attached.
    names: BTreeMap<std::path::PathBuf, String>,
    taken: BTreeSet<String>,
    /// Schema and table of each that is shown.
    shown: BTreeSet<(String, String)>,
    /// Where names without a schema's database are looked for.
    path: Vec<String>,
    places: usize,
    /// Whether the catalogue's tables, and its views, are there: a transaction goes on to see what it saw first.
    is_listed: bool,
    is_emulated: bool,
}

impl Tables {
    fn new(beside: Connection, copies: String) -> Self {
        Self {
            beside,
            copies,
            names: BTreeMap::new(),
            taken: TAKEN.iter().map(|name| (*name).to_owned()).collect(),
            shown: BTreeSet::new(),
            path: vec!["workspace.main".to_owned()],
            places: 0,
            is_listed: false,
            is_emulated: false,
        }
    }

    /// Makes copies readable as `bucket.table`, behind what is the workspace's own, and as `bucket_table.main.data`.
    fn show(&mut self, engine: &Engine, question: &Question) -> Result<(), Error> {
        // What an open transaction has seen of a database is all that it will see of it: what is new gets a place of its own.
        let place = ident(&format!("tables {}", self.places));
        let file = literal(&format!("{}/tables {}", self.copies, self.places));
        let mut is_there = false;
        for source in &question.sources {
            let name = self.attached(source)?;
            for schema in &source.schemas {
                let key = (schema.to_lowercase(), source.table.to_lowercase());
                if !self.shown.insert(key) {
                    continue;
                }
                if !is_there {
                    self.run(&format!("ATTACH {file} AS {place} (BLOCK_SIZE {BLOCK_BYTES})"))?;
                    (is_there, self.places) = (true, self.places + 1);
                }
                let schema = format!("{place}.{}", ident(schema));
                self.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))?;
                let view = format!("{schema}.{}", ident(&source.table));
                self.run(&format!("CREATE VIEW {view} AS SELECT * FROM {}.main.data", ident(&name)))?;
                if !self.path.contains(&schema) {
                    self.path.push(schema);
                }
            }
        }
        if is_there {
            // What would be written there would be lost.
            self.run(&format!("DETACH {place}; ATTACH {file} AS {place} (READ_ONLY)"))?;
        }
        let mut path = self.path.join(",");
        if let Some(catalogue) = &question.catalogue {
            self.list(catalogue)?;
            if catalogue.is_emulated {
                path = format!("{path},{}", catalogue::PATH);
            }
        }
        engine.run(&format!("SET search_path = {}", literal(&path)))
    }

    /// Makes the catalogue, once.
    fn list(&mut self, catalogue: &Catalogue) -> Result<(), Error> {
        if !std::mem::replace(&mut self.is_listed, true) {
            catalogue::show_tables(&self.beside, &catalogue.tables)?;
        }
        if catalogue.is_emulated && !std::mem::replace(&mut self.is_emulated, true) {
            catalogue::show_views(&self.beside, catalogue)?;
        }
        Ok(())
    }

    /// The name that a copy is attached under: `{bucket}_{table}`, as clients know it, unless that is taken.
    fn attached(&mut self, source: &Source) -> Result<String, Error> {
        if let Some(name) = self.names.get(&source.file) {
            return Ok(name.clone());
        }
        let name = format!("{}_{}", source.bucket, source.table);
        let is_free = self.taken.insert(name.to_ascii_lowercase());
        let name = if is_free { name } else { format!("source {}", self.names.len()) };
        let file = source.file.to_str().ok_or_else(|| Error::unavailable("a path is not UTF-8"))?;
        self.run(&format!("ATTACH {} AS {} (READ_ONLY)", literal(file), ident(&name)))?;
        self.names.insert(source.file.clone(), name.clone());
        Ok(name)
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        self.beside.execute_batch(sql).map_err(|error| Error::engine(&error))
    }
}

fn values(params: &[Param]) -> Vec<Value> {
    let value = |param: &Param| match param {
        Param::Null => Value::Null,
        Param::Bool(value) => Value::Boolean(*value),
        Param::Int(value) => Value::BigInt(*value),
        Param::Float(value) => Value::Double(*value),
        Param::Text(value) => Value::Text(value.clone()),
        Param::Bytes(value) => Value::Blob(value.clone()),
    };
    params.iter().map(value).collect()
}

/// The columns that a question has; `None` for what is none, or is wrong.
fn asked(engine: &Engine, question: &Question, params: &[Value]) -> Option<Vec<Column>> {
    let sql = question.sql.as_str();
    let described = |sql: String| -> duckdb::Result<Vec<Column>> {
        let mut statement = engine.0.prepare(&sql)?;
        statement.query_map(params_from_iter(params), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let begins = sql.trim_start().get(..EXPLAIN.len());
    if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(EXPLAIN)) {
        return Some(EXPLAINED.map(|name| (name.to_owned(), "VARCHAR".to_owned())).to_vec());
    }
    // The second is for `SHOW` and its like, which are no queries but can stand where one can.
    let columns = described(format!("DESCRIBE {sql}"))
        .or_else(|_| described(format!("DESCRIBE SELECT * FROM (\n{sql}\n)")))
        .ok()?;
    Some(if question.catalogue.is_some() { catalogue::announced(columns) } else { columns })
}

/// The same for somebody who will not run it now, so what is wrong is said.
fn describe(engine: &Engine, question: &Question) -> Result<Option<Vec<Column>>, Error> {
    if let Some(columns) = asked(engine, question, &values(&question.params)) {
        return Ok(Some(columns));
    }
    // Preparing finds what is wrong, and does nothing.
    engine.0.prepare(&question.sql).map(|_| None).map_err(|error| Error::statement(&error))
}

/// Runs a statement, and writes its rows as they come. The outer failure is that of whoever listens.
fn run(engine: &Engine, question: &Question, out: &mut impl Write) -> std::io::Result<Result<Option<u64>, Error>> {
    let params = values(&question.params);
    let columns = asked(engine, question, &params);
    let is_question = columns.is_some();
    let mut prepared = match engine.0.prepare(&question.sql) {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(Error::statement(&error))),
    };
    // The iterator this returns panics on an error; stepping by hand gives the error.
    if let Err(error) = prepared.stream_arrow(params_from_iter(&params)).map(drop) {
        return Ok(Err(Error::statement(&error)));
    }
    let mut answer = Answer { columns, told: false, changed: None };
    if is_question {
        answer.tell(out)?;
    }
    loop {
        match prepared.step() {
            Err(error) => return Ok(Err(Error::statement(&error))),
            Ok(None) => return Ok(Ok(answer.changed)),
            Ok(Some(array)) => answer.take(&RecordBatch::from(&array), is_question, out)?,
        }
    }
}

/// An answer under way.
struct Answer {
    columns: Option<Vec<Column>>,
    told: bool,
    changed: Option<u64>,
}

impl Answer {
    fn tell(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        if !std::mem::replace(&mut self.told, true) {
            reply(out, &Reply::Columns(self.columns.clone().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Rows of a question, or of a statement that gives back what it changes. One that changes rows says how many.
    fn take(&mut self, batch: &RecordBatch, is_question: bool, out: &mut impl Write) -> std::io::Result<()> {
        let columns = self.columns.get_or_insert_with(|| arrived(batch));
        let is_count = matches!(columns.as_slice(), [(name, kind)] if name == "Count" && kind == "BIGINT");
        let kinds: Vec<Option<ColumnType>> = columns.iter().map(|(_, kind)| kind.parse().ok()).collect();
        if !is_question && is_count {
            for row in 0..batch.num_rows() {
                let text = row_json(batch, row, &kinds);
                self.changed = text.get().trim_matches(['[', ']']).parse().ok();
            }
            return Ok(());
        }
        if batch.num_rows() > 0 {
            self.tell(out)?;
        }
        for row in 0..batch.num_rows() {
            out.write_all(row_json(batch, row, &kinds).get().as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A copy of a table, as they come in.
    fn source(directory: &Path, name: &str, rows: u32) -> Source {
        let file = directory.join(name);
        let made = Connection::open_in_memory().unwrap();
        let sql = format!(
            "ATTACH '{}' AS f; CREATE TABLE f.main.data AS SELECT range AS id FROM range({rows})",
            file.display()
        );
        made.execute_batch(&sql).unwrap();
        Source { file, schemas: vec!["shop".into()], bucket: "shop".into(), table: name.into() }
    }

    fn say(sql: &str, params: Vec<Param>, sources: Vec<Source>) -> Say {
        Say::Run(Question { sql: sql.to_owned(), params, sources, catalogue: None })
    }

    /// What is answered, a line each.
    fn told(directory: &Path, says: &[Say]) -> Vec<String> {
        let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let engine = Engine::open(&path("w.duckdb"), &path("tmp"), 256 << 20, 1, &[]).unwrap();
        let engine = engine.locked_but_for(&path("copies")).unwrap();
        let input: Vec<String> = says.iter().map(|say| serde_json::to_string(say).unwrap() + "\n").collect();
        let mut out = Vec::new();
        talk(&engine, &path("copies"), input.concat().as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_transaction_comes_to_tables_one_after_another_and_writes_to_none() {
        let directory = tempfile::tempdir().unwrap();
        let copies = directory.path().join("copies");
        std::fs::create_dir(&copies).unwrap();
        let (first, second) = (source(&copies, "a", 3), source(&copies, "b", 4));
        let lines = told(
            directory.path(),
            &[
                say("BEGIN", vec![], vec![]),
                say("CREATE TABLE own AS SELECT * FROM shop.a WHERE id > $1", vec![Param::Int(0)], vec![first.clone()]),
                say("SELECT count(*) FROM own, shop.b", vec![], vec![first.clone(), second.clone()]),
                Say::Describe(Question {
                    sql: "SELECT $1::DATE AS d".into(),
                    params: vec![Param::Null],
                    sources: vec![],
                    catalogue: None,
                }),
                say("COMMIT", vec![], vec![]),
                say("SELECT count(*) FROM shop_b.main.data", vec![], vec![second.clone()]),
                say("INSERT INTO own VALUES ($1) RETURNING id", vec![Param::Text("7".into())], vec![]),
                say("CREATE TABLE shop.lost (a INTEGER)", vec![], vec![first]),
                say("DELETE FROM shop_b.main.data", vec![], vec![second]),
                say("SELECT * FROM read_text('/etc/passwd')", vec![], vec![]),
            ],
        );
        let expected = [
            r#"{"done":{"changed":null}}"#,
            r#"{"done":{"changed":2}}"#,
            r#"{"columns":[["count_star()","BIGINT"]]}"#,
            "[8]",
            r#"{"done":{"changed":null}}"#,
            r#"{"described":[["d","DATE"]]}"#,
            r#"{"done":{"changed":null}}"#,
            r#"{"columns":[["count_star()","BIGINT"]]}"#,
            "[4]",
            r#"{"done":{"changed":null}}"#,
            r#"{"columns":[["id","BIGINT"]]}"#,
            "[7]",
            r#"{"done":{"changed":null}}"#,
        ];
        assert_eq!(lines[..expected.len()], expected);
        let refused = &lines[expected.len()..];
        assert!(
            refused.len() == 3 && refused.iter().all(|line| line.starts_with(r#"{"failed":{"error":"refused""#)),
            "{refused:?}"
        );
        assert!(refused[..2].iter().all(|line| line.contains("read-only mode")), "{refused:?}");
    }
}
