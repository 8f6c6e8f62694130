//! Given/when/then for the registry's rules.

use alluvium_kernel::{Actor, DecisionContext, Timestamp, Token};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::{Config, Digest, Level, Registry};
use crate::contract::{
    Assessment, ConfigSet, ContextDeleted, DeleteContext, DeleteSubject, DeleteVersion, ModeSet, ReferenceNoted,
    RegisterSchema, RegistryCommand, RegistryEvent, SchemaReference, SchemaRegistered, SubjectPurged,
    SubjectSoftDeleted, Submission, VersionPurged, VersionSoftDeleted,
};
use crate::error;

fn at() -> DecisionContext {
    let tenant = Token::encode("default").unwrap();
    DecisionContext { tenant, command_id: "c".into(), actor: Actor::Admin, time: Timestamp::from_micros(0) }
}

fn given(events: Vec<RegistryEvent>) -> AggregateTestExecutor<Registry> {
    TestFramework::with(at()).given(events)
}

fn digest(content: u8) -> String {
    Digest([content; 32]).to_string()
}

fn known(content: u8) -> Assessment {
    Assessment {
        text: content.to_string(),
        packed: vec![],
        references: vec![],
        metadata: None,
        rule_set: None,
        identity_sha256: digest(content),
        equality_sha256: digest(content),
        guid: String::new(),
        fp64: None,
        level: "BACKWARD".into(),
        checked_against: vec![],
        incompatible: vec![],
        reasons: vec![],
        alternative_identity: None,
        alternative_equality: None,
        readonly: false,
        importing: false,
    }
}

fn register(subject: &str, known: Assessment) -> RegisterSchema {
    let schema = Submission {
        subject: subject.into(),
        r#type: "AVRO".into(),
        text: String::new(),
        packed: vec![],
        references: vec![],
        metadata: None,
        rule_set: None,
        id: None,
        version: None,
        assessment: Some(known),
    };
    RegisterSchema {
        context: ".".into(),
        schema,
        normalize: false,
        force: false,
        keep_deleted: false,
        any_default: false,
    }
}

fn registered(subject: &str, version: i32, id: i32, content: u8) -> SchemaRegistered {
    SchemaRegistered {
        subject: subject.into(),
        version,
        id,
        guid: String::new(),
        r#type: "AVRO".into(),
        text: content.to_string(),
        packed: vec![],
        identity_sha256: digest(content),
        equality_sha256: digest(content),
        fp64: None,
        references: vec![],
        metadata: None,
        rule_set: None,
        imported: false,
        checked_level: "BACKWARD".into(),
        checked_against: vec![],
    }
}

fn refused(given: Vec<RegistryEvent>, command: impl Into<RegistryCommand>, code: u32) {
    let problem = self::given(given).when(command.into()).inspect_result().unwrap_err();
    assert_eq!(error::number(&problem), Some(code), "{problem}");
}

#[test]
fn ids_and_versions_follow_without_a_gap() {
    given(vec![]).when(register("s", known(1)).into()).then_expect_events(vec![registered("s", 1, 1, 1).into()]);
    given(vec![registered("s", 1, 1, 1).into()])
        .when(register("s", known(2)).into())
        .then_expect_events(vec![registered("s", 2, 2, 2).into()]);
    given(vec![registered("s", 1, 1, 1).into()])
        .when(register("t", known(1)).into())
        .then_expect_events(vec![registered("t", 1, 1, 1).into()]);
}

#[test]
fn what_is_there_is_found_in_every_mode() {
    for known in [
        known(1),
        Assessment { readonly: true, ..known(1) },
        Assessment { importing: true, ..known(1) },
        Assessment { incompatible: vec!["x".into()], ..known(1) },
        Assessment { identity_sha256: digest(9), ..known(1) },
        Assessment {
            identity_sha256: digest(9),
            equality_sha256: digest(9),
            alternative_identity: Some(digest(1)),
            ..known(1)
        },
    ] {
        given(vec![registered("s", 1, 1, 1).into()]).when(register("s", known).into()).then_expect_events(vec![]);
    }
}

#[test]
fn modes_and_compatibility_refuse() {
    refused(vec![], register("s", Assessment { readonly: true, ..known(1) }), 42205);
    refused(vec![], register("s", Assessment { importing: true, ..known(1) }), 42205);
    refused(vec![], register("s", Assessment { incompatible: vec!["x".into()], ..known(1) }), 409);
    let mut with_id = register("s", known(1));
    with_id.schema.id = Some(7);
    refused(vec![], with_id, 42205);
    let mut far = register("s", known(1));
    far.schema.version = Some(3);
    refused(vec![], far, 42201);
}

#[test]
fn imports_keep_their_numbers_and_take_nobody_elses() {
    let import = |content: u8, id: i32, version: i32| {
        let mut command = register("s", Assessment { importing: true, ..known(content) });
        (command.schema.id, command.schema.version) = (Some(id), Some(version));
        command
    };
    let imported = SchemaRegistered { imported: true, ..registered("s", 7, 100, 1) };
    given(vec![]).when(import(1, 100, 7).into()).then_expect_events(vec![imported.clone().into()]);
    given(vec![imported.clone().into()]).when(import(1, 100, 7).into()).then_expect_events(vec![]);
    refused(vec![imported.clone().into()], import(2, 100, 8), 42205);
    refused(vec![imported.clone().into()], import(1, 101, 8), 42205);
    refused(vec![imported.into()], import(2, 101, 7), 42205);
    refused(vec![], import(1, 0, 1), 42205);
}

