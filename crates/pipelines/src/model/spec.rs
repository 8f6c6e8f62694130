//! Shared words of the given/when/then specs.

use alluvium_kernel::{Actor, DecisionContext, Problem, Timestamp, Token};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::Pipeline;
use crate::contract::{
    CompileStarted, CompileSucceeded, PackagingStarted, PipelineCreated, PipelineEvent, Provisioned,
    ProvisioningStarted, RuntimeStatusObserved, SqlCompiled, StartRequested, StorageUseBegan,
};

/// When every spec happens, in microseconds.
pub(crate) const NOW: i64 = 1_800_000_000_000_000;
/// When what is given happened.
pub(crate) const BEFORE: i64 = NOW - 1_000_000;
/// The pipeline of the specs.
pub(crate) const ID: &str = "0190f0a0-0000-7000-8000-000000000001";

/// The context of the command under test; its id is `cmd`.
pub(crate) fn at() -> DecisionContext {
    DecisionContext {
        tenant: Token::encode("default").unwrap(),
        command_id: "cmd".into(),
        actor: Actor::Admin,
        time: Timestamp::from_micros(NOW),
    }
}

/// No events: before, or after.
pub(crate) fn nothing<E>() -> Vec<E> {
    Vec::new()
}

/// What has happened before.
pub(crate) fn given<A>(events: Vec<A::Event>) -> AggregateTestExecutor<A>
where
    A: Aggregate<Services = DecisionContext>,
{
    TestFramework::with(at()).given(events)
}

/// The refusal with this code and status, else a failed test.
pub(crate) fn refused<E: std::fmt::Debug>(result: Result<Vec<E>, Problem>, status: u16, code: &str) -> Problem {
    let problem = result.expect_err("this should be refused");
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{}", problem.detail);
    problem
}

/// The state after events.
pub(crate) fn fold(events: Vec<PipelineEvent>) -> Pipeline {
    let mut pipeline = Pipeline::default();
    events.into_iter().for_each(|event| pipeline.apply(event));
    pipeline
}

pub(crate) fn created() -> PipelineEvent {
    PipelineCreated {
        id: ID.into(),
        name: "p".into(),
        description: String::new(),
        tags: vec![],
        program_code: "CREATE TABLE t (a INT);".into(),
        udf_rust: String::new(),
        udf_toml: String::new(),
        runtime_config: super::config::RuntimeConfig::canonical("{}").unwrap(),
        runtime_secrets: String::new(),
        program_config: super::config::ProgramConfig::canonical("{}").unwrap(),
        program_id: None,
        program_of_version: None,
        platform_version: super::PLATFORM_VERSION.into(),
        at: BEFORE,
    }
    .into()
}

/// A pipeline with the program compiled.
pub(crate) fn compiled() -> Vec<PipelineEvent> {
    vec![
        created(),
        CompileStarted { program_version: 1, at: BEFORE }.into(),
        SqlCompiled {
            program_version: 1,
            program_info: "{}".into(),
            sql_compilation: r#"{"exit_code":0,"messages":[]}"#.into(),
            at: BEFORE,
        }
        .into(),
        PackagingStarted { program_version: 1, at: BEFORE }.into(),
        CompileSucceeded {
            program_version: 1,
            rust_compilation: r#"{"exit_code":0,"stdout":"","stderr":""}"#.into(),
            at: BEFORE,
        }
        .into(),
    ]
}

pub(crate) fn start_requested() -> PipelineEvent {
    StartRequested {
        initial: "running".into(),
        bootstrap_policy: "await_approval".into(),
        silent_bootstrap: false,
        concurrent_bootstrap: false,
        at: BEFORE,
    }
    .into()
}

/// And then more.
pub(crate) fn then(mut before: Vec<PipelineEvent>, more: Vec<PipelineEvent>) -> Vec<PipelineEvent> {
    before.extend(more);
    before
}

/// A pipeline that has room is made for.
pub(crate) fn provisioning() -> Vec<PipelineEvent> {
    let began = ProvisioningStarted { deployment_id: "d".into(), at: BEFORE };
    then(compiled(), vec![start_requested(), began.into(), StorageUseBegan { at: BEFORE }.into()])
}

/// A pipeline that has room and says that it is so.
pub(crate) fn running_as(status: &str) -> Vec<PipelineEvent> {
    let observed = RuntimeStatusObserved { status: status.into(), details: None, at: BEFORE };
    then(provisioning(), vec![Provisioned { at: BEFORE }.into(), observed.into()])
}

/// A pipeline that runs.
pub(crate) fn running() -> Vec<PipelineEvent> {
    running_as("Running")
}
