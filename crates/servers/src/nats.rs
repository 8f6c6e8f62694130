//! A private nats-server with JetStream.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    Error, Result, Version, blocking, directory, find,
    port::{is_free, pick_port},
    process::{Launch, Process},
};

const MINIMUM: Version = Version::new(2, 12);
const VARIABLE: &str = "ALLUVIUM_NATS_SERVER";
const NAME: &str = "nats-server";
/// Recovering a large log takes a while.
const START_BUDGET: Duration = Duration::from_mins(2);
const STOP_BUDGET: Duration = Duration::from_secs(10);
const START_POLL: Duration = Duration::from_millis(5);
/// Tries to find a port nobody takes between looking and listening.
const PORT_TRIES_MAX: usize = 5;
/// The largest message; the server's own default is 1 MiB, blocks of rows are larger.
const PAYLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The other nodes of a cluster, all on this machine.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The cluster's name, the same on every node.
    pub name: String,
    /// The port on 127.0.0.1 where this node listens for the others.
    pub port: u16,
    /// The ports of all nodes; this one's may be among them.
    pub peers: Vec<u16>,
}

/// How to run a private nats-server.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Its directory: configuration, log, lock, and the store below `jetstream/`.
    pub directory: PathBuf,
    /// The port on 127.0.0.1, or a free one.
    pub port: Option<u16>,
    /// The server's name, shown by clients.
    pub name: String,
    /// `sync_interval`, such as `1s`, or `always` to sync before each ack; the server's default (two minutes) when none.
    pub sync_interval: Option<String>,
    /// User and password that clients must give; open to this machine when none.
    pub login: Option<(String, String)>,
    /// The cluster it is a node of; on its own when none. Nodes need names that differ.
    pub cluster: Option<ClusterOptions>,
    /// Whether it is asked to leave (and syncs) or just killed, by us and when we die.
    pub graceful: bool,
}

impl NatsOptions {
    /// A server whose data is kept: synced every second, stopped in good order.
    pub fn durable(directory: impl Into<PathBuf>) -> Self {
        Self { sync_interval: Some("1s".into()), graceful: true, ..Self::scratch(directory) }
    }

    /// A server whose data is thrown away: for tests.
    pub fn scratch(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            port: None,
            name: "alluvium".into(),
            sync_interval: None,
            login: None,
            cluster: None,
            graceful: false,
        }
    }
}

/// A running private nats-server with JetStream, listening on 127.0.0.1. Dropping it stops it.
#[derive(Debug)]
pub struct NatsServer {
    options: NatsOptions,
    program: PathBuf,
    version: Version,
    port: u16,
    process: Process,
}

impl NatsServer {
    /// Finds a nats-server that is new enough, starts it and waits until JetStream is ready.
    pub async fn start(options: NatsOptions) -> Result<Self> {
        blocking(move || Self::start_blocking(options)).await
    }

    fn start_blocking(mut options: NatsOptions) -> Result<Self> {
        let found = find::first_usable(NAME, VARIABLE, MINIMUM, candidates())?;
        directory::create(&options.directory)?;
        // The server runs in `/`, so it is told whole paths.
        options.directory = std::path::absolute(&options.directory)
            .map_err(|source| Error::io("finding the working directory", source))?;
        let mut tries = 0;
        loop {
            tries += 1;
            let port = match options.port {
                Some(port) if !is_free(port) => return Err(Error::PortTaken { port }),
                Some(port) => port,
                None => pick_port()?,
            };
            match launch(&found.path, &options, port) {
                Ok(process) => {
                    return Ok(Self { options, program: found.path, version: found.version, port, process });
                }
                Err(Error::Exited { tail, .. })
                    if options.port.is_none() && tries < PORT_TRIES_MAX && tail.contains("address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where clients connect, without the login.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The version of the program.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The program that runs.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        log(&self.options.directory)
    }

    /// The process, to signal it or to notice that it ended.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it (SIGKILL). The store stays; [`restart`](Self::restart) brings it back.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Stops the process in its tracks (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&mut self) -> Result<()> {
        self.process.pause()
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self) -> Result<()> {
        self.process.resume()
    }

    /// Starts it again on the same port and store, stopping it first if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.stop()?;
        let (program, options, port) = (self.program.clone(), self.options.clone(), self.port);
        self.process = blocking(move || launch(&program, &options, port)).await?;
        Ok(())
    }

    /// Stops it in good order.
    pub async fn stop(mut self) -> Result<()> {
        blocking(move || self.process.stop()).await
    }
}

fn candidates() -> Vec<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return vec![PathBuf::from(named)];
    }
    let mut found = find::on_path(NAME);
    found.extend(directory::cache_directory().map(|cache| cache.join("current").join(NAME)));
    found
}

