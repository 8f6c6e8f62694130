//! A program that is to run: its engine, and its tables and views as they are kept and shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_dataflow::{CLOCK, Change, ChangeKind, Engine as _, PartEngine, Program};
use alluvium_formats::{InputTable, Table};
use alluvium_pipelines::DeploymentError;
use alluvium_sql::catalog::{Catalog, Connector, Index, Relation};
use alluvium_sql::statement::ViewKind;
use alluvium_sql::types::{Field, Identifier};
use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use serde_json::{Value, json, to_value};
use sha2::{Digest as _, Sha256};

use crate::columns::stored_schema;
use crate::files;
use crate::manifest::Manifest;

use crate::dead::ERROR_VIEW;

/// A program, ready to run.
pub(crate) struct Built {
    pub engine: PartEngine,
    pub relations: Relations,
    /// Whether it asks for the time.
    pub uses_clock: bool,
    /// What the engine does: nodes by their names.
    pub graph: Value,
    pub declared: Declared,
    /// What is compared with what made the files.
    pub outline: Outline,
}

/// What a program says of the world outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    /// Connectors of tables and of views, by endpoint.
    pub inputs: BTreeMap<String, Connector>,
    pub outputs: BTreeMap<String, Connector>,
    /// Indexes, by name.
    pub indexes: BTreeMap<String, Index>,
}

/// What a program is, short enough to be kept beside its files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    /// Its tables, views and connectors, these as digests.
    pub info: Value,
    /// What the rows of each view are.
    pub views: BTreeMap<String, String>,
}

/// The tables and views of a program that people see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relations {
    by_name: BTreeMap<String, Shown>,
    /// Up to this message rows may have the columns of an earlier version.
    pub edited_at: u64,
}

/// A table or view.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub name: Identifier,
    pub columns: Vec<Field>,
    /// The columns of its primary key, by number.
    pub key: Vec<usize>,
    /// Whether queries and snapshots may read it.
    pub is_queryable: bool,
    /// What comes in is read as rows of; none for views.
    pub input: Option<Arc<InputTable>>,
}

impl Shown {
    /// Whether the engine says what is in it.
    pub fn is_computed(&self) -> bool {
        self.input.is_none() && self.name.name != ERROR_VIEW
    }
}

impl Relations {
    /// One by its name as people write it in paths: folded, unless it stands in double quotes.
    pub fn find(&self, written: &str) -> Option<&Shown> {
        let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let name = quoted.map_or_else(|| written.to_lowercase(), |quoted| quoted.replace("\"\"", "\""));
        self.by_name.get(&name)
    }

    /// One by its exact name.
    pub fn get(&self, name: &str) -> Option<&Shown> {
        self.by_name.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Shown> {
        self.by_name.values()
    }

    fn of(catalog: &Catalog) -> Self {
        let shown = catalog.relations().filter_map(|relation| {
            let columns: Vec<Field> = relation
                .columns()
                .iter()
                .map(|column| Field { name: column.name.clone(), column_type: column.column_type.clone() })
                .collect();
            let (key, is_table): (Vec<usize>, bool) = match relation {
                Relation::Table(table) if !table.is_system => {
                    let key = table.primary_key.as_deref().unwrap_or_default();
                    let place = |name: &Identifier| columns.iter().position(|column| column.name == *name);
                    (key.iter().filter_map(place).collect(), true)
                }
                Relation::View(view) if view.is_system => {
                    if view.name.identifier.name != ERROR_VIEW {
                        return None;
                    }
                    (Vec::new(), false)
                }
                Relation::View(view) if view.kind != ViewKind::Local => (Vec::new(), false),
                _ => return None,
            };
            let name = relation.name().identifier.clone();
            let is_queryable = relation.is_queryable() || name.name == ERROR_VIEW;
            // Columns of types that no format has are in no table: the program would not have compiled.
            let table = Table { name: name.name.clone(), columns: columns.clone(), key: key.clone() };
            let input = if is_table { InputTable::new(table).ok().map(Arc::new) } else { None };
            Some((name.name.clone(), Shown { name, columns, key, is_queryable, input }))
        });
        Self { by_name: shown.collect(), edited_at: 0 }
    }
}

impl Built {
    /// What is kept of it beside its files.
    pub fn manifest(&self, program_version: u64) -> Result<Manifest, DeploymentError> {
        let uids = self.relations.iter().map(|shown| {
            let name = &shown.name.name;
            Ok((name.clone(), files::uid(name, shown.input.is_some(), &stored_schema(shown)?)))
        });
        let Outline { info, views } = self.outline.clone();
        Ok(Manifest {
            program_version,
            info,
            views,
            files: uids.collect::<Result<_, DeploymentError>>()?,
            ..Manifest::default()
        })
    }
}

/// Compiles a program that compiled before.
pub(crate) fn build(code: &str) -> Result<Built, DeploymentError> {
    let failed = |message: String| DeploymentError::new("CompilerError", message);
    let mut planner = alluvium_dataflow::Compiler::default();
    let compiled = alluvium_sql::compile(code, &mut planner);
    if let Some(message) = compiled.messages.iter().find(|message| !message.warning) {
        return Err(failed(format!("the program does not compile any more: {}", message.message)));
    }
    let program: Program = planner.finish(&compiled.catalog).map_err(|error| failed(error.to_string()))?;
    let uses_clock = program.has(CLOCK);
    let graph = program.description()["mir"].take();
    let info = to_value(compiled.program_info()).map_err(|error| failed(error.to_string()))?;
    let views = identities(&program).map_err(|error| failed(error.to_string()))?;
    let outline = Outline { info: shape(info), views };
    let engine = PartEngine::new(program).map_err(|error| failed(error.to_string()))?;
    let relations = Relations::of(&compiled.catalog);
    let Catalog { inputs, outputs, indexes, .. } = compiled.catalog;
    let declared = Declared { inputs, outputs, indexes };
    Ok(Built { engine, relations, uses_clock, graph, declared, outline })
}

/// What of the description of a program is kept: digests stand for connectors, which may hold secrets.
fn shape(mut info: Value) -> Value {
    for which in ["input_connectors", "output_connectors"] {
        for connector in info[which].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            *connector = digest(&connector.to_string()).into();
        }
    }
    json!({
        "schema": info["schema"].take(),
        "input_connectors": info["input_connectors"].take(),
        "output_connectors": info["output_connectors"].take(),
    })
}

