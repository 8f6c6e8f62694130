//! `alluvium dlq`: messages that could not be handled, looked at, replayed, edited and dropped.

mod change;
mod look;

use alluvium_messaging::Bus;
use alluvium_messaging::dead_letter::{self, Action, Deed, Filter, Letter};
use alluvium_messaging::transport::AdminError;

use super::Context;
use super::topic::{broker, time};
use crate::cli::broker::Broker;
use crate::cli::dlq::{DlqArgs, DlqCommand, DlqOf, DlqPick};
use crate::failure::{Done, Failure};

pub async fn run(cx: &Context, args: DlqArgs) -> Done {
    if args.broker.transport == Broker::Kafka && matches!(args.command, DlqCommand::Drop(_)) {
        let message = "Kafka cannot take a single message out of a topic: a dead letter there cannot be dropped.";
        return Err(Failure::usage(message).help("it goes when the retention of its topic says so"));
    }
    let bus = broker::open(cx, &args.broker, Some(&args.tenant)).await?;
    match &args.command {
        DlqCommand::List(filter) => look::list(cx, &bus, filter).await,
        DlqCommand::Show(args) => look::show(cx, &bus, args).await,
        DlqCommand::Stats(filter) => look::stats(cx, &bus, filter).await,
        DlqCommand::Export(args) => look::export(cx, &bus, args).await,
        DlqCommand::History(of) => look::history(cx, &bus, of).await,
        DlqCommand::Replay(args) => change::replay(cx, &bus, args).await,
        DlqCommand::Edit(edit) => change::edit(cx, &args.broker, &bus, edit).await,
        DlqCommand::Drop(args) => change::drop(cx, &bus, args).await,
    }
}

/// The dead letters that a command is about.
async fn letters(bus: &Bus, pick: &DlqPick, reason: Option<&str>) -> Result<Vec<Letter>, Failure> {
    let filter = Filter {
        ids: pick.ids.clone(),
        reason: reason.map(str::to_owned),
        since: pick.since.as_deref().map(time).transpose()?,
        key: pick.message_key.clone(),
        limit: pick.limit,
        ..pick.of.filter()
    };
    dead_letter::list(bus, &filter).await.map_err(refused)
}

/// What the broker says no to.
fn refused(error: AdminError) -> Failure {
    let unsupported = matches!(error, AdminError::Unsupported { .. });
    let failure = broker::refused(error);
    if unsupported {
        failure.help("add `--topic T --group G`: dead letters of Kafka lie in a topic T.G.dlq")
    } else {
        failure
    }
}

/// Keeps who did what.
async fn note(bus: &Bus, of: &DlqOf, deed: Deed, ids: Vec<u64>, (reason, to): (Option<&str>, Option<&str>)) -> Done {
    if ids.is_empty() {
        return Ok(());
    }
    let user = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let by = format!("{user}@{}", bus.instance());
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let action = Action { deed, ids, by, reason: owned(reason), to: owned(to), at: String::new() };
    dead_letter::note(bus, &of.filter(), action).await.map(drop).map_err(|error| {
        Failure::unavailable("messaging.unpublished", "It was done, but who did it could not be kept.").because(&error)
    })
}
