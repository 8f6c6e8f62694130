//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// What is known of a submitted schema once it is parsed and held against the earlier ones; made where the command is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// The schema's text; empty when it is in `packed`.
    #[serde(default)]
    pub text: String,
    /// A long text, deflated.
    #[serde(default)]
    #[serde(with = "serde_bytes")]
    pub packed: Vec<u8>,
    /// What it refers to.
    #[serde(default)]
    pub references: Vec<SchemaReference>,
    /// Metadata as JSON text.
    #[serde(default)]
    pub metadata: Option<String>,
    /// Rules as JSON text; never executed here.
    #[serde(default)]
    pub rule_set: Option<String>,
    /// Hex SHA-256 of type, identity text, references, metadata and rules: equal content.
    pub identity_sha256: String,
    /// The same of the text with its references written out: equal meaning.
    pub equality_sha256: String,
    /// The content's GUID.
    pub guid: String,
    /// CRC-64-AVRO of the canonical form.
    #[serde(default)]
    pub fp64: Option<i64>,
    /// The compatibility level that it was checked by; empty when nothing was checked.
    pub level: String,
    /// Versions that it was checked against.
    #[serde(default)]
    pub checked_against: Vec<i32>,
    /// Why it may not follow them.
    #[serde(default)]
    pub incompatible: Vec<String>,
    /// The same in short.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The identity with the metadata and rules exactly as sent.
    #[serde(default)]
    pub alternative_identity: Option<String>,
    /// The same of the meaning.
    #[serde(default)]
    pub alternative_equality: Option<String>,
    /// Whether the effective mode refuses writes.
    #[serde(default)]
    pub readonly: bool,
    /// Whether the effective mode is IMPORT.
    #[serde(default)]
    pub importing: bool,
}

alluvium_messaging::contract!(
    Assessment,
    "Assessment",
    r####"{"doc":"What is known of a submitted schema once it is parsed and held against the earlier ones; made where the command is decided.","fields":[{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":{"doc":"One schema that another refers to.","fields":[{"doc":"How the referrer calls it.","name":"name","type":"string"},{"doc":"Its subject, qualified when it is of another context.","name":"subject","type":"string"},{"doc":"Its version; -1 stands for the latest.","name":"version","type":"int"}],"kind":"type","name":"SchemaReference","namespace":"alluvium.schemas","type":"record"},"type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"doc":"Hex SHA-256 of type, identity text, references, metadata and rules: equal content.","name":"identity_sha256","type":"string"},{"doc":"The same of the text with its references written out: equal meaning.","name":"equality_sha256","type":"string"},{"doc":"The content's GUID.","name":"guid","type":"string"},{"default":null,"doc":"CRC-64-AVRO of the canonical form.","name":"fp64","type":["null","long"]},{"doc":"The compatibility level that it was checked by; empty when nothing was checked.","name":"level","type":"string"},{"default":[],"doc":"Versions that it was checked against.","name":"checked_against","type":{"items":"int","type":"array"}},{"default":[],"doc":"Why it may not follow them.","name":"incompatible","type":{"items":"string","type":"array"}},{"default":[],"doc":"The same in short.","name":"reasons","type":{"items":"string","type":"array"}},{"default":null,"doc":"The identity with the metadata and rules exactly as sent.","name":"alternative_identity","type":["null","string"]},{"default":null,"doc":"The same of the meaning.","name":"alternative_equality","type":["null","string"]},{"default":false,"doc":"Whether the effective mode refuses writes.","name":"readonly","type":"boolean"},{"default":false,"doc":"Whether the effective mode is IMPORT.","name":"importing","type":"boolean"}],"kind":"type","name":"Assessment","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// Takes the settings of a subject or of a context away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearConfig {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject within the context; empty for the context itself.
    pub scope: String,
}

alluvium_messaging::contract!(
    ClearConfig,
    "ClearConfig",
    r####"{"aggregate":"registry","doc":"Takes the settings of a subject or of a context away.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"}],"kind":"command","name":"ClearConfig","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// Takes the mode of a subject or of a context away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearMode {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject within the context; empty for the context itself.
    pub scope: String,
    /// Whether those of the context's subjects go too.
    #[serde(default)]
    pub recursive: bool,
}

alluvium_messaging::contract!(
    ClearMode,
    "ClearMode",
    r####"{"aggregate":"registry","doc":"Takes the mode of a subject or of a context away.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"},{"default":false,"doc":"Whether those of the context's subjects go too.","name":"recursive","type":"boolean"}],"kind":"command","name":"ClearMode","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// A scope has no settings of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigCleared {
    /// The subject within the context; empty for the context itself.
    pub scope: String,
}

