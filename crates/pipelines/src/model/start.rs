//! `StartPipeline`: a pipeline should run, at once or when its program is compiled.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::config::RuntimeConfig;
use super::{BootstrapPolicy, Pipeline, ResourcesDesired, RuntimeDesired, StorageStatus};
use crate::contract::{ErrorDismissed, PipelineEvent, StartPipeline, StartRequested};
use crate::error;

/// How a pipeline begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initial {
    /// At work.
    #[default]
    Running,
    /// Taking nothing in.
    Paused,
    /// Following another one's checkpoints.
    Standby,
}

impl Initial {
    /// By its name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "running" => Some(Self::Running),
            "paused" => Some(Self::Paused),
            "standby" => Some(Self::Standby),
            _ => None,
        }
    }

    /// How it should be then.
    pub fn desired(self) -> RuntimeDesired {
        match self {
            Self::Running => RuntimeDesired::Running,
            Self::Paused => RuntimeDesired::Paused,
            Self::Standby => RuntimeDesired::Standby,
        }
    }
}

impl Decide<Pipeline> for StartPipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        let initial = Initial::parse(&self.initial).ok_or_else(|| error::unsupported_initial(&self.initial))?;
        let policy = BootstrapPolicy::of_wire(&self.bootstrap_policy)
            .ok_or_else(|| error::invalid_bootstrap_policy(&self.bootstrap_policy))?;
        if self.silent_bootstrap && self.concurrent_bootstrap {
            return Err(error::invalid_bootstrap_config());
        }
        if state.is_stopping() {
            return Err(error::start_while_stopping());
        }
        if state.deployment.resources_desired == ResourcesDesired::Provisioned {
            return self.again(state, initial, policy);
        }
        let mut events = Vec::new();
        let moment = at.time.micros();
        if state.deployment.error.is_some() {
            if !self.dismiss_error {
                return Err(error::cannot_start_with_undismissed_error());
            }
            events.push(ErrorDismissed { at: moment }.into());
        }
        if state.program.status.is_failed() {
            return Err(error::cannot_start_with_compilation_error());
        }
        if state.storage == StorageStatus::Clearing {
            return Err(error::cannot_start_while_clearing_storage());
        }
        if initial == Initial::Standby {
            let storage = RuntimeConfig::parse(&state.settings.runtime_config)?.storage;
            if !storage.is_some_and(|storage| storage.is_synced()) {
                return Err(error::initial_standby_not_allowed());
            }
        }
        let requested = StartRequested {
            initial: self.initial,
            bootstrap_policy: self.bootstrap_policy,
            silent_bootstrap: self.silent_bootstrap,
            concurrent_bootstrap: self.concurrent_bootstrap,
            at: moment,
        };
        events.push(requested.into());
        Ok(events)
    }
}

impl StartPipeline {
    /// Of one that was started already: nothing, unless it was started otherwise.
    fn again(
        &self,
        state: &Pipeline,
        initial: Initial,
        policy: BootstrapPolicy,
    ) -> Result<Vec<PipelineEvent>, Problem> {
        let started = &state.deployment;
        if started.initial != Some(initial) {
            return Err(error::initial_immutable());
        }
        let bootstrap = (started.bootstrap_policy, started.silent_bootstrap, started.concurrent_bootstrap);
        if bootstrap != (Some(policy), Some(self.silent_bootstrap), Some(self.concurrent_bootstrap)) {
            return Err(error::bootstrap_policy_immutable());
        }
        Ok(vec![])
    }
}

