//! What people did to dead letters, kept beside them.

use alluvium_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::STREAM;
use crate::{
    Bus,
    bus::now,
    headers,
    transport::{AdminError, Browse, Outgoing, PublishError, Receipt},
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

/// Keeps what was done, as JSON in the stream of dead letters.
pub async fn note(bus: &Bus, mut action: Action) -> Result<Receipt, PublishError> {
    action.at = now().to_rfc3339();
    let json = serde_json::to_vec(&action).unwrap_or_default();
    let mut message = Outgoing::new(STREAM, json).on_subject(format!("dlq.{}.{SUBJECT}", bus.tenant()));
    message.stream = Some(STREAM.into());
    message.id = Some(crate::ids::next().to_string());
    message.headers.insert(headers::CONTENT_TYPE, "application/json");
    bus.deliver(message).await
}

/// What was done, oldest first, each with when the stream took it in.
pub async fn actions(bus: &Bus) -> Result<Vec<(Timestamp, Action)>, AdminError> {
    let mut all = Vec::new();
    let mut from = 1;
    loop {
        let filter = format!("dlq.{}.{SUBJECT}", bus.tenant());
        let what = Browse { name: STREAM.to_owned(), filter, from, messages_max: PAGE_MESSAGES };
        let page = bus.admin().browse(what).await?;
        let Some(last) = page.last() else { return Ok(all) };
        from = last.position.number() + 1;
        all.extend(page.iter().filter_map(|stored| {
            let action = serde_json::from_slice(stored.payload.as_deref()?).ok()?;
            Some((stored.time, action))
        }));
    }
}
