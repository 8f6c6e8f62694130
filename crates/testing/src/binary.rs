//! The real binary, as a process that can be killed and started again.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use alluvium_servers::{Process, pick_port};
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{Scratch, must};

const READY_BUDGET: Duration = Duration::from_mins(2);
const READY_POLL: Duration = Duration::from_millis(20);
const PROBE_BUDGET: Duration = Duration::from_secs(5);
const STOP_BUDGET: Duration = Duration::from_secs(20);
/// Attempts to find a port that nobody takes between looking and listening.
const PORT_TRIES_MAX: usize = 5;

/// How to run the binary; made by [`Alluvium::builder`].
#[derive(Debug)]
pub struct AlluviumBuilder {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    ready: String,
}

impl AlluviumBuilder {
    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Waits for status 200 at this path instead of `/ready`.
    #[must_use]
    pub fn ready(mut self, path: impl Into<String>) -> Self {
        self.ready = path.into();
        self
    }

    /// Starts the binary with `PORT` set to a free port and waits until it is ready.
    pub async fn start(self) -> Alluvium {
        crate::provide_tls();
        let scratch = Scratch::new();
        let port = must("picking a port", pick_port());
        let log = scratch.path().join("alluvium.log");
        let process = spawn(&self, port, &log);
        let mut alluvium = Alluvium { process, builder: self, port, log, _scratch: scratch };
        let ready = alluvium.builder.ready.clone();
        for _ in 0..PORT_TRIES_MAX {
            match alluvium.ready_or_ended(&ready).await {
                None => return alluvium,
                // Somebody took the port between the look and the start.
                Some(ended) if alluvium.output().contains(&format!("Port {} on", alluvium.port)) => {
                    eprintln!("port {} was taken meanwhile ({ended}); trying another", alluvium.port);
                    alluvium.port = must("picking a port", pick_port());
                    alluvium.process = spawn(&alluvium.builder, alluvium.port, &alluvium.log);
                }
                Some(ended) => alluvium.fail(ended),
            }
        }
        panic!("no port could be had; Alluvium printed:\n{}", alluvium.output());
    }
}

/// The binary, running. Dropping it stops it.
#[derive(Debug)]
pub struct Alluvium {
    process: Process,
    builder: AlluviumBuilder,
    port: u16,
    log: PathBuf,
    _scratch: Scratch,
}

impl Alluvium {
    /// Prepares to run the binary at `program`: `env!("CARGO_BIN_EXE_alluvium")` in the binary's own tests.
    pub fn builder(program: impl Into<PathBuf>) -> AlluviumBuilder {
        AlluviumBuilder { program: program.into(), args: Vec::new(), envs: Vec::new(), ready: "/ready".into() }
    }

    /// Where its HTTP is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has printed so far, over all its starts.
    pub fn output(&self) -> String {
        must("reading what Alluvium printed", fs::read_to_string(&self.log))
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops it in its tracks (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&mut self) {
        must("pausing Alluvium", self.process.pause());
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&mut self) {
        must("resuming Alluvium", self.process.resume());
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        must("killing Alluvium", self.process.kill());
    }

    /// Asks it to leave (SIGTERM) and tells how it ended.
    pub async fn stop(&mut self) -> ExitStatus {
        must("stopping Alluvium", self.process.signal(Signal::SIGTERM));
        let ended = tokio::time::timeout(STOP_BUDGET, self.process.exited()).await;
        let ended = ended.unwrap_or_else(|_| panic!("Alluvium did not stop in time; it printed:\n{}", self.output()));
        must("stopping Alluvium", ended)
    }

    /// Starts it again with the same arguments and port, and waits until it is ready.
    pub async fn restart(&mut self) {
        let ready = self.builder.ready.clone();
        self.restart_until(&ready).await;
    }

    /// The same, waiting for status 200 at another path: for a start after which it cannot be ready.
    pub async fn restart_until(&mut self, path: &str) {
        must("stopping Alluvium", self.process.stop());
        self.process = spawn(&self.builder, self.port, &self.log);
        self.wait_for(path).await;
    }

    async fn wait_for(&mut self, path: &str) {
        if let Some(ended) = self.ready_or_ended(path).await {
            self.fail(ended);
        }
    }

    fn fail(&self, ended: ExitStatus) -> ! {
        panic!("Alluvium ended while starting ({ended}); it printed:\n{}", self.output());
    }

    /// Waits for status 200 at a path; tells how the process ended when it does first.
    async fn ready_or_ended(&mut self, path: &str) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(ended) = must("watching Alluvium", self.process.try_exit()) {
                return Some(ended);
            }
            if self.status(path).await == Some(200) {
                return None;
            }
            assert!(started.elapsed() < READY_BUDGET, "Alluvium is not ready; it printed:\n{}", self.output());
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// The status that a GET of `path` answers, if anything answers.
    async fn status(&self, path: &str) -> Option<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.ok()?;
            let text = String::from_utf8_lossy(&answer).into_owned();
            text.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
        };
        tokio::time::timeout(PROBE_BUDGET, ask).await.ok().flatten()
    }
}

fn spawn(builder: &AlluviumBuilder, port: u16, log: &Path) -> Process {
    let open = || OpenOptions::new().create(true).append(true).open(log);
    let mut command = Command::new(&builder.program);
    command
        .args(&builder.args)
        .env("PORT", port.to_string())
        // Several run beside each other; whoever tests the registry's own port names one.
        .env("ALLUVIUM_REGISTRY_LISTEN", "off")
        .envs(builder.envs.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(must("opening a log", open()))
        .stderr(must("opening a log", open()));
    must("starting Alluvium", Process::spawn("alluvium", command, Signal::SIGTERM, STOP_BUDGET))
}
