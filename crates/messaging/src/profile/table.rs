//! The six profiles, line by line.

use std::{collections::BTreeMap, time::Duration};

use super::{ConsumeSettings, PublishSettings, Settings};

const MIB: usize = 1024 * 1024;

/// One profile as the table of the documentation has it.
pub(super) struct Row {
    pub(super) name: &'static str,
    session_ms: [u32; 3],
    in_flight: (usize, usize),
    earliest: bool,
    commit: (Duration, usize, bool),
    queued: (u32, u32),
    fetch: [u32; 3],
    ack_wait_s: u64,
    ack_pending: i64,
    pull: (usize, bool, usize),
    pull_expires_s: u64,
    pull_heartbeat_s: u64,
    double_ack: bool,
    deadline_s: u64,
    acks: &'static str,
    retries: Option<u32>,
    delivery_ms: u32,
    linger_ms: u32,
    compression: &'static str,
    window: usize,
    ack_timeout_s: u64,
    message_ids: bool,
}

pub(super) const BASE: Row = Row {
    name: "Base",
    session_ms: [45_000, 15_000, 300_000],
    in_flight: (500, 32 * MIB),
    earliest: true,
    commit: (Duration::from_secs(1), 500, false),
    queued: (1_000, 16_384),
    fetch: [1, 500, 1_000],
    ack_wait_s: 30,
    ack_pending: 2_000,
    pull: (100, false, 8 * MIB),
    pull_expires_s: 30,
    pull_heartbeat_s: 5,
    double_ack: false,
    deadline_s: 300,
    acks: "all",
    retries: None,
    delivery_ms: 120_000,
    linger_ms: 5,
    compression: "lz4",
    window: 256,
    ack_timeout_s: 10,
    message_ids: true,
};

pub(super) const LONG_RUNNING: Row = Row {
    name: "LongRunning",
    session_ms: [300_000, 60_000, 600_000],
    in_flight: (100, 16 * MIB),
    commit: (Duration::from_secs(1), 1, false),
    queued: (1, 4_096),
    ack_wait_s: 60,
    ack_pending: 1_000,
    // As many as can be worked on, up to all that may be in flight.
    pull: (100, true, 2 * MIB),
    deadline_s: 600,
    window: 64,
    ack_timeout_s: 30,
    ..BASE
};

pub(super) const BATCH: Row = Row {
    name: "Batch",
    in_flight: (500, 64 * MIB),
    commit: (Duration::from_secs(5), 5_000, false),
    queued: (100_000, 65_536),
    fetch: [65_536, 500, 1_000],
    ack_wait_s: 60,
    ack_pending: 10_000,
    pull: (500, false, 16 * MIB),
    delivery_ms: 300_000,
    linger_ms: 50,
    compression: "zstd",
    window: 1_024,
    ack_timeout_s: 30,
    ..BASE
};

pub(super) const REAL_TIME: Row = Row {
    name: "RealTime",
    session_ms: [10_000, 3_000, 30_000],
    in_flight: (10, 4 * MIB),
    earliest: false,
    commit: (Duration::from_millis(200), 100, false),
    queued: (100, 4_096),
    fetch: [1, 10, 10],
    ack_wait_s: 10,
    ack_pending: 1_000,
    pull: (10, false, MIB),
    pull_expires_s: 10,
    pull_heartbeat_s: 1,
    deadline_s: 30,
    delivery_ms: 10_000,
    linger_ms: 0,
    compression: "none",
    window: 64,
    ack_timeout_s: 2,
    ..BASE
};

pub(super) const HIGH_THROUGHPUT: Row = Row {
    name: "HighThroughput",
    in_flight: (1_000, 128 * MIB),
    earliest: false,
    commit: (Duration::from_secs(5), 10_000, false),
    queued: (100_000, 131_072),
    fetch: [262_144, 500, 100],
    ack_wait_s: 60,
    ack_pending: 20_000,
    pull: (1_000, false, 16 * MIB),
    acks: "1",
    retries: Some(0),
    delivery_ms: 30_000,
    linger_ms: 10,
    window: 4_096,
    ack_timeout_s: 30,
    message_ids: false,
    ..BASE
};

pub(super) const RELIABLE: Row = Row {
    name: "Reliable",
    session_ms: [60_000, 20_000, 300_000],
    in_flight: (100, 16 * MIB),
    commit: (Duration::ZERO, 1, true),
    ack_wait_s: 60,
    ack_pending: 1_000,
    pull: (50, false, 4 * MIB),
    double_ack: true,
    delivery_ms: 300_000,
    window: 64,
    ack_timeout_s: 30,
    ..BASE
};

impl Row {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            name: self.name,
            consume: ConsumeSettings {
                max_in_flight: self.in_flight.0,
                max_in_flight_bytes: self.in_flight.1,
                from_earliest: self.earliest,
                commit_every: self.commit.0,
                commit_messages: self.commit.1,
                commit_awaited: self.commit.2,
                handler_deadline: Duration::from_secs(self.deadline_s),
                ack_wait: Duration::from_secs(self.ack_wait_s),
                max_ack_pending: self.ack_pending,
                pull_messages: self.pull.0,
                pull_free_slots: self.pull.1,
                pull_bytes: self.pull.2,
                pull_expires: Duration::from_secs(self.pull_expires_s),
                pull_heartbeat: Duration::from_secs(self.pull_heartbeat_s),
                double_ack: self.double_ack,
                kafka: self.kafka_consumer(),
            },
            publish: PublishSettings {
                window: self.window,
                ack_timeout: Duration::from_secs(self.ack_timeout_s),
                message_ids: self.message_ids,
                kafka: self.kafka_producer(),
            },
        }
    }

    fn kafka_consumer(&self) -> BTreeMap<String, String> {
        properties([
            ("session.timeout.ms", self.session_ms[0].to_string()),
            ("heartbeat.interval.ms", self.session_ms[1].to_string()),
            ("max.poll.interval.ms", self.session_ms[2].to_string()),
            ("auto.offset.reset", if self.earliest { "earliest" } else { "latest" }.to_owned()),
            ("queued.min.messages", self.queued.0.to_string()),
            ("queued.max.messages.kbytes", self.queued.1.to_string()),
            ("fetch.min.bytes", self.fetch[0].to_string()),
            ("fetch.wait.max.ms", self.fetch[1].to_string()),
            ("fetch.queue.backoff.ms", self.fetch[2].to_string()),
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("partition.assignment.strategy", "cooperative-sticky".to_owned()),
            ("group.protocol", "classic".to_owned()),
        ])
    }

    fn kafka_producer(&self) -> BTreeMap<String, String> {
        let mut all = properties([
            ("acks", self.acks.to_owned()),
            ("enable.idempotence", (self.acks == "all").to_string()),
            ("max.in.flight.requests.per.connection", "5".to_owned()),
            ("delivery.timeout.ms", self.delivery_ms.to_string()),
            ("linger.ms", self.linger_ms.to_string()),
            ("compression.type", self.compression.to_owned()),
        ]);
        if let Some(retries) = self.retries {
            all.insert("retries".to_owned(), retries.to_string());
        }
        all
    }
}

fn properties<const N: usize>(lines: [(&str, String); N]) -> BTreeMap<String, String> {
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
