//! What holds of every pipeline, whatever was asked of it in whatever order.

use alluvium_kernel::Problem;
use proptest::prelude::*;

use super::spec::{ID, fold, given};
use super::{Pipeline, ProgramStatus, ResourcesDesired, ResourcesStatus, StorageStatus};
use crate::contract::{
    ActivatePipeline, ApproveBootstrap, CancelCompile, ClearStorage, CreatePipeline, DeletePipeline, DismissError,
    EditPipeline, FailDeployment, ObserveRuntime, PausePipeline, PipelineCommand, PipelineEvent, RecordCompileFailed,
    RecordCompiled, RecordProvisioned, RecordSqlCompiled, RecordStopped, RecordStorageCleared, ResumePipeline,
    StartCompile, StartPackaging, StartPipeline, StartProvisioning, StartStopping, StopPipeline,
};

/// Commands in a row.
const COMMANDS_MAX: usize = 40;

fn cmd(command: impl Into<PipelineCommand>) -> PipelineCommand {
    command.into()
}

fn of_people() -> impl Strategy<Value = PipelineCommand> {
    let p = || "p".to_owned();
    let start = (prop_oneof![Just("running"), Just("paused"), Just("standby")], any::<bool>()).prop_map(
        move |(initial, dismiss)| {
            cmd(StartPipeline {
                pipeline: p(),
                initial: initial.to_owned(),
                bootstrap_policy: "await_approval".into(),
                silent_bootstrap: false,
                concurrent_bootstrap: false,
                dismiss_error: dismiss,
            })
        },
    );
    let edit = (
        prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))],
        prop_oneof![Just(None), Just(Some(r#"{"workers":3}"#))],
    )
        .prop_map(move |(code, config)| {
            cmd(EditPipeline {
                pipeline: p(),
                name: None,
                description: None,
                tags: None,
                program_code: code.map(str::to_owned),
                udf_rust: None,
                udf_toml: None,
                runtime_config: config.map(str::to_owned),
                runtime_secrets: None,
                program_config: None,
                if_versions: vec![],
            })
        });
    let approve = ApproveBootstrap { pipeline: p(), silent_bootstrap: false, concurrent_bootstrap: false };
    prop_oneof![
        4 => start,
        2 => edit,
        2 => any::<bool>().prop_map(move |force| cmd(StopPipeline { pipeline: p(), force })),
        1 => Just(cmd(PausePipeline { pipeline: p() })),
        1 => Just(cmd(ResumePipeline { pipeline: p() })),
        1 => Just(cmd(ActivatePipeline { pipeline: p(), initial: "running".into() })),
        1 => Just(cmd(approve)),
        1 => Just(cmd(ClearStorage { pipeline: p() })),
        1 => Just(cmd(DismissError { pipeline: p() })),
        1 => Just(cmd(CancelCompile { pipeline: p() })),
        1 => Just(cmd(DeletePipeline { pipeline: p(), if_versions: vec![] })),
    ]
}

/// Reports, as much in order as those of parts that work: the version and the deployment are put in later.
fn of_parts() -> impl Strategy<Value = PipelineCommand> {
    let id = || ID.to_owned();
    let status =
        prop_oneof![Just("Running"), Just("Paused"), Just("AwaitingApproval"), Just("Suspended"), Just("Standby")];
    let failed = prop_oneof![Just("SqlError"), Just("RustError"), Just("SystemError")];
    prop_oneof![
        4 => Just(cmd(StartCompile { id: id(), program_version: 0 })),
        4 => Just(cmd(RecordSqlCompiled { id: id(), program_version: 0, program_info: "{}".into(), sql_compilation: "{}".into() })),
        4 => Just(cmd(StartPackaging { id: id(), program_version: 0 })),
        4 => Just(cmd(RecordCompiled { id: id(), program_version: 0, rust_compilation: "{}".into() })),
        1 => failed.prop_map(move |status| cmd(RecordCompileFailed {
            id: id(),
            program_version: 0,
            status: status.to_owned(),
            sql_compilation: None,
            rust_compilation: None,
            system_error: None,
        })),
        4 => Just(cmd(StartProvisioning { id: id() })),
        4 => Just(cmd(RecordProvisioned { id: id(), deployment_id: String::new() })),
        4 => status.prop_map(move |status| cmd(ObserveRuntime {
            id: id(),
            deployment_id: String::new(),
            status: status.to_owned(),
            details: None,
        })),
        1 => Just(cmd(FailDeployment { id: id(), deployment_id: String::new(), error: "{}".into() })),
        3 => Just(cmd(StartStopping { id: id() })),
        3 => Just(cmd(RecordStopped { id: id() })),
        2 => Just(cmd(RecordStorageCleared { id: id() })),
    ]
}

/// A report on what there is now.
fn current(command: PipelineCommand, now: &Pipeline) -> PipelineCommand {
    use PipelineCommand as C;

    let program_version = now.program_version;
    let deployment_id = now.deployment.id.clone().unwrap_or_default();
    match command {
        C::StartCompile(c) => StartCompile { program_version, ..c }.into(),
        C::RecordSqlCompiled(c) => RecordSqlCompiled { program_version, ..c }.into(),
        C::StartPackaging(c) => StartPackaging { program_version, ..c }.into(),
        C::RecordCompiled(c) => RecordCompiled { program_version, ..c }.into(),
        C::RecordCompileFailed(c) => RecordCompileFailed { program_version, ..c }.into(),
        C::RecordProvisioned(c) => RecordProvisioned { deployment_id, ..c }.into(),
        C::ObserveRuntime(c) => ObserveRuntime { deployment_id, ..c }.into(),
        C::FailDeployment(c) => FailDeployment { deployment_id, ..c }.into(),
        other => other,
    }
}

fn create() -> PipelineCommand {
    CreatePipeline {
        name: "p".into(),
        description: String::new(),
        tags: vec![],
        program_code: "a".into(),
        udf_rust: String::new(),
        udf_toml: String::new(),
        runtime_config: "{}".into(),
        runtime_secrets: String::new(),
        program_config: "{}".into(),
        program_id: None,
        program_of_version: None,
    }
    .into()
}

fn decide(events: &[PipelineEvent], command: &PipelineCommand) -> Result<Vec<PipelineEvent>, Problem> {
    given::<Pipeline>(events.to_vec()).when(command.clone()).inspect_result()
}

/// What holds of a pipeline.
fn check(now: &Pipeline) {
    let (at, program) = (&now.deployment, &now.program);
    assert!(now.program_version >= 1 && now.program_version <= now.version && now.version <= now.refresh_version);
    let has_room = matches!(at.resources, ResourcesStatus::Provisioning | ResourcesStatus::Provisioned);
    assert_eq!(at.id.is_some(), has_room, "{at:?}");
    let answers = at.resources == ResourcesStatus::Provisioned;
    assert_eq!((at.runtime.is_some(), at.runtime_desired.is_some()), (answers, answers), "{at:?}");
    assert_eq!((at.runtime_since.is_some(), at.runtime_desired_since.is_some()), (answers, answers));
    assert_eq!(now.storage == StorageStatus::Cleared, now.storage_details.is_none());
    if at.resources != ResourcesStatus::Stopped {
        assert_eq!((now.storage, program.status), (StorageStatus::InUse, ProgramStatus::Success), "{now:?}");
        assert!(at.initial.is_some() && at.bootstrap_policy.is_some(), "{at:?}");
    }
    if now.is_stopped() {
        assert_eq!(
            (at.initial, at.bootstrap_policy, at.silent_bootstrap, at.concurrent_bootstrap),
            (None, None, None, None)
        );
        assert_eq!((at.status(), at.desired_status(), at.is_forced), ("Stopped", "Stopped", false));
    }
    if at.resources_desired == ResourcesDesired::Provisioned {
        assert!(!program.status.is_failed(), "what cannot run is not waited for: {now:?}");
    }
    if program.status == ProgramStatus::Pending {
        let said = [&program.info, &program.sql_compilation, &program.rust_compilation, &program.system_error];
        assert!(said.into_iter().all(Option::is_none), "{program:?}");
    }
    if program.status == ProgramStatus::Success {
        assert!(program.info.is_some() && program.sql_compilation.is_some() && program.rust_compilation.is_some());
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_a_pipeline_is_one_that_can_be(
        commands in prop::collection::vec(prop_oneof![1 => of_people(), 2 => of_parts()], 1..COMMANDS_MAX)
    ) {
        let mut events = decide(&[], &create()).unwrap();
        // The specs know the pipeline by this id.
        for event in &mut events {
            if let PipelineEvent::PipelineCreated(created) = event {
                ID.clone_into(&mut created.id);
            }
        }
        for command in commands {
            let now = fold(events.clone());
            if !now.is_live() {
                break;
            }
            check(&now);
            let command = current(command, &now);
            let Ok(new) = decide(&events, &command) else { continue };
            let bumps = fold([events.clone(), new.clone()].concat()).refresh_version - now.refresh_version;
            prop_assert!(bumps <= new.len() as i64);
            events.extend(new);
            // Asked again, nothing more happens.
            let again = decide(&events, &command);
            prop_assert!(again.as_ref().map_or(true, Vec::is_empty), "{command:?} twice: {again:?}");
        }
    }
}
