//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// A remedy was carried out or refused; every replay leaves out what was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemedySettled {
    /// Command id of the request.
    pub request: String,
    /// Whether it was carried out.
    pub accepted: bool,
    /// Why not, as a problem in JSON.
    #[serde(default)]
    pub problem: Option<String>,
    /// Counts and the like, as a JSON object.
    #[serde(default = "default_RemedySettled_result")]
    pub result: String,
}

#[allow(non_snake_case)]
fn default_RemedySettled_result() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    RemedySettled,
    "RemedySettled",
    r####"{"aggregate":"projection","doc":"A remedy was carried out or refused; every replay leaves out what was given up.","fields":[{"doc":"Command id of the request.","name":"request","type":"string"},{"doc":"Whether it was carried out.","name":"accepted","type":"boolean"},{"default":null,"doc":"Why not, as a problem in JSON.","name":"problem","type":["null","string"]},{"default":"{}","doc":"Counts and the like, as a JSON object.","name":"result","type":"string"}],"kind":"event","name":"RemedySettled","namespace":"alluvium.platform","type":"record"}"####,
    &[]
);

/// Tries the parked events of a key again, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryParked {
    /// Name of the projection.
    pub projection: String,
    /// The parked key, as listed.
    pub key: String,
}

alluvium_messaging::contract!(
    RetryParked,
    "RetryParked",
    r####"{"aggregate":"projection","doc":"Tries the parked events of a key again, in order.","fields":[{"doc":"Name of the projection.","name":"projection","type":"string"},{"doc":"The parked key, as listed.","name":"key","type":"string"}],"kind":"command","name":"RetryParked","namespace":"alluvium.platform","requires":"admin","type":"record"}"####,
    &[]
);

/// The parked events of a key are to be tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryRequested {
    /// Command id of the request; its RemedySettled names it.
    pub request: String,
    /// Name of the projection.
    pub projection: String,
    /// The parked key.
    pub key: String,
}

alluvium_messaging::contract!(
    RetryRequested,
    "RetryRequested",
    r####"{"aggregate":"projection","doc":"The parked events of a key are to be tried again.","fields":[{"doc":"Command id of the request; its RemedySettled names it.","name":"request","type":"string"},{"doc":"Name of the projection.","name":"projection","type":"string"},{"doc":"The parked key.","name":"key","type":"string"}],"kind":"event","name":"RetryRequested","namespace":"alluvium.platform","request_of":"RetryParked","type":"record"}"####,
    &[]
);

/// The verdict of the process that folds the projection on a remedy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleRemedy {
    /// Name of the projection.
    pub projection: String,
    /// Command id of the remedy.
    pub request: String,
    /// Whether it was carried out.
    pub accepted: bool,
    /// Why not, as a problem in JSON.
    #[serde(default)]
    pub problem: Option<String>,
    /// Counts and the like, as a JSON object.
    #[serde(default = "default_SettleRemedy_result")]
    pub result: String,
}

#[allow(non_snake_case)]
fn default_SettleRemedy_result() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    SettleRemedy,
    "SettleRemedy",
    r####"{"aggregate":"projection","doc":"The verdict of the process that folds the projection on a remedy.","fields":[{"doc":"Name of the projection.","name":"projection","type":"string"},{"doc":"Command id of the remedy.","name":"request","type":"string"},{"doc":"Whether it was carried out.","name":"accepted","type":"boolean"},{"default":null,"doc":"Why not, as a problem in JSON.","name":"problem","type":["null","string"]},{"default":"{}","doc":"Counts and the like, as a JSON object.","name":"result","type":"string"}],"kind":"command","name":"SettleRemedy","namespace":"alluvium.platform","requires":"system","type":"record"}"####,
    &[]
);

/// Gives up the first parked event of a key, for ever and in every replay, and applies those behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipParked {
    /// Name of the projection.
    pub projection: String,
    /// The parked key, as listed.
    pub key: String,
    /// Sequence of the event to give up; it must be the first parked one of its key.
    pub seq: i64,
    /// Why it may be given up, for those who read the log later.
    pub reason: String,
}

alluvium_messaging::contract!(
    SkipParked,
    "SkipParked",
    r####"{"aggregate":"projection","doc":"Gives up the first parked event of a key, for ever and in every replay, and applies those behind it.","fields":[{"doc":"Name of the projection.","name":"projection","type":"string"},{"doc":"The parked key, as listed.","name":"key","type":"string"},{"doc":"Sequence of the event to give up; it must be the first parked one of its key.","name":"seq","type":"long"},{"doc":"Why it may be given up, for those who read the log later.","name":"reason","type":"string"}],"kind":"command","name":"SkipParked","namespace":"alluvium.platform","requires":"admin","type":"record"}"####,
    &[]
);

