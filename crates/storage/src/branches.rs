//! Writes through dev branches: the first one to a table gives the branch a table of its own, which begins as the main line's is at
//! that moment. It stands in the same commit, so there is never a copy without a reason, nor a write without one.

use alluvium_eventlog::Unit;
use alluvium_kernel::{DecisionContext, Problem};

use crate::context::{Place, open, token};
use crate::contract::{ForkTable, ProjectEvent};
use crate::model::{Project, Shown, Table, names, problem};

/// The table that a write through a branch goes to: the branch's own, which it gets here if it has none yet.
pub(crate) async fn own_table(place: &Place<'_>, at: &DecisionContext, unit: &mut Unit) -> Result<String, Problem> {
    let not_found = || problem::project_not_found(place.project);
    let id = names::project_aggregate_id(place.project).map_err(|_| not_found())?;
    let project = unit.load::<Project>(&id).await?.live(place.project)?;
    project.has_branch(place.branch)?;
    let bucket = project.bucket(&names::bucket_name(place.bucket))?;
    let source = match project.table(place.branch, bucket, place.table)? {
        Shown::Own(table) => return Ok(table.uid.clone()),
        Shown::Main(table) => token(&table.uid)?,
    };
    // The place of this commit says what of the main line counts.
    unit.alone();
    let (columns, primary_key) = unit.load::<Table>(&source).await?.shape()?;
    if !unit.is_current::<Table>(&source).await? {
        return Err(problem::table_busy(place.table));
    }
    let fork = ForkTable {
        project: place.project.to_owned(),
        branch: place.branch.to_owned(),
        bucket: place.bucket.to_owned(),
        table: place.table.to_owned(),
        columns,
        primary_key,
    };
    let events = unit.handle::<Project>(&id, fork.into(), at).await?;
    let Some(ProjectEvent::TableCreated(created)) = events.into_iter().next() else {
        return Err(Problem::internal());
    };
    let uid = created.uid.clone();
    open(created, at, unit).await?;
    Ok(uid)
}
