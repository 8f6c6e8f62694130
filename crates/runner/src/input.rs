//! The stream of what comes in for pipelines, as who runs the pipeline reads it.

use alluvium_kernel::{Problem, Token};
use alluvium_messaging::batch::{Draft, publish_batch};
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed, direct, stream_created};
use alluvium_pipelines::{DeploymentError, Place};
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The stream of what comes in for pipelines.
pub const STREAM: &str = "PIPELINES";
/// Messages that wait for the engine.
const WAITING_MAX: usize = 256;
/// Pause after a failure to read, in milliseconds.
const RETRY_MS: u64 = 500;

/// `pl.<tenant>.<pipeline>`: what all subjects of a pipeline begin with.
pub(crate) fn prefix(place: &Place) -> Result<String, Problem> {
    let pipeline = Token::encode(&place.pipeline).map_err(|_| Problem::internal())?;
    Ok(format!("pl.{}.{pipeline}", place.tenant))
}

/// All that comes in for a pipeline.
pub(crate) fn all(place: &Place) -> Result<String, Problem> {
    Ok(format!("{}.>", prefix(place)?))
}

/// The rows for a table.
pub(crate) fn rows(place: &Place, table: &str) -> Result<String, Problem> {
    let table = Token::encode(table).map_err(|_| Problem::internal())?;
    Ok(format!("{}.rows.{table}", prefix(place)?))
}

/// Where what a pipeline keeps begins: a mark on its stream, set when there is none, which goes when all is cleared.
pub(crate) async fn begin(js: &jetstream::Context, place: &Place) -> Result<(i64, u64), Problem> {
    let subject = format!("{}.began", prefix(place)?);
    let (created, _) = stream_created(js, STREAM).await?;
    if let Some(mark) = direct::leader_last(js, STREAM, &subject).await? {
        return Ok((created.micros(), mark.seq));
    }
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
    let draft = Draft { subject: subject.clone(), headers, payload: Bytes::new() };
    match publish_batch(js, &Uuid::new_v4().simple().to_string(), vec![draft]).await {
        Ok(seq) => Ok((created.micros(), seq)),
        // It may be there all the same, or another process may have set it.
        Err(error) => match direct::leader_last(js, STREAM, &subject).await? {
            Some(mark) => Ok((created.micros(), mark.seq)),
            None => Err(error.into()),
        },
    }
}

/// The sequence of the last message for a pipeline; 0 if there is none.
pub(crate) async fn last(js: &jetstream::Context, place: &Place) -> Result<u64, Problem> {
    let last = direct::leader_last(js, STREAM, &all(place)?).await?;
    Ok(last.map_or(0, |message| message.seq))
}

/// Forgets all that came in for a pipeline.
pub(crate) async fn forget(js: &jetstream::Context, place: &Place) -> Result<(), Problem> {
    let stream = js.get_stream(STREAM).await.map_err(|error| unavailable(&error))?;
    stream.purge().filter(all(place)?).await.map(drop).map_err(|error| unavailable(&error))
}

fn unavailable(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "the stream of pipelines does not answer");
    Problem::unavailable("pipelines.unavailable", "The log does not take or give anything now. Try again.")
}

/// Reads what comes in for a pipeline after a message, until told to stop. What the receiver gets ends with an error when it cannot be
/// read any more.
pub(crate) fn follow(
    js: jetstream::Context,
    place: &Place,
    (created, after): (i64, u64),
    stop: CancellationToken,
) -> Result<mpsc::Receiver<Result<LogMessage, DeploymentError>>, Problem> {
    let config = TailConfig {
        stream: STREAM.to_owned(),
        filters: vec![all(place)?],
        from: after + 1,
        pull: PullSettings::default(),
    };
    let mut tail = Tail::new(js.clone(), config)?;
    let (to, from) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = tail.next() => next,
            };
            let told = match next {
                Ok(Tailed::Message(message)) => Ok(message),
                Ok(Tailed::Reconnected) => match stream_created(&js, STREAM).await {
                    Ok((now, _)) if now.micros() != created => Err(lost("the stream of pipelines is another one")),
                    _ => continue,
                },
                Ok(Tailed::Idle) => continue,
                Err(error) if error.is_no_stream() => Err(lost("there is no stream of pipelines any more")),
                Err(error) => {
                    tracing::warn!(%error, "what comes in for a pipeline cannot be read now");
                    tokio::time::sleep(std::time::Duration::from_millis(RETRY_MS)).await;
                    continue;
                }
            };
            let is_last = told.is_err();
            if to.send(told).await.is_err() || is_last {
                return;
            }
        }
    });
    Ok(from)
}

fn lost(reason: &str) -> DeploymentError {
    DeploymentError::new("InputLost", format!("{reason}; clear the pipeline's storage to begin anew"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_tokens_of_subjects() {
        let place = Place { tenant: Token::encode("default").unwrap(), pipeline: "0192-ab".into() };
        let subject = rows(&place, "Größe.x").unwrap();
        assert_eq!(subject, "pl.default.0192-ab.rows.Gr%C3%B6%C3%9Fe%2Ex");
    }
}
