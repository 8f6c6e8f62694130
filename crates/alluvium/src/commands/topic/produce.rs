//! `produce`: lines of JSON become messages.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use alluvium_messaging::transport::{Outgoing, Pending, Position};
use alluvium_messaging::wire::Fields;
use alluvium_messaging::{Bus, DynMessage, Headers, MessageSchema, Wire, headers};
use futures::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio::time::Instant;
use tokio_util::codec::{FramedRead, LinesCodec};

use super::broker;
use crate::cli::broker::{Broker, BrokerArgs};
use crate::cli::topic::{ProduceArgs, WireArg};
use crate::commands::Context;
use crate::commands::schema::Operands;
use crate::failure::{Done, Failure};

/// Messages whose acknowledgement is waited for at once.
const WAITING_MESSAGES_MAX: usize = 1_024;
/// Bytes of one line.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long the last acknowledgements may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

pub async fn run(cx: &Context, of: &BrokerArgs, args: &ProduceArgs) -> Done {
    let writer = Writer::of(cx, of, args).await?;
    let bus = broker::open(cx, of, None).await?;
    if args.file != Path::new("-") {
        // A file is read whole before the first of it is published: a bad line leaves nothing half done.
        let mut lines = lines(&args.file).await?;
        while let Some((number, line)) = lines.next().await.transpose()? {
            writer
                .message(&bus, &line)
                .await
                .map_err(|failure| failure.note(format!("line {number}; nothing was published")))?;
        }
    }
    let mut publisher = Publisher { bus: &bus, waiting: VecDeque::new(), published: 0, last: None };
    let mut lines = lines(&args.file).await?;
    let began = Instant::now();
    let result: Done = async {
        while let Some((number, line)) = lines.next().await.transpose()? {
            let message =
                writer.message(&bus, &line).await.map_err(|failure| failure.note(format!("line {number}")))?;
            publisher.publish(message).await?;
            if let Some(rate) = args.rate {
                tokio::time::sleep_until(began + Duration::from_secs(number) / rate).await;
            }
        }
        Ok(())
    }
    .await;
    let settled = publisher.settle(0).await;
    let told = publisher.told();
    result.and(settled).map_err(|failure| failure.note(told.clone()))?;
    bus.close(CLOSE_WITHIN).await.map_err(|error| broker::unreachable(&error))?;
    cx.ui.ok(told);
    Ok(())
}

/// The lines of a file or of stdin that are not empty, with their numbers.
async fn lines(file: &Path) -> Result<impl Stream<Item = Result<(u64, String), Failure>> + use<>, Failure> {
    let input: Box<dyn AsyncRead + Send + Unpin> = if file == Path::new("-") {
        Box::new(tokio::io::stdin())
    } else {
        let opened = tokio::fs::File::open(file).await;
        Box::new(opened.map_err(|error| Failure::usage(format!("{} cannot be read.", file.display())).because(&error))?)
    };
    let lines = FramedRead::new(input, LinesCodec::new_with_max_length(LINE_BYTES_MAX)).enumerate();
    let lines = lines.filter_map(async |(at, line)| match line {
        Ok(line) if line.trim().is_empty() => None,
        Ok(line) => Some(Ok((at as u64 + 1, line))),
        Err(error) => Some(Err(Failure::usage(format!("Line {} cannot be read.", at + 1)).because(&error))),
    });
    Ok(Box::pin(lines))
}

/// The schema that a person names.
pub async fn schema(cx: &Context, of: &BrokerArgs, operand: &str) -> Result<MessageSchema, Failure> {
    let schema = Operands::new(cx, &of.registry).schema(operand).await?;
    let text = schema.inlined_text();
    MessageSchema::parse(&text)
        .map_err(|error| Failure::usage(format!("{operand} is no valid schema.")).because(&error))
}

/// Makes messages of lines.
struct Writer<'a> {
    args: &'a ProduceArgs,
    schema: Option<MessageSchema>,
    wire: Wire,
    subject: String,
    headers: Headers,
}

