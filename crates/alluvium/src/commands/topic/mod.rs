//! `alluvium topic` and `alluvium asyncapi`: look after topics, publish and read messages by hand.

mod asyncapi;
pub mod broker;
mod consume;
mod look;
pub mod payload;
mod produce;

use super::Context;
use crate::cli::topic::{TopicArgs, TopicCommand};
use crate::failure::Done;

pub use asyncapi::run as asyncapi;
pub use consume::time;
pub use produce::schema as named_schema;

pub async fn run(cx: &Context, args: TopicArgs) -> Done {
    let of = &args.broker;
    match &args.command {
        TopicCommand::List => look::list(cx, of).await,
        TopicCommand::Describe(args) => look::describe(cx, of, args).await,
        TopicCommand::Create(args) => look::create(cx, of, args).await,
        TopicCommand::Profile(args) => look::profile(cx, of, args),
        TopicCommand::Lag(args) => look::lag(cx, of, args).await,
        TopicCommand::Produce(args) => produce::run(cx, of, args).await,
        TopicCommand::Consume(args) => consume::run(cx, of, args, consume::End::Reached).await,
        TopicCommand::Tail(args) => consume::run(cx, of, args, consume::End::Never).await,
        TopicCommand::Asyncapi(args) => asyncapi::run(cx, of, args).await,
    }
}