alluvium_messaging::contract!(
    ConfigCleared,
    "ConfigCleared",
    r####"{"aggregate":"registry","doc":"A scope has no settings of its own.","fields":[{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"}],"kind":"event","name":"ConfigCleared","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// The settings of a scope are these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigSet {
    /// The subject within the context; empty for the context itself.
    pub scope: String,
    /// All settings of the scope, as a JSON object.
    pub config: String,
}

alluvium_messaging::contract!(
    ConfigSet,
    "ConfigSet",
    r####"{"aggregate":"registry","doc":"The settings of a scope are these.","fields":[{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"},{"doc":"All settings of the scope, as a JSON object.","name":"config","type":"string"}],"kind":"event","name":"ConfigSet","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// A context is gone; its ids stay taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContextDeleted {
    /// Its name.
    pub name: String,
}

alluvium_messaging::contract!(
    ContextDeleted,
    "ContextDeleted",
    r####"{"aggregate":"registry","doc":"A context is gone; its ids stay taken.","fields":[{"doc":"Its name.","name":"name","type":"string"}],"kind":"event","name":"ContextDeleted","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// Deletes a context that has no versions left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteContext {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
}

alluvium_messaging::contract!(
    DeleteContext,
    "DeleteContext",
    r####"{"aggregate":"registry","doc":"Deletes a context that has no versions left.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"}],"kind":"command","name":"DeleteContext","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// Deletes all versions of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSubject {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject's name within its context.
    pub subject: String,
    /// Whether it goes for good.
    #[serde(default)]
    pub permanent: bool,
}

alluvium_messaging::contract!(
    DeleteSubject,
    "DeleteSubject",
    r####"{"aggregate":"registry","doc":"Deletes all versions of a subject.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"default":false,"doc":"Whether it goes for good.","name":"permanent","type":"boolean"}],"kind":"command","name":"DeleteSubject","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// Deletes one version of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteVersion {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject's name within its context.
    pub subject: String,
    /// The version; -1 is the newest that is not deleted.
    pub version: i32,
    /// Whether it goes for good.
    #[serde(default)]
    pub permanent: bool,
}

alluvium_messaging::contract!(
    DeleteVersion,
    "DeleteVersion",
    r####"{"aggregate":"registry","doc":"Deletes one version of a subject.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version; -1 is the newest that is not deleted.","name":"version","type":"int"},{"default":false,"doc":"Whether it goes for good.","name":"permanent","type":"boolean"}],"kind":"command","name":"DeleteVersion","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// Registers many schemas with their ids and versions, in a context whose mode is IMPORT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportSchemas {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// What to register, in this order.
    pub schemas: Vec<Submission>,
}

alluvium_messaging::contract!(
    ImportSchemas,
    "ImportSchemas",
    r####"{"aggregate":"registry","doc":"Registers many schemas with their ids and versions, in a context whose mode is IMPORT.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"What to register, in this order.","name":"schemas","type":{"items":{"doc":"A schema that somebody wants registered.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"default":"AVRO","doc":"AVRO, JSON or PROTOBUF.","name":"type","type":"string"},{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":{"doc":"One schema that another refers to.","fields":[{"doc":"How the referrer calls it.","name":"name","type":"string"},{"doc":"Its subject, qualified when it is of another context.","name":"subject","type":"string"},{"doc":"Its version; -1 stands for the latest.","name":"version","type":"int"}],"kind":"type","name":"SchemaReference","namespace":"alluvium.schemas","type":"record"},"type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"default":null,"doc":"The id that it must get; for imports.","name":"id","type":["null","int"]},{"default":null,"doc":"The version that it must get; the next one when absent or 0.","name":"version","type":["null","int"]},{"default":null,"doc":"Filled in where the command is decided; what is sent here is not looked at.","name":"assessment","type":["null",{"doc":"What is known of a submitted schema once it is parsed and held against the earlier ones; made where the command is decided.","fields":[{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":"SchemaReference","type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"doc":"Hex SHA-256 of type, identity text, references, metadata and rules: equal content.","name":"identity_sha256","type":"string"},{"doc":"The same of the text with its references written out: equal meaning.","name":"equality_sha256","type":"string"},{"doc":"The content's GUID.","name":"guid","type":"string"},{"default":null,"doc":"CRC-64-AVRO of the canonical form.","name":"fp64","type":["null","long"]},{"doc":"The compatibility level that it was checked by; empty when nothing was checked.","name":"level","type":"string"},{"default":[],"doc":"Versions that it was checked against.","name":"checked_against","type":{"items":"int","type":"array"}},{"default":[],"doc":"Why it may not follow them.","name":"incompatible","type":{"items":"string","type":"array"}},{"default":[],"doc":"The same in short.","name":"reasons","type":{"items":"string","type":"array"}},{"default":null,"doc":"The identity with the metadata and rules exactly as sent.","name":"alternative_identity","type":["null","string"]},{"default":null,"doc":"The same of the meaning.","name":"alternative_equality","type":["null","string"]},{"default":false,"doc":"Whether the effective mode refuses writes.","name":"readonly","type":"boolean"},{"default":false,"doc":"Whether the effective mode is IMPORT.","name":"importing","type":"boolean"}],"kind":"type","name":"Assessment","namespace":"alluvium.schemas","type":"record"}]}],"kind":"type","name":"Submission","namespace":"alluvium.schemas","type":"record"},"type":"array"}}],"kind":"command","name":"ImportSchemas","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// A scope has no mode of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeCleared {
    /// The subject within the context; empty for the context itself.
    pub scope: String,
}

