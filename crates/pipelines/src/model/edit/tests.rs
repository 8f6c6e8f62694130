//! What may become of a pipeline that is edited.

use super::*;
use crate::contract::{PipelineCommand, StopRequested, StopStarted, Stopped};
use crate::model::ProgramStatus;
use crate::model::spec::{
    BEFORE, NOW, compiled, created, fold, given, nothing, refused, running_as, start_requested, then,
};

fn patch() -> EditPipeline {
    EditPipeline {
        pipeline: "p".into(),
        name: None,
        description: None,
        tags: None,
        program_code: None,
        udf_rust: None,
        udf_toml: None,
        runtime_config: None,
        runtime_secrets: None,
        program_config: None,
        if_versions: vec![],
    }
}

fn edited() -> PipelineEdited {
    PipelineEdited {
        name: None,
        program_code: None,
        udf_rust: None,
        udf_toml: None,
        runtime_config: None,
        runtime_secrets: None,
        program_config: None,
        platform_version: None,
        at: NOW,
    }
}

fn put() -> PutPipeline {
    PutPipeline {
        pipeline: "p".into(),
        name: "p".into(),
        description: String::new(),
        tags: vec![],
        program_code: "CREATE TABLE t (a INT);".into(),
        udf_rust: String::new(),
        udf_toml: String::new(),
        runtime_config: "{}".into(),
        runtime_secrets: String::new(),
        program_config: "{}".into(),
        if_versions: vec![],
    }
}

fn kept() -> Vec<PipelineEvent> {
    let stop = StopRequested { force: true, error: None, at: BEFORE }.into();
    then(
        running_as("Running"),
        vec![stop, StopStarted { at: BEFORE }.into(), Stopped { error: None, at: BEFORE }.into()],
    )
}

fn versions(events: Vec<PipelineEvent>) -> (i64, i64, i64) {
    let pipeline = fold(events);
    (pipeline.version, pipeline.program_version, pipeline.refresh_version)
}

#[test]
fn an_edit_of_the_program_counts_and_compiles_anew() {
    let command = EditPipeline { program_code: Some("SELECT 1".into()), ..patch() };
    let event: PipelineEvent = PipelineEdited { program_code: Some("SELECT 1".into()), ..edited() }.into();
    given::<Pipeline>(compiled()).when(command.into()).then_expect_events(vec![event.clone()]);
    assert_eq!(versions(compiled()), (1, 1, 3));
    let after = then(compiled(), vec![event]);
    assert_eq!(versions(after.clone()), (2, 2, 4));
    let program = fold(after).program;
    assert_eq!((program.status, program.since, program.info), (ProgramStatus::Pending, NOW, None));
    assert_eq!((program.sql_compilation, program.rust_compilation), (None, None));
}

