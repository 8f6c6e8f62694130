//! One message, from being taken to a verdict.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use alluvium_kernel::{
    Timestamp,
    trace::{self, Span},
};
use futures::FutureExt;

use super::{
    context::Context,
    engine::Shared,
    lanes::Item,
    ledger::Turn,
    options::Delivery as DeliveryMode,
    outcome::{Class, Failure},
    read::{Readable, Unreadable},
    retry::RetryMode,
    tiers::Pause,
};
use crate::{
    transport::{DeadReason, Incoming, Position, Settle},
    wire::Payload,
};

/// Longest pause between two attempts to store a dead letter, in milliseconds.
const DEAD_LETTER_PAUSE_MS_MAX: u64 = 30_000;
/// First pause after a dead letter could not be stored, in milliseconds.
const DEAD_LETTER_PAUSE_MS: u64 = 200;

/// What a handler's end looks like from here.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) class: Class,
    pub(crate) chain: Vec<String>,
    pub(crate) reason: DeadReason,
}

impl Failed {
    pub(crate) fn transient(what: impl Into<String>, reason: DeadReason) -> Self {
        Self { class: Class::Transient, chain: vec![what.into()], reason }
    }

    pub(crate) fn poison(what: impl Into<String>, reason: DeadReason) -> Self {
        Self { class: Class::Poison, chain: vec![what.into()], reason }
    }
}

/// Why a message is put aside.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) reason: DeadReason,
    pub(crate) chain: Vec<String>,
    pub(crate) attempts: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// What becomes of an item.
pub(crate) enum Step {
    /// It is settled.
    Done,
    /// It is tried again in its lane after this.
    Wait(Duration),
    /// It stays unsettled; the loop stops.
    Abandon,
}

/// Works until the lanes are closed.
pub(crate) async fn worker<T, H, F>(shared: Arc<Shared>, handler: Arc<H>)
where
    T: Readable,
    H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let mut next = None;
    loop {
        let mut item = match next.take() {
            Some(item) => item,
            None => match shared.lanes.next().await {
                Some(item) => item,
                None => return,
            },
        };
        let step = step(&shared, handler.as_ref(), &mut item).await;
        if let Some(ledger) = &shared.ledger {
            ledger.ran(&item.delivery.incoming, &step, shared.settler.as_ref()).await;
        }
        match step {
            Step::Done => next = shared.lanes.done(item),
            Step::Wait(pause) => shared.lanes.wait(item, pause),
            Step::Abandon => shared.lanes.abandon(&item),
        }
    }
}

async fn step<T, H, F>(shared: &Arc<Shared>, handler: &H, item: &mut Item) -> Step
where
    T: Readable,
    H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    if let Some(verdict) = item.dead.take() {
        return put_aside(shared, item, *verdict).await;
    }
    if item.failures == 0
        && let Some(ledger) = &shared.ledger
    {
        match ledger.turn(&item.delivery.incoming, &shared.health).await {
            Turn::Behind(look) => return Step::Wait(look),
            Turn::First(starts) => item.crashes = starts.saturating_sub(1),
            Turn::Free => {}
        }
    }
    let attempt = item.delivery.incoming.attempt.saturating_add(item.crashes).saturating_add(item.failures);
    item.delivery.set_attempt(attempt);
    if item.failures == 0
        && let Some(step) = before_the_first(shared, item, attempt).await
    {
        return step;
    }
    let began = Instant::now();
    let (result, span) = attempt_once::<T, H, F>(shared, handler, item).await;
    shared.metrics.handled(began.elapsed(), result.is_ok());
    if let Err(failed) = result {
        return judge(shared, item, failed, attempt, span).await;
    }
    if item.failures > 0 && shared.tiers.is_some() {
        // It waited here because no retry topic took it.
        shared.health.heal("retry");
    }
    if shared.options.delivery == DeliveryMode::AtLeastOnce {
        settle_within(shared, item, Settle::Done, &span).await;
    }
    shared.count_finished();
    Step::Done
}

/// What becomes of a message before it is tried for the first time here; `None`: it is tried.
async fn before_the_first(shared: &Arc<Shared>, item: &mut Item, attempt: u32) -> Option<Step> {
    let most = shared.options.retry.attempts_max();
    if attempt > most {
        // Whoever took it before did not live to say why.
        let why = format!("delivered {attempt} times and never finished; the limit is {most}");
        return Some(put_aside(shared, item, verdict(item, DeadReason::Crash, vec![why], attempt - 1)).await);
    }
    if let Some(parked) = &shared.parked
        && parked.holds(&item.delivery.incoming).await
    {
        let why = "an earlier message of its key is a dead letter and was not replayed".to_owned();
        return Some(put_aside(shared, item, verdict(item, DeadReason::Sequenced, vec![why], 0)).await);
    }
    let first = shared.options.delivery == DeliveryMode::AtMostOnce;
    // Unsettled, it comes again; handling it now could make it twice.
    (first && !settle(shared, item, Settle::Done).await).then_some(Step::Done)
}

