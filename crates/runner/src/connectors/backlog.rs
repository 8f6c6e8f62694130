//! What an output has not heard: steps as its view's file has them, and rows as they were.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use alluvium_dataflow::Zset;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use crate::deployment::Deployment;
use crate::listeners::{Hearing, Told};

/// Steps that are read ahead.
const AHEAD_MAX: usize = 2;

/// A step of a view.
pub(super) type StepRows = (u64, Arc<Zset>);

/// Steps as they are heard, as long as none is missed.
pub(super) struct Ears {
    hearing: Option<Hearing>,
    /// The number of the next one.
    next: u64,
    /// Heard, and of a later step than was asked for.
    held: Option<Told>,
    missed: bool,
}

impl Ears {
    /// Begins to hear; nothing that came before is known.
    pub fn new(hearing: Option<Hearing>) -> Self {
        Self { hearing, next: 0, held: None, missed: true }
    }

    /// The steps up to one that is over; none if something was missed since the last call. The rows of steps that were heard then are
    /// in the file.
    pub fn up_to(&mut self, step: u64) -> Option<Vec<StepRows>> {
        let Some(hearing) = &mut self.hearing else { return None };
        let mut heard = Vec::new();
        loop {
            let told = match self.held.take() {
                Some(told) => told,
                None => match hearing.from.try_recv() {
                    Ok(told) => {
                        self.missed |= told.number != self.next;
                        self.next = told.number + 1;
                        told
                    }
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                        // The last ones may have been too many.
                        let count = hearing.told.load(Ordering::Acquire);
                        self.missed |= count != self.next;
                        self.next = count;
                        break;
                    }
                },
            };
            if told.step > step {
                self.held = Some(told);
                break;
            }
            heard.push((told.step, told.delta));
        }
        (!std::mem::take(&mut self.missed)).then_some(heard)
    }
}

/// The steps of a view after one and up to another, from its file.
pub(super) fn read(
    deployment: &Arc<Deployment>,
    relation: &str,
    (after, up_to): (u64, u64),
) -> mpsc::Receiver<Result<StepRows, String>> {
    let (to, from) = mpsc::channel(AHEAD_MAX);
    let (deployment, relation) = (Arc::clone(deployment), relation.to_owned());
    tokio::task::spawn_blocking(move || {
        let Some(place) = deployment.place.get() else { return };
        let tell = |step: Result<StepRows, String>| to.blocking_send(step).is_ok();
        let fail = |reason: String| drop(to.blocking_send(Err(reason)));
        let mut parts: Option<(u64, Vec<Zset>)> = None;
        let steps = match place.files.since(&relation, after) {
            Ok(steps) => steps,
            Err(error) => return fail(error.to_string()),
        };
        for rows in steps {
            let (step, rows) = match rows {
                Ok(rows) => rows,
                Err(error) => return fail(error.to_string()),
            };
            match &mut parts {
                Some((of, all)) if *of == step => all.push(rows),
                Some((of, _)) if *of > step => {
                    return fail(format!("step {step} is behind step {of} in the view's file"));
                }
                _ => {
                    if let Some(whole) = parts.take()
                        && !tell(whole_step(whole))
                    {
                        return;
                    }
                    if step > up_to {
                        return;
                    }
                    parts = Some((step, vec![rows]));
                }
            }
        }
        if let Some(whole) = parts {
            tell(whole_step(whole));
        }
    });
    from
}

/// The rows of a view after a step.
pub(super) async fn snapshot(deployment: &Arc<Deployment>, relation: &str, step: u64) -> Result<StepRows, String> {
    let (deployment, relation) = (Arc::clone(deployment), relation.to_owned());
    let read = tokio::task::spawn_blocking(move || {
        let place = deployment.place.get().ok_or("the pipeline has not begun")?;
        let rows = place.files.scan_at(&relation, step, None).map_err(|error| error.to_string())?;
        let parts = rows
            .map(|batch| batch.map(|batch| Zset { weights: vec![1; batch.num_rows()], batch }))
            .collect::<Result<Vec<_>, _>>();
        whole_step((step, parts.map_err(|error| error.to_string())?))
    });
    read.await.map_err(|_| "reading the view's rows broke off".to_owned())?
}

fn whole_step((step, parts): (u64, Vec<Zset>)) -> Result<StepRows, String> {
    let Some(first) = parts.first() else {
        let nothing = Arc::new(arrow::datatypes::Schema::empty());
        return Ok((step, Arc::new(Zset::empty(&nothing))));
    };
    let batch = arrow::compute::concat_batches(&first.batch.schema(), parts.iter().map(|part| &part.batch));
    let weights = parts.iter().flat_map(|part| part.weights.iter().copied()).collect();
    Ok((step, Arc::new(Zset { batch: batch.map_err(|error| error.to_string())?, weights })))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::listeners::Listeners;

    #[test]
    fn what_is_missed_is_known_also_when_nothing_comes_behind_it() {
        let (listeners, stop) = (Listeners::default(), CancellationToken::new());
        let mut ears = Ears::new(listeners.add("v", false));
        let nothing = Arc::new(Zset::empty(&Arc::new(Schema::empty())));
        let steps =
            |heard: Option<Vec<StepRows>>| heard.map(|all| all.iter().map(|(step, _)| *step).collect::<Vec<_>>());
        // What was before is not known.
        assert_eq!(steps(ears.up_to(0)), None);
        assert_eq!(steps(ears.up_to(0)), Some(vec![]));
        (1..=3).for_each(|step| listeners.tell("v", step, &nothing, &stop));
        assert_eq!(steps(ears.up_to(2)), Some(vec![1, 2]));
        assert_eq!(steps(ears.up_to(3)), Some(vec![3]));
        (4..=203).for_each(|step| listeners.tell("v", step, &nothing, &stop));
        assert_eq!(steps(ears.up_to(203)), None);
        assert_eq!(steps(ears.up_to(203)), Some(vec![]));
        listeners.tell("v", 204, &nothing, &stop);
        assert_eq!(steps(ears.up_to(204)), Some(vec![204]));
        (205..=404).for_each(|step| listeners.tell("v", step, &nothing, &stop));
        // In between, with one behind.
        assert_eq!(steps(ears.up_to(210)), Some((205..=210).collect()));
        listeners.tell("v", 405, &nothing, &stop);
        assert_eq!(steps(ears.up_to(405)), None);
        assert_eq!(steps(Ears::new(None).up_to(1)), None);
    }
}
