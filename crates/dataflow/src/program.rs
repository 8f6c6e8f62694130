//! Programs: tables, and views over them and over one another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alluvium_formats::Table;
use alluvium_sql::types::{ColumnType, Field, Identifier, Type};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::LogicalPlan;
use sqlparser::ast::Query;

use crate::circuit::{Lowering, Node, NodeId, Operation, Waterline, hashed, types_text};
use crate::plan::{self, Place, PlanError, Source};
use crate::types::{column_type, field};

/// The relation that holds the time, a single row with the column `now`, if a program asks for it.
pub const CLOCK: &str = "now";
/// How many columns a relation may have.
const COLUMNS_MAX: usize = 4_096;

/// What some columns of a table are called in all versions of a program.
pub(crate) fn table_identity(table: &Table, columns: &[usize]) -> String {
    let column = |at: &usize| {
        let column = table.columns.get(*at);
        column.map_or_else(String::new, |column| format!("{:?} {}", column.name.name, column.column_type.kind))
    };
    let list = |columns: &[usize]| columns.iter().map(column).collect::<Vec<_>>().join(", ");
    hashed(&format!("table {:?} ({}) ({})", table.name, list(&table.key), list(columns)))
}

/// A view of a program.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name, as relations are found.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Field>,
    /// Whether its query reads the clock itself.
    pub reads_clock: bool,
    /// What has to be computed again as a whole when its inputs change. Nothing if the view is incremental all through.
    pub recomputed: Vec<String>,
    /// The columns it reads, as (relation, column).
    pub reads: BTreeSet<(String, String)>,
    /// The plan as text, a tree.
    pub plan: String,
    /// A name that says what its rows are, the same in all versions of a program: views that have it in common have the same rows.
    pub persistent_id: String,
    /// Where its statement stands, all zeros if that is not known.
    pub place: Place,
    pub(crate) node: NodeId,
    /// The column that has to be final before a row is given out.
    pub(crate) emit_final: Option<(usize, Waterline)>,
}

impl View {
    /// The columns in memory.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        schema_of(&self.columns)
    }

    /// The columns in memory, all of them nullable as changes have them.
    pub(crate) fn nullable_schema(&self) -> SchemaRef {
        let nullable = self.columns.iter().cloned().map(|mut column| {
            column.column_type.is_nullable = true;
            column
        });
        schema_of(&nullable.collect::<Vec<_>>())
    }
}

fn schema_of(columns: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|each| field(&each.name.name, &each.column_type)).collect::<Vec<_>>()))
}

/// What a table promises of its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRules {
    /// By how much values may come late.
    pub lateness: Vec<Lateness>,
    /// Whether rows only come and never go.
    pub is_append_only: bool,
}

/// By how much the values of a column may come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// The column, by number.
    pub column: usize,
    /// The distance in the units of the column: whole numbers as they are, decimals in units of their last digit, days of dates,
    /// nanoseconds of times, microseconds of timestamps. Not negative.
    pub distance: i128,
}

/// A program that grows: relations are added in an order in which each names only earlier ones.
#[derive(Clone, Default)]
pub struct Program {
    pub(crate) lowering: Lowering,
    sources: BTreeMap<String, Arc<Source>>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) views: Vec<View>,
    pub(crate) rules: BTreeMap<String, TableRules>,
    /// Tables whose rows are passed on and not kept.
    pub(crate) streams: BTreeSet<String>,
    pub(crate) has_clock: bool,
    /// Views that are declared and not defined yet.
    declared: BTreeMap<String, (NodeId, Vec<Field>)>,
}

impl Program {
    /// A program without relations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table of which more is promised.
    pub fn add_ruled_table(&mut self, table: Table, rules: TableRules) -> Result<(), PlanError> {
        crate::lateness::check(&table.columns, &rules.lateness)?;
        let name = table.name.clone();
        self.add_table(table)?;
        let late = rules.lateness.iter().map(|lateness| lateness.column).collect();
        self.lowering.late.insert(name.clone(), late);
        self.rules.insert(name, rules);
        Ok(())
    }

    /// Adds a table whose rows are passed on and not kept: they only come. One of the name `error_view` with three columns of texts
    /// also gets the rows that other tables do not take.
    pub fn add_stream(&mut self, table: Table) -> Result<(), PlanError> {
        if !table.key.is_empty() {
            return Err(PlanError::wrong(format!("the rows of {} are not kept, so they have no key", table.name)));
        }
        let name = table.name.clone();
        self.add_table(table)?;
        self.streams.insert(name);
        Ok(())
    }

    /// Says by how much values of a view may come late. Rows that come later are dropped before views that are added afterwards read them.
    pub fn set_lateness(&mut self, view: &str, lateness: Vec<Lateness>) -> Result<(), PlanError> {
        let Some(at) = self.views.iter().position(|each| each.name == view) else {
            return Err(PlanError::wrong(format!("there is no view '{view}'")));
        };
        crate::lateness::check(&self.views[at].columns, &lateness)?;
        if lateness.is_empty() {
            return Ok(());
        }
        let node = self.views[at].node;
        // Rows that came too late are told with the names of the view.
        let schema = self.views[at].nullable_schema();
        let node = self.lowering.add(Operation::Gate(lateness), vec![node], schema)?;
        self.lowering.relations.insert(view.to_owned(), node);
        self.views[at].node = node;
        self.views[at].persistent_id.clone_from(&self.lowering.nodes[node].identity);
        Ok(())
    }

