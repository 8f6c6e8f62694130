//! The recipe of ARCHITECTURE.md, "Add a command in three edits", walked in a copy of the tree.
//!
//! The copy is below the target directory and stays there: its path is the same every time, so only what changed since the
//! last run is built, and what the tree depends on is shared with the build this test is part of. Its own packages are not: they
//! have another version, or cargo would take what it built of the copy for the tree's own.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use alluvium_blackbox::repository;

/// Edit 1: the contract. Edit 2: the model's file.
const FILES: [(&str, &str); 3] = [
    ("TruncateTable.avsc", "schemas/storage/TruncateTable.avsc"),
    ("TableTruncated.avsc", "schemas/storage/TableTruncated.avsc"),
    ("truncate.rs", "crates/storage/src/model/table/truncate.rs"),
];

/// Text that goes after other text in a file: the model's `mod` line, and edit 3, the arms that the compiler asks for.
const LINES: [(&str, &str, &str); 4] = [
    ("crates/storage/src/model/table.rs", "mod settle;\n", "mod truncate;\n"),
    (
        "crates/storage/src/projection/op.rs",
        "        | TableEvent::TableClosed(_)\n",
        "        | TableEvent::TableTruncated(_)\n",
    ),
    (
        "crates/storage/src/fold/request.rs",
        "        TableEvent::TableClosed(_) => Effect::Close,\n",
        "        TableEvent::TableTruncated(_) => Effect::Decided(Change::DeleteRows { predicate_sql: \"true\".to_owned() }),\n",
    ),
    (
        "crates/storage/src/fold/request.rs",
        "        | TableEvent::TableClosed(_)\n",
        "        | TableEvent::TableTruncated(_)\n",
    ),
];

#[test]
fn a_command_is_added_in_three_edits() {
    let target = target_directory();
    let copy = target.join("recipe");
    copy_tree(&repository(), &copy);
    for (file, to) in FILES {
        let text = std::fs::read(repository().join("tests/recipe").join(file)).expect("a file of the recipe");
        write(&copy.join(to), &text);
    }
    run(&copy, &target, Command::new("scripts/generate"), "wrote crates/storage/src/contract.rs");
    let mut unfinished = Command::new("cargo");
    unfinished.args(["test", "--no-run", "--quiet", "-p", "alluvium-storage", "--lib"]);
    let told = failure(&copy, &target, unfinished);
    assert!(told.contains("TruncateTable: Decide<"), "the compiler names what is missing, but says:\n{told}");

    for (file, after, line) in LINES {
        let path = copy.join(file);
        let text = std::fs::read_to_string(&path).expect("a source file");
        assert_eq!(text.matches(after).count(), 1, "{file} has no single {after:?}: bring the recipe up to date");
        write(&path, text.replacen(after, &format!("{after}{line}"), 1).as_bytes());
    }
    let mut specs = Command::new("cargo");
    specs.args(["test", "-p", "alluvium-storage", "--lib", "truncate"]);
    run(&copy, &target, specs, "test result: ok. 2 passed");
    let mut check = Command::new("scripts/generate");
    check.arg("--check");
    run(&copy, &target, check, "");
}

/// The directory that the running test was built into.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(3).expect("target/<profile>/deps/<test>").to_owned()
}

/// Makes `to` hold the files of `from` that git knows, as they are now, and nothing else but what was built.
fn copy_tree(from: &Path, to: &Path) {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(from).output().expect("git runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8_lossy(&listed.stdout);
    let known: HashSet<PathBuf> = listed.split_terminator('\0').map(|name| to.join(name)).collect();
    for room in ["crates", "schemas", "tests"] {
        remove_others(&to.join(room), &known);
    }
    for name in listed.split_terminator('\0') {
        // A file that was removed but not yet committed.
        let Ok(mut content) = std::fs::read(from.join(name)) else { continue };
        if name == "Cargo.toml" {
            content = renumbered(&String::from_utf8_lossy(&content)).into_bytes();
        }
        write(&to.join(name), &content);
        let mode = std::fs::metadata(from.join(name)).expect("it was just read").permissions();
        std::fs::set_permissions(to.join(name), mode).expect("the copy is ours");
    }
}

/// Removes the files below a directory that are not `known`: those of the recipe, and those that are gone since the last copy.
fn remove_others(directory: &Path, known: &HashSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            remove_others(&path, known);
        } else if !known.contains(&path) {
            std::fs::remove_file(&path).expect("the copy is ours");
        }
    }
}

/// The workspace's manifest with a version of the copy's own.
fn renumbered(manifest: &str) -> String {
    let line = manifest.lines().find(|line| line.starts_with("version = ")).expect("the workspace has a version");
    manifest.replacen(line, "version = \"0.0.0-recipe\"", 1)
}

/// Writes a file unless it holds just that: what did not change is not built again.
fn write(path: &Path, content: &[u8]) {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return;
    }
    std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory");
    std::fs::write(path, content).expect("the copy can be written");
}

fn run(directory: &Path, target: &Path, command: Command, expected: &str) {
    let (succeeded, output) = output(directory, target, command);
    assert!(succeeded && output.contains(expected), "wanted {expected:?}, got:\n{output}");
}

fn failure(directory: &Path, target: &Path, command: Command) -> String {
    let (succeeded, output) = output(directory, target, command);
    assert!(!succeeded, "this should not build yet:\n{output}");
    output
}

fn output(directory: &Path, target: &Path, mut command: Command) -> (bool, String) {
    let program = directory.join(command.get_program());
    if program.is_file() {
        let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = Command::new(program);
        command.args(args);
    }
    let output = command.current_dir(directory).env("CARGO_TARGET_DIR", target).output().expect("the command runs");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text.into_owned())
}
