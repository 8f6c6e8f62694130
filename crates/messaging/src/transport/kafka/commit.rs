//! Commits: one at a time, each awaited, and what is committed is what stands when its turn comes. So an older offset never comes
//! after a newer one, and nothing counts as committed that the broker did not take. (The callback for commits that are not
//! awaited never comes: librdkafka sends it only to a C function that its Rust wrapper does not set.)

use std::{
    io,
    sync::{
        Arc, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use rdkafka::{
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
};

use super::{context::Group, shared::Shared};

/// Commits how far all partitions came, and waits for the broker's word.
pub fn commit(consumer: &BaseConsumer<Group>, shared: &Shared) -> KafkaResult<()> {
    match attempt(consumer, shared, None) {
        // Whoever has the partition now repeats what was not committed.
        Err(error) if moved_on(&error) => tracing::debug!(error = %error, "the group moved on before a commit"),
        other => return other,
    }
    Ok(())
}

/// The last commit of partitions that are given away. A broker may refuse it, as the group is being shared out anew.
pub fn last(consumer: &BaseConsumer<Group>, shared: &Shared, partitions: &[i32]) {
    if let Err(error) = attempt(consumer, shared, Some(partitions)) {
        tracing::info!(
            error = %error, topic = %shared.topic, ?partitions,
            "partitions were given away before their last commit was taken; what was done since the one before comes again"
        );
    }
}

fn attempt(consumer: &BaseConsumer<Group>, shared: &Shared, only: Option<&[i32]>) -> KafkaResult<()> {
    let _alone = shared.committing.lock().unwrap_or_else(PoisonError::into_inner);
    let list = shared.to_commit(only);
    if list.count() == 0 {
        return Ok(());
    }
    consumer.commit(&list, CommitMode::Sync)?;
    shared.committed(&list);
    Ok(())
}

/// A thread that commits whenever it is told, so that polling does not wait for the broker. It ends with its sender.
pub fn beside(consumer: Arc<BaseConsumer<Group>>, shared: Arc<Shared>) -> io::Result<SyncSender<()>> {
    let (due, told) = sync_channel(1);
    thread::Builder::new().name(format!("kafka commits {}", shared.topic)).spawn(move || {
        while told.recv().is_ok() {
            if let Err(error) = commit(&consumer, &shared) {
                tracing::warn!(error = %error, topic = %shared.topic, "a commit was not taken; it is tried again");
            }
        }
    })?;
    Ok(due)
}

/// The group gave the partition to somebody else meanwhile.
fn moved_on(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::RebalanceInProgress
                | Code::IllegalGeneration
                | Code::UnknownMemberId
                | Code::NoOffset
                | Code::AssignmentLost
        )
    )
}
