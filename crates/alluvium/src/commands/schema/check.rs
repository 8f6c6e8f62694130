//! `check`: what breaks between a new schema and the versions before it.

use std::path::Path;

use alluvium_avro::{Level, Policy, Schema};
use serde_json::{Value, json};

use super::operand::{Stored, invalid};
use super::{Context, Files, Operands, Registry, end};
use crate::cli::schema::{CheckArgs, RegistryArgs};
use crate::failure::{Done, Failure};

pub async fn run(cx: &Context, of: &RegistryArgs, args: &CheckArgs) -> Done {
    let mut findings = Vec::new();
    let mut checked = 0;
    for (subject, new) in news(cx, of, args)? {
        let (history, level) = match &args.offline {
            Some(directory) => (offline(directory, args)?, args.level.unwrap_or(Level::Backward)),
            None => registered(&Registry::open(cx, of)?, &subject, args).await?,
        };
        checked += history.len();
        let level = if args.all || args.version.is_some() { transitive(level) } else { level };
        for version in alluvium_avro::check(&new, &history, level, Policy::Strict) {
            findings.extend(version.findings.iter().map(|finding| {
                json!({
                    "subject": subject,
                    "version": version.version,
                    "direction": finding.direction.as_str(),
                    "kind": finding.incompatibility.kind.as_str(),
                    "pointer": finding.incompatibility.pointer,
                    "message": finding.incompatibility.message,
                    "description": finding.description(),
                })
            }));
        }
    }
    let columns = ["subject", "version", "direction", "kind", "pointer", "message", "description"];
    end(cx, &columns, &findings, &format!("compatible with {checked} versions"))
}

/// The new schemas, each with its subject.
fn news(cx: &Context, of: &RegistryArgs, args: &CheckArgs) -> Result<Vec<(String, Schema)>, Failure> {
    let operands = Operands::new(cx, of);
    if let Some(models) = &args.models {
        let models = super::validate::models(models)?.into_iter();
        let wanted = models.filter(|model| args.subject.as_ref().is_none_or(|subject| *subject == model.subject));
        return Ok(wanted.map(|model| (model.subject, model.schema)).collect());
    }
    let file = args.file.as_deref().ok_or_else(|| Failure::usage("No schema is named.").help("add `--file FILE`"))?;
    let subject = args.subject.clone().unwrap_or_else(|| file.display().to_string());
    Ok(vec![(subject, operands.file(file)?)])
}

/// The versions in a directory, oldest name first; numbers in names count as numbers.
fn offline(directory: &Path, args: &CheckArgs) -> Result<Vec<(u32, Schema)>, Failure> {
    let mut files = Files::read([directory.to_owned()])?;
    files.all.sort_by_key(|file| natural(&file.path));
    let mut history = Vec::new();
    for (file, version) in files.all.iter().zip(1..) {
        if args.version.is_none_or(|wanted| wanted == version) {
            let schema = Schema::parse_with(&file.text, &[], alluvium_avro::Strictness::Lenient);
            history.push((version, schema.map_err(|errors| invalid(&file.path.display().to_string(), &errors))?));
        }
    }
    Ok(history)
}

/// Texts and numbers of a name in turn.
fn natural(path: &Path) -> Vec<(String, u64)> {
    let name = path.to_string_lossy();
    let mut parts = vec![(String::new(), 0_u64)];
    let mut in_number = false;
    for letter in name.chars() {
        let Some((text, number)) = parts.last_mut() else { break };
        match letter.to_digit(10) {
            Some(digit) => {
                *number = number.saturating_mul(10).saturating_add(u64::from(digit));
                in_number = true;
            }
            None if in_number => {
                parts.push((letter.to_string(), 0));
                in_number = false;
            }
            None => text.push(letter),
        }
    }
    parts
}

/// The versions that are needed, and the level.
async fn registered(
    registry: &Registry,
    subject: &str,
    args: &CheckArgs,
) -> Result<(Vec<(u32, Schema)>, Level), Failure> {
    let level = match args.level {
        Some(level) => level,
        None => effective_level(registry, subject).await?,
    };
    let mut numbers: Vec<u32> =
        match registry.ask(reqwest::Method::GET, &["subjects", subject, "versions"], &[], None).await? {
            Ok(list) => {
                list.as_array().into_iter().flatten().filter_map(Value::as_u64).map(|number| number as u32).collect()
            }
            // A subject that is not there has no versions, and anything may be its first.
            Err(refusal) if refusal.code == 40401 => Vec::new(),
            Err(refusal) => return Err(refusal.into()),
        };
    if let Some(version) = args.version {
        if !numbers.contains(&version) {
            let exit = crate::failure::Exit::NotFound;
            return Err(Failure::new(exit, "cli.registry_refused", format!("{subject} has no version {version}.")));
        }
        numbers = vec![version];
    } else if !args.all && !level.is_transitive() {
        numbers = numbers.into_iter().max().into_iter().collect();
    }
    let mut history = Vec::with_capacity(numbers.len());
    for number in numbers {
        let stored = Stored::Version(subject.to_owned(), number.to_string());
        history.push((number, registry.parsed(&stored).await?));
    }
    Ok((history, level))
}

/// The level that holds for a subject, wherever it is set.
pub async fn effective_level(registry: &Registry, subject: &str) -> Result<Level, Failure> {
    let query = [("defaultToGlobal", "true")];
    let config = match registry.ask(reqwest::Method::GET, &["config", subject], &query, None).await? {
        Ok(config) => config,
        // Some registries know no default here.
        Err(refusal) if refusal.status == 404 => registry.get(&["config"], &[]).await?,
        Err(refusal) => return Err(refusal.into()),
    };
    let level =
        config["compatibilityLevel"].as_str().or_else(|| config["compatibility"].as_str()).unwrap_or("BACKWARD");
    level.parse().map_err(|_| Failure::usage(format!("The registry knows a level `{level}` that we do not.")))
}

fn transitive(level: Level) -> Level {
    match level {
        Level::None => Level::None,
        Level::Backward | Level::BackwardTransitive => Level::BackwardTransitive,
        Level::Forward | Level::ForwardTransitive => Level::ForwardTransitive,
        Level::Full | Level::FullTransitive => Level::FullTransitive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_versions_are_in_the_order_people_mean() {
        let mut names = ["v10.avsc", "v9.avsc", "v1.avsc", "v2.avsc"].map(std::path::PathBuf::from);
        names.sort_by_key(|name| natural(name));
        assert_eq!(names.map(|name| name.display().to_string()), ["v1.avsc", "v2.avsc", "v9.avsc", "v10.avsc"]);
    }
}
