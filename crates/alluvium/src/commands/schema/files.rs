//! Schema files, and the types they use from each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alluvium_avro::{Json, Named, ParseErrors, SCHEMA_BYTES_MAX, Schema, Strictness, is_valid_name};

use crate::failure::Failure;

/// Most files of one directory of schemas.
const FILES_MAX: usize = 100_000;

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
    /// The full name of its type, if it has one.
    name: Option<String>,
    /// Names that could be types of other files.
    mentions: BTreeSet<String>,
}

/// The files that may use each other's types.
#[derive(Debug, Default)]
pub struct Files {
    pub all: Vec<File>,
    by_name: BTreeMap<String, usize>,
}

impl Files {
    /// Reads files, and all `.avsc` files below directories.
    pub fn read(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, Failure> {
        let mut files = Self::default();
        for path in paths {
            files.add(&path)?;
        }
        Ok(files)
    }

    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        if self.all.len() >= FILES_MAX {
            return Err(Failure::usage(format!("There are more than {FILES_MAX} schema files.")));
        }
        if path.is_dir() {
            let mut inner: Vec<PathBuf> =
                std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
            inner.sort();
            for path in inner.iter().filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "avsc")) {
                self.add(path)?;
            }
            return Ok(());
        }
        if self.all.iter().any(|file| file.path == path) {
            return Ok(());
        }
        let file = File::read(path)?;
        if let Some(name) = &file.name {
            self.by_name.entry(name.clone()).or_insert(self.all.len());
        }
        self.all.push(file);
        Ok(())
    }

    /// Parses a file with the types of others that it uses.
    pub fn parse(&self, file: &File) -> Result<Schema, ParseErrors> {
        let (mut references, mut seen) = (Vec::new(), BTreeSet::new());
        seen.extend(file.name.clone());
        self.collect(file, &mut references, &mut seen);
        Schema::parse_with(&file.text, &references, Strictness::Strict)
    }

    /// Files in an order in which each only uses earlier ones, as far as they do not use each other in a circle.
    fn collect(&self, file: &File, references: &mut Vec<Named>, seen: &mut BTreeSet<String>) {
        for name in &file.mentions {
            let Some(other) = self.by_name.get(name).map(|index| &self.all[*index]) else { continue };
            if seen.insert(name.clone()) {
                self.collect(other, references, seen);
                references.push(Named { name: name.clone(), text: other.text.clone() });
            }
        }
    }
}

impl File {
    fn read(path: &Path) -> Result<Self, Failure> {
        let size = std::fs::metadata(path).map_err(|error| unreadable(path, error))?.len();
        if size > SCHEMA_BYTES_MAX as u64 {
            return Err(Failure::usage(format!("{} is larger than {SCHEMA_BYTES_MAX} bytes.", path.display())));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let mut mentions = BTreeSet::new();
        let mut name = None;
        if let Ok(json) = Json::parse(&text) {
            name = full_name(&json, None);
            mention(&json, None, &mut mentions);
        }
        Ok(Self { path: path.to_owned(), text, name, mentions })
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let mut failure = Failure::from(error);
    failure.message = format!("{}: {}", path.display(), failure.message);
    failure
}

fn full_name(json: &Json, space: Option<&str>) -> Option<String> {
    let name = json.get("name")?.as_text()?;
    let space = json.get("namespace").and_then(Json::as_text).or(space);
    Some(alluvium_avro::Name::new(name, space).full().to_owned())
}

/// Every text that stands where a type may: full, and as it reads in its namespace.
fn mention(json: &Json, space: Option<&str>, found: &mut BTreeSet<String>) {
    match json {
        Json::Text(word) if word.split('.').all(is_valid_name) => {
            found.insert(word.clone());
            found.insert(alluvium_avro::Name::new(word, space).full().to_owned());
        }
        Json::Array(branches) => branches.iter().for_each(|branch| mention(branch, space, found)),
        Json::Object(_) => {
            let full = full_name(json, space);
            let inner = full.as_deref().and_then(|full| full.rsplit_once('.')).map(|(space, _)| space).or(space);
            for key in ["type", "items", "values"] {
                json.get(key).into_iter().for_each(|of| mention(of, space, found));
            }
            if let Some(Json::Array(fields)) = json.get("fields") {
                fields.iter().filter_map(|field| field.get("type")).for_each(|of| mention(of, inner, found));
            }
        }
        _ => {}
    }
}
