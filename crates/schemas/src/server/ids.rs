//! Schemas by id, GUID and fingerprint; and how a schema is shown anywhere.

use std::sync::Arc;

use alluvium_kernel::Problem;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::params::not_found;
use super::route::Call;
use super::{Dialect, Listener};
use crate::content::{parse_guid, print_guid};
use crate::error;
use crate::index::{ContextIndex, Entry, View};
use crate::kinds::SchemaType;
use crate::subject::{DEFAULT_CONTEXT, Name};
use crate::world::World;

/// Header of clients that take fields they do not know.
pub(super) const UNKNOWN_PROPERTIES: &str = "confluent-accept-unknown-properties";

/// What is shown of a schema beside its text.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub subject: Option<&'a Name>,
    pub version: Option<u32>,
    /// Everything, for clients that take fields they do not know.
    pub full: bool,
}

/// Whether a client takes fields that it does not know.
pub(super) fn wants_all(call: &Call<'_>) -> bool {
    call.headers.get(UNKNOWN_PROPERTIES).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

/// The answer to an id and nothing else.
pub(super) fn plain(view: &View, id: u32, listener: &Listener) -> Option<Answer> {
    if listener.dialect == Dialect::Karapace || listener.java_text {
        return None;
    }
    let (_, _, entry) = find(view, id, None, |_, _| true)?;
    let bytes = entry.answer.get_or_init(|| {
        let mut shown = Map::from_iter([("schema".to_owned(), json!(&*entry.text))]);
        add_rest(&mut shown, entry, false, None);
        Bytes::from(Value::Object(shown).to_string())
    });
    Some(Answer::Written(bytes.clone()))
}

/// An id in a context, else in the default one, else in the first of the others that has it; only one that has versions, and
/// that `seen` holds of.
fn find<'v>(
    view: &'v View,
    id: u32,
    context: Option<&str>,
    seen: impl Fn(&str, &[(String, u32)]) -> bool,
) -> Option<(&'v str, &'v ContextIndex, &'v Arc<Entry>)> {
    let within = |name: &'v str, index: &'v ContextIndex| {
        let used =
            index.registry.content(id).is_some_and(|content| !content.uses.is_empty() && seen(name, &content.uses));
        index.entry(id).filter(|_| used).map(|entry| (name, index, entry))
    };
    if let Some(context) = context {
        let (name, index) = view.contexts().find(|(name, _)| *name == context)?;
        return within(name, index);
    }
    view.default_first().find_map(|(name, index)| within(name, index))
}

/// The schema of an id, where the request looks for it: in the context of its path or of `subject`.
fn wanted<'c>(call: &'c Call<'_>, id: u32) -> Result<(&'c str, &'c ContextIndex, Arc<Entry>), Problem> {
    let subject = call.params.text(&["subject"]).map(|subject| call.named_anywhere(subject));
    let within = subject.map_or_else(|| call.within.clone(), |name| name.context);
    let narrow = (within != DEFAULT_CONTEXT).then_some(within.as_str());
    let found = find(&call.view, id, narrow, |context, uses| call.reads_any(context, uses))
        .map(|(name, index, entry)| (name, index, entry.clone()));
    found.ok_or_else(|| match call.server.listener.dialect {
        Dialect::Confluent => error::id_not_found(id),
        Dialect::Karapace => error::schema_not_found(),
    })
}

/// `GET /schemas/ids/{id}`
pub(super) async fn get(call: &mut Call<'_>, id: u32) -> Result<Answer, Problem> {
    let (context, index, entry) = wanted(call, id)?;
    let full = wants_all(call);
    let name = call.params.text(&["subject"]).map(|subject| call.named_anywhere(subject));
    let name = name.filter(|name| call.reads(name));
    let version = name.as_ref().filter(|_| full).and_then(|name| {
        let subject = index.registry.subject(&name.subject)?;
        subject.versions.iter().rev().find(|version| version.id == id).map(|version| version.version)
    });
    let shape = Shape { subject: name.as_ref().filter(|_| version.is_some()), version, full };
    let mut shown = described(call, context, &entry, shape).await?;
    if !full {
        shown.remove("id");
    }
    if call.params.flag(&["fetchMaxId"]) {
        shown.insert("maxId".to_owned(), json!(index.registry.max_id()));
    }
    if call.params.flag(&["includeSubjects"]) {
        shown.insert("subjects".to_owned(), json!(users(call, index, context, id).0));
    }
    Ok(Answer::Json(Value::Object(shown)))
}

