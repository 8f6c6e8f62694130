//! Code that is generated for other languages runs there, whatever the schemas call things.

use std::path::Path;
use std::process::{Command, Output};

use alluvium_blackbox::{binary, repository};

/// A schema with names that mean something in each language, and with defaults of every kind.
const SCHEMA: &str = "tests/clients/hard.avsc";
/// Uses the types of the file beside it.
const USE: &str = r#"
import { type ComExampleOrder, type Kind, type Record_, COM_EXAMPLE_ORDER_SCHEMA, COM_EXAMPLE_ORDER_TOPIC } from "./messages";

const topic: "orders" = COM_EXAMPLE_ORDER_TOPIC;
const kind: Kind = "mro";
const bytes: ComExampleOrder["bytes"] = new Uint8Array([1]);
const dict: ComExampleOrder["dict"] = { [topic]: 1 };
const records: ComExampleOrder["records"] = { r: { when: 1 } satisfies Record_ };
// @ts-expect-error: it is no number
const wrong: ComExampleOrder["id"] = 1;
export default [kind, bytes, dict, records, wrong, COM_EXAMPLE_ORDER_SCHEMA.fields[0].name satisfies "id"];
"#;

fn packages(kind: &str) -> String {
    let output = done(Command::new(repository().join("scripts/clients")).arg(kind));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn done(command: &mut Command) -> Output {
    let output = command.output().expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{error}");
    output
}

fn generate(language: &str, into: &Path) {
    let schema = repository().join(SCHEMA);
    done(
        Command::new(binary())
            .args(["schema", "generate", "--lang", language, "--from"])
            .arg(schema)
            .arg("--out")
            .arg(into),
    );
}

#[test]
fn python_imports_fills_encodes_and_reads_its_models() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    generate("python", directory.path());
    let program = repository().join("tests/clients/python/generated.py");
    done(
        Command::new("python3").arg("-Werror").arg(program).arg(directory.path()).env("PYTHONPATH", packages("python")),
    );
}

#[test]
fn typescript_is_taken_by_its_strictest_compiler() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    generate("typescript", directory.path());
    std::fs::write(directory.path().join("use.ts"), USE).expect("written");
    let compiler = format!("{}/node_modules/typescript/bin/tsc", packages("node"));
    let strict = ["--strict", "--noEmit", "--target", "es2022", "--moduleResolution", "bundler", "--module", "es2022"];
    done(Command::new("node").arg(compiler).args(strict).arg("use.ts").current_dir(&directory));
}
