//! Aliases: names in buckets that stand for a view of a table, which nobody can write to. A name stands for a table or for an alias.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::overlay::{is_dev, key};
use super::{Bucket, Catalogue, Project, Shown};
use crate::contract::{AliasCreated, AliasDropped, AliasFilter, CreateAlias, DropTable, ProjectEvent, TableHidden};
use crate::model::limits::{ALIAS_FILTER_BYTES_MAX, ALIASES_PER_PROJECT_MAX};
use crate::model::names::{MAIN_BRANCH, bucket_name, fold, valid_table};
use crate::model::problem;

/// Aliases by the branch that has them, then by folded bucket and name: `bucket/name`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aliases(BTreeMap<String, BTreeMap<String, AliasRef>>);

/// An alias.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AliasRef {
    /// Its bucket, spelled as created.
    pub bucket: String,
    /// Its name, spelled as created.
    pub name: String,
    /// This incarnation of the name.
    pub uid: String,
    /// Bucket of its source.
    pub source_bucket: String,
    /// Name of its source, on each branch the table that the branch shows.
    pub source_table: String,
    /// The columns it shows; all when `None`.
    pub columns: Option<Vec<String>>,
    /// The rows it shows.
    pub filter: Vec<AliasFilter>,
}

impl AliasRef {
    fn is_of(&self, bucket: &str, table: &str) -> bool {
        key(&self.source_bucket, &self.source_table) == key(bucket, table)
    }

    /// Whether it cannot be without a column of its source.
    fn names(&self, column: &str) -> bool {
        let shown = self.columns.iter().flatten().any(|name| name.eq_ignore_ascii_case(column));
        shown || self.filter.iter().any(|filter| filter.column.eq_ignore_ascii_case(column))
    }
}

impl Aliases {
    pub(super) fn of(&self, branch: &str) -> impl Iterator<Item = (&String, &AliasRef)> {
        self.0.get(branch).into_iter().flatten()
    }

    fn get(&self, branch: &str, bucket: &str, name: &str) -> Option<&AliasRef> {
        self.0.get(branch)?.get(&key(bucket, name))
    }

    pub(super) fn count(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// A branch is gone.
    pub(super) fn forget_branch(&mut self, branch: &str) {
        self.0.remove(branch);
    }
}

impl Catalogue {
    /// The alias that stands for a name, in any spelling, on a branch.
    pub fn alias(&self, branch: &str, bucket: &Bucket, name: &str) -> Option<&AliasRef> {
        let own = self.aliases.get(branch, &bucket.name, name);
        // A pinned branch has all that it shows of its own.
        let is_local = self
            .branches
            .get(branch)
            .is_some_and(|branch| branch.pinned.is_some() || branch.overlay.has(&bucket.name, name));
        own.or_else(|| self.aliases.get(MAIN_BRANCH, &bucket.name, name).filter(|_| !is_local))
    }

    /// Refuses a name that stands for a table or an alias on a branch.
    pub(super) fn check_free(&self, branch: &str, bucket: &Bucket, name: &str) -> Result<(), Problem> {
        let alias = self.alias(branch, bucket, name).map(|alias| &alias.name);
        let there = alias.or_else(|| self.shown(branch, bucket, name).map(|shown| &shown.table().name));
        there.map_or(Ok(()), |there| Err(problem::table_exists(&bucket.name, there)))
    }

    /// The aliases that a branch shows.
    fn aliases_shown<'a>(&'a self, branch: &'a str) -> impl Iterator<Item = &'a AliasRef> {
        let own = self.aliases.0.get(branch);
        let overlay = self.branches.get(branch).map(|branch| &branch.overlay);
        let main = self.aliases.of(MAIN_BRANCH).filter(move |(at, alias)| {
            is_dev(branch)
                && !self.is_pinned(branch)
                && !own.is_some_and(|own| own.contains_key(*at))
                && !overlay.is_some_and(|overlay| overlay.has(&alias.bucket, &alias.name))
        });
        self.aliases.of(branch).chain(main).map(|(_, alias)| alias)
    }

