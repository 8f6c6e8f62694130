//! Decides a batch of commands: groups side by side, each group in order, as much as fits in one commit.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use alluvium_kernel::trace::{self, Kind, Span};
use alluvium_kernel::{Outcome, Position, Problem, Verdict, header};
use alluvium_messaging::{Commit, Contract, direct};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use crate::{
    commit::pause,
    context::{BoundedContext, Decision},
    intake::{Fate, Received, Task, dry, id_reused, refused, repeated},
    log::Log,
    outcome::{DryVerdict, OutcomePublisher},
    ring::RingEntry,
    unit::{Kept, Note, Unit},
};

/// Decisions of one group after another writer was first.
const CONFLICTS_MAX: u32 = 8;

/// Decides commands of one context.
pub(crate) struct Decider<C: BoundedContext> {
    pub context: Arc<C>,
    pub log: Log,
    pub outcomes: OutcomePublisher,
}

/// What a command comes to if the unit commits.
enum Planned {
    Settled(Fate),
    Kept,
    Replayed(RingEntry),
}

impl<C: BoundedContext> Decider<C> {
    /// Groups side by side, each in order.
    pub async fn decide(&self, tasks: Vec<Task<C::Command>>) -> Vec<(Received, Fate)> {
        let mut groups: HashMap<String, Vec<Task<C::Command>>> = HashMap::new();
        for task in tasks {
            let key = if task.received.dry_run {
                format!("? {}", task.received.seq)
            } else {
                format!("{} {}", task.received.tenant, task.group)
            };
            groups.entry(key).or_default().push(task);
        }
        let mut deciding: FuturesUnordered<_> = groups.into_values().map(|tasks| self.guarded(tasks)).collect();
        let mut fates = Vec::new();
        while let Some(decided) = deciding.next().await {
            fates.extend(decided);
        }
        fates
    }

    /// A panic while deciding puts aside the one command that leads to it, not its neighbours.
    async fn guarded(&self, tasks: Vec<Task<C::Command>>) -> Vec<(Received, Fate)> {
        if let Ok(fates) = AssertUnwindSafe(self.group(&tasks)).catch_unwind().await {
            return tasks.into_iter().map(|task| task.received).zip(fates).collect();
        }
        let mut all = Vec::new();
        for task in tasks {
            let alone = std::slice::from_ref(&task);
            let fate = if let Ok(mut fates) = Box::pin(AssertUnwindSafe(self.group(alone)).catch_unwind()).await {
                fates.pop().unwrap_or_else(|| task.received.again())
            } else {
                tracing::error!(command = %task.received.command, command.id = %task.received.command_id, "panicked");
                Fate::Dead(Problem::internal())
            };
            all.push((task.received, fate));
        }
        all
    }

