//! `PausePipeline`, `ResumePipeline`, `ActivatePipeline` and `ApproveBootstrap`: what a pipeline that has room is told.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Pipeline, ResourcesDesired, ResourcesStatus, RuntimeDesired, RuntimeStatus};
use crate::contract::{
    ActivatePipeline, ApproveBootstrap, BootstrapApproved, DesiredStatusChanged, PausePipeline, PipelineEvent,
    ResumePipeline,
};
use crate::error;

impl Pipeline {
    /// The status of one that answers; refuses one that does not.
    pub fn interactive(&self) -> Result<RuntimeStatus, Problem> {
        let deployment = &self.deployment;
        if deployment.resources != ResourcesStatus::Provisioned {
            return Err(error::interaction_not_deployed(deployment.status(), deployment.desired_status()));
        }
        if deployment.resources_desired == ResourcesDesired::Stopped {
            return Err(error::terminating());
        }
        match deployment.runtime.unwrap_or(RuntimeStatus::Initializing) {
            RuntimeStatus::Unavailable => Err(error::unavailable()),
            RuntimeStatus::Initializing => Err(error::initializing()),
            RuntimeStatus::Suspended => Err(error::suspended()),
            RuntimeStatus::AwaitingApproval => Err(error::awaiting_approval()),
            status => Ok(status),
        }
    }

    /// The event that makes it be so; none when it was asked for before.
    fn become_(&self, next: RuntimeDesired, from: &[RuntimeDesired], at: i64) -> Result<Vec<PipelineEvent>, Problem> {
        self.interactive()?;
        let now = self.deployment.runtime_desired.unwrap_or(RuntimeDesired::Unavailable);
        if now == next {
            return Ok(vec![]);
        }
        if !from.contains(&now) || !now.may_become(next) {
            return Err(error::invalid_transition(now.as_str(), next.as_str()));
        }
        Ok(vec![DesiredStatusChanged { desired: next.to_string(), at }.into()])
    }
}

impl Decide<Pipeline> for PausePipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?.become_(RuntimeDesired::Paused, &[RuntimeDesired::Running], at.time.micros())
    }
}

impl Decide<Pipeline> for ResumePipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?.become_(RuntimeDesired::Running, &[RuntimeDesired::Paused], at.time.micros())
    }
}

impl Decide<Pipeline> for ActivatePipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        let next = match self.initial.as_str() {
            "running" => RuntimeDesired::Running,
            "paused" => RuntimeDesired::Paused,
            other => return Err(error::invalid_activate_status(other)),
        };
        state.become_(next, &[RuntimeDesired::Standby], at.time.micros())
    }
}

impl Evolve<Pipeline> for DesiredStatusChanged {
    fn evolve(self, state: &mut Pipeline) {
        let Some(desired) = RuntimeDesired::parse(&self.desired) else { return };
        state.deployment.runtime_desired = Some(desired);
        state.deployment.runtime_desired_since = Some(self.at);
    }
}

impl Decide<Pipeline> for ApproveBootstrap {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let Self { pipeline, silent_bootstrap, concurrent_bootstrap } = self;
        state.named(&pipeline)?;
        if silent_bootstrap && concurrent_bootstrap {
            return Err(error::invalid_bootstrap_config());
        }
        match (state.interactive(), state.deployment.runtime) {
            (_, Some(RuntimeStatus::AwaitingApproval)) if state.deployment.approved.is_some() => Ok(vec![]),
            (Err(_), Some(RuntimeStatus::AwaitingApproval)) => {
                let at = at.time.micros();
                Ok(vec![BootstrapApproved { silent_bootstrap, concurrent_bootstrap, at }.into()])
            }
            (Err(refused), _) => Err(refused),
            (Ok(status), _) => Err(error::nothing_to_approve(status.as_str())),
        }
    }
}