fn log(directory: &Path) -> PathBuf {
    directory.join("nats-server.log")
}

fn launch(program: &Path, options: &NatsOptions, port: u16) -> Result<Process> {
    let lock = directory::lock(&options.directory)?;
    let ports = options.directory.join("run");
    // A killed server leaves its ports file, and process ids come round again.
    if ports.exists() {
        fs::remove_dir_all(&ports).map_err(|source| Error::io(format!("clearing {}", ports.display()), source))?;
    }
    directory::create(&ports)?;
    let config = write_config(options, port)?;
    let log = log(&options.directory);
    let (signal, death) = if options.graceful { (Signal::SIGTERM, "TERM") } else { (Signal::SIGKILL, "KILL") };
    let command = Launch {
        program,
        args: vec!["-c".into(), config.into(), "--ports_file_dir".into(), ports.clone().into()],
        run_as: None,
        when_parent_dies: death,
        lock,
        log: directory::open_log(&log)?,
    }
    .command()?;
    let mut process = Process::spawn(NAME, command, signal, STOP_BUDGET)?;
    wait_ready(&mut process, &ports, &log)?;
    Ok(process)
}

/// The server writes its ports file, named by its process id, once it listens, which is after JetStream has recovered.
fn wait_ready(process: &mut Process, ports: &Path, log: &Path) -> Result<()> {
    let suffix = format!("_{}.ports", process.id());
    let started = Instant::now();
    loop {
        let listed = fs::read_dir(ports).map_err(|source| Error::io(format!("reading {}", ports.display()), source))?;
        if listed.flatten().any(|file| file.file_name().to_string_lossy().ends_with(&suffix)) {
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

fn write_config(options: &NatsOptions, port: u16) -> Result<PathBuf> {
    let path = options.directory.join("nats-server.conf");
    let text = config(options, port)?;
    let write = || -> std::io::Result<()> {
        // It may hold a password: for our eyes only, from its first byte on.
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|source| Error::io(format!("writing {}", path.display()), source))?;
    Ok(path)
}

fn config(options: &NatsOptions, port: u16) -> Result<String> {
    let store = options.directory.join("jetstream");
    let mut text = format!(
        "listen: \"127.0.0.1:{port}\"\nserver_name: {}\nmax_payload: {PAYLOAD_BYTES_MAX}\njetstream {{\n  store_dir: {}\n",
        quoted("the server's name", &options.name)?,
        quoted("the data directory", &store.to_string_lossy())?,
    );
    // Writing to a String cannot fail.
    if let Some(interval) = &options.sync_interval {
        let _ = writeln!(text, "  sync_interval: {}", quoted("sync_interval", interval)?);
    }
    text.push_str("}\n");
    if let Some(ClusterOptions { name, port, peers }) = &options.cluster {
        let name = quoted("the cluster's name", name)?;
        let routes: Vec<String> = peers.iter().map(|peer| format!("\"nats-route://127.0.0.1:{peer}\"")).collect();
        let routes = routes.join(", ");
        let _ = writeln!(text, "cluster {{\n  name: {name}\n  listen: \"127.0.0.1:{port}\"\n  routes: [{routes}]\n}}");
    }
    if let Some((user, password)) = &options.login {
        let (user, password) = (quoted("the NATS user", user)?, quoted("the NATS password", password)?);
        let _ = writeln!(text, "authorization {{\n  user: {user}\n  password: {password}\n}}");
    }
    Ok(text)
}

/// A string of the configuration language. What would need an escape is refused instead.
fn quoted(what: &'static str, value: &str) -> Result<String> {
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '$' | char::REPLACEMENT_CHARACTER);
    if value.is_empty() || !value.chars().all(plain) {
        let rule = "it must be text without quotes, backslashes, dollar signs or control characters";
        return Err(Error::Setting { what, value: value.into(), rule });
    }
    Ok(format!("\"{value}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_cannot_break_out_of_its_quotes() {
        let mut options = NatsOptions::durable("/data/nats");
        options.login = Some(("me".into(), "x\"\n}".into()));
        assert_eq!(config(&options, 4222).unwrap_err().code(), "servers.setting");
    }
}
