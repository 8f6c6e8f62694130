//! What topics there are, what they are like, and making them.

use alluvium_messaging::profile::{PROFILES, Profile};
use alluvium_messaging::transport::{TopicInfo, TopicSpec};
use serde_json::{Value, json};

use super::broker;
use crate::cli::broker::BrokerArgs;
use crate::cli::topic::{CreateArgs, DescribeArgs, LagArgs, ProfileArgs};
use crate::commands::Context;
use crate::config::Seconds;
use crate::failure::{Done, Exit, Failure};

pub async fn list(cx: &Context, of: &BrokerArgs) -> Done {
    let bus = broker::open(cx, of, None).await?;
    let topics = bus.admin().list().await.map_err(broker::refused)?;
    let rows: Vec<Value> = topics.iter().map(row).collect();
    cx.ui.rows(&["topic", "subjects", "partitions", "replicas", "messages", "bytes"], &rows);
    Ok(())
}

pub async fn describe(cx: &Context, of: &BrokerArgs, args: &DescribeArgs) -> Done {
    let bus = broker::open(cx, of, None).await?;
    let topic = bus.admin().describe(args.topic.clone()).await.map_err(broker::refused)?;
    let mut record = row(&topic);
    if let Some((first, last)) = topic.sequences {
        record["first"] = json!(first);
        record["last"] = json!(last);
    }
    cx.ui.record(&record);
    Ok(())
}

fn row(topic: &TopicInfo) -> Value {
    json!({
        "topic": topic.name, "subjects": topic.subjects, "partitions": topic.partitions, "replicas": topic.replicas,
        "messages": topic.messages, "bytes": topic.bytes,
    })
}

pub async fn create(cx: &Context, of: &BrokerArgs, args: &CreateArgs) -> Done {
    let spec = TopicSpec {
        topic: args.topic.clone(),
        stream: args.stream.clone(),
        subjects: args.subjects.clone(),
        partitions: args.partitions,
        replicas: args.replicas,
        retention: args.retention.map(Seconds::duration),
        compact: args.compact,
        dedup: args.dedup.map(Seconds::duration),
        delays: args.delays,
    };
    if args.dry_run {
        cx.ui.say("dry run: this would be made; nothing was");
        cx.ui.record(&json!({
            "topic": spec.topic, "stream": spec.stream, "subjects": spec.subjects, "partitions": spec.partitions,
            "replicas": spec.replicas, "retention_s": spec.retention.map(|time| time.as_secs()),
            "compact": spec.compact, "delays": spec.delays, "dedup_s": spec.dedup.map(|time| time.as_secs()),
        }));
        return Ok(());
    }
    let bus = broker::open(cx, of, None).await?;
    bus.admin().create(spec).await.map_err(broker::refused)?;
    cx.ui.ok(format!("`{}` is there", args.topic));
    Ok(())
}

pub fn profile(cx: &Context, of: &BrokerArgs, args: &ProfileArgs) -> Done {
    let Some(profile) = Profile::named(&args.name) else {
        let names: Vec<&str> = PROFILES.iter().map(Profile::name).collect();
        let missing = format!("There is no profile `{}`.", args.name);
        return Err(Failure::new(Exit::NotFound, "cli.usage", missing).help(format!("there are {}", names.join(", "))));
    };
    let lines = profile.settings().lines(of.transport.name());
    let rows: Vec<Value> = lines.iter().map(|(setting, value)| json!({ "setting": setting, "value": value })).collect();
    cx.ui.rows(&["setting", "value"], &rows);
    Ok(())
}

pub async fn lag(cx: &Context, of: &BrokerArgs, args: &LagArgs) -> Done {
    let bus = broker::open(cx, of, None).await?;
    let lag = bus.admin().lag(args.topic.clone(), args.group.clone()).await.map_err(broker::refused)?;
    let rows: Vec<Value> = lag
        .partitions
        .iter()
        .map(|(partition, messages)| json!({ "partition": partition, "messages": messages }))
        .collect();
    cx.ui.rows(&["partition", "messages"], &rows);
    Ok(())
}
