//! `alluvium schema`: schemas in files and in any registry that speaks the common REST API.

mod carry;
mod check;
mod files;
mod generate;
mod local;
mod operand;
mod registry;
mod settings;
mod subjects;
mod validate;

use serde_json::Value;

use super::Context;
use crate::cli::schema::{SchemaArgs, SchemaCommand};
use crate::failure::{Done, Failure};
use files::Files;
pub use operand::{Operands, Stored};
pub use registry::Registry;
pub use validate::models;

pub async fn run(cx: &Context, args: SchemaArgs) -> Done {
    let of = &args.registry;
    match args.command {
        SchemaCommand::Validate(args) => validate::run(cx, of, &args).await,
        SchemaCommand::Generate(args) => generate::run(cx, &Operands::new(cx, of), &args).await,
        SchemaCommand::Infer(args) => generate::infer(cx, &args),
        SchemaCommand::Diff(args) => local::diff(cx, &Operands::new(cx, of), &args).await,
        SchemaCommand::Fingerprint(args) => local::fingerprint(cx, &Operands::new(cx, of), &args).await,
        SchemaCommand::Normalize(args) => local::normalize(cx, &Operands::new(cx, of), &args).await,
        SchemaCommand::Lint(args) => local::lint(cx, &Operands::new(cx, of), &args).await,
        SchemaCommand::Check(args) => check::run(cx, of, &args).await,
        SchemaCommand::Register(args) => subjects::register(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::List(args) => subjects::list(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Versions(args) => subjects::versions(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Get(args) => subjects::get(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Lookup(args) => subjects::lookup(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Refs(args) => subjects::refs(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::History(args) => subjects::history(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Delete(args) => subjects::delete(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Config(args) => settings::config(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Mode(args) => settings::mode(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Export(args) => carry::export(cx, &Registry::open(cx, of)?, &args).await,
        SchemaCommand::Import(args) => carry::import(cx, of, &args).await,
    }
}

/// Prints findings; none is good, any ends with the exit code of findings.
fn end(cx: &Context, columns: &[&str], findings: &[Value], good: &str) -> Done {
    if findings.is_empty() {
        if cx.ui.format != crate::ui::Format::Table {
            cx.ui.rows(columns, findings);
        }
        cx.ui.ok(good);
        return Ok(());
    }
    cx.ui.rows(columns, findings);
    Err(Failure::findings(findings.len()))
}
