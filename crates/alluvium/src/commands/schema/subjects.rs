//! Subjects and versions of a registry: register, look at, delete.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::operand::Stored;
use super::{Context, Registry, end};
use crate::cli::schema::{
    DeleteArgs, GetArgs, LookupArgs, OfSubjectArgs, OfVersionArgs, RegisterArgs, SchemaType, Seen, SubjectsArgs,
    VersionsArgs,
};
use crate::failure::{Done, Failure};

const TRUE: &str = "true";

/// The query for what is deleted, and for when.
fn seen(seen: &Seen) -> Vec<(&str, &str)> {
    let deleted = seen.deleted.then_some(("deleted", TRUE));
    deleted.into_iter().chain(seen.as_of.as_deref().map(|point| ("asOf", point))).collect()
}

/// The body for a schema, as registries take it.
fn body(file: &Path, kind: SchemaType, refs: &[String]) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file)?;
    let mut body = json!({ "schema": text });
    match kind {
        SchemaType::Avro => {}
        SchemaType::Json => body["schemaType"] = json!("JSON"),
        SchemaType::Protobuf => body["schemaType"] = json!("PROTOBUF"),
    }
    let references: Vec<Value> = refs.iter().map(|reference| read_reference(reference)).collect::<Result<_, _>>()?;
    if !references.is_empty() {
        body["references"] = Value::Array(references);
    }
    Ok(body)
}

/// `NAME=SUBJECT@VERSION`
fn read_reference(text: &str) -> Result<Value, Failure> {
    let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.rsplit_once('@')?)));
    let wrong = || Failure::usage(format!("`{text}` is no reference.")).help("write NAME=SUBJECT@VERSION");
    let (name, (subject, version)) = parts.ok_or_else(wrong)?;
    let version: i64 = if version == "latest" { -1 } else { version.parse().map_err(|_| wrong())? };
    Ok(json!({ "name": name, "subject": subject, "version": version }))
}

pub async fn register(cx: &Context, registry: &Registry, args: &RegisterArgs) -> Done {
    let body = body(&args.file, args.kind, &args.refs)?;
    let normalize: &[(&str, &str)] = if args.normalize { &[("normalize", TRUE)] } else { &[] };
    if args.dry_run {
        let query = [&[("verbose", TRUE)], normalize].concat();
        let parts = ["compatibility", "subjects", &args.subject, "versions"];
        let answer = registry.call(Method::POST, &parts, &query, Some(&body)).await?;
        let told = answer["messages"].as_array().cloned().unwrap_or_default();
        let findings: Vec<Value> = told.into_iter().map(|message| json!({ "message": message })).collect();
        if answer["is_compatible"] == json!(false) && findings.is_empty() {
            return Err(Failure::findings(1).note("the registry says no more than that it is incompatible"));
        }
        let findings = if answer["is_compatible"] == json!(true) { Vec::new() } else { findings };
        return end(cx, &["message"], &findings, "it would be accepted; nothing was registered");
    }
    if let Some(level) = args.level {
        let level = json!({ "compatibility": level.as_str() });
        registry.call(Method::PUT, &["config", &args.subject], &[], Some(&level)).await?;
    }
    let parts = ["subjects", &args.subject, "versions"];
    let registered = registry.call(Method::POST, &parts, normalize, Some(&body)).await?;
    // Registries answer with the id alone; the version is what people want to see.
    let found = registry.ask(Method::POST, &["subjects", &args.subject], normalize, Some(&body)).await?;
    let version = found.ok().map(|found| found["version"].clone());
    cx.ui.record(&json!({ "subject": args.subject, "version": version, "id": registered["id"] }));
    Ok(())
}

pub async fn list(cx: &Context, registry: &Registry, args: &SubjectsArgs) -> Done {
    let mut query = seen(&args.seen);
    query.extend(args.prefix.as_deref().map(|prefix| ("subjectPrefix", prefix)));
    let subjects = names(&registry.get(&["subjects"], &query).await?);
    // Not every registry knows prefixes.
    let names = subjects.iter().map(|name| registry.unqualified(name));
    let wanted = names.filter(|name| args.prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix)));
    let rows: Vec<Value> = wanted.map(|name| json!({ "subject": name })).collect();
    cx.ui.rows(&["subject"], &rows);
    Ok(())
}

