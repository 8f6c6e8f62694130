//! What the runner reports. What comes too late, from a deployment that is over, changes nothing.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Pipeline, ProgramStatus, ResourcesDesired, ResourcesStatus, RuntimeStatus, StorageStatus};
use crate::contract::{
    FailDeployment, ObserveRuntime, PipelineEvent, Provisioned, ProvisioningStarted, RecordProvisioned, RecordStopped,
    RuntimeStatusObserved, StartProvisioning, StartStopping, StopRequested, StopStarted, Stopped, StorageUseBegan,
};
use crate::error;

/// What of `storage_status_details` is there from the beginning on.
const NO_CHECKPOINTS: &str = r#"{"checkpoints":[]}"#;

impl Pipeline {
    /// Whether this is the deployment that it has.
    fn is_deployed(&self, deployment: &str) -> bool {
        self.is_live() && self.deployment.id.as_deref() == Some(deployment)
    }

    fn wants_room(&self) -> bool {
        self.deployment.resources_desired == ResourcesDesired::Provisioned
    }
}

impl Decide<Pipeline> for StartProvisioning {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let begins = state.is_live()
            && state.deployment.resources == ResourcesStatus::Stopped
            && state.wants_room()
            && state.program.status == ProgramStatus::Success;
        if !begins {
            return Ok(vec![]);
        }
        let moment = at.time.micros();
        let mut events = vec![ProvisioningStarted { deployment_id: at.new_uid(0), at: moment }.into()];
        if state.storage != StorageStatus::InUse {
            events.push(StorageUseBegan { at: moment }.into());
        }
        Ok(events)
    }
}

impl Evolve<Pipeline> for ProvisioningStarted {
    fn evolve(self, state: &mut Pipeline) {
        state.set_resources(ResourcesStatus::Provisioning, self.at);
        state.deployment.id = Some(self.deployment_id);
    }
}

impl Evolve<Pipeline> for StorageUseBegan {
    fn evolve(self, state: &mut Pipeline) {
        state.storage = StorageStatus::InUse;
        state.storage_details.get_or_insert_with(|| NO_CHECKPOINTS.to_owned());
    }
}

