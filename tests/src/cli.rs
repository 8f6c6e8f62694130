//! The real binary as people run it at a terminal.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::ADMIN;

/// What the binary exits with when a server does not answer.
const UNAVAILABLE: i32 = 7;
/// How long [`Cli::until_accepted`] tries.
const TRY_BUDGET: Duration = Duration::from_mins(2);
/// Pause between tries.
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// The command line beside a world. It holds addresses only, so it goes on while the world's server is killed.
#[derive(Clone, Debug)]
pub struct Cli {
    pub(crate) server: String,
    pub(crate) nats: String,
}

impl Cli {
    /// Against a server and its log.
    pub fn at(server: String, nats: String) -> Self {
        Self { server, nats }
    }

    /// Runs it once.
    pub fn run(&self, args: &[&str]) -> Output {
        Command::new(binary())
            .args(["--server", &self.server, "--key", ADMIN, "--nats", &self.nats])
            .args(args)
            .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
            .env("NO_COLOR", "1")
            .output()
            .expect("the binary runs")
    }

    /// Runs it again for as long as the server does not answer; any other failure is a finding. Gives the number of tries.
    pub fn until_accepted(&self, args: &[&str]) -> usize {
        let began = Instant::now();
        for tries in 1.. {
            let output = self.run(args);
            if output.status.success() {
                return tries;
            }
            let error = String::from_utf8_lossy(&output.stderr);
            let again = output.status.code() == Some(UNAVAILABLE) && began.elapsed() < TRY_BUDGET;
            assert!(again, "{args:?}: {}\n{error}", output.status);
            std::thread::sleep(TRY_PAUSE);
        }
        unreachable!("tries end with success or a finding")
    }
}

/// The binary under test: `ALLUVIUM_BINARY`, else the one built beside this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ALLUVIUM_BINARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test has a path");
    let built = test.parent().and_then(std::path::Path::parent).expect("target/<profile>/deps").join("alluvium");
    assert!(built.exists(), "build the binary first: cargo build -p alluvium ({} is missing)", built.display());
    built
}
