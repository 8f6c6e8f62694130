//! Gives a step to an output, again and again until it has it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Item, Output, Reached};
use crate::error::{Exit, Fault};
use crate::input::Backoff;
use crate::status::Monitor;

/// The longest wait between two tries, in seconds.
pub const RETRY_SECS_MAX: u64 = 30;

/// Gives all items of a step to an output that was opened before, and ends the step. What fails in passing is counted
/// and tried again on a new connection. `reached` is what the output said when it was opened; what it has already is left
/// out.
///
/// # Errors
///
/// It failed for good, or `stop` was called.
pub async fn deliver(
    output: &mut dyn Output,
    step: u64,
    items: &[Item],
    (reached, monitor): (&mut Option<Reached>, &Monitor),
    stop: &CancellationToken,
) -> Result<(), Exit> {
    let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
    let mut is_open = true;
    loop {
        let trying = once(output, (step, items), reached, is_open);
        let tried = stop.run_until_cancelled(trying).await.ok_or(Exit::Stopped)?;
        match tried {
            Ok(()) => {
                let bytes = items.iter().map(bytes_of).sum();
                monitor.count(items.len() as u64, bytes);
                monitor.well();
                return Ok(());
            }
            Err(Fault::Fatal(reason)) => {
                monitor.fatal(&reason);
                return Err(Exit::Fatal(reason));
            }
            Err(Fault::Passing(reason)) => monitor.trouble("output", &reason),
        }
        is_open = false;
        stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await.ok_or(Exit::Stopped)?;
    }
}

/// Opens an output, again and again until it is open. Gives how far it is, as far as it knows.
///
/// # Errors
///
/// It failed for good, or `stop` was called.
pub async fn open(
    output: &mut dyn Output,
    monitor: &Monitor,
    stop: &CancellationToken,
) -> Result<Option<Reached>, Exit> {
    let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
    loop {
        match stop.run_until_cancelled(output.open()).await.ok_or(Exit::Stopped)? {
            Ok(reached) => {
                monitor.well();
                return Ok(reached);
            }
            Err(Fault::Fatal(reason)) => {
                monitor.fatal(&reason);
                return Err(Exit::Fatal(reason));
            }
            Err(Fault::Passing(reason)) => monitor.trouble("output", &reason),
        }
        stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await.ok_or(Exit::Stopped)?;
    }
}

async fn once(
    output: &mut dyn Output,
    (step, items): (u64, &[Item]),
    reached: &mut Option<Reached>,
    is_open: bool,
) -> Result<(), Fault> {
    if !is_open {
        *reached = output.open().await?;
    }
    let there = match reached {
        Some(reached) if reached.step > step => items.len(),
        Some(Reached { step: at, items: None }) if *at == step => items.len(),
        Some(Reached { step: at, items: Some(count) }) if *at == step => {
            usize::try_from(*count).unwrap_or(usize::MAX).min(items.len())
        }
        _ => 0,
    };
    if there < items.len() {
        output.write(step, there as u64, &items[there..]).await?;
    }
    output.finish(step).await
}

fn bytes_of(item: &Item) -> u64 {
    match item {
        Item::Message { payload, .. } => payload.as_ref().map_or(0, |payload| payload.len() as u64),
        Item::Change { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::super::Wants;
    use super::*;

    /// Fails as often as it was told, and notes what is asked of it.
    struct Shaky {
        faults: Vec<Fault>,
        reached: Option<Reached>,
        calls: Vec<String>,
    }

    impl Output for Shaky {
        fn wants(&self) -> Wants {
            Wants::Messages
        }

        fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
            self.calls.push("open".into());
            let reached = self.reached;
            Box::pin(async move { Ok(reached) })
        }

        fn write<'a>(&'a mut self, step: u64, first: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
            self.calls.push(format!("write {step} {first} {}", items.len()));
            let fault = self.faults.pop();
            Box::pin(async { fault.map_or(Ok(()), Err) })
        }

        fn finish(&mut self, step: u64) -> BoxFuture<'_, Result<(), Fault>> {
            self.calls.push(format!("finish {step}"));
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_in_passing_is_tried_again_from_the_beginning_of_the_step() {
        let monitor = Monitor::default();
        let mut output = Shaky { faults: vec![Fault::Passing("away".into()); 2], reached: None, calls: Vec::new() };
        let stop = CancellationToken::new();
        deliver(&mut output, 7, &[Item::bytes("a"), Item::bytes("bc")], (&mut None, &monitor), &stop).await.unwrap();
        assert_eq!(output.calls, ["write 7 0 2", "open", "write 7 0 2", "open", "write 7 0 2", "finish 7"]);
        let status = monitor.status();
        assert_eq!((status.num_transport_errors, status.total_records, status.total_bytes), (2, 2, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_output_has_is_left_out() {
        let reached = |step, items| Some(Reached { step, items });
        for (mut knows, calls) in [
            (reached(6, Some(9)), &["write 7 0 2", "finish 7"][..]),
            (reached(7, Some(1)), &["write 7 1 1", "finish 7"]),
            (reached(7, Some(5)), &["finish 7"]),
            (reached(7, None), &["finish 7"]),
            (reached(8, Some(0)), &["finish 7"]),
        ] {
            let (monitor, stop) = (Monitor::default(), CancellationToken::new());
            let mut output = Shaky { faults: Vec::new(), reached: None, calls: Vec::new() };
            let items = [Item::bytes("a"), Item::bytes("b")];
            deliver(&mut output, 7, &items, (&mut knows, &monitor), &stop).await.unwrap();
            assert_eq!(output.calls, calls, "{knows:?}");
        }
        // Something failed and a new connection says that some of it had come.
        let (monitor, stop) = (Monitor::default(), CancellationToken::new());
        let mut output =
            Shaky { faults: vec![Fault::Passing("away".into())], reached: reached(7, Some(1)), calls: Vec::new() };
        let items = [Item::bytes("a"), Item::bytes("b")];
        deliver(&mut output, 7, &items, (&mut None, &monitor), &stop).await.unwrap();
        assert_eq!(output.calls, ["write 7 0 2", "open", "write 7 1 1", "finish 7"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_good_ends_it_and_so_does_a_stop() {
        let monitor = Monitor::default();
        let stop = CancellationToken::new();
        let mut output = Shaky { faults: vec![Fault::Fatal("never".into())], reached: None, calls: Vec::new() };
        let failed = deliver(&mut output, 1, &[Item::bytes("a")], (&mut None, &monitor), &stop).await;
        assert_eq!(failed, Err(Exit::fatal("never")));
        assert_eq!(monitor.status().fatal_error.as_deref(), Some("never"));
        stop.cancel();
        assert_eq!(deliver(&mut output, 1, &[], (&mut None, &monitor), &stop).await, Err(Exit::Stopped));
    }
}
