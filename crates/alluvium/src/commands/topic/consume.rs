//! `consume` and `tail`: messages of a topic, one line each.

use std::io::Write as _;
use std::time::Duration;

use alluvium_kernel::Timestamp;
use alluvium_messaging::bus::{OnPoison, SubscribeOpts, Subscription};
use alluvium_messaging::consume::{Channel, Opaque};
use alluvium_messaging::transport::{Incoming, StartFrom, SubscribeError};
use alluvium_messaging::{Bus, MessageSchema};
use serde_json::{Value, json};

use super::payload::{self, Read, Reader, told_headers, told_key};
use super::{broker, produce};
use crate::cli::broker::{Broker, BrokerArgs};
use crate::cli::topic::{ConsumeArgs, PayloadFormat};
use crate::commands::Context;
use crate::failure::{Done, Exit, Failure};

/// How long nothing may come before the broker is asked whether there is more.
const QUIET: Duration = Duration::from_millis(300);

/// Where reading ends by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// When everything there was is read.
    Reached,
    /// Not at all.
    Never,
}

pub async fn run(cx: &Context, of: &BrokerArgs, args: &ConsumeArgs, end: End) -> Done {
    let wanted = Wanted::of(args)?;
    let from = start(args, end)?;
    let bus = broker::open(cx, of, None).await?;
    let schema = match &args.schema {
        Some(operand) => Some(produce::schema(cx, of, operand).await?),
        None => None,
    };
    let opts = SubscribeOpts::new().from(from).on_poison(OnPoison::Stop).manual(true);
    let opts = args.group.iter().fold(opts, SubscribeOpts::group);
    let mut messages = bus.subscribe_raw(channel(of, args), opts).await.map_err(unreadable)?;
    let read = follow(&bus, &mut messages, schema.as_ref(), args, &wanted, end).await;
    // What was printed of a group is acknowledged already; the rest is for whoever comes next.
    messages.close().await.map_err(|error| broker::unreachable(&error))?;
    read
}

/// Why a topic cannot be read.
fn unreadable(error: SubscribeError) -> Failure {
    match error {
        SubscribeError::NoSource(_) => Failure::new(Exit::NotFound, error.code(), error.to_string()),
        SubscribeError::SeveralSources { .. } => {
            Failure::new(Exit::Usage, error.code(), error.to_string()).help("add `--stream NAME`")
        }
        _ => broker::unreachable(&error),
    }
}

/// On JetStream what a person names is a subject.
fn channel(of: &BrokerArgs, args: &ConsumeArgs) -> Channel {
    let mut channel = Channel::new(args.topic.as_str());
    if of.transport == Broker::Jetstream {
        channel.filters = vec![args.topic.clone()];
        channel.stream = args.stream.as_deref().map(Into::into);
    }
    channel
}

async fn follow(
    bus: &Bus,
    messages: &mut Subscription<Opaque>,
    schema: Option<&MessageSchema>,
    args: &ConsumeArgs,
    wanted: &Wanted,
    end: End,
) -> Done {
    let reader = Reader { bus, schema };
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let next = messages.next(QUIET).await.map_err(|error| broker::unreachable(&error))?;
        let Some(message) = next else {
            if end == End::Reached && lag(messages).await? == 0 {
                break;
            }
            continue;
        };
        let incoming = message.raw();
        if wanted.until.is_some_and(|until| incoming.time >= until) {
            break;
        }
        if wanted.key.as_ref().is_none_or(|key| told_key(incoming.key.as_ref()).as_ref() == Some(key)) {
            let tagged = args.format == PayloadFormat::AvroJson;
            let read = reader.read(incoming.payload.as_ref(), &incoming.headers, tagged).await;
            if wanted.takes(&read) {
                print(args, incoming, read)?;
                left -= 1;
            }
        }
        message.ack().await.map_err(|error| broker::unreachable(&error))?;
    }
    Ok(())
}

