//! `export` and `import`: a registry's content in files, and from one registry to another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::subjects::names;
use super::{Context, Registry};
use crate::cli::schema::{ExportArgs, Ids, ImportArgs, RegistryArgs};
use crate::failure::{Done, Failure};

const MANIFEST: &str = "manifest.json";
/// The shape of the manifest; another number is refused.
const MANIFEST_VERSION: u32 = 1;

/// What a registry holds.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    versions: Vec<Item>,
    /// Levels and modes by subject, where it has its own.
    settings: BTreeMap<String, Settings>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compatibility: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
}

/// One version.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    subject: String,
    version: u32,
    id: u32,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(default)]
    deleted: bool,
    /// Below the directory; the text itself is not in the manifest.
    file: String,
    #[serde(skip)]
    text: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

pub async fn export(cx: &Context, registry: &Registry, args: &ExportArgs) -> Done {
    if args.dir.exists() && std::fs::read_dir(&args.dir)?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty.", args.dir.display())).help("name another directory"));
    }
    let manifest = dump(cx, registry, args.prefix.as_deref(), args.deleted).await?;
    for item in &manifest.versions {
        let path = args.dir.join(&item.file);
        std::fs::create_dir_all(path.parent().unwrap_or(&args.dir))?;
        std::fs::write(path, &item.text)?;
    }
    std::fs::create_dir_all(&args.dir)?;
    let text = serde_json::to_string_pretty(&manifest).map_err(Failure::bug)?;
    // Last, so that a directory with a manifest is whole.
    std::fs::write(args.dir.join(MANIFEST), text + "\n")?;
    cx.ui.ok(format!("{} versions in {}", manifest.versions.len(), args.dir.display()));
    Ok(())
}

/// Reads everything there is.
async fn dump(cx: &Context, registry: &Registry, prefix: Option<&str>, deleted: bool) -> Result<Manifest, Failure> {
    let with_deleted: &[(&str, &str)] = if deleted { &[("deleted", "true")] } else { &[] };
    let (mut versions, mut settings) = (Vec::new(), BTreeMap::new());
    let subjects = names(&registry.get(&["subjects"], with_deleted).await?);
    let subjects = subjects.iter().map(|subject| registry.unqualified(subject));
    for subject in subjects.filter(|subject| prefix.is_none_or(|prefix| subject.starts_with(prefix))) {
        cx.ui.say(subject);
        let numbers = |list: &Value| -> BTreeSet<u64> {
            list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
        };
        let all = numbers(&registry.get(&["subjects", subject, "versions"], with_deleted).await?);
        let live = registry.ask(Method::GET, &["subjects", subject, "versions"], &[], None).await?;
        let live = live.map(|list| numbers(&list)).unwrap_or_default();
        for number in all {
            let found = registry.get(&["subjects", subject, "versions", &number.to_string()], with_deleted).await?;
            versions.push(item(subject, number as u32, !live.contains(&number), &found)?);
        }
        let config = registry.ask(Method::GET, &["config", subject], &[], None).await?.ok();
        let mode = registry.ask(Method::GET, &["mode", subject], &[], None).await?.ok();
        let text = |value: Option<Value>, key: &str| value.and_then(|value| value[key].as_str().map(str::to_owned));
        let of = Settings { compatibility: text(config, "compatibilityLevel"), mode: text(mode, "mode") };
        if of.compatibility.is_some() || of.mode.is_some() {
            settings.insert(subject.to_owned(), of);
        }
    }
    Ok(Manifest { version: MANIFEST_VERSION, versions, settings })
}

