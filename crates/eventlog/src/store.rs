//! Storing single messages: each by itself, or, where the server syncs each one to disk, as many at a time as are waiting.

use alluvium_messaging::{
    Error, ErrorKind,
    batch::{BATCH_MESSAGES_MAX, Draft, publish_batch},
};
use async_nats::jetstream;
use std::{collections::hash_map::RandomState, hash::BuildHasher, sync::Arc};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Messages that go in a batch at least: the server syncs a batch as often as some ten single messages.
const GROUP_MESSAGES_MIN: usize = 12;
/// Bytes of one batch, roughly; the message that crosses it still goes along.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Batches on their way at once: while the server syncs one, the next is filled.
const GROUPS_MAX: usize = 2;
/// Messages that wait for their batch; more wait for a free place.
const WAITING_MAX: usize = 4 * BATCH_MESSAGES_MAX;

/// Stores messages on streams of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    js: Arc<jetstream::Context>,
    group: Option<mpsc::Sender<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    draft: Draft,
    stored: oneshot::Sender<Result<Option<u64>, Error>>,
}

impl Store {
    /// Stores each message by itself: right wherever the server does not sync each one, or syncs for many by itself (R3).
    pub fn alone(js: Arc<jetstream::Context>) -> Self {
        Self { js, group: None }
    }

    /// Stores what waits at the same moment as one atomic batch. All messages must be for one stream that allows it. Must be
    /// called inside a tokio runtime: batches are filled by a task that ends with the last clone.
    pub fn grouped(js: Arc<jetstream::Context>) -> Self {
        let (group, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(gather(js.clone(), waiting));
        Self { js, group: Some(group) }
    }

    /// Stores a message; gives its sequence, `None` for an acknowledgement that says "seen before". Any error leaves open
    /// whether it is stored.
    pub async fn publish(&self, draft: Draft) -> Result<Option<u64>, Error> {
        let Some(group) = &self.group else { return alone(&self.js, draft).await };
        let subject = draft.subject.clone();
        let stopped = || Error::new(ErrorKind::Unknown, format!("publishing on {subject}"), "the process is stopping");
        let (stored, answer) = oneshot::channel();
        group.send(Waiting { draft, stored }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

async fn alone(js: &jetstream::Context, draft: Draft) -> Result<Option<u64>, Error> {
    let subject = draft.subject.clone();
    let failed = |error| Error::of_publish(&subject, &error);
    let ack = js.publish_with_headers(draft.subject, draft.headers, draft.payload).await.map_err(failed)?;
    let ack = ack.await.map_err(failed)?;
    Ok((!ack.duplicate).then_some(ack.sequence))
}

async fn gather(js: Arc<jetstream::Context>, mut waiting: mpsc::Receiver<Waiting>) {
    let places = Arc::new(Semaphore::new(GROUPS_MAX));
    // The place first: what arrives while all are taken makes the next batch larger.
    while let Ok(place) = places.clone().acquire_owned().await {
        let Some(first) = waiting.recv().await else { return };
        let mut bytes = first.draft.payload.len();
        let mut group = vec![first];
        while group.len() < BATCH_MESSAGES_MAX
            && bytes < GROUP_BYTES_MAX
            && let Ok(next) = waiting.try_recv()
        {
            bytes += next.draft.payload.len();
            group.push(next);
        }
        let js = js.clone();
        tokio::spawn(async move {
            together(&js, group).await;
            drop(place);
        });
    }
}

/// One batch; when the server does not take it whole (one message that must not be stored is enough), each by itself. Should the
/// batch be stored after all, each message is found to be there by whoever reads the leader after its refusal.
async fn together(js: &jetstream::Context, group: Vec<Waiting>) {
    if group.len() >= GROUP_MESSAGES_MIN {
        let id = format!("group-{:016x}", RandomState::new().hash_one(&group[0].draft.subject));
        match publish_batch(js, &id, group.iter().map(|waiting| waiting.draft.clone()).collect()).await {
            Ok(first) => {
                for (seq, waiting) in (first..).zip(group) {
                    // Nobody waits any more when a decision was cancelled; then there is nobody to tell.
                    let _ = waiting.stored.send(Ok(Some(seq)));
                }
                return;
            }
            Err(error) => tracing::debug!(%error, messages = group.len(), "a group is stored message by message"),
        }
    }
    let each = group.into_iter().map(|Waiting { draft, stored }| async {
        let _ = stored.send(alone(js, draft).await);
    });
    futures::future::join_all(each).await;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use alluvium_messaging::{connect, direct};
    use alluvium_testing::NatsServer;
    use async_nats::{HeaderMap, header};

    use super::*;

    fn draft(subject: &str) -> Draft {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        Draft { subject: subject.to_owned(), headers, payload: "x".into() }
    }

    async fn publish(store: &Store, prefix: &str) -> Vec<Result<Option<u64>, Error>> {
        let subjects: Vec<String> = (0..100).map(|n| format!("t.{prefix}.{n}")).collect();
        futures::future::join_all(subjects.iter().map(|subject| store.publish(draft(subject)))).await
    }

    #[tokio::test]
    async fn what_waits_is_stored_together_and_what_may_not_be_stored_hinders_nothing_else() {
        let nats = NatsServer::start().await;
        let config = connect::ConnectConfig { url: nats.url(), name: "test".into(), ..Default::default() };
        let js = connect::jetstream(connect::connect(&config).await.unwrap());
        let stream = jetstream::stream::Config {
            name: "T".into(),
            subjects: vec!["t.>".into()],
            allow_atomic_publish: true,
            allow_direct: true,
            ..Default::default()
        };
        js.create_stream(stream).await.unwrap();
        let store = Store::grouped(Arc::new(js.clone()));

        let seqs: HashSet<u64> = publish(&store, "whole").await.into_iter().map(|seq| seq.unwrap().unwrap()).collect();
        assert_eq!(seqs, (1..=100).collect());
        let last = direct::leader_at(&js, "T", 100).await.unwrap().unwrap();
        assert!(last.header("Nats-Batch-Id").is_some(), "{last:?}");

        store.publish(draft("t.broken.42")).await.unwrap();
        let results = publish(&store, "broken").await;
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), n != 42, "{n}: {result:?}");
        }
        let seqs: HashSet<u64> = results.into_iter().flatten().flatten().collect();
        assert_eq!(seqs.len(), 99);
        assert_eq!(js.get_stream("T").await.unwrap().cached_info().state.messages, 200);
    }
}
