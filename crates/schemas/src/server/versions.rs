//! One version of a subject.

use std::sync::Arc;

use alluvium_kernel::{Access, Problem};
use serde_json::{Value, json};

use super::answer::Answer;
use super::ids::{Shape, described, text, wants_all};
use super::params::Wanted;
use super::route::Call;
use crate::contract::DeleteVersion;
use crate::error;
use crate::index::Entry;
use crate::model::{Referrer, Version};
use crate::subject::Name;

/// The version that a path means, hidden ones only if asked for.
pub(super) fn find(call: &Call<'_>, name: &Name, version: &str) -> Result<(Version, Arc<Entry>), Problem> {
    let wanted = Wanted::parse(version)?;
    let hidden = call.params.flag(&["deleted"]);
    let unknown = || error::subject_not_found(&name.qualified());
    let context = call.view.context(&name.context).ok_or_else(unknown)?;
    let subject = context.registry.subject(&name.subject).ok_or_else(unknown)?;
    if subject.versions.is_empty() || (!hidden && subject.latest().is_none()) {
        return Err(unknown());
    }
    let found = match wanted {
        Wanted::Latest if call.server.listener.dialect == super::Dialect::Karapace && hidden => subject.versions.last(),
        Wanted::Latest => subject.latest(),
        Wanted::Number(number) => subject.version(number).filter(|found| hidden || !found.deleted),
    };
    let printed = match wanted {
        Wanted::Latest => "latest".to_owned(),
        Wanted::Number(number) => number.to_string(),
    };
    let found = *found.ok_or_else(|| error::version_not_found(printed))?;
    let entry = context.entry(found.id).cloned().ok_or_else(|| error::mistake("a version has no text"))?;
    Ok((found, entry))
}

/// `GET /subjects/{s}/versions/{v}`
pub(super) async fn get(call: &mut Call<'_>, segment: &str, version: &str) -> Result<Answer, Problem> {
    Wanted::parse(version)?;
    let name = call.name_anywhere(segment)?;
    let (found, entry) = find(call, &name, version)?;
    let full = wants_all(call);
    let shape = Shape { subject: Some(&name), version: Some(found.version), full };
    Ok(Answer::Json(Value::Object(described(call, &name.context, &entry, shape).await?)))
}

/// `GET /subjects/{s}/versions/{v}/schema`
pub(super) async fn schema(call: &mut Call<'_>, segment: &str, version: &str) -> Result<Answer, Problem> {
    Wanted::parse(version)?;
    let name = call.name_anywhere(segment)?;
    let (_, entry) = find(call, &name, version)?;
    Ok(Answer::Text(text(call, &name.context, &entry).await?))
}

/// `GET /subjects/{s}/versions/{v}/referencedby`
pub(super) fn referenced_by(call: &mut Call<'_>, segment: &str, version: &str) -> Result<Answer, Problem> {
    Wanted::parse(version)?;
    let name = call.name_anywhere(segment)?;
    let (found, _) = find(call, &name, version)?;
    let hidden = call.params.flag(&["deleted"]);
    let registry = call.registry(&name.context).ok_or_else(|| error::subject_not_found(&name.qualified()))?;
    let counts = |by: &&Referrer| {
        let context = by.context.as_ref().unwrap_or(&name.context);
        let Some(other) = call.registry(context) else { return false };
        let seen = other.content(by.id).is_some_and(|content| call.reads_any(context, &content.uses));
        seen && (hidden || other.is_live(by.id))
    };
    let referrers = registry.referrers(&name.subject, found.version).iter();
    let mut ids: Vec<u32> = referrers.filter(counts).map(|by| by.id).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(Answer::Json(json!(call.params.page(ids, usize::MAX)?)))
}

/// `DELETE /subjects/{s}/versions/{v}`
pub(super) async fn delete(call: &mut Call<'_>, segment: &str, version: &str) -> Result<Answer, Problem> {
    let version = match Wanted::parse(version)? {
        Wanted::Latest => -1,
        Wanted::Number(number) => number.cast_signed(),
    };
    let permanent = call.params.flag(&["permanent"]);
    let name = call.name(segment, if permanent { Access::Admin } else { Access::Write })?;
    let command = DeleteVersion { context: name.context, subject: name.subject, version, permanent };
    let mut result = call.send(command).await?;
    Ok(Answer::Json(result["version"].take()))
}

/// `GET /subjects/{s}/metadata`
pub(super) async fn by_metadata(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let name = call.name_anywhere(segment)?;
    let hidden = call.params.flag(&["deleted"]);
    let wanted: Vec<(&str, &str)> = call.params.all("key").zip(call.params.all("value")).collect();
    let unknown = || error::subject_not_found(&name.qualified());
    let context = call.view.context(&name.context).ok_or_else(unknown)?;
    let subject = context.registry.subject(&name.subject).filter(|subject| !subject.versions.is_empty());
    let subject = subject.ok_or_else(unknown)?;
    let mut versions = subject.versions.iter().rev().filter(|version| hidden || !version.deleted);
    let found = versions.find_map(|version| {
        let entry = context.entry(version.id)?;
        let metadata: Value = serde_json::from_str(entry.metadata.as_deref().unwrap_or("{}")).ok()?;
        let has = |(key, value): &(&str, &str)| metadata["properties"][*key] == **value;
        wanted.iter().all(has).then(|| (version.version, entry.clone()))
    });
    let (version, entry) = found.ok_or_else(error::schema_not_found)?;
    let full = wants_all(call);
    let shape = Shape { subject: Some(&name), version: Some(version), full };
    Ok(Answer::Json(Value::Object(described(call, &name.context, &entry, shape).await?)))
}
