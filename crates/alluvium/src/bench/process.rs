//! A server in a process of its own: what it takes is then not what the measuring client takes.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use super::world::World;
use crate::client::Client;
use crate::config::Secret;
use crate::failure::Failure;

/// How long the process may take to begin.
const START_WAIT: Duration = Duration::from_mins(2);
/// How long it may take to end.
const END_WAIT: Duration = Duration::from_secs(30);
/// How often it is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// A running `alluvium serve` with all roles.
pub struct Process {
    /// A client with the admin key.
    pub client: Client,
    /// Seconds from its start until it was ready.
    pub began_in: f64,
    child: Child,
}

impl Process {
    /// Starts it on the servers and the data of `world`, and waits until it is ready.
    pub async fn start(world: &World) -> Result<Self, Failure> {
        let port = alluvium_servers::pick_port().map_err(Failure::bug)?;
        let url = |secret: &Option<Secret>| secret.as_ref().map_or("", Secret::expose).to_owned();
        let began = Instant::now();
        let child = tokio::process::Command::new(std::env::current_exe()?)
            .arg("serve")
            .env("ALLUVIUM_PORT", port.to_string())
            .env("ALLUVIUM_DATA_DIR", &world.config.data_dir)
            .env("ALLUVIUM_NATS_URL", world.nats.url())
            .env("ALLUVIUM_POSTGRES_URL", url(&world.config.postgres.url))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let client = world.client(&format!("http://127.0.0.1:{port}"))?;
        while client.get("/ready").await.is_err() {
            if began.elapsed() > START_WAIT {
                return Err(Failure::bug("the process did not become ready"));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Ok(Self { client, began_in: began.elapsed().as_secs_f64(), child })
    }

    /// Its number.
    pub fn id(&self) -> Result<u32, Failure> {
        self.child.id().ok_or_else(|| Failure::bug("the process ended"))
    }

    /// Lets it end in order, as an operator would.
    pub async fn end(mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.id()?.cast_signed()), Signal::SIGTERM).map_err(Failure::bug)?;
        let ended = tokio::time::timeout(END_WAIT, self.child.wait()).await;
        ended.map_err(|_| Failure::bug("the process did not end"))?.map(drop).map_err(Failure::bug)
    }
}

/// Resident memory of a process, in megabytes.
pub fn resident(id: u32) -> Result<f64, Failure> {
    memory(id, "VmRSS:")
}

/// The most resident memory a process has had since [`forget_peak`], in megabytes.
pub fn peak(id: u32) -> Result<f64, Failure> {
    memory(id, "VmHWM:")
}

/// Begins anew with the peak.
pub fn forget_peak(id: u32) -> Result<(), Failure> {
    Ok(std::fs::write(format!("/proc/{id}/clear_refs"), "5")?)
}

fn memory(id: u32, name: &str) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| Failure::bug("the system does not tell memory in use"))
}
