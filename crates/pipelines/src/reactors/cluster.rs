//! Looks how the parts of the installation are, and notes on the log when that changes, and now and then when it does not.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_eventlog::{CommandClient, CommandRequest, Lease};
use alluvium_kernel::{Actor, DEFAULT_TENANT, Problem, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::contract::{Command, ObserveCluster};
use crate::error;
use crate::model::SAME_MICROS;
use crate::routes::Health;

/// How often the parts are asked, in milliseconds.
const LOOK_MS: u64 = 10_000;
/// How long an outcome is waited for, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 10;
/// Observations that wait for a log which does not answer; older ones are let go of.
const WAITING_MAX: usize = 1_000;
/// Who holds this looks; the others wait.
const LEASE: &str = "pipelines.cluster";
/// The role under which this context acts by itself.
const ROLE: &str = "pipelines";

/// What the watch works with.
pub struct WatchParts {
    /// Asks the parts.
    pub health: Arc<dyn Health>,
    /// Sends commands.
    pub client: CommandClient,
    /// The log, for the lease.
    pub js: jetstream::Context,
    /// The name of this process.
    pub owner: String,
    /// Replicas of what is kept about leases.
    pub replicas: usize,
    /// How often to look; [`ClusterWatch::look_every`] unless there is a reason.
    pub look_every: Duration,
}

/// Watches the parts of the installation.
pub struct ClusterWatch {
    parts: WatchParts,
}

/// What was noted last.
type Noted = ([bool; 3], i64);

impl ClusterWatch {
    /// One that has not begun.
    pub fn new(parts: WatchParts) -> Self {
        Self { parts }
    }

    /// How often the parts are asked.
    pub fn look_every() -> Duration {
        Duration::from_millis(LOOK_MS)
    }

    /// Looks until told to stop, whenever no other process does.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let WatchParts { js, owner, replicas, .. } = &self.parts;
            let Some(lease) = Lease::acquire(js, LEASE, owner, *replicas, &stop).await else { return };
            tokio::select! {
                () = stop.cancelled() => {}
                () = lease.lost().cancelled() => tracing::info!(lease.key = LEASE, "another process looks now"),
                () = self.look() => {}
            }
            lease.release().await;
            if stop.is_cancelled() {
                return;
            }
        }
    }

    async fn look(&self) {
        let (mut waiting, mut noted) = (VecDeque::new(), None::<Noted>);
        let mut look = tokio::time::interval(self.parts.look_every);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let [api, compiler, runner] = self.parts.health.services().await;
            let healthy = [api.healthy, compiler.healthy, runner.healthy];
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
            if noted.is_none_or(|(last, at)| last != healthy || now.saturating_sub(at) >= SAME_MICROS) {
                noted = Some((healthy, now));
                let [api_healthy, compiler_healthy, runner_healthy] = healthy;
                waiting.push_back(ObserveCluster {
                    api_healthy,
                    api_info: api.message,
                    compiler_healthy,
                    compiler_info: compiler.message,
                    runner_healthy,
                    runner_info: runner.message,
                    observed_at: now,
                });
            }
            if waiting.len() > WAITING_MAX {
                waiting.pop_front();
            }
            while let Some(next) = waiting.front() {
                if let Err(problem) = self.send(next.clone()).await {
                    tracing::debug!(%problem, "how the installation is cannot be noted yet");
                    break;
                }
                waiting.pop_front();
            }
        }
    }

    async fn send(&self, observe: ObserveCluster) -> Result<(), Problem> {
        let command = Command::Cluster(observe.into());
        let request = CommandRequest {
            tenant: Token::encode(DEFAULT_TENANT).map_err(|_| error::mistake("the default tenant is no token"))?,
            context: "pipelines".to_owned(),
            command: command.name().to_owned(),
            command_id: format!("pipelines-{}", Uuid::new_v4()),
            actor: Actor::System(ROLE.to_owned()),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        match self.parts.client.send(&request, Duration::from_secs(OUTCOME_WAIT_SECONDS)).await?.verdict {
            Verdict::Accepted { .. } => Ok(()),
            Verdict::Rejected { problem } => {
                tracing::error!(%problem, "how the installation is was refused by the log");
                Ok(())
            }
        }
    }
}