#[test]
fn an_edit_of_anything_else_counts_and_compiles_nothing() {
    let canonical = RuntimeConfig::canonical(r#"{"workers":2}"#).unwrap();
    let command = EditPipeline { runtime_config: Some(r#"{"workers":2}"#.into()), ..patch() };
    let event: PipelineEvent = PipelineEdited { runtime_config: Some(canonical), ..edited() }.into();
    given::<Pipeline>(compiled()).when(command.into()).then_expect_events(vec![event.clone()]);
    let after = then(compiled(), vec![event]);
    assert_eq!(versions(after.clone()), (2, 1, 4));
    assert_eq!(fold(after).program.status, ProgramStatus::Success);
    let both = EditPipeline { name: Some("q".into()), udf_toml: Some("x".into()), ..patch() };
    let events = given::<Pipeline>(compiled()).when(both.into()).inspect_result().unwrap();
    assert_eq!(renamed(&events), Some("q"));
    let after = then(compiled(), events);
    assert_eq!((versions(after.clone()), fold(after).name), ((2, 2, 4), "q".to_owned()));
}

#[test]
fn what_is_so_already_changes_nothing_in_any_state() {
    let same = EditPipeline {
        name: Some("p".into()),
        description: Some(String::new()),
        tags: Some(vec![]),
        program_code: Some("CREATE TABLE t (a INT);".into()),
        runtime_config: Some(r#"{"workers":8}"#.into()),
        program_config: Some("{}".into()),
        ..patch()
    };
    for before in [vec![created()], running_as("Running"), kept()] {
        for command in [PipelineCommand::from(same.clone()), patch().into(), put().into()] {
            given::<Pipeline>(before.clone()).when(command).then_expect_events(nothing());
        }
    }
}

#[test]
fn metadata_is_edited_in_any_state_and_counts_nothing() {
    let command = || EditPipeline { description: Some("d".into()), ..patch() };
    for before in [vec![created()], running_as("Running"), kept()] {
        let event: PipelineEvent = MetadataEdited { description: "d".into(), tags: vec![], at: NOW }.into();
        given::<Pipeline>(before.clone()).when(command().into()).then_expect_events(vec![event.clone()]);
        assert_eq!(versions(then(before.clone(), vec![event])), versions(before));
    }
}

#[test]
fn only_what_changes_is_validated() {
    let long = "x".repeat(301);
    let described =
        then(vec![created()], vec![MetadataEdited { description: long.clone(), tags: vec![], at: BEFORE }.into()]);
    let tagged = EditPipeline { description: Some(long), tags: Some(vec!["a".into()]), ..patch() };
    assert!(given::<Pipeline>(described).when(tagged.into()).inspect_result().is_ok());
    for (command, code) in [
        (EditPipeline { tags: Some(vec!["?".into()]), ..patch() }, "pipelines.invalid_tag"),
        (EditPipeline { description: Some("x".repeat(301)), ..patch() }, "pipelines.too_long_description"),
        (EditPipeline { name: Some("?".into()), ..patch() }, "pipelines.name_does_not_match_pattern"),
        (EditPipeline { runtime_config: Some("7".into()), ..patch() }, "pipelines.invalid_runtime_config"),
        (EditPipeline { program_config: Some("7".into()), ..patch() }, "pipelines.invalid_program_config"),
    ] {
        refused(given::<Pipeline>(vec![created()]).when(command.into()).inspect_result(), 400, code);
    }
}

#[test]
fn only_a_stopped_pipeline_becomes_another() {
    let command = || EditPipeline { program_code: Some("x".into()), ..patch() }.into();
    for before in [then(compiled(), vec![start_requested()]), running_as("Running")] {
        let result = given::<Pipeline>(before).when(command()).inspect_result();
        refused(result, 400, "pipelines.update_restricted_to_stopped");
    }
    assert!(given::<Pipeline>(kept()).when(command()).inspect_result().is_ok());
}

#[test]
fn what_is_kept_freezes_some_settings() {
    for (config, path) in [
        (r#"{"workers":2}"#, "`runtime_config.workers`"),
        (r#"{"fault_tolerance":{}}"#, "`runtime_config.fault_tolerance`"),
        (r#"{"resources":{"storage_mb_max":1}}"#, "`runtime_config.resources.storage_mb_max`"),
        (r#"{"resources":{"namespace":"n"}}"#, "`runtime_config.resources.namespace`"),
        (r#"{"resources":{"storage_class":"c"}}"#, "`runtime_config.resources.storage_class`"),
        (r#"{"clock_timezone_offset":"+01:00"}"#, "`runtime_config.clock_timezone_offset`"),
    ] {
        let command = || EditPipeline { runtime_config: Some(config.into()), ..patch() };
        let result = given::<Pipeline>(kept()).when(command().into()).inspect_result();
        let refused = refused(result, 400, "pipelines.edit_restricted_to_cleared_storage");
        assert_eq!(refused.details.unwrap()["not_allowed"], serde_json::json!([path]));
        assert!(given::<Pipeline>(vec![created()]).when(command().into()).inspect_result().is_ok(), "{config}");
    }
    let both = EditPipeline { name: Some("q".into()), runtime_config: Some(r#"{"workers":1}"#.into()), ..patch() };
    let result = given::<Pipeline>(kept()).when(both.into()).inspect_result();
    let refused = refused(result, 400, "pipelines.edit_restricted_to_cleared_storage");
    assert_eq!(refused.details.unwrap()["not_allowed"], serde_json::json!(["`name`", "`runtime_config.workers`"]));
    let free = EditPipeline { runtime_config: Some(r#"{"max_rss_mb":1}"#.into()), ..patch() };
    assert!(given::<Pipeline>(kept()).when(free.into()).inspect_result().is_ok());
}

#[test]
fn what_is_put_replaces_all() {
    let described =
        vec![created(), MetadataEdited { description: "d".into(), tags: vec!["t".into()], at: BEFORE }.into()];
    let command = PutPipeline { program_code: "x".into(), name: "q".into(), ..put() };
    let expected = vec![
        PipelineEdited { name: Some("q".into()), program_code: Some("x".into()), ..edited() }.into(),
        MetadataEdited { description: String::new(), tags: vec![], at: NOW }.into(),
    ];
    given::<Pipeline>(described).when(command.into()).then_expect_events(expected);
}

#[test]
fn an_older_platform_is_left_behind() {
    let PipelineEvent::PipelineCreated(mut old) = created() else { unreachable!() };
    "0.1.0".clone_into(&mut old.platform_version);
    let before = then(vec![old.into()], compiled()[1..].to_vec());
    let update = || UpdateRuntime { pipeline: "p".into() }.into();
    let event: PipelineEvent = RuntimeUpdated { platform_version: PLATFORM_VERSION.into(), at: NOW }.into();
    given::<Pipeline>(before.clone()).when(update()).then_expect_events(vec![event.clone()]);
    let after = then(before.clone(), vec![event]);
    assert_eq!(versions(after.clone()), (1, 1, 4));
    assert_eq!(fold(after.clone()).program.status, ProgramStatus::Pending);
    given::<Pipeline>(after).when(update()).then_expect_events(nothing());
    let started = then(before.clone(), vec![start_requested()]);
    let result = given::<Pipeline>(started).when(update()).inspect_result();
    refused(result, 400, "pipelines.update_restricted_to_stopped");
    let put = PipelineEdited { platform_version: Some(PLATFORM_VERSION.into()), ..edited() };
    given::<Pipeline>(before).when(super::tests::put().into()).then_expect_events(vec![put.into()]);
}

#[test]
fn an_edit_of_another_version_than_is_there_is_refused() {
    let edit =
        |versions: &[i64]| EditPipeline { description: Some("d".into()), if_versions: versions.to_vec(), ..patch() };
    for versions in [&[][..], &[0], &[1], &[7, 1]] {
        let events = given::<Pipeline>(vec![created()]).when(edit(versions).into()).inspect_result().unwrap();
        assert_eq!(events.len(), 1, "{versions:?}");
    }
    for versions in [&[2][..], &[-1], &[7, 9]] {
        let other = PutPipeline { if_versions: versions.to_vec(), ..put() };
        for command in [PipelineCommand::from(edit(versions)), other.into()] {
            let result = given::<Pipeline>(vec![created()]).when(command).inspect_result();
            refused(result, 412, "pipelines.precondition_failed");
        }
    }
}

#[test]
fn a_version_of_the_platform_is_set_while_stopped() {
    let set = |version: &str| -> PipelineCommand {
        SetPlatformVersion { pipeline: "p".into(), platform_version: version.into() }.into()
    };
    let event: PipelineEvent = PlatformVersionSet { platform_version: "0.1.0".into(), at: NOW }.into();
    given::<Pipeline>(vec![created()]).when(set("0.1.0")).then_expect_events(vec![event.clone()]);
    given::<Pipeline>(vec![created()]).when(set(PLATFORM_VERSION)).then_expect_events(nothing());
    let state = fold(vec![created(), event]);
    assert_eq!((state.platform_version.as_str(), state.version, state.refresh_version), ("0.1.0", 1, 1));
    for version in ["", &"9".repeat(51)] {
        refused(given::<Pipeline>(vec![created()]).when(set(version)).inspect_result(), 400, "pipelines.invalid_param");
    }
    let running = given::<Pipeline>(running_as("Running")).when(set("0.1.0")).inspect_result();
    refused(running, 400, "pipelines.update_restricted_to_stopped");
}