    /// Has the rows of a view given out only once a column of theirs says that they do not change any more. Views over it read them at once.
    ///
    /// # Errors
    /// If it does not follow from the lateness of tables and views when that is so.
    pub fn set_emit_final(&mut self, view: &str, column: usize) -> Result<(), PlanError> {
        let Some(at) = self.views.iter().position(|each| each.name == view) else {
            return Err(PlanError::wrong(format!("there is no view '{view}'")));
        };
        let Some(waterline) = self.lowering.waterline(self.views[at].node, column) else {
            let name = self.views[at].columns.get(column).map(|column| column.name.to_string()).unwrap_or_default();
            return Err(PlanError::wrong(format!(
                "it does not follow from any LATENESS when rows of '{view}' are final by column '{name}'"
            )));
        };
        self.views[at].emit_final = Some((column, waterline));
        Ok(())
    }

    /// What a table promises.
    #[must_use]
    pub fn rules(&self, table: &str) -> TableRules {
        self.rules.get(table).cloned().unwrap_or_default()
    }

    /// Adds a table.
    pub fn add_table(&mut self, table: Table) -> Result<(), PlanError> {
        self.check_name(&table.name)?;
        if table.columns.is_empty() || table.columns.len() > COLUMNS_MAX {
            return Err(PlanError::wrong(format!(
                "a table has 1 to {COLUMNS_MAX} columns, not {}",
                table.columns.len()
            )));
        }
        if let Some(at) =
            table.key.iter().find(|at| table.columns.get(**at).is_none_or(|column| column.column_type.is_nullable))
        {
            return Err(PlanError::wrong(format!(
                "column {at} of the key of {} is not there or may be NULL",
                table.name
            )));
        }
        let nullable = table.columns.iter().cloned().map(|mut column| {
            column.column_type.is_nullable = true;
            column
        });
        let memory = schema_of(&nullable.collect::<Vec<_>>());
        let operation = Operation::Table(table.name.clone());
        let text = format!("{}\n{}\n", operation.text(), types_text(&memory));
        let identity = table_identity(&table, &(0..table.columns.len()).collect::<Vec<_>>());
        let node = self.lowering.add_as(operation, Vec::new(), memory, &text, identity)?;
        self.lowering.tables.insert(table.name.clone(), table.clone());
        self.lowering.relations.insert(table.name.clone(), node);
        self.sources.insert(table.name.clone(), Arc::new(Source { schema: table.schema() }));
        self.tables.insert(table.name.clone(), table);
        Ok(())
    }

    /// Adds the table of the clock: it holds one row, the time. A row that is put into it takes the place of the one before; the time does
    /// not go back.
    pub fn add_clock(&mut self) -> Result<(), PlanError> {
        let column_type = ColumnType { kind: Type::Timestamp, is_nullable: false };
        let columns = vec![Field { name: Identifier::folded(CLOCK), column_type }];
        self.add_table(Table { name: CLOCK.to_owned(), columns, key: Vec::new() })?;
        self.has_clock = true;
        Ok(())
    }

