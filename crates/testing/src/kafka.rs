//! A real broker that speaks Kafka's protocol.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{must, pick_port};

/// How long it may take until it listens.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A broker that speaks Kafka's protocol, which keeps everything in memory: the one that `scripts/kafka-broker` brings.
///
/// It counts a compressed batch as one record and gives its offsets out again, so compress nothing. And it answers a fetch with the
/// batches that begin at the offset or behind it, never with the one that the offset is in: a reader that goes on in the middle of a
/// batch never gets the rest of it (Kafka sends that batch again, and clients skip its head). So let each record be a batch.
#[derive(Debug)]
pub struct KafkaBroker {
    process: Child,
    port: u16,
}

impl KafkaBroker {
    /// Panics, and does not skip, where the broker cannot be had: `scripts/kafka-broker` says why.
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka-broker");
        let found = must("scripts/kafka-broker", Command::new(script).output());
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let program = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        let port = must("a free port", pick_port());
        let url = format!("tcp://127.0.0.1:{port}");
        let started = Command::new(program)
            .args(["broker", "--silent", "--storage-engine", "memory://tansu/"])
            .args(["--listener-url", &url, "--advertised-listener-url", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let broker = Self { process: must("starting the Kafka broker", started), port };
        let until = Instant::now() + READY_WITHIN;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the Kafka broker does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        broker
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for KafkaBroker {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