/// `GET /schemas/ids/{id}/schema`
pub(super) async fn schema(call: &mut Call<'_>, id: u32) -> Result<Answer, Problem> {
    let (context, _, entry) = wanted(call, id)?;
    Ok(Answer::Text(text(call, context, &entry).await?))
}

/// Subjects and versions that have a content: names, and pairs.
fn users(call: &Call<'_>, index: &ContextIndex, context: &str, id: u32) -> (Vec<String>, Vec<(String, u32)>) {
    let registry = &index.registry;
    let hidden = call.params.flag(&["deleted"]);
    let shows = |(subject, version): &&(String, u32)| {
        let found = registry.subject(subject).and_then(|subject| subject.version(*version));
        found.is_some_and(|version| hidden || !version.deleted)
    };
    let uses = registry.content(id).map(|content| content.uses.iter().filter(shows)).into_iter().flatten();
    let names = uses.map(|(subject, version)| (Name::of(context, subject), *version));
    let seen = names.filter(|(name, _)| call.reads(name));
    let mut pairs: Vec<(String, u32)> = seen.map(|(name, version)| (name.qualified(), version)).collect();
    pairs.sort();
    let mut names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
    names.dedup();
    (names, pairs)
}

/// `GET /schemas/ids/{id}/subjects`
pub(super) fn subjects(call: &mut Call<'_>, id: u32) -> Result<Answer, Problem> {
    let (context, index, _) = wanted(call, id).map_err(listed)?;
    let (mut names, _) = users(call, index, context, id);
    if let Some(subject) = call.params.text(&["subject"]) {
        names.retain(|name| *name == call.named_anywhere(subject).qualified());
    }
    Ok(Answer::Json(json!(call.params.page(names, usize::MAX)?)))
}

/// `GET /schemas/ids/{id}/versions`
pub(super) fn versions(call: &mut Call<'_>, id: u32) -> Result<Answer, Problem> {
    let (context, index, _) = wanted(call, id).map_err(listed)?;
    let (_, mut pairs) = users(call, index, context, id);
    if let Some(subject) = call.params.text(&["subject"]) {
        pairs.retain(|(name, _)| *name == call.named_anywhere(subject).qualified());
    }
    let pairs = call.params.page(pairs, usize::MAX)?;
    let shown = pairs.into_iter().map(|(subject, version)| json!({"subject": subject, "version": version}));
    Ok(Answer::Json(shown.collect()))
}

/// Lists word a missing id without it.
fn listed(problem: Problem) -> Problem {
    if error::number(&problem) == Some(40403) { error::schema_not_found() } else { problem }
}

/// `GET /schemas/guids/{guid}`
pub(super) async fn by_guid(call: &mut Call<'_>, guid: &str) -> Result<Answer, Problem> {
    let found = of_guid(call, guid)?;
    let (context, id) = found.into_iter().next().ok_or_else(error::schema_not_found)?;
    let entry = call.view.context(&context).and_then(|index| index.entry(id)).cloned();
    let entry = entry.ok_or_else(error::schema_not_found)?;
    let full = wants_all(call);
    let mut shown = described(call, &context, &entry, Shape { subject: None, version: None, full }).await?;
    if !full {
        shown.remove("id");
    }
    Ok(Answer::Json(Value::Object(shown)))
}

/// `GET /schemas/guids/{guid}/ids`
pub(super) fn ids_of_guid(call: &mut Call<'_>, guid: &str) -> Result<Answer, Problem> {
    let found = of_guid(call, guid)?;
    if found.is_empty() {
        return Err(error::schema_not_found());
    }
    Ok(Answer::Json(pairs(found)))
}

fn of_guid(call: &Call<'_>, guid: &str) -> Result<Vec<(String, u32)>, Problem> {
    let bytes = parse_guid(guid).ok_or_else(error::schema_not_found)?;
    Ok(used(call, call.view.of_guid(&bytes)))
}