    /// The aliases whose source is a table that a branch shows; of one of the main line, also those of branches that show it.
    fn aliases_of<'a>(
        &'a self,
        branch: &'a str,
        bucket: &'a str,
        table: &'a str,
    ) -> impl Iterator<Item = &'a AliasRef> {
        let through = self
            .branches
            .iter()
            .filter(move |(_, other)| !is_dev(branch) && other.pinned.is_none() && !other.overlay.has(bucket, table));
        let through = through.flat_map(move |(id, _)| self.aliases.of(id)).map(|(_, alias)| alias);
        self.aliases_shown(branch).chain(through).filter(move |alias| alias.is_of(bucket, table))
    }

    /// Refuses to let go of a table that aliases show, other than those of the bucket that goes with it.
    pub(super) fn check_unaliased(
        &self,
        branch: &str,
        bucket: &str,
        table: &str,
        going: Option<&str>,
    ) -> Result<(), Problem> {
        let stays = |alias: &&AliasRef| going.is_none_or(|going| fold(going) != fold(&alias.bucket));
        match self.aliases_of(branch, bucket, table).filter(stays).count() {
            0 => Ok(()),
            aliases => Err(problem::table_has_aliases(bucket, table, aliases)),
        }
    }

    /// Refuses to take away a column by which aliases show a table.
    pub fn check_column_unaliased(&self, branch: &str, bucket: &str, table: &str, column: &str) -> Result<(), Problem> {
        match self.aliases_of(branch, bucket, table).filter(|alias| alias.names(column)).count() {
            0 => Ok(()),
            aliases => Err(problem::column_has_aliases(column, aliases)),
        }
    }

    /// What lets go of every alias in a bucket, on any branch.
    pub(super) fn aliases_dropped(&self, bucket: &Bucket) -> Vec<ProjectEvent> {
        let each =
            self.aliases.0.iter().flat_map(|(branch, aliases)| aliases.values().map(move |alias| (branch, alias)));
        each.filter(|(_, alias)| fold(&alias.bucket) == fold(&bucket.name))
            .map(|(branch, alias)| dropped(&self.id, branch, alias))
            .collect()
    }

    /// What lets go of the name of an alias on a branch, when it is one.
    pub(super) fn alias_dropped(&self, command: &DropTable, bucket: &Bucket) -> Option<Vec<ProjectEvent>> {
        let DropTable { branch, table, .. } = command;
        self.alias(branch, bucket, table).filter(|alias| alias.name == *table)?;
        let own = self.aliases.get(branch, &bucket.name, table).map(|alias| dropped(&self.id, branch, alias));
        // What is gone in a branch stays gone there, though the main line has it.
        let main = bucket.tables.get(&fold(table)).map(|main| &main.name);
        let main = main.or_else(|| self.aliases.get(MAIN_BRANCH, &bucket.name, table).map(|main| &main.name));
        let hidden = main.filter(|_| is_dev(branch) && !self.is_pinned(branch)).map(|main| {
            let (project, branch) = (self.id.clone(), branch.clone());
            TableHidden { project, branch, bucket: bucket.name.clone(), table: main.clone() }.into()
        });
        Some(own.into_iter().chain(hidden).collect())
    }

    /// The table of these names on a branch, of which an alias can be.
    fn source(&self, branch: &str, bucket: &str, table: &str) -> Result<(&Bucket, Shown<'_>), Problem> {
        let found = self.bucket_on(branch, &bucket_name(bucket))?;
        match self.table(branch, found, table) {
            Ok(shown) => Ok((found, shown)),
            Err(_) if self.alias(branch, found, table).is_some() => {
                Err(problem::alias_source_refused(&found.name, table, "is an alias itself"))
            }
            Err(_) if found.link.is_some() => {
                Err(problem::alias_source_refused(&found.name, table, "is not the project's own"))
            }
            Err(missing) => Err(missing),
        }
    }

    /// The uid of the table that an alias is to show.
    pub(crate) fn source_uid(&self, branch: &str, bucket: &str, table: &str) -> Result<&str, Problem> {
        Ok(&self.source(branch, bucket, table)?.1.table().uid)
    }
}

fn dropped(project: &str, branch: &str, alias: &AliasRef) -> ProjectEvent {
    let AliasRef { bucket, name, uid, .. } = alias.clone();
    AliasDropped { project: project.to_owned(), branch: branch.to_owned(), bucket, table: name, uid }.into()
}

impl Decide<Project> for CreateAlias {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let bucket = live.bucket_on(&self.branch, &bucket_name(&self.bucket))?;
        valid_table(&self.table)?;
        if bucket.link.is_some() {
            return Err(problem::bucket_readonly(&bucket.name, &self.table));
        }
        live.check_free(&self.branch, bucket, &self.table)?;
        let (source_bucket, source) = live.source(&self.branch, &self.source_bucket, &self.source_table)?;
        check_columns(self.columns.as_deref())?;
        check_filter(&self.filter)?;
        if live.aliases.count() >= ALIASES_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("aliases", ALIASES_PER_PROJECT_MAX));
        }
        let created = AliasCreated {
            bucket: bucket.name.clone(),
            uid: at.new_uid(0),
            source_bucket: source_bucket.name.clone(),
            source_table: source.table().name.clone(),
            project: self.project,
            branch: self.branch,
            table: self.table,
            columns: self.columns,
            filter: self.filter,
        };
        Ok(vec![created.into()])
    }
}

fn check_columns(columns: Option<&[String]>) -> Result<(), Problem> {
    let Some(columns) = columns else { return Ok(()) };
    if columns.is_empty() {
        return Err(problem::invalid_request("An alias has at least one column; without `columns` it has all."));
    }
    let mut seen = BTreeSet::new();
    match columns.iter().find(|column| !seen.insert(fold(column))) {
        Some(twice) => Err(problem::invalid("duplicate_column", format!("Column {twice:?} is named twice."))),
        None => Ok(()),
    }
}

/// The catalogue holds it, and is held in memory.
fn check_filter(filter: &[AliasFilter]) -> Result<(), Problem> {
    let bytes: usize = filter.iter().flat_map(|one| one.values.iter().chain([&one.column])).map(String::len).sum();
    if bytes > ALIAS_FILTER_BYTES_MAX {
        let detail = format!("The filter of an alias takes at most {ALIAS_FILTER_BYTES_MAX} bytes, this one {bytes}.");
        return Err(problem::invalid_request(detail));
    }
    Ok(())
}

impl Evolve<Project> for AliasCreated {
    fn evolve(self, state: &mut Project) {
        let Some(live) = &mut state.live else { return };
        let Self { branch, bucket, table: name, uid, source_bucket, source_table, columns, filter, .. } = self;
        let at = key(&bucket, &name);
        let alias = AliasRef { bucket, name, uid, source_bucket, source_table, columns, filter };
        live.aliases.0.entry(branch).or_default().insert(at, alias);
    }
}

impl Evolve<Project> for AliasDropped {
    fn evolve(self, state: &mut Project) {
        let Some(live) = &mut state.live else { return };
        if let Some(aliases) = live.aliases.0.get_mut(&self.branch) {
            aliases.remove(&key(&self.bucket, &self.table));
            if aliases.is_empty() {
                live.aliases.0.remove(&self.branch);
            }
        }
    }
}

#[cfg(test)]
#[path = "alias_tests.rs"]
mod tests;