alluvium_messaging::contract!(
    ModeCleared,
    "ModeCleared",
    r####"{"aggregate":"registry","doc":"A scope has no mode of its own.","fields":[{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"}],"kind":"event","name":"ModeCleared","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// The mode of a scope is this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeSet {
    /// The subject within the context; empty for the context itself.
    pub scope: String,
    /// READWRITE, READONLY, READONLY_OVERRIDE or IMPORT.
    pub mode: String,
}

alluvium_messaging::contract!(
    ModeSet,
    "ModeSet",
    r####"{"aggregate":"registry","doc":"The mode of a scope is this.","fields":[{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"},{"doc":"READWRITE, READONLY, READONLY_OVERRIDE or IMPORT.","name":"mode","type":"string"}],"kind":"event","name":"ModeSet","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// Notes that a schema of another context refers to a version of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteReference {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// The context of the schema that refers to it.
    pub by_context: String,
    /// Its id there.
    pub by_id: i32,
}

alluvium_messaging::contract!(
    NoteReference,
    "NoteReference",
    r####"{"aggregate":"registry","doc":"Notes that a schema of another context refers to a version of this one.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"},{"doc":"The context of the schema that refers to it.","name":"by_context","type":"string"},{"doc":"Its id there.","name":"by_id","type":"int"}],"kind":"command","name":"NoteReference","namespace":"alluvium.schemas","requires":"system","type":"record"}"####,
    &[]
);

/// A schema of another context refers to a version of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceNoted {
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// The context of the schema that refers to it.
    pub by_context: String,
    /// Its id there.
    pub by_id: i32,
}

alluvium_messaging::contract!(
    ReferenceNoted,
    "ReferenceNoted",
    r####"{"aggregate":"registry","doc":"A schema of another context refers to a version of this one.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"},{"doc":"The context of the schema that refers to it.","name":"by_context","type":"string"},{"doc":"Its id there.","name":"by_id","type":"int"}],"kind":"event","name":"ReferenceNoted","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// It does so no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceReleased {
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// The context of the schema that refers to it.
    pub by_context: String,
    /// Its id there.
    pub by_id: i32,
}

alluvium_messaging::contract!(
    ReferenceReleased,
    "ReferenceReleased",
    r####"{"aggregate":"registry","doc":"It does so no more.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"},{"doc":"The context of the schema that refers to it.","name":"by_context","type":"string"},{"doc":"Its id there.","name":"by_id","type":"int"}],"kind":"event","name":"ReferenceReleased","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// Registers a schema under a subject, or finds that it is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterSchema {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// What to register.
    pub schema: Submission,
    /// Whether the text is normalised first.
    #[serde(default)]
    pub normalize: bool,
    /// Whether compatibility is not checked.
    #[serde(default)]
    pub force: bool,
    /// Whether an earlier hidden version of the same content stays.
    #[serde(default)]
    pub keep_deleted: bool,
    /// Whether default values are taken without a look at their types.
    #[serde(default)]
    pub any_default: bool,
}

