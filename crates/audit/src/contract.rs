//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// A call changed something, was refused to, or was denied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallAudited {
    /// Its id, a UUID of version 7.
    pub uuid: String,
    /// When the call was answered, in microseconds since 1970.
    pub created: i64,
    /// How it came: http, nats, or event for one that a client reports of itself.
    pub channel: String,
    /// Operation of the HTTP interface, or context and command.
    pub operation: String,
    /// What happened, in the words of Keboola's storage where that has words for it.
    pub event: String,
    /// success, info, warn (denied) or error (refused).
    pub kind: String,
    /// The same for people. Never holds anything of a body.
    pub message: String,
    /// Whether the caller had no right to it.
    #[serde(default)]
    pub denied: bool,
    /// Status of the answer.
    #[serde(default)]
    pub status: i32,
    /// Code of the problem, when it is one.
    #[serde(default)]
    pub code: Option<String>,
    /// Who asked, in printed form; null for somebody whose credential is not known here.
    #[serde(default)]
    pub actor: Option<String>,
    /// Id of the project that it is about.
    #[serde(default)]
    pub project: Option<String>,
    /// Its branch; default is the main line.
    #[serde(default)]
    pub branch: Option<String>,
    /// Name of the bucket.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table.
    #[serde(default)]
    pub table: Option<String>,
    /// Id of the key that it is about.
    #[serde(default)]
    pub key: Option<String>,
    /// What it is about: table, bucket, key and so on.
    #[serde(default)]
    pub object_type: Option<String>,
    /// Its id.
    #[serde(default)]
    pub object_id: Option<String>,
    /// Its name.
    #[serde(default)]
    pub object_name: Option<String>,
    /// What reports it, of an event that a client reports.
    #[serde(default)]
    pub component: Option<String>,
    /// Run of the client that it is part of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// Names of the parts of the path and their values, as a JSON object.
    #[serde(default = "default_CallAudited_params")]
    pub params: String,
    /// What came of it, as a JSON object.
    #[serde(default = "default_CallAudited_results")]
    pub results: String,
    /// How long it took until the answer began, in microseconds.
    #[serde(default)]
    pub duration_us: Option<i64>,
    /// Id of the request or the command.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Address that the connection came from.
    #[serde(default)]
    pub remote_addr: Option<String>,
    /// What the client calls itself.
    #[serde(default)]
    pub user_agent: Option<String>,
}

#[allow(non_snake_case)]
fn default_CallAudited_params() -> String {
    "{}".to_owned()
}

#[allow(non_snake_case)]
fn default_CallAudited_results() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    CallAudited,
    "CallAudited",
    r####"{"doc":"A call changed something, was refused to, or was denied.","fields":[{"doc":"Its id, a UUID of version 7.","name":"uuid","type":"string"},{"doc":"When the call was answered, in microseconds since 1970.","name":"created","type":"long"},{"doc":"How it came: http, nats, or event for one that a client reports of itself.","name":"channel","type":"string"},{"doc":"Operation of the HTTP interface, or context and command.","name":"operation","type":"string"},{"doc":"What happened, in the words of Keboola's storage where that has words for it.","name":"event","type":"string"},{"doc":"success, info, warn (denied) or error (refused).","name":"kind","type":"string"},{"doc":"The same for people. Never holds anything of a body.","name":"message","type":"string"},{"default":false,"doc":"Whether the caller had no right to it.","name":"denied","type":"boolean"},{"default":0,"doc":"Status of the answer.","name":"status","type":"int"},{"default":null,"doc":"Code of the problem, when it is one.","name":"code","type":["null","string"]},{"default":null,"doc":"Who asked, in printed form; null for somebody whose credential is not known here.","name":"actor","type":["null","string"]},{"default":null,"doc":"Id of the project that it is about.","name":"project","type":["null","string"]},{"default":null,"doc":"Its branch; default is the main line.","name":"branch","type":["null","string"]},{"default":null,"doc":"Name of the bucket.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table.","name":"table","type":["null","string"]},{"default":null,"doc":"Id of the key that it is about.","name":"key","type":["null","string"]},{"default":null,"doc":"What it is about: table, bucket, key and so on.","name":"object_type","type":["null","string"]},{"default":null,"doc":"Its id.","name":"object_id","type":["null","string"]},{"default":null,"doc":"Its name.","name":"object_name","type":["null","string"]},{"default":null,"doc":"What reports it, of an event that a client reports.","name":"component","type":["null","string"]},{"default":null,"doc":"Run of the client that it is part of.","name":"run_id","type":["null","string"]},{"default":"{}","doc":"Names of the parts of the path and their values, as a JSON object.","name":"params","type":"string"},{"default":"{}","doc":"What came of it, as a JSON object.","name":"results","type":"string"},{"default":null,"doc":"How long it took until the answer began, in microseconds.","name":"duration_us","type":["null","long"]},{"default":null,"doc":"Id of the request or the command.","name":"request_id","type":["null","string"]},{"default":null,"doc":"Address that the connection came from.","name":"remote_addr","type":["null","string"]},{"default":null,"doc":"What the client calls itself.","name":"user_agent","type":["null","string"]}],"kind":"type","name":"CallAudited","namespace":"alluvium.audit","type":"record"}"####,
    &[]
);
