//! `asyncapi`: message types of a program, or of a registry, as an AsyncAPI document.

use std::fs;

use alluvium_messaging::MessageSchema;
use alluvium_messaging::asyncapi::{Channel, Document, Edition, Protocol, Registered, Server, TopicShape};
use serde_json::Value;

use crate::cli::broker::{Broker, BrokerArgs};
use crate::cli::topic::AsyncapiArgs;
use crate::commands::Context;
use crate::commands::schema::{Registry, Stored, models};
use crate::failure::{Done, Exit, Failure};

/// The name that most registries give the schema of a topic's values.
const VALUE: &str = "-value";

pub async fn run(cx: &Context, of: &BrokerArgs, args: &AsyncapiArgs) -> Done {
    let edition: Edition = args.spec.parse().map_err(|error: String| Failure::usage(error))?;
    let channels = match &args.models {
        Some(file) => {
            let all = models(file)?;
            all.iter().map(|model| Channel::exported(&model.exported)).collect::<Option<_>>().ok_or_else(|| {
                Failure::usage(format!("{} holds no message types.", file.display()))
                    .help("write it with `messaging::export_models`")
            })?
        }
        None => of_registry(cx, of).await?,
    };
    let document = Document {
        edition,
        title: args.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        servers: vec![server(cx, of)?],
        channels,
    };
    let text = format!("{:#}\n", document.to_json());
    if let Some(file) = &args.check {
        return if fs::read_to_string(file).is_ok_and(|there| there == text) {
            cx.ui.ok(format!("{} is up to date", file.display()));
            Ok(())
        } else {
            let failure =
                Failure::new(Exit::Findings, "cli.outdated", format!("{} is not up to date.", file.display()));
            Err(failure.help("write it anew with --out"))
        };
    }
    match &args.out {
        Some(file) => {
            fs::write(file, text)?;
            cx.ui.ok(format!("{} is written", file.display()));
        }
        None => cx.ui.text(text.trim_end()),
    }
    Ok(())
}

fn server(cx: &Context, of: &BrokerArgs) -> Result<Server, Failure> {
    let (protocol, url) = match of.transport {
        Broker::Jetstream => (Protocol::Nats, cx.session()?.nats.unwrap_or_default()),
        Broker::Kafka => (Protocol::Kafka, of.brokers.clone().unwrap_or_default()),
    };
    // Only the host: the address may carry a password.
    let host = url.rsplit_once('@').map_or(url.as_str(), |(_, host)| host).trim_start_matches("nats://");
    let name = protocol.name().to_owned();
    Ok(Server {
        name,
        host: host.to_owned(),
        protocol,
        registry_url: of.registry.registry.as_deref().map(without_user),
    })
}

fn without_user(url: &str) -> String {
    match url.split_once("://").zip(url.rsplit_once('@')) {
        Some(((scheme, _), (_, host))) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}

/// The newest version of every subject of values, each a channel of its own.
async fn of_registry(cx: &Context, of: &BrokerArgs) -> Result<Vec<Channel>, Failure> {
    let registry = Registry::open(cx, &of.registry)?;
    let subjects = registry.get(&["subjects"], &[]).await?;
    let mut channels = Vec::new();
    for subject in subjects.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let Some(topic) = registry.unqualified(subject).strip_suffix(VALUE) else { continue };
        let found = registry.stored(&Stored::Version(subject.to_owned(), "latest".to_owned()), &[]).await?;
        if found.get("schemaType").is_some_and(|kind| kind != "AVRO") {
            cx.ui.warn(format!("{subject} is left out: only Avro is described"));
            continue;
        }
        let schema = registry.parse(subject, &found).await?;
        let text = schema.inlined_text();
        let parsed = MessageSchema::parse(&text).map_err(Failure::bug)?;
        let number = |field: &str| found[field].as_u64().and_then(|number| u32::try_from(number).ok());
        let value: Value = serde_json::from_str(&text).map_err(Failure::bug)?;
        channels.push(Channel {
            topic: topic.to_owned(),
            subject: text_of(&value, "alv.subject").unwrap_or_else(|| topic.to_owned()),
            name: schema.full_name().unwrap_or(topic).to_owned(),
            doc: text_of(&value, "doc"),
            group: text_of(&value, "alv.group"),
            key: text_of(&value, "alv.key"),
            schema: value,
            fingerprint: parsed.fp64(),
            wire: None,
            schema_subject: subject.to_owned(),
            registered: number("version").zip(number("id")).map(|(version, id)| Registered { version, id }),
            shape: TopicShape::default(),
        });
    }
    Ok(channels)
}

fn text_of(schema: &Value, attribute: &str) -> Option<String> {
    schema.get(attribute).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_gets_into_a_document() {
        assert_eq!(without_user("http://key:secret@registry:8081"), "http://registry:8081");
        assert_eq!(without_user("http://registry:8081"), "http://registry:8081");
    }
}