alluvium_messaging::contract!(
    RegisterSchema,
    "RegisterSchema",
    r####"{"aggregate":"registry","doc":"Registers a schema under a subject, or finds that it is there.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"What to register.","name":"schema","type":{"doc":"A schema that somebody wants registered.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"default":"AVRO","doc":"AVRO, JSON or PROTOBUF.","name":"type","type":"string"},{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":{"doc":"One schema that another refers to.","fields":[{"doc":"How the referrer calls it.","name":"name","type":"string"},{"doc":"Its subject, qualified when it is of another context.","name":"subject","type":"string"},{"doc":"Its version; -1 stands for the latest.","name":"version","type":"int"}],"kind":"type","name":"SchemaReference","namespace":"alluvium.schemas","type":"record"},"type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"default":null,"doc":"The id that it must get; for imports.","name":"id","type":["null","int"]},{"default":null,"doc":"The version that it must get; the next one when absent or 0.","name":"version","type":["null","int"]},{"default":null,"doc":"Filled in where the command is decided; what is sent here is not looked at.","name":"assessment","type":["null",{"doc":"What is known of a submitted schema once it is parsed and held against the earlier ones; made where the command is decided.","fields":[{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":"SchemaReference","type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"doc":"Hex SHA-256 of type, identity text, references, metadata and rules: equal content.","name":"identity_sha256","type":"string"},{"doc":"The same of the text with its references written out: equal meaning.","name":"equality_sha256","type":"string"},{"doc":"The content's GUID.","name":"guid","type":"string"},{"default":null,"doc":"CRC-64-AVRO of the canonical form.","name":"fp64","type":["null","long"]},{"doc":"The compatibility level that it was checked by; empty when nothing was checked.","name":"level","type":"string"},{"default":[],"doc":"Versions that it was checked against.","name":"checked_against","type":{"items":"int","type":"array"}},{"default":[],"doc":"Why it may not follow them.","name":"incompatible","type":{"items":"string","type":"array"}},{"default":[],"doc":"The same in short.","name":"reasons","type":{"items":"string","type":"array"}},{"default":null,"doc":"The identity with the metadata and rules exactly as sent.","name":"alternative_identity","type":["null","string"]},{"default":null,"doc":"The same of the meaning.","name":"alternative_equality","type":["null","string"]},{"default":false,"doc":"Whether the effective mode refuses writes.","name":"readonly","type":"boolean"},{"default":false,"doc":"Whether the effective mode is IMPORT.","name":"importing","type":"boolean"}],"kind":"type","name":"Assessment","namespace":"alluvium.schemas","type":"record"}]}],"kind":"type","name":"Submission","namespace":"alluvium.schemas","type":"record"}},{"default":false,"doc":"Whether the text is normalised first.","name":"normalize","type":"boolean"},{"default":false,"doc":"Whether compatibility is not checked.","name":"force","type":"boolean"},{"default":false,"doc":"Whether an earlier hidden version of the same content stays.","name":"keep_deleted","type":"boolean"},{"default":false,"doc":"Whether default values are taken without a look at their types.","name":"any_default","type":"boolean"}],"kind":"command","name":"RegisterSchema","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// Notes that it does so no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseReference {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// The context of the schema that refers to it.
    pub by_context: String,
    /// Its id there.
    pub by_id: i32,
}

alluvium_messaging::contract!(
    ReleaseReference,
    "ReleaseReference",
    r####"{"aggregate":"registry","doc":"Notes that it does so no more.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"},{"doc":"The context of the schema that refers to it.","name":"by_context","type":"string"},{"doc":"Its id there.","name":"by_id","type":"int"}],"kind":"command","name":"ReleaseReference","namespace":"alluvium.schemas","requires":"system","type":"record"}"####,
    &[]
);

/// One schema that another refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaReference {
    /// How the referrer calls it.
    pub name: String,
    /// Its subject, qualified when it is of another context.
    pub subject: String,
    /// Its version; -1 stands for the latest.
    pub version: i32,
}

alluvium_messaging::contract!(
    SchemaReference,
    "SchemaReference",
    r####"{"doc":"One schema that another refers to.","fields":[{"doc":"How the referrer calls it.","name":"name","type":"string"},{"doc":"Its subject, qualified when it is of another context.","name":"subject","type":"string"},{"doc":"Its version; -1 stands for the latest.","name":"version","type":"int"}],"kind":"type","name":"SchemaReference","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// A subject has a new version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchemaRegistered {
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// The content's id in this context.
    pub id: i32,
    /// The content's GUID.
    pub guid: String,
    /// AVRO, JSON or PROTOBUF.
    pub r#type: String,
    /// The schema's text; empty when it is in `packed`.
    #[serde(default)]
    pub text: String,
    /// A long text, deflated.
    #[serde(default)]
    #[serde(with = "serde_bytes")]
    pub packed: Vec<u8>,
    /// Hex SHA-256 of type, identity text, references, metadata and rules.
    pub identity_sha256: String,
    /// The same of the text with its references written out.
    pub equality_sha256: String,
    /// CRC-64-AVRO of the canonical form.
    #[serde(default)]
    pub fp64: Option<i64>,
    /// What it refers to.
    #[serde(default)]
    pub references: Vec<SchemaReference>,
    /// Metadata as JSON text.
    #[serde(default)]
    pub metadata: Option<String>,
    /// Rules as JSON text; never executed here.
    #[serde(default)]
    pub rule_set: Option<String>,
    /// Whether id and version were given.
    #[serde(default)]
    pub imported: bool,
    /// The compatibility level that it was checked by; empty when nothing was checked.
    pub checked_level: String,
    /// Versions that it was checked against.
    #[serde(default)]
    pub checked_against: Vec<i32>,
}

