//! Names of tables in a project's buckets.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use alluvium_tablestore::column::TableSchema;

use super::snapshot::Ids;
use super::{Project, Shown, TableRef, overlay};
use crate::contract::{ColumnSpec, CreateTable, DropTable, ProjectEvent, TableCreated, TableDropped, TableHidden};
use crate::model::table::{schema_of, spec_of};
use crate::model::{names, problem};

impl Decide<Project> for CreateTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        Ok(vec![self.created(state, at)?.into()])
    }
}

impl CreateTable {
    /// The table, when there may be one of this name and these columns.
    pub(super) fn created(self, state: &Project, at: &DecisionContext) -> Result<TableCreated, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let bucket = live.bucket_on(&self.branch, &names::bucket_name(&self.bucket))?;
        names::valid_table(&self.table)?;
        live.check_free(&self.branch, bucket, &self.table)?;
        let schema = checked_schema(&self.columns, &self.primary_key)?;
        live.check_room(1)?;
        Ok(TableCreated {
            bucket: bucket.name.clone(),
            project: self.project,
            branch: self.branch,
            table: self.table,
            uid: at.new_uid(0),
            columns: schema.columns.iter().map(spec_of).collect(),
            primary_key: schema.primary_key,
            copy_of: None,
            awaits: None,
        })
    }
}

/// Columns and key in canonical form. The key is looked at first: that is the order the surface promises.
fn checked_schema(columns: &[ColumnSpec], primary_key: &[String]) -> Result<TableSchema, Problem> {
    if columns.is_empty() {
        return Err(problem::invalid_request("A table has at least one column."));
    }
    let known = |key: &String| columns.iter().any(|column| column.name.eq_ignore_ascii_case(key));
    if let Some(unknown) = primary_key.iter().find(|key| !known(key)) {
        let detail = format!("The primary key names an unknown column {unknown:?}.");
        return Err(problem::invalid("invalid_primary_key", detail));
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = primary_key.iter().find(|key| !seen.insert(names::fold(key))) {
        return Err(problem::invalid("invalid_primary_key", format!("The primary key repeats column {twice:?}.")));
    }
    schema_of(columns, primary_key)
}

impl Decide<Project> for DropTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let bucket = live.bucket_on(&self.branch, &names::bucket_name(&self.bucket))?;
        if let Some(events) = live.alias_dropped(&self, bucket) {
            return Ok(events);
        }
        let (project, branch) = (&self.project, &self.branch);
        let mut events = Vec::new();
        let shown = live.table(branch, bucket, &self.table)?;
        live.check_unaliased(branch, &bucket.name, &self.table, None)?;
        if let Shown::Own(table) = shown {
            events.push(live.dropped(branch, bucket, table, &mut Ids::new(live, at))?.into());
        }
        // What is gone in a branch stays gone there, though the main line has it.
        let hidden = match shown {
            _ if !overlay::is_dev(branch) => None,
            // A pinned one misses what it began with, whatever the main line has by now.
            Shown::Own(own) if live.is_pinned(branch) => own.copy_of.as_ref().map(|_| &own.name),
            _ => bucket.tables.get(&names::fold(&self.table)).map(|main| &main.name),
        };
        events.extend(hidden.map(|table| {
            let (bucket, table) = (bucket.name.clone(), table.clone());
            ProjectEvent::from(TableHidden { project: project.clone(), branch: branch.clone(), bucket, table })
        }));
        Ok(events)
    }
}

impl Evolve<Project> for TableCreated {
    fn evolve(self, state: &mut Project) {
        let Some(live) = &mut state.live else { return };
        let table = TableRef { name: self.table, uid: self.uid, copy_of: self.copy_of, ..TableRef::default() };
        if overlay::is_dev(&self.branch) {
            live.put_own(&self.branch, &self.bucket, table);
        } else if let Some(bucket) = live.buckets.get_mut(&names::fold(&self.bucket)) {
            bucket.tables.insert(names::fold(&table.name), table);
        }
    }
}