    async fn group(&self, tasks: &[Task<C::Command>]) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(tasks.len());
        while fates.len() < tasks.len() {
            let rest = &tasks[fates.len()..];
            fates.extend(self.unit(rest).await);
        }
        fates
    }

    /// Decides and commits the first commands of `tasks`, as many as fit one unit, at least one.
    async fn unit(&self, tasks: &[Task<C::Command>]) -> Vec<Fate> {
        let mut spans = spans(tasks);
        let fates = self.decided(tasks, &spans).await;
        // The rest is decided in a unit of its own, and its spans begin there.
        for span in spans.drain(fates.len().min(spans.len())..) {
            span.forget();
        }
        fates
    }

    async fn decided(&self, tasks: &[Task<C::Command>], spans: &[Span]) -> Vec<Fate> {
        let first = &tasks[0].received;
        for conflict in 0..CONFLICTS_MAX {
            let mut unit = Unit::new(self.log.clone(), first.tenant.clone(), conflict > 0, first.dry_run);
            let planned = self.plan(tasks, &mut unit).await;
            match unit.is_proven().await {
                Ok(true) => {}
                // Another writer of these aggregates (a fold) was there since they were loaded.
                Ok(false) => continue,
                Err(problem) => {
                    tracing::warn!(context = C::NAME, %problem, "decisions could not be checked; they are made again");
                    return tasks[..planned.len()].iter().map(|task| task.received.again()).collect();
                }
            }
            let kept = planned.iter().position(|planned| matches!(planned, Planned::Kept));
            let mut append = append_span(spans, kept, self.log.stream());
            let below = append.traceparent();
            let single: Vec<(&'static str, &str)> = kept.map_or_else(Vec::new, |at| {
                let received = &tasks[at].received;
                let trace = below.as_deref().or_else(|| received.header(header::TRACE_PARENT));
                let reply = received.header(header::REPLY).map(|reply| (header::REPLY, reply));
                reply.into_iter().chain(trace.map(|trace| (header::TRACE_PARENT, trace))).collect()
            });
            match unit.commit(&single).await {
                Ok(Some(kept)) => {
                    if let Some((_, seq)) = kept.first() {
                        append.note("stream.seq", seq);
                    }
                    drop(append);
                    return self.fates(tasks, planned, kept).await;
                }
                Ok(None) => {
                    append.forget();
                    pause(conflict).await;
                }
                Err(problem) => {
                    append.fail(&problem.code);
                    tracing::warn!(context = C::NAME, %problem, "a commit failed; its commands are decided again");
                    return tasks[..planned.len()].iter().map(|task| task.received.again()).collect();
                }
            }
        }
        tasks.iter().map(|task| task.received.again()).collect()
    }

    async fn plan(&self, tasks: &[Task<C::Command>], unit: &mut Unit) -> Vec<Planned> {
        let mut planned = Vec::with_capacity(tasks.len());
        for task in tasks {
            unit.begin(task.received.stamp());
            let result = self.context.plan(&task.command, &task.received.at(), unit).await;
            let decision = match (unit.replayed().cloned(), result) {
                (Some(entry), _) if !task.received.dry_run => {
                    unit.rollback();
                    planned.push(Planned::Replayed(entry));
                    continue;
                }
                (_, result) => result,
            };
            if let (Ok(decision), false) = (&decision, task.received.dry_run)
                && !decision.busy
            {
                let is_too_large = unit.is_too_large(&decision.result);
                if is_too_large && !planned.is_empty() {
                    // It may fit a unit of its own.
                    unit.rollback();
                    return planned;
                }
                if is_too_large {
                    unit.rollback();
                    let detail = "The command leads to more events than one message holds; split it.";
                    let problem = Problem::new("command.too_large", 413, detail);
                    planned.push(Planned::Settled(refused(&task.received, problem)));
                    continue;
                }
            }
            let alone = unit.wants_alone() && !task.received.dry_run;
            if alone && !planned.is_empty() {
                unit.rollback();
                return planned;
            }
            planned.push(settle(&task.received, decision, unit));
            if alone {
                return planned;
            }
        }
        planned
    }

    async fn fates(&self, tasks: &[Task<C::Command>], planned: Vec<Planned>, kept: Vec<(Kept, u64)>) -> Vec<Fate> {
        let mut kept = kept.into_iter();
        let mut fates = Vec::with_capacity(planned.len());
        for (task, planned) in tasks.iter().zip(planned) {
            let received = &task.received;
            fates.push(match planned {
                Planned::Settled(fate) => fate,
                Planned::Replayed(entry) => Box::pin(self.replayed(received, &entry)).await,
                Planned::Kept => {
                    kept.next().map_or_else(|| received.again(), |(kept, seq)| accepted::<C>(received, kept, seq))
                }
            });
        }
        fates
    }

    /// The outcome of a command that is on the log already: as published, else as its commit says.
    async fn replayed(&self, received: &Received, entry: &RingEntry) -> Fate {
        match self.outcomes.find(&received.tenant, &received.command_id).await {
            Ok(Some(outcome)) => return repeated(received, &outcome),
            Ok(None) if entry.body_hash != received.body_hash => {
                return Fate::Answer(received.rejected(id_reused(&received.command_id)));
            }
            Ok(None) => {}
            Err(problem) => return refused(received, problem),
        }
        match self.said_again(received, entry).await {
            Ok(Some(outcome)) => Fate::Outcome(outcome),
            Ok(None) => Fate::Settles,
            Err(problem) => refused(received, problem),
        }
    }

    async fn said_again(&self, received: &Received, entry: &RingEntry) -> Result<Option<Outcome>, Problem> {
        let message = direct::leader_at(&self.log.js, self.log.stream(), entry.seq)
            .await?
            .ok_or_else(|| Problem::unavailable("platform.log_unavailable", "A commit cannot be read now."))?;
        let commit = Commit::from_avro(&message.payload)
            .map_err(|error| crate::stored::damaged(&message, &error.to_string()))?;
        let mut notes: HashMap<String, Note> = match message.header(header::RESULTS) {
            Some(text) => {
                serde_json::from_str(text).map_err(|error| crate::stored::damaged(&message, &error.to_string()))?
            }
            None => HashMap::new(),
        };
        let note = notes.remove(&received.command_id).unwrap_or_default();
        if note.awaits {
            return Ok(None);
        }
        let own = commit.entries.into_iter().filter(|entry| entry.command_id == received.command_id);
        let verdict = Verdict::Accepted {
            position: Position::of(C::STREAM, entry.seq + note.ahead),
            events: own.map(|entry| entry.r#type).collect(),
            result: note.result,
        };
        Ok(Some(received.outcome(verdict)))
    }
}

/// One span a command, while anybody keeps them.
fn spans<C>(tasks: &[Task<C>]) -> Vec<Span> {
    if !trace::is_on() {
        return Vec::new();
    }
    let begin = |task: &Task<C>| {
        let received = &task.received;
        let parent = received.header(header::TRACE_PARENT);
        let mut span = trace::begin(Kind::Consumer, parent, || format!("decide {}", received.command));
        span.note("command.id", &received.command_id);
        span
    };
    tasks.iter().map(begin).collect()
}

/// The span of a commit, below its first command's: what the folds of its events follow from.
fn append_span(spans: &[Span], kept: Option<usize>, stream: &str) -> Span {
    let above = kept.and_then(|at| spans.get(at)?.traceparent());
    match above {
        Some(above) => trace::begin(Kind::Producer, Some(&above), || format!("append {stream}")),
        None => Span::default(),
    }
}

fn settle(received: &Received, decision: Result<Decision, Problem>, unit: &mut Unit) -> Planned {
    match decision {
        Ok(decision) if decision.busy => {
            unit.rollback();
            Planned::Settled(received.again())
        }
        Ok(decision) if received.dry_run => {
            let events = unit.rollback();
            let verdict = DryVerdict::Accepted { events, result: decision.result };
            Planned::Settled(Fate::Dry(dry(received, verdict)))
        }
        Ok(decision) => {
            unit.keep(decision.result, decision.awaits_settlement);
            Planned::Kept
        }
        Err(problem) => {
            unit.rollback();
            Planned::Settled(refused(received, problem))
        }
    }
}

fn accepted<C: BoundedContext>(received: &Received, mut kept: Kept, seq: u64) -> Fate {
    if kept.awaits() {
        return Fate::Settles;
    }
    let events = std::mem::take(&mut kept.events);
    let verdict = Verdict::Accepted { position: Position::of(C::STREAM, seq), events, result: kept.result() };
    Fate::Outcome(received.outcome(verdict))
}