alluvium_messaging::contract!(
    SchemaRegistered,
    "SchemaRegistered",
    r####"{"aggregate":"registry","doc":"A subject has a new version.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"},{"doc":"The content's id in this context.","name":"id","type":"int"},{"doc":"The content's GUID.","name":"guid","type":"string"},{"doc":"AVRO, JSON or PROTOBUF.","name":"type","type":"string"},{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"doc":"Hex SHA-256 of type, identity text, references, metadata and rules.","name":"identity_sha256","type":"string"},{"doc":"The same of the text with its references written out.","name":"equality_sha256","type":"string"},{"default":null,"doc":"CRC-64-AVRO of the canonical form.","name":"fp64","type":["null","long"]},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":{"doc":"One schema that another refers to.","fields":[{"doc":"How the referrer calls it.","name":"name","type":"string"},{"doc":"Its subject, qualified when it is of another context.","name":"subject","type":"string"},{"doc":"Its version; -1 stands for the latest.","name":"version","type":"int"}],"kind":"type","name":"SchemaReference","namespace":"alluvium.schemas","type":"record"},"type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"default":false,"doc":"Whether id and version were given.","name":"imported","type":"boolean"},{"doc":"The compatibility level that it was checked by; empty when nothing was checked.","name":"checked_level","type":"string"},{"default":[],"doc":"Versions that it was checked against.","name":"checked_against","type":{"items":"int","type":"array"}}],"kind":"event","name":"SchemaRegistered","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// Changes the settings of a subject or of a context; only what is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject within the context; empty for the context itself.
    pub scope: String,
    /// JSON object; null takes a setting away.
    pub config: String,
}

alluvium_messaging::contract!(
    SetConfig,
    "SetConfig",
    r####"{"aggregate":"registry","doc":"Changes the settings of a subject or of a context; only what is named.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"},{"doc":"JSON object; null takes a setting away.","name":"config","type":"string"}],"kind":"command","name":"SetConfig","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// Sets the mode of a subject or of a context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMode {
    /// The context: a dot alone, or a dot and its name.
    pub context: String,
    /// The subject within the context; empty for the context itself.
    pub scope: String,
    /// READWRITE, READONLY, READONLY_OVERRIDE or IMPORT.
    pub mode: String,
    /// Whether IMPORT begins although there are versions.
    #[serde(default)]
    pub force: bool,
}

alluvium_messaging::contract!(
    SetMode,
    "SetMode",
    r####"{"aggregate":"registry","doc":"Sets the mode of a subject or of a context.","fields":[{"doc":"The context: a dot alone, or a dot and its name.","name":"context","type":"string"},{"doc":"The subject within the context; empty for the context itself.","name":"scope","type":"string"},{"doc":"READWRITE, READONLY, READONLY_OVERRIDE or IMPORT.","name":"mode","type":"string"},{"default":false,"doc":"Whether IMPORT begins although there are versions.","name":"force","type":"boolean"}],"kind":"command","name":"SetMode","namespace":"alluvium.schemas","requires":"authenticated","type":"record"}"####,
    &[]
);

/// A subject is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectPurged {
    /// The subject's name within its context.
    pub subject: String,
    /// Those that were left.
    pub versions: Vec<i32>,
}

alluvium_messaging::contract!(
    SubjectPurged,
    "SubjectPurged",
    r####"{"aggregate":"registry","doc":"A subject is gone.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"Those that were left.","name":"versions","type":{"items":"int","type":"array"}}],"kind":"event","name":"SubjectPurged","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// All versions of a subject are hidden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectSoftDeleted {
    /// The subject's name within its context.
    pub subject: String,
    /// Those that were live.
    pub versions: Vec<i32>,
}

alluvium_messaging::contract!(
    SubjectSoftDeleted,
    "SubjectSoftDeleted",
    r####"{"aggregate":"registry","doc":"All versions of a subject are hidden.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"Those that were live.","name":"versions","type":{"items":"int","type":"array"}}],"kind":"event","name":"SubjectSoftDeleted","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// A schema that somebody wants registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The subject's name within its context.
    pub subject: String,
    /// AVRO, JSON or PROTOBUF.
    #[serde(default = "default_Submission_type")]
    pub r#type: String,
    /// The schema's text; empty when it is in `packed`.
    #[serde(default)]
    pub text: String,
    /// A long text, deflated.
    #[serde(default)]
    #[serde(with = "serde_bytes")]
    pub packed: Vec<u8>,
    /// What it refers to.
    #[serde(default)]
    pub references: Vec<SchemaReference>,
    /// Metadata as JSON text.
    #[serde(default)]
    pub metadata: Option<String>,
    /// Rules as JSON text; never executed here.
    #[serde(default)]
    pub rule_set: Option<String>,
    /// The id that it must get; for imports.
    #[serde(default)]
    pub id: Option<i32>,
    /// The version that it must get; the next one when absent or 0.
    #[serde(default)]
    pub version: Option<i32>,
    /// Filled in where the command is decided; what is sent here is not looked at.
    #[serde(default)]
    pub assessment: Option<Assessment>,
}