impl Decide<Pipeline> for RecordProvisioned {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let is_made = state.is_deployed(&self.deployment_id)
            && state.deployment.resources == ResourcesStatus::Provisioning
            && state.wants_room();
        Ok(if is_made { vec![Provisioned { at: at.time.micros() }.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for Provisioned {
    fn evolve(self, state: &mut Pipeline) {
        state.set_resources(ResourcesStatus::Provisioned, self.at);
        let deployment = &mut state.deployment;
        deployment.runtime = Some(RuntimeStatus::Initializing);
        deployment.runtime_since = Some(self.at);
        deployment.runtime_details = None;
        deployment.runtime_desired = Some(deployment.initial.unwrap_or_default().desired());
        deployment.runtime_desired_since = Some(self.at);
    }
}

impl Decide<Pipeline> for ObserveRuntime {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let status = RuntimeStatus::parse(&self.status).ok_or_else(|| error::unknown_status(&self.status))?;
        let deployment = &state.deployment;
        if !state.is_deployed(&self.deployment_id) || deployment.resources != ResourcesStatus::Provisioned {
            return Ok(vec![]);
        }
        let (at, mut events) = (at.time.micros(), Vec::new());
        if deployment.runtime != Some(status) || deployment.runtime_details != self.details {
            events.push(RuntimeStatusObserved { status: self.status, details: self.details, at }.into());
        }
        if status == RuntimeStatus::Suspended && state.wants_room() {
            events.push(StopRequested { force: false, error: None, at }.into());
        }
        Ok(events)
    }
}

impl Evolve<Pipeline> for RuntimeStatusObserved {
    fn evolve(self, state: &mut Pipeline) {
        let status = RuntimeStatus::parse(&self.status).unwrap_or(RuntimeStatus::Unavailable);
        let deployment = &mut state.deployment;
        if deployment.runtime != Some(status) {
            deployment.runtime = Some(status);
            deployment.runtime_since = Some(self.at);
        }
        deployment.runtime_details = self.details;
        state.refresh_version += 1;
    }
}

impl Decide<Pipeline> for FailDeployment {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        if !state.is_deployed(&self.deployment_id) || !state.wants_room() {
            return Ok(vec![]);
        }
        Ok(vec![StopRequested { force: true, error: Some(self.error), at: at.time.micros() }.into()])
    }
}

impl Decide<Pipeline> for StartStopping {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let has_room =
            matches!(state.deployment.resources, ResourcesStatus::Provisioning | ResourcesStatus::Provisioned);
        let begins = state.is_live() && has_room && !state.wants_room();
        Ok(if begins { vec![StopStarted { at: at.time.micros() }.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for StopStarted {
    fn evolve(self, state: &mut Pipeline) {
        state.set_resources(ResourcesStatus::Stopping, self.at);
        let deployment = &mut state.deployment;
        deployment.id = None;
        deployment.runtime = None;
        deployment.runtime_since = None;
        deployment.runtime_details = None;
        deployment.runtime_desired = None;
        deployment.runtime_desired_since = None;
    }
}

impl Decide<Pipeline> for RecordStopped {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let is_down = state.is_live() && state.deployment.resources == ResourcesStatus::Stopping;
        Ok(if is_down { vec![Stopped { error: None, at: at.time.micros() }.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for Stopped {
    fn evolve(self, state: &mut Pipeline) {
        if state.deployment.resources != ResourcesStatus::Stopped {
            state.set_resources(ResourcesStatus::Stopped, self.at);
        }
        state.set_resources_desired(ResourcesDesired::Stopped, self.at);
        if self.error.is_some() {
            state.deployment.error = self.error;
        }
        state.forget_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{DesiredStatusChanged, PipelineCommand};
    use crate::model::spec::{
        BEFORE, ID, NOW, at, compiled, created, fold, given, nothing, provisioning, refused, running_as,
        start_requested, then,
    };

    fn provision() -> PipelineCommand {
        StartProvisioning { id: ID.into() }.into()
    }

    fn observe(status: &str, details: Option<&str>) -> PipelineCommand {
        let (id, details) = (ID.to_owned(), details.map(str::to_owned));
        ObserveRuntime { id, deployment_id: "d".into(), status: status.into(), details }.into()
    }

    fn observed(status: &str, details: Option<&str>) -> PipelineEvent {
        RuntimeStatusObserved { status: status.into(), details: details.map(str::to_owned), at: NOW }.into()
    }

    fn stop(force: bool, error: Option<&str>) -> PipelineEvent {
        StopRequested { force, error: error.map(str::to_owned), at: NOW }.into()
    }

    #[test]
    fn room_is_made_once_the_program_can_run() {
        let began = || ProvisioningStarted { deployment_id: at().new_uid(0), at: NOW }.into();
        let ready = || then(compiled(), vec![start_requested()]);
        let expected = vec![began(), StorageUseBegan { at: NOW }.into()];
        given::<Pipeline>(ready()).when(provision()).then_expect_events(expected);
        for before in [nothing(), compiled(), vec![created(), start_requested()], provisioning()] {
            given::<Pipeline>(before).when(provision()).then_expect_events(nothing());
        }
        let pipeline = fold(provisioning());
        assert_eq!((pipeline.storage, pipeline.deployment.status()), (StorageStatus::InUse, "Provisioning"));
        assert_eq!(pipeline.storage_details.as_deref(), Some(NO_CHECKPOINTS));
        assert_eq!(pipeline.deployment.id.as_deref(), Some("d"));
    }

    #[test]
    fn a_pipeline_with_room_begins_by_initialising() {
        let made = |id: &str| RecordProvisioned { id: ID.into(), deployment_id: id.into() }.into();
        let event: PipelineEvent = Provisioned { at: NOW }.into();
        given::<Pipeline>(provisioning()).when(made("d")).then_expect_events(vec![event.clone()]);
        given::<Pipeline>(provisioning()).when(made("other")).then_expect_events(nothing());
        given::<Pipeline>(then(provisioning(), vec![stop(true, None)])).when(made("d")).then_expect_events(nothing());
        let pipeline = fold(then(provisioning(), vec![event]));
        assert_eq!((pipeline.deployment.status(), pipeline.deployment.desired_status()), ("Initializing", "Running"));
        assert_eq!(pipeline.deployment.status_since(), NOW);
    }

    #[test]
    fn only_what_is_new_is_noted_of_it() {
        let running = || running_as("Running");
        given::<Pipeline>(running()).when(observe("Running", None)).then_expect_events(nothing());
        given::<Pipeline>(running()).when(observe("Paused", None)).then_expect_events(vec![observed("Paused", None)]);
        let details = Some(r#"{"reason":"x"}"#);
        let events = vec![observed("Running", details)];
        given::<Pipeline>(running()).when(observe("Running", details)).then_expect_events(events.clone());
        let after = fold(then(running(), events));
        assert_eq!((after.deployment.runtime_since, after.deployment.status_since()), (Some(BEFORE), BEFORE));
        given::<Pipeline>(provisioning()).when(observe("Running", None)).then_expect_events(nothing());
        refused(
            given::<Pipeline>(running()).when(observe("Asleep", None)).inspect_result(),
            422,
            "pipelines.unknown_status",
        );
    }

    #[test]
    fn what_is_suspended_stops() {
        let suspending: PipelineEvent = DesiredStatusChanged { desired: "Suspended".into(), at: BEFORE }.into();
        let before = then(running_as("Running"), vec![suspending]);
        let expected = vec![observed("Suspended", None), stop(false, None)];
        given::<Pipeline>(before).when(observe("Suspended", None)).then_expect_events(expected);
    }

    #[test]
    fn a_failure_stops_and_is_told() {
        let fail = |id: &str| FailDeployment { id: ID.into(), deployment_id: id.into(), error: "{}".into() }.into();
        for before in [provisioning(), running_as("Running")] {
            given::<Pipeline>(before.clone()).when(fail("d")).then_expect_events(vec![stop(true, Some("{}"))]);
            given::<Pipeline>(before.clone()).when(fail("x")).then_expect_events(nothing());
            let stopping = then(before, vec![stop(true, Some("{}"))]);
            assert_eq!(fold(stopping.clone()).deployment.error.as_deref(), Some("{}"));
            given::<Pipeline>(stopping).when(fail("d")).then_expect_events(nothing());
        }
    }

    #[test]
    fn it_is_taken_down_and_what_it_was_started_with_is_forgotten() {
        let begin = || StartStopping { id: ID.into() }.into();
        let end = || RecordStopped { id: ID.into() }.into();
        let (began, ended): (PipelineEvent, PipelineEvent) =
            (StopStarted { at: NOW }.into(), Stopped { error: None, at: NOW }.into());
        for before in [provisioning(), running_as("Running")] {
            given::<Pipeline>(before.clone()).when(begin()).then_expect_events(nothing());
            let asked = then(before, vec![stop(true, Some("{}"))]);
            given::<Pipeline>(asked.clone()).when(begin()).then_expect_events(vec![began.clone()]);
            given::<Pipeline>(asked.clone()).when(end()).then_expect_events(nothing());
            let stopping = then(asked, vec![began.clone()]);
            let state = fold(stopping.clone());
            assert_eq!((state.deployment.status(), state.deployment.id), ("Stopping", None));
            given::<Pipeline>(stopping.clone()).when(end()).then_expect_events(vec![ended.clone()]);
            let state = fold(then(stopping, vec![ended.clone()]));
            assert!(state.is_stopped());
            assert_eq!(state.deployment.error.as_deref(), Some("{}"));
            assert_eq!((state.deployment.initial, state.deployment.bootstrap_policy), (None, None));
            assert_eq!(state.storage, StorageStatus::InUse);
        }
    }

    #[test]
    fn every_change_of_status_or_details_counts() {
        let before = fold(compiled()).refresh_version;
        let counts = [provisioning(), running_as("Initializing"), running_as("Running")]
            .map(|events| fold(events).refresh_version);
        assert_eq!(counts, [before + 1, before + 3, before + 3]);
    }
}
