//! Counting the messages of one subject up to a sequence, without reading them.

use std::collections::HashMap;

use async_nats::jetstream;
use serde::Deserialize;
use serde_json::json;

use crate::direct::count_from;
use crate::error::Error;
use crate::snapshot::request;

/// How often a subject that grows while it is counted is counted again.
const TRIES_MAX: usize = 5;

/// How many messages of a concrete subject a stream has at or below `up_to`. Exact unless the subject grows all the time: then it
/// may be some too many, never too few.
pub async fn count_up_to(js: &jetstream::Context, stream: &str, subject: &str, up_to: u64) -> Result<u64, Error> {
    let mut all = count(js, stream, subject).await?;
    let mut found = all;
    for _ in 0..TRIES_MAX {
        let above = count_from(js, stream, subject, up_to + 1).await?;
        let again = count(js, stream, subject).await?;
        found = again.saturating_sub(above);
        if again == all {
            break;
        }
        all = again;
    }
    Ok(found)
}

/// All messages of a subject, as the leader has it.
async fn count(js: &jetstream::Context, stream: &str, subject: &str) -> Result<u64, Error> {
    #[derive(Deserialize)]
    struct Info {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        #[serde(default)]
        subjects: HashMap<String, u64>,
    }
    let trying = format!("counting {subject} in {stream}");
    let ask = json!({ "subjects_filter": subject }).to_string();
    let answer = request(&js.client(), &format!("$JS.API.STREAM.INFO.{stream}"), ask.into(), &trying).await?;
    let info: Info = serde_json::from_value(answer).map_err(|error| Error::malformed(trying, error))?;
    Ok(info.state.subjects.values().sum())
}
