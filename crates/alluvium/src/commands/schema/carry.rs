//! `export` and `import`: a registry's content in files, and from one registry to another.

use std::path::Path;

use alluvium_messaging::registry::{EXPORT_VERSION, Export, Ids as NewIds, SchemaType};

use super::registry::failure;
use super::{Context, Registry};
use crate::cli::schema::{ExportArgs, Ids, ImportArgs, RegistryArgs};
use crate::failure::{Done, Failure};

/// What the files of a directory are: an export in which each schema's text is the path of its file.
const MANIFEST: &str = "manifest.json";

pub async fn export(cx: &Context, registry: &Registry, args: &ExportArgs) -> Done {
    if args.dir.exists() && std::fs::read_dir(&args.dir)?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty.", args.dir.display())).help("name another directory"));
    }
    let mut export = registry.client().export(args.prefix.as_deref(), args.deleted).await.map_err(failure)?;
    for version in &mut export.versions {
        let ending = match version.schema_type {
            SchemaType::Avro => "avsc",
            SchemaType::Json => "json",
            SchemaType::Protobuf => "proto",
        };
        let directory = percent_encoding::utf8_percent_encode(&version.subject, percent_encoding::NON_ALPHANUMERIC);
        let file = format!("{directory}/{}.{ending}", version.version);
        let text = std::mem::replace(&mut version.schema, file);
        let path = args.dir.join(&version.schema);
        std::fs::create_dir_all(path.parent().unwrap_or(&args.dir))?;
        std::fs::write(path, text)?;
    }
    std::fs::create_dir_all(&args.dir)?;
    let text = serde_json::to_string_pretty(&export).map_err(Failure::bug)?;
    // Last, so that a directory with a manifest is whole.
    std::fs::write(args.dir.join(MANIFEST), text + "\n")?;
    cx.ui.ok(format!("{} versions in {}", export.versions.len(), args.dir.display()));
    Ok(())
}

pub async fn import(cx: &Context, of: &RegistryArgs, args: &ImportArgs) -> Done {
    let registry = Registry::open(cx, of)?;
    let export = match (&args.dir, &args.from_registry) {
        (Some(directory), _) => read(directory)?,
        (None, Some(url)) => Registry::other(url)?.client().export(None, true).await.map_err(failure)?,
        (None, None) => {
            return Err(Failure::usage("Nothing to import is named.").help("add `--dir` or `--from-registry`"));
        }
    };
    if of.context.is_some() && export.versions.iter().any(|version| version.subject.starts_with(':')) {
        let message = "What is to be imported holds contexts of its own, and cannot go into one.";
        return Err(Failure::usage(message).help("leave `--context` out, or export one context with it"));
    }
    let ids = if args.ids == Ids::Keep { NewIds::Keep } else { NewIds::New };
    let imported = registry.client().import(&export, ids).await.map_err(failure)?;
    cx.ui.ok(format!("{} versions of {} subjects", imported.versions, imported.subjects));
    Ok(())
}

/// An export.
fn read(directory: &Path) -> Result<Export, Failure> {
    let path = directory.join(MANIFEST);
    let wrong = |what: String| Failure::usage(format!("{} is no manifest of an export: {what}.", path.display()));
    let mut export: Export =
        serde_json::from_slice(&std::fs::read(&path)?).map_err(|error| wrong(error.to_string()))?;
    if export.version != EXPORT_VERSION {
        return Err(wrong(format!("its version is {}, and this reads {EXPORT_VERSION}", export.version)));
    }
    for version in &mut export.versions {
        let file = &version.schema;
        let outside = Path::new(file).components().any(|part| !matches!(part, std::path::Component::Normal(_)));
        if outside {
            return Err(wrong(format!("`{file}` is outside of it")));
        }
        version.schema = std::fs::read_to_string(directory.join(file))?;
    }
    Ok(export)
}
