//! Replaying, editing and dropping dead letters.

use std::io::Read as _;
use std::process::Command;

use alluvium_messaging::dead_letter::{self, Deed, Letter, Replay, Replayed};
use alluvium_messaging::wire::frame;
use alluvium_messaging::{Bus, DynMessage, MessageSchema, Payload, ReadWire};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{letters, note, refused};
use crate::cli::broker::BrokerArgs;
use crate::cli::dlq::{DlqDropArgs, DlqEditArgs, DlqOf, DlqReplayArgs};
use crate::commands::Context;
use crate::commands::topic::{broker, named_schema};
use crate::failure::{Done, Failure};

pub async fn replay(cx: &Context, bus: &Bus, args: &DlqReplayArgs) -> Done {
    let letters = letters(bus, &args.filter.pick, args.filter.reason.as_deref()).await?;
    let how = Replay {
        to: args.to.clone(),
        dry_run: args.dry_run,
        keep: args.keep,
        new_id: args.new_id,
        per_second: args.rate,
        edited: None,
    };
    let replayed = dead_letter::replay(bus, &letters, &how).await;
    let of = &args.filter.pick.of;
    end(cx, bus, of, Deed::Replayed, letters.len(), (&replayed, args.to.as_deref())).await?;
    if !args.dry_run {
        say_that_they_stay(cx, bus);
    }
    Ok(())
}

fn say_that_they_stay(cx: &Context, bus: &Bus) {
    if bus.capabilities().watermark {
        cx.ui.say("what was published stays among the dead letters: Kafka cannot take single messages out of a topic");
    }
}

pub async fn edit(cx: &Context, of: &BrokerArgs, bus: &Bus, args: &DlqEditArgs) -> Done {
    let letter = dead_letter::show(bus, args.id, &args.of.filter()).await.map_err(refused)?;
    let before = Editable::of(cx, of, bus, &letter, args.schema.as_deref()).await?;
    let text = match args.payload.as_deref() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)?,
            None => text.to_owned(),
        },
        None => in_editor(&format!("{:#}\n", before.value))?,
    };
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::usage("The new payload is no JSON; nothing was published.").because(&error))?;
    let edited = before.encode(value)?;
    let how = Replay { edited: Some(edited), new_id: true, ..Replay::default() };
    let replayed = dead_letter::replay(bus, &[letter], &how).await;
    end(cx, bus, &args.of, Deed::Edited, 1, (&replayed, None)).await?;
    say_that_they_stay(cx, bus);
    Ok(())
}

pub async fn drop(cx: &Context, bus: &Bus, args: &DlqDropArgs) -> Done {
    let letters = letters(bus, &args.pick, args.why.as_deref()).await?;
    if args.dry_run {
        cx.ui.say("dry run: these would go; nothing did");
        let rows: Vec<Value> = letters.iter().map(|letter| json!(letter)).collect();
        cx.ui.rows(&["id", "topic", "group", "reason", "error"], &rows);
        return Ok(());
    }
    if letters.is_empty() {
        cx.ui.say("there are no such dead letters");
        return Ok(());
    }
    cx.ui.confirm(&format!("Take {} dead letters out for good?", letters.len()))?;
    let mut gone = Vec::new();
    let mut failed = Ok(());
    for letter in &letters {
        match dead_letter::drop_letter(bus, letter).await {
            Ok(()) => gone.push(letter.id),
            Err(error) => {
                failed = Err(broker::refused(error).note(format!("dead letter {}", letter.id)));
                break;
            }
        }
    }
    let count = gone.len();
    note(bus, &args.pick.of, Deed::Dropped, gone, (Some(&args.reason), None)).await?;
    failed?;
    cx.ui.ok(format!("{count} dead letters are gone"));
    Ok(())
}