    /// Whether a relation is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    fn check_name(&self, name: &str) -> Result<(), PlanError> {
        if self.has(name) {
            return Err(PlanError::wrong(format!("a relation '{name}' is already there")));
        }
        Ok(())
    }

    /// Declares a view that others, and its own query, may read before it is added. It has each row once.
    pub fn declare_view(&mut self, name: &str, columns: Vec<Field>) -> Result<(), PlanError> {
        self.check_name(name)?;
        if columns.is_empty() || columns.len() > COLUMNS_MAX {
            return Err(PlanError::wrong(format!(
                "a declared view has 1 to {COLUMNS_MAX} columns, not {}",
                columns.len()
            )));
        }
        let schema = schema_of(&columns);
        let nullable = columns.iter().cloned().map(|mut column| {
            column.column_type.is_nullable = true;
            column
        });
        let node = self.lowering.declare(name, schema_of(&nullable.collect::<Vec<_>>()))?;
        self.sources.insert(name.to_owned(), Arc::new(Source { schema }));
        self.declared.insert(name.to_owned(), (node, columns));
        Ok(())
    }

    /// Makes a declared view what its query gives.
    fn close(&mut self, view: &mut View, node: NodeId, columns: &[Field]) -> Result<(), PlanError> {
        let kinds =
            |columns: &[Field]| columns.iter().map(|column| column.column_type.kind.clone()).collect::<Vec<_>>();
        if kinds(&view.columns) != kinds(columns) {
            return Err(PlanError::wrong(format!(
                "the columns of the view '{}' are not those it was declared with",
                view.name
            )));
        }
        self.lowering.close(node, view.node)?;
        view.node = node;
        view.recomputed = self.recomputed(node);
        let identities = &self.lowering.nodes;
        for view in self.views.iter_mut().chain([view]) {
            view.persistent_id.clone_from(&identities[view.node].identity);
        }
        Ok(())
    }

    /// Adds a view: the names of its columns are those given, or the query's own.
    pub fn add_view(&mut self, name: &str, columns: Option<&[Identifier]>, query: Query) -> Result<&View, PlanError> {
        let declared = self.declared.get(name).cloned();
        if declared.is_none() {
            self.check_name(name)?;
        }
        let mut view = plan::with_room(|| self.planned(name, columns, query))??;
        if let Some((node, columns)) = declared {
            self.close(&mut view, node, &columns)?;
            self.declared.remove(name);
        }
        self.lowering.relations.insert(name.to_owned(), view.node);
        self.sources.insert(name.to_owned(), Arc::new(Source { schema: view.schema() }));
        self.views.push(view);
        self.views.last().ok_or_else(|| PlanError::wrong("a view was added and is not there"))
    }

    fn planned(&mut self, name: &str, columns: Option<&[Identifier]>, query: Query) -> Result<View, PlanError> {
        let planned = plan::plan(&self.sources, query)?;
        let mut own = Vec::with_capacity(planned.plan.schema().fields().len());
        for field in planned.plan.schema().fields() {
            let column_type = column_type(field).map_err(|error| PlanError::wrong(error.to_string()))?;
            let is_case_sensitive = *field.name() != field.name().to_lowercase();
            own.push(Field { name: Identifier { name: field.name().clone(), is_case_sensitive }, column_type });
        }
        if own.len() > COLUMNS_MAX {
            return Err(PlanError::wrong(format!("a view has at most {COLUMNS_MAX} columns, not {}", own.len())));
        }
        match columns {
            Some(names) if names.len() != own.len() => {
                return Err(PlanError::wrong(format!(
                    "the view names {} columns, its query gives {}",
                    names.len(),
                    own.len()
                )));
            }
            Some(names) => own.iter_mut().zip(names).for_each(|(column, name)| column.name = name.clone()),
            None => freshen(&mut own),
        }
        let node = self.lowering.lower(&planned.plan)?;
        Ok(View {
            name: name.to_owned(),
            columns: own,
            reads_clock: planned.used.clock,
            recomputed: self.recomputed(node),
            reads: reads_of(&planned.plan, planned.used.clock)?,
            plan: planned.plan.display_indent().to_string(),
            persistent_id: self.lowering.nodes[node].identity.clone(),
            place: Place::default(),
            node,
            emit_final: None,
        })
    }

    /// What below a node is computed as a whole. What views below compute so is theirs.
    fn recomputed(&self, node: NodeId) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.lowering.nodes.len()];
        let mut open = vec![node];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at], true) || (at != node && self.views.iter().any(|view| view.node == at)) {
                continue;
            }
            let node = &self.lowering.nodes[at];
            if !node.operation.is_incremental() {
                found.push(node.operation.name().to_owned());
            }
            open.extend(&node.inputs);
        }
        found.sort();
        found
    }

    /// Says where the statement of a view stands.
    pub fn set_place(&mut self, view: &str, place: Place) {
        self.views.iter_mut().filter(|each| each.name == view).for_each(|each| each.place = place);
    }

    /// The tables, by name.
    #[must_use]
    pub fn tables(&self) -> &BTreeMap<String, Table> {
        &self.tables
    }

    /// The views, in their order.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The operations, each with the numbers of those it reads.
    #[must_use]
    pub fn operations(&self) -> Vec<OperationInfo> {
        let info = |(id, node): (usize, &Node)| OperationInfo {
            id,
            name: node.operation.name().to_owned(),
            inputs: node.inputs.clone(),
            is_incremental: node.operation.is_incremental(),
            persistent_id: node.identity.clone(),
        };
        self.lowering.nodes.iter().enumerate().map(info).collect()
    }
}

/// The columns that the scans of a plan keep.
fn reads_of(plan: &LogicalPlan, reads_clock: bool) -> Result<BTreeSet<(String, String)>, PlanError> {
    let mut found = BTreeSet::new();
    if reads_clock {
        found.insert((CLOCK.to_owned(), CLOCK.to_owned()));
    }
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let relation = scan.table_name.table();
            found
                .extend(scan.projected_schema.fields().iter().map(|field| (relation.to_owned(), field.name().clone())));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// An operation of a program, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationInfo {
    /// Its number.
    pub id: usize,
    /// What it does, in one word.
    pub name: String,
    /// The numbers of the operations it reads.
    pub inputs: Vec<usize>,
    /// Whether a change costs what it touches, not what is there.
    pub is_incremental: bool,
    /// A name that says what it computes, the same in all versions of a program.
    pub persistent_id: String,
}

/// Gives columns whose name an earlier one has a fresh name.
fn freshen(columns: &mut [Field]) {
    let mut taken = std::collections::HashSet::new();
    for column in columns {
        let base = column.name.name.clone();
        let mut suffix = 0;
        while !taken.insert(column.name.name.clone()) {
            column.name.name = format!("{base}{suffix}");
            suffix += 1;
        }
    }
}