fn item(subject: &str, version: u32, deleted: bool, found: &Value) -> Result<Item, Failure> {
    let kind = found["schemaType"].as_str().unwrap_or("AVRO").to_owned();
    let ending = match kind.as_str() {
        "AVRO" => "avsc",
        "PROTOBUF" => "proto",
        _ => "json",
    };
    let references = match &found["references"] {
        Value::Null => Vec::new(),
        list => serde_json::from_value(list.clone()).map_err(Failure::bug)?,
    };
    let directory = percent_encoding::utf8_percent_encode(subject, percent_encoding::NON_ALPHANUMERIC);
    Ok(Item {
        subject: subject.to_owned(),
        version,
        id: found["id"].as_u64().unwrap_or_default() as u32,
        references,
        deleted,
        file: format!("{directory}/{version}.{ending}"),
        text: found["schema"].as_str().unwrap_or_default().to_owned(),
        kind,
    })
}

pub async fn import(cx: &Context, of: &RegistryArgs, args: &ImportArgs) -> Done {
    let registry = Registry::open(cx, of)?;
    let manifest = match (&args.dir, &args.from_registry) {
        (Some(directory), _) => read(directory)?,
        (None, Some(url)) => dump(cx, &Registry::other(url)?, None, true).await?,
        (None, None) => {
            return Err(Failure::usage("Nothing to import is named.").help("add `--dir` or `--from-registry`"));
        }
    };
    if of.context.is_some() && manifest.versions.iter().any(|item| item.subject.starts_with(':')) {
        let message = "What is to be imported holds contexts of its own, and cannot go into one.";
        return Err(Failure::usage(message).help("leave `--context` out, or export one context with it"));
    }
    let keep = args.ids == Ids::Keep;
    let subjects: BTreeSet<&str> = manifest.versions.iter().map(|item| item.subject.as_str()).collect();
    for subject in &subjects {
        // Old versions were accepted under rules of their time.
        let (kind, body) =
            if keep { ("mode", json!({ "mode": "IMPORT" })) } else { ("config", json!({ "compatibility": "NONE" })) };
        registry.call(Method::PUT, &[kind, subject], &[], Some(&body)).await?;
    }
    let done = register_all(&registry, &manifest, keep).await;
    // Whatever happened, no subject stays open.
    for subject in &subjects {
        let settings = manifest.settings.get(*subject);
        let restored = restore(&registry, subject, settings, keep).await;
        if done.is_ok() {
            restored?;
        }
    }
    let count = done?;
    cx.ui.ok(format!("{count} versions of {} subjects", subjects.len()));
    Ok(())
}

