//! Tells what became of commands: outcome, answer, acknowledgement, dead letter.

use std::{sync::Arc, time::Duration};

use alluvium_kernel::{Outcome, Problem, Verdict, header, subject};
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;

use crate::{
    executor::STREAM,
    intake::{Fate, ID_REUSED, InFlight, Received},
    outcome::OutcomePublisher,
    watch::{self, CommandWatch},
};

/// The kind of dead letters that commands become; part of their subject.
const DEAD_WHAT: &str = "command";

/// Tells what became of commands, then acknowledges them.
#[derive(Clone)]
pub(crate) struct Finisher {
    pub js: jetstream::Context,
    pub client: async_nats::Client,
    pub outcomes: OutcomePublisher,
    pub in_flight: InFlight,
    /// Who keeps account of commands.
    pub watch: Option<Arc<dyn CommandWatch>>,
}

impl Finisher {
    pub async fn finish(&self, fates: Vec<(Received, Fate)>) {
        count(&fates);
        if let Some(watch) = &self.watch {
            fates.iter().for_each(|(received, fate)| watch::tell(&**watch, received, fate));
        }
        futures::future::join_all(fates.iter().map(|(received, fate)| async move {
            self.end(received, fate).await;
            self.in_flight.leave(received);
        }))
        .await;
    }

    /// Puts off what is under way already, without touching the mark that says so.
    pub async fn put_off(&self, waiting: &[(Received, Fate)]) {
        for (received, fate) in waiting {
            self.end(received, fate).await;
        }
    }

    async fn end(&self, received: &Received, fate: &Fate) {
        let told = match fate {
            Fate::Outcome(outcome) => {
                self.outcomes.settle(&received.tenant, outcome, received.reply_to()).await.map(drop)
            }
            Fate::Answer(outcome) => {
                let refused = matches!(&outcome.verdict, Verdict::Rejected { problem } if problem.code == ID_REUSED);
                if !refused {
                    self.outcomes.tell_again(&received.tenant, outcome).await;
                }
                self.reply(received, outcome).await
            }
            Fate::Dry(outcome) => self.reply(received, outcome).await,
            Fate::Settles => Ok(()),
            Fate::Dead(problem) => Box::pin(self.bury(received, problem)).await,
            Fate::Again(delay) => return self.again(received, *delay).await,
        };
        match told {
            Ok(()) => self.acknowledge(received, Bytes::from_static(b"+ACK")).await,
            Err(problem) => {
                tracing::warn!(command.id = %received.command_id, %problem, "an outcome could not be told yet");
                if let Fate::Again(delay) = received.again() {
                    self.again(received, delay).await;
                }
            }
        }
    }

    async fn reply(&self, received: &Received, answer: &impl serde::Serialize) -> Result<(), Problem> {
        match received.reply_to() {
            Some(to) => self.outcomes.reply(to, answer).await,
            None => Ok(()),
        }
    }

    async fn again(&self, received: &Received, delay: Duration) {
        self.acknowledge(received, format!("-NAK {{\"delay\": {}}}", delay.as_nanos()).into()).await;
    }

    /// Nobody waits for the server to have heard: a command whose acknowledgement is lost comes again and is known.
    async fn acknowledge(&self, received: &Received, word: Bytes) {
        if let Some(reply) = received.message.reply.clone()
            && let Err(error) = self.client.publish(reply, word).await
        {
            tracing::debug!(command.id = %received.command_id, %error, "an acknowledgement was not sent");
        }
    }

    /// Puts a command aside for people to look at, and rejects it.
    async fn bury(&self, received: &Received, problem: &Problem) -> Result<(), Problem> {
        let context = received.command.split('.').next().unwrap_or_default();
        let subject = subject::dead_letter(&received.tenant, context, DEAD_WHAT, received.seq);
        let mut headers: HeaderMap = received.message.headers.clone().unwrap_or_default();
        headers.insert(header::REASON_CODE, problem.code.as_str());
        headers.insert(header::REASON, problem.detail.replace(['\r', '\n'], " "));
        headers.insert(header::ORIGIN, format!("{STREAM}:{}", received.seq));
        // Its own id, so that a letter sent twice is kept once and the command's id stays free.
        headers.insert(header::MESSAGE_ID, format!("dlq:{STREAM}:{}", received.seq));
        let unavailable = |error: jetstream::context::PublishError| {
            Problem::from(alluvium_messaging::Error::of_publish(&subject, &error))
        };
        let payload = received.message.payload.clone();
        self.js
            .publish_with_headers(subject.clone(), headers, payload)
            .await
            .map_err(unavailable)?
            .await
            .map_err(unavailable)?;
        tracing::error!(command.id = %received.command_id, command = %received.command, %problem, "a command was put aside");
        let outcome = received.rejected(problem.clone());
        self.outcomes.settle(&received.tenant, &outcome, received.reply_to()).await.map(drop)
    }
}

/// Counts what is told for the first time. One batch is of one context.
fn count(fates: &[(Received, Fate)]) {
    let Some((first, _)) = fates.first() else { return };
    let context = first.command.split('.').next().unwrap_or_default();
    let (mut accepted, mut rejected) = (0, 0);
    for (_, fate) in fates {
        match fate {
            Fate::Outcome(Outcome { verdict: Verdict::Accepted { .. }, .. }) => accepted += 1,
            Fate::Outcome(Outcome { verdict: Verdict::Rejected { .. }, .. }) | Fate::Dead(_) => rejected += 1,
            Fate::Answer(_) | Fate::Dry(_) | Fate::Settles | Fate::Again(_) => {}
        }
    }
    for (status, count) in [("accepted", accepted), ("rejected", rejected)].into_iter().filter(|(_, count)| *count > 0)
    {
        metrics::counter!("alluvium_commands_total", "context" => context.to_owned(), "status" => status)
            .increment(count);
    }
}