async fn lag(messages: &Subscription<Opaque>) -> Result<u64, Failure> {
    Ok(messages.lag().await.map_err(|error| broker::unreachable(&error))?.total())
}

fn print(args: &ConsumeArgs, incoming: &Incoming, read: Read) -> Done {
    let bytes = incoming.payload.as_ref();
    let mut out = std::io::stdout().lock();
    if payload::is_bare(args.format) {
        let bytes = bytes.map_or(&[][..], |bytes| bytes);
        match args.format {
            PayloadFormat::Hex => out.write_all(hex::encode(bytes).as_bytes())?,
            _ => out.write_all(bytes)?,
        }
        return Ok(out.write_all(b"\n").and_then(|()| out.flush())?);
    }
    let mut line = json!({ "subject": incoming.subject, "position": incoming.position.to_string(),
                           "time": incoming.time.to_rfc3339() });
    if let Some(key) = told_key(incoming.key.as_ref()) {
        line["key"] = json!(key);
    }
    payload::told(read, bytes, &mut line);
    if args.headers {
        line["headers"] = told_headers(&incoming.headers);
    }
    Ok(writeln!(out, "{line}").and_then(|()| out.flush())?)
}

/// Which messages are printed.
struct Wanted {
    until: Option<Timestamp>,
    key: Option<String>,
    fields: Vec<(String, String)>,
}

impl Wanted {
    fn of(args: &ConsumeArgs) -> Result<Self, Failure> {
        let fields = args.filter.iter().map(|filter| {
            filter.split_once('=').map(|(field, value)| (field.to_owned(), value.to_owned())).ok_or_else(|| {
                Failure::usage(format!("`{filter}` is no filter.")).help("write FIELD=VALUE, e.g. order.city=Brno")
            })
        });
        Ok(Self {
            until: args.until.as_deref().map(time).transpose()?,
            key: args.message_key.clone(),
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    fn takes(&self, read: &Read) -> bool {
        let Read::Value(value, _) = read else { return self.fields.is_empty() };
        self.fields.iter().all(|(field, wanted)| {
            match field.split('.').try_fold(value, |value, name| value.get(name)) {
                Some(Value::String(text)) => text == wanted,
                Some(other) => serde_json::from_str(wanted).is_ok_and(|wanted: Value| wanted == *other),
                None => false,
            }
        })
    }
}

fn start(args: &ConsumeArgs, end: End) -> Result<StartFrom, Failure> {
    if args.group.is_some() {
        return Ok(StartFrom::Stored);
    }
    match args.from.as_deref() {
        None if end == End::Never => Ok(StartFrom::Latest),
        None | Some("earliest") => Ok(StartFrom::Earliest),
        Some("latest") => Ok(StartFrom::Latest),
        Some(text) => match text.parse() {
            Ok(sequence) => Ok(StartFrom::Seq(sequence)),
            Err(_) => time(text).map(StartFrom::Time),
        },
    }
}

/// A moment as it is typed.
pub fn time(text: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse(text)
        .ok_or_else(|| Failure::usage(format!("`{text}` is no time.")).help("write it like 2026-01-31T12:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_compared_as_they_are_printed() {
        let wanted = |fields: &[(&str, &str)]| Wanted {
            until: None,
            key: None,
            fields: fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
        };
        let read = || Read::Value(json!({ "order": { "city": "Brno", "paid": true }, "total": 12 }), None);
        assert!(wanted(&[("order.city", "Brno"), ("order.paid", "true"), ("total", "12")]).takes(&read()));
        assert!(!wanted(&[("order.city", "Brno"), ("total", "13")]).takes(&read()));
        assert!(!wanted(&[("order.missing", "")]).takes(&read()));
        assert!(wanted(&[]).takes(&Read::Unreadable("why".into())) && !wanted(&[("a", "b")]).takes(&Read::Tombstone));
    }
}
