//! What people did to dead letters, kept beside them.

use alluvium_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Filter, STREAM, place::Place};
use crate::{
    Bus,
    bus::now,
    headers,
    transport::{AdminError, Browse, Outgoing, PublishError, Receipt, TopicSpec},
};

/// The last token of the subject that they are kept under.
const SUBJECT: &str = "_actions";
/// Actions read at once.
const PAGE_MESSAGES: usize = 1_000;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// Published again.
    Replayed,
    /// Published again with another payload.
    Edited,
    /// Taken out for good.
    Dropped,
}

/// Who did what to which dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What was done.
    pub deed: Deed,
    /// To which dead letters.
    pub ids: Vec<u64>,
    /// By whom, as they say: the broker knows who may, not who it was.
    pub by: String,
    /// Why, where that was asked for.
    pub reason: Option<String>,
    /// Where they were published, if not where they came from.
    pub to: Option<String>,
    /// When; filled in when it is kept.
    #[serde(default)]
    pub at: String,
}

/// What was done is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// It cannot be written down.
    #[error("what was done cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
    /// There is no place to keep it.
    #[error(transparent)]
    Place(#[from] AdminError),
    /// It could not be published there.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Where actions on the letters of a topic of dead letters are kept, on Kafka.
fn beside(topic: &str) -> String {
    format!("{topic}.actions")
}

/// Keeps what was done, as JSON in the stream of dead letters; on Kafka in a topic beside that of the letters that `of` means.
pub async fn note(bus: &Bus, of: &Filter, mut action: Action) -> Result<Receipt, NoteError> {
    action.at = now().to_rfc3339();
    let json = serde_json::to_vec(&action)?;
    let mut message = match Place::of(bus, of)? {
        Place::Stream => {
            let mut message = Outgoing::new(STREAM, json).on_subject(format!("dlq.{}.{SUBJECT}", bus.tenant()));
            message.stream = Some(STREAM.into());
            message
        }
        Place::Topic(letters) => {
            let topic = beside(&letters);
            let replicas = Some(bus.admin().describe(letters).await?.replicas);
            bus.admin().create(TopicSpec { topic: topic.clone(), replicas, ..TopicSpec::default() }).await?;
            Outgoing::new(topic, json)
        }
    };
    message.id = Some(crate::ids::next().to_string());
    message.headers.insert(headers::CONTENT_TYPE, "application/json");
    Ok(bus.deliver(message).await?)
}

/// What was done, oldest first, each with when the broker took it in; on Kafka to the letters that `of` means.
pub async fn actions(bus: &Bus, of: &Filter) -> Result<Vec<(Timestamp, Action)>, AdminError> {
    let (name, filter, mut from) = match Place::of(bus, of)? {
        Place::Stream => (STREAM.to_owned(), format!("dlq.{}.{SUBJECT}", bus.tenant()), 1),
        Place::Topic(letters) => {
            // The topic is made when the first action is kept; who asks for letters that there are none of is told so.
            bus.admin().describe(letters.clone()).await?;
            if let Err(AdminError::NotFound(_)) = bus.admin().describe(beside(&letters)).await {
                return Ok(Vec::new());
            }
            (beside(&letters), ">".to_owned(), 0)
        }
    };
    let mut all = Vec::new();
    loop {
        let (name, filter) = (name.clone(), filter.clone());
        let what = Browse { name, filter, partition: None, from, messages_max: PAGE_MESSAGES };
        let page = bus.admin().browse(what).await?;
        let Some(last) = page.last() else { return Ok(all) };
        from = last.position.number() + 1;
        for stored in page {
            match serde_json::from_slice(stored.payload.as_deref().unwrap_or_default()) {
                Ok(action) => all.push((stored.time, action)),
                Err(error) => {
                    tracing::warn!(message.position = %stored.position, error = %error, "what was done there cannot be read");
                }
            }
        }
    }
}
