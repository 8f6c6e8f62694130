//! Outcomes: told once, the first one stays.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use alluvium_kernel::{Outcome, Problem, Token, subject};
use alluvium_messaging::{Error, LogMessage, batch::Draft, direct};
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;

use crate::{commit::pause, store::Store};

/// The stream of outcomes.
const STREAM: &str = "OUT";
/// Publishes of one outcome, the first included.
const PUBLISH_ATTEMPTS_MAX: u32 = 5;
/// What a subject must begin with for an outcome to be sent there: an inbox. Anything else could be used to make the
/// worker publish with its own rights where the sender has none.
const REPLY_PREFIX: &str = "_INBOX";

/// Publishes outcomes; the first write wins. Folds use it too, for commands that await settlement.
#[derive(Clone, Debug)]
pub struct OutcomePublisher {
    js: Arc<jetstream::Context>,
    store: Store,
}

impl OutcomePublisher {
    /// A publisher on the stream `OUT`.
    pub fn new(js: jetstream::Context) -> Self {
        let js = Arc::new(js);
        Self { store: Store::alone(js.clone()), js }
    }

    /// The same; outcomes that wait at the same moment are stored together. For a server alone that syncs each message. Must
    /// be called inside a tokio runtime.
    pub fn grouped(js: jetstream::Context) -> Self {
        let js = Arc::new(js);
        Self { store: Store::grouped(js.clone()), js }
    }

    /// Publishes an outcome unless there is one already; gives the one that counts.
    pub async fn publish<'a>(&self, tenant: &Token, outcome: &'a Outcome) -> Result<Cow<'a, Outcome>, Problem> {
        let subject = subject_of(tenant, &outcome.command_id)?;
        let payload = Bytes::from(serde_json::to_vec(outcome).map_err(|_| Problem::internal())?);
        let mut last = None;
        for attempt in 0..PUBLISH_ATTEMPTS_MAX {
            match self.first(&subject, payload.clone()).await {
                Ok(()) => return Ok(Cow::Borrowed(outcome)),
                Err(error) => last = Some(error),
            }
            match Box::pin(self.read_leader(&subject)).await {
                Ok(Some(winner)) => return Ok(Cow::Owned(winner)),
                Err(problem) if attempt + 1 == PUBLISH_ATTEMPTS_MAX => return Err(problem),
                Ok(None) | Err(_) => {}
            }
            pause(attempt).await;
        }
        Err(last.map_or_else(Problem::internal, Problem::from))
    }

    /// The same, and sends the one that counts to the inbox that the command named, if it did.
    pub async fn settle<'a>(
        &self,
        tenant: &Token,
        outcome: &'a Outcome,
        reply: Option<&str>,
    ) -> Result<Cow<'a, Outcome>, Problem> {
        let winner = self.publish(tenant, outcome).await?;
        if let Some(reply) = reply {
            self.reply(reply, winner.as_ref()).await?;
        }
        Ok(winner)
    }

    /// The outcome of a command, as the leader has it.
    pub async fn find(&self, tenant: &Token, command_id: &str) -> Result<Option<Outcome>, Problem> {
        self.read_leader(&subject_of(tenant, command_id)?).await
    }

    /// Outcomes by their subject, for many at once; may be answered by a replica that is behind.
    pub(crate) async fn find_many(&self, subjects: &[String]) -> Result<HashMap<String, Outcome>, Problem> {
        let mut found = HashMap::new();
        for some in subjects.chunks(direct::MULTI_LAST_SUBJECTS_MAX) {
            for message in direct::multi_last(&self.js, STREAM, some).await? {
                let outcome = parse(&message)?;
                found.insert(message.subject, outcome);
            }
        }
        Ok(found)
    }

    /// Lets those who listen hear an outcome that is stored already, as the stream did when it stored it.
    pub(crate) async fn tell_again(&self, tenant: &Token, outcome: &Outcome) {
        let (Ok(subject), Ok(payload)) = (subject_of(tenant, &outcome.command_id), serde_json::to_vec(outcome)) else {
            return;
        };
        let told = subject.replacen("out.", "told.", 1);
        if let Err(error) = self.js.client().publish(told, payload.into()).await {
            tracing::debug!(command.id = %outcome.command_id, %error, "an outcome was not told again");
        }
    }

    /// Sends an answer to an inbox; to nothing else.
    pub(crate) async fn reply(&self, to: &str, answer: &impl serde::Serialize) -> Result<(), Problem> {
        if !is_inbox(to) {
            tracing::debug!(reply = to, "an outcome is sent to inboxes only");
            return Ok(());
        }
        let payload = serde_json::to_vec(answer).map_err(|_| Problem::internal())?;
        let client = self.js.client();
        client
            .publish(to.to_owned(), payload.into())
            .await
            .map_err(|error| Problem::unavailable("platform.log_unavailable", error.to_string()))
    }

    async fn first(&self, subject: &str, payload: Bytes) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        self.store.publish(Draft { subject: subject.to_owned(), headers, payload }).await.map(drop)
    }

    async fn read_leader(&self, subject: &str) -> Result<Option<Outcome>, Problem> {
        direct::leader_last(&self.js, STREAM, subject).await?.map(|message| parse(&message)).transpose()
    }
}

/// Where the outcome of a command stands.
pub(crate) fn subject_of(tenant: &Token, command_id: &str) -> Result<String, Problem> {
    let id = Token::encode(command_id).map_err(|error| Problem::new("command.bad_id", 400, error.to_string()))?;
    Ok(subject::outcome(tenant, &id))
}

fn is_inbox(subject: &str) -> bool {
    subject.starts_with(REPLY_PREFIX) && !subject.contains(|c: char| c == '*' || c == '>' || !c.is_ascii_graphic())
}

fn parse(message: &LogMessage) -> Result<Outcome, Problem> {
    serde_json::from_slice(&message.payload).map_err(|error| crate::stored::damaged(message, &error.to_string()))
}

/// What a command would have done: the answer to a dry run.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DryOutcome {
    /// The command's id.
    pub command_id: String,
    /// `storage.CreateBucket`
    pub command: String,
    /// Always true: nothing was appended.
    pub dry_run: bool,
    /// What would have been decided.
    #[serde(flatten)]
    pub verdict: DryVerdict,
}

/// The decision of a dry run.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum DryVerdict {
    /// It would be accepted.
    Accepted {
        /// The events that it would append.
        events: Vec<DryEvent>,
        /// What the caller would be told.
        #[serde(default)]
        result: serde_json::Value,
    },
    /// It would be rejected, or could not be decided now.
    Rejected {
        /// Why.
        problem: Problem,
    },
}

/// An event that a dry run would append.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DryEvent {
    /// On which subject.
    pub subject: String,
    /// Its type.
    pub r#type: String,
    /// Its content.
    pub event: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_go_to_inboxes_only() {
        assert!(is_inbox("_INBOX.abc.1"));
        for subject in ["cmd.other.storage.DeleteProject", "$JS.API.STREAM.DELETE.OUT", "_INBOX.>", "_INBOX.a b", ""] {
            assert!(!is_inbox(subject), "{subject}");
        }
    }
}