#[test]
fn what_comes_back_has_its_id_and_a_new_number() {
    let hidden = vec![
        registered("s", 1, 1, 1).into(),
        registered("s", 2, 2, 2).into(),
        VersionSoftDeleted { subject: "s".into(), version: 1 }.into(),
    ];
    let purged = VersionPurged { subject: "s".into(), version: 1 };
    let again = registered("s", 3, 1, 1);
    given(hidden.clone())
        .when(register("s", known(1)).into())
        .then_expect_events(vec![again.clone().into(), purged.clone().into()]);
    let kept = RegisterSchema { keep_deleted: true, ..register("s", known(1)) };
    given(hidden).when(kept.into()).then_expect_events(vec![again.into()]);
    let gone = vec![
        registered("s", 1, 1, 1).into(),
        SubjectSoftDeleted { subject: "s".into(), versions: vec![1] }.into(),
        SubjectPurged { subject: "s".into(), versions: vec![1] }.into(),
    ];
    given(gone).when(register("s", known(1)).into()).then_expect_events(vec![registered("s", 1, 1, 1).into()]);
    // The rules of a subject outlive its only version when that comes back.
    let mut registry = Registry::default();
    let config = ConfigSet { scope: "s".into(), config: r#"{"compatibilityLevel":"FULL"}"#.into() };
    let hidden = VersionSoftDeleted { subject: "s".into(), version: 1 };
    let events = [registered("s", 1, 1, 1).into(), config.into(), hidden.into(), registered("s", 2, 1, 1).into()];
    events
        .into_iter()
        .chain([purged.into()])
        .for_each(|event: RegistryEvent| cqrs_es::Aggregate::apply(&mut registry, event));
    assert_eq!(registry.config_of("s").and_then(Config::level), Some(Level::Full));
    assert_eq!(registry.subject("s").map(|subject| subject.versions.len()), Some(1));
}

#[test]
fn what_is_referred_to_stays() {
    let reference = SchemaReference { name: "n".into(), subject: "base".into(), version: 1 };
    let referring = SchemaRegistered { references: vec![reference], ..registered("s", 1, 2, 2) };
    let both = vec![registered("base", 1, 1, 1).into(), referring.into()];
    let version = |permanent| DeleteVersion { context: ".".into(), subject: "base".into(), version: 1, permanent };
    refused(both.clone(), version(false), 42206);
    refused(both.clone(), DeleteSubject { context: ".".into(), subject: "base".into(), permanent: false }, 42206);
    let hidden = [both, vec![VersionSoftDeleted { subject: "s".into(), version: 1 }.into()]].concat();
    let deleted = VersionSoftDeleted { subject: "base".into(), version: 1 };
    given(hidden.clone()).when(version(false).into()).then_expect_events(vec![deleted.clone().into()]);
    let hidden = [hidden, vec![deleted.into()]].concat();
    refused(hidden.clone(), version(true), 42206);
    let freed = [hidden, vec![VersionPurged { subject: "s".into(), version: 1 }.into()]].concat();
    let purged = VersionPurged { subject: "base".into(), version: 1 };
    given(freed).when(version(true).into()).then_expect_events(vec![purged.into()]);
    let foreign = ReferenceNoted { subject: "base".into(), version: 1, by_context: ".c".into(), by_id: 5 };
    refused(vec![registered("base", 1, 1, 1).into(), foreign.into()], version(false), 42206);
}

#[test]
fn a_context_goes_only_when_it_is_empty() {
    let delete = DeleteContext { context: ".".into() };
    refused(vec![registered("s", 1, 1, 1).into()], delete.clone(), 42211);
    let gone: Vec<RegistryEvent> = vec![
        registered("s", 1, 1, 1).into(),
        VersionSoftDeleted { subject: "s".into(), version: 1 }.into(),
        VersionPurged { subject: "s".into(), version: 1 }.into(),
    ];
    given(gone).when(delete.clone().into()).then_expect_events(vec![ContextDeleted { name: ".".into() }.into()]);
    given(vec![]).when(delete.into()).then_expect_events(vec![]);
}

#[test]
fn a_state_comes_back_from_its_text() {
    let mut registry = Registry::default();
    for event in [
        RegistryEvent::from(registered("s", 1, 1, 1)),
        ConfigSet { scope: "s".into(), config: r#"{"compatibilityLevel":"FULL"}"#.into() }.into(),
        ModeSet { scope: String::new(), mode: "IMPORT".into() }.into(),
    ] {
        cqrs_es::Aggregate::apply(&mut registry, event);
    }
    let text = serde_json::to_string(&registry).unwrap();
    assert_eq!(serde_json::from_str::<Registry>(&text).unwrap(), registry);
}