impl Evolve<Pipeline> for BootstrapApproved {
    fn evolve(self, state: &mut Pipeline) {
        state.deployment.approved = Some((self.silent_bootstrap, self.concurrent_bootstrap));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{PipelineCommand, StopRequested};
    use crate::model::spec::{BEFORE, NOW, compiled, given, nothing, provisioning, refused, running_as, then};

    fn desired(desired: &str, at: i64) -> PipelineEvent {
        DesiredStatusChanged { desired: desired.into(), at }.into()
    }

    fn pause() -> PipelineCommand {
        PausePipeline { pipeline: "p".into() }.into()
    }

    fn resume() -> PipelineCommand {
        ResumePipeline { pipeline: "p".into() }.into()
    }

    fn activate(initial: &str) -> PipelineCommand {
        ActivatePipeline { pipeline: "p".into(), initial: initial.into() }.into()
    }

    fn approve() -> PipelineCommand {
        ApproveBootstrap { pipeline: "p".into(), silent_bootstrap: false, concurrent_bootstrap: true }.into()
    }

    fn in_desired(status: &str) -> Vec<PipelineEvent> {
        then(running_as("Running"), vec![desired(status, BEFORE)])
    }

    #[test]
    fn a_pipeline_is_paused_and_goes_on() {
        let running = || running_as("Running");
        given::<Pipeline>(running()).when(pause()).then_expect_events(vec![desired("Paused", NOW)]);
        given::<Pipeline>(running()).when(resume()).then_expect_events(nothing());
        given::<Pipeline>(in_desired("Paused")).when(resume()).then_expect_events(vec![desired("Running", NOW)]);
        given::<Pipeline>(in_desired("Paused")).when(pause()).then_expect_events(nothing());
    }

    #[test]
    fn a_pipeline_in_standby_takes_over() {
        let standby = || in_desired("Standby");
        given::<Pipeline>(standby()).when(activate("running")).then_expect_events(vec![desired("Running", NOW)]);
        given::<Pipeline>(standby()).when(activate("paused")).then_expect_events(vec![desired("Paused", NOW)]);
        for (before, command, code) in [
            (standby(), pause(), "pipelines.invalid_transition"),
            (standby(), resume(), "pipelines.invalid_transition"),
            (in_desired("Suspended"), resume(), "pipelines.invalid_transition"),
            (in_desired("Paused"), activate("running"), "pipelines.invalid_transition"),
            (standby(), activate("standby"), "pipelines.invalid_activate_status"),
        ] {
            refused(given::<Pipeline>(before).when(command).inspect_result(), 400, code);
        }
    }

    #[test]
    fn what_does_not_answer_says_why() {
        let stopping = then(running_as("Running"), vec![StopRequested { force: true, error: None, at: BEFORE }.into()]);
        for (before, status, code) in [
            (nothing(), 404, "pipelines.unknown_pipeline_name"),
            (compiled(), 409, "pipelines.pipeline_interaction_not_deployed"),
            (provisioning(), 409, "pipelines.pipeline_interaction_not_deployed"),
            (running_as("Unavailable"), 409, "pipelines.pipeline_unavailable"),
            (running_as("Initializing"), 409, "pipelines.initializing"),
            (running_as("Suspended"), 409, "pipelines.suspended"),
            (stopping, 410, "pipelines.terminating"),
        ] {
            for command in [pause(), resume(), activate("running"), approve()] {
                refused(given::<Pipeline>(before.clone()).when(command).inspect_result(), status, code);
            }
        }
        for command in [pause(), resume()] {
            let result = given::<Pipeline>(running_as("AwaitingApproval")).when(command).inspect_result();
            refused(result, 409, "pipelines.awaiting_approval");
        }
    }

    #[test]
    fn a_difference_is_approved_once() {
        let waiting = || running_as("AwaitingApproval");
        let approved = |at| BootstrapApproved { silent_bootstrap: false, concurrent_bootstrap: true, at }.into();
        given::<Pipeline>(waiting()).when(approve()).then_expect_events(vec![approved(NOW)]);
        given::<Pipeline>(then(waiting(), vec![approved(BEFORE)])).when(approve()).then_expect_events(nothing());
        let result = given::<Pipeline>(running_as("Running")).when(approve()).inspect_result();
        refused(result, 400, "pipelines.illegal_pipeline_action");
        let both = ApproveBootstrap { pipeline: "p".into(), silent_bootstrap: true, concurrent_bootstrap: true };
        let result = given::<Pipeline>(waiting()).when(both.into()).inspect_result();
        refused(result, 400, "pipelines.invalid_bootstrap_config");
    }
}
