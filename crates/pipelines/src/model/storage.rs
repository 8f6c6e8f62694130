//! `ClearStorage` and `DismissError`, and that all is gone.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Pipeline, StorageStatus};
use crate::contract::{
    ClearRequested, ClearStorage, DismissError, ErrorDismissed, PipelineEvent, RecordStorageCleared, StorageCleared,
};
use crate::error;

impl Decide<Pipeline> for ClearStorage {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        if !state.is_stopped() {
            return Err(error::storage_immutable_unless_stopped());
        }
        let is_kept = state.storage == StorageStatus::InUse;
        Ok(if is_kept { vec![ClearRequested { at: at.time.micros() }.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for ClearRequested {
    fn evolve(self, state: &mut Pipeline) {
        state.storage = StorageStatus::Clearing;
    }
}

impl Decide<Pipeline> for RecordStorageCleared {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let is_gone = state.is_live() && state.storage == StorageStatus::Clearing;
        Ok(if is_gone { vec![StorageCleared { at: at.time.micros() }.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for StorageCleared {
    fn evolve(self, state: &mut Pipeline) {
        state.storage = StorageStatus::Cleared;
        state.storage_details = None;
    }
}

impl Decide<Pipeline> for DismissError {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        if state.deployment.error.is_none() {
            return Ok(vec![]);
        }
        if !state.is_stopped() {
            return Err(error::dismiss_restricted_to_fully_stopped());
        }
        Ok(vec![ErrorDismissed { at: at.time.micros() }.into()])
    }
}

impl Evolve<Pipeline> for ErrorDismissed {
    fn evolve(self, state: &mut Pipeline) {
        state.deployment.error = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{PipelineCommand, StopRequested, StopStarted, Stopped};
    use crate::model::spec::{
        BEFORE, ID, NOW, compiled, created, fold, given, nothing, refused, running_as, start_requested, then,
    };

    fn stopping(error: Option<&str>) -> Vec<PipelineEvent> {
        let error = error.map(str::to_owned);
        then(running_as("Running"), vec![StopRequested { force: true, error, at: BEFORE }.into()])
    }

    fn down(error: Option<&str>) -> Vec<PipelineEvent> {
        then(stopping(error), vec![StopStarted { at: BEFORE }.into(), Stopped { error: None, at: BEFORE }.into()])
    }

    #[test]
    fn what_a_stopped_pipeline_keeps_is_cleared() {
        let clear = || -> PipelineCommand { ClearStorage { pipeline: "p".into() }.into() };
        let cleared = || -> PipelineCommand { RecordStorageCleared { id: ID.into() }.into() };
        let asked: PipelineEvent = ClearRequested { at: NOW }.into();
        given::<Pipeline>(down(None)).when(clear()).then_expect_events(vec![asked.clone()]);
        given::<Pipeline>(vec![created()]).when(clear()).then_expect_events(nothing());
        let clearing = then(down(None), vec![asked]);
        given::<Pipeline>(clearing.clone()).when(clear()).then_expect_events(nothing());
        let gone: PipelineEvent = StorageCleared { at: NOW }.into();
        given::<Pipeline>(clearing.clone()).when(cleared()).then_expect_events(vec![gone.clone()]);
        given::<Pipeline>(down(None)).when(cleared()).then_expect_events(nothing());
        let state = fold(then(clearing, vec![gone]));
        assert_eq!((state.storage, state.storage_details), (StorageStatus::Cleared, None));
        for before in [running_as("Running"), stopping(None), then(compiled(), vec![start_requested()])] {
            let result = given::<Pipeline>(before).when(clear()).inspect_result();
            refused(result, 400, "pipelines.storage_status_immutable_unless_stopped");
        }
    }

    #[test]
    fn an_error_is_dismissed_when_all_is_down() {
        let dismiss = || -> PipelineCommand { DismissError { pipeline: "p".into() }.into() };
        given::<Pipeline>(down(Some("{}"))).when(dismiss()).then_expect_events(vec![ErrorDismissed { at: NOW }.into()]);
        for before in [down(None), running_as("Running")] {
            given::<Pipeline>(before).when(dismiss()).then_expect_events(nothing());
        }
        let result = given::<Pipeline>(stopping(Some("{}"))).when(dismiss()).inspect_result();
        refused(result, 400, "pipelines.dismiss_error_restricted_to_fully_stopped");
    }
}
