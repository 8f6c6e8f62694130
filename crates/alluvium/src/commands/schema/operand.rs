//! What a command is about: a file, a subject, a version, or an id.

use std::path::{Path, PathBuf};

use alluvium_avro::{Named, ParseErrors, Schema, Strictness};

use super::{Context, Files, Registry};
use crate::cli::schema::RegistryArgs;
use crate::failure::{Exit, Failure};

/// Gives schemas for what stands on the command line. The registry is only asked when it must be.
pub struct Operands<'a> {
    cx: &'a Context,
    args: &'a RegistryArgs,
    library: Option<PathBuf>,
}

/// An operand of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// `id:N`
    Id(u32),
    /// A subject with a version, `latest` where none is named.
    Version(String, String),
}

impl Stored {
    /// `SUBJECT`, `SUBJECT@VERSION` or `id:N`.
    pub fn read(text: &str) -> Self {
        if let Some(id) = text.strip_prefix("id:").and_then(|id| id.parse().ok()) {
            return Self::Id(id);
        }
        match text.rsplit_once('@') {
            Some((subject, version)) if version == "latest" || version.parse::<u32>().is_ok() => {
                Self::Version(subject.to_owned(), version.to_owned())
            }
            _ => Self::Version(text.to_owned(), "latest".to_owned()),
        }
    }
}

impl<'a> Operands<'a> {
    pub fn new(cx: &'a Context, args: &'a RegistryArgs) -> Self {
        Self { cx, args, library: args.schemas_dir.clone() }
    }

    /// The schema an operand names, parsed with all that it uses.
    pub async fn schema(&self, operand: &str) -> Result<Schema, Failure> {
        if is_file(operand) {
            return self.file(Path::new(operand));
        }
        let registry = Registry::open(self.cx, self.args)?;
        registry.parsed(&Stored::read(operand)).await
    }

    /// The schema of a file.
    pub fn file(&self, path: &Path) -> Result<Schema, Failure> {
        let files = Files::read(std::iter::once(path.to_owned()).chain(self.library.clone()))?;
        files.parse(&files.all[0]).map_err(|errors| invalid(&path.display().to_string(), &errors))
    }

    /// The schemas of files, of all files of directories, or of subjects.
    pub async fn schemas(&self, operands: &[String]) -> Result<Vec<Schema>, Failure> {
        let mut all = Vec::new();
        for operand in operands {
            if !Path::new(operand).is_dir() {
                all.push(self.schema(operand).await?);
                continue;
            }
            let files = Files::read(std::iter::once(PathBuf::from(operand)).chain(self.library.clone()))?;
            for file in files.all.iter().filter(|file| file.path.starts_with(operand)) {
                all.push(files.parse(file).map_err(|errors| invalid(&file.path.display().to_string(), &errors))?);
            }
        }
        Ok(all)
    }
}

/// A path that exists, or that cannot be anything but a path.
fn is_file(operand: &str) -> bool {
    let path = Path::new(operand);
    path.is_file() || path.extension().is_some_and(|end| end.eq_ignore_ascii_case("avsc"))
}

/// A schema that is none, with everything that is wrong with it.
pub fn invalid(what: &str, errors: &ParseErrors) -> Failure {
    let failure = Failure::new(Exit::Findings, "cli.invalid_schema", format!("{what} is no valid schema."));
    errors.findings.iter().fold(failure, |failure, finding| failure.note(finding.to_string()))
}

/// Parses what a registry keeps, which somebody accepted once.
pub fn parse_stored(what: &str, text: &str, references: &[Named]) -> Result<Schema, Failure> {
    Schema::parse_with(text, references, Strictness::Lenient).map_err(|errors| invalid(what, &errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_told_apart() {
        let version = |subject: &str, version: &str| Stored::Version(subject.into(), version.into());
        assert_eq!(Stored::read("id:42"), Stored::Id(42));
        assert_eq!(Stored::read("orders-value"), version("orders-value", "latest"));
        assert_eq!(Stored::read("orders-value@3"), version("orders-value", "3"));
        assert_eq!(Stored::read("a@b"), version("a@b", "latest"));
        assert!(is_file("missing.avsc") && !is_file("orders-value"));
    }
}
