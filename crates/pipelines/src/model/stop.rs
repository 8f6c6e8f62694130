//! `StopPipeline`: a pipeline should stop, at once or when all that it has is kept.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Pipeline, ResourcesDesired, ResourcesStatus, RuntimeDesired};
use crate::contract::{DesiredStatusChanged, PipelineEvent, StopPipeline, StopRequested};
use crate::error;

impl Decide<Pipeline> for StopPipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        let at = at.time.micros();
        let deployment = &state.deployment;
        if deployment.resources_desired == ResourcesDesired::Stopped {
            return Ok(vec![]);
        }
        if self.force || deployment.resources != ResourcesStatus::Provisioned {
            // Only who asks for it means that nothing has to be kept.
            return Ok(vec![StopRequested { force: self.force, error: None, at }.into()]);
        }
        let (desired, suspended) = (deployment.runtime_desired, RuntimeDesired::Suspended);
        match desired {
            Some(desired) if desired == suspended => Ok(vec![]),
            Some(desired) if desired.may_become(suspended) => {
                Ok(vec![DesiredStatusChanged { desired: suspended.to_string(), at }.into()])
            }
            other => Err(error::invalid_transition(other.map_or("Unavailable", RuntimeDesired::as_str), "Suspended")),
        }
    }
}

impl Evolve<Pipeline> for StopRequested {
    fn evolve(self, state: &mut Pipeline) {
        state.set_resources_desired(ResourcesDesired::Stopped, self.at);
        state.deployment.is_forced = self.force;
        if self.error.is_some() {
            state.deployment.error = self.error;
        }
        if state.deployment.resources == ResourcesStatus::Stopped {
            state.forget_start();
        }
    }
}

impl Pipeline {
    /// How it was started means nothing any more.
    pub(super) fn forget_start(&mut self) {
        let deployment = &mut self.deployment;
        deployment.initial = None;
        deployment.bootstrap_policy = None;
        deployment.silent_bootstrap = None;
        deployment.concurrent_bootstrap = None;
        deployment.approved = None;
        deployment.is_forced = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{StopStarted, Stopped};
    use crate::model::spec::{
        BEFORE, NOW, compiled, fold, given, nothing, provisioning, refused, running_as, start_requested, then,
    };

    fn stop(force: bool) -> crate::contract::PipelineCommand {
        StopPipeline { pipeline: "p".into(), force }.into()
    }

    fn requested() -> PipelineEvent {
        stopping(true)
    }

    fn stopping(force: bool) -> PipelineEvent {
        StopRequested { force, error: None, at: NOW }.into()
    }

    fn desired(desired: &str) -> PipelineEvent {
        DesiredStatusChanged { desired: desired.into(), at: NOW }.into()
    }

    #[test]
    fn what_has_no_room_stops_at_once_and_forgets_only_when_told_so() {
        for force in [true, false] {
            for before in [then(compiled(), vec![start_requested()]), provisioning()] {
                given::<Pipeline>(before).when(stop(force)).then_expect_events(vec![stopping(force)]);
            }
            given::<Pipeline>(compiled()).when(stop(force)).then_expect_events(nothing());
            let stopping = then(running_as("Running"), vec![requested()]);
            given::<Pipeline>(stopping.clone()).when(stop(force)).then_expect_events(nothing());
            let down = vec![StopStarted { at: BEFORE }.into(), Stopped { error: None, at: BEFORE }.into()];
            given::<Pipeline>(then(stopping, down)).when(stop(force)).then_expect_events(nothing());
        }
    }

    #[test]
    fn what_runs_is_suspended_or_stopped_at_once() {
        given::<Pipeline>(running_as("Running")).when(stop(false)).then_expect_events(vec![desired("Suspended")]);
        given::<Pipeline>(running_as("Running")).when(stop(true)).then_expect_events(vec![requested()]);
        let suspending = then(running_as("Running"), vec![desired("Suspended")]);
        given::<Pipeline>(suspending.clone()).when(stop(false)).then_expect_events(nothing());
        given::<Pipeline>(suspending).when(stop(true)).then_expect_events(vec![requested()]);
    }

    #[test]
    fn a_pipeline_in_standby_is_stopped_by_force_only() {
        let mut before = running_as("Standby");
        before.push(desired("Standby"));
        refused(
            given::<Pipeline>(before.clone()).when(stop(false)).inspect_result(),
            400,
            "pipelines.invalid_transition",
        );
        given::<Pipeline>(before).when(stop(true)).then_expect_events(vec![requested()]);
    }

    #[test]
    fn an_early_start_that_is_stopped_is_forgotten() {
        let after = fold(then(compiled(), vec![start_requested(), requested()]));
        assert!(after.is_stopped());
        assert_eq!((after.deployment.initial, after.deployment.bootstrap_policy), (None, None));
        assert_eq!(after.deployment.desired_status(), "Stopped");
    }
}
