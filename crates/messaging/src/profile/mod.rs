//! Settings profiles: six named sets of every setting that decides how messages flow. `docs/messaging.md` says why each value is
//! what it is.
//!
//! ```
//! use alluvium_messaging::profile::Profile;
//! let settings = Profile::custom(&Profile::Reliable).jetstream(|it| it.max_in_flight = 20).kafka("linger.ms", "50");
//! assert_eq!(settings.settings().consume.max_in_flight, 20);
//! ```

mod table;

use std::{collections::BTreeMap, time::Duration};

use table::{BASE, BATCH, HIGH_THROUGHPUT, LONG_RUNNING, REAL_TIME, RELIABLE, Row};

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
