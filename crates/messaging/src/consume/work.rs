//! One message, from being taken to a verdict.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use alluvium_kernel::{Timestamp, trace};
use futures::FutureExt;

use super::{
    context::Context,
    engine::Shared,
    lanes::Item,
    options::Delivery as DeliveryMode,
    outcome::{Class, Failure},
    read::{Readable, Unreadable},
    retry::RetryMode,
};
use crate::{
    transport::{DeadReason, Settle},
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
        match step(&shared, handler.as_ref(), &mut item).await {
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
    let delivery = item.delivery.clone();
    let attempt = delivery.incoming.attempt.saturating_add(item.failures);
    delivery.set_attempt(attempt);
    let most = shared.options.retry.attempts_max();
    if item.failures == 0 && delivery.incoming.attempt > most {
        // Whoever took it before did not live to say why.
        let why = format!("delivered {attempt} times and never finished; the limit is {most}");
        return put_aside(shared, item, verdict(item, DeadReason::Crash, vec![why], attempt - 1)).await;
    }
    if shared.options.delivery == DeliveryMode::AtMostOnce
        && item.failures == 0
        && !settle(shared, item, Settle::Done).await
    {
        // Unsettled, so it comes again; handling it now could make it twice.
        return Step::Done;
    }
    let began = std::time::Instant::now();
    let result = attempt_once::<T, H, F>(shared, handler, item).await;
    shared.metrics.handled(began.elapsed(), result.is_ok());
    let failed = match result {
        Ok(()) => {
            if shared.options.delivery == DeliveryMode::AtLeastOnce {
                settle(shared, item, Settle::Done).await;
            }
            shared.count_finished();
            return Step::Done;
        }
        Err(failed) => failed,
    };
    item.failures += 1;
    let class = if attempt >= most && failed.class != Class::Fatal { Class::Poison } else { failed.class };
    let decoded = !matches!(failed.reason, DeadReason::Decode | DeadReason::Schema);
    shared.tell(Failure { chain: failed.chain.clone(), delivery: delivery.clone(), decoded, attempt, class });
    match class {
        Class::Fatal => {
            shared.fatal(failed.chain);
            Step::Abandon
        }
        Class::Poison => {
            let reason = if failed.class == Class::Poison { failed.reason } else { exhausted(failed.reason) };
            put_aside(shared, item, verdict(item, reason, failed.chain, attempt)).await
        }
        Class::Transient | Class::After(_) => {
            let pause = match class {
                Class::After(pause) => pause,
                _ => shared.options.retry.pause(item.failures),
            };
            shared.metrics.retries.increment(1);
            if shared.retry_mode == RetryMode::Redeliver && shared.options.delivery == DeliveryMode::AtLeastOnce {
                settle(shared, item, Settle::Retry(pause)).await;
                return Step::Done;
            }
            Step::Wait(pause)
        }
    }
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
    Verdict { reason, chain, attempts, first: item.delivery.incoming.time, last }
}

/// Decodes and handles once.
async fn attempt_once<T, H, F>(shared: &Arc<Shared>, handler: &H, item: &Item) -> Result<(), Failed>
where
    T: Readable,
    H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let delivery = &item.delivery;
    let payload = T::read(&shared.bus, &delivery.incoming, shared.options.read_wire).await;
    let payload = payload.map_err(|Unreadable { reason, passes, chain }| Failed {
        class: if passes { Class::Transient } else { Class::Poison },
        chain,
        reason,
    })?;
    let context = Context(delivery.clone());
    let handled = tokio::time::timeout(
        shared.options.deadline(),
        AssertUnwindSafe(traced(shared, item, handler, context, payload)).catch_unwind(),
    );
    let result = match handled.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            Err(Failed::transient(format!("the handler panicked: {}", panic_text(&*panic)), DeadReason::Handler))
        }
        Err(_) => {
            let deadline = shared.options.deadline();
            Err(Failed::transient(format!("the handler took longer than {deadline:?}"), DeadReason::Deadline))
        }
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

async fn traced<T, H, F>(
    shared: &Shared,
    item: &Item,
    handler: &H,
    context: Context,
    payload: Payload<T>,
) -> Result<(), Failed>
where
    H: Fn(Context, Payload<T>) -> F,
    F: Future<Output = Result<(), Failed>> + Send,
{
    if !trace::is_on() {
        return handler(context, payload).await;
    }
    let incoming = &item.delivery.incoming;
    let parent = incoming.headers.get_str(crate::headers::TRACE_PARENT);
    let mut span = trace::begin(trace::Kind::Consumer, parent, || format!("process {}", incoming.topic));
    span.note("messaging.system", shared.bus.system());
    span.note("messaging.operation.type", "process");
    span.note("messaging.destination.name", &incoming.topic);
    span.note("messaging.destination.partition.id", incoming.partition);
    span.note("messaging.consumer.group.name", context.group());
    span.note("messaging.message.body.size", incoming.payload.as_ref().map_or(0, bytes::Bytes::len));
    span.note(shared.bus.position_attribute(), incoming.position.number());
    if let Some(id) = incoming.id() {
        span.note("messaging.message.id", id);
    }
    if item.failures > 0 {
        span.note("messaging.retry.count", item.failures);
    }
    let result = trace::within(span.traceparent(), handler(context, payload)).await;
    if let Err(failed) = &result {
        span.fail(failed.chain.first().map_or("", String::as_str));
    }
    result
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// Tells the broker; whether it was told.
async fn settle(shared: &Shared, item: &Item, how: Settle) -> bool {
    match shared.settler.settle(&item.delivery.incoming.token, how).await {
        Ok(()) => true,
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
    if let Some(letter) =
        shared.options.dead_letter.letter(&shared.bus, &item.delivery.incoming, &shared.group, &verdict)
        && let Err(error) = shared.bus.deliver(letter).await
    {
        shared.health.degrade("dead_letter", format!("a dead letter cannot be stored: {error}"));
        tracing::error!(
            message.position = %item.delivery.incoming.position, error = %error,
            "a dead letter cannot be stored; its message stays unsettled"
        );
        item.dead = Some(Box::new(verdict));
        item.failures = item.failures.saturating_add(1);
        let pause = (DEAD_LETTER_PAUSE_MS << item.failures.min(8)).min(DEAD_LETTER_PAUSE_MS_MAX);
        return Step::Wait(Duration::from_millis(pause));
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
