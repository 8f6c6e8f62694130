//! Who would break: a dry run that says which versions' readers cannot read the new schema, and who reads the topic.
//!
//! What is known: the versions of the subject, the schemas that refer to it, and the durable consumers on JetStream whose
//! filters meet the topic. What is not: which version a consumer was built against, and the groups of a Kafka cluster. The
//! answer says so.

use alluvium_kernel::{Access, Problem};
use async_nats::jetstream;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::answer::Answer;
use super::body;
use super::route::Call;
use super::subjects::identified;
use crate::assess::{Refused, Scope, check, history};
use crate::error;
use crate::model::Level;
use crate::subject::Name;
use crate::world::World;

/// Most consumers of one answer.
const CONSUMERS_MAX: usize = 1_000;
/// What the answer cannot know.
const UNKNOWN: &str = "Which version a consumer was built against is not recorded anywhere: a consumer breaks if it was built \
                       against a version whose readers do. Consumer groups on Kafka are not known here.";

/// `POST /compatibility/subjects/{s}/consumers`
pub(super) async fn would_break(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let name = call.name(segment, Access::Read)?;
    let body = call.body().await?;
    let sent = body::submission(body, &name)?;
    let new = identified(call, &name, &sent.submission, true).await.map_err(Refused::registering)?;
    let mut world = World::reading(&call.server.library, call.view.clone());
    let scope = Scope::of(&mut world, &name, call.server.settings).await?;
    let level = scope.level();
    let found = check(&mut world, &name, &new, &history(&scope.own, &name, level), level).await?;
    let mut readers = Vec::new();
    for version in history(&scope.own, &name, Level::ForwardTransitive) {
        let broken = check(&mut world, &name, &new, std::slice::from_ref(&version), Level::Forward).await?;
        let reasons: Vec<String> = broken.into_iter().flat_map(|against| against.short).collect();
        readers.push(
            json!({"version": version.version, "id": version.id, "reads_new": reasons.is_empty(), "messages": reasons}),
        );
    }
    let any_breaks = readers.iter().any(|reader| reader["reads_new"] == false);
    let topic = topic(&name.subject);
    let consumers = consumers(&call.server.js, topic).await?;
    Ok(Answer::Json(json!({
        "is_compatible": found.is_empty(),
        "level": level.as_str(),
        "topic": topic,
        "readers": readers,
        "referring": referring(call, &name),
        "consumers": consumers,
        "consumers_may_break": any_breaks && !consumers.is_empty(),
        "unknown": UNKNOWN,
    })))
}

/// The topic that a subject's name is made of, by the usual strategies.
fn topic(subject: &str) -> &str {
    subject.strip_suffix("-value").or_else(|| subject.strip_suffix("-key")).unwrap_or(subject)
}

/// Live schemas that refer to the newest version: they keep the version they name, and break when they move to the new one.
fn referring(call: &Call<'_>, name: &Name) -> Vec<Value> {
    let Some(registry) = call.registry(&name.context) else { return vec![] };
    let Some(latest) = registry.subject(&name.subject).and_then(|subject| subject.latest()) else { return vec![] };
    let referrers = registry.referrers(&name.subject, latest.version).iter();
    let uses = referrers.flat_map(|by| {
        let context = by.context.clone().unwrap_or_else(|| name.context.clone());
        let content = call.registry(&context).and_then(|other| other.content(by.id));
        let uses = content.map(|content| content.uses.clone()).unwrap_or_default();
        let names = uses.into_iter().map(move |(subject, version)| (Name::of(&context, &subject), version));
        let seen = names.filter(|(name, _)| call.reads(name));
        seen.map(|(name, version)| json!({"subject": name.qualified(), "version": version, "id": by.id}))
    });
    uses.collect()
}

/// Durable consumers whose filter meets a topic.
async fn consumers(js: &jetstream::Context, topic: &str) -> Result<Vec<Value>, Problem> {
    let failed = |what: &dyn std::fmt::Display| {
        let mut problem =
            Problem::unavailable("platform.log_unavailable", format!("Consumers cannot be listed: {what}."));
        problem.details = Some(json!({"error_code": 50004}));
        problem
    };
    let mut found = Vec::new();
    let mut streams = js.streams();
    while let Some(info) = streams.try_next().await.map_err(|cause| failed(&cause))? {
        if !info.config.subjects.iter().any(|subject| meets(subject, topic)) {
            continue;
        }
        let stream = js.get_stream(&info.config.name).await.map_err(|cause| failed(&cause))?;
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.try_next().await.map_err(|cause| failed(&cause))? {
            let config = consumer.config;
            let mut filters = config.filter_subjects;
            filters.extend((!config.filter_subject.is_empty()).then_some(config.filter_subject));
            let reads = filters.is_empty() || filters.iter().any(|filter| meets(filter, topic));
            if let (true, Some(durable)) = (reads, config.durable_name) {
                found.push(json!({"stream": info.config.name, "durable": durable, "filters": filters, "pending": consumer.num_pending}));
            }
            if found.len() > CONSUMERS_MAX {
                return Err(error::malformed(format!("More than {CONSUMERS_MAX} consumers read `{topic}`.")));
            }
        }
    }
    Ok(found)
}

/// Whether a subject with wildcards and a topic have a subject in common; a topic stands for what is below it as well.
fn meets(pattern: &str, topic: &str) -> bool {
    let (mut pattern, mut topic) = (pattern.split('.'), topic.split('.'));
    loop {
        match (pattern.next(), topic.next()) {
            (Some(">"), _) | (_, None) => return true,
            (Some(asked), Some(part)) if asked == "*" || asked == part => {}
            (_, Some(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_meet_topics() {
        for (pattern, name, expected) in [
            ("orders", "orders", true),
            ("shop.*.orders", "shop.eu.orders", true),
            ("shop.>", "shop.eu.orders", true),
            ("orders.*", "orders", true),
            ("orders", "order", false),
            ("shop.eu", "shop.eu.orders", false),
        ] {
            assert_eq!(meets(pattern, name), expected, "{pattern} {name}");
        }
        assert_eq!([topic("a-value"), topic("a-key"), topic("com.x.A")], ["a", "a", "com.x.A"]);
    }
}
