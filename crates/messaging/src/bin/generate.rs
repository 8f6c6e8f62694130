//! `generate [--check] [--release]`: writes each context's `contract.rs` from `schemas/`; with `--check` it only says
//! what differs or breaks what was released (exit 10); with `--release` it notes the schemas as released.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use alluvium_messaging::generate::{self, Lock};
use serde_json::Value;

/// Exit code for findings of a check.
const FINDINGS: u8 = 10;

fn main() -> ExitCode {
    let flags: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| flags.iter().any(|flag| flag == name);
    match run(flag("--check"), flag("--release")) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            ExitCode::from(FINDINGS)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool, release: bool) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut findings = Vec::new();
    let lock_path = Path::new("schemas/lock.json");
    let mut locks: BTreeMap<String, Lock> = match std::fs::read(lock_path) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error.into()),
    };
    for entry in std::fs::read_dir("schemas")? {
        let directory = entry?.path();
        if !directory.is_dir() {
            continue;
        }
        let context = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let sources = generate::read(&directory)?;
        let schemas: BTreeMap<String, Value> = generate::inlined(&sources);
        let lock = locks.entry(context.clone()).or_default();
        findings.extend(generate::check_lock(lock, &schemas).into_iter().map(|text| format!("{context}/{text}")));
        if release {
            lock.release(&schemas);
        }
        // The envelope of every context is the kit's own; `crate` must mean the kit there.
        let (path, text) = if context == "envelope" {
            (
                "crates/messaging/src/commit.rs".to_owned(),
                generate::rust(&sources, lock)?.replace("alluvium_messaging::", "crate::"),
            )
        } else {
            (format!("crates/{context}/src/contract.rs"), generate::rust(&sources, lock)?)
        };
        let text = formatted(&text)?;
        if std::fs::read_to_string(&path).ok().as_deref() == Some(&text) {
            continue;
        }
        if check {
            findings.push(format!("{path} differs from schemas/{context}: run scripts/generate"));
        } else {
            std::fs::write(&path, text)?;
            println!("wrote {path}");
        }
    }
    if release && findings.is_empty() {
        std::fs::write(lock_path, serde_json::to_string_pretty(&locks)? + "\n")?;
    }
    Ok(findings)
}

fn formatted(text: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut rustfmt =
        Command::new("rustfmt").args(["--edition", "2024"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    rustfmt.stdin.take().ok_or("rustfmt takes no input")?.write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    if output.status.success() { Ok(String::from_utf8(output.stdout)?) } else { Err("rustfmt failed".into()) }
}
