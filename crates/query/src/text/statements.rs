//! Which statements there are.

use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::{Insert, ObjectName, SetExpr, Statement, TableObject};

use super::weight;
use crate::error::QueryError;

/// What a refused statement is answered with.
const OFFERED: &str = "ad-hoc queries are SELECT, INSERT, PREPARE, EXECUTE and EXPLAIN of a SELECT";

/// A statement that is one of those offered.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its tree.
    pub tree: ParsedStatement,
    /// What kind it is.
    pub kind: Kind,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Gives rows.
    Query,
    /// Puts rows into a table.
    Insert(InsertInto),
    /// Keeps one of the two above.
    Prepare(Box<Kind>),
    /// Does what was kept.
    Execute,
}

/// What an INSERT names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InsertInto {
    /// The columns as they are called behind folding; all, if there are none.
    pub columns: Vec<String>,
}

pub(super) fn check(tree: ParsedStatement) -> Result<Checked, QueryError> {
    let kind = match &tree {
        ParsedStatement::Statement(statement) => kind_of(statement)?,
        ParsedStatement::Explain(explain) => match explain.statement.as_ref() {
            ParsedStatement::Statement(statement) if matches!(kind_of(statement)?, Kind::Query) => Kind::Query,
            _ => return Err(refused("EXPLAIN of something else")),
        },
        ParsedStatement::CopyTo(_) => return Err(refused("COPY")),
        ParsedStatement::CreateExternalTable(_) => return Err(refused("CREATE EXTERNAL TABLE")),
        ParsedStatement::Reset(_) => return Err(refused("RESET")),
    };
    Ok(Checked { tree, kind })
}

fn kind_of(statement: &Statement) -> Result<Kind, QueryError> {
    let kind = match statement {
        Statement::Query(query) => {
            if !matches!(
                query.body.as_ref(),
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_)
            ) {
                return Err(refused(&first_words(statement)));
            }
            Kind::Query
        }
        Statement::Insert(insert) => Kind::Insert(insert_into(insert)?),
        Statement::Prepare { statement, .. } => match kind_of(statement)? {
            kind @ (Kind::Query | Kind::Insert(_)) => Kind::Prepare(Box::new(kind)),
            Kind::Prepare(_) | Kind::Execute => return Err(refused("PREPARE of something else")),
        },
        Statement::Execute { immediate: false, .. } => Kind::Execute,
        _ => return Err(refused(&first_words(statement))),
    };
    weight::check(statement)?;
    Ok(kind)
}

fn insert_into(insert: &Insert) -> Result<InsertInto, QueryError> {
    if insert.overwrite || insert.replace_into || insert.or.is_some() {
        return Err(refused("INSERT that replaces rows"));
    }
    if !matches!(&insert.table, TableObject::TableName(_)) {
        return Err(refused("INSERT into something that is no table"));
    }
    Ok(InsertInto { columns: insert.columns.iter().map(folded).collect() })
}

/// The last part of a name, as it is called behind folding.
fn folded(name: &ObjectName) -> String {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map_or_else(String::new, |ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    })
}

fn refused(what: &str) -> QueryError {
    QueryError::rejected(format!("{what} is not supported: {OFFERED}"))
}

/// How the statement begins, to name it by.
fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace()
        .take_while(|word| word.chars().all(|ch| ch.is_ascii_uppercase()))
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}
