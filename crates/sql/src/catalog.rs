//! The tables, views, types, functions, indexes and connectors of a program.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::position::SourceRange;
use crate::query::functions::UserFunctions;
use crate::statement::{ForeignKey, LatenessStatement, Name, Property, Term, ViewKind};
use crate::type_grammar::UserTypes;
use crate::types::{ColumnType, Identifier, Type};

/// The table whose one row is the current time. It is an input of a program that asks for the time.
pub const NOW_TABLE: &str = "now";
/// The view of rows that were refused.
pub const ERROR_VIEW: &str = "error_view";

/// All that a program defined so far.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    relations: Vec<Relation>,
    by_name: HashMap<String, usize>,
    /// The types.
    pub types: Arc<UserTypes>,
    /// The functions.
    pub functions: UserFunctions,
    /// The indexes, by name.
    pub indexes: BTreeMap<String, Index>,
    /// The connectors of tables, by endpoint.
    pub inputs: BTreeMap<String, Connector>,
    /// The connectors of views, by endpoint.
    pub outputs: BTreeMap<String, Connector>,
    /// Whether a view or a default asks for the current time.
    pub uses_now: bool,
    /// By how much columns of views may come late, from the first view on, wherever the statements stand.
    pub lateness: Vec<LatenessStatement>,
}

/// A table or a view.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// A table.
    Table(Table),
    /// A view.
    View(View),
}

/// A column of a table or view.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Identifier,
    /// Its type.
    pub column_type: ColumnType,
    /// By how much its values may come late.
    pub lateness: Option<Term>,
    /// By how much rows are held back.
    pub watermark: Option<Term>,
    /// Its value where a record has none.
    pub default: Option<Term>,
    /// Whether no view reads it, as far as the planner knows.
    pub is_unused: bool,
    /// Where it is defined.
    pub range: SourceRange,
}

impl Column {
    /// A column of which no more is known.
    #[must_use]
    pub fn new(name: Identifier, column_type: ColumnType) -> Self {
        let range = SourceRange::UNKNOWN;
        Self { name, column_type, lateness: None, watermark: None, default: None, is_unused: false, range }
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns of its primary key; none if it has no key.
    pub primary_key: Option<Vec<Identifier>>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its properties, as given.
    pub properties: Vec<Property>,
    /// Whether it is kept to be queried.
    pub is_materialized: bool,
    /// Whether rows only come and never go.
    pub is_append_only: bool,
    /// Whether it is ours.
    pub is_system: bool,
}

/// A view.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Its name.
    pub name: Name,
    /// What becomes of it.
    pub kind: ViewKind,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its properties, as given.
    pub properties: Vec<Property>,
    /// The column that has to be final before a row is given out.
    pub emit_final: Option<Identifier>,
    /// The tables and views it reads, each once, in order of name.
    pub reads: Vec<String>,
    /// Whether it was declared before it was defined.
    pub is_declared: bool,
    /// Whether it has a query yet.
    pub is_defined: bool,
    /// Whether it is ours.
    pub is_system: bool,
}

impl Relation {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Self::Table(table) => &table.name,
            Self::View(view) => &view.name,
        }
    }

    /// Its columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        match self {
            Self::Table(table) => &table.columns,
            Self::View(view) => &view.columns,
        }
    }

    pub(crate) fn columns_mut(&mut self) -> &mut [Column] {
        match self {
            Self::Table(table) => &mut table.columns,
            Self::View(view) => &mut view.columns,
        }
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns().iter().find(|column| column.name.name == name)
    }

    /// Whether it can be queried: it is materialized, or a table whose key says which rows it has.
    #[must_use]
    pub fn is_queryable(&self) -> bool {
        match self {
            Self::Table(table) => {
                let is_late = |name: &Identifier| {
                    table.columns.iter().any(|column| column.name == *name && column.lateness.is_some())
                };
                table.is_materialized || table.primary_key.as_ref().is_some_and(|key| !key.iter().any(is_late))
            }
            Self::View(view) => view.kind == ViewKind::Materialized,
        }
    }
}

/// `CREATE INDEX`: by which columns changes of a table or view are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: Identifier,
    /// The table or view.
    pub relation: Identifier,
    /// The columns.
    pub columns: Vec<Identifier>,
}

/// A connector of a table or view.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// The table or view.
    pub relation: Identifier,
    /// Its name, or the one it was given for its place in the list.
    pub name: String,
    /// The name of its transport.
    pub transport: String,
    /// All of its configuration, with defaults, and the stream it belongs to.
    pub config: Map<String, Value>,
    /// Where the list it stands in is.
    pub range: SourceRange,
}

impl Catalog {
    /// A catalogue with nothing but what is ours.
    #[must_use]
    pub fn new() -> Self {
        let mut catalog = Self::default();
        let text = ColumnType { kind: Type::Varchar(None), is_nullable: false };
        let column = |name: &str, kind: &ColumnType| Column::new(Identifier::folded(name), kind.clone());
        let of_errors = ["table_or_view_name", "message", "metadata"].map(|name| column(name, &text));
        catalog.add(Relation::View(View {
            name: Name::unplaced(Identifier::folded(ERROR_VIEW)),
            kind: ViewKind::Plain,
            columns: of_errors.to_vec(),
            properties: Vec::new(),
            emit_final: None,
            reads: Vec::new(),
            is_declared: false,
            is_defined: true,
            is_system: true,
        }));
        let moment = ColumnType { kind: Type::Timestamp, is_nullable: false };
        catalog.add(Relation::Table(Table {
            name: Name::unplaced(Identifier::folded(NOW_TABLE)),
            columns: vec![column("now", &moment)],
            primary_key: None,
            foreign_keys: Vec::new(),
            properties: Vec::new(),
            is_materialized: false,
            is_append_only: false,
            is_system: true,
        }));
        catalog
    }

    /// Adds a table or view, or puts it in the place of its declaration. Its place in the order is that of its definition.
    pub(crate) fn add(&mut self, relation: Relation) {
        let name = relation.name().identifier.name.clone();
        if let Some(at) = self.by_name.remove(&name) {
            self.relations.remove(at);
            self.by_name.values_mut().filter(|other| **other > at).for_each(|other| *other -= 1);
        }
        self.by_name.insert(name, self.relations.len());
        self.relations.push(relation);
    }

    /// The table or view of that name, as the catalogue has it: folded unless it was quoted.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.by_name.get(name).map(|at| &self.relations[*at])
    }

    pub(crate) fn relation_mut(&mut self, name: &str) -> Option<&mut Relation> {
        self.by_name.get(name).map(|at| &mut self.relations[*at])
    }

    /// All tables and views, also ours, in order of definition.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter()
    }

    /// The tables of the program, and that of the current time if it is asked for.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.relations.iter().filter_map(|relation| match relation {
            Relation::Table(table) if !table.is_system || self.uses_now => Some(table),
            _ => None,
        })
    }

    pub(crate) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        self.relations.iter_mut().filter_map(|relation| match relation {
            Relation::Table(table) => Some(table),
            Relation::View(_) => None,
        })
    }

    /// The views of the program that have a query, and that of errors, which comes first.
    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.relations.iter().filter_map(|relation| match relation {
            Relation::View(view) if view.is_defined => Some(view),
            _ => None,
        })
    }
}
