//! Generates Rust types from `.avsc` files. The output is checked in; a check in CI regenerates and compares.
//!
//! A record's own attributes say what it is: `kind` (`command`, `event` or `type`), `aggregate`, and for commands
//! `requires` (the right it needs, see `Requirement`; those of a project read the field `project`, those of a branch `branch` too,
//! and so on). A field's attribute `sealed` (`tenant`, `project` or `person`) says under whose key it is sealed on the log.

pub mod codegen;
mod context;
mod emit;
mod lock;
mod names;
mod python;
mod record;
mod typescript;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

pub use lock::{Lock, check as check_lock};

/// What is wrong with a schema file.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file does not say what the generator needs.
    #[error("{file}: {reason}")]
    Schema {
        /// Which file.
        file: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// One `.avsc` file of a context.
#[derive(Clone, Debug)]
pub struct Source {
    /// The record's name; also the file's.
    pub name: String,
    /// The schema as written.
    pub schema: Value,
}

impl Source {
    fn text(&self, attribute: &str) -> Result<&str, GenerateError> {
        self.schema[attribute].as_str().ok_or_else(|| self.wrong(format!("wants the attribute `{attribute}`")))
    }

    fn kind(&self) -> Result<&str, GenerateError> {
        self.text("kind")
    }

    fn wrong(&self, reason: impl Into<String>) -> GenerateError {
        GenerateError::Schema { file: format!("{}.avsc", self.name), reason: reason.into() }
    }
}

/// Reads every `.avsc` of a directory, by name.
pub fn read(directory: &Path) -> Result<Vec<Source>, GenerateError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| GenerateError::Read { path, source }
    };
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        if path.extension().is_none_or(|extension| extension != "avsc") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        let schema: Value = serde_json::from_str(&text)
            .map_err(|error| GenerateError::Schema { file: path.display().to_string(), reason: error.to_string() })?;
        let source = Source { name: name.clone(), schema };
        if source.text("name")? != name {
            return Err(source.wrong("the record must bear the file's name"));
        }
        sources.insert(name, source);
    }
    Ok(sources.into_values().collect())
}

/// The schemas of a context with named types inlined where first used, by record name.
pub fn inlined(sources: &[Source]) -> BTreeMap<String, Value> {
    let by_name: BTreeMap<&str, &Source> = sources.iter().map(|source| (source.name.as_str(), source)).collect();
    sources
        .iter()
        .map(|source| {
            let mut seen = vec![source.name.clone()];
            let mut schema = source.schema.clone();
            record::inline(&mut schema, &by_name, &mut seen);
            (source.name.clone(), schema)
        })
        .collect()
}

/// The Rust text for a context's directory of schemas. `lock` gives the schemas of earlier releases.
pub fn rust(sources: &[Source], lock: &Lock) -> Result<String, GenerateError> {
    let schemas = inlined(sources);
    let mut out = String::from(
        "//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.\n\n\
         #![allow(clippy::all, clippy::pedantic, missing_docs, reason = \"generated\")]\n\n\
         use serde::{Deserialize, Serialize};\n\n",
    );
    for source in sources {
        out.push_str(&record::rust(source, &schemas[&source.name], lock)?);
    }
    out.push_str(&context::rust(sources)?);
    Ok(out)
}
