//! `alluvium schema` on files: what it says, and how it ends.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const OLD: &str =
    r#"{"type":"record","name":"Order","namespace":"shop","doc":"d","fields":[{"name":"id","type":"int","doc":"d"}]}"#;
const NEW: &str = r#"{"type":"record","name":"Order","namespace":"shop","doc":"d","alv.topic":"orders","fields":[{"name":"id","type":"long","doc":"d"},{"name":"line","type":"Line","doc":"d"}]}"#;
const LINE: &str = r#"{"type":"record","name":"Line","namespace":"shop","doc":"d","fields":[{"name":"sku","type":"string","doc":"d"}]}"#;

fn alluvium(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alluvium"));
    command.current_dir(directory).arg("schema").args(args).env_clear().env("NO_COLOR", "1");
    // The table engine is a shared library, found by this in development; rustfmt is found on the path.
    for name in ["LD_LIBRARY_PATH", "PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.output().expect("the binary runs")
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(directory.path().join("versions")).expect("a directory");
    for (name, text) in
        [("new.avsc", NEW), ("lib/line.avsc", LINE), ("versions/1.avsc", OLD), ("bad.avsc", "{\"type\": \"recor\"}")]
    {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("a directory");
        std::fs::write(path, text).expect("written");
    }
    directory
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn files_are_validated_with_all_findings() {
    let at = directory();
    assert_eq!(code(&alluvium(at.path(), &["validate", "new.avsc", "lib"])), 0);
    let bad = alluvium(at.path(), &["validate", "bad.avsc", "new.avsc", "-o", "json"]);
    assert_eq!(code(&bad), 10, "{bad:?}");
    let findings = json(&bad);
    assert_eq!((findings[0]["line"].as_u64(), findings[0]["column"].as_u64()), (Some(1), Some(10)));
    assert_eq!(findings[1]["pointer"], "/fields/1/type");
    assert_eq!(code(&alluvium(at.path(), &["validate", "missing.avsc"])), 5);
    assert_eq!(code(&alluvium(at.path(), &["validate"])), 2);
}

#[test]
fn differences_and_breaks_are_findings() {
    let at = directory();
    let same = alluvium(at.path(), &["diff", "lib/line.avsc", "lib/line.avsc"]);
    assert_eq!(code(&same), 0, "{same:?}");
    let differs = alluvium(at.path(), &["diff", "versions/1.avsc", "new.avsc", "--schemas-dir", "lib", "-o", "json"]);
    assert_eq!(code(&differs), 10, "{differs:?}");
    let kinds: Vec<Value> =
        json(&differs).as_array().expect("a list").iter().map(|each| each["kind"].clone()).collect();
    assert_eq!(kinds, ["type_changed", "field_added", "attribute_changed"]);
    let check = ["check", "--file", "new.avsc", "--offline", "versions", "--schemas-dir", "lib", "--level"];
    let backward = alluvium(at.path(), &[&check[..], &["backward", "-o", "json"]].concat());
    assert_eq!(code(&backward), 10, "{backward:?}");
    assert_eq!(json(&backward)[0]["kind"], "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_eq!(code(&alluvium(at.path(), &[&check[..], &["none"]].concat())), 0);
    assert_eq!(code(&alluvium(at.path(), &[&check[..], &["sideways"]].concat())), 2);
}

#[test]
fn fingerprints_normal_forms_and_advice() {
    let at = directory();
    let crc = alluvium(at.path(), &["fingerprint", "versions/1.avsc", "--alg", "crc64"]);
    assert_eq!(String::from_utf8_lossy(&crc.stdout).trim().len(), 16, "{crc:?}");
    let all = json(&alluvium(at.path(), &["fingerprint", "versions/1.avsc", "-o", "json"]));
    assert_eq!(all["crc64"].as_str(), Some(String::from_utf8_lossy(&crc.stdout).trim()));
    let normal = alluvium(at.path(), &["normalize", "versions/1.avsc"]);
    assert!(
        String::from_utf8_lossy(&normal.stdout).starts_with(r#"{"name":"shop.Order","type":"record""#),
        "{normal:?}"
    );
    assert_eq!(code(&alluvium(at.path(), &["lint", "versions/1.avsc"])), 0);
    let advice =
        alluvium(at.path(), &["lint", "new.avsc", "--before", "versions/1.avsc", "--schemas-dir", "lib", "-o", "json"]);
    assert_eq!(code(&advice), 10, "{advice:?}");
    assert_eq!(json(&advice)[0]["rule"], "required-field-added");
}

#[test]
fn code_is_generated_and_checked() {
    let at = directory();
    let generate = ["generate", "--from", "new.avsc", "--schemas-dir", "lib", "--out", "src"];
    assert_eq!(code(&alluvium(at.path(), &[&generate[..], &["--check"]].concat())), 10);
    let made = alluvium(at.path(), &generate);
    assert_eq!(code(&made), 0, "{made:?}");
    let text = std::fs::read_to_string(at.path().join("src/messages.rs")).expect("written");
    assert!(text.contains("pub struct Order {") && text.contains("pub line: Line,"), "{text}");
    assert_eq!(code(&alluvium(at.path(), &[&generate[..], &["--check"]].concat())), 0);
    let python = alluvium(at.path(), &["generate", "--from", "lib", "--lang", "python"]);
    assert!(String::from_utf8_lossy(&python.stdout).contains("class Line(BaseModel):"), "{python:?}");
}

#[test]
fn a_registry_that_is_not_there_is_7() {
    let at = directory();
    let gone = alluvium(at.path(), &["list", "--registry", "http://127.0.0.1:9"]);
    assert_eq!(code(&gone), 7, "{gone:?}");
    assert!(String::from_utf8_lossy(&gone.stderr).contains("cli.registry_unreachable"), "{gone:?}");
}
