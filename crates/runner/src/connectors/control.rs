//! All connectors of a pipeline, as those see them who ask or command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alluvium_connectors::StartOrder;
use alluvium_kernel::Problem;
use alluvium_pipelines::model::{RuntimeDesired, RuntimeStatus};
use tokio::sync::watch;
use uuid::Uuid;

use super::Ready;
use super::inputs::Feeding;
use super::ledger::{About, Hold, Ledger, OutputMark, Position, Written};
use super::outputs::Delivering;
use super::plan::Plans;
use super::state::{InputState, OutputState};
use crate::deployment::{Deployment, Progress};

/// How often a command to a connector is written, when somebody else commands at the same time.
const TRIES_MAX: usize = 5;

/// The connectors of a pipeline.
pub(crate) struct Connectors {
    inputs: BTreeMap<String, Arc<InputState>>,
    outputs: BTreeMap<String, Arc<OutputState>>,
    order: Mutex<StartOrder>,
    /// Told whenever other inputs may run.
    changed: watch::Sender<u64>,
    ledger: Ledger,
}

impl Connectors {
    /// Reads where each of them is.
    pub(super) async fn read(ledger: Ledger, plans: Plans, step: u64) -> Result<(Self, Ready), Problem> {
        let (mut order, generation) = (plans.order, plans.generation);
        let (mut inputs, mut outputs) = (BTreeMap::new(), BTreeMap::new());
        let mut ready = Ready { inputs: Vec::new(), outputs: Vec::new() };
        for plan in plans.inputs {
            let Position { last_seq, seq, mark } = ledger.position(&plan.endpoint).await?;
            match ledger.read::<Hold>(About::Hold, &plan.endpoint).await?.1 {
                Some(Hold::Started) => drop(order.start(&plan.endpoint)),
                Some(Hold::Paused) => drop(order.pause(&plan.endpoint)),
                None => {}
            }
            if mark.ended {
                order.ended(&plan.endpoint);
            }
            let state = InputState::new(&plan.endpoint, &plan.relation, (seq, mark.clone()));
            let state = Arc::new(state);
            inputs.insert(plan.endpoint.clone(), Arc::clone(&state));
            ready.inputs.push(Feeding::new(plan, state, ledger.clone(), (last_seq, mark)));
        }
        for plan in plans.outputs {
            let (seq, mark) = match ledger.read::<OutputMark>(About::Output, &plan.endpoint).await? {
                (seq, Some(mark)) if mark.generation == generation => (seq, mark),
                // The pipeline was taken back: what it does anew are other steps.
                (seq, Some(mark)) => {
                    (seq, OutputMark { step: mark.step.min(step), generation, owes_snapshot: false, ..mark })
                }
                // It is new: it is given what comes from here on, and before that what is there if it asks for it. This is written
                // before any step, so that none is missed whenever the process dies.
                (after, None) => {
                    let owes_snapshot = plan.send_snapshot && step > 0;
                    let mark = OutputMark { step, generation, owes_snapshot, ..OutputMark::default() };
                    let attempt = (after, Uuid::new_v4());
                    match ledger.write((About::Output, &plan.endpoint), &mark, &[], attempt).await? {
                        Written::Stored(seq) => (seq, mark),
                        Written::Overtaken | Written::Failed(_) => return Err(unavailable()),
                    }
                }
            };
            let state = OutputState::new(&plan.endpoint, &plan.relation, mark.clone());
            let state = Arc::new(state);
            outputs.insert(plan.endpoint.clone(), Arc::clone(&state));
            ready.outputs.push(Delivering::new(plan, state, ledger.clone(), (seq, mark)));
        }
        let (order, changed) = (Mutex::new(order), watch::Sender::default());
        Ok((Self { inputs, outputs, order, changed, ledger }, ready))
    }

    /// An input by the table and its name.
    pub fn input(&self, relation: &str, name: &str) -> Option<&Arc<InputState>> {
        self.inputs.get(&format!("{relation}.{name}"))
    }

    /// An output by the view and its name.
    pub fn output(&self, relation: &str, name: &str) -> Option<&Arc<OutputState>> {
        self.outputs.get(&format!("{relation}.{name}"))
    }

    /// All inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &Arc<InputState>> {
        self.inputs.values()
    }

    /// All outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &Arc<OutputState>> {
        self.outputs.values()
    }

    /// Up to where all outputs have given out everything, if there are any.
    pub fn written(&self) -> Option<Progress> {
        let all = self.outputs.values().map(|output| output.written());
        all.reduce(|one, other| Progress { step: one.step.min(other.step), seq: one.seq.min(other.seq) })
    }

    /// Whether an input is not to run by what was said of it: by its configuration, a user, or others that come before.
    pub fn is_paused(&self, endpoint: &str) -> bool {
        self.order().waiting(endpoint).is_some()
    }

    /// Whether an input may run now.
    pub(super) fn may_run(&self, endpoint: &str, deployment: &Deployment) -> bool {
        let is_running = deployment.status() == RuntimeStatus::Running;
        is_running && deployment.desired() != RuntimeDesired::Suspended && !self.is_paused(endpoint)
    }

    /// Has all inputs look whether they may run.
    pub fn look(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// Errors of all of them.
    pub fn errors(&self) -> u64 {
        let inputs: u64 = self.inputs().map(|input| input.errors()).sum();
        inputs + self.outputs().map(|output| output.errors()).sum::<u64>()
    }

    /// Tells when other inputs may run.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// An input is at its end.
    pub(super) fn ended(&self, endpoint: &str) {
        self.order().ended(endpoint);
        self.look();
    }

    /// Does what a user says of an input; a later start of the pipeline knows it, too.
    pub async fn hold(&self, endpoint: &str, hold: Hold) -> Result<(), Problem> {
        for _ in 0..TRIES_MAX {
            let (after, _) = self.ledger.read::<Hold>(About::Hold, endpoint).await?;
            let written = self.ledger.write((About::Hold, endpoint), &hold, &[], (after, Uuid::new_v4())).await?;
            match written {
                Written::Stored(_) => {
                    match hold {
                        Hold::Started => self.order().start(endpoint),
                        Hold::Paused => self.order().pause(endpoint),
                    };
                    self.look();
                    return Ok(());
                }
                Written::Overtaken => {}
                Written::Failed(reason) => {
                    tracing::warn!(endpoint, reason, "a command to a connector could not be written");
                    break;
                }
            }
        }
        Err(unavailable())
    }

    fn order(&self) -> MutexGuard<'_, StartOrder> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable() -> Problem {
    Problem::unavailable("pipelines.unavailable", "The log does not take or give anything now. Try again.")
}
