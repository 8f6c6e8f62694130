//! Acknowledgements, as they come and as they do not come.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::{Subscriber, jetstream};
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    publish::{LOOK_EVERY_MS, Shared},
    resolve,
};
use crate::transport::{Position, Receipt};

/// How long acknowledgements may still come after the connection was replaced, in milliseconds.
const AFTER_RECONNECT_MS: u64 = 500;

/// Reads acknowledgements, and looks for those that are overdue.
pub(super) async fn read(shared: Arc<Shared>, mut answers: Subscriber) {
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_EVERY_MS));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let connects = || shared.client.statistics().connects.load(Ordering::Relaxed);
    let mut known = connects();
    // Messages with smaller numbers were sent on a connection that is gone; given up at that moment.
    let mut lost: Option<(u64, Instant)> = None;
    let mut stream: Arc<str> = Arc::from("");
    loop {
        tokio::select! {
            biased;
            answer = answers.next() => match answer {
                Some(answer) => take(&shared, &answer, &mut stream),
                None => return,
            },
            _ = look.tick() => {
                if connects() != known {
                    known = connects();
                    lost = Some((shared.state().next(), Instant::now() + Duration::from_millis(AFTER_RECONNECT_MS)));
                }
                let given_up = lost.filter(|(_, at)| *at <= Instant::now()).map(|(number, _)| number);
                if given_up.is_some() {
                    lost = None;
                }
                overdue(&shared, given_up.unwrap_or(0));
                shared.in_flight.set((shared.settings.window - shared.window.available_permits()) as f64);
            }
        }
    }
}

/// Messages whose acknowledgement has not come in time, or will not come because their connection is gone.
fn overdue(shared: &Arc<Shared>, lost_before: u64) {
    let now = Instant::now();
    let mut state = shared.state();
    let first = state.first;
    let late: Vec<u64> = state
        .ring
        .iter()
        .enumerate()
        .filter_map(|(at, place)| {
            let (flight, overdue) = place.as_ref()?;
            let number = first + at as u64;
            // Without an id it cannot be sent again, so its acknowledgement is worth waiting for.
            let lost = number < lost_before && flight.message.id.is_some();
            (lost || *overdue <= now || flight.until <= now).then_some(number)
        })
        .collect();
    for number in late {
        if let Some(flight) = state.take(number) {
            shared.stall(&mut state, number, flight);
        }
    }
}

/// An acknowledgement as the server writes it.
#[derive(Deserialize)]
struct Ack<'a> {
    #[serde(borrow, default)]
    stream: std::borrow::Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<jetstream::Error>,
}

fn take(shared: &Arc<Shared>, answer: &async_nats::Message, stream: &mut Arc<str>) {
    let number = answer.subject.get(shared.inbox.len() + 1..).and_then(|number| number.parse().ok());
    let Some(number) = number else { return };
    let mut state = shared.state();
    // One that is looked into by now: its answer is found there.
    let Some(mut flight) = state.take(number) else { return };
    // 503: nobody was there to store it.
    flight.sent = answer.status != Some(async_nats::StatusCode::NO_RESPONDERS);
    let ack = if answer.status.is_some() { None } else { serde_json::from_slice::<Ack<'_>>(&answer.payload).ok() };
    let result = match ack {
        Some(Ack { stream: name, seq, duplicate, error: None }) if seq > 0 => {
            if stream.as_ref() != name {
                *stream = Arc::from(name.as_ref());
            }
            let position = Position::Stream { stream: stream.clone(), seq };
            Ok(Receipt { position, duplicate, time: None })
        }
        Some(Ack { error: Some(error), .. }) if resolve::is_final(&error) => {
            Err(resolve::refused(&flight.message.subject, &error))
        }
        // Nobody takes the subject now, or an answer that says nothing.
        _ => {
            shared.stall(&mut state, number, flight);
            return;
        }
    };
    drop(state);
    shared.end(flight, result);
    shared.settled.notify_waiters();
}