/// What becomes of a message after its handler failed.
async fn judge(shared: &Arc<Shared>, item: &mut Item, failed: Failed, attempt: u32, mut span: Span) -> Step {
    item.failures += 1;
    let most = shared.options.retry.attempts_max();
    let class = if attempt >= most && failed.class != Class::Fatal { Class::Poison } else { failed.class };
    let decoded = !matches!(failed.reason, DeadReason::Decode | DeadReason::Schema);
    let delivery = item.delivery.clone();
    shared.tell(Failure { chain: failed.chain.clone(), delivery, decoded, attempt, class });
    let (pause, wanted) = match class {
        Class::Fatal => {
            shared.fatal(failed.chain);
            return Step::Abandon;
        }
        Class::Poison => {
            let reason = if failed.class == Class::Poison { failed.reason } else { exhausted(failed.reason) };
            return put_aside(shared, item, verdict(item, reason, failed.chain, attempt)).await;
        }
        Class::After(pause) => (pause, Pause::AtLeast(pause)),
        Class::Transient => (shared.options.retry.pause(attempt), Pause::About(shared.options.retry.most(attempt))),
    };
    shared.metrics.retries.increment(1);
    span.event("retry", || format!("try {attempt} failed; the next one in {pause:?}"));
    if shared.retry_mode == RetryMode::Redeliver && shared.options.delivery == DeliveryMode::AtLeastOnce {
        return hand_back(shared, item, attempt, (pause, wanted), &span).await;
    }
    Step::Wait(pause)
}

/// Gives a failed message back to the broker: to be delivered again where the broker can, else by its retry topics.
async fn hand_back(
    shared: &Arc<Shared>,
    item: &Item,
    attempt: u32,
    (pause, wanted): (Duration, Pause),
    span: &Span,
) -> Step {
    let Some(tiers) = &shared.tiers else {
        settle_within(shared, item, Settle::Retry(pause), span).await;
        return Step::Done;
    };
    let incoming = &item.delivery.incoming;
    if let Err(error) = tiers.send(incoming, attempt.saturating_add(1), wanted).await {
        shared.health.degrade("retry", format!("a retry topic cannot be written: {error}"));
        tracing::warn!(message.position = %incoming.position, error = %error, "a failed message waits in its lane");
        return Step::Wait(pause);
    }
    shared.health.heal("retry");
    settle_within(shared, item, Settle::Done, span).await;
    Step::Done
}

/// The reason of a dead letter whose tries are used up.
fn exhausted(last: DeadReason) -> DeadReason {
    match last {
        DeadReason::Handler => DeadReason::Attempts,
        other => other,
    }
}

fn verdict(item: &Item, reason: DeadReason, chain: Vec<String>, attempts: u32) -> Verdict {
    let last = crate::bus::now();
    Verdict { reason, chain, attempts, first: item.delivery.incoming.first_time(), last }
}

/// Decodes and handles once; gives the span of it, too.
async fn attempt_once<T, H, F>(shared: &Arc<Shared>, handler: &H, item: &Item) -> (Result<(), Failed>, Span)
where
    T: Readable,
    H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let began = Instant::now();
    let (payload, path) = T::read(&shared.bus, &item.delivery.incoming, shared.options.read_wire).await;
    shared.metrics.decoded(began.elapsed(), path);
    let mut span = begin(shared, item);
    let result = match payload {
        Ok(payload) => handle(shared, handler, item, payload, span.traceparent()).await,
        Err(Unreadable { reason, passes, chain }) => {
            Err(Failed { class: if passes { Class::Transient } else { Class::Poison }, chain, reason })
        }
    };
    if let Err(failed) = &result {
        span.fail(failed.chain.first().map_or("", String::as_str));
    }
    (result, span)
}

/// Runs the handler, and waits for what it sent.
async fn handle<T, H, F>(
    shared: &Arc<Shared>,
    handler: &H,
    item: &Item,
    payload: Payload<T>,
    traceparent: Option<Arc<str>>,
) -> Result<(), Failed>
where
    H: Fn(Context, Payload<T>) -> F,
    F: Future<Output = Result<(), Failed>> + Send,
{
    let delivery = &item.delivery;
    let handling = async {
        let handling = handler(Context(delivery.clone()), payload);
        if traceparent.is_none() { handling.await } else { trace::within(traceparent, handling).await }
    };
    let deadline = shared.options.deadline();
    let result = match tokio::time::timeout(deadline, AssertUnwindSafe(handling).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            Err(Failed::transient(format!("the handler panicked: {}", panic_text(&*panic)), DeadReason::Handler))
        }
        Err(_) => Err(Failed::transient(format!("the handler took longer than {deadline:?}"), DeadReason::Deadline)),
    };
    let sent = delivery.take_sent();
    result?;
    for pending in sent {
        pending.await.map_err(|error| {
            Failed::transient(format!("a message of the handler was not sent: {error}"), DeadReason::Handler)
        })?;
    }
    Ok(())
}