#[allow(non_snake_case)]
fn default_Submission_type() -> String {
    "AVRO".to_owned()
}

alluvium_messaging::contract!(
    Submission,
    "Submission",
    r####"{"doc":"A schema that somebody wants registered.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"default":"AVRO","doc":"AVRO, JSON or PROTOBUF.","name":"type","type":"string"},{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":{"doc":"One schema that another refers to.","fields":[{"doc":"How the referrer calls it.","name":"name","type":"string"},{"doc":"Its subject, qualified when it is of another context.","name":"subject","type":"string"},{"doc":"Its version; -1 stands for the latest.","name":"version","type":"int"}],"kind":"type","name":"SchemaReference","namespace":"alluvium.schemas","type":"record"},"type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"default":null,"doc":"The id that it must get; for imports.","name":"id","type":["null","int"]},{"default":null,"doc":"The version that it must get; the next one when absent or 0.","name":"version","type":["null","int"]},{"default":null,"doc":"Filled in where the command is decided; what is sent here is not looked at.","name":"assessment","type":["null",{"doc":"What is known of a submitted schema once it is parsed and held against the earlier ones; made where the command is decided.","fields":[{"default":"","doc":"The schema's text; empty when it is in `packed`.","name":"text","type":"string"},{"default":"","doc":"A long text, deflated.","name":"packed","type":"bytes"},{"default":[],"doc":"What it refers to.","name":"references","type":{"items":"SchemaReference","type":"array"}},{"default":null,"doc":"Metadata as JSON text.","name":"metadata","type":["null","string"]},{"default":null,"doc":"Rules as JSON text; never executed here.","name":"rule_set","type":["null","string"]},{"doc":"Hex SHA-256 of type, identity text, references, metadata and rules: equal content.","name":"identity_sha256","type":"string"},{"doc":"The same of the text with its references written out: equal meaning.","name":"equality_sha256","type":"string"},{"doc":"The content's GUID.","name":"guid","type":"string"},{"default":null,"doc":"CRC-64-AVRO of the canonical form.","name":"fp64","type":["null","long"]},{"doc":"The compatibility level that it was checked by; empty when nothing was checked.","name":"level","type":"string"},{"default":[],"doc":"Versions that it was checked against.","name":"checked_against","type":{"items":"int","type":"array"}},{"default":[],"doc":"Why it may not follow them.","name":"incompatible","type":{"items":"string","type":"array"}},{"default":[],"doc":"The same in short.","name":"reasons","type":{"items":"string","type":"array"}},{"default":null,"doc":"The identity with the metadata and rules exactly as sent.","name":"alternative_identity","type":["null","string"]},{"default":null,"doc":"The same of the meaning.","name":"alternative_equality","type":["null","string"]},{"default":false,"doc":"Whether the effective mode refuses writes.","name":"readonly","type":"boolean"},{"default":false,"doc":"Whether the effective mode is IMPORT.","name":"importing","type":"boolean"}],"kind":"type","name":"Assessment","namespace":"alluvium.schemas","type":"record"}]}],"kind":"type","name":"Submission","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// A version is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionPurged {
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
}

alluvium_messaging::contract!(
    VersionPurged,
    "VersionPurged",
    r####"{"aggregate":"registry","doc":"A version is gone.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"}],"kind":"event","name":"VersionPurged","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// A version is hidden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionSoftDeleted {
    /// The subject's name within its context.
    pub subject: String,
    /// The version.
    pub version: i32,
}

alluvium_messaging::contract!(
    VersionSoftDeleted,
    "VersionSoftDeleted",
    r####"{"aggregate":"registry","doc":"A version is hidden.","fields":[{"doc":"The subject's name within its context.","name":"subject","type":"string"},{"doc":"The version.","name":"version","type":"int"}],"kind":"event","name":"VersionSoftDeleted","namespace":"alluvium.schemas","type":"record"}"####,
    &[]
);

/// Commands of the aggregate `registry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryCommand {
    ClearConfig(ClearConfig),
    ClearMode(ClearMode),
    DeleteContext(DeleteContext),
    DeleteSubject(DeleteSubject),
    DeleteVersion(DeleteVersion),
    ImportSchemas(ImportSchemas),
    NoteReference(NoteReference),
    RegisterSchema(RegisterSchema),
    ReleaseReference(ReleaseReference),
    SetConfig(SetConfig),
    SetMode(SetMode),
}

alluvium_messaging::contract_set!(RegistryCommand {
    ClearConfig,
    ClearMode,
    DeleteContext,
    DeleteSubject,
    DeleteVersion,
    ImportSchemas,
    NoteReference,
    RegisterSchema,
    ReleaseReference,
    SetConfig,
    SetMode
});

