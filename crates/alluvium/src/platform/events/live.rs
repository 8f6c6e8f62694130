//! A live tail by server-sent events. The id of each event is where all streams of the tail are, so that a client that comes
//! back with `Last-Event-ID` misses nothing and gets nothing twice.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use alluvium_kernel::Problem;
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::filter::Filter;
use super::{decode, page};
use crate::platform::Platform;

/// Messages that may wait for a slow reader, each stream; then that stream is read slower.
const WAITING_MAX: usize = 256;
/// How often a comment keeps the connection alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A tail from `last` (an id given earlier), else from the filter's `from`, else from the end.
pub async fn tail(
    platform: &Platform,
    filter: Filter,
    last: Option<&str>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
    let known = last.map(read_id).unwrap_or_default();
    let (sender, messages) = mpsc::channel(WAITING_MAX);
    let mut at = BTreeMap::new();
    for stream in &filter.streams {
        let from = match (known.get(stream), filter.from) {
            (Some(seq), _) => seq + 1,
            (None, Some(from)) => from,
            (None, None) => page::last_seq(&platform.js, stream).await? + 1,
        };
        at.insert(stream.clone(), from.saturating_sub(1));
        let config =
            TailConfig { stream: stream.clone(), filters: filter.on_stream(), from, pull: PullSettings::default() };
        let tail = Tail::new(platform.js.clone(), config)?;
        tokio::spawn(read(tail, sender.clone()));
    }
    drop(sender);
    let kind = filter.kind.clone();
    let events = ReceiverStream::new(messages).flat_map(move |message: LogMessage| {
        at.insert(message.stream.clone(), message.seq);
        let id = id(&at);
        let decoded = decode::events(&message, kind.as_deref());
        futures::stream::iter(decoded.into_iter().map(move |event| Ok(sse(&id, &event))))
    });
    // A tail never ends by itself: it would hold up the process when that is told to stop.
    let events = events.take_until(platform.stopping.clone().cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn read(mut tail: Tail, to: mpsc::Sender<LogMessage>) {
    loop {
        tokio::select! {
            () = to.closed() => return,
            next = tail.next() => match next {
                Ok(Tailed::Message(message)) => {
                    if to.send(message).await.is_err() {
                        return;
                    }
                }
                Ok(Tailed::Reconnected | Tailed::Idle) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "a live tail ended");
                    return;
                }
            },
        }
    }
}

fn sse(id: &str, event: &Value) -> Event {
    Event::default().id(id).data(event.to_string())
}

fn id(at: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = at.iter().map(|(stream, seq)| format!("{stream}:{seq}")).collect();
    parts.join(",")
}

fn read_id(text: &str) -> BTreeMap<String, u64> {
    let part = |part: &str| {
        let (stream, seq) = part.split_once(':')?;
        Some((stream.to_owned(), seq.parse().ok()?))
    };
    text.split(',').filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_were() {
        let at = BTreeMap::from([("EV_ACCESS".to_owned(), 3), ("STORAGE".to_owned(), 12)]);
        assert_eq!(read_id(&id(&at)), at);
        assert!(read_id("junk").is_empty());
    }
}