/// `GET /schemas/fingerprints/{hex16}`
pub(super) fn by_fingerprint(call: &mut Call<'_>, hex: &str) -> Result<Answer, Problem> {
    let fp64 = (hex.len() == 16).then(|| u64::from_str_radix(hex, 16).ok()).flatten().ok_or_else(not_found)?;
    let found = used(call, call.view.of_fingerprint(fp64.cast_signed()));
    if found.is_empty() {
        return Err(error::schema_not_found());
    }
    Ok(Answer::Json(pairs(found)))
}

fn used(call: &Call<'_>, all: &[(String, u32)]) -> Vec<(String, u32)> {
    let is_used = |(context, id): &&(String, u32)| {
        let content = call.registry(context).and_then(|registry| registry.content(*id));
        content.is_some_and(|content| !content.uses.is_empty() && call.reads_any(context, &content.uses))
    };
    all.iter().filter(is_used).cloned().collect()
}

fn pairs(all: Vec<(String, u32)>) -> Value {
    all.into_iter().map(|(context, id)| json!({"context": context, "id": id})).collect()
}

/// The text of a schema as the listener and `format` want it.
pub(super) async fn text(call: &Call<'_>, context: &str, entry: &Entry) -> Result<String, Problem> {
    let format = call.params.text(&["format"]);
    let java = call.server.listener.java_text && entry.kind == SchemaType::Avro;
    if format.is_some() || java {
        if format.is_some() {
            call.permit_all_references(context, entry)?;
        }
        let mut world = World::reading(&call.server.library, call.view.clone());
        let model = world.model(context, entry).await?;
        if let Some(formatted) = format.and_then(|format| model.formatted(format)) {
            return Ok(formatted);
        }
        if java {
            return Ok(model.identity_text());
        }
    }
    if call.server.listener.dialect == Dialect::Karapace && entry.kind != SchemaType::Protobuf {
        // Deeper than a reader of JSON goes by itself: then as it is.
        return Ok(
            serde_json::from_str::<Value>(&entry.text).map_or_else(|_| entry.text.to_string(), |v| v.to_string())
        );
    }
    Ok(entry.text.to_string())
}

/// A schema as answers hold it.
pub(super) async fn described(
    call: &Call<'_>,
    context: &str,
    entry: &Entry,
    shape: Shape<'_>,
) -> Result<Map<String, Value>, Problem> {
    let mut shown = Map::new();
    if let Some(name) = shape.subject {
        shown.insert("subject".to_owned(), json!(name.qualified()));
    }
    if let Some(version) = shape.version {
        shown.insert("version".to_owned(), json!(version));
    }
    shown.insert("id".to_owned(), json!(entry.id));
    shown.insert("schema".to_owned(), json!(text(call, context, entry).await?));
    let qualified = call.params.text(&["referenceFormat", "reference_format"]) == Some("qualified");
    add_rest(&mut shown, entry, shape.full, qualified.then_some(context));
    if call.params.flag(&["findTags"]) {
        shown.insert("schemaTags".to_owned(), super::tags::found(entry));
    }
    if let (true, Some(name), Some(version)) = (shape.full, shape.subject, shape.version) {
        let subject = call.registry(context).and_then(|registry| registry.subject(&name.subject));
        if subject.and_then(|subject| subject.version(version)).is_some_and(|version| version.deleted) {
            shown.insert("deleted".to_owned(), json!(true));
        }
    }
    Ok(shown)
}

/// Type, references, metadata and rules, as far as there are any. With `qualified`, subjects of references say their context.
fn add_rest(shown: &mut Map<String, Value>, entry: &Entry, full: bool, qualified: Option<&str>) {
    if entry.kind != SchemaType::Avro || full {
        shown.insert("schemaType".to_owned(), json!(entry.kind.as_str()));
    }
    if !entry.references.is_empty() {
        let subject = |subject: &str| match qualified {
            Some(context) => Name::parse(subject, context).qualified(),
            None => subject.to_owned(),
        };
        let references = entry.references.iter().map(|reference| {
            json!({"name": reference.name, "subject": subject(&reference.subject), "version": reference.version})
        });
        shown.insert("references".to_owned(), references.collect());
    }
    let attached = [("metadata", &entry.metadata), ("ruleSet", &entry.rule_set)];
    for (key, text) in attached {
        if let Some(value) = text.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
            shown.insert(key.to_owned(), value);
        }
    }
    if full {
        shown.insert("guid".to_owned(), json!(print_guid(&entry.guid)));
        shown.insert("ts".to_owned(), json!(entry.at / 1_000));
    }
}
