//! `DeletePipeline`: a pipeline that is stopped and keeps nothing is gone.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Pipeline, StorageStatus};
use crate::contract::{DeletePipeline, PipelineDeleted, PipelineEvent};
use crate::error;

impl Decide<Pipeline> for DeletePipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?.at_version(&self.if_versions)?;
        if !state.is_stopped() {
            return Err(error::delete_restricted_to_fully_stopped());
        }
        if state.storage != StorageStatus::Cleared {
            return Err(error::delete_restricted_to_cleared_storage());
        }
        Ok(vec![PipelineDeleted { at: at.time.micros() }.into()])
    }
}

impl Evolve<Pipeline> for PipelineDeleted {
    /// What it was is let go of; that it was is not.
    fn evolve(self, state: &mut Pipeline) {
        *state = Pipeline { id: std::mem::take(&mut state.id), is_deleted: true, ..Pipeline::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{StopStarted, Stopped};
    use crate::model::spec::{BEFORE, NOW, compiled, created, given, refused, running_as, start_requested, then};

    #[test]
    fn only_what_is_stopped_and_keeps_nothing_is_deleted() {
        let delete = || DeletePipeline { pipeline: "p".into(), if_versions: vec![] }.into();
        let deleted: PipelineEvent = PipelineDeleted { at: NOW }.into();
        given::<Pipeline>(vec![created()]).when(delete()).then_expect_events(vec![deleted.clone()]);
        given::<Pipeline>(compiled()).when(delete()).then_expect_events(vec![deleted.clone()]);
        let down = || vec![StopStarted { at: BEFORE }.into(), Stopped { error: None, at: BEFORE }.into()];
        for (before, status, code) in [
            (vec![], 404, "pipelines.unknown_pipeline_name"),
            (vec![created(), deleted], 404, "pipelines.unknown_pipeline_name"),
            (vec![created(), start_requested()], 400, "pipelines.delete_restricted_to_fully_stopped"),
            (running_as("Running"), 400, "pipelines.delete_restricted_to_fully_stopped"),
            (then(running_as("Running"), down()), 400, "pipelines.delete_restricted_to_cleared_storage"),
        ] {
            refused(given::<Pipeline>(before).when(delete()).inspect_result(), status, code);
        }
        let other = DeletePipeline { pipeline: "q".into(), if_versions: vec![] }.into();
        let result = given::<Pipeline>(vec![created()]).when(other).inspect_result();
        refused(result, 404, "pipelines.unknown_pipeline_name");
    }
}