impl Evolve<Project> for TableDropped {
    fn evolve(self, state: &mut Project) {
        let Some(live) = &mut state.live else { return };
        if overlay::is_dev(&self.branch) && self.abandoned {
            live.take_back(&self.branch, &self.bucket, &self.table);
        } else if overlay::is_dev(&self.branch) {
            live.clear_local(&self.branch, &self.bucket, &self.table);
        } else if let Some(bucket) = live.buckets.get_mut(&names::fold(&self.bucket)) {
            bucket.tables.remove(&names::fold(&self.table));
        }
        live.left_by(&self);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use super::super::snapshot::tests::left;
    use super::*;
    use crate::model::limits::TABLES_PER_PROJECT_MAX;
    use crate::model::spec::{at, given, nothing, refused};

    pub(crate) fn table_created(bucket: &str, table: &str, uid: &str) -> ProjectEvent {
        TableCreated {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: bucket.into(),
            table: table.into(),
            uid: uid.into(),
            columns: vec![column("id", "BIGINT", true)],
            primary_key: vec![],
            copy_of: None,
            awaits: None,
        }
        .into()
    }

    fn column(name: &str, r#type: &str, nullable: bool) -> ColumnSpec {
        ColumnSpec { name: name.into(), r#type: r#type.into(), nullable, default: None }
    }

    fn create(table: &str, columns: Vec<ColumnSpec>, primary_key: &[&str]) -> CreateTable {
        CreateTable {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "in.c-sales".into(),
            table: table.into(),
            columns,
            primary_key: primary_key.iter().map(|&name| name.into()).collect(),
        }
    }

    fn with_bucket() -> Vec<ProjectEvent> {
        vec![created(), bucket_created("in_c_sales")]
    }

    #[test]
    fn a_table_is_noted_in_canonical_form() {
        let mut amount = column("amount", "numeric(10,2)", true);
        amount.default = Some("0".into());
        let command = create("orders", vec![column("Id", "string", true), amount.clone()], &["ID"]);
        amount.r#type = "DECIMAL(10,2)".into();
        let event = TableCreated {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "in_c_sales".into(),
            table: "orders".into(),
            uid: at().new_uid(0),
            columns: vec![column("Id", "VARCHAR", false), amount],
            primary_key: vec!["Id".into()],
            copy_of: None,
            awaits: None,
        };
        given::<Project>(with_bucket()).when(command.into()).then_expect_events(vec![event.into()]);
    }

    #[test]
    fn the_first_rule_broken_is_the_one_named() {
        let when = |before: Vec<ProjectEvent>, command: CreateTable| {
            given::<Project>(before).when(command.into()).inspect_result()
        };
        let id = || vec![column("id", "BIGINT", true)];
        let odd = || vec![column("id", "NOPE", true)];
        refused(when(nothing(), create("t", id(), &[])), 404, "storage.project_not_found");
        refused(when(vec![created()], create("t", id(), &[])), 404, "storage.bucket_not_found");
        refused(when(with_bucket(), create("a/b", id(), &[])), 400, "storage.invalid_name");
        let mut taken = with_bucket();
        taken.push(table_created("in_c_sales", "Orders", "t1"));
        refused(when(taken, create("orders", odd(), &["x"])), 409, "storage.table_exists");
        refused(when(with_bucket(), create("t", odd(), &["x"])), 400, "storage.invalid_primary_key");
        refused(when(with_bucket(), create("t", id(), &["id", "ID"])), 400, "storage.invalid_primary_key");
        refused(when(with_bucket(), create("t", odd(), &[])), 400, "storage.invalid_column_type");
        let twice = vec![column("id", "BIGINT", true), column("ID", "BIGINT", true)];
        refused(when(with_bucket(), create("t", twice, &[])), 400, "storage.duplicate_column");
        let mut random = id();
        random[0].default = Some("random()".into());
        refused(when(with_bucket(), create("t", random, &[])), 400, "storage.invalid_default");
        refused(when(with_bucket(), create("t", vec![], &[])), 400, "storage.invalid_request");
    }

    #[test]
    fn a_project_has_room_for_so_many_tables() {
        let mut before = with_bucket();
        before.extend((0..TABLES_PER_PROJECT_MAX).map(|n| table_created("in_c_sales", &format!("t{n}"), "u")));
        let command = create("one_more", vec![column("id", "BIGINT", true)], &[]);
        refused(given::<Project>(before).when(command.into()).inspect_result(), 403, "storage.quota_exceeded");
    }

    #[test]
    fn nothing_is_written_through_a_branch_that_is_not_there() {
        let branch = "0badf00d";
        let command = CreateTable { branch: branch.into(), ..create("orders", vec![], &[]) };
        let drop = DropTable {
            branch: branch.into(),
            project: "Shop".into(),
            bucket: "in_c_sales".into(),
            table: "orders".into(),
        };
        for command in [command.into(), drop.into()] {
            let result = given::<Project>(with_bucket()).when(command).inspect_result();
            refused(result, 404, "storage.branch_not_found");
        }
    }

    #[test]
    fn a_dropped_name_is_free_for_a_new_incarnation() {
        let drop = || DropTable {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "in_c_sales".into(),
            table: "orders".into(),
        };
        let dropped = TableDropped {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "in_c_sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            snapshot: Some(left("orders")),
            abandoned: false,
        };
        let mut before = with_bucket();
        before.push(table_created("in_c_sales", "orders", "t1"));
        given::<Project>(before.clone()).when(drop().into()).then_expect_events(vec![dropped.clone().into()]);
        before.push(dropped.into());
        let gone = given::<Project>(before.clone()).when(drop().into()).inspect_result();
        refused(gone, 404, "storage.table_not_found");
        let again = create("orders", vec![column("id", "BIGINT", true)], &[]);
        let events = given::<Project>(before).when(again.into()).inspect_result().unwrap();
        assert!(matches!(&events[..], [ProjectEvent::TableCreated(e)] if e.uid != "t1"));
    }
}