impl From<ClearConfig> for RegistryCommand {
    fn from(message: ClearConfig) -> Self {
        Self::ClearConfig(message)
    }
}

impl From<ClearMode> for RegistryCommand {
    fn from(message: ClearMode) -> Self {
        Self::ClearMode(message)
    }
}

impl From<DeleteContext> for RegistryCommand {
    fn from(message: DeleteContext) -> Self {
        Self::DeleteContext(message)
    }
}

impl From<DeleteSubject> for RegistryCommand {
    fn from(message: DeleteSubject) -> Self {
        Self::DeleteSubject(message)
    }
}

impl From<DeleteVersion> for RegistryCommand {
    fn from(message: DeleteVersion) -> Self {
        Self::DeleteVersion(message)
    }
}

impl From<ImportSchemas> for RegistryCommand {
    fn from(message: ImportSchemas) -> Self {
        Self::ImportSchemas(message)
    }
}

impl From<NoteReference> for RegistryCommand {
    fn from(message: NoteReference) -> Self {
        Self::NoteReference(message)
    }
}

impl From<RegisterSchema> for RegistryCommand {
    fn from(message: RegisterSchema) -> Self {
        Self::RegisterSchema(message)
    }
}

impl From<ReleaseReference> for RegistryCommand {
    fn from(message: ReleaseReference) -> Self {
        Self::ReleaseReference(message)
    }
}

impl From<SetConfig> for RegistryCommand {
    fn from(message: SetConfig) -> Self {
        Self::SetConfig(message)
    }
}

impl From<SetMode> for RegistryCommand {
    fn from(message: SetMode) -> Self {
        Self::SetMode(message)
    }
}

/// Events of the aggregate `registry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryEvent {
    ConfigCleared(ConfigCleared),
    ConfigSet(ConfigSet),
    ContextDeleted(ContextDeleted),
    ModeCleared(ModeCleared),
    ModeSet(ModeSet),
    ReferenceNoted(ReferenceNoted),
    ReferenceReleased(ReferenceReleased),
    SchemaRegistered(SchemaRegistered),
    SubjectPurged(SubjectPurged),
    SubjectSoftDeleted(SubjectSoftDeleted),
    VersionPurged(VersionPurged),
    VersionSoftDeleted(VersionSoftDeleted),
}

alluvium_messaging::contract_set!(RegistryEvent {
    ConfigCleared,
    ConfigSet,
    ContextDeleted,
    ModeCleared,
    ModeSet,
    ReferenceNoted,
    ReferenceReleased,
    SchemaRegistered,
    SubjectPurged,
    SubjectSoftDeleted,
    VersionPurged,
    VersionSoftDeleted
});

impl From<ConfigCleared> for RegistryEvent {
    fn from(message: ConfigCleared) -> Self {
        Self::ConfigCleared(message)
    }
}

impl From<ConfigSet> for RegistryEvent {
    fn from(message: ConfigSet) -> Self {
        Self::ConfigSet(message)
    }
}

impl From<ContextDeleted> for RegistryEvent {
    fn from(message: ContextDeleted) -> Self {
        Self::ContextDeleted(message)
    }
}

impl From<ModeCleared> for RegistryEvent {
    fn from(message: ModeCleared) -> Self {
        Self::ModeCleared(message)
    }
}

impl From<ModeSet> for RegistryEvent {
    fn from(message: ModeSet) -> Self {
        Self::ModeSet(message)
    }
}

impl From<ReferenceNoted> for RegistryEvent {
    fn from(message: ReferenceNoted) -> Self {
        Self::ReferenceNoted(message)
    }
}

impl From<ReferenceReleased> for RegistryEvent {
    fn from(message: ReferenceReleased) -> Self {
        Self::ReferenceReleased(message)
    }
}

impl From<SchemaRegistered> for RegistryEvent {
    fn from(message: SchemaRegistered) -> Self {
        Self::SchemaRegistered(message)
    }
}

impl From<SubjectPurged> for RegistryEvent {
    fn from(message: SubjectPurged) -> Self {
        Self::SubjectPurged(message)
    }
}

impl From<SubjectSoftDeleted> for RegistryEvent {
    fn from(message: SubjectSoftDeleted) -> Self {
        Self::SubjectSoftDeleted(message)
    }
}

impl From<VersionPurged> for RegistryEvent {
    fn from(message: VersionPurged) -> Self {
        Self::VersionPurged(message)
    }
}

impl From<VersionSoftDeleted> for RegistryEvent {
    fn from(message: VersionSoftDeleted) -> Self {
        Self::VersionSoftDeleted(message)
    }
}