/// Says what became of each, and keeps who did it.
async fn end(
    cx: &Context,
    bus: &Bus,
    of: &DlqOf,
    deed: Deed,
    asked: usize,
    (replayed, to): (&[Replayed], Option<&str>),
) -> Done {
    let rows: Vec<Value> = replayed
        .iter()
        .map(|each| {
            let (position, problem) = match &each.result {
                None => (None, None),
                Some(Ok(receipt)) => (Some(receipt.position.to_string()), None),
                Some(Err(error)) => (None, Some(error.to_string())),
            };
            json!({ "id": each.id, "to": each.to, "position": position, "problem": problem })
        })
        .collect();
    cx.ui.rows(&["id", "to", "position", "problem"], &rows);
    if replayed.iter().all(|each| each.result.is_none()) {
        cx.ui.say("dry run: nothing was published");
        return Ok(());
    }
    let done: Vec<u64> =
        replayed.iter().filter(|each| matches!(each.result, Some(Ok(_)))).map(|each| each.id).collect();
    let published = done.len();
    note(bus, of, deed, done, (None, to)).await?;
    if published < asked {
        let message = format!("{published} of {asked} dead letters were published again.");
        return Err(Failure::unavailable("messaging.unpublished", message)
            .help("those left are still dead letters; a key stops at its first failure, so that its order is kept"));
    }
    cx.ui.ok(format!("{published} dead letters were published again"));
    Ok(())
}

/// A payload that can be written as JSON and back.
struct Editable {
    value: Value,
    schema: Option<MessageSchema>,
    /// What stands before the datum and names its schema; it stays.
    prefix: Bytes,
}

impl Editable {
    async fn of(
        cx: &Context,
        of: &BrokerArgs,
        bus: &Bus,
        letter: &Letter,
        schema: Option<&str>,
    ) -> Result<Self, Failure> {
        let payload = letter.payload().cloned().unwrap_or_default();
        let prefix = payload.slice(..prefix_bytes(&payload, letter));
        if let Some(operand) = schema {
            let schema = named_schema(cx, of, operand).await?;
            let read = DynMessage::from_datum(schema.clone(), &payload[prefix.len()..]);
            let value = read.map_or(Value::Null, |message| message.value);
            return Ok(Self { value, schema: Some(schema), prefix });
        }
        let read = bus.codecs().decode_dyn(letter.payload(), letter.headers(), ReadWire::Auto, None).await;
        if let Ok(Payload::Value(message)) = read {
            return Ok(Self { value: message.value, schema: Some(message.schema), prefix });
        }
        let value = serde_json::from_slice(&payload).map_err(|_| {
            Failure::usage(format!("Dead letter {} is neither JSON nor of a known schema.", letter.id))
                .help("name its schema with --schema, or replay it as it is")
        })?;
        Ok(Self { value, schema: None, prefix: Bytes::new() })
    }

    fn encode(self, value: Value) -> Result<Bytes, Failure> {
        let Some(schema) = self.schema else { return Ok(value.to_string().into()) };
        let datum = DynMessage::new(schema, value).and_then(|message| message.datum()).map_err(|error| {
            Failure::usage("The new payload does not fit its schema; nothing was published.").because(&error)
        })?;
        Ok([&self.prefix, &datum[..]].concat().into())
    }
}

/// Bytes that stand before the datum.
fn prefix_bytes(payload: &[u8], letter: &Letter) -> usize {
    if frame::header(letter.headers(), frame::VALUE_SCHEMA_ID).is_some() {
        return 0;
    }
    let single = frame::single_object(payload).map(|(_, datum)| datum);
    let datum = single.or_else(|| frame::confluent(payload).map(|(_, datum)| datum));
    datum.map_or(0, |datum| payload.len() - datum.len())
}

/// Lets the person change a text in their editor.
fn in_editor(text: &str) -> Result<String, Failure> {
    let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR"));
    let editor = editor.map_err(|_| {
        Failure::usage("No editor is known.").help("set EDITOR, or give the new payload with --payload")
    })?;
    let file = tempfile::Builder::new().suffix(".json").tempfile()?;
    std::fs::write(file.path(), text)?;
    let mut words = editor.split_whitespace();
    let ended = Command::new(words.next().unwrap_or("vi")).args(words).arg(file.path()).status();
    match ended {
        Ok(status) if status.success() => Ok(std::fs::read_to_string(file.path())?),
        Ok(_) => Err(Failure::usage("The editor ended with an error; nothing was published.")),
        Err(error) => Err(Failure::usage(format!("The editor `{editor}` cannot be run.")).because(&error)),
    }
}
