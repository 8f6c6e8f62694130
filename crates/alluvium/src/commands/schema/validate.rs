//! `validate`: files by the rules of Avro, message types against their schemas.

use std::path::{Path, PathBuf};

use alluvium_avro::{Problem, Report, Schema};
use serde_json::{Value, json};

use super::operand::Stored;
use super::{Context, Files, Registry, end};
use crate::cli::schema::{RegistryArgs, ValidateArgs};
use crate::failure::{Done, Failure};

/// A message type as a program exported it.
pub struct Model {
    /// Its full Avro name.
    pub name: String,
    /// Where its schema is registered.
    pub subject: String,
    /// The file that leads its schema, if one does.
    pub file: Option<PathBuf>,
    /// Its schema.
    pub schema: Schema,
    /// The text of that.
    pub text: String,
    /// All that was exported of it.
    pub exported: Value,
}

/// Reads the message types of a program.
pub fn models(path: &Path) -> Result<Vec<Model>, Failure> {
    let wrong = |what: &str| Failure::usage(format!("{} holds no message types: {what}.", path.display()));
    let file: Value = serde_json::from_slice(&std::fs::read(path)?).map_err(|error| wrong(&error.to_string()))?;
    let list = file["models"].as_array().ok_or_else(|| wrong("it has no list `models`"))?;
    let models = list.iter().map(|model| {
        let text = |key: &str| model[key].as_str().ok_or_else(|| wrong(&format!("a type has no `{key}`")));
        let schema = text("schema")?;
        Ok(Model {
            name: text("name")?.to_owned(),
            subject: text("schema_subject")?.to_owned(),
            file: model["schema_file"].as_str().map(PathBuf::from),
            schema: Schema::parse(schema)
                .map_err(|errors| super::operand::invalid(&model["name"].to_string(), &errors))?,
            text: schema.to_owned(),
            exported: model.clone(),
        })
    });
    models.collect()
}

pub async fn run(cx: &Context, of: &RegistryArgs, args: &ValidateArgs) -> Done {
    let paths: Vec<PathBuf> = args.files.iter().cloned().chain(of.schemas_dir.clone()).collect();
    if paths.is_empty() && args.models.is_none() {
        return Err(Failure::usage("No file is named.").help("name files, or `--schemas-dir DIR`, or `--models FILE`"));
    }
    let files = Files::read(paths)?;
    let mut findings = Vec::new();
    for file in &files.all {
        let Err(errors) = files.parse(file) else { continue };
        findings.extend(errors.findings.iter().map(|finding| {
            json!({
                "schema": file.path.display().to_string(),
                "line": finding.line,
                "column": finding.column,
                "pointer": finding.pointer,
                "severity": "error",
                "message": match &finding.reference {
                    Some(name) => format!("in the reference {name}: {}", finding.message),
                    None => finding.message.clone(),
                },
            })
        }));
    }
    let mut warnings = 0;
    if let Some(path) = &args.models {
        for model in models(path)? {
            let Some(report) = report(cx, of, args, &model).await? else { continue };
            warnings += report.warnings.len();
            let told = |severity: &'static str, all: &[Problem]| -> Vec<Value> {
                let told = all.iter().map(|problem| {
                    let message = format!("{}: {}", problem.kind, problem.message);
                    json!({ "schema": model.name, "pointer": problem.pointer, "severity": severity, "message": message })
                });
                told.collect()
            };
            findings.extend(told("error", &report.errors));
            findings.extend(told("warning", &report.warnings));
        }
    }
    let columns = ["schema", "line", "column", "pointer", "severity", "message"];
    if !args.strict && warnings > 0 && warnings == findings.len() {
        cx.ui.rows(&columns, &findings);
        cx.ui.warn("there are only warnings");
        return Ok(());
    }
    end(cx, &columns, &findings, &format!("{} files are valid", files.all.len()))
}

/// What a message type and the schema it should follow differ in; nothing if there is no such schema.
async fn report(
    cx: &Context,
    of: &RegistryArgs,
    args: &ValidateArgs,
    model: &Model,
) -> Result<Option<Report>, Failure> {
    let schema = if args.against_registry {
        let registry = Registry::open(cx, of)?;
        registry.parsed(&Stored::Version(model.subject.clone(), "latest".to_owned())).await?
    } else if let Some(file) = &model.file {
        super::Operands::new(cx, of).file(file)?
    } else {
        return Ok(None);
    };
    Ok(Some(alluvium_avro::validate(&model.schema, &schema)))
}
