//! A process that keeps all tables by itself notes how far it has decided, so that whoever folds the log without its files (after
//! a restore, or on another machine) obeys what stands there and does not ask today's rights about yesterday's rows.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::Problem;
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;

use super::claims::{ALONE, Claims, DecidedBefore};
use super::owners::DECIDED_SAVE_MS;
use super::tables::Tables;

/// What was decided before on the log made at `log`.
pub(super) async fn decided_before(js: &jetstream::Context, log: i64) -> Result<DecidedBefore, Problem> {
    match Claims::find_bucket(js, log).await? {
        Some(claims) => claims.decided_before().await,
        None => Ok(DecidedBefore::default()),
    }
}

/// Notes it until cancelled, and once more then.
pub async fn note(tables: Arc<Tables>, js: jetstream::Context, replicas: usize, stop: CancellationToken) {
    let (mut opened, mut saved) = (None, None);
    loop {
        let stopping =
            stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(DECIDED_SAVE_MS))).await.is_none();
        if let Err(problem) = turn(&tables, &js, replicas, &mut opened, &mut saved).await {
            tracing::warn!(error = %problem, "it is not noted how far the log is decided on; trying again");
        }
        if stopping {
            return;
        }
    }
}

async fn turn(
    tables: &Tables,
    js: &jetstream::Context,
    replicas: usize,
    opened: &mut Option<Claims>,
    saved: &mut Option<u64>,
) -> Result<(), Problem> {
    let fold = tables.fold();
    if fold.quarantine().is_some() {
        return Ok(());
    }
    let claims = match opened {
        Some(claims) if claims.log == fold.log_created() => claims,
        other => {
            let claims = Claims::open(js, replicas, fold.log_created()).await?;
            *saved = Some(claims.decided_by(ALONE).await?);
            other.insert(claims)
        }
    };
    // Less than before while files are folded again from the log.
    let decided = fold.progress.decided();
    if saved.is_none_or(|saved| decided > saved) {
        claims.write_decided(ALONE, decided).await?;
        *saved = Some(decided);
    }
    Ok(())
}
