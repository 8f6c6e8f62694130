//! A private Postgres.

mod cluster;

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    Error, Result, Version, blocking, directory,
    find::{self, Found},
    port::{is_free, pick_port},
    process::{Launch, Process},
    user::RunAs,
};
use cluster::Cluster;

const MINIMUM: Version = Version::new(15, 0);
const VARIABLE: &str = "ALLUVIUM_POSTGRES_BIN";
const NAME: &str = "postgres";
/// The superuser of the cluster, the only one at first.
const USER: &str = "alluvium";
/// Recovery after a kill can take a while.
const START_BUDGET: Duration = Duration::from_mins(2);
const STOP_BUDGET: Duration = Duration::from_secs(10);
const START_POLL: Duration = Duration::from_millis(10);
/// Tries to find a port nobody takes between looking and listening.
const PORT_TRIES_MAX: usize = 5;
const CONNECTIONS_MAX: u32 = 200;

/// How to run a private Postgres.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Its directory: log, lock, password, and the cluster below `cluster/`.
    pub directory: PathBuf,
    /// The port on 127.0.0.1, or a free one.
    pub port: Option<u16>,
    /// Whether data survives a power cut and strangers need the password. Otherwise it is fast and open: for tests.
    pub durable: bool,
}

impl PostgresOptions {
    /// A Postgres whose data is kept: synced, behind a random password, stopped in good order.
    pub fn durable(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), port: None, durable: true }
    }

    /// A Postgres whose data is thrown away: for tests.
    pub fn scratch(directory: impl Into<PathBuf>) -> Self {
        Self { durable: false, ..Self::durable(directory) }
    }
}

/// A running private Postgres, listening on 127.0.0.1. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    options: PostgresOptions,
    program: Found,
    cluster: Cluster,
    port: u16,
    process: Process,
}

impl Postgres {
    /// Finds a Postgres that is new enough, makes the cluster if there is none, starts it and waits until it is ready.
    pub async fn start(options: PostgresOptions) -> Result<Self> {
        blocking(move || Self::start_blocking(options)).await
    }

    fn start_blocking(mut options: PostgresOptions) -> Result<Self> {
        let program = find::first_usable(NAME, VARIABLE, MINIMUM, candidates())?;
        directory::create(&options.directory)?;
        options.directory = std::path::absolute(&options.directory)
            .map_err(|source| Error::io("finding the working directory", source))?;
        let cluster = {
            let _lock = directory::lock(&options.directory)?;
            Cluster::prepare(&options.directory, &program, RunAs::when_root()?, options.durable)?
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let port = match options.port {
                Some(port) if !is_free(port) => return Err(Error::PortTaken { port }),
                Some(port) => port,
                None => pick_port()?,
            };
            match launch(&program.path, &options, &cluster, port) {
                Ok(process) => return Ok(Self { options, program, cluster, port, process }),
                Err(Error::Exited { tail, .. })
                    if options.port.is_none() && tries < PORT_TRIES_MAX && tail.contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where clients connect, with the password if there is one: the maintenance database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The same for another database; the name must not need escapes in a URL.
    pub fn url_of(&self, database: &str) -> String {
        let password = self.cluster.password.as_ref().map(|password| format!(":{password}")).unwrap_or_default();
        format!("postgres://{USER}{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The version of the program.
    pub fn version(&self) -> Version {
        self.program.version
    }

    /// The program that runs.
    pub fn program(&self) -> &Path {
        &self.program.path
    }

    /// The cluster's files; not below the data directory when that is closed to the user Postgres runs as.
    pub fn cluster_directory(&self) -> &Path {
        &self.cluster.directory
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        log(&self.options.directory)
    }

    /// The process, to signal it or to notice that it ended.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it (SIGKILL). The cluster stays; [`restart`](Self::restart) brings it back.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same port and cluster, stopping it first if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.stop()?;
        let (program, options, cluster, port) =
            (self.program.path.clone(), self.options.clone(), self.cluster.clone(), self.port);
        self.process = blocking(move || launch(&program, &options, &cluster, port)).await?;
        Ok(())
    }

    /// Stops it in good order (a fast shutdown when durable).
    pub async fn stop(mut self) -> Result<()> {
        blocking(move || self.process.stop()).await
    }
}

/// The one named in the environment and no other, else the newest system package, what is on `PATH`, and the one that
/// `scripts/setup` brought.
fn candidates() -> Vec<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return vec![Path::new(&named).join(NAME)];
    }
    let mut packages: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin").join(NAME))))
        .collect();
    packages.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    let mut found: Vec<PathBuf> = packages.into_iter().map(|(_, path)| path).collect();
    found.extend(find::on_path(NAME));
    found.extend(directory::cache_directory().map(|cache| cache.join("current/postgres/bin").join(NAME)));
    // A link would hide the programs and files beside the real one.
    found.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect()
}

fn log(directory: &Path) -> PathBuf {
    directory.join("postgres.log")
}

fn launch(program: &Path, options: &PostgresOptions, cluster: &Cluster, port: u16) -> Result<Process> {
    // After a kill this waits until the last backend has left, so that none still writes.
    let lock = directory::lock(&options.directory)?;
    let log = log(&options.directory);
    let mut args = vec!["-D".into(), cluster.directory.clone().into_os_string()];
    for setting in settings(options, port) {
        args.extend(["-c".into(), setting.into()]);
    }
    let (signal, death) = if options.durable { (Signal::SIGINT, "INT") } else { (Signal::SIGQUIT, "KILL") };
    let command = Launch {
        program,
        args,
        run_as: cluster.run_as,
        when_parent_dies: death,
        lock,
        log: directory::open_log(&log)?,
    }
    .command()?;
    let mut process = Process::spawn(NAME, command, signal, STOP_BUDGET)?;
    wait_ready(&mut process, &cluster.directory.join("postmaster.pid"), &log)?;
    Ok(process)
}

fn settings(options: &PostgresOptions, port: u16) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".into(),
        format!("port={port}"),
        "unix_socket_directories=".into(),
        format!("max_connections={CONNECTIONS_MAX}"),
        // Read models are asked short questions; compiling them costs more than it saves.
        "jit=off".into(),
        "log_timezone=UTC".into(),
        "timezone=UTC".into(),
    ];
    if !options.durable {
        // Commits still reach the operating system, so they survive a kill of the server; only a power cut loses them.
        let fast = ["fsync=off", "full_page_writes=off", "shared_buffers=32MB"];
        settings.extend(fast.map(String::from));
        // A killed server leaves its shared memory behind; as files of the cluster it goes when the directory goes.
        settings.push("dynamic_shared_memory_type=mmap".into());
    }
    settings
}

/// The postmaster writes its id to the first line of its pid file and, once it takes connections, `ready` to the eighth.
fn wait_ready(process: &mut Process, pid_file: &Path, log: &Path) -> Result<()> {
    let started = Instant::now();
    loop {
        let text = fs::read_to_string(pid_file).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() == Some(&process.id().to_string()) && lines.nth(6).map(str::trim) == Some("ready") {
            return Ok(());
        }
        if let Some(status) = process.try_exit()? {
            let tail = directory::tail(log);
            return Err(Error::Exited { server: NAME, status: status.to_string(), log: log.to_owned(), tail });
        }
        if started.elapsed() > START_BUDGET {
            let tail = directory::tail(log);
            return Err(Error::NotReady { server: NAME, seconds: START_BUDGET.as_secs(), log: log.to_owned(), tail });
        }
        thread::sleep(START_POLL);
    }
}
