//! Tags: a version with other tags, metadata or rules is a new version of the same text.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{Access, Problem};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::body;
use super::route::Call;
use super::subjects::registered;
use crate::content::pack;
use crate::contract::Submission;
use crate::error;
use crate::index::Entry;
use crate::kinds::SchemaType;
use crate::model::metadata;
use crate::subject::Name;
use crate::world::sent;

/// The attribute that tags stand under in the text of a schema.
const INLINE: &str = "confluent:tags";

/// `POST /subjects/{s}/versions/{v}/tags`
pub(super) async fn change(call: &mut Call<'_>, segment: &str, version: &str) -> Result<Answer, Problem> {
    let access = if call.params.flag(&["force"]) { Access::Admin } else { Access::Write };
    let name = call.name(segment, access)?;
    let body = call.body().await?;
    let (_, entry) = super::versions::find(call, &name, version)?;
    let mut submission = again(&name, &entry);
    submission.version = body::number(&body, "newVersion")?;
    if let Some(value) = body.get("metadata").filter(|value| !value.is_null()) {
        submission.metadata = Some(metadata::metadata(value)?.to_string());
    }
    let rules = rules(&body, &entry)?;
    if let Some(rules) = rules {
        submission.rule_set = Some(rules.to_string());
    }
    let mut tags = Map::new();
    for (from, to) in [("tagsToAdd", "schemaTagsToAdd"), ("tagsToRemove", "schemaTagsToRemove")] {
        if let Some(value) = body.get(from).filter(|value| !value.is_null()) {
            tags.insert(to.to_owned(), value.clone());
        }
    }
    tagged(&mut submission, &Value::Object(tags))?;
    registered(call, &name, submission).await
}

/// Registering what has no text of its own, only tags: of the newest version.
pub(super) fn retag(call: &Call<'_>, name: &Name, submission: &mut Submission, tags: &Value) -> Result<(), Problem> {
    let before = super::versions::find(call, name, "latest").ok().map(|(_, entry)| entry);
    if let (Some(before), true) = (&before, submission.metadata.is_none()) {
        submission.metadata = before.metadata.as_deref().map(str::to_owned);
    }
    tagged(submission, tags)
}

/// Adds the tags of the newest version to those of a submission that has metadata of its own; one without has the newest
/// version's whole.
pub(super) fn propagate(call: &Call<'_>, name: &Name, submission: &mut Submission) {
    let Ok((_, before)) = super::versions::find(call, name, "latest") else { return };
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let Some(mut metadata) = submission.metadata.as_deref().and_then(read) else { return };
    let tags = before.metadata.as_deref().and_then(read).and_then(|mut metadata| match metadata["tags"].take() {
        Value::Object(tags) => Some(tags),
        _ => None,
    });
    for (path, names) in tags.into_iter().flatten() {
        let own = &mut metadata["tags"][path];
        let mut all: Vec<Value> = own.as_array().cloned().unwrap_or_default();
        let more: Vec<Value> =
            names.as_array().into_iter().flatten().filter(|name| !all.contains(name)).cloned().collect();
        all.extend(more);
        *own = Value::Array(all);
    }
    submission.metadata = Some(metadata.to_string());
}