impl cqrs_es::DomainEvent for RegistryEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Registry {
    const TYPE: &'static str = "registry";
    type Command = RegistryCommand;
    type Event = RegistryEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: RegistryCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<RegistryEvent> = match command {
            RegistryCommand::ClearConfig(c) => Decide::decide(c, self, at)?,
            RegistryCommand::ClearMode(c) => Decide::decide(c, self, at)?,
            RegistryCommand::DeleteContext(c) => Decide::decide(c, self, at)?,
            RegistryCommand::DeleteSubject(c) => Decide::decide(c, self, at)?,
            RegistryCommand::DeleteVersion(c) => Decide::decide(c, self, at)?,
            RegistryCommand::ImportSchemas(c) => Decide::decide(c, self, at)?,
            RegistryCommand::NoteReference(c) => Decide::decide(c, self, at)?,
            RegistryCommand::RegisterSchema(c) => Decide::decide(c, self, at)?,
            RegistryCommand::ReleaseReference(c) => Decide::decide(c, self, at)?,
            RegistryCommand::SetConfig(c) => Decide::decide(c, self, at)?,
            RegistryCommand::SetMode(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: RegistryEvent) {
        use alluvium_kernel::Evolve;
        match event {
            RegistryEvent::ConfigCleared(e) => Evolve::evolve(e, self),
            RegistryEvent::ConfigSet(e) => Evolve::evolve(e, self),
            RegistryEvent::ContextDeleted(e) => Evolve::evolve(e, self),
            RegistryEvent::ModeCleared(e) => Evolve::evolve(e, self),
            RegistryEvent::ModeSet(e) => Evolve::evolve(e, self),
            RegistryEvent::ReferenceNoted(e) => Evolve::evolve(e, self),
            RegistryEvent::ReferenceReleased(e) => Evolve::evolve(e, self),
            RegistryEvent::SchemaRegistered(e) => Evolve::evolve(e, self),
            RegistryEvent::SubjectPurged(e) => Evolve::evolve(e, self),
            RegistryEvent::SubjectSoftDeleted(e) => Evolve::evolve(e, self),
            RegistryEvent::VersionPurged(e) => Evolve::evolve(e, self),
            RegistryEvent::VersionSoftDeleted(e) => Evolve::evolve(e, self),
        }
    }
}

impl RegistryCommand {
    /// `by_context` of the command.
    pub fn by_context(&self) -> Option<&str> {
        match self {
            Self::NoteReference(c) => Some(&c.by_context),
            Self::ReleaseReference(c) => Some(&c.by_context),
            _ => None,
        }
    }

    /// `context` of the command.
    pub fn context(&self) -> &str {
        match self {
            Self::ClearConfig(c) => &c.context,
            Self::ClearMode(c) => &c.context,
            Self::DeleteContext(c) => &c.context,
            Self::DeleteSubject(c) => &c.context,
            Self::DeleteVersion(c) => &c.context,
            Self::ImportSchemas(c) => &c.context,
            Self::NoteReference(c) => &c.context,
            Self::RegisterSchema(c) => &c.context,
            Self::ReleaseReference(c) => &c.context,
            Self::SetConfig(c) => &c.context,
            Self::SetMode(c) => &c.context,
        }
    }

    /// `scope` of the command.
    pub fn scope(&self) -> Option<&str> {
        match self {
            Self::ClearConfig(c) => Some(&c.scope),
            Self::ClearMode(c) => Some(&c.scope),
            Self::SetConfig(c) => Some(&c.scope),
            Self::SetMode(c) => Some(&c.scope),
            _ => None,
        }
    }

    /// `subject` of the command.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::DeleteSubject(c) => Some(&c.subject),
            Self::DeleteVersion(c) => Some(&c.subject),
            Self::NoteReference(c) => Some(&c.subject),
            Self::ReleaseReference(c) => Some(&c.subject),
            _ => None,
        }
    }
}

/// Every command of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Registry(RegistryCommand),
}

alluvium_messaging::contract_union!(Command { Registry(RegistryCommand) });

/// Every event of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Registry(RegistryEvent),
}

alluvium_messaging::contract_union!(Event { Registry(RegistryEvent) });

impl Command {
    /// The right this command needs, as its schema declares.
    pub fn requirement(&self) -> alluvium_kernel::Requirement {
        use alluvium_kernel::Requirement;
        match self {
            Self::Registry(RegistryCommand::ClearConfig(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::ClearMode(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::DeleteContext(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::DeleteSubject(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::DeleteVersion(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::ImportSchemas(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::NoteReference(_)) => Requirement::System,
            Self::Registry(RegistryCommand::RegisterSchema(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::ReleaseReference(_)) => Requirement::System,
            Self::Registry(RegistryCommand::SetConfig(_)) => Requirement::Authenticated,
            Self::Registry(RegistryCommand::SetMode(_)) => Requirement::Authenticated,
        }
    }
}
