//! The statements of a program, as they were written: names not looked up yet, each with its place.

use sqlparser::ast::{Expr, Query};

use crate::position::SourceRange;
use crate::types::{ColumnType, Identifier, Type};

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it says.
    pub kind: StatementKind,
    /// From its first word to its last; without the `;`.
    pub range: SourceRange,
}

/// What a statement says.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `CREATE TABLE`.
    Table(TableStatement),
    /// `CREATE VIEW`.
    View(Box<ViewStatement>),
    /// `DECLARE RECURSIVE VIEW`.
    RecursiveView(DeclareView),
    /// `CREATE TYPE`.
    Type(TypeStatement),
    /// `CREATE FUNCTION`.
    Function(Box<FunctionStatement>),
    /// `CREATE AGGREGATE`.
    Aggregate(AggregateStatement),
    /// `CREATE INDEX`.
    Index(IndexStatement),
    /// `LATENESS`.
    Lateness(Box<LatenessStatement>),
    /// `SET`.
    Set(SetStatement),
    /// `INSERT` or `DELETE`, which a program does not run.
    Ignored(&'static str),
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub identifier: Identifier,
    /// Its place.
    pub range: SourceRange,
}

/// An expression, and its text exactly as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The tree.
    pub expr: Expr,
    /// The text.
    pub text: String,
    /// The place.
    pub range: SourceRange,
}

/// `'key' = 'value'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// The place of the key, with its quotes.
    pub key_range: SourceRange,
    /// The place of the value, with its quotes.
    pub value_range: SourceRange,
}

/// `CREATE TABLE name (columns, keys) WITH (properties)`.
#[derive(Clone, Debug)]
pub struct TableStatement {
    /// Its name.
    pub name: Name,
    /// Its columns.
    pub columns: Vec<ColumnStatement>,
    /// The primary keys it names; more than one is an error.
    pub keys: Vec<KeyClause>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The properties.
    pub properties: Vec<Property>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct ColumnStatement {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub kind: Type,
    /// Where the type stands.
    pub kind_range: SourceRange,
    /// Whether it said `NULL` or `NOT NULL`.
    pub is_nullable: Option<bool>,
    /// `LATENESS`.
    pub lateness: Option<Term>,
    /// `WATERMARK`.
    pub watermark: Option<Term>,
    /// `DEFAULT`.
    pub default: Option<Term>,
    /// All of it.
    pub range: SourceRange,
}

/// `PRIMARY KEY (columns)`, or of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyClause {
    /// The columns.
    pub columns: Vec<Name>,
    /// The place.
    pub range: SourceRange,
}

/// `FOREIGN KEY (columns) REFERENCES table (to)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns.
    pub columns: Vec<Name>,
    /// The table they refer to.
    pub table: Name,
    /// The columns there.
    pub to: Vec<Name>,
    /// The place.
    pub range: SourceRange,
}

/// What becomes of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViewKind {
    /// Its changes are given out.
    Plain,
    /// It is for other views only.
    Local,
    /// Its changes are given out, and it can be queried.
    Materialized,
}

/// `CREATE VIEW name (columns) WITH (properties) AS query`.
#[derive(Clone, Debug)]
pub struct ViewStatement {
    /// Its name.
    pub name: Name,
    /// What becomes of it.
    pub kind: ViewKind,
    /// The names of its columns, if it gives them.
    pub columns: Vec<Name>,
    /// The properties.
    pub properties: Vec<Property>,
    /// The query.
    pub query: Box<Query>,
    /// All of the statement.
    pub range: SourceRange,
}

/// `DECLARE RECURSIVE VIEW name (columns)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclareView {
    /// Its name.
    pub name: Name,
    /// Its columns.
    pub columns: Vec<(Name, ColumnType)>,
}

/// `CREATE TYPE name AS type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStatement {
    /// Its name.
    pub name: Name,
    /// What it stands for.
    pub kind: Type,
    pub(crate) depth: usize,
    pub(crate) parts: usize,
}

/// `CREATE FUNCTION name (parameters) RETURNS type AS body`.
#[derive(Clone, Debug)]
pub struct FunctionStatement {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub parameters: Vec<(Name, ColumnType)>,
    /// The type of its result.
    pub returns: ColumnType,
    /// The body, if it is written in SQL.
    pub body: Option<Term>,
}

/// `CREATE [LINEAR] AGGREGATE name (parameters) RETURNS type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateStatement {
    /// Its name.
    pub name: Name,
    /// Whether it is linear.
    pub is_linear: bool,
    /// Its parameters.
    pub parameters: Vec<(Name, ColumnType)>,
    /// The type of its result.
    pub returns: ColumnType,
}

/// `CREATE INDEX name ON relation (columns)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStatement {
    /// Its name.
    pub name: Name,
    /// The table or view.
    pub relation: Name,
    /// The columns.
    pub columns: Vec<Name>,
}

/// `LATENESS view.column expression`.
#[derive(Clone, Debug, PartialEq)]
pub struct LatenessStatement {
    /// The view.
    pub view: Name,
    /// The column.
    pub column: Name,
    /// By how much its values may come late.
    pub lateness: Term,
}

/// `SET option = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetStatement {
    /// The option.
    pub option: Name,
    /// The value, without quotes.
    pub value: String,
}
