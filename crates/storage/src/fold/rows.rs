//! A batch of row messages into a table: who may, what they hold, one transaction. What does not fit becomes a dead letter.

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_tablestore::{ApplyError, Change, Mark, Moment, RowsError};
use sha2::{Digest, Sha256};

use super::lane::{Lane, LaneError};
use super::queue::{Body, Item};
use super::request;

/// Code of rows written with a schema that is not known here.
const UNKNOWN_SCHEMA: &str = "rows_unknown_schema";

/// Takes a batch in; gives the mark behind it.
pub async fn take(lane: &Lane, batch: &[Arc<Item>], from: Mark) -> Result<Mark, LaneError> {
    let fresh: Vec<Arc<Item>> = batch.iter().filter(|item| item.seq > from.seq).cloned().collect();
    let Some(last) = fresh.last() else { return Ok(from) };
    let end = lane.mark(last.seq, hash(last));
    let allowed = allowed(lane, &fresh).await?;
    let mut mark = from;
    // What is still to do, the next at the back: a refused batch is split until the message at fault stands alone.
    let mut todo = vec![allowed];
    while let Some(items) = todo.pop() {
        let Some(last) = items.last() else { continue };
        let changes = decode(lane, &items).await?;
        let to = lane.mark(last.seq, hash(last));
        match lane.apply(Some(&mark), to, changes).await {
            Ok((at, _)) => mark = at,
            Err(LaneError::Apply(ApplyError::Refused { code, message, details })) => {
                if let [item] = items.as_slice() {
                    dead_letter(lane, item, &request::refusal(code, &message, &details)).await?;
                } else {
                    let (first, second) = items.split_at(items.len() / 2);
                    todo.push(second.to_vec());
                    todo.push(first.to_vec());
                }
            }
            Err(error) => return Err(error),
        }
    }
    if mark != end {
        mark = lane.apply(Some(&mark), end, vec![]).await?.0;
    }
    Ok(mark)
}

/// The messages whose publishers may write the table; the others are refused, on the log, so that every replay agrees.
async fn allowed(lane: &Lane, items: &[Arc<Item>]) -> Result<Vec<Arc<Item>>, LaneError> {
    let mut known = HashMap::new();
    let mut allowed = Vec::with_capacity(items.len());
    for item in items {
        if lane.effects.is_given_up(item.seq) {
            continue;
        }
        let tells = lane.tells(item.seq);
        match lane.effects.may_write(&lane.id, item, tells, &mut known).await? {
            Ok(()) => allowed.push(Arc::clone(item)),
            Err(problem) if tells => lane.effects.refuse_rows(&lane.id, item, &problem).await?,
            Err(_) => {}
        }
    }
    Ok(allowed)
}

/// Keeps a message that cannot be applied, unless that was done when it was decided on first.
async fn dead_letter(lane: &Lane, item: &Item, problem: &Problem) -> Result<(), Problem> {
    if lane.tells(item.seq) { lane.effects.dead_letter(&lane.id, item, problem).await } else { Ok(()) }
}

/// The rows of the messages, columnar, in order; messages that cannot be read become dead letters.
async fn decode(lane: &Lane, items: &[Arc<Item>]) -> Result<Vec<Change>, LaneError> {
    let (mut changes, mut bad) = decode_now(lane, items).await?;
    if bad.iter().any(|(_, error)| error.code == UNKNOWN_SCHEMA) && !lane.knows_history() {
        // Written before the table changed, by a publisher that has not noticed: the log knows every earlier schema.
        lane.learn_history(lane.effects.schema_history(&lane.id).await?);
        (changes, bad) = decode_now(lane, items).await?;
    }
    for (index, error) in bad {
        let problem = Problem::new(format!("storage.{}", error.code), 422, error.message);
        dead_letter(lane, &items[index], &problem).await?;
    }
    Ok(changes)
}

async fn decode_now(lane: &Lane, items: &[Arc<Item>]) -> Result<(Vec<Change>, Vec<(usize, RowsError)>), LaneError> {
    let (items, mut decoder) = (items.to_vec(), lane.take_decoder()?);
    let (decoder, decoded) = lane
        .blocking(move |_, _| {
            let payloads: Vec<&[u8]> = items.iter().map(|item| payload(item)).collect();
            let decoded = decoder.decode_many(&payloads);
            let micros = |index: usize| items[index].time.micros();
            let changes = decoder.appends(decoded.runs, |index| moment(&items[index]), micros);
            Ok((decoder, (changes, decoded.errors)))
        })
        .await?;
    lane.put_decoder(decoder);
    Ok(decoded)
}

fn payload(item: &Item) -> &[u8] {
    match &item.body {
        Body::Rows { payload, .. } => payload,
        Body::Commit { .. } | Body::Unreadable { .. } => &[],
    }
}

fn moment(item: &Item) -> Moment {
    request::moment(item.time, item.seq, 0)
}

/// What a mark says of a message of rows: its payload's hash.
pub fn hash(item: &Item) -> String {
    hex::encode(Sha256::digest(payload(item)))
}
