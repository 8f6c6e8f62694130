//! `alluvium dlq`: messages that could not be handled, looked at, replayed, edited and dropped.

mod change;
mod look;

use alluvium_messaging::Bus;
use alluvium_messaging::dead_letter::{self, Action, Deed, Filter, Letter};

use super::Context;
use super::topic::{broker, time};
use crate::cli::broker::Broker;
use crate::cli::dlq::{DlqArgs, DlqCommand, DlqPick};
use crate::failure::{Done, Failure};

pub async fn run(cx: &Context, args: DlqArgs) -> Done {
    if args.broker.transport == Broker::Kafka {
        let message = "Dead letters of Kafka are topics of their own, named TOPIC.GROUP.dlq.";
        return Err(Failure::usage(message).help("read them with `alluvium topic consume TOPIC.GROUP.dlq --headers`"));
    }
    let bus = broker::open(cx, &args.broker, Some(&args.tenant)).await?;
    match &args.command {
        DlqCommand::List(filter) => look::list(cx, &bus, filter).await,
        DlqCommand::Show(args) => look::show(cx, &bus, args.id).await,
        DlqCommand::Stats(filter) => look::stats(cx, &bus, filter).await,
        DlqCommand::Export(args) => look::export(cx, &bus, args).await,
        DlqCommand::History => look::history(cx, &bus).await,
        DlqCommand::Replay(args) => change::replay(cx, &bus, args).await,
        DlqCommand::Edit(edit) => change::edit(cx, &args.broker, &bus, edit).await,
        DlqCommand::Drop(args) => change::drop(cx, &bus, args).await,
    }
}

/// The dead letters that a command is about.
async fn letters(bus: &Bus, pick: &DlqPick, reason: Option<&str>) -> Result<Vec<Letter>, Failure> {
    let filter = Filter {
        ids: pick.ids.clone(),
        topic: pick.topic.clone(),
        group: pick.group.clone(),
        reason: reason.map(str::to_owned),
        since: pick.since.as_deref().map(time).transpose()?,
        key: pick.message_key.clone(),
        limit: pick.limit,
    };
    dead_letter::list(bus, &filter).await.map_err(broker::refused)
}

/// Keeps who did what.
async fn note(bus: &Bus, deed: Deed, ids: Vec<u64>, reason: Option<&str>, to: Option<&str>) -> Done {
    if ids.is_empty() {
        return Ok(());
    }
    let user = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let by = format!("{user}@{}", bus.instance());
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let action = Action { deed, ids, by, reason: owned(reason), to: owned(to), at: String::new() };
    dead_letter::note(bus, action).await.map(drop).map_err(|error| {
        Failure::unavailable("messaging.unpublished", "It was done, but who did it could not be kept.").because(&error)
    })
}
