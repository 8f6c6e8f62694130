//! Every command block of the README and of `docs/` runs, in order, against a real server.
//!
//! A block is fenced by ```` ```sh ````. One whose first line is `# needs: …` is left out, and the reason is printed. A block
//! fenced by ```` ```json output ```` or ```` ```console output ```` says what the block before it prints on standard output:
//! every line of it must come in that order, and `…` in a line stands for anything.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use alluvium_blackbox::{ADMIN, World, binary, repository};
use alluvium_testing::{NatsServer, Postgres};
use rstest::rstest;
use serde_json::json;

/// How long the blocks of one document may take, in seconds.
const DOCUMENT_SECONDS_MAX: u64 = 300;

#[rstest]
#[case("README.md")]
#[case("docs/README.md")]
#[case("docs/access.md")]
#[case("docs/events.md")]
#[case("docs/forgetting.md")]
#[case("docs/history.md")]
#[case("docs/messaging.md")]
#[case("docs/operations.md")]
#[case("docs/performance.md")]
#[case("docs/pipelines.md")]
#[case("docs/schemas.md")]
#[case("docs/storage.md")]
#[case("docs/workspaces.md")]
#[tokio::test]
async fn every_command_block_runs(#[case] name: &str) {
    let text = std::fs::read_to_string(repository().join(name)).expect("the document is there");
    let blocks = blocks(&text);
    for block in blocks.iter().filter_map(|block| block.needs().map(|needs| (block.line, needs))) {
        println!("{name}:{} left out, it needs {}", block.0, block.1);
    }
    let blocks: Vec<Block> = blocks.into_iter().filter(|block| block.needs().is_none()).collect();
    if blocks.is_empty() {
        return;
    }
    let data = tempfile::tempdir().expect("a temporary directory");
    // Documents are run side by side: each has a port of its own for sessions in workspaces.
    let envs = [("PGWIRE_PORT", "0"), ("PGWIRE_INTERNAL_LISTEN", "off")];
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    // What `alluvium dev` makes at its start.
    let made = world.post("/projects", &json!({ "id": "demo", "name": "Demo" })).await;
    let key = made["api_key"].as_str().expect("the project's first key");
    let session = Session::new(&world, key);
    let printed = session.run(&script(&blocks)).await;
    for (index, block) in blocks.iter().enumerate() {
        let Some(block_printed) = printed.get(index) else {
            panic!("{name}:{}: never reached; the block before it ended the shell", block.line)
        };
        let at = format!("{name}:{}\n{}", block.line, block.text);
        assert_eq!(block_printed.status, Some(0), "{at}\nprinted:\n{}\n{}", block_printed.out, block_printed.error);
        if let Some(expected) = &block.output {
            assert_lines(&at, expected, &block_printed.out);
        }
    }
}

#[test]
fn every_setting_is_in_the_table() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).expect("a file of the repository");
    let (settings, page) = (read("crates/alluvium/src/config/settings.rs"), read("docs/operations.md"));
    let listed = settings.split("pub const OTHER_ENV").next().unwrap_or_default();
    for name in listed.split('"').skip(1).step_by(2).filter(|name| name.starts_with("ALLUVIUM_")) {
        assert!(page.contains(&format!("`{name}`")), "{name} is missing in docs/operations.md");
    }
}

#[test]
fn no_document_is_forgotten() {
    let this = std::fs::read_to_string(repository().join("tests/tests/readme.rs")).expect("this file");
    for entry in std::fs::read_dir(repository().join("docs")).expect("docs/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = format!("docs/{}", path.file_name().expect("a name").to_string_lossy());
            assert!(this.contains(&format!("#[case(\"{name}\")]")), "{name} is not among the cases above");
        }
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let root = repository();
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root.join(name)).into();
    let docs = std::fs::read_dir(root.join("docs")).expect("docs/").map(|entry| entry.expect("an entry").path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let leads =
                file.is_empty() || file.contains("://") || page.parent().expect("a directory").join(file).exists();
            assert!(leads, "{}: {target} leads nowhere", page.display());
        }
    }
}

/// A command block.
struct Block {
    line: usize,
    text: String,
    output: Option<String>,
}

