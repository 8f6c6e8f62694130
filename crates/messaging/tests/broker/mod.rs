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

/// How to reach it. It counts a compressed batch as one record and gives its offsets out again, so nothing is compressed.
pub fn config(address: &str) -> KafkaConfig {
    KafkaConfig::new(address).with("compression.type", "none")
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