impl<'a> Writer<'a> {
    async fn of(cx: &Context, of: &BrokerArgs, args: &'a ProduceArgs) -> Result<Self, Failure> {
        let schema = match &args.schema {
            Some(operand) => Some(schema(cx, of, operand).await?),
            None => None,
        };
        let wire = match (args.wire, of.transport) {
            (Some(WireArg::Confluent), _) | (None, Broker::Kafka) => Wire::Confluent,
            (Some(WireArg::ConfluentHeader), _) => Wire::ConfluentHeader,
            (Some(WireArg::SingleObject), _) | (None, Broker::Jetstream) => Wire::SingleObject,
            (Some(WireArg::Raw), _) => Wire::Raw,
            (Some(WireArg::Json), _) => Wire::Json,
        };
        let mut headers = Headers::new();
        for header in &args.headers {
            let wrong = |why: String| Failure::usage(format!("`{header}` is no header.")).help(why);
            let (name, value) = header.split_once('=').ok_or_else(|| wrong("write NAME=VALUE".to_owned()))?;
            headers::check_user_name(name).map_err(|error| wrong(error.to_string()))?;
            headers.append(name.to_owned(), value.to_owned());
        }
        let subject = args.schema_subject.clone().unwrap_or_else(|| format!("{}-value", args.topic));
        Ok(Self { args, schema, wire, subject, headers })
    }

    async fn message(&self, bus: &Bus, line: &str) -> Result<Outgoing, Failure> {
        let value: Value =
            serde_json::from_str(line).map_err(|error| Failure::usage("A line is no JSON.").because(&error))?;
        let does_not_fit =
            |error: &(dyn std::error::Error + 'static)| Failure::usage("A line does not fit.").because(error);
        let fields = Fields(&value);
        let key = self.args.message_key.as_deref().map_or(Ok(None), |path| fields.key(path));
        let key = key.map_err(|error| does_not_fit(&error))?;
        let subject = fields.subject(&self.args.topic, self.args.message_key.as_deref(), bus.vars());
        let subject = subject.map_err(|error| does_not_fit(&error))?;
        let (payload, mut headers) = if let Some(schema) = &self.schema {
            let message = DynMessage::new(schema.clone(), value).map_err(|error| does_not_fit(&error))?;
            let encoded = bus.codecs().encode_dyn(&message, self.wire, &self.subject).await;
            let encoded = encoded.map_err(|error| does_not_fit(&error))?;
            (encoded.payload, encoded.headers)
        } else {
            let mut headers = Headers::new();
            headers.insert(headers::CONTENT_TYPE, "application/json");
            (value.to_string().into(), headers)
        };
        headers.extend(self.headers.clone());
        let mut message = Outgoing::new(self.args.topic.as_str(), payload).on_subject(subject);
        message.headers = headers;
        message.key = key;
        message.id = Some(uuid::Uuid::now_v7().to_string());
        Ok(message)
    }
}

/// Sends messages, many at once, and counts those the broker has.
struct Publisher<'a> {
    bus: &'a Bus,
    waiting: VecDeque<Pending>,
    published: u64,
    last: Option<Position>,
}

impl Publisher<'_> {
    async fn publish(&mut self, message: Outgoing) -> Done {
        self.waiting.push_back(self.bus.send(message).await.map_err(|error| unpublished(&error))?);
        self.settle(WAITING_MESSAGES_MAX).await
    }

    /// Waits until no more than so many are under way.
    async fn settle(&mut self, left: usize) -> Done {
        while self.waiting.len() > left {
            let Some(pending) = self.waiting.pop_front() else { break };
            let receipt = pending.await.map_err(|error| unpublished(&error))?;
            self.published += 1;
            self.last = Some(receipt.position);
        }
        Ok(())
    }

    fn told(&self) -> String {
        match &self.last {
            Some(last) => format!("{} messages published, the last at {last}", self.published),
            None => "no message was published".to_owned(),
        }
    }
}

fn unpublished(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::unavailable("messaging.unpublished", "A message could not be published.").because(error)
}