/// Texts of a list.
fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub async fn versions(cx: &Context, registry: &Registry, args: &VersionsArgs) -> Done {
    let versions = registry.get(&["subjects", &args.subject, "versions"], &seen(&args.seen)).await?;
    let rows: Vec<Value> =
        versions.as_array().into_iter().flatten().map(|version| json!({ "version": version })).collect();
    cx.ui.rows(&["version"], &rows);
    Ok(())
}

pub async fn get(cx: &Context, registry: &Registry, args: &GetArgs) -> Done {
    let mut found = registry.stored(&Stored::read(&args.schema), &seen(&args.seen)).await?;
    if args.resolved && found["references"].as_array().is_some_and(|references| !references.is_empty()) {
        // Done here, because not every registry knows how.
        let schema = registry.parse(&args.schema, &found).await?;
        found["schema"] = json!(schema.inlined_text());
    }
    let text = found["schema"].as_str().unwrap_or_default();
    if let Some(out) = &args.out {
        std::fs::write(out, format!("{text}\n"))?;
        cx.ui.ok(format!("wrote {}", out.display()));
        return Ok(());
    }
    match cx.ui.format {
        crate::ui::Format::Table => cx.ui.text(text),
        _ => cx.ui.record(&found),
    }
    Ok(())
}

pub async fn lookup(cx: &Context, registry: &Registry, args: &LookupArgs) -> Done {
    let body = body(&args.file, args.kind, &args.refs)?;
    let mut query = seen(&args.seen);
    if args.normalize {
        query.push(("normalize", TRUE));
    }
    let found = registry.call(Method::POST, &["subjects", &args.subject], &query, Some(&body)).await?;
    cx.ui.record(&json!({ "subject": found["subject"], "version": found["version"], "id": found["id"] }));
    Ok(())
}

/// The subject and version of an operand that is no id.
fn version_of(operand: &str) -> Result<(String, String), Failure> {
    match Stored::read(operand) {
        Stored::Version(subject, version) => Ok((subject, version)),
        Stored::Id(_) => Err(Failure::usage("An id is no version.").help("write SUBJECT@VERSION")),
    }
}

pub async fn refs(cx: &Context, registry: &Registry, args: &OfVersionArgs) -> Done {
    let (subject, version) = version_of(&args.schema)?;
    let ids = registry.get(&["subjects", &subject, "versions", &version, "referencedby"], &[]).await?;
    let mut rows = Vec::new();
    for id in ids.as_array().into_iter().flatten() {
        let places = registry.ask(Method::GET, &["schemas", "ids", &id.to_string(), "versions"], &[], None).await?;
        let places = places.unwrap_or_default().as_array().cloned().unwrap_or_default();
        if places.is_empty() {
            rows.push(json!({ "id": id }));
        }
        rows.extend(places.iter().map(|at| json!({ "id": id, "subject": at["subject"], "version": at["version"] })));
    }
    cx.ui.rows(&["id", "subject", "version"], &rows);
    Ok(())
}

pub async fn history(cx: &Context, registry: &Registry, args: &OfSubjectArgs) -> Done {
    let found = registry.get(&["subjects", &args.subject, "history"], &[]).await?;
    let events = found.as_array().or_else(|| found["events"].as_array()).cloned().unwrap_or_default();
    cx.ui.rows(&["position", "time", "actor", "type"], &events);
    Ok(())
}

pub async fn delete(cx: &Context, registry: &Registry, args: &DeleteArgs) -> Done {
    let query: &[(&str, &str)] = if args.permanent { &[("permanent", TRUE)] } else { &[] };
    let (subject, version) = version_of(&args.schema)?;
    let whole = version == "latest" && !args.schema.ends_with("@latest");
    let what = if whole { format!("all of {subject}") } else { format!("{subject} version {version}") };
    let how = if args.permanent { " for good" } else { "" };
    cx.ui.confirm(&format!("Delete {what}{how}?"))?;
    let parts = ["subjects", subject.as_str(), "versions", version.as_str()];
    let parts = if whole { &parts[..2] } else { &parts[..] };
    let gone = registry.call(Method::DELETE, parts, query, None).await?;
    cx.ui.record(&json!({ "subject": subject, "deleted": gone }));
    Ok(())
}