/// What `findTags` asks for: the tags in metadata and, of Avro, those in the text itself, by what they are tags of.
pub(super) fn found(entry: &Entry) -> Value {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut records = BTreeSet::new();
    if entry.kind == SchemaType::Avro
        && let Ok(text) = serde_json::from_str(&entry.text)
    {
        inline(&text, "", &mut all, &mut records);
    }
    let metadata = entry.metadata.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let tags = metadata.as_ref().and_then(|metadata| metadata["tags"].as_object());
    for (path, names) in tags.into_iter().flatten() {
        all.entry(path.clone()).or_default().extend(texts(names));
    }
    let told = all.into_iter().map(|(path, tags)| {
        let kind = if records.contains(&path) { "SR_RECORD" } else { "SR_FIELD" };
        json!({"schemaEntity": {"entityPath": path, "entityType": kind}, "tags": tags})
    });
    told.collect()
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

/// Walks a parsed text, which is no deeper than a reader of JSON goes, and notes its records, and tags beside what has them.
fn inline(
    schema: &Value,
    namespace: &str,
    all: &mut BTreeMap<String, BTreeSet<String>>,
    records: &mut BTreeSet<String>,
) {
    if let Value::Array(branches) = schema {
        branches.iter().for_each(|branch| inline(branch, namespace, all, records));
    }
    let Value::Object(object) = schema else { return };
    for part in ["type", "items", "values"] {
        if let Some(inner) = object.get(part).filter(|inner| !inner.is_string()) {
            inline(inner, namespace, all, records);
        }
    }
    let (Some(name), Some(fields)) =
        (object.get("name").and_then(Value::as_str), object.get("fields").and_then(Value::as_array))
    else {
        return;
    };
    let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
    let full = if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") };
    let within = full.rsplit_once('.').map_or("", |(within, _)| within).to_owned();
    let mut note = |path: String, of: &Value| {
        if of[INLINE].is_array() {
            all.entry(path).or_default().extend(texts(&of[INLINE]));
        }
    };
    note(full.clone(), schema);
    for field in fields {
        note(format!("{full}.{}", field["name"].as_str().unwrap_or_default()), field);
    }
    for field in fields {
        inline(&field["type"], &within, all, records);
    }
    records.insert(full);
}

/// The version that is there, as something to register.
fn again(name: &Name, entry: &Entry) -> Submission {
    let (text, packed) = pack(&entry.text);
    Submission {
        subject: name.subject.clone(),
        r#type: entry.kind.as_str().to_owned(),
        text,
        packed,
        references: entry.references.iter().map(sent).collect(),
        metadata: entry.metadata.as_deref().map(str::to_owned),
        rule_set: entry.rule_set.as_deref().map(str::to_owned),
        id: None,
        version: None,
        assessment: None,
    }
}

fn rules(body: &Map<String, Value>, entry: &Entry) -> Result<Option<Value>, Problem> {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    if let Some(value) = given("ruleSet") {
        return metadata::rule_set(value).map(Some);
    }
    let before: Option<Value> = entry.rule_set.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let merged = match given("rulesToMerge") {
        Some(value) => metadata::merge(before.as_ref(), Some(&metadata::rule_set(value)?), None),
        None if given("rulesToRemove").is_none() => return Ok(None),
        None => before,
    };
    let mut merged = merged.unwrap_or_else(|| json!({}));
    let names: Vec<&Value> = given("rulesToRemove").and_then(Value::as_array).into_iter().flatten().collect();
    for list in merged.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut) {
        list.retain(|rule| !names.contains(&&rule["name"]));
    }
    Ok(Some(merged))
}

/// Adds and takes away tags: `[{schemaEntity: {entityPath, entityType}, tags: […]}]`, kept in metadata by path.
fn tagged(submission: &mut Submission, tags: &Value) -> Result<(), Problem> {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let mut metadata = submission.metadata.as_deref().and_then(read).unwrap_or_else(|| json!({}));
    let mut changed = false;
    for (key, adds) in [("schemaTagsToAdd", true), ("schemaTagsToRemove", false)] {
        let list = match tags.get(key) {
            None => continue,
            Some(value) => value.as_array().ok_or_else(|| error::malformed(format!("`{key}` must be a list.")))?,
        };
        for item in list {
            let path = item["schemaEntity"]["entityPath"].as_str();
            let path = path.ok_or_else(|| error::malformed("A tag needs `schemaEntity.entityPath`."))?;
            let names: Vec<&str> = item["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let all = &mut metadata["tags"][path];
            let mut kept: Vec<String> =
                all.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            kept.retain(|name| !names.contains(&name.as_str()));
            if adds {
                kept.extend(names.into_iter().map(str::to_owned));
            }
            *all = json!(kept);
            changed = true;
        }
    }
    if changed {
        if let Some(all) = metadata["tags"].as_object_mut() {
            all.retain(|_, names| names.as_array().is_some_and(|names| !names.is_empty()));
        }
        submission.metadata = Some(metadata.to_string());
    }
    Ok(())
}
