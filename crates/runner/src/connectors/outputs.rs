//! A running output: it is given the steps of its view, each once, and how far it is stays on the pipeline's stream.

use std::sync::Arc;
use std::time::Duration;

use alluvium_connectors::{Exit, Item, Output, Reached, deliver, open};
use alluvium_dataflow::Zset;
use tokio::time::Instant;
use uuid::Uuid;

use super::backlog::{self, Ears, StepRows};
use super::items::Encoding;
use super::ledger::{About, Ledger, OutputMark, Written};
use super::plan::OutputPlan;
use super::state::OutputState;
use crate::deployment::{Deployment, Progress};

/// How often it is written how far it is, in milliseconds: so much may be given again after a crash to who does not know what it has.
const REMEMBER_MS: u64 = 500;

/// An output that is ready to run.
pub(super) struct Delivering {
    endpoint: String,
    relation: String,
    output: Box<dyn Output>,
    encoding: Encoding,
    state: Arc<OutputState>,
    ledger: Ledger,
    mark: OutputMark,
    /// The sequence of the last mark on the stream, and the step it tells of.
    told: (u64, u64),
    told_at: Instant,
    /// How far it is as it says itself.
    reached: Option<Reached>,
}

impl Delivering {
    pub fn new(plan: OutputPlan, state: Arc<OutputState>, ledger: Ledger, (seq, mark): (u64, OutputMark)) -> Self {
        let OutputPlan { endpoint, relation, output, encoding, .. } = plan;
        let told = (seq, mark.step);
        Self { endpoint, relation, output, encoding, state, ledger, mark, told, told_at: Instant::now(), reached: None }
    }

    /// Runs until it cannot go on or the pipeline ends.
    pub async fn run(mut self, deployment: Arc<Deployment>) {
        match self.follow(&deployment).await {
            Ok(()) | Err(Exit::Stopped) => {}
            Err(Exit::Fatal(reason)) => {
                self.state.fails(&reason);
                deployment.logs.line("ERROR", &format!("connector {}: {reason}", self.endpoint));
            }
        }
        if let Err(Exit::Fatal(reason)) = self.remember().await {
            tracing::warn!(endpoint = self.endpoint, reason, "how far an output is could not be written");
        }
    }

    async fn follow(&mut self, deployment: &Arc<Deployment>) -> Result<(), Exit> {
        let mut ears = Ears::new(deployment.listeners.add(&self.relation, false));
        let mut progress = deployment.progress.subscribe();
        let at = progress.borrow().step;
        if self.mark.step > at {
            let step = self.mark.step;
            let reason = format!("it was given step {step}, and the pipeline is at step {at} again");
            return Err(Exit::Fatal(reason));
        }
        if !self.mark.own.is_null() {
            self.output.restore(&self.mark.own);
        }
        self.reached = open(self.output.as_mut(), &self.state.monitor, &deployment.stop).await?;
        if self.mark.owes_snapshot {
            let rows = backlog::snapshot(deployment, &self.relation, self.mark.step).await.map_err(Exit::Fatal)?;
            self.give(deployment, rows).await?;
            self.mark.owes_snapshot = false;
            self.remember().await?;
        }
        loop {
            let now = *progress.borrow_and_update();
            self.catch_up(deployment, &mut ears, now).await?;
            tokio::select! {
                () = deployment.stop.cancelled() => return Ok(()),
                changed = progress.changed() => changed.map_err(|_| Exit::Stopped)?,
                () = tokio::time::sleep_until(self.told_at + Duration::from_millis(REMEMBER_MS)),
                    if self.told.1 != self.mark.step => {}
            }
            if self.told_at.elapsed() >= Duration::from_millis(REMEMBER_MS) {
                self.remember().await?;
            }
        }
    }

    /// Gives it all steps up to where the pipeline is.
    async fn catch_up(&mut self, deployment: &Arc<Deployment>, ears: &mut Ears, now: Progress) -> Result<(), Exit> {
        match ears.up_to(now.step) {
            Some(steps) => {
                for step in steps {
                    self.give_new(deployment, step).await?;
                }
            }
            None if self.mark.step < now.step => {
                let mut steps = backlog::read(deployment, &self.relation, (self.mark.step, now.step));
                while let Some(step) = steps.recv().await {
                    self.give_new(deployment, step.map_err(Exit::Fatal)?).await?;
                }
            }
            None => {}
        }
        self.mark.step = now.step;
        self.state.gave(&self.mark, Some(now));
        Ok(())
    }

    async fn give_new(&mut self, deployment: &Deployment, (step, rows): StepRows) -> Result<(), Exit> {
        if step <= self.mark.step {
            return Ok(());
        }
        self.give(deployment, (step, rows)).await?;
        if self.told_at.elapsed() >= Duration::from_millis(REMEMBER_MS) {
            self.remember().await?;
        }
        Ok(())
    }

    async fn give(&mut self, deployment: &Deployment, (step, rows): StepRows) -> Result<(), Exit> {
        let items = self.items(&rows)?;
        let told = (&mut self.reached, &self.state.monitor);
        deliver(self.output.as_mut(), step, &items, told, &deployment.stop).await?;
        self.mark.step = step;
        self.mark.own = self.output.own();
        self.state.gave(&self.mark, None);
        Ok(())
    }

    fn items(&mut self, rows: &Zset) -> Result<Vec<Item>, Exit> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let encoded = tokio::task::block_in_place(|| self.encoding.items(rows)).map_err(Exit::Fatal)?;
        self.state.could_not_write(encoded.errors, encoded.error.as_deref());
        self.mark.records += encoded.records;
        let bytes = |item: &Item| match item {
            Item::Message { payload, .. } => payload.as_ref().map_or(0, |payload| payload.len() as u64),
            Item::Change { row, .. } => {
                row.iter().map(|(name, value)| (name.len() + value.to_string().len()) as u64).sum()
            }
        };
        self.mark.bytes += encoded.items.iter().map(bytes).sum::<u64>();
        Ok(encoded.items)
    }

    /// Writes how far it is, if that is not written.
    async fn remember(&mut self) -> Result<(), Exit> {
        if self.told.1 == self.mark.step && !self.mark.owes_snapshot && self.told.0 != 0 {
            return Ok(());
        }
        let attempt = (self.told.0, Uuid::new_v4());
        let written = self.ledger.write((About::Output, &self.endpoint), &self.mark, &[], attempt).await;
        match written.map_err(|problem| Exit::Fatal(problem.detail))? {
            Written::Stored(seq) => self.told = (seq, self.mark.step),
            Written::Overtaken => {
                return Err(Exit::Fatal("another process gives this connector what it gets".to_owned()));
            }
            // The next one tells of it, too.
            Written::Failed(reason) => {
                tracing::warn!(endpoint = self.endpoint, reason, "how far an output is could not be written");
            }
        }
        self.told_at = Instant::now();
        Ok(())
    }
}