/// For each view a text that says which columns and rows it has.
fn identities(program: &Program) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let views = program.outline().views;
    views.into_iter().map(|(name, view)| Ok((name, serde_json::to_string(&view)?))).collect()
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The only row of the table that is the time, in microseconds since 1970.
pub(crate) fn clock_row(micros: i64) -> Result<RecordBatch, arrow::error::ArrowError> {
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![micros]));
    RecordBatch::try_from_iter([(CLOCK, times)])
}

/// Says how late it is, in microseconds since 1970; `before` is what was said last.
pub(crate) fn set_clock(engine: &mut PartEngine, before: Option<i64>, now: i64) {
    let changes = [before.map(|before| (ChangeKind::Delete, before)), Some((ChangeKind::Insert, now))];
    for (kind, micros) in changes.into_iter().flatten() {
        let pushed = clock_row(micros).map(|batch| engine.push(CLOCK, Change { kind, batch, columns: vec![0] }));
        if !matches!(pushed, Ok(Ok(()))) {
            tracing::error!("the time could not be told to a pipeline");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = r#"CREATE TABLE Orders (id INT NOT NULL PRIMARY KEY, shop VARCHAR);
        CREATE TABLE "Raw" (a INT);
        CREATE LOCAL VIEW hidden AS SELECT id FROM orders;
        CREATE MATERIALIZED VIEW shops AS SELECT DISTINCT shop FROM orders;
        CREATE VIEW plain AS SELECT id FROM hidden;"#;

    #[test]
    fn relations_are_found_as_people_write_them() {
        let built = build(PROGRAM).unwrap();
        let found = |written: &str| built.relations.find(written).map(|shown| shown.name.name.clone());
        for (written, name) in [
            ("ORDERS", Some("orders")),
            ("\"orders\"", Some("orders")),
            ("\"Orders\"", None),
            ("\"Raw\"", Some("Raw")),
            ("raw", None),
            ("hidden", None),
            ("error_view", Some("error_view")),
            ("shops", Some("shops")),
        ] {
            assert_eq!(found(written).as_deref(), name, "{written}");
        }
        let queryable: Vec<&str> =
            built.relations.iter().filter(|shown| shown.is_queryable).map(|shown| shown.name.name.as_str()).collect();
        assert_eq!(queryable, ["error_view", "orders", "shops"]);
        assert_eq!(built.relations.get("orders").unwrap().key, [0]);
    }

    #[test]
    fn what_does_not_compile_is_told() {
        assert_eq!(build("CREATE VIEW v AS SELECT a FROM nope;").err().unwrap().error_code, "CompilerError");
    }
}