/// The first parked event of a key is to be given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkipRequested {
    /// Command id of the request; its RemedySettled names it.
    pub request: String,
    /// Name of the projection.
    pub projection: String,
    /// The parked key.
    pub key: String,
    /// Sequence of the event to give up.
    pub seq: i64,
    /// Why it may be given up.
    pub reason: String,
}

alluvium_messaging::contract!(
    SkipRequested,
    "SkipRequested",
    r####"{"aggregate":"projection","doc":"The first parked event of a key is to be given up.","fields":[{"doc":"Command id of the request; its RemedySettled names it.","name":"request","type":"string"},{"doc":"Name of the projection.","name":"projection","type":"string"},{"doc":"The parked key.","name":"key","type":"string"},{"doc":"Sequence of the event to give up.","name":"seq","type":"long"},{"doc":"Why it may be given up.","name":"reason","type":"string"}],"kind":"event","name":"SkipRequested","namespace":"alluvium.platform","request_of":"SkipParked","type":"record"}"####,
    &[]
);

/// Commands of the aggregate `projection`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ProjectionCommand {
    RetryParked(RetryParked),
    SettleRemedy(SettleRemedy),
    SkipParked(SkipParked),
}

alluvium_messaging::contract_set!(ProjectionCommand { RetryParked, SettleRemedy, SkipParked });

impl From<RetryParked> for ProjectionCommand {
    fn from(message: RetryParked) -> Self {
        Self::RetryParked(message)
    }
}

impl From<SettleRemedy> for ProjectionCommand {
    fn from(message: SettleRemedy) -> Self {
        Self::SettleRemedy(message)
    }
}

impl From<SkipParked> for ProjectionCommand {
    fn from(message: SkipParked) -> Self {
        Self::SkipParked(message)
    }
}

/// Events of the aggregate `projection`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ProjectionEvent {
    RemedySettled(RemedySettled),
    RetryRequested(RetryRequested),
    SkipRequested(SkipRequested),
}

alluvium_messaging::contract_set!(ProjectionEvent { RemedySettled, RetryRequested, SkipRequested });

impl From<RemedySettled> for ProjectionEvent {
    fn from(message: RemedySettled) -> Self {
        Self::RemedySettled(message)
    }
}

impl From<RetryRequested> for ProjectionEvent {
    fn from(message: RetryRequested) -> Self {
        Self::RetryRequested(message)
    }
}

impl From<SkipRequested> for ProjectionEvent {
    fn from(message: SkipRequested) -> Self {
        Self::SkipRequested(message)
    }
}

impl cqrs_es::DomainEvent for ProjectionEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Projection {
    const TYPE: &'static str = "projection";
    type Command = ProjectionCommand;
    type Event = ProjectionEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: ProjectionCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<ProjectionEvent> = match command {
            ProjectionCommand::RetryParked(c) => Decide::decide(c, self, at)?,
            ProjectionCommand::SettleRemedy(c) => Decide::decide(c, self, at)?,
            ProjectionCommand::SkipParked(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProjectionEvent) {
        use alluvium_kernel::Evolve;
        match event {
            ProjectionEvent::RemedySettled(e) => Evolve::evolve(e, self),
            ProjectionEvent::RetryRequested(e) => Evolve::evolve(e, self),
            ProjectionEvent::SkipRequested(e) => Evolve::evolve(e, self),
        }
    }
}

impl ProjectionCommand {
    /// `key` of the command.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::RetryParked(c) => Some(&c.key),
            Self::SkipParked(c) => Some(&c.key),
            _ => None,
        }
    }

    /// `projection` of the command.
    pub fn projection(&self) -> &str {
        match self {
            Self::RetryParked(c) => &c.projection,
            Self::SettleRemedy(c) => &c.projection,
            Self::SkipParked(c) => &c.projection,
        }
    }
}

impl ProjectionEvent {
    /// The command whose outcome waits until this request is answered.
    pub fn request_of(&self) -> Option<&'static str> {
        match self {
            Self::RemedySettled(_) => None,
            Self::RetryRequested(_) => Some("RetryParked"),
            Self::SkipRequested(_) => Some("SkipParked"),
        }
    }
}

/// Every command of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Projection(ProjectionCommand),
}

alluvium_messaging::contract_union!(Command { Projection(ProjectionCommand) });

/// Every event of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Projection(ProjectionEvent),
}

alluvium_messaging::contract_union!(Event { Projection(ProjectionEvent) });

impl Command {
    /// The right this command needs, as its schema declares.
    pub fn requirement(&self) -> alluvium_kernel::Requirement {
        use alluvium_kernel::Requirement;
        match self {
            Self::Projection(ProjectionCommand::RetryParked(_)) => Requirement::Admin,
            Self::Projection(ProjectionCommand::SettleRemedy(_)) => Requirement::System,
            Self::Projection(ProjectionCommand::SkipParked(_)) => Requirement::Admin,
        }
    }
}
