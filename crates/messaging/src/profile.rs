//! Settings profiles: six named sets of every setting that decides how messages flow. `docs/messaging.md` says why each value is
//! what it is.
//!
//! ```
//! use alluvium_messaging::profile::Profile;
//! let settings = Profile::custom(&Profile::Reliable).jetstream(|it| it.max_in_flight = 20).kafka("linger.ms", "50");
//! assert_eq!(settings.settings().consume.max_in_flight, 20);
//! ```

use std::{collections::BTreeMap, time::Duration};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How messages flow.
#[derive(Clone, Debug, Default)]
pub enum Profile {
    /// A bit of everything.
    #[default]
    Base,
    /// Handlers that take minutes: few messages taken ahead, so that idle peers get work.
    LongRunning,
    /// Many messages at once: large fetches, rare commits.
    Batch,
    /// Soon rather than many: no lingering, little taken ahead, fast detection of failures.
    RealTime,
    /// As many as possible: the leader's word is enough, and a failing leader may lose some.
    HighThroughput,
    /// Every completion is known to the broker before it counts.
    Reliable,
    /// One of the others with changed lines.
    Custom(Box<Settings>),
}

/// The named ones.
pub const PROFILES: [Profile; 6] = [
    Profile::Base,
    Profile::LongRunning,
    Profile::Batch,
    Profile::RealTime,
    Profile::HighThroughput,
    Profile::Reliable,
];

/// Every line of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The profile's name; of a custom one its base's.
    pub name: &'static str,
    /// Reading.
    pub consume: ConsumeSettings,
    /// Publishing.
    pub publish: PublishSettings,
}

/// How messages are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumeSettings {
    /// Messages taken and not settled.
    pub max_in_flight: usize,
    /// Bytes taken and not settled.
    pub max_in_flight_bytes: usize,
    /// Where a new group begins: at the first message, or behind the last.
    pub from_earliest: bool,
    /// Progress is told to the broker so often, on brokers with one watermark per partition.
    pub commit_every: Duration,
    /// Or after so many messages, whatever comes first.
    pub commit_messages: usize,
    /// Each completion is awaited.
    pub commit_awaited: bool,
    /// How long a handler may take.
    pub handler_deadline: Duration,
    /// How long JetStream waits for a sign of life before it delivers a message again.
    pub ack_wait: Duration,
    /// Messages that JetStream lets the whole group have unsettled.
    pub max_ack_pending: i64,
    /// Messages in one pull.
    pub pull_messages: usize,
    /// A pull asks for no more than what can be worked on now, not for [`Self::pull_messages`] ahead.
    pub pull_free_slots: bool,
    /// Bytes in one pull.
    pub pull_bytes: usize,
    /// How long JetStream keeps a pull.
    pub pull_expires: Duration,
    /// How often JetStream says that it is alive.
    pub pull_heartbeat: Duration,
    /// The acknowledgement itself is acknowledged.
    pub double_ack: bool,
    /// Properties of librdkafka's consumer.
    pub kafka: BTreeMap<String, String>,
}

/// How messages are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishSettings {
    /// Messages that may wait for their acknowledgement.
    pub window: usize,
    /// How long one is waited for before the message counts as unknown and is looked after.
    pub ack_timeout: Duration,
    /// Each message has an id by which JetStream knows it again.
    pub message_ids: bool,
    /// Properties of librdkafka's producer.
    pub kafka: BTreeMap<String, String>,
}