impl Evolve<Pipeline> for StartRequested {
    fn evolve(self, state: &mut Pipeline) {
        state.set_resources_desired(ResourcesDesired::Provisioned, self.at);
        let deployment = &mut state.deployment;
        deployment.initial = Some(Initial::parse(&self.initial).unwrap_or_default());
        deployment.bootstrap_policy = BootstrapPolicy::of_wire(&self.bootstrap_policy);
        deployment.silent_bootstrap = Some(self.silent_bootstrap);
        deployment.concurrent_bootstrap = Some(self.concurrent_bootstrap);
        deployment.is_forced = false;
        deployment.approved = None;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::{ClearRequested, PipelineEdited, StopRequested, StopStarted, Stopped};
    use crate::model::spec::{
        BEFORE, NOW, compiled, created, fold, given, nothing, provisioning, refused, running_as, start_requested, then,
    };

    pub(crate) fn start() -> StartPipeline {
        StartPipeline {
            pipeline: "p".into(),
            initial: "running".into(),
            bootstrap_policy: "await_approval".into(),
            silent_bootstrap: false,
            concurrent_bootstrap: false,
            dismiss_error: true,
        }
    }

    fn requested(initial: &str) -> PipelineEvent {
        StartRequested {
            initial: initial.into(),
            bootstrap_policy: "await_approval".into(),
            silent_bootstrap: false,
            concurrent_bootstrap: false,
            at: NOW,
        }
        .into()
    }

    fn down(error: Option<&str>) -> Vec<PipelineEvent> {
        let error = error.map(str::to_owned);
        let stopped = Stopped { error, at: BEFORE }.into();
        then(
            running_as("Running"),
            vec![
                StopRequested { force: true, error: None, at: BEFORE }.into(),
                StopStarted { at: BEFORE }.into(),
                stopped,
            ],
        )
    }

    #[test]
    fn a_stopped_pipeline_is_started_and_one_that_compiles_waits() {
        for before in [compiled(), vec![created()], compiled()[..3].to_vec(), down(None)] {
            given::<Pipeline>(before.clone()).when(start().into()).then_expect_events(vec![requested("running")]);
            let after = fold(then(before, vec![requested("running")]));
            assert_eq!((after.deployment.status(), after.deployment.desired_status()), ("Stopped", "Running"));
            assert_eq!(after.deployment.desired_status_since(), NOW);
        }
        let paused = StartPipeline { initial: "paused".into(), ..start() };
        given::<Pipeline>(compiled()).when(paused.into()).then_expect_events(vec![requested("paused")]);
    }

    #[test]
    fn the_same_start_again_changes_nothing_and_another_one_is_refused() {
        for before in [then(compiled(), vec![start_requested()]), provisioning(), running_as("Running")] {
            given::<Pipeline>(before.clone()).when(start().into()).then_expect_events(nothing());
            for (other, code) in [
                (StartPipeline { initial: "paused".into(), ..start() }, "pipelines.initial_immutable_unless_stopped"),
                (
                    StartPipeline { bootstrap_policy: "allow".into(), ..start() },
                    "pipelines.bootstrap_policy_immutable_unless_stopped",
                ),
                (
                    StartPipeline { silent_bootstrap: true, ..start() },
                    "pipelines.bootstrap_policy_immutable_unless_stopped",
                ),
            ] {
                refused(given::<Pipeline>(before.clone()).when(other.into()).inspect_result(), 400, code);
            }
        }
    }

    #[test]
    fn an_error_is_dismissed_or_in_the_way() {
        let dismissed = ErrorDismissed { at: NOW }.into();
        let failed = || down(Some("{}"));
        given::<Pipeline>(failed()).when(start().into()).then_expect_events(vec![dismissed, requested("running")]);
        let keep = StartPipeline { dismiss_error: false, ..start() };
        let result = given::<Pipeline>(failed()).when(keep.into()).inspect_result();
        refused(result, 400, "pipelines.cannot_start_with_undismissed_error");
    }

    #[test]
    fn what_cannot_start_is_refused() {
        let mut wrong = compiled()[..2].to_vec();
        wrong.push(
            crate::contract::CompileFailed {
                program_version: 1,
                status: "SqlError".into(),
                sql_compilation: None,
                rust_compilation: None,
                system_error: None,
                at: BEFORE,
            }
            .into(),
        );
        let stopping = then(running_as("Running"), vec![StopRequested { force: true, error: None, at: BEFORE }.into()]);
        let clearing = then(down(None), vec![ClearRequested { at: BEFORE }.into()]);
        let standby = StartPipeline { initial: "standby".into(), ..start() };
        let both = StartPipeline { silent_bootstrap: true, concurrent_bootstrap: true, ..start() };
        for (before, command, status, code) in [
            (nothing(), start(), 404, "pipelines.unknown_pipeline_name"),
            (wrong, start(), 400, "pipelines.cannot_start_with_compilation_error"),
            (stopping, start(), 400, "pipelines.illegal_pipeline_action"),
            (clearing, start(), 400, "pipelines.cannot_start_while_clearing_storage"),
            (compiled(), standby, 400, "pipelines.initial_standby_not_allowed"),
            (compiled(), both, 400, "pipelines.invalid_bootstrap_config"),
            (
                compiled(),
                StartPipeline { initial: "asleep".into(), ..start() },
                405,
                "pipelines.unsupported_pipeline_action",
            ),
            (
                compiled(),
                StartPipeline { bootstrap_policy: "maybe".into(), ..start() },
                400,
                "pipelines.invalid_bootstrap_config",
            ),
        ] {
            refused(given::<Pipeline>(before).when(command.into()).inspect_result(), status, code);
        }
    }

    #[test]
    fn standby_wants_checkpoints_elsewhere() {
        let config = r#"{"storage":{"backend":{"name":"file","config":{"sync":{"bucket":"b"}}}}}"#;
        let edited = PipelineEdited {
            name: None,
            program_code: None,
            udf_rust: None,
            udf_toml: None,
            runtime_config: Some(RuntimeConfig::canonical(config).unwrap()),
            runtime_secrets: None,
            program_config: None,
            platform_version: None,
            at: BEFORE,
        };
        let standby = StartPipeline { initial: "standby".into(), ..start() };
        let before = then(compiled(), vec![edited.into()]);
        given::<Pipeline>(before).when(standby.into()).then_expect_events(vec![requested("standby")]);
    }
}
