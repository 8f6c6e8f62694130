//! The end of a table whose first rows were refused: verdict, name and file go in one commit, so that there is never a table
//! without the rows that it was to be made with.

use alluvium_eventlog::{DecisionContext, Log};
use alluvium_kernel::{Problem, Token, body_hash};
use alluvium_messaging::ContractSet as _;

use super::routing::TableId;
use crate::contract::{AbandonTable, CloseTable, SettleRequest, TableCommand};
use crate::model::{Project, Table, names};

/// Puts the refusal on the log, with all that follows from it. Said again, it changes nothing.
pub(super) async fn abandon(
    log: &Log,
    id: &TableId,
    uid: &Token,
    verdict: SettleRequest,
    at: &DecisionContext,
) -> Result<u64, Problem> {
    let subject = log.subject::<Table>(&id.tenant, uid);
    let hash = body_hash(&subject, &TableCommand::from(verdict.clone()).to_avro());
    let abandoned = AbandonTable {
        project: id.project.decode(),
        branch: id.branch.clone(),
        bucket: id.bucket.decode(),
        table: id.table.decode(),
        uid: id.uid.clone(),
    };
    let project = names::project_aggregate_id(&abandoned.project)?;
    log.decide_together(hash, at, |unit| {
        let (verdict, abandoned) = (verdict.clone(), abandoned.clone());
        let (uid, project, at) = (uid.clone(), project.clone(), at.clone());
        Box::pin(async move {
            let gone = unit.handle::<Project>(&project, abandoned.into(), &at).await?;
            let close = CloseTable { uid: verdict.uid.clone() };
            let settled = unit.handle::<Table>(&uid, verdict.into(), &at).await?;
            if !gone.is_empty() {
                unit.handle::<Table>(&uid, close.into(), &at).await?;
            }
            Ok(!gone.is_empty() || !settled.is_empty())
        })
    })
    .await
}