/// One profile as the table of the documentation has it.
struct Row {
    name: &'static str,
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

const BASE: Row = Row {
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

const LONG_RUNNING: Row = Row {
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

const BATCH: Row = Row {
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

const REAL_TIME: Row = Row {
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

const HIGH_THROUGHPUT: Row = Row {
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

const RELIABLE: Row = Row {
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

impl Profile {
    /// A profile that begins as `base`, for changing lines.
    pub fn custom(base: &Self) -> Self {
        Self::Custom(Box::new(base.settings()))
    }

    /// Sets a property of librdkafka, of its consumer and of its producer, whichever knows it.
    #[must_use]
    pub fn kafka(self, property: impl Into<String>, value: impl Into<String>) -> Self {
        let mut settings = self.settings();
        let (property, value) = (property.into(), value.into());
        settings.consume.kafka.insert(property.clone(), value.clone());
        settings.publish.kafka.insert(property, value);
        Self::Custom(Box::new(settings))
    }

    /// Changes how messages are read.
    #[must_use]
    pub fn jetstream(self, change: impl FnOnce(&mut ConsumeSettings)) -> Self {
        let mut settings = self.settings();
        change(&mut settings.consume);
        Self::Custom(Box::new(settings))
    }

    /// Changes how messages are published.
    #[must_use]
    pub fn publishing(self, change: impl FnOnce(&mut PublishSettings)) -> Self {
        let mut settings = self.settings();
        change(&mut settings.publish);
        Self::Custom(Box::new(settings))
    }

    /// The profile of this name, whatever its case.
    pub fn named(name: &str) -> Option<Self> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        PROFILES.into_iter().find(|profile| plain(profile.name()) == plain(name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.row().map_or_else(|settings| settings.name, |row| row.name)
    }

    /// Every line.
    pub fn settings(&self) -> Settings {
        self.row().map_or_else(Settings::clone, Row::settings)
    }

    fn row(&self) -> Result<&'static Row, &Settings> {
        Ok(match self {
            Self::Base => &BASE,
            Self::LongRunning => &LONG_RUNNING,
            Self::Batch => &BATCH,
            Self::RealTime => &REAL_TIME,
            Self::HighThroughput => &HIGH_THROUGHPUT,
            Self::Reliable => &RELIABLE,
            Self::Custom(settings) => return Err(settings),
        })
    }
}

impl Row {
    fn settings(&self) -> Settings {
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

impl Settings {
    /// Every line that has an effect on a transport (`jetstream`, `kafka` or `memory`), as people read it.
    pub fn lines(&self, transport: &str) -> Vec<(String, String)> {
        let (consume, publish) = (&self.consume, &self.publish);
        let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
        let mut lines: Vec<(&str, String)> = vec![
            ("max_in_flight", consume.max_in_flight.to_string()),
            ("max_in_flight_bytes", consume.max_in_flight_bytes.to_string()),
            ("handler_deadline", seconds(consume.handler_deadline)),
        ];
        if transport == "kafka" {
            let commit =
                if consume.commit_awaited { "each, awaited".to_owned() } else { seconds(consume.commit_every) };
            lines.push(("commit_every", commit));
            lines.push(("commit_messages", consume.commit_messages.to_string()));
            let named = |kind: &str, all: &BTreeMap<String, String>| -> Vec<(String, String)> {
                all.iter().map(|(name, value)| (format!("{kind} {name}"), value.clone())).collect()
            };
            let mut lines: Vec<_> = lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            lines.extend(named("consumer", &consume.kafka));
            lines.extend(named("producer", &publish.kafka));
            return lines;
        }
        let pull = if consume.pull_free_slots { "free slots".to_owned() } else { consume.pull_messages.to_string() };
        lines.extend([
            ("deliver_policy", if consume.from_earliest { "all" } else { "new" }.to_owned()),
            ("ack_policy", "explicit".to_owned()),
            ("max_deliver", "-1".to_owned()),
            ("replay_policy", "instant".to_owned()),
            ("ack_wait", seconds(consume.ack_wait)),
            ("max_ack_pending", consume.max_ack_pending.to_string()),
            ("pull messages", pull),
            ("pull max_bytes", consume.pull_bytes.to_string()),
            ("pull expires", seconds(consume.pull_expires)),
            ("pull heartbeat", seconds(consume.pull_heartbeat)),
            ("ack", if consume.double_ack { "double ack" } else { "ack" }.to_owned()),
            ("publish window", publish.window.to_string()),
            ("publish ack timeout", seconds(publish.ack_timeout)),
            ("publish Nats-Msg-Id", if publish.message_ids { "yes" } else { "no" }.to_owned()),
        ]);
        lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_the_documentation_says() {
        let of = |profile: &Profile| profile.settings();
        let consumer = |profile: &Profile, name: &str| of(profile).consume.kafka[name].clone();
        for profile in &PROFILES {
            assert_eq!(consumer(profile, "enable.auto.commit"), "false", "{}", profile.name());
            assert_eq!(Profile::named(profile.name()).unwrap().settings(), of(profile));
            assert_eq!(of(profile).publish.kafka["max.in.flight.requests.per.connection"], "5");
        }
        assert_eq!(consumer(&Profile::LongRunning, "session.timeout.ms"), "300000");
        assert_eq!(consumer(&Profile::RealTime, "auto.offset.reset"), "latest");
        assert_eq!(of(&Profile::HighThroughput).publish.kafka["retries"], "0");
        assert_eq!(of(&Profile::HighThroughput).publish.kafka["enable.idempotence"], "false");
        assert!(!of(&Profile::Base).publish.kafka.contains_key("retries"));
        assert!(of(&Profile::Reliable).consume.double_ack && !of(&Profile::Batch).consume.double_ack);
        assert_eq!(of(&Profile::Batch).publish.kafka["compression.type"], "zstd");
        assert_eq!(Profile::named("long-running").unwrap().name(), "LongRunning");
        assert!(Profile::named("fast").is_none());
    }

    #[test]
    fn a_custom_profile_changes_its_lines_only() {
        let profile = Profile::custom(&Profile::Base).kafka("linger.ms", "50").jetstream(|it| it.max_ack_pending = 7);
        let (changed, base) = (profile.settings(), Profile::Base.settings());
        assert_eq!((changed.consume.max_ack_pending, changed.publish.kafka["linger.ms"].as_str()), (7, "50"));
        assert_eq!((changed.consume.ack_wait, changed.name), (base.consume.ack_wait, "Base"));
    }
}
