//! What state a pipeline is in, why, what comes next, and what may be asked of it now: decided by the rules themselves.

use alluvium_kernel::{Decide, DecisionContext, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::{json, moment};
use crate::contract::{
    ActivatePipeline, ApproveBootstrap, CancelCompile, ClearStorage, DeletePipeline, DismissError, EditPipeline,
    PausePipeline, PipelineEvent, ResumePipeline, StartPipeline, StopPipeline, UpdateRuntime,
};
use crate::model::{Pipeline, ProgramStatus, ResourcesDesired, RuntimeStatus};
use crate::reactors::{Step, due};

/// A pipeline, explained.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// Its name.
    name: String,
    /// Resources and runtime in one word.
    state: &'static str,
    /// What they should be.
    desired_state: &'static str,
    /// How far the compiler is.
    program_status: &'static str,
    /// Whether it keeps something.
    storage_status: &'static str,
    /// Why it is so.
    reason: String,
    /// Since when.
    since: String,
    /// What the platform does next by itself; null when it waits for somebody.
    next: Option<&'static str>,
    /// What may be asked of it now.
    allowed: Vec<&'static str>,
    /// What would change nothing.
    without_effect: Vec<&'static str>,
    /// What is refused now.
    refused: Vec<RefusedCommand>,
}

/// A command that is refused.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RefusedCommand {
    /// What it is called.
    command: &'static str,
    /// Why not.
    message: String,
}

type Decided = Result<Vec<PipelineEvent>, Problem>;