/// The span of one attempt, when anybody keeps spans.
fn begin(shared: &Shared, item: &Item) -> Span {
    if !trace::is_on() {
        return Span::default();
    }
    let incoming = &item.delivery.incoming;
    let parent = incoming.headers.get_str(crate::headers::TRACE_PARENT);
    let mut span = trace::begin(trace::Kind::Consumer, parent, || format!("process {}", incoming.topic));
    span.note("messaging.system", shared.bus.system());
    span.note("messaging.operation.type", "process");
    span.note("messaging.destination.name", &incoming.topic);
    match &incoming.position {
        Position::Stream { .. } => span.note("messaging.destination.partition.id", incoming.partition),
        Position::Partition { partition, .. } => span.note("messaging.destination.partition.id", partition),
    }
    span.note("messaging.consumer.group.name", &shared.group);
    span.note("messaging.message.body.size", incoming.payload.as_ref().map_or(0, bytes::Bytes::len));
    span.note(shared.bus.position_attribute(), incoming.position.number());
    if let Some(id) = incoming.id() {
        span.note("messaging.message.id", id);
    }
    if let Some(id) = schema_id(incoming) {
        span.note("alluvium.schema.id", id);
    }
    if item.failures > 0 {
        span.note("messaging.retry.count", item.failures);
    }
    span
}

/// The registry's id of a message's schema, where its headers say it.
fn schema_id(incoming: &Incoming) -> Option<&str> {
    incoming.headers.get_str(crate::headers::SCHEMA)?.strip_prefix("id:")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// The same with a span below `parent`.
async fn settle_within(shared: &Shared, item: &Item, how: Settle, parent: &Span) -> bool {
    if !trace::is_on() {
        return settle(shared, item, how).await;
    }
    let mut span = trace::begin(trace::Kind::Internal, parent.traceparent().as_deref(), || "settle".to_owned());
    span.note("messaging.operation.type", "settle");
    span.note("messaging.settlement", how.as_str());
    let told = settle(shared, item, how).await;
    if !told {
        span.fail("the broker was not told");
    }
    told
}

/// Tells the broker; whether it was told.
async fn settle(shared: &Shared, item: &Item, how: Settle) -> bool {
    // Where the broker confirms each, that is what a commit is.
    let confirmed = shared.options.settings.consume.double_ack && matches!(how, Settle::Done | Settle::Dead(_));
    let began = confirmed.then(Instant::now);
    match shared.settler.settle(&item.delivery.incoming.token, how).await {
        Ok(()) => {
            if let Some(began) = began {
                shared.metrics.committed(began.elapsed());
            }
            true
        }
        Err(error) => {
            // The broker delivers it again; that is all that is lost.
            shared.metrics.unsettled.increment(1);
            tracing::warn!(message.position = %item.delivery.incoming.position, error = %error, "a message was not settled");
            false
        }
    }
}

/// Stores the dead letter and settles; waits with the message when it cannot be stored.
async fn put_aside(shared: &Arc<Shared>, item: &mut Item, verdict: Verdict) -> Step {
    let reason = verdict.reason;
    let incoming = &item.delivery.incoming;
    let letter = shared.options.dead_letter.letter(&shared.bus, incoming, &shared.group, &verdict);
    let stored = match letter {
        Some(letter) => shared.bus.deliver(letter).await.map(Some),
        None => Ok(None),
    };
    match stored {
        Ok(Some(receipt)) => {
            if let Some(parked) = &shared.parked {
                parked.note(incoming, receipt.position.number());
            }
        }
        Ok(None) => {}
        Err(error) => {
            shared.health.degrade("dead_letter", format!("a dead letter cannot be stored: {error}"));
            tracing::error!(
                message.position = %incoming.position, error = %error,
                "a dead letter cannot be stored; its message stays unsettled"
            );
            item.dead = Some(Box::new(verdict));
            item.failures = item.failures.saturating_add(1);
            let pause = (DEAD_LETTER_PAUSE_MS << item.failures.min(8)).min(DEAD_LETTER_PAUSE_MS_MAX);
            return Step::Wait(Duration::from_millis(pause));
        }
    }
    shared.health.heal("dead_letter");
    tracing::warn!(
        message.position = %item.delivery.incoming.position, dead_letter.reason = reason.as_str(),
        error = verdict.chain.first().map_or("", String::as_str), "a message was put aside"
    );
    shared.metrics.dead_letter(reason);
    settle(shared, item, Settle::Dead(reason)).await;
    Step::Done
}