impl Block {
    /// What it needs that a test has not.
    fn needs(&self) -> Option<&str> {
        self.text.lines().next()?.strip_prefix("# needs: ")
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let body: String = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").fold(
            String::new(),
            |mut body, line| {
                body.push_str(line);
                body.push('\n');
                body
            },
        );
        if info == "sh" {
            blocks.push(Block { line: number + 1, text: body, output: None });
        } else if info.ends_with(" output")
            && let Some(before) = blocks.last_mut()
        {
            before.output = Some(body);
        }
    }
    blocks
}

/// All blocks as one script: each one's output and exit code go to files of their own, the first that fails ends it.
fn script(blocks: &[Block]) -> String {
    let mut script = String::from("set -euo pipefail\ntrap 'echo $? > \"$PRINTED/$N.status\"' EXIT\n");
    for (index, block) in blocks.iter().enumerate() {
        let _ = write!(
            script,
            "N={index}\nexec > \"$PRINTED/$N.out\" 2> \"$PRINTED/$N.error\"\n{}echo 0 > \"$PRINTED/$N.status\"\n",
            block.text
        );
    }
    script
}

/// What a block printed.
struct Printed {
    status: Option<i32>,
    out: String,
    error: String,
}

/// A shell beside a server, as somebody has it who ran `scripts/dev`.
struct Session {
    directory: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

impl Session {
    fn new(world: &World, key: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let bin = directory.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a directory");
        std::os::unix::fs::symlink(binary(), bin.join("alluvium")).expect("a link to the binary");
        let path = std::env::var("PATH").unwrap_or_default();
        // Where `psql` is, beside the server that the platform itself uses.
        let path = std::env::var("ALLUVIUM_POSTGRES_BIN").map_or(path.clone(), |more| format!("{path}:{more}"));
        let env = vec![
            ("PATH", format!("{}:{path}", bin.display())),
            ("ALLUVIUM_SERVER", world.alluvium.url()),
            ("ALLUVIUM_KEY", ADMIN.to_owned()),
            ("ALLUVIUM_PROJECT", "demo".to_owned()),
            ("ALLUVIUM_NATS", world.nats.url()),
            ("ALLUVIUM_POSTGRES_URL", world.database.clone()),
            ("ALLUVIUM_ADMIN_KEY", ADMIN.to_owned()),
            ("ALLUVIUM_SIGNING_KEY", "07".repeat(32)),
            ("KEY", key.to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("ALLUVIUM_DATA_DIR", world.data.path().display().to_string()),
        ];
        Self { directory, env }
    }

    async fn run(&self, script: &str) -> Vec<Printed> {
        // Documents are run side by side: each has a directory for temporary files of its own.
        let temporary = self.directory.path().join("tmp");
        std::fs::create_dir_all(&temporary).expect("a directory");
        let script = script.replace("/tmp/", &format!("{}/", temporary.display()));
        let printed = self.directory.path().join("printed");
        std::fs::create_dir_all(&printed).expect("a directory");
        let mut bash = Command::new("bash");
        bash.args(["-c", script.as_str()])
            .current_dir(repository())
            .env("PRINTED", &printed)
            .envs(self.env.iter().cloned());
        bash.stdin(Stdio::null());
        let mut child = tokio::process::Command::from(bash).kill_on_drop(true).spawn().expect("bash runs");
        let ended = tokio::time::timeout(Duration::from_secs(DOCUMENT_SECONDS_MAX), child.wait()).await;
        // The files say which block did not end.
        drop(ended);
        (0..).map_while(|index| read(&printed, index)).collect()
    }
}

fn read(printed: &Path, index: usize) -> Option<Printed> {
    let text = |kind: &str| std::fs::read_to_string(printed.join(format!("{index}.{kind}")));
    Some(Printed {
        out: text("out").ok()?,
        error: text("error").unwrap_or_default(),
        status: text("status").ok().and_then(|text| text.trim().parse().ok()),
    })
}

/// Every line of `expected` comes in `printed`, in order.
fn assert_lines(at: &str, expected: &str, printed: &str) {
    let mut rest = printed.lines().map(str::trim);
    for line in expected.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…") {
        assert!(rest.any(|found| fits(line, found)), "{at}\nshould print\n{line}\nin what was printed:\n{printed}");
    }
}

/// Whether a line is as the pattern says, in which `…` is anything.
fn fits(pattern: &str, line: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return pattern == line;
    }
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in &parts[1..parts.len() - 1] {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}