impl Explanation {
    /// Of a pipeline whose texts may be sealed.
    pub fn of(pipeline: &Pipeline, at: &DecisionContext) -> Self {
        let (mut allowed, mut without_effect, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (command, decided) in commands(pipeline, at) {
            match decided {
                Ok(events) if events.is_empty() => without_effect.push(command),
                Ok(_) => allowed.push(command),
                Err(problem) => refused.push(RefusedCommand { command, message: problem.detail }),
            }
        }
        let deployment = &pipeline.deployment;
        Self {
            name: pipeline.name.clone(),
            state: deployment.status(),
            desired_state: deployment.desired_status(),
            program_status: pipeline.program.status.as_str(),
            storage_status: pipeline.storage.as_str(),
            reason: reason(pipeline),
            since: moment(deployment.status_since()),
            next: due(pipeline).map(next),
            allowed,
            without_effect,
            refused,
        }
    }
}

/// What each command would come to.
fn commands(pipeline: &Pipeline, at: &DecisionContext) -> Vec<(&'static str, Decided)> {
    fn ask<C: Decide<Pipeline, Event = PipelineEvent>>(command: C, state: &Pipeline, at: &DecisionContext) -> Decided {
        command.decide(state, at)
    }
    let name = || pipeline.name.clone();
    let start = StartPipeline {
        pipeline: name(),
        initial: "running".to_owned(),
        bootstrap_policy: "await_approval".to_owned(),
        silent_bootstrap: false,
        concurrent_bootstrap: false,
        dismiss_error: true,
    };
    let edit = EditPipeline {
        pipeline: name(),
        name: None,
        description: None,
        tags: None,
        // Another text than any that is there.
        program_code: Some(format!("{}\n", pipeline.settings.program_code)),
        udf_rust: None,
        udf_toml: None,
        runtime_config: None,
        runtime_secrets: None,
        program_config: None,
        if_versions: Vec::new(),
    };
    let stop = |force| StopPipeline { pipeline: name(), force };
    let approve = ApproveBootstrap { pipeline: name(), silent_bootstrap: false, concurrent_bootstrap: false };
    let activate = ActivatePipeline { pipeline: name(), initial: "running".to_owned() };
    vec![
        ("start", ask(start, pipeline, at)),
        ("stop", ask(stop(false), pipeline, at)),
        ("stop?force=true", ask(stop(true), pipeline, at)),
        ("pause", ask(PausePipeline { pipeline: name() }, pipeline, at)),
        ("resume", ask(ResumePipeline { pipeline: name() }, pipeline, at)),
        ("activate", ask(activate, pipeline, at)),
        ("approve", ask(approve, pipeline, at)),
        ("clear", ask(ClearStorage { pipeline: name() }, pipeline, at)),
        ("dismiss_error", ask(DismissError { pipeline: name() }, pipeline, at)),
        ("edit", ask(edit, pipeline, at)),
        ("update_runtime", ask(UpdateRuntime { pipeline: name() }, pipeline, at)),
        ("cancel_compile", ask(CancelCompile { pipeline: name() }, pipeline, at)),
        ("delete", ask(DeletePipeline { pipeline: name(), if_versions: Vec::new() }, pipeline, at)),
    ]
}

fn reason(pipeline: &Pipeline) -> String {
    let deployment = &pipeline.deployment;
    if pipeline.is_stopped() {
        let error = json(deployment.error.as_deref());
        if let Some(message) = error["message"].as_str() {
            return format!("The last deployment ended with an error: {message}");
        }
        let status = pipeline.program.status;
        return if status.is_failed() {
            format!("It was not started, and its program does not compile ({status}).")
        } else {
            "Nobody has started it, or somebody has stopped it.".to_owned()
        };
    }
    if deployment.resources_desired == ResourcesDesired::Stopped {
        return "It was told to stop, or could not go on.".to_owned();
    }
    match deployment.runtime {
        None if pipeline.program.status != ProgramStatus::Success => {
            "It waits until its program is compiled.".to_owned()
        }
        None => "Room is made for it.".to_owned(),
        Some(RuntimeStatus::AwaitingApproval) => {
            "Its program differs from what is kept; somebody must approve that, or stop it.".to_owned()
        }
        Some(status)
            if Some(status.as_str()) == deployment.runtime_desired.map(crate::model::RuntimeDesired::as_str) =>
        {
            "It is as it was told to be.".to_owned()
        }
        Some(_) => {
            let details = json(deployment.runtime_details.as_deref());
            details["reason"].as_str().unwrap_or("It is on its way to how it was told to be.").to_owned()
        }
    }
}

fn next(step: Step) -> &'static str {
    match step {
        Step::Compile => "its program is compiled",
        Step::Begin | Step::Provision => "room is made for it",
        Step::Attend => "it is looked after, and told what it should be",
        Step::Stop => "it is taken down",
        Step::Clear => "what it keeps is let go of",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::CompileFailed;
    use crate::model::spec::{BEFORE, at, compiled, created, fold, running_as, start_requested, then};

    fn of(events: Vec<PipelineEvent>) -> Explanation {
        Explanation::of(&fold(events), &at())
    }

    #[test]
    fn every_command_is_allowed_refused_or_without_effect() {
        for events in [vec![created()], compiled(), then(compiled(), vec![start_requested()]), running_as("Running")] {
            let told = of(events);
            assert_eq!(told.allowed.len() + told.without_effect.len() + told.refused.len(), 13, "{told:?}");
        }
    }

    #[test]
    fn state_reason_and_next_step_follow_from_what_happened() {
        let new = of(vec![created()]);
        assert_eq!((new.state, new.next), ("Stopped", Some("its program is compiled")));
        assert!(["start", "edit", "cancel_compile", "delete"].iter().all(|command| new.allowed.contains(command)));
        let ready = of(compiled());
        assert_eq!((ready.next, ready.without_effect.contains(&"cancel_compile")), (None, true));
        let running = of(running_as("Running"));
        assert_eq!((running.state, running.reason.as_str()), ("Running", "It is as it was told to be."));
        assert!(running.allowed.contains(&"pause") && running.refused.iter().any(|it| it.command == "delete"));
        let early = of(vec![created(), start_requested()]);
        assert_eq!(early.reason, "It waits until its program is compiled.");
        let approval = of(running_as("AwaitingApproval"));
        assert!(approval.allowed.contains(&"approve") && approval.reason.contains("approve"));
        let failed = CompileFailed {
            program_version: 1,
            status: "SqlError".into(),
            sql_compilation: None,
            rust_compilation: None,
            system_error: None,
            at: BEFORE,
        };
        let wrong = of(vec![created(), failed.into()]);
        assert!(wrong.reason.contains("SqlError") && wrong.refused.iter().any(|it| it.command == "start"));
    }
}
