//! Lists of subjects, versions and schemas.

use alluvium_kernel::Problem;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::route::Call;
use crate::error;
use crate::index::{ContextIndex, Entry};
use crate::model::{Subject, Version};
use crate::subject::Name;

/// Most schemas of one page.
const SCHEMAS_MAX: usize = 1_000;
/// The prefix that means all contexts.
const ALL_CONTEXTS: &str = ":*:";

/// Which subjects a prefix means.
struct Prefix {
    /// None for all.
    context: Option<String>,
    subject: String,
}

impl Prefix {
    fn of(text: &str, within: &str) -> Self {
        if let Some(subject) = text.strip_prefix(ALL_CONTEXTS) {
            return Self { context: None, subject: subject.to_owned() };
        }
        let name = Name::parse(text, within);
        Self { context: Some(name.context), subject: name.subject }
    }

    /// Subjects that have it, with their contexts, in the order of their qualified names.
    fn subjects<'c>(&self, call: &'c Call<'_>) -> Vec<(Name, &'c ContextIndex, &'c Subject)> {
        let contexts = call.view.contexts().filter(|(name, _)| self.context.as_ref().is_none_or(|own| own == *name));
        let all = contexts.flat_map(|(context, index)| {
            let own = index.registry.subjects().filter(|(name, _)| name.starts_with(&self.subject));
            own.map(move |(name, subject)| (Name::of(context, name), index, subject))
        });
        let all = all.filter(|(name, _, _)| call.reads(name));
        let mut all: Vec<_> = all.map(|found| (found.0.qualified(), found)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().map(|(_, found)| found).collect()
    }
}

/// `GET /subjects`
pub(super) fn subjects(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let all = if call.within == "." { ALL_CONTEXTS } else { "" };
    let prefix = Prefix::of(call.params.text(&["subjectPrefix", "subject"]).unwrap_or(all), &call.within);
    let (hidden, only) = (call.params.flag(&["deleted"]), call.params.flag(&["deletedOnly", "deleted_only"]));
    let shows = |subject: &Subject| {
        let live = subject.latest().is_some();
        !subject.versions.is_empty() && if only { !live } else { live || hidden }
    };
    let found = prefix.subjects(call).into_iter().filter(|(_, _, subject)| shows(subject));
    let names: Vec<String> = found.map(|(name, _, _)| name.qualified()).collect();
    Ok(Answer::Json(json!(call.params.page(names, usize::MAX)?)))
}

/// `GET /subjects/{s}/versions`
pub(super) fn versions(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let name = call.name_anywhere(segment)?;
    let (hidden, only) = (call.params.flag(&["deleted"]), call.params.flag(&["deletedOnly", "deleted_only"]));
    let negative = call.params.flag(&["deletedAsNegative"]);
    let subject = call.registry(&name.context).and_then(|registry| registry.subject(&name.subject));
    let subject = subject.ok_or_else(|| error::subject_not_found(&name.qualified()))?;
    let shows = |version: &&Version| if only { version.deleted } else { hidden || negative || !version.deleted };
    let number = |version: &Version| {
        let number = i64::from(version.version);
        if negative && version.deleted { -number } else { number }
    };
    let numbers: Vec<i64> = subject.versions.iter().filter(shows).map(number).collect();
    if numbers.is_empty() {
        return Err(error::subject_not_found(&name.qualified()));
    }
    Ok(Answer::Json(json!(call.params.page(numbers, usize::MAX)?)))
}

/// `GET /schemas`
pub(super) async fn schemas(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let prefix = Prefix::of(call.params.text(&["subjectPrefix"]).unwrap_or_default(), &call.within);
    let (hidden, latest) = (call.params.flag(&["deleted"]), call.params.flag(&["latestOnly"]));
    let rule = call.params.text(&["ruleType"]);
    let mut found = prefix.subjects(call);
    if call.params.flag(&["aliases"]) {
        found.extend(aliases(call, &prefix));
        found.sort_by_key(|(name, _, _)| name.qualified());
    }
    let mut all = Vec::new();
    for (name, index, subject) in found {
        let mut versions: Vec<&Version> =
            subject.versions.iter().filter(|version| hidden || !version.deleted).collect();
        if latest {
            versions = versions.pop().into_iter().collect();
        }
        for version in versions {
            if let Some(entry) = index.entry(version.id).filter(|entry| has_rule(entry, rule)) {
                all.push((name.clone(), version.version, entry.clone()));
            }
        }
    }
    let page = call.params.page(all, SCHEMAS_MAX)?;
    let mut items = Vec::with_capacity(page.len());
    for (name, version, entry) in page {
        let text = super::ids::text(call, &name.context, &entry).await?;
        items.push(item(&name, version, &entry, &text));
    }
    Ok(Answer::Json(Value::Array(items)))
}

/// Subjects that are only another name, with the versions of what they stand for.
fn aliases<'c>(call: &'c Call<'_>, prefix: &Prefix) -> Vec<(Name, &'c ContextIndex, &'c Subject)> {
    let target = |(name, _, subject): (Name, &ContextIndex, &Subject)| {
        let alias = Name::parse(subject.config.as_ref()?.alias()?, &name.context);
        if !call.reads(&alias) {
            return None;
        }
        let index = call.view.context(&alias.context)?;
        Some((name, index, index.registry.subject(&alias.subject)?))
    };
    prefix.subjects(call).into_iter().filter_map(target).collect()
}

fn has_rule(entry: &Entry, kind: Option<&str>) -> bool {
    let Some(kind) = kind else { return true };
    let rules = entry.rule_set.as_deref().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    let lists = rules.iter().flat_map(Map::values).filter_map(Value::as_array);
    lists.flatten().any(|rule| rule["type"] == kind)
}

fn item(name: &Name, version: u32, entry: &Entry, text: &str) -> Value {
    let mut item = json!({
        "subject": name.qualified(), "version": version, "id": entry.id, "schema": text,
    });
    if entry.kind != crate::kinds::SchemaType::Avro {
        item["schemaType"] = json!(entry.kind.as_str());
    }
    if !entry.references.is_empty() {
        item["references"] = json!(entry.references);
    }
    item
}
