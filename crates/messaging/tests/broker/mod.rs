//! A real broker that speaks Kafka's protocol, started for one test.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use alluvium_messaging::transport::kafka::KafkaConfig;

/// How long it may take until it listens.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How to reach it. It counts a compressed batch as one record and gives its offsets out again, so nothing is compressed. And it
/// answers a fetch with the batches that begin at the offset or behind it, never with the one that the offset is in: a reader
/// that goes on in the middle of a batch gets the rest of it never (Kafka sends that batch again, and clients skip its head).
/// So each record is a batch here.
pub fn config(address: &str) -> KafkaConfig {
    KafkaConfig::new(address).with("compression.type", "none").with("batch.num.messages", "1")
}

pub struct Broker {
    process: Child,
    port: u16,
}

impl Broker {
    /// Fails, and does not skip, where the broker cannot be had: `scripts/kafka-broker` says why.
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka-broker");
        let found = Command::new(script).output().expect("scripts/kafka-broker runs");
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let program = String::from_utf8(found.stdout).expect("a path");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let url = format!("tcp://127.0.0.1:{port}");
        let process = Command::new(program.trim())
            .args(["broker", "--silent", "--storage-engine", "memory://tansu/"])
            .args(["--listener-url", &url, "--advertised-listener-url", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the broker starts");
        let broker = Self { process, port };
        let until = Instant::now() + READY_WITHIN;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the broker does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        broker
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