async fn restore(registry: &Registry, subject: &str, settings: Option<&Settings>, keep: bool) -> Result<(), Failure> {
    let level = settings.and_then(|settings| settings.compatibility.as_ref());
    let mode = settings.and_then(|settings| settings.mode.as_ref());
    for (kind, key, value, was_set) in [("config", "compatibility", level, !keep), ("mode", "mode", mode, keep)] {
        match value {
            Some(value) => {
                registry.call(Method::PUT, &[kind, subject], &[], Some(&json!({ key: value }))).await?;
            }
            None if was_set => {
                registry.call(Method::DELETE, &[kind, subject], &[], None).await?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Registers every version after those it uses, and deletes what was deleted.
async fn register_all(registry: &Registry, manifest: &Manifest, keep: bool) -> Result<usize, Failure> {
    let mut given: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let order = order(&manifest.versions);
    for item in &order {
        let references: Vec<Value> = item
            .references
            .iter()
            .map(|of| {
                let version = given.get(&used(item, of)).copied().unwrap_or(of.version);
                json!({ "name": of.name, "subject": of.subject, "version": version })
            })
            .collect();
        let mut body = json!({ "schema": item.text });
        if item.kind != "AVRO" {
            body["schemaType"] = json!(item.kind);
        }
        if !references.is_empty() {
            body["references"] = Value::Array(references);
        }
        let plain = body.clone();
        if keep {
            body["id"] = json!(item.id);
            body["version"] = json!(item.version);
        }
        let what = || format!("{} version {}", item.subject, item.version);
        let parts = ["subjects", item.subject.as_str(), "versions"];
        registry.call(Method::POST, &parts, &[], Some(&body)).await.map_err(|failure| failure.note(what()))?;
        let version = if keep {
            i64::from(item.version)
        } else {
            let found = registry.call(Method::POST, &["subjects", &item.subject], &[], Some(&plain)).await?;
            found["version"].as_i64().unwrap_or_else(|| i64::from(item.version))
        };
        given.insert((item.subject.clone(), i64::from(item.version)), version);
    }
    for item in order.iter().rev().filter(|item| item.deleted) {
        let version =
            given.get(&(item.subject.clone(), i64::from(item.version))).copied().unwrap_or_default().to_string();
        registry.call(Method::DELETE, &["subjects", &item.subject, "versions", &version], &[], None).await?;
    }
    Ok(order.len())
}

/// What a version uses: subjects without a context are of the context of who uses them.
fn used(item: &Item, of: &Reference) -> (String, i64) {
    let qualifier = item.subject.strip_prefix(":.").and_then(|rest| rest.find(':')).map_or(0, |at| at + 3);
    let own = if of.subject.starts_with(':') { "" } else { &item.subject[..qualifier] };
    (format!("{own}{}", of.subject), of.version)
}

/// Versions in order, each after those it uses.
fn order(items: &[Item]) -> Vec<&Item> {
    let places: BTreeMap<(String, i64), &Item> =
        items.iter().map(|item| ((item.subject.clone(), i64::from(item.version)), item)).collect();
    let mut sorted: Vec<&Item> = items.iter().collect();
    sorted.sort_by(|a, b| (&a.subject, a.version).cmp(&(&b.subject, b.version)));
    let (mut open, mut seen, mut done) = (Vec::new(), BTreeSet::new(), Vec::new());
    for item in sorted {
        open.push((item, false));
        while let Some((item, ready)) = open.pop() {
            if ready {
                done.push(item);
            } else if seen.insert((item.subject.as_str(), item.version)) {
                open.push((item, true));
                let used = item.references.iter().filter_map(|of| places.get(&used(item, of)));
                open.extend(used.map(|item| (*item, false)));
            }
        }
    }
    done
}

/// An export.
fn read(directory: &Path) -> Result<Manifest, Failure> {
    let path = directory.join(MANIFEST);
    let wrong = |what: String| Failure::usage(format!("{} is no manifest of an export: {what}.", path.display()));
    let mut manifest: Manifest =
        serde_json::from_slice(&std::fs::read(&path)?).map_err(|error| wrong(error.to_string()))?;
    if manifest.version != MANIFEST_VERSION {
        return Err(wrong(format!("its version is {}", manifest.version)));
    }
    for item in &mut manifest.versions {
        let outside = Path::new(&item.file).components().any(|part| !matches!(part, std::path::Component::Normal(_)));
        if outside {
            return Err(wrong(format!("`{}` is outside of it", item.file)));
        }
        item.text = std::fs::read_to_string(directory.join(&item.file))?;
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_comes_first() {
        let item = |subject: &str, version: u32, uses: &[(&str, i64)]| Item {
            subject: subject.into(),
            version,
            id: 0,
            kind: "AVRO".into(),
            references: uses
                .iter()
                .map(|(subject, version)| Reference { name: "x".into(), subject: (*subject).into(), version: *version })
                .collect(),
            deleted: false,
            file: String::new(),
            text: String::new(),
        };
        let items = [item("a", 2, &[]), item("a", 1, &[("z", 1)]), item("z", 1, &[("m", 3)]), item("m", 3, &[])];
        let order: Vec<(&str, u32)> = order(&items).iter().map(|item| (item.subject.as_str(), item.version)).collect();
        let one = item(":.c:a", 1, &[("m", 3), (":.d:m", 4)]);
        assert_eq!(used(&one, &one.references[0]), (":.c:m".to_owned(), 3));
        assert_eq!(used(&one, &one.references[1]), (":.d:m".to_owned(), 4));
        assert_eq!(order, [("m", 3), ("z", 1), ("a", 1), ("a", 2)]);
    }
}
