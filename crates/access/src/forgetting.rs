//! Nothing stays readable that the log says is forgotten: follows the log from its beginning and destroys keys, whoever asked for
//! it and however. What is destroyed already stays so, so that all of it is done again with every start.

use std::collections::BTreeSet;
use std::time::Duration;

use alluvium_eventlog::seals::{Forgotten, Seals};
use alluvium_kernel::{Problem, Token};
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed};
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;

use crate::contract::{Event, TenantEvent};
use crate::live::{self, STREAM};

/// Where the log tells of tenants.
const SUBJECTS: &str = "ev.*.access.*.tenant.>";
/// Pause before what could not be destroyed is tried again, and before reading again, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// Destroys what is forgotten until told to stop. Several processes may do so.
pub async fn run(seals: Seals, js: jetstream::Context, stop: CancellationToken) {
    loop {
        let Some(Err(problem)) = stop.run_until_cancelled(follow(&seals, &js)).await else { return };
        tracing::warn!(stream.name = STREAM, %problem, "following what is forgotten begins again");
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(AGAIN_MS))).await.is_none() {
            return;
        }
    }
}

async fn follow(seals: &Seals, js: &jetstream::Context) -> Result<(), Problem> {
    let mut tail = open(js)?;
    loop {
        if let Tailed::Message(message) = tail.next().await? {
            for (tenant, what) in forgotten(&message) {
                destroy(seals, &message, &tenant, &what).await;
            }
        }
    }
}

/// For ever, if it must be: a key that was to be destroyed is worse than others that wait.
async fn destroy(seals: &Seals, message: &LogMessage, tenant: &Token, what: &Forgotten) {
    while let Err(problem) = seals.forget(tenant, what).await {
        let seq = message.seq;
        tracing::warn!(stream.name = STREAM, stream.seq = seq, %problem, "keys could not be destroyed yet");
        tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

/// All that the log says is forgotten, each with its tenant.
pub async fn all(js: &jetstream::Context) -> Result<BTreeSet<(String, Forgotten)>, Problem> {
    let (mut tail, mut found) = (open(js)?, BTreeSet::new());
    loop {
        match tail.next().await? {
            Tailed::Message(message) => {
                found.extend(forgotten(&message).into_iter().map(|(tenant, what)| (tenant.to_string(), what)));
            }
            Tailed::Reconnected => {}
            Tailed::Idle => return Ok(found),
        }
    }
}

fn open(js: &jetstream::Context) -> Result<Tail, Problem> {
    let filters = vec![SUBJECTS.to_owned()];
    let config = TailConfig { stream: STREAM.to_owned(), filters, from: 1, pull: PullSettings::default() };
    Ok(Tail::new(js.clone(), config)?)
}

/// What a message says is forgotten. One that cannot be read says nothing; whoever folds the log tells people of it.
fn forgotten(message: &LogMessage) -> Vec<(Token, Forgotten)> {
    let Ok((tenant, events)) = live::decode(message) else { return Vec::new() };
    let what = |event| match event {
        Event::Tenant(TenantEvent::TenantForgotten(_)) => Some(Forgotten::Tenant),
        Event::Tenant(TenantEvent::PersonForgotten(forgotten)) => Some(Forgotten::Person(forgotten.person)),
        Event::Tenant(TenantEvent::ProjectForgotten(forgotten)) => {
            let until = forgotten.until.unwrap_or(message.time.micros());
            Some(Forgotten::Project(forgotten.project, until))
        }
        Event::Tenant(TenantEvent::PublishersGranted(_))
        | Event::Keyring(_)
        | Event::Installation(_)
        | Event::Membership(_) => None,
    };
    events.into_iter().filter_map(what).map(|what| (tenant.clone(), what)).collect()
}
