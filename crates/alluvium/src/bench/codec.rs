//! Encoding and decoding of message types, beside the Avro codec they stand on with the schema in hand and a buffer of its own.

mod figures;

use super::{Measured, Results, Run};

/// Messages of one round.
const MESSAGES: u64 = 200_000;
/// What is promised.
const SHARE: f64 = 0.8;
/// What is promised where the writer's schema needs rewriting: at most 1.2 times the raw time.
const RESOLVED_SHARE: f64 = 0.83;

pub async fn run(run: Run) -> Results {
    let count = run.scaled(MESSAGES, 1_000);
    let figures =
        tokio::task::spawn_blocking(move || figures::measure(count)).await.map_err(crate::failure::Failure::bug)?;
    Ok(figures
        .into_iter()
        .map(|figure| {
            let share = if figure.resolved { RESOLVED_SHARE } else { SHARE };
            let beside = if figure.resolved {
                "apache-avro, resolved and read by serde"
            } else {
                "serde_avro_fast, buffer reused"
            };
            Measured::share(figure.path, "messages/s", figure.ours, figure.raw, share, beside)
        })
        .collect())
}
