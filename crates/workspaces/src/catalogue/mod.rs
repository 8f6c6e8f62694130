//! What a statement that asks the catalogue is shown: the project's tables beside the workspace's own, by name and columns only, and the
//! catalogue of PostgreSQL over both, for clients that know no other.
//!
//! The tables are there without their rows, in a database of their own that no name leads to. The catalogue is made of views and macros
//! (`pg_catalog.sql`, `information_schema.sql`) that stand in the search path before the engine's own; what clients write that the engine
//! does not read is rewritten to meet them.

mod rewrite;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use alluvium_pgwire::tokens::{Kind, Token, tokens};
use alluvium_tablestore::TableSchema;
use alluvium_tablestore::column::ColumnType;
use alluvium_tablestore::quote::{ident, literal};
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::request::{Column, Question};
use rewrite::rewrite;

/// How many tables a catalogue shows.
pub const TABLES_MAX: usize = 2_000;
/// How many columns they have together.
pub const COLUMNS_MAX: usize = 50_000;
/// Where the project's tables are, without rows; also the name that clients see.
const TABLES: &str = "project tables";
/// Where the views and macros are.
const VIEWS: &str = "pg catalog";
/// Where names are looked for when a statement asks for them.
pub(crate) const PATH: &str = "\"pg catalog\".main";
/// Those of the standard.
const INFORMATION: &str = "\"pg catalog\".information";
const MADE_BY: [&str; 2] = [include_str!("pg_catalog.sql"), include_str!("information_schema.sql")];
/// Words that say what a statement does.
const FIRST_WORDS: usize = 4;
/// Columns that are lists here, and which PostgreSQL writes as `1 2`.
const VECTORS: [&str; 4] = ["indkey", "indoption", "indclass", "indcollation"];

/// What a statement asks of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// The engine's own.
    Tables,
    /// PostgreSQL's.
    Catalogue,
}

/// What there is to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// What the client calls the database.
    pub database: String,
    /// Who it is.
    pub user: String,
    /// Tables that it can read beside the workspace's own.
    pub tables: Vec<Listed>,
    /// Whether it asks PostgreSQL's catalogue.
    pub is_emulated: bool,
}

/// A table of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its bucket.
    pub bucket: String,
    /// Its name.
    pub table: String,
    /// Its columns.
    pub schema: TableSchema,
}

/// Every `pg_…` that is there.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let names = MADE_BY.iter().flat_map(|sql| tokens(sql)).filter_map(|token| token.name());
    names.filter(|name| name.starts_with("pg_")).collect()
});

/// What a statement asks of the catalogue.
pub fn asks(sql: &str) -> Asks {
    let found: Vec<_> = tokens(sql).filter(|token| token.kind != Kind::Blank).collect();
    let first: Vec<String> = found.iter().map_while(Token::name).take(FIRST_WORDS).collect();
    let words: Vec<&str> = first.iter().map(String::as_str).collect();
    // What is kept is not for one statement: it is about the engine's own, as it always was.
    if words.first() == Some(&"create")
        && first.iter().any(|word| ["view", "macro", "function"].contains(&word.as_str()))
    {
        return Asks::Nothing;
    }
    let shows = matches!(words[..], ["show", "tables" | "schemas" | "databases", ..] | ["show", "all", "tables"]);
    let mut asked = if shows { Asks::Tables } else { Asks::Nothing };
    for (at, token) in found.iter().enumerate() {
        let Some(name) = token.name() else { continue };
        let is_type = at > 0 && (found[at - 1].kind == Kind::Cast || found[at - 1].name().as_deref() == Some("as"));
        asked = asked.max(match name.as_str() {
            "information_schema" | "pg_catalog" | "current_database" | "current_user" | "session_user" => {
                Asks::Catalogue
            }
            _ if KNOWN.contains(&name) || is_type && rewrite::is_object_type(&name) => Asks::Catalogue,
            _ if name.starts_with("duckdb_") => Asks::Tables,
            _ => Asks::Nothing,
        });
    }
    asked
}

/// Whether a name, in its parts, is of something in the databases of the catalogue, which statements have no business in.
pub fn is_reserved(name: &[String]) -> bool {
    name.len() > 1 && [TABLES, VIEWS].iter().any(|own| own.eq_ignore_ascii_case(&name[0]))
}

/// A statement in the words of an engine with the catalogue that it asks.
pub(crate) fn understood(question: Question) -> Question {
    match &question.catalogue {
        Some(catalogue) if catalogue.is_emulated => Question { sql: rewrite(&question.sql), ..question },
        _ => question,
    }
}

/// Makes the tables.
pub(crate) fn show_tables(connection: &Connection, tables: &[Listed]) -> Result<(), Error> {
    let database = ident(TABLES);
    let (mut schemas, mut all) = (BTreeSet::new(), vec![format!("ATTACH ':memory:' AS {database}; BEGIN TRANSACTION")]);
    for table in tables {
        let schema = format!("{database}.{}", ident(&table.bucket));
        if schemas.insert(schema.clone()) {
            all.push(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        }
        let columns = table.schema.columns.iter().map(alluvium_tablestore::Column::definition_sql);
        let columns: Vec<String> = columns.chain(key(&table.schema)).collect();
        all.push(format!("CREATE TABLE {schema}.{} ({})", ident(&table.table), columns.join(", ")));
    }
    all.push("COMMIT".to_owned());
    run(connection, &all.join(";"))
}

/// Makes the views and macros.
pub(crate) fn show_views(connection: &Connection, catalogue: &Catalogue) -> Result<(), Error> {
    let names = format!(
        "ATTACH ':memory:' AS {views}; USE {views}; BEGIN TRANSACTION;
         CREATE MACRO _database() AS {}; CREATE MACRO _user() AS {};",
        literal(&catalogue.database),
        literal(&catalogue.user),
        views = ident(VIEWS),
    );
    run(connection, &(names + &MADE_BY.concat() + "COMMIT; USE memory"))
}

/// The key, where its columns are of types that the engine takes for one.
fn key(schema: &TableSchema) -> Option<String> {
    let is_no_key = |kind: &ColumnType| {
        matches!(
            kind,
            ColumnType::List(_)
                | ColumnType::Array(..)
                | ColumnType::Struct(_)
                | ColumnType::Map(..)
                | ColumnType::Interval
                | ColumnType::Bit
        )
    };
    let columns: Vec<_> = schema.primary_key.iter().filter_map(|name| schema.column(name)).collect();
    if columns.is_empty() || columns.iter().any(|column| is_no_key(&column.column_type)) {
        return None;
    }
    let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
    Some(format!("PRIMARY KEY ({})", names.join(", ")))
}

/// The columns of an answer, by the types that clients expect.
pub(crate) fn announced(columns: Vec<Column>) -> Vec<Column> {
    let announced = |(name, kind): Column| {
        let kind = if kind == "BIGINT[]" && VECTORS.contains(&name.as_str()) { "INT2VECTOR".to_owned() } else { kind };
        (name, kind)
    };
    columns.into_iter().map(announced).collect()
}

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.execute_batch(sql).map_err(|error| Error::engine(&error))
}
